/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert_watch.c - finding the series of an op, and counting in it.
 */
#include "pipeline/alert_watch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/glob.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "core/trace_context.h"
#include "pipeline/kernel_name.h"
#include "pipeline/metrics_state.h"

#define NS_PER_S     1e9
#define THREADS_MAX  65536u
#define SEEN_MATCHES 1u
#define SEEN_IS_NOT  2u
#define ONLY_KEY     1u /* of a rule that has one series */

static const char *const source_names[] = { "gpu", "host", "api" };

/* One execution, whoever told of it. */
struct execution {
	uint32_t kernel_id, domain, device;
	enum rk_alert_source source;
	bool is_failed, has_duration;
	uint64_t ns;
};

int rk_alert_watcher_init(struct rk_alert_watcher *watcher, const struct rk_config *config,
			  const struct rk_alert_rules *rules)
{
	memset(watcher, 0, sizeof(*watcher));
	watcher->config = config;
	watcher->rules = rules;
	rk_histogram_scale_init_exponential(&watcher->scale);
	rk_handle_map_init(&watcher->threads, THREADS_MAX);
	rk_handle_map_init(&watcher->instruments, RK_INSTRUMENTS_MAX);
	watcher->watches = calloc(rules->count, sizeof(*watcher->watches));
	if (!watcher->watches)
		return -ENOMEM;
	for (size_t i = 0; i < rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];

		watch->rule = &rules->rows[i];
		rk_series_list_init(&watch->list, sizeof(struct rk_alert_series), 1,
				    (uint32_t)config->metrics_top_k);
		rk_handle_map_init(&watch->seen, RK_SERIES_MAX);
	}
	return 0;
}

void rk_alert_watcher_finish(struct rk_alert_watcher *watcher)
{
	for (size_t i = 0; watcher->watches && i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];

		for (uint32_t s = 0; s < watch->list.count; s++)
			rk_alert_series_finish(watch->list.items[s]);
		rk_series_list_finish(&watch->list);
		rk_handle_map_finish(&watch->seen);
	}
	free(watcher->watches);
	free(watcher->instrument);
	rk_handle_map_finish(&watcher->threads);
	rk_handle_map_finish(&watcher->instruments);
	memset(watcher, 0, sizeof(*watcher));
}

static struct rk_alert_key no_labels(void)
{
	return (struct rk_alert_key){ .device = RK_ALERT_NO_DEVICE };
}

/* Beyond the cap one series, with the label "other", stands for all that come. */
static struct rk_alert_series *series_get(struct rk_alert_watcher *watcher,
					  struct rk_alert_watch *watch, uint64_t number,
					  const struct rk_alert_key *key)
{
	struct rk_alert_series *series = rk_series_list_get(&watch->list, number, 0);
	struct rk_alert_key other = no_labels();

	if (series && series->rule)
		return series;
	other.kernel_id = rk_intern("other");
	if (series && rk_alert_series_init(series, watch->rule,
					   series->series.is_other ? &other : key, watcher->now))
		return series;
	if (series) /* half made: it has no window to be counted in */
		series->rule = NULL;
	watcher->lost++;
	return NULL;
}

static uint64_t execution_number(const struct execution *e)
{
	/* Ids have 18 bits. */
	return ((uint64_t)e->kernel_id << 40 | (uint64_t)e->domain << 20 |
		(uint64_t)(e->device & RK_ALERT_NO_DEVICE) << 2 | (uint64_t)e->source) +
	       1;
}

static const char *device_text(uint32_t device, char out[16])
{
	out[0] = '\0';
	if (device != RK_ALERT_NO_DEVICE)
		snprintf(out, 16, "%u", device);
	return out;
}

static bool takes(const struct rk_alert_rule *rule, uint32_t kernel_id, uint32_t domain,
		  uint32_t device)
{
	char text[16];

	return rk_alert_rule_takes(rule, rk_intern_get(kernel_id), rk_intern_get(domain),
				   device_text(device, text));
}

/* Only what tells alerts of this rule apart: the rest is added up. */
static void keep_labels(const struct rk_alert_rule *rule, struct execution *e)
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
					   struct rk_alert_watch *watch, struct execution e)
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
	return series_get(watcher, watch, execution_number(&e), &key);
}

/* Return: NULL when the rule is not about it. */
static struct rk_alert_series *find_series(struct rk_alert_watcher *watcher,
					   struct rk_alert_watch *watch, const struct execution *e)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&watch->seen, execution_number(e));
	struct rk_alert_series *series;

	if (!slot) {
		watcher->lost++;
		return NULL;
	}
	if (slot->tag == SEEN_IS_NOT)
		return NULL;
	if (slot->tag == SEEN_MATCHES)
		return (struct rk_alert_series *)(uintptr_t)slot->value;
	if (!takes(watch->rule, e->kernel_id, e->domain, e->device)) {
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

static void count_execution(struct rk_alert_watcher *watcher, const struct execution *e)
{
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		enum rk_condition_kind kind = watch->rule->condition.kind;
		struct rk_alert_series *series;

		if (kind == RK_CONDITION_NO_EXECUTIONS) {
			if (watch->list.count &&
			    takes(watch->rule, e->kernel_id, e->domain, e->device)) {
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

static struct execution execution_of(const struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(watcher->config, op->name);
	bool is_host = op->kind == RK_OP_ERROR || op->flags & RK_OP_F_HOST_TIME;

	return (struct execution){
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

static void close_launch(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	watcher->open_count =
		rk_alert_open_close(watcher->open, watcher->open_count, op->correlation);
}

static void open_launch(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(watcher->config, op->name);
	const struct rk_handle_slot *thread = rk_handle_map_get(&watcher->threads, op->tid);
	struct rk_alert_open *open;

	if (watcher->open_count == RK_ALERT_OPEN_MAX) {
		watcher->lost++;
		return;
	}
	open = &watcher->open[watcher->open_count++];
	open->host_start = op->host_start;
	open->stream_handle = op->stream_handle;
	open->context = op->context;
	open->correlation = op->correlation;
	memcpy(open->grid, op->kernel.grid, sizeof(open->grid));
	open->key = no_labels();
	open->key.kernel_id = name->kernel_id;
	open->key.domain = name->domain;
	open->key.device = op->device;
	open->key.stream = op->stream;
	open->key.has_stream = true;
	open->key.tid = op->tid;
	open->key.thread = thread ? thread->tag : 0;
}

static void feed_kernel(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	struct execution e;

	if (op->flags & RK_OP_F_OPEN)
		return;
	if (watcher->open_count)
		close_launch(watcher, op);
	e = execution_of(watcher, op);
	count_execution(watcher, &e);
}

static void feed_error(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	const char *api = rk_intern_get(op->api);
	struct execution e;

	if (strncmp(api, "cuLaunch", 8) != 0 || strncmp(api, "cuLaunchHostFunc", 16) == 0)
		return;
	e = execution_of(watcher, op);
	count_execution(watcher, &e);
}

static bool is_of_memory(enum rk_condition_kind kind)
{
	return kind == RK_CONDITION_MEMORY || kind == RK_CONDITION_MEMORY_GROWTH;
}

static void count_memory(struct rk_alert_watcher *watcher, uint32_t device, uint32_t pool,
			 int64_t bytes)
{
	struct rk_alert_key key = no_labels();
	char text[16];

	key.device = device;
	key.pool = rk_metrics_pool_name(pool);
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (!is_of_memory(condition->kind) || !rk_glob_matches(condition->pool, key.pool) ||
		    !rk_glob_matches(condition->device, device_text(device, text)))
			continue;
		series = series_get(watcher, watch, ((uint64_t)device << 8 | pool) + 1, &key);
		if (series)
			series->bytes += bytes;
	}
}

static void set_breaker(struct rk_alert_watcher *watcher, uint32_t name, double state)
{
	struct rk_alert_key key = no_labels();

	key.breaker = name;
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (condition->kind != RK_CONDITION_BREAKER ||
		    !rk_glob_matches(condition->name, rk_intern_get(name)))
			continue;
		series = series_get(watcher, watch, (uint64_t)name + 1, &key);
		if (series)
			series->gauge = state;
	}
}

static void learn_instrument(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	struct rk_handle_slot *slot =
		rk_handle_map_put(&watcher->instruments, op->instrument.number);
	struct rk_alert_instrument *grown;
	struct rk_fields_reader reader;
	const char *name, *domain;

	if (!slot || slot->tag)
		return;
	grown = realloc(watcher->instrument, (watcher->instrument_count + 1) * sizeof(*grown));
	if (!grown) {
		watcher->lost++;
		return;
	}
	watcher->instrument = grown;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	name = rk_fields_next_placed(&reader);
	rk_fields_next_placed(&reader); /* unit */
	rk_fields_next_placed(&reader); /* help */
	domain = rk_fields_next_placed(&reader);
	grown[watcher->instrument_count++] = (struct rk_alert_instrument){
		.name = rk_intern(name),
		.domain = rk_intern(*domain ? domain : "unknown"),
		.type = op->instrument.type,
	};
	slot->tag = watcher->instrument_count;
}

static void feed_sample(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	const struct rk_handle_slot *slot =
		rk_handle_map_get(&watcher->instruments, op->sample.number);
	const struct rk_alert_instrument *instrument;
	double value = op->sample.value;
	struct execution e;

	if (!slot || !slot->tag)
		return;
	instrument = &watcher->instrument[slot->tag - 1];
	switch (instrument->type) {
	case RK_INSTRUMENT_EXECUTION:
		e = (struct execution){
			.kernel_id = instrument->name,
			.domain = instrument->domain,
			.device = RK_ALERT_NO_DEVICE,
			.source = RK_ALERT_API,
			.is_failed = op->sample.what == RK_SAMPLE_ERROR,
			.has_duration = value >= 0 && value < 1e9,
		};
		e.ns = e.has_duration ? (uint64_t)(value * NS_PER_S + 0.5) : 0;
		count_execution(watcher, &e);
		break;
	case RK_INSTRUMENT_MEMORY:
		if (value > -1e18 && value < 1e18)
			count_memory(watcher, RK_ALERT_NO_DEVICE, RK_POOL_USER, (int64_t)value);
		break;
	case RK_INSTRUMENT_BREAKER:
		set_breaker(watcher, instrument->name, value);
		break;
	default:
		break;
	}
}

static void count_losses(struct rk_alert_watcher *watcher, int reason, uint64_t amount)
{
	struct rk_alert_key key = no_labels();

	key.reason = rk_loss_name((enum rk_loss)reason);
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (condition->kind != RK_CONDITION_LOSSES ||
		    !rk_glob_matches(condition->reason, key.reason))
			continue;
		series = series_get(watcher, watch, (uint64_t)reason + 1, &key);
		if (series)
			rk_alert_window_add(&series->window, RK_COUNT_ALL, amount);
	}
}

static void feed_tick(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	for (int reason = 0; reason < RK_LOSS_COUNT; reason++) {
		uint64_t now = op->tick.ledger.dropped[reason];

		if (now > watcher->dropped[reason])
			count_losses(watcher, reason, now - watcher->dropped[reason]);
		watcher->dropped[reason] = now;
	}
}

static void feed_thread(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&watcher->threads, op->tid);

	if (slot)
		slot->tag = op->name;
}

void rk_alert_watcher_feed(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		feed_kernel(watcher, op);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
		if (watcher->open_count && !(op->flags & RK_OP_F_OPEN))
			close_launch(watcher, op);
		break;
	case RK_OP_IN_FLIGHT:
		open_launch(watcher, op);
		break;
	case RK_OP_SYNC:
		watcher->open_count = rk_alert_open_wait(watcher->open, watcher->open_count, op);
		break;
	case RK_OP_ERROR:
		feed_error(watcher, op);
		break;
	case RK_OP_ALLOC:
		count_memory(watcher, op->device, op->memory.pool, (int64_t)op->memory.bytes);
		break;
	case RK_OP_FREE:
		count_memory(watcher, op->device, op->memory.pool, -(int64_t)op->memory.bytes);
		break;
	case RK_OP_INSTRUMENT:
		learn_instrument(watcher, op);
		break;
	case RK_OP_SAMPLE:
		feed_sample(watcher, op);
		break;
	case RK_OP_THREAD:
		feed_thread(watcher, op);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		feed_tick(watcher, op);
		break;
	default:
		break;
	}
}

void rk_alert_watcher_note_span(struct rk_alert_watcher *watcher, const struct rk_span *span)
{
	struct execution e;

	if (!span->op || span->op->kind != RK_OP_KERNEL ||
	    !(span->trace_flags & RK_TRACE_FLAG_SAMPLED))
		return;
	e = execution_of(watcher, span->op);
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

static void look_for_open(struct rk_alert_watcher *watcher, struct rk_alert_watch *watch)
{
	for (uint32_t s = 0; s < watch->list.count; s++)
		((struct rk_alert_series *)watch->list.items[s])->gauge = 0;
	for (uint32_t i = 0; i < watcher->open_count; i++) {
		const struct rk_alert_open *open = &watcher->open[i];
		const struct rk_alert_key *key = &open->key;
		const struct execution e = { .kernel_id = key->kernel_id,
					     .domain = key->domain,
					     .device = key->device };
		/* One alert for a stream of a thread, however many launches wait in it. */
		uint64_t number = (execution_number(&e) * 0x9e3779b97f4a7c15ull ^
				   ((uint64_t)key->tid << 32 | key->stream)) |
				  1;
		struct rk_alert_series *series;
		double seconds = watcher->now > open->host_start ?
					 (double)(watcher->now - open->host_start) / NS_PER_S :
					 0;

		if (!takes(watch->rule, key->kernel_id, key->domain, key->device))
			continue;
		series = series_get(watcher, watch, number, key);
		if (!series || series->gauge > seconds)
			continue;
		series->gauge = seconds;
		memcpy(series->grid, open->grid, sizeof(series->grid));
	}
}

static void look_at_slos(struct rk_alert_watcher *watcher, struct rk_alert_watch *watch)
{
	const struct rk_alert_condition *condition = &watch->rule->condition;
	const struct rk_alert_slos *slos = &watcher->slos;
	struct rk_slo_result result;

	for (size_t i = 0; slos->get && slos->get(slos->slo, i, &result); i++) {
		struct rk_alert_key key = no_labels();
		struct rk_alert_series *series;
		double slow, fast;

		if (!rk_glob_matches(condition->slo, result.slo) ||
		    !rk_glob_matches(condition->target, result.target))
			continue;
		key.slo = result.slo;
		key.target = result.target;
		series = series_get(watcher, watch, i + 1, &key);
		if (!series)
			continue;
		slow = slos->burn_rate(slos->slo, key.slo, key.target, condition->window_ns);
		fast = slos->burn_rate(slos->slo, key.slo, key.target, condition->short_window_ns);
		/* Both must burn, so the slower one counts; a target without a budget does not. */
		series->gauge = isnan(slow) || isnan(fast) ? NAN : slow < fast ? slow : fast;
	}
}

void rk_alert_watcher_advance(struct rk_alert_watcher *watcher, uint64_t now)
{
	struct rk_alert_key key = no_labels();

	watcher->now = now;
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];

		switch (watch->rule->condition.kind) {
		case RK_CONDITION_NO_EXECUTIONS:
			/* There is something to miss from the start. */
			series_get(watcher, watch, ONLY_KEY, &key);
			break;
		case RK_CONDITION_IN_FLIGHT:
			look_for_open(watcher, watch);
			break;
		case RK_CONDITION_BURN_RATE:
			look_at_slos(watcher, watch);
			break;
		default:
			break;
		}
	}
}
