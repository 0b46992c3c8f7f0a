/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_drain_api.c - records of the C API out of real rings: texts in
 * pieces, nonsense, gaps.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/ring_run.h"
#include "core/thread.h"
#include "pipeline/live/drain.h"

struct bench {
	struct op_log log;
	struct rk_join *join;
	struct rk_drain drain;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->join = make_join(&bench->log, 0);
	rk_drain_init(&bench->drain, bench->join, NULL);
	rk_drain_round(&bench->drain); /* what the test before has left */
	op_log_finish(&bench->log);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	rk_drain_finish(&bench->drain);
	rk_join_destroy(bench->join);
	op_log_finish(&bench->log);
	free(bench);
	return 0;
}

static struct rk_api_record api_of(enum rk_record_kind kind, uint32_t text_bytes)
{
	struct rk_api_record record = { .kind = (uint8_t)kind,
					.time = rk_clock_ticks(),
					.number = 1,
					.text_bytes = text_bytes };

	memset(record.ids.trace, 1, sizeof(record.ids.trace));
	return record;
}

static uint8_t letter(uint32_t at)
{
	return (uint8_t)('a' + at % 26);
}

/* The @i-th piece of a text of letters. */
static struct rk_text_record piece(uint32_t i)
{
	struct rk_text_record record = { .kind = RK_REC_TEXT };

	for (uint32_t at = 0; at < RK_TEXT_RECORD_BYTES; at++) {
		uint8_t byte = letter(i * RK_TEXT_RECORD_BYTES + at);

		if (at < sizeof(record.head))
			record.head[at] = byte;
		else
			record.tail[at - sizeof(record.head)] = byte;
	}
	return record;
}

/* @slots: of 64 bytes. */
static void push(const void *slots, uint32_t count)
{
	struct rk_ring *ring = rk_thread_ring_slow();

	assert_non_null(ring);
	assert_true(rk_ring_run_fits(ring, count));
	for (uint32_t i = 0; i < count; i++)
		memcpy(rk_ring_run_slot(ring, i), (const char *)slots + (size_t)i * 64, 64);
	rk_ring_run_commit(ring, count);
}

/* A line of the log that announces @said bytes and is followed by @pieces. */
static void push_log(uint32_t said, uint32_t pieces)
{
	static struct rk_text_record slots[200];
	struct rk_api_record record = api_of(RK_REC_LOG, said);

	memcpy(&slots[0], &record, sizeof(record));
	for (uint32_t i = 0; i < pieces; i++)
		slots[1 + i] = piece(i);
	push(slots, 1 + pieces);
}

static void push_launch(void)
{
	static uint32_t correlation;
	struct rk_record record = make_launch(++correlation, rk_clock_ticks(), 0xf);

	record.end = record.start;
	push(&record, 1);
}

static void push_attach(uint8_t which)
{
	struct rk_api_record record = api_of(RK_REC_ATTACH, 0);

	memset(record.ids.trace, which, sizeof(record.ids.trace));
	push(&record, 1);
}

static void assert_letters(const struct rk_op *op, uint32_t size)
{
	assert_int_equal(op->text_bytes, size);
	for (uint32_t at = 0; at < size; at++)
		assert_int_equal(op->text[at], letter(at));
}

static void test_texts_of_every_length(void **state)
{
	struct bench *bench = *state;
	uint32_t n = 0;

	for (uint32_t size = 0; size <= RK_API_TEXT_MAX; size += size < 200 ? 1 : 97, n++) {
		uint32_t pieces = (size + RK_TEXT_RECORD_BYTES - 1) / RK_TEXT_RECORD_BYTES;

		push_log(size, pieces);
		assert_int_equal(rk_drain_round(&bench->drain), 1 + pieces);
		assert_letters(op_log_get(&bench->log, RK_OP_LOG, n), size);
		assert_int_equal(op_log_get(&bench->log, RK_OP_LOG, n)->tid, syscall(SYS_gettid));
	}
	push_log(RK_API_TEXT_MAX, 131);
	rk_drain_round(&bench->drain);
	assert_letters(op_log_get(&bench->log, RK_OP_LOG, n), RK_API_TEXT_MAX);
}

/* Many long ones in one round: pieces lie on both sides of where slots are given back. */
static void test_long_texts_in_one_round(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 40; i++) {
		push_log(7000, 112);
		push_launch();
	}
	assert_int_equal(rk_drain_round(&bench->drain), 40 * 114);
	assert_int_equal(op_log_count(&bench->log, RK_OP_LOG), 40);
	for (uint32_t i = 0; i < 40; i++)
		assert_letters(op_log_get(&bench->log, RK_OP_LOG, i), 7000);
}

/* No producer writes these; a reader that trusted them would read what is not there. */
static void test_nonsense(void **state)
{
	struct bench *bench = *state;
	struct rk_text_record alone = piece(0);
	struct rk_ledger ledger = { 0 };
	uint64_t before;

	rk_drain_fill_ledger(&bench->drain, &ledger);
	before = ledger.dropped[RK_LOSS_RING_FULL];
	push(&alone, 1);	  /* without a head */
	push_log(630, 4);	  /* six pieces too few, then another record */
	push_log(10, 3);	  /* two too many */
	push_log(UINT32_MAX, 150); /* longer than any */
	push_log(100, 0);	  /* nothing behind it at all */
	assert_int_equal(rk_drain_round(&bench->drain), 1 + 5 + 4 + 151 + 1);
	assert_int_equal(bench->log.count - op_log_count(&bench->log, RK_OP_THREAD), 4);
	assert_letters(op_log_get(&bench->log, RK_OP_LOG, 0), 4 * 63);
	assert_letters(op_log_get(&bench->log, RK_OP_LOG, 1), 10);
	assert_letters(op_log_get(&bench->log, RK_OP_LOG, 2), RK_API_TEXT_MAX);
	assert_letters(op_log_get(&bench->log, RK_OP_LOG, 3), 0);
	for (unsigned kind = RK_REC_KIND_COUNT; kind < 256; kind++) {
		struct rk_api_record record = api_of((enum rk_record_kind)kind, 5);

		push(&record, 1);
	}
	rk_drain_round(&bench->drain);
	assert_int_equal(op_log_count(&bench->log, RK_OP_LOG), 4);
	/* All of it is told: lone and superfluous texts, short ones, kinds that do not exist. */
	memset(&ledger, 0, sizeof(ledger));
	rk_drain_fill_ledger(&bench->drain, &ledger);
	assert_int_equal(ledger.dropped[RK_LOSS_RING_FULL] - before,
			 1 + 1 + 2 + 1 + 19 + 1 + (256 - RK_REC_KIND_COUNT));
}

static uint32_t contexts(const struct bench *bench)
{
	return op_log_count(&bench->log, RK_OP_CONTEXT);
}

/* A record was lost, which may have been the one that ended the context. */
static void test_gap(void **state)
{
	struct bench *bench = *state;

	push_attach(1);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
	push_attach(2);
	rk_ring_count(&rk_thread_ring_slow()->lost_other);
	push_launch();
	rk_drain_round(&bench->drain); /* in which of them? */
	assert_int_equal(contexts(bench), 1);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
	push_attach(3);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 2);
	assert_int_equal(op_log_get(&bench->log, RK_OP_CONTEXT, 1)->said.trace_id[0], 3);
	/* A launch that was lost says nothing about contexts. */
	rk_ring_count(&rk_thread_ring_slow()->lost[RK_WORK_LAUNCH]);
	push_attach(4);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 3);
}

static void push_attach_knowing(uint8_t which, uint32_t losses)
{
	struct rk_api_record record = api_of(RK_REC_ATTACH, 0);

	memset(record.ids.trace, which, sizeof(record.ids.trace));
	record.tid_hint = losses;
	push(&record, 1);
}

/* A thread that knows of every loss tells its context behind the gap, in the same round. */
static void test_told_behind_the_gap(void **state)
{
	struct bench *bench = *state;
	struct rk_ring *ring = rk_thread_ring_slow();
	uint32_t losses;

	push_launch();
	rk_drain_round(&bench->drain);
	rk_ring_count(&ring->lost_other);
	losses = (uint32_t)atomic_load(&ring->lost_other);
	push_attach_knowing(1, losses - 1);
	push_launch();
	push_attach_knowing(2, losses);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
	assert_int_equal(op_log_get(&bench->log, RK_OP_CONTEXT, 0)->said.trace_id[0], 2);
	/* Another loss behind it: it may have hidden the end of that context. */
	push_attach_knowing(3, losses);
	rk_ring_count(&ring->lost_other);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
}

/* A thread without a ring of its own: its number comes with its records. */
static void test_shared_ring(void **state)
{
	struct bench *bench = *state;
	struct rk_api_record record = api_of(RK_REC_LOG, 70);
	struct rk_text_record slots[3] = { [1] = piece(0), [2] = piece(1) };
	const struct rk_op *op;

	push_launch(); /* what was lost before is known then */
	rk_drain_round(&bench->drain);
	memcpy(&slots[0], &record, sizeof(record));
	assert_true(rk_thread_push_overflow_run((const struct rk_record *)(void *)slots, 3));
	record = api_of(RK_REC_ATTACH, 0);
	assert_true(rk_thread_push_overflow((const struct rk_record *)(void *)&record));
	rk_drain_round(&bench->drain);
	op = op_log_get(&bench->log, RK_OP_LOG, 0);
	assert_letters(op, 70);
	assert_int_equal(op->tid, syscall(SYS_gettid));
	assert_int_equal(op->said.flags, 0);
	/* Its own ring comes to it now: the same thread, the same context. */
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
	/* Whose record was lost in a ring that many share is not known. */
	rk_ring_count(&rk_thread_ring_at(0)->lost_other);
	assert_true(rk_thread_push_overflow((const struct rk_record *)(void *)&record));
	rk_drain_round(&bench->drain);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 1);
}

/* The number of a thread that ended came back: another thread, no context. */
static void test_thread_number_comes_back(void **state)
{
	struct bench *bench = *state;
	struct rk_api_record record = api_of(RK_REC_ATTACH, 0);

	/* To this drain the ring of the calling thread is one it has not seen. */
	assert_true(rk_thread_push_overflow((const struct rk_record *)(void *)&record));
	rk_drain_round(&bench->drain);
	push_launch();
	rk_drain_round(&bench->drain);
	assert_int_equal(contexts(bench), 0);
}

/* The age of what was drained comes from the first record, of whatever kind it is. */
static void test_age(void **state)
{
	struct bench *bench = *state;
	uint64_t before = rk_clock_now();
	struct rk_text_record alone = piece(0);

	push_log(1, 1);
	rk_drain_round(&bench->drain);
	assert_in_range(bench->drain.oldest, before, rk_clock_now());
	push(&alone, 1);
	rk_drain_round(&bench->drain);
	assert_int_equal(bench->drain.oldest, 0);
}

static int setup_all(void **state)
{
	(void)state;
	rk_clock_mark();
	rk_clock_init();
	if (rk_thread_init(1u << 20, 64))
		return -1;
	rk_thread_open_gate();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_texts_of_every_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_texts_in_one_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_behind_the_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thread_number_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
	};

	return cmocka_run_group_tests_name("drain_api", tests, setup_all, NULL);
}
