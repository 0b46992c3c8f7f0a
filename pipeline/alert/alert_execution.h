/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_execution.h - executions in the series of the rules that are about them.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_EXECUTION_H
#define RK_PIPELINE_ALERT_ALERT_EXECUTION_H

#include "pipeline/alert/alert_watch.h"

/* One execution, whoever told of it. */
struct rk_alert_execution {
	uint32_t kernel_id, domain, device;
	enum rk_alert_source source;
	bool is_failed, has_duration;
	uint64_t ns;
};

/**
 * What a kernel, or a launch that failed, tells. / The number of the series that it counts in,
 * were every label kept.
 *
 * Context: the feeding thread.
 */
struct rk_alert_execution rk_alert_execution_of(const struct rk_alert_watcher *watcher,
						const struct rk_op *op);
uint64_t rk_alert_execution_number(const struct rk_alert_execution *e);

/**
 * Count it for every rule that is about it.
 *
 * Context: the feeding thread.
 */
void rk_alert_execution_count(struct rk_alert_watcher *watcher, const struct rk_alert_execution *e);

#endif
