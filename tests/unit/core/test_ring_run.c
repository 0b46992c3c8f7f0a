/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_ring_run.c - several slots at once, around the end of the ring too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/ring_run.h"

#define SLOTS 16u

static struct rk_record slots[SLOTS];

static bool push(struct rk_ring *ring, uint64_t first, uint64_t count, bool *half)
{
	if (!rk_ring_run_fits(ring, count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		((struct rk_record *)rk_ring_run_slot(ring, i))->start = first + i;
	*half = rk_ring_run_commit(ring, count);
	return true;
}

static void all_or_none(void **state)
{
	struct rk_ring ring;
	bool half;

	(void)state;
	rk_ring_init(&ring, slots, SLOTS, sizeof(struct rk_record));
	assert_true(push(&ring, 0, 7, &half));
	assert_false(half);
	assert_true(push(&ring, 7, 5, &half));
	assert_true(half);
	assert_false(push(&ring, 12, 5, &half));
	assert_int_equal(rk_ring_peek(&ring), 12);
	assert_true(push(&ring, 12, 4, &half));
	assert_false(half);
	rk_ring_release(&ring, 6);
	assert_false(push(&ring, 16, 7, &half));
	assert_true(push(&ring, 16, 6, &half));
	assert_int_equal(rk_ring_peek(&ring), SLOTS);
	for (uint64_t i = 0; i < SLOTS; i++)
		assert_int_equal(((const struct rk_record *)rk_ring_at(&ring, i))->start, 6 + i);
	assert_false(rk_ring_run_fits(&ring, SLOTS + 1));
	assert_null(rk_ring_reserve(&ring));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_or_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
