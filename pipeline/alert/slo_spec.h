/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_spec.h - one row of `slo:`, read.
 */
#ifndef RK_PIPELINE_ALERT_SLO_SPEC_H
#define RK_PIPELINE_ALERT_SLO_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

enum rk_slo_measure { RK_SLO_LATENCY, RK_SLO_ERROR_RATE, RK_SLO_THROUGHPUT, RK_SLO_AVAILABILITY };

#define RK_SLO_LATENCIES 4 /* p50, p95, p99, p99.9 */
#define RK_SLO_TARGETS	 (RK_SLO_LATENCIES + 3)

struct rk_slo_target {
	const char *name; /* static: the key in the configuration */
	enum rk_slo_measure measure;
	double quantile; /* latency: 0.99 */
	double wanted;	 /* seconds, ratio, executions per second */
	double allowed;	 /* share of what is judged that may be bad; NaN = has no budget */
	uint64_t limit_ns, risk_ns; /* latency: the threshold, and what comes near it */
};

/* Whose executions count. Those of two sources are never added up. */
enum rk_slo_source {
	RK_SLO_SOURCE_AUTO, /* those the program records, where it records any; else kernels */
	RK_SLO_SOURCE_GPU,
	RK_SLO_SOURCE_API,
};

struct rk_slo_spec {
	const char *name;   /* borrowed from the configuration, as the next ones */
	const char *kernel; /* glob; "" = all */
	const char *domain; /* "" = all */
	enum rk_slo_source source;
	uint64_t window_ns;
	uint64_t least; /* executions that a verdict takes; 0 = as many as the target needs */
	struct rk_slo_target targets[RK_SLO_TARGETS];
	uint32_t target_count;
	uint32_t line;
};

/**
 * Read @node, an element of config->slo. What is wrong with it is logged with file and line; what
 * the check of the whole file has named already is not named again.
 *
 * Context: exporter or tools. Return: whether it can be used.
 */
bool rk_slo_spec_read(struct rk_slo_spec *spec, const struct rk_config *config,
		      const struct rk_yaml_node *node);

#endif
