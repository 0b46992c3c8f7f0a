/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_http.h - one OTLP/HTTP destination: queue, request, retry, count.
 *
 *            seal            2xx
 *   IDLE ----------> SENDING -----> IDLE (next batch)
 *     ^               |   |  4xx...
 *     |  time is up   |   +-------> IDLE, batch counted as rejected
 *     +-- BACKOFF <---+ 429 502 503 504, no reply
 *
 * A batch has a fixed time from its first attempt, retries included; then it is given up. One
 * request at a time, so batches arrive in order. What failed is logged when the state of the
 * destination changes, never per batch.
 */
#ifndef RK_EXPORTERS_OTLP_HTTP_H
#define RK_EXPORTERS_OTLP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/ledger.h"
#include "exporters/http.h"
#include "pipeline/span.h"

struct rk_otlp_http;

struct rk_otlp_http_setup {
	const struct rk_config *config; /* borrowed; outlives this */
	struct rk_http *http;		/* borrowed; outlives this */
	const char *resource;
	bool live; /* false: the caller waits for room, nothing is hurried */
};

/* The wire ledger: eligible = sent + waiting + the sum of lost. */
struct rk_otlp_http_stats {
	uint64_t eligible, sent, waiting;
	uint64_t lost[RK_LOSS_COUNT];
	uint64_t bytes_sent, requests, retries;
	bool is_connected;	/* the last request was answered with success */
	const char *last_error; /* "" = none yet; borrowed */
};

/**
 * Context: exporter. Ownership: the caller, rk_otlp_http_destroy().
 * Return: 0; -ENOMEM. A destination that cannot work (gRPC, a bad URL) is said once; it then
 *         counts every span as rejected.
 */
int rk_otlp_http_create(struct rk_otlp_http **out, const struct rk_otlp_http_setup *setup);
void rk_otlp_http_destroy(struct rk_otlp_http *otlp);

/**
 * Whether @span can be taken without dropping anything.
 *
 * Context: exporter.
 */
bool rk_otlp_http_has_room(const struct rk_otlp_http *otlp, const struct rk_span *span);

/**
 * Encode @span into the open batch, or count why not.
 *
 * Context: exporter.
 */
void rk_otlp_http_push(struct rk_otlp_http *otlp, const struct rk_span *span, uint64_t now_ns);

/**
 * When rk_otlp_http_run() is due, and doing what is due.
 *
 * Context: exporter.
 */
uint64_t rk_otlp_http_due_ns(const struct rk_otlp_http *otlp);
void rk_otlp_http_run(struct rk_otlp_http *otlp, uint64_t now_ns);

/**
 * From now on everything is sent at once and nothing outlives @deadline_ns. A destination
 * that cannot be reached is given up at its next failure.
 *
 * Context: exporter.
 */
void rk_otlp_http_finish(struct rk_otlp_http *otlp, uint64_t deadline_ns);
bool rk_otlp_http_is_done(const struct rk_otlp_http *otlp);

/**
 * Give up what is left and count it.
 *
 * Context: exporter.
 */
void rk_otlp_http_abandon(struct rk_otlp_http *otlp);

/**
 * Context: exporter.
 */
void rk_otlp_http_get_stats(const struct rk_otlp_http *otlp, struct rk_otlp_http_stats *stats);

/* What a reply means for the batch. */
enum rk_otlp_outcome { RK_OTLP_SENT, RK_OTLP_RETRY, RK_OTLP_REJECTED };

/**
 * Context: any.
 */
enum rk_otlp_outcome rk_otlp_http_judge(const struct rk_http_reply *reply);

#endif
