/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_ring.c - order, fullness and a producer against a consumer.
 */
#include "core/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS	       64u
#define PAIRED_RECORDS 200000u

static struct rk_record slots[SLOTS];

static bool push(struct rk_ring *ring, uint64_t value)
{
	struct rk_record *rec = rk_ring_reserve(ring);

	if (!rec)
		return false;
	rec->start = value;
	rk_ring_commit(ring);
	return true;
}

static void test_keeps_order_and_refuses_when_full(void **state)
{
	struct rk_ring ring;

	(void)state;
	rk_ring_init(&ring, slots, SLOTS, sizeof(struct rk_record));
	for (uint64_t i = 0; i < SLOTS; i++)
		assert_true(push(&ring, i));
	assert_false(push(&ring, SLOTS));
	assert_int_equal(rk_ring_peek(&ring), SLOTS);
	for (uint64_t i = 0; i < SLOTS; i++)
		assert_int_equal(((const struct rk_record *)rk_ring_at(&ring, i))->start, i);
	rk_ring_release(&ring, 10);
	assert_true(push(&ring, SLOTS));
	assert_int_equal(((const struct rk_record *)rk_ring_at(&ring, 0))->start, 10);
	assert_int_equal(rk_ring_peek(&ring), SLOTS - 9);
}

static void test_says_half_full_once(void **state)
{
	struct rk_ring ring;
	int said = 0;

	(void)state;
	rk_ring_init(&ring, slots, SLOTS, sizeof(struct rk_record));
	for (uint64_t i = 0; i < SLOTS; i++) {
		assert_non_null(rk_ring_reserve(&ring));
		said += rk_ring_commit(&ring);
	}
	assert_int_equal(said, 1);
}

static void *produce(void *data)
{
	for (uint64_t i = 0; i < PAIRED_RECORDS;)
		i += push(data, i);
	return NULL;
}

static void test_producer_against_consumer(void **state)
{
	struct rk_ring ring;
	pthread_t thread;
	uint64_t next = 0;

	(void)state;
	rk_ring_init(&ring, slots, SLOTS, sizeof(struct rk_record));
	assert_int_equal(pthread_create(&thread, NULL, produce, &ring), 0);
	while (next < PAIRED_RECORDS) {
		uint64_t count = rk_ring_peek(&ring);

		for (uint64_t i = 0; i < count; i++, next++) {
			const struct rk_record *rec = rk_ring_at(&ring, i);

			assert_int_equal(rec->start, next);
		}
		rk_ring_release(&ring, count);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_order_and_refuses_when_full),
		cmocka_unit_test(test_says_half_full_once),
		cmocka_unit_test(test_producer_against_consumer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
