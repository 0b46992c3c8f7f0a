/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_api.c - what the program says, contexts, launches in flight.
 */
#include "op_log.h"

#include <stdio.h>
#include <string.h>

#include "core/fields.h"
#include "core/instrument.h"

#define S 1000000000ull

static struct rk_api_record api_of(enum rk_record_kind kind, uint64_t time, uint64_t number)
{
	struct rk_api_record record = { .kind = (uint8_t)kind, .time = time, .number = number };

	return record;
}

static void say(struct rk_join *join, uint32_t tid, const struct rk_api_record *record,
		const char *text)
{
	struct rk_join_text bytes = { (const uint8_t *)text, text ? (uint32_t)strlen(text) : 0 };

	rk_join_api(join, tid, record, &bytes);
}

/* A context is known by one byte here; 0 = none. */
static void attach(struct rk_join *join, uint32_t tid, uint8_t which, const char *text)
{
	struct rk_api_record record = api_of(RK_REC_ATTACH, 50, which);

	memset(record.ids.trace, which, sizeof(record.ids.trace));
	memset(record.ids.span, which, sizeof(record.ids.span));
	record.flags = which ? RK_API_SPAN : 0;
	record.trace_flags = which ? 1 : 0;
	say(join, tid, &record, text);
}

static void launch(struct rk_join *join, uint32_t tid, uint32_t correlation, uint64_t start)
{
	struct rk_record record = make_launch(correlation, start, 0xf);

	rk_join_host(join, tid, &record);
}

static void done(struct rk_join *join, uint32_t correlation, uint64_t start)
{
	struct rk_activity activity = make_activity(RK_ACT_KERNEL, correlation, start, start + 9);

	rk_join_activity(join, &activity);
}

static void assert_text(const struct rk_op *op, const char *text)
{
	assert_int_equal(op->text_bytes, strlen(text));
	assert_memory_equal(op->text, text, op->text_bytes);
}

/* The kinds of the ops so far, a letter each: so an order is one text. */
static void assert_order(const struct op_log *log, const char *order)
{
	static const char letters[RK_OP_KIND_COUNT] = {
		[RK_OP_KERNEL] = 'K',	[RK_OP_EXEC_CLOSE] = 'x', [RK_OP_SPAN_BEGIN] = '(',
		[RK_OP_SPAN_END] = ')', [RK_OP_ATTRIBUTE] = 'a',  [RK_OP_SPAN_EVENT] = 'e',
		[RK_OP_LINK] = 'l',	[RK_OP_CONTEXT] = 'c',	  [RK_OP_INSTRUMENT] = 'i',
		[RK_OP_SAMPLE] = 's',	[RK_OP_LOG] = 'g',	  [RK_OP_IN_FLIGHT] = 'f',
		[RK_OP_MEMCPY] = 'M',	[RK_OP_SYNC] = 'y',	  [RK_OP_GRAPH] = 'G',
		[RK_OP_ERROR] = 'E',
	};
	char got[256] = "";

	for (uint32_t i = 0; i < log->count && i < sizeof(got) - 1; i++) {
		got[i] = letters[log->ops[i].kind];
		assert_int_equal(log->ops[i].ordinal, i + 1);
	}
	assert_string_equal(got, order);
}

static void test_said_at_once_in_order(void **state)
{
	static const uint8_t kinds[] = { RK_REC_SPAN_BEGIN, RK_REC_ATTRIBUTE, RK_REC_SPAN_EVENT,
					 RK_REC_LINK,	    RK_REC_LOG,	      RK_REC_SPAN_END };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds); i++) {
		struct rk_api_record record = api_of(kinds[i], 1000 + i, 7 + i);
		char text[8];

		record.what = (uint16_t)(30 + i);
		record.flags = RK_API_KERNEL | RK_API_OVERFLOW;
		record.trace_flags = (uint8_t)(3 + i);
		memset(record.ids.trace, 0x10 + (int)i, 16);
		memset(record.ids.span, 0x20 + (int)i, 8);
		memset(record.ids.parent, 0x30 + (int)i, 8);
		snprintf(text, sizeof(text), "text %u", i);
		say(join, 40 + i, &record, text);
	}
	assert_order(&log, "(aelg)");
	for (unsigned i = 0; i < sizeof(kinds); i++) {
		const struct rk_op *op = &log.ops[i];
		char text[8];

		snprintf(text, sizeof(text), "text %u", i);
		assert_text(op, text);
		assert_int_equal(op->host_start, 1000 + i);
		assert_int_equal(op->tid, 40 + i);
		assert_int_equal(op->exec, 0);
		assert_int_equal(op->said.number, 7 + i);
		assert_int_equal(op->said.what, 30 + i);
		assert_int_equal(op->said.flags,
				 RK_API_KERNEL); /* how it came is nobody's business */
		assert_int_equal(op->said.trace_flags, 3 + i);
		assert_int_equal(op->said.trace_id[15], 0x10 + i);
		assert_int_equal(op->said.span_id[7], 0x20 + i);
		assert_int_equal(op->said.parent_id[7], 0x30 + i);
	}
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_unknown_kinds_are_passed_over(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		struct rk_api_record record = { .kind = (uint8_t)kind };

		if (kind < RK_REC_SPAN_BEGIN || kind >= RK_REC_TEXT)
			say(join, 1, &record, "text");
	}
	assert_int_equal(log.count, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* Every execution says first in which context it runs; a change of context ends one. */
static void test_context_of_executions(void **state)
{
	static const uint64_t execs[] = { 1, 2, 2, 3, 4 };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	launch(join, 1, 1, 100);
	attach(join, 1, 5, "ab");
	launch(join, 1, 2, 110);
	attach(join, 1, 5, "ab"); /* the same again */
	launch(join, 1, 3, 120);
	attach(join, 1, 5, "cd"); /* other baggage */
	launch(join, 1, 4, 130);
	attach(join, 1, 0, NULL);
	launch(join, 1, 5, 140);
	assert_order(&log, "xcxcx");
	for (uint32_t i = 1; i <= 5; i++)
		done(join, i, 200 * i);
	rk_join_finish(join);
	assert_order(&log, "xcxcxKKKKKx");
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, i)->close.reason,
				 RK_CLOSE_CONTEXT);
	op = op_log_get(&log, RK_OP_CONTEXT, 0);
	assert_int_equal(op->exec, 2);
	assert_int_equal(op->tid, 1);
	assert_int_equal(op->host_start, 110);
	assert_int_equal(op->said.number, 5);
	assert_int_equal(op->said.trace_id[3], 5);
	assert_int_equal(op->said.span_id[7], 5);
	assert_int_equal(op->said.flags, RK_API_SPAN);
	assert_int_equal(op->said.trace_flags, 1);
	assert_text(op, "ab");
	assert_text(op_log_get(&log, RK_OP_CONTEXT, 1), "cd");
	assert_int_equal(op_log_get(&log, RK_OP_CONTEXT, 1)->exec, 3);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(op_log_get(&log, RK_OP_KERNEL, i)->exec, execs[i]);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* Two executions in one context: each is told; without a launch nothing is. */
static void test_context_of_each_execution(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record sync = make_sync(RK_SYNC_CONTEXT, 120, 0);

	(void)state;
	attach(join, 1, 9, NULL);
	attach(join, 1, 8, NULL);
	assert_int_equal(log.count, 0);
	launch(join, 1, 1, 100);
	rk_join_host(join, 1, &sync);
	launch(join, 1, 2, 300);
	assert_order(&log, "cyxc");
	assert_int_equal(log.ops[1].exec, 1);
	assert_int_equal(op_log_get(&log, RK_OP_CONTEXT, 1)->exec, 2);
	assert_int_equal(op_log_get(&log, RK_OP_CONTEXT, 1)->said.trace_id[0], 8);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* The GPU was faster than the drain: the context still comes before the kernel. */
static void test_context_before_an_early_record(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	done(join, 1, 150);
	attach(join, 1, 9, NULL);
	launch(join, 1, 1, 100);
	assert_order(&log, "cK");
	assert_int_equal(log.ops[0].exec, log.ops[1].exec);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_contexts_of_threads_are_apart(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	for (uint32_t tid = 1; tid <= 100; tid++)
		attach(join, tid, (uint8_t)tid, "text");
	for (uint32_t tid = 1; tid <= 100; tid += 2)
		attach(join, tid, 0, NULL);
	for (uint32_t tid = 1; tid <= 101; tid++)
		launch(join, tid, tid, 100);
	assert_int_equal(op_log_count(&log, RK_OP_CONTEXT), 50);
	for (uint32_t i = 0; i < 50; i++) {
		const struct rk_op *op = op_log_get(&log, RK_OP_CONTEXT, i);

		assert_int_equal(op->tid, 2 * i + 2);
		assert_int_equal(op->exec, 2 * i + 2);
		assert_int_equal(op->said.trace_id[0], 2 * i + 2);
	}
	/* The number of a thread that ended may come back. */
	rk_join_thread_exit(join, 2);
	launch(join, 2, 200, 400);
	assert_int_equal(op_log_count(&log, RK_OP_CONTEXT), 50);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_lost_context(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_api_record shared = api_of(RK_REC_ATTACH, 50, 1);

	(void)state;
	attach(join, 1, 9, NULL);
	attach(join, 2, 9, NULL);
	memset(shared.ids.trace, 7, 16);
	shared.flags = RK_API_OVERFLOW;
	say(join, 3, &shared, NULL);
	launch(join, 1, 1, 100);
	rk_join_context_lost(join, 1);
	launch(join, 1, 2, 110);
	assert_order(&log, "cx");
	assert_int_equal(log.ops[1].close.reason, RK_CLOSE_CONTEXT);
	rk_join_context_lost(join, 0); /* of those that share a ring only */
	launch(join, 3, 3, 120);
	assert_int_equal(log.count, 2);
	launch(join, 2, 4, 120);
	assert_order(&log, "cxc");
	attach(join, 1, 9, NULL); /* it says so again */
	launch(join, 1, 5, 130);
	assert_order(&log, "cxcxc");
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* More threads, more baggage than there is room for: no context, and counted. */
static void test_contexts_are_bounded(void **state)
{
	enum { TEXT = 8000, FIT = (4 << 20) / TEXT };
	static char text[TEXT + 1];
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_ledger ledger;

	(void)state;
	memset(text, 'b', TEXT);
	for (uint32_t tid = 1; tid <= FIT + 10; tid++)
		attach(join, tid, 1, text);
	for (uint32_t tid = 1; tid <= FIT + 10; tid++)
		launch(join, tid, tid, 100);
	assert_int_equal(op_log_count(&log, RK_OP_CONTEXT), FIT);
	memset(&ledger, 0, sizeof(ledger));
	rk_join_get_ledger(join, &ledger);
	assert_int_equal(ledger.dropped[RK_LOSS_LIMIT], 10);
	/* Room is given back. */
	for (uint32_t tid = 1; tid <= 10; tid++)
		attach(join, tid, 0, NULL);
	attach(join, FIT + 1, 1, text);
	launch(join, FIT + 1, FIT + 11, 100);
	assert_int_equal(op_log_count(&log, RK_OP_CONTEXT), FIT + 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void fail_call(struct rk_join *join, uint32_t tid, uint16_t result)
{
	struct rk_record record = make_sync(RK_SYNC_STREAM_QUERY, 200, 0);

	record.result = result;
	rk_join_host(join, tid, &record);
}

/* A call that fails before anything was submitted in its span: which span that is comes with it. */
static void test_failure_knows_its_span(void **state)
{
	struct rk_api_record remote = api_of(RK_REC_ATTACH, 60, 6);
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	fail_call(join, 1, 700); /* in no context */
	attach(join, 1, 5, "ab");
	fail_call(join, 1, 600); /* "not yet" is no failure */
	fail_call(join, 2, 700); /* another thread */
	assert_order(&log, "EE");
	fail_call(join, 1, 700);
	assert_order(&log, "EEcE");
	op = op_log_get(&log, RK_OP_CONTEXT, 0);
	assert_int_equal(op->exec, 0);
	assert_int_equal(op->tid, 1);
	assert_int_equal(op->host_start, 200);
	assert_int_equal(op->said.number, 5);
	assert_text(op, "ab");
	launch(join, 1, 1, 210); /* now the execution knows */
	fail_call(join, 1, 700);
	assert_order(&log, "EEcEcE");
	assert_int_equal(log.ops[5].exec, 1);
	/* A loss may have hidden the end of the span; a foreign context is no span of ours. */
	rk_join_context_lost(join, 1);
	fail_call(join, 1, 700);
	memset(remote.ids.trace, 6, sizeof(remote.ids.trace));
	remote.flags = RK_API_REMOTE;
	say(join, 1, &remote, NULL);
	fail_call(join, 1, 700);
	assert_int_equal(op_log_count(&log, RK_OP_CONTEXT), 2);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_log_knows_its_execution(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_api_record record = api_of(RK_REC_LOG, 105, 0);

	(void)state;
	launch(join, 1, 1, 100);
	say(join, 1, &record, "t");
	say(join, 2, &record, "t");
	assert_order(&log, "gg");
	assert_int_equal(log.ops[0].exec, 1);
	assert_int_equal(log.ops[1].exec, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static uint32_t define(const char *name)
{
	struct rk_instrument instrument = { .name = name,
					    .unit = "s",
					    .help = "what it is",
					    .domain = "Core",
					    .labels = (const uint8_t *)"skey\0value",
					    .label_bytes = 11,
					    .bound_count = 2,
					    .bounds = { 0.5, 2 },
					    .type = RK_INSTRUMENT_HISTOGRAM };

	return rk_instrument_define(&instrument);
}

static void sample(struct rk_join *join, uint64_t number, double value)
{
	struct rk_api_record record = api_of(RK_REC_SAMPLE, 300, number);

	record.what = RK_SAMPLE_ADD;
	record.sample.value = value;
	say(join, 6, &record, NULL);
}

static void test_instrument_before_its_first_sample(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	uint32_t one = define("one"), two = define("two");
	struct rk_fields_reader reader;
	const struct rk_op *op;
	struct rk_field field;

	(void)state;
	sample(join, two, 2.5);
	sample(join, one, 1);
	sample(join, two, -1);
	assert_order(&log, "isiss");
	op = op_log_get(&log, RK_OP_INSTRUMENT, 0);
	assert_int_equal(op->instrument.number, two);
	assert_int_equal(op->instrument.type, RK_INSTRUMENT_HISTOGRAM);
	assert_int_equal(op->instrument.bound_count, 2);
	assert_true(op->instrument.bounds[0] == 0.5 && op->instrument.bounds[1] == 2);
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	assert_string_equal(rk_fields_next_placed(&reader), "two");
	assert_string_equal(rk_fields_next_placed(&reader), "s");
	assert_string_equal(rk_fields_next_placed(&reader), "what it is");
	assert_string_equal(rk_fields_next_placed(&reader), "Core");
	assert_true(rk_fields_next(&reader, &field));
	assert_string_equal(field.key, "key");
	assert_string_equal(field.text, "value");
	assert_false(rk_fields_next(&reader, &field));
	op = op_log_get(&log, RK_OP_SAMPLE, 0);
	assert_int_equal(op->sample.number, two);
	assert_int_equal(op->sample.what, RK_SAMPLE_ADD);
	assert_true(op->sample.value == 2.5);
	assert_int_equal(op->tid, 6);
	assert_int_equal(op->host_start, 300);
	assert_true(op_log_get(&log, RK_OP_SAMPLE, 2)->sample.value == -1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_sample_of_nothing(void **state)
{
	static const uint64_t numbers[] = { 0,		RK_INSTRUMENTS_MAX, RK_INSTRUMENTS_MAX + 1,
					    UINT32_MAX, (1ull << 32) + 1,   UINT64_MAX };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_ledger ledger;

	(void)state;
	define("one");
	for (unsigned i = 0; i < 6; i++)
		sample(join, numbers[i], 1);
	assert_int_equal(log.count, 0);
	memset(&ledger, 0, sizeof(ledger));
	rk_join_get_ledger(join, &ledger);
	assert_int_equal(ledger.dropped[RK_LOSS_LIMIT], 6);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* A stage submits, the next one waits: the wait tells that the graph is complete. */
static void test_wait_in_another_context(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record graph = make_graph(1, 100);
	struct rk_record other = make_graph(2, 110);
	struct rk_record wait = make_sync(RK_SYNC_STREAM, 300, 0x1000);
	struct rk_activity flushed = make_flushed(399);

	(void)state;
	other.graph.stream = 0x2000;
	attach(join, 1, 1, NULL);
	rk_join_host(join, 1, &graph);
	attach(join, 1, 2, NULL);
	rk_join_host(join, 1, &other);
	attach(join, 1, 3, NULL);
	done(join, 1, 200);
	done(join, 2, 210);
	rk_join_host(join, 1, &wait);
	rk_join_activity(join, &flushed);
	assert_order(&log, "cxcxKKcy"); /* a wait with nothing under way is told where */
	flushed = make_flushed(400);
	rk_join_activity(join, &flushed);
	assert_order(&log, "cxcxKKcyG"); /* the other one's stream was not waited for */
	assert_int_equal(log.ops[8].exec, 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* A story of random attaching, launching and waiting, and what must come of it. */
struct story {
	struct rk_join *join;
	uint64_t random;
	uint64_t now;
	uint8_t context[5]; /* of each thread */
	uint8_t context_of[4000]; /* by correlation id: what its thread was in */
	uint32_t calls, recorded;
};

static uint32_t draw(struct story *story, uint32_t below)
{
	story->random = story->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(story->random >> 33) % below;
}

static void story_step(struct story *story)
{
	struct rk_record sync = make_sync(RK_SYNC_CONTEXT, story->now, 0);
	uint32_t tid = 1 + draw(story, 4);

	story->now += 1000 + (draw(story, 500) == 0 ? S : 0);
	switch (draw(story, 8)) {
	case 0:
		story->context[tid] = (uint8_t)draw(story, 4);
		attach(story->join, tid, story->context[tid], story->context[tid] == 3 ? "ab" : "");
		break;
	case 1:
		rk_join_host(story->join, tid, &sync);
		break;
	case 2: /* the GPU's record may come before the call's */
		if (story->recorded < story->calls + 3)
			done(story->join, ++story->recorded, story->now + 50);
		break;
	case 3:
		rk_join_tick(story->join, story->now);
		break;
	case 4:
		if (draw(story, 10) == 0) {
			rk_join_context_lost(story->join, tid);
			story->context[tid] = 0;
		}
		break;
	default:
		story->context_of[++story->calls] = story->context[tid];
		launch(story->join, tid, story->calls, story->now);
		break;
	}
}

/* Every kernel finds ahead of it, once, the context its thread was in when it was launched. */
static void test_context_of_every_kernel(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct op_log log;
		struct story story = { .join = make_join(&log, 0), .random = seed, .now = 1000 };
		uint8_t told[4000] = { 0 };
		uint32_t kernels = 0;

		while (story.calls < 3000)
			story_step(&story);
		rk_join_finish(story.join);
		for (uint32_t i = 0; i < log.count; i++) {
			const struct rk_op *op = &log.ops[i];

			assert_in_range(op->exec, 0, sizeof(told) - 1);
			if (op->kind == RK_OP_CONTEXT && op->exec) {
				assert_int_equal(told[op->exec], 0);
				told[op->exec] = op->said.trace_id[0];
			} else if (op->kind == RK_OP_KERNEL && !(op->flags & RK_OP_F_ORPHAN)) {
				assert_int_equal(told[op->exec], story.context_of[op->correlation]);
				kernels++;
			}
		}
		assert_int_equal(kernels, 3000);
		rk_join_destroy(story.join);
		op_log_finish(&log);
	}
}

/* Told once after a second, with what is known of it; its own op still comes. */
static void test_in_flight(void **state)
{
	struct rk_ledger before = { 0 }, ledger = { 0 };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	attach(join, 7, 1, NULL);
	launch(join, 7, 1, 10 * S);
	launch(join, 7, 2, 10 * S + 500);
	done(join, 1, 10 * S + 1000);
	rk_join_tick(join, 11 * S + 499);
	assert_order(&log, "cKx"); /* an execution lasts a second, too */
	rk_join_get_ledger(join, &before);
	rk_join_tick(join, 11 * S + 500);
	assert_order(&log, "cKxf");
	rk_join_get_ledger(join, &ledger);
	assert_memory_equal(&ledger, &before, sizeof(ledger)); /* it is no work of its own */
	rk_join_tick(join, 20 * S);
	assert_order(&log, "cKxf");
	op = op_log_get(&log, RK_OP_IN_FLIGHT, 0);
	assert_int_equal(op->exec, 1);
	assert_int_equal(op->tid, 7);
	assert_int_equal(op->correlation, 2);
	assert_int_equal(op->host_start, 10 * S + 500);
	assert_int_equal(op->host_end, 10 * S + 510);
	assert_int_equal(op->start, 0);
	assert_int_equal(op->end, 0);
	assert_int_equal(op->stream, 13);
	assert_int_equal(op->stream_handle, 0x1000);
	assert_int_equal(op->kernel.grid[0], 7);
	assert_int_equal(op->kernel.block[0], 32);
	done(join, 2, 21 * S);
	rk_join_finish(join);
	assert_order(&log, "cKxfK");
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* A pile of launches: the oldest first, some at a time, all of them, each once. */
static void test_many_in_flight(void **state)
{
	enum { MANY = 1000 };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	uint32_t told = 0;

	(void)state;
	for (uint32_t i = 1; i <= MANY; i++)
		launch(join, 1, i, i);
	for (uint32_t i = 2; i <= MANY; i += 2)
		done(join, i, i);
	for (int round = 0; round < 50; round++) {
		uint32_t before = op_log_count(&log, RK_OP_IN_FLIGHT);

		rk_join_tick(join, 5 * S);
		told = op_log_count(&log, RK_OP_IN_FLIGHT);
		assert_true(told - before <= 32);
	}
	assert_int_equal(told, MANY / 2);
	for (uint32_t i = 0; i < told; i++)
		assert_int_equal(op_log_get(&log, RK_OP_IN_FLIGHT, i)->correlation, 2 * i + 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_not_in_flight(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record nothing = make_copy(API_COPY_IN_ASYNC, 1, 100, 0);
	struct rk_record blocking = make_copy(API_COPY_IN, 2, 200, 4096);
	struct rk_record partly = make_graph(3, 300);
	struct rk_record graph = make_graph(4, 400);
	struct rk_record sync = make_sync(RK_SYNC_CONTEXT, 600, 0);

	(void)state;
	rk_join_host(join, 1, &nothing);
	rk_join_host(join, 1, &blocking);
	rk_join_host(join, 1, &partly);
	done(join, 3, 310);
	launch(join, 2, 5, 500); /* its record is on its way: it was waited for */
	rk_join_host(join, 2, &sync);
	rk_join_host(join, 1, &graph);
	launch(join, 1, 6, 700);
	rk_join_tick(join, 2 * S);
	assert_int_equal(op_log_count(&log, RK_OP_IN_FLIGHT), 1);
	assert_int_equal(op_log_get(&log, RK_OP_IN_FLIGHT, 0)->correlation, 6);
	rk_join_destroy(join);
	op_log_finish(&log);
	/* Without GPU times nothing is known to be open. */
	join = make_join(&log, 0);
	launch(join, 1, 6, 700);
	rk_join_set_gpu_time(join, false);
	rk_join_tick(join, 2 * S);
	rk_join_set_gpu_time(join, true);
	assert_int_equal(op_log_count(&log, RK_OP_IN_FLIGHT), 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_at_once_in_order),
		cmocka_unit_test(test_unknown_kinds_are_passed_over),
		cmocka_unit_test(test_context_of_executions),
		cmocka_unit_test(test_context_of_each_execution),
		cmocka_unit_test(test_context_before_an_early_record),
		cmocka_unit_test(test_contexts_of_threads_are_apart),
		cmocka_unit_test(test_lost_context),
		cmocka_unit_test(test_contexts_are_bounded),
		cmocka_unit_test(test_wait_in_another_context),
		cmocka_unit_test(test_context_of_every_kernel),
		cmocka_unit_test(test_log_knows_its_execution),
		cmocka_unit_test(test_failure_knows_its_span),
		cmocka_unit_test(test_instrument_before_its_first_sample),
		cmocka_unit_test(test_sample_of_nothing),
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_not_in_flight),
	};

	return cmocka_run_group_tests_name("join_api", tests, NULL, NULL);
}
