/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_memory_use.c - who holds how much, from ops alone.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/use/memory_use.h"

#define TOP_MAX 8

struct fixture {
	struct rk_memory_use *use;
	uint64_t ordinal;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.ordinal = 0;
	*state = &fixture;
	return rk_memory_use_create(&fixture.use);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rk_memory_use_destroy(f->use);
	return 0;
}

/* The n-th op is at n * 100 ns. */
static void feed(struct fixture *f, struct rk_op op)
{
	op.ordinal = ++f->ordinal;
	op.host_start = op.ordinal * 100;
	op.host_end = op.host_start + 10;
	rk_memory_use_feed(f->use, &op);
}

static struct rk_op taken(uint32_t tid, uint64_t ptr, uint64_t bytes)
{
	return (struct rk_op){ .kind = RK_OP_ALLOC,
			       .tid = tid,
			       .api = rk_intern("cuMemAlloc_v2"),
			       .memory = { .ptr = ptr, .bytes = bytes } };
}

static struct rk_op given(uint32_t tid, uint64_t ptr, uint64_t bytes)
{
	return (struct rk_op){ .kind = RK_OP_FREE,
			       .tid = tid,
			       .api = rk_intern("cuMemFree_v2"),
			       .memory = { .ptr = ptr, .bytes = bytes } };
}

static struct rk_op refused(uint32_t tid, uint64_t bytes)
{
	struct rk_op op = taken(tid, bytes, 0);

	op.flags = RK_OP_F_OPEN;
	op.result = 2;
	return op;
}

static struct rk_op in_pool(struct rk_op op, enum rk_pool pool, const char *api)
{
	op.memory.pool = (uint8_t)pool;
	op.api = rk_intern(api);
	return op;
}

static struct rk_op by_stack(struct rk_op op, uint32_t stack)
{
	op.stack = stack;
	return op;
}

static struct rk_memory_totals totals(const struct fixture *f)
{
	struct rk_memory_totals totals;

	rk_memory_use_totals(f->use, &totals);
	return totals;
}

static size_t top(const struct fixture *f, enum rk_memory_order order,
		  struct rk_memory_holder out[TOP_MAX])
{
	return rk_memory_use_top(f->use, NULL, order, out, TOP_MAX);
}

static void test_live_and_peak(void **state)
{
	struct fixture *f = *state;
	const struct rk_memory_row *row;
	const struct rk_memory_space *space;

	feed(f, taken(1, 0x1000, 100));
	feed(f, taken(1, 0x2000, 50));
	feed(f, given(1, 0x1000, 100));
	feed(f, taken(1, 0x3000, 20));
	row = rk_memory_use_row(f->use, 0);
	assert_int_equal(row->live_bytes, 70);
	assert_int_equal(row->live_count, 2);
	assert_int_equal(row->peak_bytes, 150);
	assert_int_equal(row->peak_ns, 210);
	assert_int_equal(row->allocs, 3);
	assert_int_equal(row->alloc_bytes, 170);
	assert_int_equal(row->frees, 1);
	space = rk_memory_use_space(f->use, 0);
	assert_int_equal(space->live_bytes, 70);
	assert_int_equal(space->peak_bytes, 150);
	assert_int_equal(space->peak_ns, 210);
	assert_int_equal(totals(f).first_ns, 100);
	assert_int_equal(totals(f).last_ns, 410);
	assert_null(rk_memory_use_row(f->use, 1));
	assert_null(rk_memory_use_space(f->use, 1));
}

/* The peak of a space is that of its pools together, not the sum of theirs. */
static void test_peak_of_pools_together(void **state)
{
	struct fixture *f = *state;

	feed(f, taken(1, 0x1000, 100));
	feed(f, given(1, 0x1000, 100));
	feed(f, in_pool(taken(1, 0x2000, 80), RK_POOL_ASYNC, "cuMemAllocAsync"));
	assert_int_equal(rk_memory_use_row(f->use, 0)->peak_bytes, 100);
	assert_int_equal(rk_memory_use_row(f->use, 1)->peak_bytes, 80);
	assert_int_equal(rk_memory_use_space(f->use, 0)->peak_bytes, 100);
	feed(f, taken(1, 0x1000, 30));
	assert_int_equal(rk_memory_use_space(f->use, 0)->peak_bytes, 110);
	assert_int_equal(rk_memory_use_space(f->use, 0)->peak_ns, 410);
}

/* One number is a device address, an array and physical memory: three allocations. */
static void test_handles_are_no_addresses(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, taken(1, 0x10, 1));
	feed(f, in_pool(taken(1, 0x10, 20), RK_POOL_ARRAY, "cuArrayCreate_v2"));
	feed(f, in_pool(taken(1, 0x10, 300), RK_POOL_VMM, "cuMemCreate"));
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 321);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 3);
	feed(f, in_pool(given(1, 0x10, 20), RK_POOL_ARRAY, "cuArrayDestroy"));
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 1);
	assert_int_equal(rk_memory_use_row(f->use, 1)->live_bytes, 0);
	assert_int_equal(rk_memory_use_row(f->use, 2)->live_bytes, 300);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 301);
}

/* Host memory is one space for all devices; what was registered is a part of what is pinned. */
static void test_pinned_and_registered(void **state)
{
	struct fixture *f = *state;
	struct rk_op other = in_pool(taken(1, 0x2000, 50), RK_POOL_PINNED, "cuMemHostRegister_v2");
	const struct rk_memory_row *row;

	feed(f, in_pool(taken(1, 0x1000, 100), RK_POOL_PINNED, "cuMemHostAlloc"));
	feed(f, other);
	other.memory.ptr = 0x3000;
	other.device = 1;
	feed(f, other);
	assert_null(rk_memory_use_space(f->use, 1));
	assert_int_equal(rk_memory_use_space(f->use, 0)->device, RK_MEMORY_ON_HOST);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 200);
	row = rk_memory_use_row(f->use, 0);
	assert_false(row->is_registered);
	assert_int_equal(row->live_bytes, 150);
	row = rk_memory_use_row(f->use, 1);
	assert_true(row->is_registered);
	assert_int_equal(row->live_bytes, 50);
	feed(f, in_pool(given(1, 0x2000, 50), RK_POOL_PINNED, "cuMemHostUnregister"));
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 100);
	assert_int_equal(row->live_bytes, 0);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 150);
}

/* By stack whoever the thread was, else by function and thread. */
static void test_holders(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, by_stack(taken(1, 0x1000, 10), 7));
	feed(f, by_stack(taken(2, 0x2000, 20), 7));
	feed(f, taken(1, 0x3000, 5));
	feed(f, taken(2, 0x4000, 6));
	feed(f, taken(2, 0x5000, 100));
	feed(f, given(1, 0x5000, 100)); /* whoever frees it */
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 3);
	assert_int_equal(out[0].stack, 7);
	assert_int_equal(out[0].tid, 0);
	assert_int_equal(out[0].live_bytes, 30);
	assert_int_equal(out[0].live_count, 2);
	assert_int_equal(out[0].allocs, 2);
	assert_int_equal(out[1].tid, 2);
	assert_int_equal(out[1].live_bytes, 6);
	assert_int_equal(out[1].alloc_bytes, 106);
	assert_int_equal(out[2].tid, 1);
	assert_int_equal(rk_memory_use_top(f->use, NULL, RK_MEMORY_BY_LIVE, out, 1), 1);
	assert_int_equal(out[0].stack, 7);
}

/* What each held when all of them together held most, not the most that each ever held. */
static void test_holders_at_the_peak(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, by_stack(taken(1, 0x1000, 100), 1));
	feed(f, given(1, 0x1000, 100));
	feed(f, by_stack(taken(1, 0x2000, 150), 2));
	assert_int_equal(top(f, RK_MEMORY_BY_PEAK, out), 1);
	assert_int_equal(out[0].stack, 2);
	feed(f, by_stack(taken(1, 0x1000, 40), 1));
	feed(f, given(1, 0x2000, 150));
	feed(f, by_stack(taken(1, 0x3000, 10), 1));
	assert_int_equal(top(f, RK_MEMORY_BY_PEAK, out), 2);
	assert_int_equal(out[0].stack, 2);
	assert_int_equal(out[0].peak_bytes, 150);
	assert_int_equal(out[0].live_bytes, 0);
	assert_int_equal(out[1].peak_bytes, 40);
	assert_int_equal(out[1].live_bytes, 50);
}

static void test_top_of_a_space(void **state)
{
	struct fixture *f = *state;
	struct rk_op other = taken(1, 0x2000, 20);
	struct rk_memory_holder out[TOP_MAX];

	other.device = 3;
	feed(f, taken(1, 0x1000, 10));
	feed(f, other);
	feed(f, in_pool(taken(1, 0x3000, 30), RK_POOL_PINNED, "cuMemHostAlloc"));
	for (uint32_t i = 0; i < 3; i++) {
		const struct rk_memory_space *space = rk_memory_use_space(f->use, i);

		assert_int_equal(rk_memory_use_top(f->use, space, RK_MEMORY_BY_LIVE, out, TOP_MAX),
				 1);
		assert_int_equal(out[0].live_bytes, 10 * (i + 1));
	}
	assert_ptr_equal(rk_memory_use_space_of(f->use, 3, RK_POOL_ASYNC),
			 rk_memory_use_space(f->use, 1));
	assert_ptr_equal(rk_memory_use_space_of(f->use, 3, RK_POOL_PINNED),
			 rk_memory_use_space(f->use, 2));
	assert_null(rk_memory_use_space_of(f->use, 4, RK_POOL_DEVICE));
}

/* Freed by its thread before that made another one; other threads do not matter. */
static void test_temporary(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, taken(1, 0x1000, 10));
	feed(f, taken(2, 0x2000, 1));
	feed(f, given(1, 0x1000, 10)); /* is one */
	feed(f, taken(1, 0x1000, 20));
	feed(f, taken(1, 0x3000, 2));
	feed(f, given(1, 0x1000, 20)); /* another one came between */
	feed(f, given(2, 0x3000, 2));  /* of another thread */
	assert_int_equal(totals(f).temporary, 1);
	assert_int_equal(totals(f).temporary_bytes, 10);
	assert_int_equal(rk_memory_use_row(f->use, 0)->temporary, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->temporary_bytes, 10);
	assert_int_equal(top(f, RK_MEMORY_BY_TEMPORARY, out), 1);
	assert_int_equal(out[0].tid, 1);
}

/* What is live at the end, and what only went with its context. */
static void test_leaks(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, by_stack(taken(1, 0x1000, 10), 1));
	feed(f, by_stack(taken(1, 0x2000, 200), 2));
	feed(f, by_stack(taken(1, 0x3000, 3), 3));
	feed(f, given(1, 0x3000, 3));
	feed(f, in_pool(given(1, 0x2000, 200), RK_POOL_DEVICE, "cuCtxDestroy_v2"));
	assert_false(totals(f).ended);
	feed(f, (struct rk_op){ .kind = RK_OP_END });
	assert_true(totals(f).ended);
	assert_int_equal(totals(f).with_context, 1);
	assert_int_equal(totals(f).with_context_bytes, 200);
	assert_int_equal(totals(f).temporary, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->with_context_bytes, 200);
	assert_int_equal(top(f, RK_MEMORY_BY_LEAK, out), 2);
	assert_int_equal(out[0].stack, 2);
	assert_int_equal(out[0].with_context_bytes, 200);
	assert_int_equal(out[1].stack, 1);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 1);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_refusal refusal;
	struct rk_op promise = refused(1, 700);

	rk_memory_use_refusal(f->use, &refusal);
	assert_int_equal(refusal.ordinal, 0);
	feed(f, taken(1, 0x1000, 10));
	feed(f, refused(1, 1000));
	feed(f, in_pool(refused(1, 5000), RK_POOL_ASYNC, "cuMemAllocAsync"));
	rk_memory_use_refusal(f->use, &refusal);
	assert_int_equal(refusal.ordinal, 3);
	assert_int_equal(refusal.bytes, 5000);
	assert_int_equal(refusal.pool, RK_POOL_ASYNC);
	assert_int_equal(rk_memory_use_row(f->use, 0)->failed, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->failed_bytes, 1000);
	assert_int_equal(rk_memory_use_row(f->use, 1)->failed_bytes, 5000);
	assert_int_equal(totals(f).failed, 2);
	/* Nothing was taken. */
	assert_int_equal(totals(f).allocs, 1);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 10);
	promise.result = 0; /* a node of a graph */
	feed(f, promise);
	assert_int_equal(totals(f).promised, 1);
	assert_int_equal(totals(f).promised_bytes, 700);
	assert_int_equal(totals(f).failed, 2);
}

/* One without a size is of something from before; one with it is counted, known or not. */
static void test_unknown_frees(void **state)
{
	struct fixture *f = *state;

	feed(f, taken(1, 0x1000, 10));
	feed(f, given(1, 0x9000, 0));
	assert_int_equal(totals(f).unknown_frees, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->frees, 0);
	feed(f, given(1, 0x9000, 4));
	assert_int_equal(totals(f).unknown_frees, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->frees, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 6);
}

static void feed_recording(struct fixture *f, const char *what)
{
	struct rk_op op = { .kind = RK_OP_RECORDING };
	struct rk_fields_writer writer;
	uint8_t text[64];

	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, what);
	rk_fields_put_placed(&writer, "ctl");
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	feed(f, op);
}

/* After a stop nothing is known to be live; sums and peaks, and who held what then, stay. */
static void test_stop(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];

	feed(f, by_stack(taken(1, 0x1000, 100), 1));
	feed_recording(f, "stopped");
	feed_recording(f, "started");
	assert_int_equal(totals(f).resets, 1);
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 0);
	assert_int_equal(rk_memory_use_row(f->use, 0)->peak_bytes, 100);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 0);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 0);
	feed(f, given(1, 0x1000, 0));
	assert_int_equal(totals(f).unknown_frees, 1);
	feed(f, by_stack(taken(1, 0x1000, 60), 2));
	feed(f, given(1, 0x1000, 60));
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 0);
	assert_int_equal(top(f, RK_MEMORY_BY_PEAK, out), 1);
	assert_int_equal(out[0].stack, 1);
	assert_int_equal(out[0].peak_bytes, 100);
}

/* Beyond the bound "other" holds it, and every sum is exact. */
static void test_more_holders_than_told_apart(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];
	uint64_t count = RK_MEMORY_HOLDERS + 100;

	for (uint64_t i = 1; i <= count; i++)
		feed(f, by_stack(taken(1, i << 12, 10), (uint32_t)i));
	assert_int_equal(totals(f).folded, 100);
	assert_int_equal(totals(f).untracked, 0);
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, count * 10);
	assert_int_equal(rk_memory_use_top(f->use, NULL, RK_MEMORY_BY_LIVE, out, 1), 1);
	assert_int_equal(out[0].stack | out[0].api | out[0].tid, 0);
	assert_int_equal(out[0].live_bytes, 1000);
	for (uint64_t i = 1; i <= count; i++)
		feed(f, given(1, i << 12, 10));
	assert_int_equal(rk_memory_use_space(f->use, 0)->live_bytes, 0);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 0);
}

/* Beyond the bound nobody holds it, and every sum is exact; room that is free again is used. */
static void test_more_than_tracked(void **state)
{
	struct fixture *f = *state;
	struct rk_memory_holder out[TOP_MAX];
	uint64_t count = RK_MEMORY_TRACKED + 50;

	for (uint64_t i = 1; i <= count; i++)
		feed(f, taken(1, i << 8, 2));
	assert_int_equal(totals(f).untracked, 50);
	assert_int_equal(totals(f).allocs, count);
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, count * 2);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 1);
	assert_int_equal(out[0].live_bytes, RK_MEMORY_TRACKED * 2);
	for (uint64_t i = 1; i <= count; i++)
		feed(f, given(1, i << 8, 2));
	assert_int_equal(rk_memory_use_row(f->use, 0)->live_bytes, 0);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 0);
	feed(f, taken(1, 0x5000, 9));
	assert_int_equal(totals(f).untracked, 50);
	assert_int_equal(top(f, RK_MEMORY_BY_LIVE, out), 1);
	assert_int_equal(out[0].live_bytes, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_live_and_peak),
		TEST(test_peak_of_pools_together),
		TEST(test_handles_are_no_addresses),
		TEST(test_pinned_and_registered),
		TEST(test_holders),
		TEST(test_holders_at_the_peak),
		TEST(test_top_of_a_space),
		TEST(test_temporary),
		TEST(test_leaks),
		TEST(test_refusals),
		TEST(test_unknown_frees),
		TEST(test_stop),
		TEST(test_more_holders_than_told_apart),
		TEST(test_more_than_tracked),
	};

	return cmocka_run_group_tests_name("memory_use", tests, NULL, NULL);
}
