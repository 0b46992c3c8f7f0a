/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_ledger.c - whatever the order, the same ops and sums that close.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/ledger.h"

#define CALLS	       3000
#define THREADS	       4
#define ACTIVITIES_MAX (CALLS * 6 + 64)

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A program: host records per thread in order, activities with the order they are due in. */
struct story {
	struct rk_record records[CALLS];
	uint32_t tids[CALLS];
	struct rk_activity activities[ACTIVITIES_MAX];
	uint32_t activity_count;
	struct rk_ledger host; /* calls, failed, captured */
	uint64_t expected_orphans;
};

static enum rk_work work_of(const struct rk_record *record)
{
	switch (record->kind) {
	case RK_REC_GRAPH_LAUNCH:
		return RK_WORK_GRAPH_LAUNCH;
	case RK_REC_MEMCPY:
		return RK_WORK_MEMCPY;
	case RK_REC_MEMSET:
		return RK_WORK_MEMSET;
	default:
		return RK_WORK_LAUNCH;
	}
}

static void add_activity(struct story *story, const struct rk_record *record, uint64_t delay)
{
	enum rk_activity_kind kind = record->kind == RK_REC_MEMCPY ? RK_ACT_MEMCPY :
				     record->kind == RK_REC_MEMSET ? RK_ACT_MEMSET :
								     RK_ACT_KERNEL;

	story->activities[story->activity_count++] = make_activity(
		kind, record->correlation, record->end + delay, record->end + delay + 50);
}

static void add_activities(struct story *story, const struct rk_record *record, uint64_t *seed)
{
	uint64_t chance = random_next(seed) % 100;
	uint32_t count = record->kind == RK_REC_GRAPH_LAUNCH ? 5 :
			 record->kind == RK_REC_MEMCPY	     ? 1 + chance % 3 :
							       1;

	if (chance < 3)
		return; /* never completes */
	for (uint32_t i = 0; i < count; i++)
		add_activity(story, record, 100 * i);
	if (chance == 99)
		story->activities[story->activity_count - 1].flags = RK_ACT_INVALID_TIME;
}

static struct rk_record random_record(uint32_t i, uint64_t now, uint64_t *seed)
{
	uint64_t dice = random_next(seed) % 100;

	if (dice < 60)
		return make_launch(i + 1, now, 0xf);
	if (dice < 75)
		return make_copy(API_COPY_IN_ASYNC, i + 1, now, dice == 74 ? 0 : 100);
	if (dice < 80)
		return make_copy(API_COPY_OUT, i + 1, now, 100);
	if (dice < 88)
		return make_copy(API_SET_ASYNC, i + 1, now, 100);
	if (dice < 92)
		return make_graph(i + 1, now);
	return make_sync(dice < 96 ? RK_SYNC_CONTEXT : RK_SYNC_STREAM, now, 0x1000);
}

static struct story *story_create(uint64_t seed)
{
	struct story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	for (uint32_t i = 0; i < CALLS; i++) {
		struct rk_record *record = &story->records[i];
		uint64_t dice;

		*record = random_record(i, 1000 + 1000ull * i, &seed);
		story->tids[i] = 1 + (uint32_t)(random_next(&seed) % THREADS);
		dice = random_next(&seed) % 100;
		if (record->kind == RK_REC_SYNC)
			continue;
		story->host.calls[work_of(record)]++;
		if (dice < 2) {
			record->result = 1;
			story->host.failed[work_of(record)]++;
		} else if (dice < 4) {
			record->flags |= RK_REC_CAPTURED;
			story->host.captured[work_of(record)]++;
		} else {
			add_activities(story, record, &seed);
		}
	}
	for (uint32_t i = 0; i < 20; i++) { /* records whose calls were never seen */
		struct rk_record lost = make_launch(1000000 + i, 1000, 0xf);

		add_activity(story, &lost, 5);
		story->expected_orphans++;
	}
	return story;
}

static void shuffle(struct rk_activity *activities, uint32_t count, uint64_t seed)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)(random_next(&seed) % i);
		struct rk_activity swap = activities[i - 1];

		activities[i - 1] = activities[j];
		activities[j] = swap;
	}
}

/* @mode: 0 all hosts first, 1 all activities first, 2 mixed. */
static void play(struct story *story, struct op_log *log, struct rk_ledger *ledger, int mode,
		 uint64_t seed)
{
	struct rk_join *join = make_join(log, 0);
	uint32_t host = 0;
	uint32_t activity = 0;

	shuffle(story->activities, story->activity_count, seed | 1);
	while (host < CALLS || activity < story->activity_count) {
		bool take_host = mode == 0 ? host < CALLS :
				 mode == 1 ? activity >= story->activity_count :
					     random_next(&seed) % 2;

		if (take_host && host < CALLS) {
			rk_join_host(join, story->tids[host], &story->records[host]);
			host++;
		} else if (activity < story->activity_count) {
			rk_join_activity(join, &story->activities[activity++]);
		}
	}
	rk_join_finish(join);
	*ledger = story->host;
	rk_join_get_ledger(join, ledger);
	rk_join_destroy(join);
}

/* What must not depend on the order of arrival. */
struct essence {
	uint64_t correlation, host_start, start, end, exec;
	uint32_t kind, flags;
};

static int compare_essence(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct essence));
}

static struct essence *distil(const struct op_log *log, uint32_t *count)
{
	struct essence *list = calloc(log->count, sizeof(*list));

	*count = 0;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct rk_op *op = &log->ops[i];

		if (op->kind > RK_OP_GRAPH)
			continue;
		/* Which of several records came first is a matter of arrival. */
		list[(*count)++] =
			(struct essence){ .correlation = op->correlation,
					  .host_start = op->host_start,
					  .start = op->start,
					  .end = op->end,
					  .exec = op->exec,
					  .kind = op->kind,
					  .flags = op->flags & ~(uint32_t)RK_OP_F_FIRST };
	}
	qsort(list, *count, sizeof(*list), compare_essence);
	return list;
}

static void check_sums(const struct story *story, const struct rk_ledger *ledger,
		       const struct op_log *log)
{
	uint32_t firsts = 0;
	uint64_t submitted = 0;
	uint64_t orphans = 0;
	uint64_t assigned = 0;

	assert_null(rk_ledger_check(ledger));
	assert_int_equal(ledger->gpu_orphan, story->expected_orphans);
	for (uint32_t i = 0; i < log->count; i++) {
		const struct rk_op *op = &log->ops[i];

		assert_int_equal(op->ordinal, i + 1);
		if (op->kind == RK_OP_EXEC_CLOSE)
			assigned += op->close.ops;
		else if (op->flags & RK_OP_F_ORPHAN)
			orphans++;
		else if (op->flags & RK_OP_F_FIRST)
			firsts++;
	}
	for (int w = 0; w < RK_WORK_COUNT; w++)
		submitted += rk_ledger_submitted(ledger, (enum rk_work)w);
	/* One FIRST per submitted call: the assembler counts on it. */
	assert_int_equal(firsts, submitted);
	assert_int_equal(assigned, submitted);
	assert_int_equal(orphans, story->expected_orphans);
}

static void test_order_does_not_matter(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct story *story = story_create(seed * 0x9e3779b97f4a7c15ull);
		struct essence *reference = NULL;
		uint32_t reference_count = 0;

		for (int mode = 0; mode < 3; mode++) {
			struct op_log log;
			struct rk_ledger ledger;
			struct essence *list;
			uint32_t count;

			play(story, &log, &ledger, mode, seed * 77 + (uint64_t)mode);
			check_sums(story, &ledger, &log);
			list = distil(&log, &count);
			if (!reference) {
				reference = list;
				reference_count = count;
			} else {
				assert_int_equal(count, reference_count);
				assert_memory_equal(list, reference, count * sizeof(*list));
				free(list);
			}
			op_log_finish(&log);
		}
		free(reference);
		free(story);
	}
}

static void test_ledger_closes_at_every_moment(void **state)
{
	struct story *story = story_create(4711);
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_ledger ledger;
	uint32_t activity = 0;

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	for (uint32_t i = 0; i < CALLS; i++) {
		const struct rk_record *record = &story->records[i];

		if (record->kind != RK_REC_SYNC) {
			ledger.calls[work_of(record)]++;
			ledger.failed[work_of(record)] += record->result != 0;
			ledger.captured[work_of(record)] += (record->flags & RK_REC_CAPTURED) != 0;
		}
		rk_join_host(join, story->tids[i], record);
		if (activity < story->activity_count)
			rk_join_activity(join, &story->activities[activity++]);
		if (i % 100 == 50) {
			struct rk_activity flushed = make_flushed(record->end);

			rk_join_activity(join, &flushed);
			rk_join_tick(join, record->end);
		}
		rk_join_get_ledger(join, &ledger);
		assert_null(rk_ledger_check(&ledger));
	}
	rk_join_destroy(join);
	op_log_finish(&log);
	free(story);
}

static void test_small_table_loses_nothing_silently(void **state)
{
	struct story *story = story_create(99);
	struct op_log log;
	struct rk_join *join = make_join(&log, 16);
	struct rk_ledger ledger = story->host;

	(void)state;
	for (uint32_t i = 0; i < CALLS; i++)
		rk_join_host(join, story->tids[i], &story->records[i]);
	for (uint32_t i = 0; i < story->activity_count; i++)
		rk_join_activity(join, &story->activities[i]);
	rk_join_finish(join);
	rk_join_get_ledger(join, &ledger);
	assert_null(rk_ledger_check(&ledger));
	assert_true(ledger.gpu_orphan > story->expected_orphans);
	rk_join_destroy(join);
	op_log_finish(&log);
	free(story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_ledger_closes_at_every_moment),
		cmocka_unit_test(test_small_table_loses_nothing_silently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
