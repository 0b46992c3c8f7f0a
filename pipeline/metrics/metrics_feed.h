/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_feed.h - what goes into the registry, and who makes it.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_FEED_H
#define RK_PIPELINE_METRICS_METRICS_FEED_H

#include <stdbool.h>

#include "core/config.h"
#include "core/op.h"

struct rk_alert_engine;
struct rk_metrics;
struct rk_slo;
struct rk_assembler_stats;

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_metrics_create(struct rk_metrics **out, const struct rk_config *config);
void rk_metrics_destroy(struct rk_metrics *metrics);

/**
 * The registry is fed by the process it is about: process_* are among its families.
 *
 * Context: exporter.
 */
void rk_metrics_set_live(struct rk_metrics *metrics);

/**
 * Verdicts and alerts become series; each may be NULL.
 *
 * Context: exporter or tools. Ownership: the caller keeps them; they outlive the registry.
 */
void rk_metrics_set_slo(struct rk_metrics *metrics, const struct rk_slo *slo);
void rk_metrics_set_alerts(struct rk_metrics *metrics, const struct rk_alert_engine *alerts);

/**
 * Resource attributes as labels of target_info. @resource: as rk_resource_visit() reads it;
 * NULL, empty or bad = no target_info.
 *
 * Context: exporter or tools. Without memory there is no target_info.
 */
void rk_metrics_set_resource(struct rk_metrics *metrics, const char *resource);

/**
 * Update everything from one op.
 *
 * Context: the feeding thread.
 */
void rk_metrics_feed(struct rk_metrics *metrics, const struct rk_op *op);

/**
 * The baggage of the process, for metrics.baggage_labels; NULL = none.
 *
 * Context: exporter or tools, before the first op.
 */
void rk_metrics_set_baggage(struct rk_metrics *metrics, const char *baggage);

/**
 * What the assembler decided so far.
 *
 * Context: the feeding thread.
 */
void rk_metrics_note_assembler(struct rk_metrics *metrics, const struct rk_assembler_stats *stats);

/**
 * Whether @op tells of a kernel that the driver refused to launch.
 *
 * Context: any.
 */
bool rk_metrics_is_failed_launch(const struct rk_op *op);

#endif
