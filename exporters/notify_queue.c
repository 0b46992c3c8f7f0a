/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_queue.c - a list, replaced in place.
 */
#include "exporters/notify_queue.h"

#include <stdlib.h>
#include <string.h>

static bool takes_any(const struct rk_notify_queue *queue, const struct rk_alert_notice *notice)
{
	for (size_t i = 0; i < notice->alert_count; i++) {
		if (rk_alert_channel_takes(queue->channel, &notice->alerts[i]))
			return true;
	}
	return false;
}

/* The first that may be changed. */
static struct rk_notify_notice **first_free(struct rk_notify_queue *queue)
{
	return queue->head && queue->is_under_way ? &queue->head->next : &queue->head;
}

/* The place of the notice that one of @group takes over; NULL when none waits. */
static struct rk_notify_notice **find_older(struct rk_notify_queue *queue, const char *group)
{
	struct rk_notify_notice **at = first_free(queue);

	for (; *at; at = &(*at)->next) {
		if (!(*at)->is_resend && strcmp((*at)->notice.group, group) == 0)
			return at;
	}
	return NULL;
}

static void append(struct rk_notify_queue *queue, struct rk_notify_notice *notice, uint64_t now_ns)
{
	struct rk_notify_notice **end = &queue->head;

	while (*end)
		end = &(*end)->next;
	notice->arrived_ns = now_ns;
	*end = notice;
	queue->waiting++;
}

static void replace(struct rk_notify_queue *queue, struct rk_notify_notice **at,
		    const struct rk_alert_notice *notice, uint64_t now_ns)
{
	struct rk_notify_notice *older = *at;
	bool is_head = older == queue->head;
	struct rk_notify_notice *newer =
		rk_notify_notice_copy(notice, queue->channel, older, is_head ? queue->alert : 0);

	if (!newer) {
		queue->failed++;
		return;
	}
	newer->next = older->next;
	newer->arrived_ns = now_ns;
	*at = newer;
	if (is_head)
		queue->alert = 0;
	queue->replaced++;
	free(older);
}

static bool make_room(struct rk_notify_queue *queue)
{
	struct rk_notify_notice **at = first_free(queue), *oldest = *at;

	if (queue->waiting < RK_NOTIFY_WAITING_MAX || !oldest)
		return true;
	if (oldest == queue->head)
		queue->alert = 0;
	queue->failed += !oldest->is_resend;
	*at = oldest->next;
	queue->waiting--;
	free(oldest);
	return false;
}

bool rk_notify_queue_push(struct rk_notify_queue *queue, const struct rk_alert_notice *notice,
			  uint64_t now_ns)
{
	struct rk_notify_notice **older, *copy;
	bool had_room;

	if (!takes_any(queue, notice))
		return true;
	queue->offered++;
	older = find_older(queue, notice->group);
	if (older) {
		replace(queue, older, notice, now_ns);
		return true;
	}
	had_room = make_room(queue);
	copy = rk_notify_notice_copy(notice, queue->channel, NULL, 0);
	if (copy)
		append(queue, copy, now_ns);
	else
		queue->failed++;
	return had_room;
}

void rk_notify_queue_push_again(struct rk_notify_queue *queue, struct rk_notify_notice *again,
				uint64_t now_ns)
{
	again->is_resend = true;
	append(queue, again, now_ns);
}

bool rk_notify_queue_next_alert(struct rk_notify_queue *queue)
{
	if (queue->alert + 1 >= queue->head->notice.alert_count)
		return false;
	queue->alert++;
	return true;
}

static void drop_head(struct rk_notify_queue *queue)
{
	struct rk_notify_notice *head = queue->head;

	queue->head = head->next;
	queue->waiting--;
	queue->alert = 0;
	queue->is_under_way = false;
	free(head);
}

void rk_notify_queue_pop(struct rk_notify_queue *queue, bool is_sent)
{
	bool is_counted = !queue->head->is_resend;

	queue->sent += is_counted && is_sent;
	queue->failed += is_counted && !is_sent;
	drop_head(queue);
}

void rk_notify_queue_finish(struct rk_notify_queue *queue)
{
	while (queue->head)
		drop_head(queue);
}
