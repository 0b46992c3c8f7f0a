/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_notice.c - choose alerts, then copy them into one piece of memory.
 */
#include "exporters/notify_notice.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  4096u /* of a description */
#define VALUE_MAX 1024u /* of a label, a name or a summary */

bool rk_notify_is_same_alert(const struct rk_alert *a, const struct rk_alert *b)
{
	return strcmp(a->fingerprint, b->fingerprint) == 0;
}

/* The alerts that are to be copied, borrowed. */
struct choice {
	const struct rk_alert *alerts[RK_NOTIFY_ALERTS_MAX];
	size_t count, left_out;
};

static bool holds(const struct choice *choice, const struct rk_alert *alert)
{
	for (size_t i = 0; i < choice->count; i++) {
		if (rk_notify_is_same_alert(choice->alerts[i], alert))
			return true;
	}
	return false;
}

static void choose(struct choice *choice, const struct rk_alert *alert)
{
	if (holds(choice, alert))
		return;
	if (choice->count == RK_NOTIFY_ALERTS_MAX)
		choice->left_out++;
	else
		choice->alerts[choice->count++] = alert;
}

/* Where the copy goes: first without memory, to count, then with it. */
struct pool {
	char *at; /* NULL = count only */
	size_t used;
};

static const char *put(struct pool *pool, const char *text, size_t limit)
{
	size_t length = text ? strnlen(text, limit) : 0;
	char *copy = pool->at ? pool->at + pool->used : NULL;

	/* Not in the middle of a character. */
	while (length && length == limit && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	pool->used += length + 1;
	if (!copy)
		return "";
	if (length)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static void put_alert(struct pool *pool, struct rk_alert *to, const struct rk_alert *from)
{
	*to = *from;
	to->rule = put(pool, from->rule, VALUE_MAX);
	to->summary = put(pool, from->summary, VALUE_MAX);
	to->description = put(pool, from->description, TEXT_MAX);
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++)
		to->details[i] = put(pool, from->details[i], TEXT_MAX);
	to->unit = put(pool, from->unit, VALUE_MAX);
	for (size_t i = 0; i < from->label_count; i++) {
		to->labels[i].name = put(pool, from->labels[i].name, VALUE_MAX);
		to->labels[i].value = put(pool, from->labels[i].value, VALUE_MAX);
	}
}

static size_t count_bytes(const struct choice *choice)
{
	struct pool pool = { 0 };
	struct rk_alert scratch;

	for (size_t i = 0; i < choice->count; i++)
		put_alert(&pool, &scratch, choice->alerts[i]);
	return pool.used;
}

static struct rk_notify_notice *copy_choice(const struct rk_alert_notice *notice,
					    const struct choice *choice)
{
	size_t alerts_bytes = choice->count * sizeof(struct rk_alert);
	struct rk_notify_notice *copy = NULL;
	struct rk_alert *alerts;
	struct pool pool = { 0 };

	if (choice->count)
		copy = calloc(1, sizeof(*copy) + alerts_bytes + count_bytes(choice));
	if (!copy)
		return NULL;
	alerts = (struct rk_alert *)(copy + 1);
	pool.at = (char *)alerts + alerts_bytes;
	copy->notice = *notice;
	copy->notice.alerts = alerts;
	copy->notice.alert_count = choice->count;
	copy->left_out = choice->left_out;
	for (size_t i = 0; i < choice->count; i++)
		put_alert(&pool, &alerts[i], choice->alerts[i]);
	return copy;
}

struct rk_notify_notice *rk_notify_notice_copy(const struct rk_alert_notice *notice,
					       const struct rk_alert_channel *channel,
					       const struct rk_notify_notice *older, size_t first)
{
	struct choice choice = { .count = 0 };

	for (size_t i = 0; i < notice->alert_count; i++) {
		if (!channel || rk_alert_channel_takes(channel, &notice->alerts[i]))
			choose(&choice, &notice->alerts[i]);
	}
	for (size_t i = first; older && i < older->notice.alert_count; i++)
		choose(&choice, &older->notice.alerts[i]);
	return copy_choice(notice, &choice);
}

struct rk_notify_notice *rk_notify_notice_copy_firing(const struct rk_alert_notice *notice,
						      const struct rk_alert_channel *channel)
{
	struct choice choice = { .count = 0 };

	for (size_t i = 0; i < notice->alert_count; i++) {
		if (notice->alerts[i].state == RK_ALERT_FIRING &&
		    rk_alert_channel_takes(channel, &notice->alerts[i]))
			choose(&choice, &notice->alerts[i]);
	}
	return copy_choice(notice, &choice);
}
