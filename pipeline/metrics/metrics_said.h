/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_said.h - what the program measured itself, from its definitions and
 * samples.
 *
 * Executions, memory, queues and breakers go to the families that we have; the rest are metrics
 * of the program (metrics_user.h).
 */
#ifndef RK_PIPELINE_METRICS_METRICS_SAID_H
#define RK_PIPELINE_METRICS_METRICS_SAID_H

#include "pipeline/metrics/metrics_state.h"

/**
 * Take an RK_OP_INSTRUMENT / RK_OP_SAMPLE.
 *
 * Context: the feeding thread.
 */
void rk_metrics_said_define(struct rk_metrics *metrics, const struct rk_op *op);
void rk_metrics_said_sample(struct rk_metrics *metrics, const struct rk_op *op);

/**
 * The series of @list under @key. Without memory that is counted.
 *
 * Context: the feeding thread. Return: NULL without memory.
 */
void *rk_metrics_series_get(struct rk_metrics *metrics, struct rk_series_list *list, uint64_t key,
			    uint32_t which);

/**
 * The series of what the program recorded of @kernel_id in @domain, strings.
 *
 * Context: the feeding thread. Return: NULL without memory.
 */
struct rk_kernel_series *rk_metrics_recorded_get(struct rk_metrics *metrics, uint32_t kernel_id,
						 uint32_t domain);

/**
 * Where the state of the breaker @name lies.
 *
 * Context: the feeding thread. Return: lives as long as the registry.
 */
double *rk_metrics_breaker_value(struct rk_metrics *metrics, const char *name);

#endif
