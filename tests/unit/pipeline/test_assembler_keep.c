/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_keep.c - executions kept against the sampling.
 *
 * The assembler alone: ops in, spans into a list. Whatever is decided, every span must come
 * out once, and a second run over the same ops must give the same list.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/span/assembler.h"
#include "pipeline/span/assembler_hold.h"
#include "pipeline/span/assembler_slow.h"

#define UNSAMPLED "00-0af7651916cd43dd8400000000000001-b7ad6b7169203331-00"

struct fixture {
	struct rk_config config;
	struct rk_assembler_setup setup;
	struct rk_assembler *assembler;
	struct span_log log;
	uint64_t ordinal;
	uint64_t now;
};

static void take(const struct rk_span *span, void *data)
{
	struct fixture *f = data;

	/* A held op is put together again: it must be the one the span was made from. */
	if (span->op)
		assert_int_equal(span->op->end - span->op->start,
				 span->end_unix_ns - span->start_unix_ns);
	assert_int_equal(span->sequence, f->log.count + 1);
	f->log.sink.span(&f->log.sink, span);
}

static void prepare(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	test_config_init(&f->config);
	f->config.tracing_sampling_rate = 0;
	f->config.tracing_keep_errors = true;
	f->config.tracing_keep_slower_than = "";
	f->setup = (struct rk_assembler_setup){ .config = &f->config, .seed = 42, .span = take };
}

static void begin(struct fixture *f)
{
	span_log_init(&f->log);
	f->setup.data = f;
	f->ordinal = 0;
	f->now = 1000;
	assert_int_equal(rk_assembler_create(&f->assembler, &f->setup), 0);
}

static void end(struct fixture *f)
{
	rk_assembler_destroy(f->assembler);
	span_log_finish(&f->log);
}

static void feed(struct fixture *f, struct rk_op op)
{
	op.ordinal = ++f->ordinal;
	rk_assembler_feed(f->assembler, &op);
}

static void feed_kernel(struct fixture *f, uint64_t exec, const char *name, uint64_t duration_ns)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_KERNEL;
	op.exec = exec;
	op.start = f->now;
	op.end = f->now + duration_ns;
	op.host_start = f->now - 20;
	op.host_end = f->now - 10;
	op.tid = 7;
	op.name = rk_intern(name);
	op.flags = exec ? RK_OP_F_FIRST : RK_OP_F_ORPHAN;
	op.kernel.grid[0] = (uint32_t)duration_ns;
	f->now += duration_ns;
	feed(f, op);
}

static void feed_close(struct fixture *f, uint64_t exec, uint32_t calls)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_EXEC_CLOSE;
	op.exec = exec;
	op.close.ops = calls;
	feed(f, op);
}

static void feed_error(struct fixture *f, uint64_t exec)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_ERROR;
	op.exec = exec;
	op.result = 700;
	feed(f, op);
}

static void feed_execution(struct fixture *f, uint64_t exec, uint64_t duration_ns)
{
	feed_kernel(f, exec, "_Z4stepv", duration_ns);
	feed_close(f, exec, 1);
}

static struct rk_assembler_stats stats_of(const struct fixture *f)
{
	struct rk_assembler_stats stats;

	rk_assembler_get_stats(f->assembler, &stats);
	return stats;
}

static uint32_t count_sampled(const struct fixture *f)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < f->log.count; i++)
		count += f->log.spans[i].trace_flags & 1;
	return count;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

/* Every span came out once. */
static void check_once(const struct fixture *f)
{
	uint8_t(*ids)[8] = calloc(f->log.count ? f->log.count : 1, 8);

	assert_non_null(ids);
	for (uint32_t i = 0; i < f->log.count; i++)
		memcpy(ids[i], f->log.spans[i].span_id, 8);
	qsort(ids, f->log.count, 8, compare_ids);
	for (uint32_t i = 1; i < f->log.count; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], 8);
	free(ids);
}

static void test_a_failure_is_kept(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	begin(&f);
	feed_kernel(&f, 1, "_Z4stepv", 100);
	assert_int_equal(f.log.count, 0); /* held */
	assert_true(stats_of(&f).hold_bytes > 0);
	feed_error(&f, 1);
	assert_int_equal(f.log.count, 1); /* known now */
	assert_true(stats_of(&f).hold_bytes == 0);
	feed_kernel(&f, 1, "_Z4stepv", 200);
	assert_int_equal(f.log.count, 2); /* streams from here on */
	feed_close(&f, 1, 2);
	assert_int_equal(f.log.count, 4);
	for (uint32_t i = 0; i < f.log.count; i++) {
		assert_int_equal(f.log.spans[i].trace_flags, 3);
		assert_int_equal(f.log.spans[i].kept, RK_KEPT_ERROR);
		assert_string_equal(f.log.spans[i].tracestate, ""); /* count unknown: no th */
	}
	assert_int_equal(stats_of(&f).kept_error, 1);
	end(&f);
}

static void test_the_rest_is_given_as_not_sampled(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	begin(&f);
	feed_kernel(&f, 1, "_Z4stepv", 100);
	feed_kernel(&f, 2, "_Z4stepv", 100);
	feed_error(&f, 2);
	feed_close(&f, 1, 1);
	feed_close(&f, 2, 1);
	assert_int_equal(f.log.count, 6);
	assert_int_equal(count_sampled(&f), 3);
	for (uint32_t i = 0; i < f.log.count; i++)
		assert_int_equal(f.log.spans[i].trace_flags & 1, f.log.spans[i].exec == 2);
	check_once(&f);
	end(&f);
}

static void test_an_error_before_the_first_leaf(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	begin(&f);
	feed_error(&f, 1);
	feed_execution(&f, 1, 100);
	assert_int_equal(f.log.count, 3);
	assert_int_equal(count_sampled(&f), 3);
	end(&f);
}

static void test_sampled_ones_are_not_held(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	f.config.tracing_sampling_rate = 0.25;
	begin(&f);
	for (uint64_t exec = 1; exec <= 400; exec++) {
		uint32_t before = f.log.count;

		feed_kernel(&f, exec, "_Z4stepv", 100);
		assert_int_equal(f.log.count - before, stats_of(&f).hold_bytes == 0);
		feed_error(&f, exec);
		feed_close(&f, exec, 1);
	}
	for (uint32_t i = 0; i < f.log.count; i++) {
		bool is_kept = f.log.spans[i].kept == RK_KEPT_ERROR;

		assert_string_equal(f.log.spans[i].tracestate, is_kept ? "" : "ot=th:c");
	}
	assert_in_range(stats_of(&f).kept_error, 260, 340);
	end(&f);
}

static void test_off_means_nothing_waits(void **state)
{
	static const enum rk_sampler kinds[] = { RK_SAMPLER_RATIO, RK_SAMPLER_ALWAYS_OFF,
						 RK_SAMPLER_PARENT_ALWAYS_OFF };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		prepare(&f);
		f.config.tracing_sampler = kinds[i];
		f.config.tracing_keep_slower_than = "p99";
		if (kinds[i] == RK_SAMPLER_RATIO) {
			f.config.tracing_keep_errors = false;
			f.config.tracing_keep_slower_than = "";
		}
		begin(&f);
		feed_kernel(&f, 1, "_Z4stepv", 100);
		assert_int_equal(f.log.count, 1);
		feed_error(&f, 1);
		feed_close(&f, 1, 1);
		assert_int_equal(f.log.count, 3);
		assert_int_equal(count_sampled(&f), 0);
		end(&f);
	}
}

static void test_a_slow_kernel_is_kept(void **state)
{
	struct fixture f;
	uint64_t exec = 1;

	(void)state;
	prepare(&f);
	f.config.tracing_keep_errors = false;
	f.config.tracing_keep_slower_than = "p99";
	begin(&f);
	/* Too early to judge: 99 values, one of them long. */
	for (; exec <= 98; exec++)
		feed_execution(&f, exec, 1000 + exec % 10);
	feed_execution(&f, exec++, 5000);
	assert_int_equal(count_sampled(&f), 0);
	for (; exec <= 1000; exec++)
		feed_execution(&f, exec, 1000 + exec % 10);
	assert_int_equal(count_sampled(&f), 0);
	feed_execution(&f, exec, 3000);
	assert_int_equal(count_sampled(&f), 3);
	for (uint32_t i = f.log.count - 3; i < f.log.count; i++) {
		assert_int_equal(f.log.spans[i].kept, RK_KEPT_SLOW);
		assert_int_equal(f.log.spans[i].exec, exec);
	}
	/* Another kernel has a history of its own, and an orphan is a root. */
	feed_kernel(&f, ++exec, "_Z5otherv", 3000);
	feed_close(&f, exec, 1);
	assert_int_equal(count_sampled(&f), 3);
	feed_kernel(&f, 0, "_Z4stepv", 3000);
	assert_int_equal(count_sampled(&f), 4);
	feed_kernel(&f, 0, "_Z4stepv", 1000);
	assert_int_equal(count_sampled(&f), 4);
	assert_int_equal(stats_of(&f).kept_slow, 2);
	check_once(&f);
	end(&f);
}

static void test_history(void **state)
{
	struct rk_slow slow;
	uint32_t kept = 0;

	(void)state;
	rk_slow_init(&slow, "p90");
	/* 1..1000 in a fixed order: a tenth is longer than the ninth tenth. */
	for (uint32_t i = 0; i < 100000; i++)
		kept += rk_slow_judge(&slow, 1, 0, 1000ull * (1 + i * 7919u % 1000));
	assert_in_range(kept, 1500, 10000); /* fewer: the limit is the end of a bucket */
	/* The input grew: everything is slow for a while, and then it is not. */
	kept = 0;
	for (uint32_t i = 0; i < 200000; i++)
		kept += rk_slow_judge(&slow, 1, 0, 10000000);
	assert_in_range(kept, 1000, 50000);
	/* Kernels without a place are counted, not judged. */
	for (uint32_t i = 0; i < 2 * RK_SLOW_KERNELS_MAX; i++)
		rk_slow_judge(&slow, 100 + i, 3, 5);
	assert_int_equal(slow.count, RK_SLOW_KERNELS_MAX);
	assert_int_equal(slow.unjudged, RK_SLOW_KERNELS_MAX + 1);
	rk_slow_finish(&slow);
	rk_slow_init(&slow, "p100");
	assert_true(slow.quantile == 0);
	rk_slow_init(&slow, "p99.9");
	assert_true(slow.quantile > 0.9989 && slow.quantile < 0.9991);
	rk_slow_finish(&slow);
}

static void test_room_is_bounded(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	f.setup.hold_bytes = 64 * sizeof(struct rk_held_chunk);
	begin(&f);
	for (uint64_t i = 0; i < 4000; i++) {
		feed_kernel(&f, 1 + i % 200, "_Z4stepv", 100);
		assert_true(stats_of(&f).hold_bytes <= f.setup.hold_bytes);
	}
	assert_true(stats_of(&f).undecided >= 136);
	/* The oldest was let go: its failure comes too late. The newest still waits. */
	feed_error(&f, 1);
	assert_int_equal(count_sampled(&f), 0);
	for (uint64_t exec = 1; exec <= 200; exec++)
		feed_close(&f, exec, 20);
	assert_int_equal(f.log.count, 4000 + 2 * 200);
	assert_true(stats_of(&f).hold_bytes == 0);
	check_once(&f);
	end(&f);
}

static void test_room_for_nobody(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	f.setup.hold_bytes = 1; /* as without memory */
	begin(&f);
	feed_kernel(&f, 1, "_Z4stepv", 100);
	feed_kernel(&f, 1, "_Z4stepv", 100);
	feed_close(&f, 1, 2);
	assert_int_equal(f.log.count, 4);
	assert_int_equal(stats_of(&f).undecided, 1);
	check_once(&f);
	end(&f);
}

static void test_parts_of_a_large_one(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	begin(&f);
	for (uint32_t i = 0; i < 25000; i++)
		feed_kernel(&f, 1, "_Z4stepv", 100);
	/* Two full traces were given up, the third is still open. */
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 2);
	assert_int_equal(count_sampled(&f), 0);
	feed_error(&f, 1);
	assert_in_range(count_sampled(&f), 5000, 5100);
	for (uint32_t i = 0; i < 10000; i++) /* once kept, kept to the end */
		feed_kernel(&f, 1, "_Z4stepv", 100);
	feed_close(&f, 1, 35000);
	assert_int_equal(f.log.count, 35000 + 2 * 4);
	assert_int_equal(count_sampled(&f) + 20000 - 2 * 4 + 2 * 2, f.log.count);
	check_once(&f);
	end(&f);
}

static void test_a_remote_parent_that_was_not_sampled(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	f.config.tracing_sampling_rate = 1;
	f.setup.traceparent = UNSAMPLED;
	f.setup.tracestate = "a=1,ot=th:8;x:y,b=2";
	begin(&f);
	feed_execution(&f, 1, 100);
	feed_kernel(&f, 2, "_Z4stepv", 100);
	feed_error(&f, 2);
	feed_close(&f, 2, 1);
	assert_int_equal(count_sampled(&f), 3);
	for (uint32_t i = 3; i < 6; i++) {
		assert_int_equal(f.log.spans[i].trace_id[0], 0x0a);
		assert_int_equal(f.log.spans[i].trace_flags, 1); /* the random flag is copied */
		assert_string_equal(f.log.spans[i].tracestate, "ot=x:y,a=1,b=2");
	}
	end(&f);
}

/* A failure in a busy second is sent; but not without end. */
static void test_the_limit_may_be_overdrawn_once(void **state)
{
	struct fixture f;
	uint32_t known = 0;
	uint32_t sampled;

	(void)state;
	prepare(&f);
	f.config.tracing_sampling_rate = 1;
	f.config.tracing_max_spans_per_second = 300;
	begin(&f);
	for (uint64_t exec = 1; exec <= 1000; exec++)
		feed_execution(&f, exec, 10); /* all in one moment */
	assert_in_range(count_sampled(&f), 300, 302);
	for (uint64_t exec = 1001; exec <= 2000; exec++) {
		feed_kernel(&f, exec, "_Z4stepv", 10);
		feed_error(&f, exec);
		feed_close(&f, exec, 1);
	}
	assert_in_range(count_sampled(&f), 600, 604);
	assert_int_equal(stats_of(&f).kept_error + stats_of(&f).kept_refused, 1000);
	/* One second later the debt is paid, and not more: others wait for another one. */
	f.now += 1000000000;
	sampled = count_sampled(&f);
	feed_execution(&f, 3000, 10);
	assert_int_equal(count_sampled(&f), sampled);
	f.now += 500000000;
	feed_execution(&f, 3001, 10);
	assert_int_equal(count_sampled(&f), sampled + 3);
	/* While the limit turns some away, nobody knows what one stands for. */
	assert_string_equal(f.log.spans[f.log.count - 1].tracestate, "");
	f.now += 3000000000;
	feed_execution(&f, 3002, 10);
	assert_string_equal(f.log.spans[f.log.count - 1].tracestate, "ot=th:0");
	for (uint32_t i = 0; i < f.log.count; i++)
		known += f.log.spans[i].tracestate[0] != '\0';
	assert_in_range(known, 303, 305);
	check_once(&f);
	end(&f);
}

static uint32_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (uint32_t)(*x >> 32);
}

static void play(struct fixture *f)
{
	uint64_t seed = 88172645463325252ull;
	uint32_t calls[4096] = { 0 };

	for (uint64_t i = 0; i < 40000; i++) {
		uint64_t exec = 1 + i / 20 + random_next(&seed) % 16;
		uint32_t dice = random_next(&seed) % 100;

		if (dice < 2)
			feed_error(f, exec);
		feed_kernel(f, exec, dice % 2 ? "_Z1av" : "_Z1bv",
			    1000 + (dice == 7 ? 50000 : dice));
		calls[exec]++;
		if (i % 20 == 0 && i >= 400)
			feed_close(f, i / 20 - 16, calls[i / 20 - 16]);
	}
	rk_assembler_finish(f->assembler);
}

/* Live and replay are two runs over the same ops. */
static void test_two_runs_are_the_same(void **state)
{
	static struct fixture runs[2];
	struct rk_assembler_stats stats;

	(void)state;
	for (int run = 0; run < 2; run++) {
		prepare(&runs[run]);
		runs[run].config.tracing_sampling_rate = 0.3;
		runs[run].config.tracing_keep_slower_than = "p98";
		runs[run].config.tracing_max_spans_per_second = 1000000;
		runs[run].setup.hold_bytes = 20 * sizeof(struct rk_held_chunk);
		begin(&runs[run]);
		play(&runs[run]);
	}
	stats = stats_of(&runs[0]);
	/* All of it happened, or the test says nothing. */
	assert_true(stats.kept_error > 10 && stats.kept_slow > 10 && stats.undecided > 10);
	assert_int_equal(runs[0].log.count, runs[1].log.count);
	for (uint32_t i = 0; i < runs[0].log.count; i++) {
		const struct rk_span *a = &runs[0].log.spans[i];
		const struct rk_span *b = &runs[1].log.spans[i];

		assert_int_equal(a->sequence, b->sequence);
		assert_memory_equal(a->span_id, b->span_id, 8);
		assert_int_equal(a->trace_flags, b->trace_flags);
		assert_int_equal(a->kept, b->kept);
		assert_ptr_equal(a->tracestate, b->tracestate);
	}
	assert_int_equal(span_log_count(&runs[0].log, RK_SPAN_LEAF), 40000);
	check_once(&runs[0]);
	end(&runs[0]);
	end(&runs[1]);
}

static void test_ended_while_something_is_held(void **state)
{
	struct fixture f;

	(void)state;
	prepare(&f);
	begin(&f);
	for (uint64_t exec = 1; exec <= 50; exec++)
		feed_kernel(&f, exec, "_Z4stepv", 100);
	end(&f); /* the sanitizer looks for what is left */
	begin(&f);
	for (uint64_t exec = 1; exec <= 50; exec++)
		feed_kernel(&f, exec, "_Z4stepv", 100);
	rk_assembler_finish(f.assembler);
	assert_int_equal(f.log.count, 150);
	check_once(&f);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failure_is_kept),
		cmocka_unit_test(test_the_rest_is_given_as_not_sampled),
		cmocka_unit_test(test_an_error_before_the_first_leaf),
		cmocka_unit_test(test_sampled_ones_are_not_held),
		cmocka_unit_test(test_off_means_nothing_waits),
		cmocka_unit_test(test_a_slow_kernel_is_kept),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_room_is_bounded),
		cmocka_unit_test(test_room_for_nobody),
		cmocka_unit_test(test_parts_of_a_large_one),
		cmocka_unit_test(test_a_remote_parent_that_was_not_sampled),
		cmocka_unit_test(test_the_limit_may_be_overdrawn_once),
		cmocka_unit_test(test_two_runs_are_the_same),
		cmocka_unit_test(test_ended_while_something_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
