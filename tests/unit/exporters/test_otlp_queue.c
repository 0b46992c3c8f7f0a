/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporters/loop.h"
#include "exporters/otlp_queue.h"
#include "exporters/protobuf.h"

#define FLUSH 1000u
#define QUEUE 5000u

static uint64_t sequence; /* of the last item */

static struct rk_otlp_queue *create_limited(uint64_t batch_items, uint64_t queue_items)
{
	struct rk_otlp_queue_setup setup = {
		.flush_bytes = FLUSH,
		.queue_bytes = QUEUE,
		.batch_items = batch_items,
		.queue_items = queue_items,
		.flush_ns = 100,
		.resource = "service.name=x",
	};
	struct rk_otlp_queue *queue;

	sequence = 0;
	assert_int_equal(rk_otlp_queue_create(&queue, &setup), 0);
	return queue;
}

static struct rk_otlp_queue *create(void)
{
	return create_limited(0, 0);
}

/* One item: field 2 with @bytes bytes of @fill. */
static bool push(struct rk_otlp_queue *queue, size_t bytes, char fill, uint64_t now)
{
	uint8_t *room = rk_otlp_queue_reserve(queue, bytes + 8, now), *p = room;

	if (!room)
		return false;
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, bytes);
	memset(p, fill, bytes);
	rk_otlp_queue_commit(queue, (size_t)(p + bytes - room), ++sequence);
	return true;
}

/* Descend into the single field @number of a message. */
static struct rk_protobuf_reader enter(struct rk_protobuf_reader in, uint32_t number)
{
	struct rk_protobuf_field field;

	while (rk_protobuf_next(&in, &field)) {
		if (field.number == number)
			return (struct rk_protobuf_reader){ field.bytes, field.bytes + field.length,
							    false };
	}
	fail_msg("field %u is missing", number);
	return in;
}

static unsigned items_of(const struct rk_otlp_batch *batch)
{
	struct rk_protobuf_reader reader = { batch->bytes, batch->bytes + batch->length, false };
	struct rk_protobuf_field field;
	unsigned items = 0;

	reader = enter(enter(reader, 1), 2);
	while (rk_protobuf_next(&reader, &field))
		items += field.number == 2;
	assert_false(reader.bad);
	return items;
}

static void test_sealed_by_size(void **state)
{
	struct rk_otlp_queue *queue = create();

	(void)state;
	for (int i = 0; i < 9; i++)
		assert_true(push(queue, 100, 'a', 0));
	assert_null(rk_otlp_queue_head(queue));
	assert_true(push(queue, 100, 'a', 0));
	assert_non_null(rk_otlp_queue_head(queue));
	assert_int_equal(rk_otlp_queue_head(queue)->items, 10);
	assert_int_equal(items_of(rk_otlp_queue_head(queue)), 10);
	rk_otlp_queue_pop(queue);
	assert_int_equal(rk_otlp_queue_get_counts(queue)->waiting, 0);
	rk_otlp_queue_destroy(queue);
}

static void test_due_only_when_nothing_waits(void **state)
{
	struct rk_otlp_queue *queue = create();

	(void)state;
	assert_true(rk_otlp_queue_due_ns(queue) == RK_NEVER);
	push(queue, 10, 'a', 7);
	push(queue, 10, 'a', 50);
	assert_int_equal(rk_otlp_queue_due_ns(queue), 107);
	rk_otlp_queue_seal(queue);
	push(queue, 10, 'b', 200);
	assert_true(rk_otlp_queue_due_ns(queue) == RK_NEVER);
	rk_otlp_queue_pop(queue);
	assert_int_equal(rk_otlp_queue_due_ns(queue), 300);
	rk_otlp_queue_destroy(queue);
}

static void test_full_drops_the_newest(void **state)
{
	struct rk_otlp_queue *queue = create();
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(queue);
	uint64_t sealed = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		push(queue, 500, (char)('a' + i / 2 % 26), 0);
	rk_otlp_queue_seal(queue);
	assert_int_equal(counts->eligible, 100);
	assert_true(counts->queue_full > 0);
	assert_int_equal(counts->waiting + counts->queue_full, 100);
	assert_true(counts->waiting * 503 <= QUEUE);
	for (; rk_otlp_queue_head(queue); sealed++) {
		const struct rk_otlp_batch *batch = rk_otlp_queue_head(queue);

		/* the oldest first, and no gap: what came later was dropped */
		assert_non_null(memchr(batch->bytes + 200, 'a' + (int)sealed, batch->length - 200));
		rk_otlp_queue_pop(queue);
	}
	assert_int_equal(counts->waiting, 0);
	rk_otlp_queue_destroy(queue);
}

static void test_has_room_says_what_happens(void **state)
{
	struct rk_otlp_queue *queue = create();
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(queue);
	unsigned taken = 0;

	(void)state;
	while (rk_otlp_queue_has_room(queue, 308)) {
		assert_true(push(queue, 300, 'a', 0));
		taken++;
		assert_true(taken < 1000);
	}
	assert_int_equal(counts->queue_full, 0);
	assert_int_equal(counts->waiting, taken);
	rk_otlp_queue_pop(queue);
	assert_true(rk_otlp_queue_has_room(queue, 308));
	rk_otlp_queue_destroy(queue);
}

static void test_too_large(void **state)
{
	struct rk_otlp_queue *queue = create();

	(void)state;
	assert_true(push(queue, 10000, 'a', 0)); /* over flush_bytes, but there is slack */
	assert_false(push(queue, 100000, 'a', 0));
	assert_int_equal(rk_otlp_queue_get_counts(queue)->too_large, 1);
	assert_int_equal(rk_otlp_queue_get_counts(queue)->eligible, 2);
	rk_otlp_queue_destroy(queue);
}

static void test_compressed_keeps_its_weight(void **state)
{
	struct rk_otlp_queue *queue = create();
	struct rk_gzip *gzip = rk_gzip_create();
	size_t plain;

	(void)state;
	push(queue, 2000, 'a', 0);
	plain = rk_otlp_queue_head(queue)->length;
	rk_otlp_queue_compress_head(queue, gzip);
	assert_true(rk_otlp_queue_head(queue)->is_gzip);
	assert_true(rk_otlp_queue_head(queue)->length < plain / 4);
	assert_true(rk_otlp_queue_head(queue)->weight >= 2000);
	rk_otlp_queue_compress_head(queue, gzip); /* once only */
	rk_otlp_queue_pop(queue);
	push(queue, 10, 'a', 0);
	rk_otlp_queue_destroy(queue);
	rk_gzip_destroy(gzip);
}

static void test_limits_in_items(void **state)
{
	struct rk_otlp_queue *queue = create_limited(3, 10);
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(queue);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(push(queue, 10, 'a', 0));
	assert_non_null(rk_otlp_queue_head(queue));
	assert_int_equal(rk_otlp_queue_head(queue)->items, 3);
	for (int i = 0; i < 12; i++)
		assert_true(push(queue, 10, 'b', 0));
	/* three batches of three; the fourth would make twelve */
	assert_int_equal(counts->waiting, 9);
	assert_int_equal(counts->queue_full, 6);
	assert_int_equal(counts->eligible, 15);
	rk_otlp_queue_destroy(queue);

	queue = create_limited(0, 4); /* a batch is never larger than the queue */
	counts = rk_otlp_queue_get_counts(queue);
	for (int i = 0; i < 4; i++)
		assert_true(rk_otlp_queue_has_room(queue, 18) && push(queue, 10, 'a', 0));
	assert_int_equal(rk_otlp_queue_head(queue)->items, 4);
	rk_otlp_queue_destroy(queue);
}

static void test_sequences_of_a_batch_have_no_gap(void **state)
{
	struct rk_otlp_queue *queue = create();

	(void)state;
	push(queue, 10, 'a', 0);
	push(queue, 10, 'a', 0);
	sequence++; /* too large: it has a number, but is in no batch */
	assert_false(push(queue, 100000, 'a', 0));
	push(queue, 10, 'a', 0);
	rk_otlp_queue_seal(queue);
	assert_int_equal(rk_otlp_queue_head(queue)->first, 1);
	assert_int_equal(rk_otlp_queue_head(queue)->last, 2);
	rk_otlp_queue_pop(queue);
	assert_int_equal(rk_otlp_queue_head(queue)->first, 4);
	assert_int_equal(rk_otlp_queue_head(queue)->last, 4);
	rk_otlp_queue_destroy(queue);
}

static void test_whole_requests(void **state)
{
	struct rk_otlp_queue *queue = create();
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(queue);
	uint8_t *other = malloc(3);

	(void)state;
	assert_true(rk_otlp_queue_put(queue, calloc(1, 20000), 20000, 7, 1));
	assert_true(rk_otlp_queue_put(queue, calloc(1, 5), 5, 2, 9));
	assert_int_equal(counts->eligible, 9);
	assert_int_equal(counts->waiting, 9);
	rk_otlp_queue_withdraw(queue);
	assert_int_equal(counts->eligible, 2);
	assert_int_equal(rk_otlp_queue_head(queue)->first, 9);
	assert_int_equal(counts->waiting, 2);
	memcpy(other, "abc", 3);
	rk_otlp_queue_replace_head(queue, other, 3);
	assert_int_equal(rk_otlp_queue_head(queue)->length, 3);
	assert_memory_equal(rk_otlp_queue_head(queue)->bytes, "abc", 3);
	assert_int_equal(rk_otlp_queue_head(queue)->items, 2);
	rk_otlp_queue_pop(queue);
	assert_int_equal(counts->waiting, 0);
	rk_otlp_queue_destroy(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_by_size),
		cmocka_unit_test(test_due_only_when_nothing_waits),
		cmocka_unit_test(test_full_drops_the_newest),
		cmocka_unit_test(test_has_room_says_what_happens),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_compressed_keeps_its_weight),
		cmocka_unit_test(test_limits_in_items),
		cmocka_unit_test(test_sequences_of_a_batch_have_no_gap),
		cmocka_unit_test(test_whole_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
