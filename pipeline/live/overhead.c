/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/overhead.c - windows, and what a step does.
 */
#include "pipeline/live/overhead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/fields.h"
#include "core/log.h"
#include "core/thread.h"
#include "pipeline/live/net_module.h"
#include "pipeline/use/overhead_text.h"

#define WINDOW_NS  (250u * 1000000u) /* longer than the start of an output, and than a flush */
#define TEXT_BYTES 512

/* What a ring had told when it was last looked at. */
struct rk_overhead_place {
	uint64_t head, counted, stack_ticks;
};

static uint32_t bit(enum rk_governor_step step)
{
	return 1u << step;
}

/* Whatever nobody asked for, or nothing has been seen of, saves nothing. */
static uint32_t useful_steps(const struct rk_overhead *overhead, const struct rk_ledger *ledger)
{
	const struct rk_config *config = overhead->setup.config;
	uint32_t useful = 0;

	if (config->stacks_mode != RK_STACKS_OFF)
		useful |= bit(RK_STEP_NO_STACKS);
	if (rk_net_sends(config, RK_NET_TRACES))
		useful |= bit(RK_STEP_SAMPLED_SPANS);
	if (overhead->setup.cannot_count)
		return useful;
	useful |= bit(RK_STEP_COUNTERS_ONLY);
	if (config->cupti_enabled && config->graph_trace == RK_GRAPH_NODE &&
	    ledger->calls[RK_WORK_GRAPH_LAUNCH])
		useful |= bit(RK_STEP_WHOLE_GRAPHS);
	if (ledger->calls[RK_WORK_MEMCPY] + ledger->calls[RK_WORK_MEMSET])
		useful |= bit(RK_STEP_KERNELS_ONLY);
	return useful;
}

/* ---- measuring ---- */

static struct rk_overhead_place *place_get(struct rk_overhead *overhead, uint32_t index)
{
	uint32_t count = overhead->place_count ? 2 * overhead->place_count : 64;
	struct rk_overhead_place *grown;

	if (index < overhead->place_count)
		return &overhead->places[index];
	while (count <= index)
		count *= 2;
	grown = realloc(overhead->places, count * sizeof(*grown));
	if (!grown)
		return NULL;
	memset(grown + overhead->place_count, 0, (count - overhead->place_count) * sizeof(*grown));
	overhead->places = grown;
	overhead->place_count = count;
	return &grown[index];
}

static uint64_t relaxed(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Counters begin anew when a ring gets another thread. */
static uint64_t take_new(uint64_t *before, uint64_t now)
{
	uint64_t new = now < *before ? now : now - *before;

	*before = now;
	return new;
}

static uint64_t counted_in(const struct rk_ring *ring)
{
	uint64_t sum = relaxed(&ring->withheld_other);

	for (int w = 0; w < RK_WORK_COUNT; w++)
		sum += relaxed(&ring->withheld[w]) + relaxed(&ring->lost[w]);
	return sum;
}

/* Return: whether the thread of that ring was in a hook. */
static bool measure_ring(struct rk_overhead *overhead, uint32_t index, uint64_t *hook_ns)
{
	const struct rk_ring *ring = rk_thread_ring_at(index);
	struct rk_overhead_place *place = ring ? place_get(overhead, index) : NULL;
	uint64_t hooks, ticks;

	if (!place)
		return false;
	hooks = take_new(&place->head, relaxed(&ring->head)) +
		take_new(&place->counted, counted_in(ring));
	ticks = take_new(&place->stack_ticks, relaxed(&ring->stack_ticks));
	*hook_ns += (uint64_t)((double)hooks * overhead->hook_ns);
	*hook_ns += rk_clock_ns(rk_clock_map.origin_ticks + ticks) - rk_clock_map.origin_ns;
	return hooks != 0;
}

static uint64_t cupti_ns(const struct rk_overhead *overhead)
{
	return overhead->setup.gpu_overhead_ns ? overhead->setup.gpu_overhead_ns() : 0;
}

static void measure(struct rk_overhead *overhead, uint64_t cpu_ns,
		    struct rk_governor_window *window)
{
	uint32_t count = rk_thread_ring_count(), busy = 0;
	uint64_t hook_ns = 0, cupti;

	for (uint32_t i = 0; i < count; i++)
		busy += measure_ring(overhead, i, &hook_ns);
	cupti = take_new(&overhead->last_cupti_ns, cupti_ns(overhead));
	window->cost_ns = hook_ns + cupti + take_new(&overhead->last_cpu_ns, cpu_ns);
	window->busy_ns = (window->now_ns - overhead->last_ns) * (busy ? busy : 1);
	overhead->last_ns = window->now_ns;
	overhead->hook_total_ns += hook_ns;
	overhead->cupti_total_ns += cupti;
	overhead->busy_total_ns += window->busy_ns;
}

/* ---- stepping ---- */

static void emit_settings(struct rk_overhead *overhead, const uint8_t *text, size_t size)
{
	struct rk_op op = { .kind = RK_OP_SETTINGS, .text = text, .text_bytes = (uint32_t)size };

	overhead->setup.emit(&op, overhead->setup.data);
}

static struct rk_overhead_step step_from(const struct rk_governor *governor,
					 enum rk_governor_step before)
{
	return (struct rk_overhead_step){
		.step = governor->step,
		.before = before,
		.share = governor->share,
		.budget = governor->budget,
	};
}

static void emit_step(struct rk_overhead *overhead, const struct rk_overhead_step *step)
{
	struct rk_fields_writer writer;
	uint8_t text[TEXT_BYTES];

	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_overhead_text_pack(step, &writer);
	emit_settings(overhead, text, writer.used);
}

static void tell(struct rk_overhead *overhead, enum rk_governor_step before)
{
	const struct rk_overhead_step step = step_from(&overhead->governor, before);
	char line[RK_OVERHEAD_LINE_MAX];

	emit_step(overhead, &step);
	rk_overhead_text_line(&step, line);
	if (step.step > before)
		rk_log_warn("overhead: %s", line);
	else
		rk_log_info("overhead: %s", line);
}

/* Which spans are sent is a function of the ops: so the change has to be one. */
static void follow_rate(struct rk_overhead *overhead, const struct rk_config *latest)
{
	bool is_sampled = overhead->governor.step >= RK_STEP_SAMPLED_SPANS;
	double rate = latest->tracing_sampling_rate;
	double wanted = is_sampled ? rate / RK_OVERHEAD_SAMPLE_ONE_IN : rate;
	struct rk_fields_writer writer;
	uint8_t text[TEXT_BYTES];
	char value[32];
	const struct rk_field field = { .key = "tracing.sampling_rate",
					.type = RK_FIELD_TEXT,
					.text = value };

	if (wanted == overhead->told_rate || (overhead->told_rate < 0 && !is_sampled))
		return;
	overhead->told_rate = is_sampled ? wanted : -1;
	if (overhead->setup.follow_sampling)
		overhead->setup.follow_sampling(wanted);
	snprintf(value, sizeof(value), "%.9g", wanted);
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put(&writer, &field);
	emit_settings(overhead, text, writer.used);
}

/* What CUPTI is asked for at a step. */
static int session_of(enum rk_governor_step step)
{
	return (step >= RK_STEP_WHOLE_GRAPHS) + (step >= RK_STEP_KERNELS_ONLY) +
	       (step >= RK_STEP_COUNTERS_ONLY);
}

static void make(struct rk_overhead *overhead, enum rk_governor_step before)
{
	enum rk_governor_step step = overhead->governor.step;

	overhead->moves++;
	tell(overhead, before);
	if (overhead->setup.limit)
		overhead->setup.limit(step);
	if (session_of(step) != session_of(before))
		rk_recording_hold(overhead->recording, true);
}

/* It was held for the length of a change: that is over when CUPTI was let go. */
static void release(struct rk_overhead *overhead)
{
	if (overhead->recording->is_held &&
	    rk_recording_state(overhead->recording) == RK_RECORDING_OFF &&
	    overhead->governor.step != RK_STEP_COUNTERS_ONLY)
		rk_recording_hold(overhead->recording, false);
}

/* Neither between two sessions nor while the user wants nothing to be recorded. */
static bool is_steady(const struct rk_recording *recording)
{
	enum rk_recording_state state = rk_recording_state(recording);

	return recording->is_held ? state == RK_RECORDING_OFF && recording->is_counting :
				    state == RK_RECORDING_ON;
}

void rk_overhead_init(struct rk_overhead *overhead, const struct rk_overhead_setup *setup,
		      struct rk_recording *recording)
{
	const struct rk_config *config = setup->config;

	memset(overhead, 0, sizeof(*overhead));
	overhead->setup = *setup;
	overhead->told_rate = -1;
	if (config->overhead_budget <= 0)
		return;
	rk_governor_init(&overhead->governor, config->overhead_budget, config->overhead_quiet);
	overhead->hook_ns = setup->hook_ns ? setup->hook_ns() : 0;
	overhead->last_ns = rk_clock_now();
	overhead->recording = recording;
}

void rk_overhead_begin(struct rk_overhead *overhead)
{
	const struct rk_overhead_step step =
		step_from(&overhead->governor, overhead->governor.step);

	if (rk_overhead_is_on(overhead))
		emit_step(overhead, &step);
}

void rk_overhead_finish(struct rk_overhead *overhead)
{
	free(overhead->places);
	overhead->places = NULL;
	overhead->place_count = 0;
	overhead->recording = NULL;
}

bool rk_overhead_is_due(const struct rk_overhead *overhead, uint64_t now)
{
	return overhead->recording &&
	       (now >= overhead->last_ns + WINDOW_NS || overhead->recording->is_held);
}

uint64_t rk_overhead_due(const struct rk_overhead *overhead)
{
	return overhead->recording ? overhead->last_ns + WINDOW_NS : UINT64_MAX;
}

void rk_overhead_run(struct rk_overhead *overhead, uint64_t now, uint64_t cpu_ns,
		     const struct rk_ledger *ledger, const struct rk_config *latest)
{
	struct rk_governor_window window = { .now_ns = now };
	enum rk_governor_step before = overhead->governor.step;

	release(overhead);
	if (now < overhead->last_ns + WINDOW_NS)
		return;
	measure(overhead, cpu_ns, &window);
	window.useful = useful_steps(overhead, ledger);
	if (is_steady(overhead->recording) && rk_governor_feed(&overhead->governor, &window))
		make(overhead, before);
	follow_rate(overhead, latest);
}

void rk_overhead_fill(const struct rk_overhead *overhead, struct rk_op *tick)
{
	tick->tick.hook_ns = overhead->hook_total_ns;
	tick->tick.gpu_overhead_ns = overhead->cupti_total_ns;
	tick->tick.busy_ns = overhead->busy_total_ns;
	tick->tick.step = overhead->governor.step;
}
