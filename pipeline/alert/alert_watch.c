/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_watch.c - finding the series of an op, and counting in it.
 */
#include "pipeline/alert/alert_watch.h"

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
#include "pipeline/alert/alert_execution.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/metrics/metrics_state.h"

#define NS_PER_S     1e9
#define THREADS_MAX  65536u
#define ONLY_KEY     1u /* of a rule that has one series */

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
		watcher->tells_idleness = watcher->tells_idleness ||
					  rk_condition_is_of_idleness(watch->rule->condition.kind);
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
	rk_alert_facts_finish(&watcher->facts);
	memset(watcher, 0, sizeof(*watcher));
}

struct rk_alert_key rk_alert_no_labels(void)
{
	return (struct rk_alert_key){ .device = RK_ALERT_NO_DEVICE };
}

struct rk_alert_series *rk_alert_watch_series(struct rk_alert_watcher *watcher,
					      struct rk_alert_watch *watch, uint64_t number,
					      const struct rk_alert_key *key)
{
	struct rk_alert_series *series = rk_series_list_get(&watch->list, number, 0);
	struct rk_alert_key other = rk_alert_no_labels();

	if (series && series->rule)
		return series;
	other.kernel_id = rk_intern("other");
	if (series)
		series->facts = &watcher->facts;
	if (series && rk_alert_series_init(series, watch->rule,
					   series->series.is_other ? &other : key, watcher->now))
		return series;
	if (series) /* half made: it has no window to be counted in */
		series->rule = NULL;
	watcher->lost++;
	return NULL;
}

static const char *device_text(uint32_t device, char out[16])
{
	out[0] = '\0';
	if (device != RK_ALERT_NO_DEVICE)
		snprintf(out, 16, "%u", device);
	return out;
}

bool rk_alert_watch_takes(const struct rk_alert_rule *rule, uint32_t kernel_id, uint32_t domain,
			  uint32_t device)
{
	char text[16];

	return rk_alert_rule_takes(rule, rk_intern_get(kernel_id), rk_intern_get(domain),
				   device_text(device, text));
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
	char stack[RK_ALERT_STACK_BYTES];
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
	open->stack = rk_intern(rk_stack_names_write(watcher->facts.sources.stacks, op->stack,
						     stack, sizeof(stack)));
	open->key = rk_alert_no_labels();
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
	struct rk_alert_execution e;

	if (op->flags & RK_OP_F_OPEN)
		return;
	if (watcher->open_count)
		close_launch(watcher, op);
	e = rk_alert_execution_of(watcher, op);
	rk_alert_execution_count(watcher, &e);
}

static void feed_error(struct rk_alert_watcher *watcher, const struct rk_op *op)
{
	const char *api = rk_intern_get(op->api);
	struct rk_alert_execution e;

	if (strncmp(api, "cuLaunch", 8) != 0 || strncmp(api, "cuLaunchHostFunc", 16) == 0)
		return;
	e = rk_alert_execution_of(watcher, op);
	rk_alert_execution_count(watcher, &e);
}

static void count_memory(struct rk_alert_watcher *watcher, uint32_t device, uint32_t pool,
			 int64_t bytes)
{
	struct rk_alert_key key = rk_alert_no_labels();
	char text[16];

	key.device = device;
	key.pool = rk_metrics_pool_name(pool);
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (!rk_condition_is_of_memory(condition->kind) ||
		    !rk_glob_matches(condition->pool, key.pool) ||
		    !rk_glob_matches(condition->device, device_text(device, text)))
			continue;
		series = rk_alert_watch_series(watcher, watch, ((uint64_t)device << 8 | pool) + 1,
					       &key);
		if (series)
			series->bytes += bytes;
	}
}

static void set_breaker(struct rk_alert_watcher *watcher, uint32_t name, double state)
{
	struct rk_alert_key key = rk_alert_no_labels();

	key.breaker = name;
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (condition->kind != RK_CONDITION_BREAKER ||
		    !rk_glob_matches(condition->name, rk_intern_get(name)))
			continue;
		series = rk_alert_watch_series(watcher, watch, (uint64_t)name + 1, &key);
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
	struct rk_alert_execution e;

	if (!slot || !slot->tag)
		return;
	instrument = &watcher->instrument[slot->tag - 1];
	switch (instrument->type) {
	case RK_INSTRUMENT_EXECUTION:
		e = (struct rk_alert_execution){
			.kernel_id = instrument->name,
			.domain = instrument->domain,
			.device = RK_ALERT_NO_DEVICE,
			.source = RK_ALERT_API,
			.is_failed = op->sample.what == RK_SAMPLE_ERROR,
			.has_duration = value >= 0 && value < 1e9,
		};
		e.ns = e.has_duration ? (uint64_t)(value * NS_PER_S + 0.5) : 0;
		rk_alert_execution_count(watcher, &e);
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
	struct rk_alert_key key = rk_alert_no_labels();

	key.reason = rk_loss_name((enum rk_loss)reason);
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];
		const struct rk_alert_condition *condition = &watch->rule->condition;
		struct rk_alert_series *series;

		if (condition->kind != RK_CONDITION_LOSSES ||
		    !rk_glob_matches(condition->reason, key.reason))
			continue;
		series = rk_alert_watch_series(watcher, watch, (uint64_t)reason + 1, &key);
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
		if (!(op->flags & RK_OP_F_SUSPECT))
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

static void look_for_open(struct rk_alert_watcher *watcher, struct rk_alert_watch *watch)
{
	for (uint32_t s = 0; s < watch->list.count; s++)
		((struct rk_alert_series *)watch->list.items[s])->gauge = 0;
	for (uint32_t i = 0; i < watcher->open_count; i++) {
		const struct rk_alert_open *open = &watcher->open[i];
		const struct rk_alert_key *key = &open->key;
		const struct rk_alert_execution e = { .kernel_id = key->kernel_id,
						      .domain = key->domain,
						      .device = key->device };
		/* One alert for a stream of a thread, however many launches wait in it. */
		uint64_t number = (rk_alert_execution_number(&e) * 0x9e3779b97f4a7c15ull ^
				   ((uint64_t)key->tid << 32 | key->stream)) |
				  1;
		struct rk_alert_series *series;
		double seconds = watcher->now > open->host_start ?
					 (double)(watcher->now - open->host_start) / NS_PER_S :
					 0;

		if (!rk_alert_watch_takes(watch->rule, key->kernel_id, key->domain, key->device))
			continue;
		series = rk_alert_watch_series(watcher, watch, number, key);
		if (!series || series->gauge > seconds)
			continue;
		series->gauge = seconds;
		memcpy(series->grid, open->grid, sizeof(series->grid));
		series->stack = open->stack;
	}
}

static void look_at_slos(struct rk_alert_watcher *watcher, struct rk_alert_watch *watch)
{
	const struct rk_alert_condition *condition = &watch->rule->condition;
	const struct rk_alert_slos *slos = &watcher->slos;
	struct rk_slo_result result;

	for (size_t i = 0; slos->get && slos->get(slos->slo, i, &result); i++) {
		struct rk_alert_key key = rk_alert_no_labels();
		struct rk_alert_series *series;
		double slow, fast;

		if (!rk_glob_matches(condition->slo, result.slo) ||
		    !rk_glob_matches(condition->target, result.target))
			continue;
		key.slo = result.slo;
		key.target = result.target;
		series = rk_alert_watch_series(watcher, watch, i + 1, &key);
		if (!series)
			continue;
		slow = slos->burn_rate(slos->slo, key.slo, key.target, condition->window_ns);
		fast = slos->burn_rate(slos->slo, key.slo, key.target, condition->short_window_ns);
		/* Both must burn, so the slower one counts; a target without a budget does not. */
		series->gauge = isnan(slow) || isnan(fast) ? NAN : slow < fast ? slow : fast;
	}
}

static void look_at_idle(struct rk_alert_watcher *watcher, struct rk_alert_watch *watch)
{
	const struct rk_alert_condition *condition = &watch->rule->condition;
	const struct rk_gpu_time *gpu = watcher->facts.sources.gpu;
	struct rk_alert_key key = rk_alert_no_labels();
	struct rk_gpu_split split;
	char text[16];

	key.gpu_state = condition->gpu_state;
	for (key.device = 0; gpu && key.device < RK_GPU_TIME_DEVICES; key.device++) {
		struct rk_alert_series *series;

		if (!rk_gpu_time_get(gpu, key.device, &split) ||
		    !rk_glob_matches(condition->device, device_text(key.device, text)))
			continue;
		series = rk_alert_watch_series(watcher, watch, (uint64_t)key.device + 1, &key);
		if (!series)
			continue;
		rk_alert_idle_note(series->idle, watcher->now, &split);
		/* A rule about the last minutes says nothing before there were as many. */
		series->gauge = series->idle->is_whole ?
					rk_alert_idle_share(series->idle, condition->gpu_states) :
					NAN;
	}
}

void rk_alert_watcher_advance(struct rk_alert_watcher *watcher, uint64_t now)
{
	struct rk_alert_key key = rk_alert_no_labels();

	watcher->now = now;
	if (watcher->tells_idleness)
		rk_alert_facts_advance(&watcher->facts, now);
	for (size_t i = 0; i < watcher->rules->count; i++) {
		struct rk_alert_watch *watch = &watcher->watches[i];

		switch (watch->rule->condition.kind) {
		case RK_CONDITION_NO_EXECUTIONS:
			/* There is something to miss from the start. */
			rk_alert_watch_series(watcher, watch, ONLY_KEY, &key);
			break;
		case RK_CONDITION_IN_FLIGHT:
			look_for_open(watcher, watch);
			break;
		case RK_CONDITION_BURN_RATE:
			look_at_slos(watcher, watch);
			break;
		case RK_CONDITION_GPU_IDLE:
			look_at_idle(watcher, watch);
			break;
		default:
			break;
		}
	}
}
