/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_queue.h - notices that wait for one channel, the oldest first.
 *
 * One per group: a newer notice takes the place of the one that waits, with what only that one
 * says (see notify_notice.h). The head is left alone while it is under way. When too many groups
 * wait the oldest is given up: an alert is the less news the older it is.
 */
#ifndef RK_EXPORTERS_NOTIFY_QUEUE_H
#define RK_EXPORTERS_NOTIFY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/notify_notice.h"

#define RK_NOTIFY_WAITING_MAX 64u /* groups */

struct rk_notify_queue {
	const struct rk_alert_channel *channel; /* borrowed; outlives this */
	struct rk_notify_notice *head;		/* NULL = empty */
	size_t waiting;
	size_t alert;	   /* of the head: the next to be sent, where each is a request */
	bool is_under_way; /* the head is being sent */
	uint64_t offered, sent, replaced, failed; /* notices; those told again are not counted */
};

/**
 * Take what the channel takes of @notice.
 *
 * Context: exporter. Nothing of @notice is kept. Return: false when another was given up for it.
 */
bool rk_notify_queue_push(struct rk_notify_queue *queue, const struct rk_alert_notice *notice,
			  uint64_t now_ns);

/**
 * Tell @again once more what has been told.
 *
 * Context: exporter. Ownership: the queue takes @again.
 */
void rk_notify_queue_push_again(struct rk_notify_queue *queue, struct rk_notify_notice *again,
				uint64_t now_ns);

/**
 * One alert of the head is through with. Return: whether there is another.
 *
 * Context: exporter.
 */
bool rk_notify_queue_next_alert(struct rk_notify_queue *queue);

/**
 * The head is through with, and counted.
 *
 * Context: exporter.
 */
void rk_notify_queue_pop(struct rk_notify_queue *queue, bool is_sent);

/**
 * Forget everything, uncounted.
 *
 * Context: exporter.
 */
void rk_notify_queue_finish(struct rk_notify_queue *queue);

#endif
