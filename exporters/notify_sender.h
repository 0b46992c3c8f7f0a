/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_sender.h - one channel: what waits, retries, breaker, counts.
 *
 *   push --> [waiting, one notice per group] --> head is sent --> next
 *
 * A refusal (4xx) is final, everything else is tried again, with pauses, until the notice has
 * the age retry_for. What waits is bounded: see notify_queue.h.
 *
 * What stands at an Alertmanager must be told again before it counts as over there: the sender
 * repeats it, in a process that lives. When the process dies, its alerts end by themselves.
 */
#ifndef RK_EXPORTERS_NOTIFY_SENDER_H
#define RK_EXPORTERS_NOTIFY_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"

struct rk_notify_sender;

/* Notices: offered = sent + replaced + failed + those that wait. */
struct rk_notify_stats {
	uint64_t offered, sent, replaced, failed;
	uint64_t requests, retries, bytes_sent;
};

/**
 * @channel: borrowed, as @host; both outlive this.
 *
 * Context: exporter. Ownership: the caller, rk_notify_sender_destroy().
 * Return: 0; -ENOMEM.
 */
int rk_notify_sender_create(struct rk_notify_sender **out, const struct rk_net_host *host,
			    struct rk_http *http, const struct rk_alert_channel *channel);
void rk_notify_sender_destroy(struct rk_notify_sender *sender);

/**
 * Tell what the channel takes of @notice.
 *
 * Context: exporter. Nothing of @notice is kept.
 */
void rk_notify_sender_push(struct rk_notify_sender *sender, const struct rk_alert_notice *notice);

/**
 * When rk_notify_sender_run() is due, and doing what is due.
 *
 * Context: exporter.
 */
uint64_t rk_notify_sender_due_ns(const struct rk_notify_sender *sender);
void rk_notify_sender_run(struct rk_notify_sender *sender, uint64_t now_ns);

/**
 * Send what waits at once; nothing outlives @deadline_ns. Who cannot be reached is given up at
 * the next failure, an open breaker tried once more.
 *
 * Context: exporter.
 */
void rk_notify_sender_finish(struct rk_notify_sender *sender, uint64_t deadline_ns);
bool rk_notify_sender_is_done(const struct rk_notify_sender *sender);

/**
 * Give up what is left and count it.
 *
 * Context: exporter.
 */
void rk_notify_sender_abandon(struct rk_notify_sender *sender);

/**
 * Context: exporter.
 */
void rk_notify_sender_get_stats(const struct rk_notify_sender *sender,
				struct rk_notify_stats *stats);
void rk_notify_sender_get_answer(const struct rk_notify_sender *sender,
				 struct rk_net_answer *answer);

#endif
