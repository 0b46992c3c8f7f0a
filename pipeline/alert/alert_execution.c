/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_execution.c - executions in the series of the rules that are about them.
 */
#include "pipeline/alert/alert_execution.h"

#include <string.h>

#include "core/trace_context.h"
#include "pipeline/join/kernel_name.h"

#define NS_PER_S     1e9
#define SEEN_MATCHES 1u
#define SEEN_IS_NOT  2u

static const char *const source_names[] = { "gpu", "host", "api" };

uint64_t rk_alert_execution_number(const struct rk_alert_execution *e)
{
	/* Ids have 18 bits. */
	return ((uint64_t)e->kernel_id << 40 | (uint64_t)e->domain << 20 |
		(uint64_t)(e->device & RK_ALERT_NO_DEVICE) << 2 | (uint64_t)e->source) +
	       1;
}

/* Only what tells alerts of this rule apart: the rest is added up. */
static void keep_labels(const struct rk_alert_rule *rule, struct rk_alert_execution *e)
{
	if (!(rule->by & RK_BY_KERNEL))
		e->kernel_id = 0;
	if (!(rule->by & RK_BY_DOMAIN))
		e->domain = 0;
	if (!(rule->by & RK_BY_DEVICE))
		e->device = RK_ALERT_NO_DEVICE;
	/* A launch that fails was seen on the host, one that does not on the GPU. */
	if (rule->condition.kind != RK_CONDITION_LATENCY && e->source != RK_ALERT_API)
		e->source = RK_ALERT_GPU;
}

static struct rk_alert_series *make_series(struct rk_alert_watcher *watcher,
					   struct rk_alert_watch *watch,
					   struct rk_alert_execution e)
{
	bool tells_source;
	struct rk_alert_key key;

	keep_labels(watch->rule, &e);
	tells_source =
		watch->rule->condition.kind == RK_CONDITION_LATENCY || e.source == RK_ALERT_API;
	key = (struct rk_alert_key){
		.kernel_id = e.kernel_id,
		.domain = e.domain,
		.device = e.device,
		.source = tells_source ? source_names[e.source] : NULL,
	};
	return rk_alert_watch_series(watcher, watch, rk_alert_execution_number(&e), &key);
}

/* Return: NULL when the rule is not about it. */
static struct rk_alert_series *find_series(struct rk_alert_watcher *watcher,
					   struct rk_alert_watch *watch,
					   const struct rk_alert_execution *e)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&watch->seen, rk_alert_execution_number(e));
	struct rk_alert_series *series;

	if (!slot) {
		watcher->lost++;
		return NULL;
	}
	if (slot->tag == SEEN_IS_NOT)
		return NULL;
	if (slot->tag == SEEN_MATCHES)
		return (struct rk_alert_series *)(uintptr_t)slot->value;
	if (!rk_alert_watch_takes(watch->rule, e->kernel_id, e->domain, e->device)) {
		slot->tag = SEEN_IS_NOT;
		return NULL;
	}
	series = make_series(watcher, watch, *e);
	if (!series)
		return NULL;
	slot->tag = SEEN_MATCHES;
	slot->value = (uint64_t)(uintptr_t)series;
	return series;
}

static void count_duration(struct rk_alert_watcher *watcher, struct rk_alert_series *series,
			   uint64_t ns)
{
	const struct rk_alert_condition *condition = &series->rule->condition;

	rk_alert_window_add(&series->window, RK_COUNT_ALL, 1);
	if ((double)ns > condition->threshold * NS_PER_S)
		rk_alert_window_add(&series->window, RK_COUNT_BAD, 1);
	if ((double)ns > condition->resolve * NS_PER_S)
		rk_alert_window_add(&series->window, RK_COUNT_UNSETTLED, 1);
	rk_alert_durations_add(series->durations, &watcher->scale, watcher->now, ns);
}

void rk_alert_execution_count(struct rk_alert_watcher *watcher, const struct rk_alert_execution *e)
{
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		enum rk_condition_kind kind = watch->rule->condition.kind;
		struct rk_alert_series *series;

		if (kind == RK_CONDITION_NO_EXECUTIONS) {
			if (watch->list.count &&
			    rk_alert_watch_takes(watch->rule, e->kernel_id, e->domain, e->device)) {
				series = watch->list.items[0];
				series->last_ns = watcher->now;
			}
			continue;
		}
		if (kind > RK_CONDITION_RATE_ABOVE ||
		    (kind == RK_CONDITION_LATENCY && !e->has_duration))
			continue;
		series = find_series(watcher, watch, e);
		if (!series)
			continue;
		if (kind == RK_CONDITION_LATENCY) {
			count_duration(watcher, series, e->ns);
			continue;
		}
		rk_alert_window_add(&series->window, RK_COUNT_ALL, 1);
		if (e->is_failed)
			rk_alert_window_add(&series->window, RK_COUNT_BAD, 1);
	}
}

struct rk_alert_execution rk_alert_execution_of(const struct rk_alert_watcher *watcher,
						const struct rk_op *op)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(watcher->config, op->name);
	bool is_host = op->kind == RK_OP_ERROR || op->flags & RK_OP_F_HOST_TIME;

	return (struct rk_alert_execution){
		.kernel_id = name->kernel_id,
		.domain = name->domain,
		.device = op->device,
		.source = is_host ? RK_ALERT_HOST : RK_ALERT_GPU,
		.is_failed = op->kind == RK_OP_ERROR,
		.has_duration = op->kind == RK_OP_KERNEL && op->end && op->end >= op->start &&
				!(op->flags & (RK_OP_F_INVALID_TIME | RK_OP_F_OPEN)),
		.ns = op->end - op->start,
	};
}

void rk_alert_watcher_note_span(struct rk_alert_watcher *watcher, const struct rk_span *span)
{
	struct rk_alert_execution e;

	if (!span->op || span->op->kind != RK_OP_KERNEL ||
	    !(span->trace_flags & RK_TRACE_FLAG_SAMPLED))
		return;
	e = rk_alert_execution_of(watcher, span->op);
	for (size_t i = 0; e.has_duration && i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		struct rk_alert_series *series = NULL;

		if (watch->rule->condition.kind == RK_CONDITION_LATENCY)
			series = find_series(watcher, watch, &e);
		if (!series ||
		    (series->example.at && e.ns < series->example.ns &&
		     watcher->now - series->example.at < watch->rule->condition.window_ns))
			continue;
		series->example.ns = e.ns;
		series->example.at = watcher->now;
		memcpy(series->example.trace_id, span->trace_id, sizeof(span->trace_id));
		memcpy(series->example.span_id, span->span_id, sizeof(span->span_id));
	}
}
