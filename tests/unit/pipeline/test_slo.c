/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_slo.c - verdicts, budgets and burn rates, with injected time.
 */
#include "op_log.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "pipeline/alert/slo.h"

#define MS	1000000ull
#define SECOND	1000000000ull
#define MINUTE	(60 * SECOND)
#define START	(1000 * MINUTE)
#define ERROR_2 1.0905077327 /* 2^(1/8): one bucket */

struct setup {
	struct rk_env *env;
	struct rk_config *config;
	struct rk_slo *slo;
	uint32_t mistakes;
};

static void setup(struct setup *s, const char *yaml)
{
	char path[] = "/tmp/rk-test-slo-XXXXXX", file[64];
	char *envp[] = { file, NULL };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	snprintf(file, sizeof(file), "RUSTKERNEL_CONFIG=%s", path);
	s->env = rk_env_create(envp);
	assert_non_null(s->env);
	assert_int_equal(rk_config_create(&s->config, s->env), 0);
	unlink(path);
	assert_int_equal(rk_slo_create(&s->slo, s->config, &s->mistakes), 0);
}

static void finish(struct setup *s)
{
	rk_slo_destroy(s->slo);
	rk_config_destroy(s->config);
	rk_env_destroy(s->env);
}

static void feed_kernel(struct setup *s, const char *name, uint64_t end, uint64_t ns)
{
	struct rk_op op = {
		.kind = RK_OP_KERNEL, .name = rk_intern(name), .start = end - ns, .end = end
	};

	rk_slo_feed(s->slo, &op);
}

static void feed_failure(struct setup *s, const char *name, uint64_t at)
{
	struct rk_op op = { .kind = RK_OP_ERROR,
			    .api = rk_intern("cuLaunchKernel"),
			    .name = rk_intern(name),
			    .host_start = at,
			    .host_end = at,
			    .result = 1 };

	rk_slo_feed(s->slo, &op);
}

static void feed_tick(struct setup *s, enum rk_op_kind kind, uint64_t at)
{
	struct rk_op op = { .kind = (uint8_t)kind, .start = at, .end = at };

	rk_slo_feed(s->slo, &op);
}

static struct rk_slo_result result_of(const struct setup *s, const char *slo, const char *target)
{
	struct rk_slo_result result;

	for (size_t i = 0; rk_slo_result_get(s->slo, i, &result); i++) {
		if (strcmp(result.slo, slo) == 0 && strcmp(result.target, target) == 0)
			return result;
	}
	fail_msg("no target %s of %s", target, slo);
	return result;
}

static void assert_near(double value, double wanted)
{
	if (!(fabs(value - wanted) <= 1e-9 * (1 + fabs(wanted))))
		fail_msg("%.12g is not %.12g", value, wanted);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Durations over five decades, the same in every run. */
static uint64_t next_duration(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint64_t)(1000 * exp2((double)(*state >> 40) / (1 << 24) * 17));
}

/* Nearest rank. */
static uint64_t exact(const uint64_t *sorted, uint64_t count, uint64_t per_mille)
{
	return sorted[(count * per_mille + 999) / 1000 - 1];
}

static const struct {
	const char *target;
	uint64_t per_mille;
} quantiles[] = {
	{ "latency_p50", 500 },
	{ "latency_p95", 950 },
	{ "latency_p99", 990 },
	{ "latency_p99.9", 999 },
};

#define VALUES 5003

static void fill_values(uint64_t *values)
{
	uint64_t state = 7;

	for (int i = 0; i < VALUES; i++)
		values[i] = next_duration(&state);
}

static void test_percentiles(void **state)
{
	uint64_t values[VALUES];
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: all, latency_p50: 900s, latency_p95: 900s, latency_p99: 900s, "
		  "latency_p99.9: 900s } ]\n");
	fill_values(values);
	for (int i = 0; i < VALUES; i++)
		feed_kernel(&s, "k", START + (uint64_t)i * MS, values[i]);
	qsort(values, VALUES, sizeof(values[0]), compare);
	for (size_t q = 0; q < 4; q++) {
		double wanted = (double)exact(values, VALUES, quantiles[q].per_mille) / 1e9;
		struct rk_slo_result r = result_of(&s, "all", quantiles[q].target);

		assert_int_equal(r.state, RK_SLO_MET);
		assert_int_equal(r.count, VALUES);
		assert_true(r.measured >= wanted);
		assert_true(r.measured <= wanted * ERROR_2 + 1e-9);
	}
	finish(&s);
}

/* The verdict is exact: one nanosecond decides. What is shown stands on the same side. */
static void check_threshold(const uint64_t *values, const char *target, uint64_t ns,
			    enum rk_slo_state wanted)
{
	struct rk_slo_result r;
	struct setup s;
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "slo: [ { name: all, %s: %lluns } ]\n", target,
		 (unsigned long long)ns);
	setup(&s, yaml);
	for (int i = 0; i < VALUES; i++)
		feed_kernel(&s, "k", START, values[i]);
	r = result_of(&s, "all", target);
	assert_int_equal(r.state, wanted);
	assert_int_equal(r.measured * 1e9 > (double)ns + 0.001, wanted == RK_SLO_VIOLATED);
	assert_int_equal(r.headroom < 0, wanted == RK_SLO_VIOLATED);
	assert_int_equal(r.budget_left < 0, wanted == RK_SLO_VIOLATED);
	if (wanted == RK_SLO_MET)
		assert_true(r.headroom >= 0.1 - 1e-6);
	finish(&s);
}

static void test_exact_verdict(void **state)
{
	uint64_t values[VALUES], sorted[VALUES];

	(void)state;
	fill_values(values);
	memcpy(sorted, values, sizeof(values));
	qsort(sorted, VALUES, sizeof(sorted[0]), compare);
	for (size_t q = 0; q < 4; q++) {
		uint64_t at = exact(sorted, VALUES, quantiles[q].per_mille);

		check_threshold(values, quantiles[q].target, at - 1, RK_SLO_VIOLATED);
		check_threshold(values, quantiles[q].target, at, RK_SLO_AT_RISK);
		check_threshold(values, quantiles[q].target, at * 10 / 9 - at / 100,
				RK_SLO_AT_RISK);
		check_threshold(values, quantiles[q].target, at * 10 / 9 + at / 1000, RK_SLO_MET);
	}
}

static void test_too_little(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo:\n"
		  "- { name: a, latency_p50: 1ms, latency_p99: 1ms, error_rate: 0.1 }\n"
		  "- { name: b, latency_p99: 1ms, min_executions: 5 }\n");
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_NO_DATA);
	assert_true(isnan(result_of(&s, "a", "latency_p50").measured));
	for (uint64_t i = 0; i < 9; i++)
		feed_kernel(&s, "k", START + i, 1000);
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_NO_DATA);
	assert_int_equal(result_of(&s, "a", "error_rate").state, RK_SLO_NO_DATA);
	assert_int_equal(result_of(&s, "b", "latency_p99").state, RK_SLO_MET);
	feed_kernel(&s, "k", START + 9, 1000);
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_MET);
	assert_int_equal(result_of(&s, "a", "error_rate").state, RK_SLO_MET);
	assert_int_equal(result_of(&s, "a", "latency_p99").state, RK_SLO_NO_DATA);
	assert_int_equal(result_of(&s, "a", "latency_p99").needed, 100);
	/* Two slow ones are more than 100 executions may have: 88 good ones cannot help. */
	feed_kernel(&s, "k", START + 10, 2 * MS);
	assert_int_equal(result_of(&s, "a", "latency_p99").state, RK_SLO_NO_DATA);
	feed_kernel(&s, "k", START + 11, 2 * MS);
	assert_int_equal(result_of(&s, "a", "latency_p99").state, RK_SLO_VIOLATED);
	finish(&s);
}

/* Times of calls say nothing about how long kernels took. */
static void test_host_time(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, latency_p50: 1ms, error_rate: 0.5 } ]\n");
	for (uint64_t i = 0; i < 20; i++) {
		struct rk_op op = { .kind = RK_OP_KERNEL,
				    .name = rk_intern("k"),
				    .flags = RK_OP_F_HOST_TIME,
				    .start = START,
				    .end = START + 1000 };

		rk_slo_feed(s.slo, &op);
	}
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_NO_DATA);
	assert_int_equal(result_of(&s, "a", "error_rate").state, RK_SLO_MET);
	finish(&s);
}

static void test_error_rate(void **state)
{
	struct rk_slo_result r;
	struct setup s;

	(void)state;
	setup(&s, "slo:\n"
		  "- { name: ok, error_rate: 0.02 }\n"
		  "- { name: near, error_rate: 0.0105 }\n"
		  "- { name: bad, error_rate: 0.005 }\n"
		  "- { name: none, error_rate: 0 }\n"
		  "- { name: other, kernel: \"x*\", error_rate: 0.5 }\n");
	for (uint64_t i = 0; i < 198; i++)
		feed_kernel(&s, "k", START + i * MS, 1000);
	feed_failure(&s, "k", START + SECOND);
	feed_failure(&s, "k", START + SECOND);
	r = result_of(&s, "ok", "error_rate");
	assert_int_equal(r.state, RK_SLO_MET);
	assert_near(r.measured, 0.01);
	assert_near(r.compliance, 0.99);
	assert_near(r.headroom, 0.5);
	assert_near(r.budget_left, 0.5);
	assert_near(r.burn[RK_SLO_BURN_5M], 0.5);
	assert_int_equal(result_of(&s, "near", "error_rate").state, RK_SLO_AT_RISK);
	r = result_of(&s, "bad", "error_rate");
	assert_int_equal(r.state, RK_SLO_VIOLATED);
	assert_near(r.headroom, -1);
	assert_near(r.budget_left, -1);
	r = result_of(&s, "none", "error_rate");
	assert_int_equal(r.state, RK_SLO_VIOLATED);
	assert_near(r.budget_left, -2);
	assert_int_equal(result_of(&s, "other", "error_rate").state, RK_SLO_NO_DATA);
	finish(&s);
}

/* Minute by minute: good, none, slow, good, failing. */
static void test_availability(void **state)
{
	static const uint64_t fast[] = { 20, 0, 9, 10, 20 }; /* of 20; more than half must be */
	struct rk_slo_result r;
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, latency_p50: 1ms, error_rate: 0.2, availability: 0.7 } ]\n");
	for (uint64_t m = 0; m < 5; m++) {
		for (uint64_t i = 0; m != 1 && i < 20; i++)
			feed_kernel(&s, "k", START + m * MINUTE + i * SECOND,
				    i >= fast[m] ? 2 * MS : 1000);
	}
	for (uint64_t i = 0; i < 6; i++)
		feed_failure(&s, "k", START + 4 * MINUTE + i * SECOND);
	/* The last minute is still open. */
	r = result_of(&s, "a", "availability");
	assert_int_equal(r.count, 3);
	assert_near(r.measured, 2.0 / 3);
	feed_tick(&s, RK_OP_TICK, START + 5 * MINUTE + 4 * SECOND); /* late records may come */
	assert_int_equal(result_of(&s, "a", "availability").count, 3);
	feed_tick(&s, RK_OP_TICK, START + 5 * MINUTE + 5 * SECOND);
	r = result_of(&s, "a", "availability");
	assert_int_equal(r.count, 4);
	assert_near(r.measured, 0.5);
	assert_int_equal(r.state, RK_SLO_VIOLATED);
	assert_near(r.budget_left, 1 - 2 / (0.3 * 4));
	/* In the newest five minutes: two bad ones of three. */
	assert_near(r.burn[RK_SLO_BURN_5M], 2.0 / 3 / 0.3);
	assert_near(r.burn[RK_SLO_BURN_1H], 0.5 / 0.3);
	finish(&s);
}

/* At the end the open minute counts as it is; a pause of hours does not hide what was. */
static void test_availability_at_end(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, availability: 0.5 } ]\n");
	feed_kernel(&s, "k", START, 1000);
	feed_tick(&s, RK_OP_TICK, START + 10 * 60 * MINUTE);
	assert_int_equal(result_of(&s, "a", "availability").count, 1);
	feed_failure(&s, "k", START + 10 * 60 * MINUTE);
	assert_int_equal(result_of(&s, "a", "availability").count, 1);
	feed_tick(&s, RK_OP_END, START + 10 * 60 * MINUTE);
	assert_int_equal(result_of(&s, "a", "availability").count, 2);
	assert_near(result_of(&s, "a", "availability").measured, 0.5);
	finish(&s);
}

static void test_throughput(void **state)
{
	struct rk_slo_result r;
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, throughput: 5 } ]\n");
	for (uint64_t i = 0; i < 5; i++)
		feed_kernel(&s, "k", START + i * 100 * MS + 1000, 1000);
	assert_int_equal(result_of(&s, "a", "throughput").state, RK_SLO_NO_DATA);
	for (uint64_t i = 5; i < 100; i++)
		feed_kernel(&s, "k", START + i * 100 * MS + 1000, 1000);
	feed_tick(&s, RK_OP_TICK, START + 10 * SECOND);
	r = result_of(&s, "a", "throughput");
	assert_int_equal(r.state, RK_SLO_MET);
	assert_near(r.measured, 10);
	assert_near(r.headroom, 1);
	assert_true(isnan(r.budget_left) && isnan(r.burn[0]));
	feed_tick(&s, RK_OP_TICK, START + 19 * SECOND);
	assert_int_equal(result_of(&s, "a", "throughput").state, RK_SLO_AT_RISK);
	feed_tick(&s, RK_OP_TICK, START + 40 * SECOND);
	r = result_of(&s, "a", "throughput");
	assert_int_equal(r.state, RK_SLO_VIOLATED);
	assert_near(r.headroom, -0.5);
	finish(&s);
}

/* Ten bad minutes in a good day, as alerts on burn rates see them. */
static void test_burn_rates(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, latency_p99: 1ms, error_rate: 0.001 } ]\n");
	for (uint64_t m = 0; m < 400; m++) {
		for (uint64_t i = 0; i < 10; i++)
			feed_kernel(&s, "k", START + m * MINUTE + i * SECOND,
				    m >= 390 && i < 5 ? 2 * MS : 1000);
	}
	assert_near(rk_slo_burn_rate(s.slo, "a", "latency_p99", 5 * MINUTE), 50);
	assert_near(rk_slo_burn_rate(s.slo, "a", "latency_p99", 30 * MINUTE), 50.0 / 3);
	assert_near(rk_slo_burn_rate(s.slo, "a", "latency_p99", 60 * MINUTE), 50.0 / 6);
	assert_near(rk_slo_burn_rate(s.slo, "a", "latency_p99", 360 * MINUTE), 50.0 / 36);
	assert_near(rk_slo_burn_rate(s.slo, "a", "error_rate", 5 * MINUTE), 0);
	assert_near(rk_slo_burn_rate(s.slo, "a", NULL, 5 * MINUTE), 50);
	assert_true(isnan(rk_slo_burn_rate(s.slo, "a", "throughput", MINUTE)));
	assert_true(isnan(rk_slo_burn_rate(s.slo, "b", NULL, MINUTE)));
	/* Nothing burns without traffic. */
	feed_tick(&s, RK_OP_TICK, START + 410 * MINUTE);
	assert_near(rk_slo_burn_rate(s.slo, "a", "latency_p99", 5 * MINUTE), 0);
	finish(&s);
}

static void test_window_moves_on(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo: [ { name: a, window: 1h, latency_p50: 1ms } ]\n");
	for (uint64_t i = 0; i < 20; i++)
		feed_kernel(&s, "k", START + i * SECOND, 2 * MS);
	feed_tick(&s, RK_OP_TICK, START + 57 * MINUTE);
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_VIOLATED);
	for (uint64_t i = 0; i < 10; i++)
		feed_kernel(&s, "k", START + 62 * MINUTE, 1000);
	assert_int_equal(result_of(&s, "a", "latency_p50").state, RK_SLO_MET);
	assert_int_equal(result_of(&s, "a", "latency_p50").count, 10);
	finish(&s);
}

static void feed_instrument(struct setup *s, uint32_t number, const char *name, const char *domain)
{
	struct rk_fields_writer text;
	uint8_t bytes[256];
	struct rk_op op = { .kind = RK_OP_INSTRUMENT,
			    .instrument = { .number = number, .type = RK_INSTRUMENT_EXECUTION } };

	rk_fields_writer_init(&text, bytes, sizeof(bytes));
	rk_fields_put_placed(&text, name);
	rk_fields_put_placed(&text, "");
	rk_fields_put_placed(&text, "");
	rk_fields_put_placed(&text, domain);
	op.text = bytes;
	op.text_bytes = (uint32_t)text.used;
	rk_slo_feed(s->slo, &op);
}

static void feed_sample(struct setup *s, uint32_t number, double seconds, enum rk_sample_what what)
{
	struct rk_op op = { .kind = RK_OP_SAMPLE,
			    .host_start = START,
			    .sample = { number, (uint16_t)what, seconds } };

	rk_slo_feed(s->slo, &op);
}

/* What the program records replaces what the GPU shows, unless one of them was asked for. */
static void test_sources(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "slo:\n"
		  "- { name: auto, domain: Graph, latency_p50: 1ms, error_rate: 0.9 }\n"
		  "- { name: all, latency_p50: 1ms, source: gpu }\n"
		  "- { name: api, kernel: \"g/*\", latency_p50: 10s, source: api }\n");
	for (uint64_t i = 0; i < 20; i++)
		feed_kernel(&s, "k", START, 1000);
	feed_instrument(&s, 1, "g/pagerank", "Graph");
	feed_instrument(&s, 2, "other", "");
	for (int i = 0; i < 15; i++) {
		feed_sample(&s, 1, 0.5, i < 12 ? RK_SAMPLE_VALUE : RK_SAMPLE_ERROR);
		feed_sample(&s, 2, 0.5, RK_SAMPLE_VALUE);
		feed_sample(&s, 1, (double)NAN, RK_SAMPLE_VALUE);
		feed_sample(&s, 1, -1, RK_SAMPLE_VALUE);
		feed_sample(&s, RK_INSTRUMENTS_MAX + 1, 1, RK_SAMPLE_VALUE);
	}
	assert_int_equal(result_of(&s, "auto", "latency_p50").count, 15);
	assert_int_equal(result_of(&s, "auto", "latency_p50").state, RK_SLO_VIOLATED);
	assert_near(result_of(&s, "auto", "error_rate").measured, 0.2);
	assert_int_equal(result_of(&s, "all", "latency_p50").count, 20);
	assert_int_equal(result_of(&s, "api", "latency_p50").state, RK_SLO_MET);
	finish(&s);
}

static void test_board(void **state)
{
	struct rk_slo_notice notice;
	struct setup s;
	uint32_t i = 0;

	(void)state;
	setup(&s, "slo: [ { name: on_the_board, latency_p50: 1ms } ]\n");
	for (uint64_t n = 0; n < 20; n++)
		feed_kernel(&s, "k", START + n, 2 * MS);
	feed_tick(&s, RK_OP_TICK, START + 2 * SECOND);
	while (rk_slo_board_read(i, &notice) && strcmp(notice.slo, "on_the_board") != 0)
		i++;
	assert_true(rk_slo_board_read(i, &notice));
	assert_string_equal(notice.target, "latency_p50");
	assert_int_equal(notice.state, RK_SLO_VIOLATED);
	assert_near(notice.budget_left, -1);
	finish(&s);
}

struct changes {
	uint32_t count;
	enum rk_slo_state was, now;
	uint64_t at;
};

static void note_change(void *data, uint64_t time_ns, const struct rk_slo_result *now,
			enum rk_slo_state was)
{
	struct changes *changes = data;

	assert_string_equal(now->slo, "one");
	assert_string_equal(now->target, "error_rate");
	changes->count++;
	changes->was = was;
	changes->now = now->state;
	changes->at = time_ns;
}

static void expect_change(const struct changes *changes, uint32_t count, enum rk_slo_state was,
			  enum rk_slo_state now)
{
	assert_int_equal(changes->count, count);
	assert_int_equal(changes->was, was);
	assert_int_equal(changes->now, now);
}

/* One tenth may fail: nine of ten of these are a risk. */
static void test_changes(void **state)
{
	struct changes changes = { 0 };
	struct setup s;

	(void)state;
	setup(&s, "slo:\n- { name: one, kernel: a, error_rate: 0.1, window: 1m }\n");
	rk_slo_set_change(s.slo, note_change, &changes);
	for (int i = 0; i < 90; i++)
		feed_kernel(&s, "a", START + SECOND, MS);
	feed_tick(&s, RK_OP_TICK, START + 2 * SECOND);
	assert_int_equal(changes.count, 0); /* met from the start */
	for (int i = 0; i < 10; i++)
		feed_failure(&s, "a", START + 3 * SECOND);
	feed_tick(&s, RK_OP_TICK, START + 4 * SECOND);
	expect_change(&changes, 1, RK_SLO_MET, RK_SLO_AT_RISK);
	assert_int_equal(changes.at, START + 4 * SECOND);
	feed_tick(&s, RK_OP_TICK, START + 6 * SECOND);
	assert_int_equal(changes.count, 1); /* the same is told once */
	for (int i = 0; i < 10; i++)
		feed_failure(&s, "a", START + 7 * SECOND);
	feed_tick(&s, RK_OP_TICK, START + 8 * SECOND);
	expect_change(&changes, 2, RK_SLO_AT_RISK, RK_SLO_VIOLATED);
	/* Nothing is left of it: too little data is no verdict, and the next one is told. */
	feed_tick(&s, RK_OP_TICK, START + 5 * MINUTE);
	assert_int_equal(changes.count, 2);
	for (int i = 0; i < 90; i++)
		feed_kernel(&s, "a", START + 5 * MINUTE + SECOND, MS);
	feed_tick(&s, RK_OP_END, START + 5 * MINUTE + 2 * SECOND);
	expect_change(&changes, 3, RK_SLO_VIOLATED, RK_SLO_MET);
	rk_slo_set_change(NULL, note_change, &changes);
	finish(&s);
}

static void test_mistakes(void **state)
{
	struct rk_slo_result result;
	struct setup s;

	(void)state;
	setup(&s, "slo:\n"
		  "- { name: no_target }\n"
		  "- { name: zero, latency_p99: 0s }\n"
		  "- { name: bad, latency_p99: fast }\n"
		  "- { name: good, throughput: 1 }\n"
		  "- { name: good, throughput: 2 }\n"
		  "- { name: source, throughput: 2, source: moon }\n"
		  "- { name: window, throughput: 2, window: 1s }\n"
		  "- { throughput: 2 }\n");
	assert_int_equal(s.mistakes, 7);
	assert_true(rk_slo_result_get(s.slo, 0, &result));
	assert_string_equal(result.slo, "good");
	assert_near(result.wanted, 1);
	assert_false(rk_slo_result_get(s.slo, 1, &result));
	finish(&s);

	setup(&s, "metrics: { port: 9000 }\n");
	assert_null(s.slo);
	feed_kernel(&s, "k", START, 1);
	assert_false(rk_slo_result_get(s.slo, 0, &result));
	assert_true(isnan(rk_slo_burn_rate(s.slo, "a", NULL, MINUTE)));
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_exact_verdict),
		cmocka_unit_test(test_too_little),
		cmocka_unit_test(test_host_time),
		cmocka_unit_test(test_error_rate),
		cmocka_unit_test(test_availability),
		cmocka_unit_test(test_availability_at_end),
		cmocka_unit_test(test_throughput),
		cmocka_unit_test(test_burn_rates),
		cmocka_unit_test(test_window_moves_on),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_board),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
