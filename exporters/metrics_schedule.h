/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/metrics_schedule.h - when the registry is read and sent by OTLP.
 *
 *   due -> is one under way? -> no: take back what waits, read everything, send
 *                            -> yes: as soon as it is settled
 *
 * Nothing is queued: a snapshot that could not be sent is replaced by the next one, which
 * covers its time. At the end one more is sent, so the last one tells the final values.
 */
#ifndef RK_EXPORTERS_METRICS_SCHEDULE_H
#define RK_EXPORTERS_METRICS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/otlp_sender.h"
#include "pipeline/live/net_module.h"

struct rk_metrics_schedule;

/**
 * @host, @sender: borrowed; outlive this. @host has visit().
 *
 * Context: exporter. Ownership: the caller, rk_metrics_schedule_destroy().
 * Return: 0; -ENOMEM.
 */
int rk_metrics_schedule_create(struct rk_metrics_schedule **out, const struct rk_net_host *host,
			       struct rk_otlp_sender *sender);
void rk_metrics_schedule_destroy(struct rk_metrics_schedule *schedule);

/**
 * A batch of the sender is settled.
 *
 * Context: exporter.
 */
void rk_metrics_schedule_settle(struct rk_metrics_schedule *schedule,
				const struct rk_otlp_batch *batch, enum rk_otlp_verdict verdict);

/**
 * When rk_metrics_schedule_run() is due, and doing what is due.
 *
 * Context: exporter.
 */
uint64_t rk_metrics_schedule_due_ns(const struct rk_metrics_schedule *schedule);
void rk_metrics_schedule_run(struct rk_metrics_schedule *schedule, uint64_t now_ns);

/**
 * Send one more and then no other.
 *
 * Context: exporter, before rk_otlp_sender_finish().
 */
void rk_metrics_schedule_finish(struct rk_metrics_schedule *schedule);

/**
 * Whether the last one was handed to the sender.
 *
 * Context: exporter.
 */
bool rk_metrics_schedule_is_done(const struct rk_metrics_schedule *schedule);

/**
 * Data points that were left out because one alone is larger than a request may be.
 *
 * Context: exporter.
 */
uint64_t rk_metrics_schedule_left_out(const struct rk_metrics_schedule *schedule);

#endif
