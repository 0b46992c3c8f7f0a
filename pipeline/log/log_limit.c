/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_limit.c - a bucket per kind, kept as the time at which it will be empty.
 */
#include "pipeline/log/log_limit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define NS_PER_S      1000000000ull
#define QUIET_NS      NS_PER_S
#define TELL_AFTER_NS (10 * NS_PER_S)
/* A program has a few dozen places that log; every kernel is a kind as well. */
#define SETS 128u
#define WAYS 4u

struct kind {
	uint64_t hash;	   /* 0 = unused */
	uint64_t empty_ns; /* when all that was taken has run out of the bucket again */
	uint64_t seen_ns;
	uint64_t first_suppressed_ns, last_suppressed_ns;
	struct rk_log_suppressed suppressed; /* .count 0 = none, the rest unset */
};

struct rk_log_limit {
	uint64_t interval_ns; /* between two lines in the long run; 0 = no limit */
	uint64_t now_ns;      /* the latest; time never goes back */
	uint32_t suppressing; /* kinds with a count */
	struct kind kinds[SETS][WAYS];
};

int rk_log_limit_create(struct rk_log_limit **out, uint64_t per_second)
{
	struct rk_log_limit *limit = calloc(1, sizeof(*limit));

	*out = limit;
	if (!limit)
		return -ENOMEM;
	if (per_second)
		limit->interval_ns = per_second < NS_PER_S ? NS_PER_S / per_second : 1;
	return 0;
}

void rk_log_limit_destroy(struct rk_log_limit *limit)
{
	free(limit);
}

static uint64_t mix_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * 0x100000001b3ull;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = mix_byte(hash, (uint8_t)*text);
	return mix_byte(hash, 0);
}

/* A run of digits, whatever its length, is one. */
static uint64_t mix_message(uint64_t hash, const char *message)
{
	while (*message) {
		bool is_digit = isdigit((unsigned char)*message);

		hash = mix_byte(hash, is_digit ? '0' : (uint8_t)*message);
		do
			message++;
		while (is_digit && isdigit((unsigned char)*message));
	}
	return hash;
}

static uint64_t hash_of(const struct rk_log_event *event)
{
	uint64_t hash = mix_byte(0xcbf29ce484222325ull, (uint8_t)event->level);

	hash = mix_text(hash, event->domain);
	hash = mix_text(hash, event->kernel_id);
	hash = mix_message(hash, event->message);
	return hash ? hash : 1;
}

/* The kind's place; another's, emptied, where all are taken. */
static struct kind *find(struct rk_log_limit *limit, uint64_t hash, struct rk_log_suppressed *ended)
{
	struct kind *set = limit->kinds[hash % SETS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].seen_ns < oldest->seen_ns)
			oldest = &set[i];
	}
	if (oldest->suppressed.count) {
		*ended = oldest->suppressed;
		limit->suppressing--;
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->hash = hash;
	return oldest;
}

/* As much of @text as fits, cut at the border of a character. */
static void keep(char *out, size_t size, const char *text)
{
	size_t length = 0;

	while (text && text[length]) {
		size_t step =
			rk_utf8_sequence((const uint8_t *)text + length, strnlen(text + length, 4));

		step = step ? step : 1;
		if (length + step >= size)
			break;
		memcpy(out + length, text + length, step);
		length += step;
	}
	out[length] = '\0';
}

static void suppress(struct rk_log_limit *limit, struct kind *kind,
		     const struct rk_log_event *event)
{
	struct rk_log_suppressed *suppressed = &kind->suppressed;

	if (!suppressed->count) {
		limit->suppressing++;
		kind->first_suppressed_ns = limit->now_ns;
		suppressed->level = event->level;
		keep(suppressed->domain, sizeof(suppressed->domain), event->domain);
		keep(suppressed->kernel_id, sizeof(suppressed->kernel_id), event->kernel_id);
		keep(suppressed->message, sizeof(suppressed->message), event->message);
	}
	suppressed->count++;
	kind->last_suppressed_ns = limit->now_ns;
}

bool rk_log_limit_take(struct rk_log_limit *limit, const struct rk_log_event *event,
		       uint64_t now_ns, struct rk_log_suppressed *ended)
{
	struct kind *kind;

	ended->count = 0;
	if (!limit->interval_ns)
		return true;
	if (now_ns > limit->now_ns)
		limit->now_ns = now_ns;
	kind = find(limit, hash_of(event), ended);
	kind->seen_ns = limit->now_ns;
	if (kind->empty_ns < limit->now_ns)
		kind->empty_ns = limit->now_ns;
	/* Full: another line would need more than the seconds that may come at once. */
	if (kind->empty_ns + limit->interval_ns > limit->now_ns + RK_LOG_LIMIT_BURST_S * NS_PER_S) {
		suppress(limit, kind, event);
		return false;
	}
	kind->empty_ns += limit->interval_ns;
	return true;
}

static bool is_due(const struct kind *kind, uint64_t now_ns)
{
	return kind->suppressed.count && (now_ns >= kind->last_suppressed_ns + QUIET_NS ||
					  now_ns >= kind->first_suppressed_ns + TELL_AFTER_NS);
}

bool rk_log_limit_next(struct rk_log_limit *limit, uint64_t now_ns, struct rk_log_suppressed *ended)
{
	if (!limit->suppressing)
		return false;
	for (size_t i = 0; i < SETS * WAYS; i++) {
		struct kind *kind = &limit->kinds[i / WAYS][i % WAYS];

		if (!is_due(kind, now_ns))
			continue;
		*ended = kind->suppressed;
		kind->suppressed.count = 0;
		limit->suppressing--;
		return true;
	}
	return false;
}
