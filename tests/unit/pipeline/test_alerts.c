/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_alerts.c - every condition fires and resolves at the second it should.
 */
#include "alert_story.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/instrument.h"
#include "core/intern.h"
#include "core/record.h"

#define MIB (1ll << 20)

#define RULE(name, condition, more)                                                                \
	"kernels: [{match: \"rank*\", id: graph/rank, domain: Graph}]\n"                           \
	"alerting:\n  group_wait: 0s\n  group_interval: 0s\n  rules:\n  - name: " name             \
	"\n    condition: {" condition "}\n" more "  channels: [{log: {}}]\n"

/* Of 22 kernels 2 are slow: the 95th percentile lies above what 20 of them keep to. */
static void latency(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("slow", "latency_exceeds: {threshold: 100ms, window: 60s}",
			     "    for_duration: 10s\n    kernels: [\"graph/*\"]\n"));
	story_run(&s, "rank_a", 20, 50);
	story_run(&s, "other", 20, 500);
	story_wait(&s, 30);
	story_run(&s, "rank_a", 2, 200);
	story_wait(&s, 39.75);
	story_expect_silence(&s);
	story_wait(&s, 120);
	assert_non_null(strstr(s.transitions[0].labels, "rule=slow,severity=warning,"
							"kernel_id=graph/rank,domain=Graph,"
							"device=0,source=gpu"));
	assert_non_null(
		strstr(s.transitions[0].summary, "p95 of graph/rank on device 0 is 200 ms"));
	assert_true(s.transitions[0].value > 0.1 && s.transitions[0].value <= 0.2);
	story_expect(&s, "slow", RK_ALERT_FIRING, 40);
	story_expect(&s, "slow", RK_ALERT_RESOLVED, 90);
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 40);
	story_expect_notice(&s, "slow", RK_ALERT_RESOLVED, 90);
	story_expect_silence(&s);
	story_finish(&s);
}

/* Exactly the share that is allowed, and a duration that is exactly the threshold, are fine. */
static void latency_at_its_bounds(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s,
		    RULE("slow", "latency_exceeds: {threshold: 100ms, window: 60s, percentile: 50}",
			 ""));
	story_run(&s, "rank_a", 10, 100);
	story_run(&s, "rank_a", 10, 101);
	story_wait(&s, 1);
	story_expect_silence(&s);
	story_run(&s, "rank_a", 1, 101);
	story_wait(&s, 2);
	story_expect(&s, "slow", RK_ALERT_FIRING, 1);
	story_finish(&s);
}

static void hysteresis_in_value_and_time(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("slow",
			     "latency_exceeds: {threshold: 100ms, resolve: 50ms, window: 10s, "
			     "percentile: 50}",
			     "    keep_firing_for: 5s\n"));
	story_run(&s, "rank_a", 1, 200);
	story_wait(&s, 10);
	/* Below the threshold, but not good enough to be over. */
	for (int i = 0; i < 20; i++) {
		story_run(&s, "rank_a", 1, 60);
		story_wait(&s, s.now + 1);
	}
	story_expect(&s, "slow", RK_ALERT_FIRING, 0);
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 0);
	story_expect_silence(&s);
	/* The last one was at 29; it is gone at 39, and five seconds later the alert is. */
	story_wait(&s, 60);
	story_expect(&s, "slow", RK_ALERT_RESOLVED, 44);
	story_expect_notice(&s, "slow", RK_ALERT_RESOLVED, 44);
	story_expect_silence(&s);
	story_finish(&s);
}

/* A pending alert that is over is nothing that happened. */
static void a_short_trouble_is_none(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("slow", "latency_exceeds: {threshold: 100ms, window: 10s}",
			     "    for_duration: 15s\n"));
	story_run(&s, "rank_a", 1, 200);
	story_wait(&s, 60);
	story_expect_silence(&s);
	story_finish(&s);
}

static void error_rate(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("bad", "error_rate_exceeds: {threshold: 0.1, window: 30s}",
			     "    severity: critical\n"));
	story_run(&s, "rank_a", 9, 1);
	story_fail(&s, "rank_a", 1);
	story_wait(&s, 5);
	story_expect_silence(&s);
	story_fail(&s, "rank_a", 1);
	story_wait(&s, 60);
	assert_non_null(strstr(s.transitions[0].summary, "18.2 % of the executions of graph/rank"));
	story_expect(&s, "bad", RK_ALERT_FIRING, 5);
	/* The nine that were well are gone at 30, the last that failed at 35. */
	story_expect(&s, "bad", RK_ALERT_RESOLVED, 35);
	story_finish(&s);
}

static void execution_rates(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("few", "execution_rate_below: {threshold: 2, window: 10s}",
			     "    by: [kernel_id]\n"
			     "  - name: many\n    condition: {execution_rate_above: {threshold: 3, "
			     "window: 10s}}\n"));
	for (int i = 0; i < 20; i++) {
		story_run(&s, "rank_a", 3, 1);
		story_wait(&s, s.now + 1);
	}
	story_expect_silence(&s);
	story_run(&s, "rank_a", 30, 1);
	story_wait(&s, 60);
	story_expect(&s, "many", RK_ALERT_FIRING, 20);
	/* The three of 19 leave at 29, which leaves three a second; the thirty of 20 at 30. */
	story_expect(&s, "many", RK_ALERT_RESOLVED, 29);
	story_expect(&s, "few", RK_ALERT_FIRING, 30);
	assert_int_equal(s.transition_count, 0);
	story_run(&s, "rank_a", 20, 1);
	story_wait(&s, 61);
	story_expect(&s, "few", RK_ALERT_RESOLVED, 60);
	story_finish(&s);
}

static void memory(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("full",
			     "memory_exceeds: {pool: \"dev*\", threshold: 64MiB, resolve: 32MiB, "
			     "device: \"1\"}",
			     ""));
	story_allocate(&s, 0, RK_POOL_DEVICE, 100 * MIB);
	story_allocate(&s, 1, RK_POOL_PINNED, 100 * MIB);
	story_allocate(&s, 1, RK_POOL_DEVICE, 64 * MIB);
	story_wait(&s, 3);
	story_expect_silence(&s);
	story_allocate(&s, 1, RK_POOL_DEVICE, 1);
	story_wait(&s, 5);
	story_allocate(&s, 1, RK_POOL_DEVICE, -1);
	story_wait(&s, 7);
	story_allocate(&s, 1, RK_POOL_DEVICE, -32 * MIB);
	story_wait(&s, 8);
	assert_non_null(strstr(s.transitions[0].labels, "device=1,pool=device"));
	assert_non_null(strstr(s.transitions[0].summary, "64.0 MiB of device memory"));
	assert_string_equal(s.transitions[0].holders,
			    "64.0 MiB (100 %) device in 2 by cuMemAlloc_v2, thread 7");
	assert_string_equal(s.transitions[0].idle, "");
	story_expect(&s, "full", RK_ALERT_FIRING, 3);
	story_expect(&s, "full", RK_ALERT_RESOLVED, 7);
	story_finish(&s);
}

static void memory_growth(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("leak", "memory_growth: {bytes: 50MiB, window: 60s}", ""));
	for (int i = 0; i < 100; i++) {
		story_allocate(&s, 0, RK_POOL_DEVICE, MIB);
		story_wait(&s, s.now + 1);
	}
	/* A minute must have been seen; then it grew by 60 MiB in every minute, until the last
	 * fifty were made. */
	story_wait(&s, 200);
	story_expect(&s, "leak", RK_ALERT_FIRING, 60);
	assert_true(s.transitions[0].at >= 109 && s.transitions[0].at <= 111);
	story_expect(&s, "leak", RK_ALERT_RESOLVED, s.transitions[0].at);
	assert_int_equal(s.transition_count, 0);
	story_finish(&s);
}

/* A GPU whose work is launched too slowly, beside one that is busy; then it gets better. */
static void gpu_idle(void **state)
{
	struct alert_story s;
	const struct story_event *fired = &s.transitions[0];

	(void)state;
	story_start(&s,
		    RULE("starved", "gpu_idle: {threshold: 0.5, resolve: 0.3, window: 10s}", ""));
	for (int i = 0; i < 40; i++) {
		story_launch(&s, 1, 0, 0.9);
		story_launch(&s, 3, i < 20 ? 0.75 : 0.125, i < 20 ? 0.25 : 0.875);
		story_wait(&s, s.now + 1);
	}
	assert_true(fired->at >= 10 && fired->at < 14);
	assert_non_null(strstr(fired->labels, "device=3,gpu_state=launch_bound"));
	assert_non_null(strstr(fired->summary, "device 3 was launch_bound for 75 % of 10s"));
	assert_non_null(strstr(fired->idle, "busy 25.0 %, launch_bound 75.0 % of 8.00 s"));
	assert_string_equal(fired->holders, "");
	story_expect(&s, "starved", RK_ALERT_FIRING, fired->at);
	assert_true(s.transitions[0].at > 25 && s.transitions[0].at < 33);
	story_expect(&s, "starved", RK_ALERT_RESOLVED, s.transitions[0].at);
	assert_int_equal(s.transition_count, 0);
	story_finish(&s);
}

static void gpu_idle_in_other_states(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("starved", "gpu_idle: {threshold: 0.5, state: busy}", ""));
	assert_null(s.engine);
	story_finish(&s);
	story_start(&s,
		    RULE("starved",
			 "gpu_idle: {threshold: 0.4, state: idle, device: \"1\", window: 4s}", ""));
	for (int i = 0; i < 10; i++) {
		story_launch(&s, 0, 0.5, 0.25);
		story_launch(&s, 1, 0.5, 0.25);
		story_wait(&s, s.now + 1);
	}
	assert_non_null(strstr(s.transitions[0].labels, "device=1,gpu_state=idle"));
	assert_true(s.transitions[0].value > 0.6);
	story_expect(&s, "starved", RK_ALERT_FIRING, s.transitions[0].at);
	assert_int_equal(s.transition_count, 0);
	story_finish(&s);
}

static void circuit_breaker(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("open", "circuit_breaker_open: {name: \"db*\"}", ""));
	story_define(&s, 1, RK_INSTRUMENT_BREAKER, "db-main");
	story_define(&s, 2, RK_INSTRUMENT_BREAKER, "cache");
	story_sample(&s, 2, 2, false);
	story_wait(&s, 5);
	story_expect_silence(&s);
	story_sample(&s, 1, 2, false);
	story_wait(&s, 10);
	story_sample(&s, 1, 1, false); /* half-open: not over */
	story_wait(&s, 20);
	story_sample(&s, 1, 0, false);
	story_wait(&s, 30);
	assert_string_equal(s.transitions[0].summary, "the circuit breaker db-main is open");
	story_expect(&s, "open", RK_ALERT_FIRING, 5);
	story_expect(&s, "open", RK_ALERT_RESOLVED, 20);
	story_finish(&s);
}

static bool one_target(const struct rk_slo *slo, size_t index, struct rk_slo_result *out)
{
	(void)slo;
	memset(out, 0, sizeof(*out));
	out->slo = index == 0 ? "graph" : "lookup";
	out->target = index == 0 ? "error_rate" : "throughput";
	return index < 2;
}

static double burn_long, burn_short;

static double burn_rate(const struct rk_slo *slo, const char *name, const char *target,
			uint64_t window_ns)
{
	(void)slo;
	(void)target;
	if (strcmp(name, "lookup") == 0)
		return NAN;
	return window_ns > 600000000000 ? burn_long : burn_short;
}

static void slo_burn_rate(void **state)
{
	const struct rk_alert_slos slos = { .get = one_target, .burn_rate = burn_rate };
	struct alert_story s;

	(void)state;
	story_start(&s, RULE("burn", "slo_burn_rate: {factor: 14.4, slo: \"*\"}",
			     "    severity: page\n"));
	rk_alert_engine_set_slos(s.engine, &slos);
	burn_long = 20;
	burn_short = 1;
	story_wait(&s, 10);
	story_expect_silence(&s);
	burn_short = 30;
	story_wait(&s, 20);
	burn_short = 2;
	story_wait(&s, 30);
	assert_non_null(
		strstr(s.transitions[0].labels, "severity=page,slo=graph,target=error_rate"));
	assert_true(s.transitions[0].value == 20);
	story_expect(&s, "burn", RK_ALERT_FIRING, 10);
	story_expect(&s, "burn", RK_ALERT_RESOLVED, 20);
	assert_int_equal(s.transition_count, 0);
	story_finish(&s);
}

/* Also where there never was one; and only those that are meant keep it quiet. */
static void no_executions(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s,
		    RULE("dead", "no_executions_for: {duration: 60s}", "    domains: [Graph]\n"));
	story_wait(&s, 59.75);
	story_run(&s, "stranger", 1, 1);
	story_expect_silence(&s);
	story_wait(&s, 70);
	story_expect(&s, "dead", RK_ALERT_FIRING, 60);
	story_run(&s, "rank_a", 1, 1);
	story_wait(&s, 129.75);
	story_expect(&s, "dead", RK_ALERT_RESOLVED, 70);
	story_wait(&s, 140);
	story_expect(&s, "dead", RK_ALERT_FIRING, 130);
	story_finish(&s);
}

static struct rk_op launch_op(const struct alert_story *s, enum rk_op_kind kind,
			      uint32_t correlation)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.name = rk_intern("rank_hangs");
	op.correlation = correlation;
	op.tid = 4711;
	op.stream = 7;
	op.device = 1;
	op.kernel.grid[0] = 128;
	op.kernel.grid[1] = op.kernel.grid[2] = 1;
	op.host_start = s->tick.start - 1000000000;
	if (kind == RK_OP_KERNEL) {
		op.start = op.host_start;
		op.end = s->tick.start;
	}
	return op;
}

static void kernel_in_flight(void **state)
{
	struct alert_story s;
	struct rk_op op;

	(void)state;
	story_start(&s, RULE("hang", "kernel_in_flight: {longer_than: 10s}", ""));
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_THREAD;
	op.tid = 4711;
	op.name = rk_intern("worker-3");
	story_feed(&s, &op);
	story_wait(&s, 5);
	op = launch_op(&s, RK_OP_IN_FLIGHT, 77); /* since 4 */
	story_feed(&s, &op);
	op = launch_op(&s, RK_OP_KERNEL, 78);
	story_feed(&s, &op);
	story_wait(&s, 13.75);
	story_expect_silence(&s);
	story_wait(&s, 20);
	assert_non_null(strstr(s.transitions[0].labels, "kernel_id=graph/rank"));
	assert_non_null(strstr(s.transitions[0].labels, "stream=7,thread=worker-3"));
	assert_non_null(strstr(s.transitions[0].summary, "stream 7, grid 128x1x1, launched by "
							 "worker-3"));
	story_expect(&s, "hang", RK_ALERT_FIRING, 14.25);
	op = launch_op(&s, RK_OP_KERNEL, 77);
	story_feed(&s, &op);
	story_wait(&s, 21);
	story_expect(&s, "hang", RK_ALERT_RESOLVED, 20);
	story_finish(&s);
}

/* @is_later: the program began to wait after all launches. */
static void feed_sync(struct alert_story *s, uint8_t scope, uint64_t stream, uint32_t context,
		      bool is_later)
{
	struct rk_op op = launch_op(s, RK_OP_SYNC, 0);

	memset(&op.sync, 0, sizeof(op.sync));
	op.sync.scope = scope;
	op.stream_handle = stream;
	op.context = context;
	op.host_start = is_later ? s->tick.start : 1;
	story_feed(s, &op);
}

/* Records may be held back: what the program has waited for is over without one. */
static void waited_for(void **state)
{
	struct alert_story s;
	struct rk_op op;

	(void)state;
	story_start(&s, RULE("hang", "kernel_in_flight: {longer_than: 10s}", ""));
	story_wait(&s, 5);
	op = launch_op(&s, RK_OP_IN_FLIGHT, 77); /* since 4 */
	op.stream_handle = 0x70;
	op.context = 3;
	story_feed(&s, &op);
	story_wait(&s, 20);
	story_expect(&s, "hang", RK_ALERT_FIRING, 14.25);
	feed_sync(&s, RK_SYNC_STREAM, 0x71, 3, true); /* another stream */
	feed_sync(&s, RK_SYNC_CONTEXT, 0, 4, true);   /* another context */
	feed_sync(&s, RK_SYNC_EVENT, 0x70, 3, true);  /* an event: it may stand before the launch */
	feed_sync(&s, RK_SYNC_STREAM, 0x70, 3, false); /* begun before the launch */
	story_wait(&s, 21);
	feed_sync(&s, RK_SYNC_STREAM, 0x70, 3, true);
	story_wait(&s, 22);
	story_expect(&s, "hang", RK_ALERT_RESOLVED, 21);
	op.host_start = s.tick.start;
	story_feed(&s, &op);
	story_wait(&s, 40);
	story_expect(&s, "hang", RK_ALERT_FIRING, 32.25);
	feed_sync(&s, RK_SYNC_CONTEXT, 0, 3, true);
	story_wait(&s, 41);
	story_expect(&s, "hang", RK_ALERT_RESOLVED, 40);
	story_finish(&s);
}

/* What waits may be a graph or a copy as well: its own op ends it, whatever its kind. */
static void graph_in_flight(void **state)
{
	struct alert_story s;
	struct rk_op op;

	(void)state;
	story_start(&s, RULE("hang", "kernel_in_flight: {longer_than: 10s}", ""));
	story_wait(&s, 5);
	op = launch_op(&s, RK_OP_IN_FLIGHT, 79);
	story_feed(&s, &op);
	op = launch_op(&s, RK_OP_GRAPH, 79);
	story_feed(&s, &op);
	story_wait(&s, 60);
	story_expect_silence(&s);
	story_finish(&s);
}

static void losses(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s,
		    RULE("lost", "losses_above: {threshold: 5, window: 30s, reason: ring*}", ""));
	s.tick.tick.ledger.dropped[RK_LOSS_DISK] = 100;
	s.tick.tick.ledger.dropped[RK_LOSS_RING_FULL] = 5;
	story_wait(&s, 5);
	story_expect_silence(&s);
	s.tick.tick.ledger.dropped[RK_LOSS_RING_FULL] = 6;
	story_wait(&s, 60);
	assert_non_null(strstr(s.transitions[0].labels, "reason=ring_full"));
	story_expect(&s, "lost", RK_ALERT_FIRING, 5);
	/* The first five were lost at 0. */
	story_expect(&s, "lost", RK_ALERT_RESOLVED, 30);
	story_finish(&s);
}

/* What the program times itself stays apart from what the GPU was seen doing. */
static void executions_of_the_api(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s,
		    RULE("slow", "latency_exceeds: {threshold: 100ms, window: 60s, percentile: 50}",
			 "  - name: bad\n    condition: {error_rate_exceeds: {threshold: 0.4, "
			 "window: 60s}}\n"));
	story_define(&s, 9, RK_INSTRUMENT_EXECUTION, "graph/rank");
	story_run(&s, "rank_a", 3, 10);
	story_sample(&s, 9, 0.2, false);
	story_sample(&s, 9, 0.2, true);
	story_wait(&s, 1);
	assert_non_null(
		strstr(s.transitions[0].labels, "kernel_id=graph/rank,domain=Made,source=api"));
	story_expect(&s, "slow", RK_ALERT_FIRING, 0);
	assert_non_null(strstr(s.transitions[0].labels, "source=api"));
	story_expect(&s, "bad", RK_ALERT_FIRING, 0);
	assert_int_equal(s.transition_count, 0);
	story_finish(&s);
}

/* The slowest sampled kernel is the example of its alert. */
static void example(void **state)
{
	struct alert_story s;
	struct rk_span span;
	struct rk_op op;

	(void)state;
	story_start(&s, RULE("slow", "latency_exceeds: {threshold: 100ms, window: 60s}", ""));
	memset(&op, 0, sizeof(op));
	memset(&span, 0, sizeof(span));
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern("rank_a");
	op.start = 1000;
	span.op = &op;
	span.trace_flags = 1;
	for (uint8_t i = 1; i <= 3; i++) {
		op.end = op.start + (i == 2 ? 300 : 200) * 1000000ull;
		span.trace_id[0] = i;
		story_feed(&s, &op);
		rk_alert_engine_note_span(s.engine, &span);
	}
	story_wait(&s, 1);
	assert_int_equal(s.transitions[0].trace_id[0], 2);
	story_finish(&s);
}

static void end_of_the_process(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting:\n  group_wait: 30s\n  rules:\n  - name: slow\n    condition: "
			"{latency_exceeds: {threshold: 100ms}}\n  channels: [{log: {}}]\n");
	story_run(&s, "rank_a", 1, 200);
	story_wait(&s, 10);
	story_expect(&s, "slow", RK_ALERT_FIRING, 0);
	story_expect_silence(&s);
	story_end(&s);
	story_expect(&s, "slow", RK_ALERT_RESOLVED, 10);
	assert_non_null(strstr(s.notices[1].summary, "(process ended)"));
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 10);
	story_expect_notice(&s, "slow", RK_ALERT_RESOLVED, 10);
	story_expect_silence(&s);
	story_finish(&s);
}

/* A crash resolves nothing: nobody knows. */
static void end_without_an_end(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting:\n  rules:\n  - name: slow\n    condition: "
			"{latency_exceeds: {threshold: 100ms}}\n  channels: [{log: {}}]\n");
	story_run(&s, "rank_a", 1, 200);
	story_wait(&s, 1);
	rk_alert_engine_finish(s.engine);
	story_expect(&s, "slow", RK_ALERT_FIRING, 0);
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 1);
	story_expect_silence(&s);
	story_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency),
		cmocka_unit_test(latency_at_its_bounds),
		cmocka_unit_test(hysteresis_in_value_and_time),
		cmocka_unit_test(a_short_trouble_is_none),
		cmocka_unit_test(error_rate),
		cmocka_unit_test(execution_rates),
		cmocka_unit_test(memory),
		cmocka_unit_test(memory_growth),
		cmocka_unit_test(gpu_idle),
		cmocka_unit_test(gpu_idle_in_other_states),
		cmocka_unit_test(circuit_breaker),
		cmocka_unit_test(slo_burn_rate),
		cmocka_unit_test(no_executions),
		cmocka_unit_test(kernel_in_flight),
		cmocka_unit_test(waited_for),
		cmocka_unit_test(graph_in_flight),
		cmocka_unit_test(losses),
		cmocka_unit_test(executions_of_the_api),
		cmocka_unit_test(example),
		cmocka_unit_test(end_of_the_process),
		cmocka_unit_test(end_without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
