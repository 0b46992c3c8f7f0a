/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/pushgateway.h - the metrics of a process that may end before anyone scrapes it.
 *
 * PUT replaces the whole group {job, instance, rank} in text 0.0.4, by gzip where the gateway
 * understands it. Every push carries everything, with the numbers of its moment, so nothing is
 * queued: one without an answer, or with a 5xx, is tried again with growing pauses, at the
 * latest when the next one is due; one that was refused (4xx) is said once and waits for the
 * interval. What the gateway would refuse is found here first and left out by family.
 *
 * The group stays behind when the process has ended, so it carries the time of its last push
 * (rustkernel_last_push_timestamp_seconds), which alert rules look at.
 */
#ifndef RK_EXPORTERS_PUSHGATEWAY_H
#define RK_EXPORTERS_PUSHGATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"
#include "pipeline/live/net_module.h"

struct rk_pushgateway;

struct rk_pushgateway_stats {
	uint64_t pushes, failures, retries, bytes_sent;
	uint64_t left_out; /* families, over all pushes */
	bool is_connected;
	const char *last_error; /* "" = none yet; borrowed */
};

/**
 * @host: borrowed; outlives this.
 *
 * Context: exporter. Ownership: the caller, rk_pushgateway_destroy().
 * Return: 0; -ENOMEM; -EINVAL for a URL that cannot be used, which has then been said.
 */
int rk_pushgateway_create(struct rk_pushgateway **out, struct rk_http *http,
			  const struct rk_net_host *host);
void rk_pushgateway_destroy(struct rk_pushgateway *push);

/**
 * When rk_pushgateway_run() is due, and doing what is due.
 *
 * Context: exporter.
 */
uint64_t rk_pushgateway_due_ns(const struct rk_pushgateway *push);
void rk_pushgateway_run(struct rk_pushgateway *push, uint64_t now_ns);

/**
 * Start the last push, or the deletion where it was asked for.
 *
 * Context: exporter.
 */
void rk_pushgateway_finish(struct rk_pushgateway *push, uint64_t deadline_ns);
bool rk_pushgateway_is_done(const struct rk_pushgateway *push);

/**
 * Give up what is under way and count it.
 *
 * Context: exporter.
 */
void rk_pushgateway_abandon(struct rk_pushgateway *push);

/**
 * Context: exporter.
 */
void rk_pushgateway_get_stats(const struct rk_pushgateway *push,
			      struct rk_pushgateway_stats *stats);

#endif
