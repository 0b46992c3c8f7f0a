/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_verdict.c - a dozen lines, and their numbers.
 */
#include "op_log.h"

#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/human_units.h"
#include "pipeline/use/gpu_time.h"
#include "pipeline/use/verdict.h"

static struct rk_gpu_time gpu_time;

static struct rk_verdict *make_verdict(const struct rk_config *config)
{
	struct rk_verdict *verdict;

	assert_int_equal(rk_verdict_create(&verdict, config), 0);
	rk_gpu_time_init(&gpu_time, NULL, NULL);
	rk_verdict_set_gpu_time(verdict, &gpu_time);
	return verdict;
}

static void finish(struct rk_verdict *verdict)
{
	rk_verdict_destroy(verdict);
	rk_gpu_time_finish(&gpu_time);
}

static void feed(struct rk_verdict *verdict, struct rk_op op)
{
	struct rk_sink *sink = rk_verdict_sink(verdict);

	rk_gpu_time_feed(&gpu_time, &op);
	sink->op(sink, &op);
}

static struct rk_op kernel_op(const char *name, uint64_t start, uint64_t end, uint32_t device)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern(name);
	op.start = start;
	op.end = end;
	op.device = device;
	return op;
}

static struct rk_op end_op(uint64_t now, uint64_t launches, uint64_t joined)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_END;
	op.start = op.end = now;
	op.tick.cpu_ns = now / 200;
	op.tick.ledger.calls[RK_WORK_LAUNCH] = launches;
	op.tick.ledger.joined[RK_WORK_LAUNCH] = joined;
	op.tick.ledger.open[RK_WORK_LAUNCH] = launches - joined;
	return op;
}

static void clock_op(struct rk_verdict *verdict, uint64_t now)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_CLOCK;
	op.start = op.end = now;
	feed(verdict, op);
}

static unsigned lines_of(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void test_numbers(void **state)
{
	struct rk_verdict *verdict;
	struct rk_config config;
	struct rk_op copy;
	char text[4096];

	(void)state;
	test_config_init(&config);
	verdict = make_verdict(&config);
	clock_op(verdict, 1000);
	/* Two streams overlap: 300 of 1,000 us are busy, though 400 us were run. */
	feed(verdict, kernel_op("_Z3addPfS_i", 101000, 301000, 0));
	feed(verdict, kernel_op("_ZN3foo3mulEPf", 201000, 401000, 0));
	/* Called when the GPU was idle, and 100 us later it ran. */
	copy = kernel_op("", 601000, 701000, 0);
	copy.kind = RK_OP_MEMCPY;
	copy.host_start = 501000;
	copy.host_end = 601000;
	feed(verdict, copy);
	feed(verdict, end_op(1001000, 2, 2));
	assert_true(rk_verdict_format(verdict, "app", "app.rkt.zst", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "rkpreload: app: wall time 1.00 ms, GPU busy 30.0 %, "
				     "copying 10.0 %, unknown 10.0 %, idle 50.0 %: "
				     "launch-bound 10.0, waiting 0.0, no work 40.0\n"));
	assert_non_null(strstr(text, "  50.0     200 us         1     200 us  add\n"));
	assert_non_null(strstr(text, "foo::mul\n"));
	assert_non_null(strstr(text, "losses: none (2 of 2 launches complete)"));
	assert_non_null(strstr(text, "(0.50 % of the wall time)"));
	assert_non_null(strstr(text, "next: rktrace report app.rkt.zst\n"));
	finish(verdict);
}

static void test_at_most_twelve_lines(void **state)
{
	struct rk_verdict *verdict;
	struct rk_config config;
	struct rk_op end = end_op(9000000, 30, 20);
	char text[4096];

	(void)state;
	test_config_init(&config);
	verdict = make_verdict(&config);
	clock_op(verdict, 1);
	for (uint64_t i = 0; i < 20; i++) {
		char name[300];

		snprintf(name, sizeof(name), "kernel_%0200llu", (unsigned long long)i);
		feed(verdict, kernel_op(name, 1000 * i, 1000 * i + 10 * i, i % 3));
	}
	end.tick.ledger.dropped[RK_LOSS_RING_FULL] = 12;
	end.tick.ledger.dropped[RK_LOSS_DISK] = 3;
	feed(verdict, end);
	rk_verdict_set_host_time_reason(verdict, "libcupti was not found");
	rk_verdict_format(verdict, "app", "f", text, sizeof(text));
	assert_int_equal(lines_of(text), 12);
	assert_non_null(strstr(text, "losses: !! 12 ring_full, 3 disk (20 of 30"));
	assert_non_null(strstr(text, "10 calls OPEN"));
	assert_non_null(strstr(text, "of 3 devices"));
	assert_non_null(strstr(text, "libcupti was not found"));
	rk_verdict_set_wire(verdict,
			    &(struct rk_net_signal_stats){
				    .eligible = 40, .sent = 21, .sampled_out = 11, .dropped = 8 });
	rk_verdict_format(verdict, "app", "f", text, sizeof(text));
	assert_int_equal(lines_of(text), 12);
	assert_non_null(strstr(text, "  21 of 40 spans sent, 11 sampled out, !! 8 dropped\n"));
	/* A short buffer is filled and ended, as snprintf does. */
	assert_true(rk_verdict_format(verdict, "app", "f", text, 20) > 20);
	assert_int_equal(strlen(text), 19);
	finish(verdict);
}

static void test_host_time_is_not_gpu_time(void **state)
{
	struct rk_verdict *verdict;
	struct rk_config config;
	struct rk_op op = kernel_op("k", 100, 200, 0);
	char text[4096];

	(void)state;
	test_config_init(&config);
	verdict = make_verdict(&config);
	op.flags = RK_OP_F_HOST_TIME;
	feed(verdict, op);
	feed(verdict, end_op(1000, 1, 1));
	rk_verdict_format(verdict, "app", "", text, sizeof(text));
	assert_non_null(strstr(text, "GPU busy unknown (host time only)"));
	assert_null(strstr(text, "next:"));
	finish(verdict);
}

static void test_units(void **state)
{
	char out[RK_HUMAN_MAX];

	(void)state;
	assert_string_equal(rk_human_time(out, 0), "0 ns");
	assert_string_equal(rk_human_time(out, 999), "999 ns");
	assert_string_equal(rk_human_time(out, 1000), "1.00 us");
	assert_string_equal(rk_human_time(out, 12345), "12.3 us");
	assert_string_equal(rk_human_time(out, 999600), "1.00 ms");
	assert_string_equal(rk_human_time(out, 2310000000), "2.31 s");
	assert_string_equal(rk_human_time(out, 7200000000000), "7200 s");
	assert_string_equal(rk_human_bytes(out, 1023), "1023 B");
	assert_string_equal(rk_human_bytes(out, 1536), "1.50 KiB");
	assert_string_equal(rk_human_bytes(out, 1048575), "1.00 MiB");
	assert_string_equal(rk_human_bytes(out, 3ull << 40), "3.00 TiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_at_most_twelve_lines),
		cmocka_unit_test(test_host_time_is_not_gpu_time),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
