/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_tables.c - the hash tables against plain arrays.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/join/call_table.h"
#include "pipeline/join/corr_index.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/waiting_table.h"

#define KEYS  2000
#define STEPS 200000

static uint32_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 16);
}

static void test_corr_index(void **state)
{
	static uint32_t model[KEYS];
	struct rk_corr_index index;
	uint64_t seed = 5;

	(void)state;
	memset(model, 0xff, sizeof(model));
	assert_int_equal(rk_corr_index_init(&index), 0);
	for (int i = 0; i < STEPS; i++) {
		uint32_t key = random_next(&seed) % KEYS;
		/* Keys that wrap and that collide in their low bits. */
		uint32_t spread = key * 0x01000100u + 0xfffffff0u;

		assert_int_equal(rk_corr_index_get(&index, spread), model[key]);
		if (random_next(&seed) % 2) {
			model[key] = (uint32_t)i;
			assert_int_equal(rk_corr_index_put(&index, spread, (uint32_t)i), 0);
		} else {
			model[key] = RK_CORR_NONE;
			rk_corr_index_remove(&index, spread);
		}
	}
	rk_corr_index_finish(&index);
}

/* Furthest any key lies behind the first slot of its chain, which is what a look-up costs. */
static uint32_t longest_walk(const struct rk_corr_index *index)
{
	uint32_t run = 0, longest = 0;

	for (uint32_t i = 0; i <= index->mask; i++) {
		run = index->slots[i].index == RK_CORR_NONE ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	return longest;
}

/* Old ids that wait, and new ones as many places of the table later. */
static void test_runs_of_ids_do_not_pile_up(void **state)
{
	const uint32_t run = 65536;
	struct rk_corr_index index;

	(void)state;
	assert_int_equal(rk_corr_index_init(&index), 0);
	for (uint32_t i = 0; i < run; i++)
		assert_int_equal(rk_corr_index_put(&index, i, i), 0);
	for (uint32_t i = 0; i < run; i++)
		assert_int_equal(rk_corr_index_put(&index, 262144 + i, i), 0);
	assert_true(longest_walk(&index) < 4096);
	for (uint32_t i = 0; i < run; i++)
		assert_int_equal(rk_corr_index_get(&index, 262144 + i), i);
	rk_corr_index_finish(&index);
}

static void test_handle_map(void **state)
{
	static uint64_t model[KEYS];
	struct rk_handle_map map;
	uint64_t seed = 6;

	(void)state;
	memset(model, 0, sizeof(model));
	rk_handle_map_init(&map, KEYS);
	for (int i = 1; i < STEPS; i++) {
		uint32_t key = random_next(&seed) % KEYS;
		uint64_t address = 0x7f0000000000ull + ((uint64_t)key << 21);
		struct rk_handle_slot *slot = rk_handle_map_get(&map, address);

		assert_int_equal(slot ? slot->value : 0, model[key]);
		if (random_next(&seed) % 2) {
			slot = rk_handle_map_put(&map, address);
			assert_non_null(slot);
			slot->value = model[key] = (uint64_t)i;
		} else {
			model[key] = 0;
			rk_handle_map_remove(&map, address);
		}
	}
	assert_null(rk_handle_map_put(&map, 0));
	rk_handle_map_finish(&map);
	rk_handle_map_init(&map, 2);
	assert_non_null(rk_handle_map_put(&map, 1));
	assert_non_null(rk_handle_map_put(&map, 2));
	assert_null(rk_handle_map_put(&map, 3)); /* the bound */
	assert_non_null(rk_handle_map_put(&map, 2));
	rk_handle_map_finish(&map);
}

static void test_call_order(void **state)
{
	struct rk_call_table table;
	struct rk_call *call;
	uint32_t expected = 1;

	(void)state;
	assert_int_equal(rk_call_table_init(&table, 1000), 0);
	for (uint32_t i = 1; i <= 1000; i++) {
		call = rk_call_table_add(&table, i,
					 i % 2 ? RK_CALL_ONE_RECORD : RK_CALL_MANY_RECORDS);
		assert_non_null(call);
	}
	assert_null(rk_call_table_add(&table, 1001, RK_CALL_ONE_RECORD));
	for (uint32_t i = 3; i <= 1000; i += 3)
		rk_call_table_remove(&table, rk_call_table_get(&table, i));
	for (call = rk_call_table_first(&table, RK_CALL_ONE_RECORD); call;
	     call = rk_call_table_next(&table, call)) {
		while (expected % 3 == 0)
			expected += 2;
		assert_int_equal(call->correlation, expected);
		expected += 2;
	}
	assert_null(rk_call_table_get(&table, 3));
	assert_int_equal(table.count, 667);
	rk_call_table_finish(&table);
}

/* Calls that stand in the longest chain, which is what a look-up walks. */
static uint32_t longest_chain(const struct rk_call_table *table)
{
	uint32_t longest = 0;

	for (uint32_t place = 0; place < 1u << table->chain_bits; place++) {
		uint32_t length = 0;

		for (uint32_t at = table->chains[place]; at != RK_CALL_NONE;
		     at = table->calls[at].chain)
			length++;
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void add_run(struct rk_call_table *table, uint32_t first, uint32_t step, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_non_null(rk_call_table_add(table, first + i * step, RK_CALL_ONE_RECORD));
}

/* Old ids that wait and new ones some tables later; programs that launch every so many calls. */
static void test_chains_stay_short(void **state)
{
	static const uint32_t steps[] = { 1, 2, 3, 4, 5, 8, 12, 16, 31, 64, 100, 256, 1000, 4096 };
	const uint32_t run = 32768;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct rk_call_table table;

		assert_int_equal(rk_call_table_init(&table, 4 * run), 0);
		add_run(&table, 1, steps[i], run);
		add_run(&table, 1 + (steps[i] + 3) * 4 * run, steps[i], run);
		assert_true(longest_chain(&table) <= 8);
		for (uint32_t k = 0; k < run; k++)
			rk_call_table_remove(&table, rk_call_table_get(&table, 1 + k * steps[i]));
		assert_int_equal(table.count, run);
		assert_true(longest_chain(&table) <= 8);
		rk_call_table_finish(&table);
	}
}

static void test_waiting_chains(void **state)
{
	struct rk_waiting_table table;
	struct rk_activity out;

	(void)state;
	assert_int_equal(rk_waiting_table_init(&table, 100), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct rk_activity activity = make_activity(RK_ACT_KERNEL, 1 + i % 3, i, i + 1);

		assert_true(rk_waiting_table_add(&table, &activity, i));
	}
	assert_false(rk_waiting_table_add(&table, &out, 1));
	for (uint32_t i = 0; i < 33; i++) {
		assert_true(rk_waiting_table_take(&table, 2, &out));
		assert_int_equal(out.start, 1 + 3 * i);
	}
	assert_false(rk_waiting_table_take(&table, 2, &out));
	assert_false(rk_waiting_table_take_oldest(&table, 0, &out));
	for (uint32_t i = 0; i < 100; i++) {
		if (i % 3 == 1)
			continue;
		assert_true(rk_waiting_table_take_oldest(&table, 1000, &out));
		assert_int_equal(out.start, i);
	}
	assert_int_equal(table.count, 0);
	rk_waiting_table_finish(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corr_index),
		cmocka_unit_test(test_runs_of_ids_do_not_pile_up),
		cmocka_unit_test(test_handle_map),
		cmocka_unit_test(test_call_order),
		cmocka_unit_test(test_chains_stay_short),
		cmocka_unit_test(test_waiting_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
