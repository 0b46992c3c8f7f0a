/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics.h - the registry as OTLP metrics.
 *
 * One round reads every series once and makes as many requests as stay below the size that
 * receivers take. Each request carries a ticket; what came of it is told by settling the
 * ticket, and only then does the state of its series move on. So a delta that did not arrive
 * is not lost: the next one starts where the last one that arrived ended, and covers both.
 *
 * Every series is in every round, also where nothing happened: then the start of a point is
 * always the time of the one before it. Cumulative series keep the start they were first seen
 * with, which is the round before, or the start of the process in the first round.
 *
 * Names: what Prometheus makes of name, unit and type must be our name there again. So
 * rustkernel_transfer_bytes_total is the monotonic sum rustkernel_transfer with unit By.
 *
 * Deliberately absent: the scale of an exponential histogram does not rise where few values
 * would allow it. The registry counts at one scale, because it does so per kernel launch.
 */
#ifndef RK_EXPORTERS_OTLP_METRICS_H
#define RK_EXPORTERS_OTLP_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "exporters/otlp_transport.h"
#include "pipeline/metrics/metrics.h"

/* The usual limit of a receiver is 4 MiB for the message; what is above is split. */
#define RK_OTLP_METRICS_REQUEST_BYTES (4u * 1024 * 1024 - 64 * 1024)

struct rk_otlp_metrics;

struct rk_otlp_metrics_setup {
	const struct rk_config *config;	   /* borrowed; outlives the encoder */
	const struct rk_metrics *registry; /* likewise */
	void (*visit)(const struct rk_metrics *registry, bool include_runtime,
		      void (*fn)(const struct rk_metric_point *point, void *data), void *data);
	const char *resource;	/* the list of core/resource.h */
	uint64_t start_unix_ns; /* every counter was zero then: start of the process */
	size_t request_bytes;	/* at most; 0 = RK_OTLP_METRICS_REQUEST_BYTES */
};

struct rk_otlp_metrics_request {
	uint8_t *bytes; /* an ExportMetricsServiceRequest */
	size_t length;
	uint32_t points; /* data points in it */
	uint32_t ticket; /* for rk_otlp_metrics_settle(); never 0 */
};

/* Ownership: takes request->bytes, free(). May settle the ticket at once. */
typedef void (*rk_otlp_metrics_emit_fn)(const struct rk_otlp_metrics_request *request, void *data);

/**
 * Context: exporter or tools. Ownership: the caller, rk_otlp_metrics_destroy().
 * Return: 0; -ENOMEM.
 */
int rk_otlp_metrics_create(struct rk_otlp_metrics **out, const struct rk_otlp_metrics_setup *setup);
void rk_otlp_metrics_destroy(struct rk_otlp_metrics *metrics);

/**
 * Encode every series as it is now and hand the requests to @emit.
 *
 * @now_unix_ns: time of the points; moved forward where a clock has stepped back.
 * Context: the feeding thread.
 * Return: number of requests, 0 when there is no series; -EBUSY while a request of an earlier
 *         round is not settled; -ENOMEM, then what was emitted before stands and the rest is in
 *         the next round.
 */
ptrdiff_t rk_otlp_metrics_collect(struct rk_otlp_metrics *metrics, uint64_t now_unix_ns,
				  rk_otlp_metrics_emit_fn emit, void *data);

/**
 * Say what came of a request. SENT and REJECTED move the state of its series on: a refusal is
 * final, and the caller counts request->points as lost. RETRY stands for "it will not be sent
 * again, and did not arrive".
 *
 * Context: the feeding thread. An unknown ticket is ignored.
 */
void rk_otlp_metrics_settle(struct rk_otlp_metrics *metrics, uint32_t ticket,
			    enum rk_otlp_verdict verdict);

/**
 * Whether rk_otlp_metrics_collect() would not say -EBUSY.
 *
 * Context: the feeding thread.
 */
bool rk_otlp_metrics_is_settled(const struct rk_otlp_metrics *metrics);

/**
 * Data points that were left out because one alone is larger than a request may be.
 *
 * Context: the feeding thread.
 */
uint64_t rk_otlp_metrics_left_out(const struct rk_otlp_metrics *metrics);

#endif
