/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of every field are compared by test_net.py with the official descriptors; here
 * are the edges: sizes, bounds, bytes that are not UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/intern.h"
#include "exporters/otlp_span.h"
#include "exporters/protobuf.h"

static struct rk_span base(void)
{
	return (struct rk_span){
		.trace_id = { 1 },
		.span_id = { 2 },
		.start_unix_ns = 1,
		.end_unix_ns = 2,
		.name = "n",
		.kernel_id = "",
		.domain = "",
		.tracestate = "",
		.error = "",
		.shape = RK_SPAN_STAGE,
	};
}

/* Encode into exactly the promised room; every byte must be read back as fields. */
static struct rk_protobuf_reader encode(const struct rk_span *span, uint8_t **memory)
{
	size_t bound = rk_otlp_span_bound(span), length;
	struct rk_protobuf_reader reader;
	struct rk_protobuf_field field;

	*memory = malloc(bound);
	length = rk_otlp_span_encode(*memory, span);
	assert_true(length <= bound);
	reader = (struct rk_protobuf_reader){ *memory, *memory + length, false };
	assert_true(rk_protobuf_next(&reader, &field));
	assert_int_equal(field.number, 2);
	assert_ptr_equal(reader.at, reader.end);
	return (struct rk_protobuf_reader){ field.bytes, field.bytes + field.length, false };
}

static void check_order(struct rk_protobuf_reader reader)
{
	struct rk_protobuf_field field;
	uint32_t last = 0;

	while (rk_protobuf_next(&reader, &field)) {
		assert_true(field.number >= last);
		last = field.number;
	}
	assert_false(reader.bad);
	assert_int_equal(last, 16);
}

/* Names of all lengths around the places where a length needs one byte more. */
static void test_lengths(void **state)
{
	static const size_t lengths[] = { 1,	 40,	80,    126,   127,   128,  129,
					  15900, 16200, 16383, 16384, 16385, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *name = malloc(lengths[i] + 1);
		struct rk_span span = base();
		uint8_t *memory;

		memset(name, 'x', lengths[i]);
		name[lengths[i]] = '\0';
		span.name = name;
		check_order(encode(&span, &memory));
		free(memory);
		span.kernel_id = span.domain = span.error = span.tracestate = name;
		check_order(encode(&span, &memory));
		free(memory);
		free(name);
	}
}

static void test_the_largest_values_fit_the_bound(void **state)
{
	struct rk_op op;
	struct rk_span span = base();
	uint8_t *memory;

	(void)state;
	memset(&op, 0xff, sizeof(op));
	op.api = rk_intern("cuLaunchKernelEx");
	op.name = rk_intern("_Z1kv");
	span.op = &op;
	span.shape = RK_SPAN_ROOT;
	span.tid = span.ops = span.kernels = UINT32_MAX;
	span.gpu_ns = span.queue_ns = span.start_unix_ns = span.end_unix_ns = UINT64_MAX;
	memset(span.parent_id, 0xff, 8);
	memset(span.link_trace_id, 0xff, 16);
	memset(span.link_span_id, 0xff, 8);
	span.kernel_id = span.domain = span.error = span.tracestate = span.demangled = "x";
	for (int kind = RK_OP_KERNEL; kind < RK_OP_KIND_COUNT; kind++) {
		for (int flags = 0; flags < 256; flags++) {
			op.kind = (uint8_t)kind;
			op.flags = (uint8_t)flags;
			check_order(encode(&span, &memory));
			free(memory);
		}
	}
}

static void test_bad_utf8_is_repaired(void **state)
{
	struct rk_span span = base();
	struct rk_protobuf_reader reader;
	struct rk_protobuf_field field;
	uint8_t *memory;

	(void)state;
	span.name = "a\xff\xc3\xa4\xed\xa0\x80\xc3";
	reader = encode(&span, &memory);
	while (rk_protobuf_next(&reader, &field) && field.number != 5)
		;
	assert_int_equal(field.length, 8);
	assert_memory_equal(field.bytes, "a?\xc3\xa4????", 8);
	free(memory);
}

static void test_no_name_is_unknown(void **state)
{
	struct rk_span span = base();
	struct rk_protobuf_reader reader;
	struct rk_protobuf_field field;
	uint8_t *memory;

	(void)state;
	span.name = "";
	reader = encode(&span, &memory);
	while (rk_protobuf_next(&reader, &field) && field.number != 5)
		;
	assert_int_equal(field.length, 7);
	assert_memory_equal(field.bytes, "unknown", 7);
	free(memory);
}

static void test_varint_size(void **state)
{
	uint8_t bytes[10];

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t value = (1ull << bit) + (uint64_t)delta;

			assert_int_equal(rk_protobuf_varint_size(value),
					 rk_protobuf_put_varint(bytes, value) - bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_the_largest_values_fit_the_bound),
		cmocka_unit_test(test_bad_utf8_is_repaired),
		cmocka_unit_test(test_no_name_is_unknown),
		cmocka_unit_test(test_varint_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
