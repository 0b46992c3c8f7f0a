/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_series.h - one series of each family that has many.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_SERIES_H
#define RK_PIPELINE_METRICS_METRICS_SERIES_H

#include <stdint.h>

#include "pipeline/metrics/histogram.h"
#include "pipeline/metrics/series_list.h"

enum rk_metric_source { RK_SERIES_GPU, RK_SERIES_HOST, RK_SERIES_API, RK_SERIES_SOURCES };

/* rk_kernel_series.device of what the program recorded. */
#define RK_DEVICE_NONE 0x3ffffu

/* As struct rk_exemplar, which takes a division. */
struct rk_kept_exemplar {
	uint8_t trace_id[16], span_id[8];
	uint64_t ns;
	uint64_t unix_ns; /* 0 = none */
};

/* Executions and durations of one kernel on one device. Strings are ids. */
struct rk_kernel_series {
	struct rk_series series;
	uint32_t kernel_id, domain;
	uint32_t device;
	uint32_t source; /* enum rk_metric_source */
	uint32_t baggage; /* number of a set of chosen entries */
	uint64_t ok, failed;
	struct rk_kept_exemplar *exemplars; /* one per explicit bucket; NULL until there is one */
	struct rk_histogram duration;
};

struct rk_transfer_series {
	struct rk_series series;
	const char *kind;
	uint32_t device;
	uint64_t bytes;
	struct rk_histogram duration;
};

struct rk_error_series {
	struct rk_series series;
	uint32_t api, domain;
	uint32_t result;
	uint64_t count;
};

/* Depth of a queue of the program. */
struct rk_queue_series {
	struct rk_series series;
	uint32_t kernel_id, domain;
	double depth;
};

#endif
