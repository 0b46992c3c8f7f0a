/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_interval_set.c - against a map of every nanosecond.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/interval_set.h"

#define SPACE 20000

static uint32_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 16);
}

static uint64_t length_of_map(const uint8_t *map, size_t size)
{
	uint64_t length = 0;

	for (size_t i = 0; i < size; i++)
		length += map[i];
	return length;
}

static void test_random_union(void **state)
{
	static uint8_t map[SPACE + 200];

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct rk_interval_set *set = calloc(1, sizeof(*set));
		uint64_t random = seed;

		assert_non_null(set);
		memset(map, 0, sizeof(map));
		for (int i = 0; i < 600; i++) {
			uint32_t start = random_next(&random) % SPACE;
			uint32_t length = random_next(&random) % 100;

			rk_interval_set_add(set, start, start + length);
			memset(map + start, 1, length);
		}
		assert_int_equal(rk_interval_set_length(set), length_of_map(map, sizeof(map)));
		free(set);
	}
}

/* Far more intervals than are kept, a little out of order: still exact. */
static void test_folding(void **state)
{
	struct rk_interval_set *set = calloc(1, sizeof(*set));

	(void)state;
	assert_non_null(set);
	for (uint64_t i = 0; i < 100000; i += 2) {
		rk_interval_set_add(set, 10 * (i + 1), 10 * (i + 1) + 4);
		rk_interval_set_add(set, 10 * i, 10 * i + 4);
	}
	assert_int_equal(rk_interval_set_length(set), 400000);
	/* Below the fold nothing is counted twice. */
	rk_interval_set_add(set, 0, 100);
	assert_int_equal(rk_interval_set_length(set), 400000);
	free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_union),
		cmocka_unit_test(test_folding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
