/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_signals.h - traces, metrics and logs, each to its destination by OTLP.
 *
 * Spans and events are encoded straight into the queue of their sender. Metrics are read when
 * an export is due: one that could not be sent is replaced by the next, which says the same
 * and more, so its points never were eligible.
 */
#ifndef RK_EXPORTERS_OTLP_SIGNALS_H
#define RK_EXPORTERS_OTLP_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"
#include "exporters/loop.h"
#include "pipeline/live/net_module.h"

struct rk_otlp_signals;

struct rk_otlp_signals_setup {
	const struct rk_net_host *host;	   /* borrowed; outlives this */
	struct rk_loop *loop;		   /* likewise */
	struct rk_http *http;		   /* likewise; NULL where nothing goes by HTTP */
	const struct rk_http_proxy *proxy; /* likewise */
};

/**
 * Whether anything of @config goes by OTLP, and whether any of it by HTTP.
 *
 * @live: metrics are exported only while a process runs.
 * Context: any.
 */
bool rk_otlp_signals_are_wanted(const struct rk_config *config, bool live);
bool rk_otlp_signals_need_http(const struct rk_config *config, bool live);

/**
 * Context: exporter. Ownership: the caller, rk_otlp_signals_destroy().
 * Return: 0; -ENOMEM. A destination that cannot work was said; what goes there is counted as
 *         rejected.
 */
int rk_otlp_signals_create(struct rk_otlp_signals **out, const struct rk_otlp_signals_setup *setup);
void rk_otlp_signals_destroy(struct rk_otlp_signals *signals);

/**
 * Encode @span, or count why not; whether it can be taken without dropping anything.
 *
 * Context: exporter.
 */
void rk_otlp_signals_push_span(struct rk_otlp_signals *signals, const struct rk_span *span);
bool rk_otlp_signals_has_room(const struct rk_otlp_signals *signals, const struct rk_span *span);

/**
 * Encode @event where a receiver of logs is configured.
 *
 * Context: exporter.
 */
void rk_otlp_signals_push_log(struct rk_otlp_signals *signals, const struct rk_log_event *event);

/**
 * When rk_otlp_signals_run() is due, and doing what is due; whether a request is under way.
 *
 * Context: exporter.
 */
uint64_t rk_otlp_signals_due_ns(const struct rk_otlp_signals *signals);
void rk_otlp_signals_run(struct rk_otlp_signals *signals, uint64_t now_ns);
bool rk_otlp_signals_are_busy(const struct rk_otlp_signals *signals);

/**
 * From now on everything is sent at once and nothing outlives @deadline_ns. The last export of
 * metrics comes apart, so that it can tell what became of the rest.
 *
 * Context: exporter.
 */
void rk_otlp_signals_finish(struct rk_otlp_signals *signals, uint64_t deadline_ns);
void rk_otlp_signals_finish_metrics(struct rk_otlp_signals *signals, uint64_t deadline_ns);

/**
 * Whether nothing waits any more, metrics or all the others.
 *
 * Context: exporter.
 */
bool rk_otlp_signals_are_done(const struct rk_otlp_signals *signals);
bool rk_otlp_signals_metrics_are_done(const struct rk_otlp_signals *signals);

/**
 * Give up what is left and count it.
 *
 * Context: exporter.
 */
void rk_otlp_signals_abandon(struct rk_otlp_signals *signals);

/**
 * Fill what @stats says about signals, spans, bytes, requests and the last error.
 *
 * Context: exporter. @signals may be NULL.
 */
void rk_otlp_signals_get_stats(const struct rk_otlp_signals *signals, struct rk_net_stats *stats);

#endif
