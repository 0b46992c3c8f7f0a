/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of every field are compared by test_net.py with the official descriptors; here
 * are the edges (sizes, bounds, bytes that are not UTF-8, limits) and the bytes, which must be
 * those of protobuf-c, with and without ready-made parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/intern.h"
#include "core/record.h"
#include "exporters/otlp_span.h"
#include "exporters/otlp_span_cache.h"
#include "exporters/proto/schemas.h"
#include "exporters/protobuf.h"
#include "otlp_span_mix.h"
#include "otlp_span_oracle.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned allocations;
static uint64_t seed = 88172645463325252u;

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	allocations++;
	return __real_realloc(memory, size);
}

static uint64_t dice(uint64_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % sides;
}

/* A number of any size. */
static uint64_t dice_bits(unsigned bits)
{
	return dice(UINT64_MAX) >> (64 - bits) >> dice(bits);
}

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
	struct rk_span_wait waits[RK_SPAN_WAITS_MAX];
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
	memset(waits, 0xff, sizeof(waits));
	span.waits = waits;
	span.wait_count = RK_SPAN_WAITS_MAX;
	span.waits_left_out = UINT32_MAX;
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

/* One of a few texts: most short, some as long as makes a length grow, some no UTF-8. */
static const char *some_text(void)
{
	static const char *pool[64];
	static char bytes[20000];
	size_t which = dice(COUNT(pool));
	static const size_t lengths[] = {
		1, 14, 60, 90, 100, 126, 127, 128, 130, 300, 16380, 16400
	};
	size_t length = lengths[which < 8 ? 1 + which % 2 : which % COUNT(lengths)];

	if (pool[which])
		return pool[which];
	for (size_t i = 0; i < length; i++)
		bytes[i] = which % 3 ? (char)('a' + which % 26) : (char)(1 + dice(255));
	bytes[length] = '\0';
	if (which % 5 == 1)
		memcpy(bytes, "\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e", length < 9 ? 0 : 9);
	pool[which] = rk_intern_get(rk_intern(bytes));
	return pool[which];
}

static const char *some_short_text(void)
{
	static const char *const texts[] = { "", "foo::transpose", "GraphAnalytics", "\xff", "a" };

	return dice(12) ? texts[dice(COUNT(texts))] : some_text();
}

static void fill(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(1 + dice(255));
}

static void random_op(struct rk_op *op)
{
	static const uint8_t kinds[] = { RK_OP_KERNEL, RK_OP_KERNEL, RK_OP_MEMCPY,
					 RK_OP_MEMSET, RK_OP_GRAPH,  RK_OP_SYNC };

	memset(op, 0, sizeof(*op));
	op->kind = kinds[dice(COUNT(kinds))];
	op->flags = dice(3) ? 0 : (uint8_t)dice(64);
	op->device = (uint32_t)dice(2);
	op->stream = (uint32_t)dice(3);
	op->correlation = (uint32_t)dice_bits(32);
	op->api = dice(5) ? rk_intern("cuLaunchKernel") : 0;
	if (op->kind == RK_OP_KERNEL) {
		op->name = rk_intern(some_short_text());
		for (int i = 0; i < 3; i++) {
			op->kernel.grid[i] = dice(3) ? 1 : (uint32_t)dice_bits(32);
			op->kernel.block[i] = dice(3) ? 256 : (uint32_t)dice_bits(32);
		}
		op->kernel.registers = (uint32_t)dice(3) * 100;
		op->kernel.static_shared_bytes = (uint32_t)(dice(2) * UINT32_MAX);
		op->kernel.dynamic_shared_bytes = (uint32_t)(dice(2) * UINT32_MAX);
		op->kernel.graph = dice(3) ? 0 : 7;
		op->kernel.graph_node = op->kernel.graph ? dice_bits(64) : 0;
	} else if (op->kind == RK_OP_GRAPH) {
		op->graph.graph = (uint32_t)dice(3);
		op->graph.launch = (uint32_t)dice(3);
		op->graph.nodes = dice(2) ? (uint32_t)dice_bits(32) : 0;
		op->graph.kernels = op->graph.nodes / 2;
	} else if (op->kind == RK_OP_SYNC) {
		op->sync.object = dice_bits(64);
		op->sync.scope = (uint8_t)dice(6);
	} else {
		op->host_start = dice(4) ? dice_bits(60) : 0;
		op->host_end = op->host_start + dice(2) * dice_bits(40);
		op->start = dice_bits(60);
		op->end = op->start + dice(3) * dice_bits(40);
		op->copy.bytes = dice_bits(64);
		op->copy.copy_kind = (uint8_t)dice(12);
		op->copy.value = (uint32_t)dice(3) * 200;
		op->copy.peer_device = (uint32_t)dice(3);
		op->copy.graph = (uint32_t)dice(2);
		op->copy.graph_node = op->copy.graph ? dice_bits(64) : 0;
	}
}

static void random_baggage(struct rk_span *span)
{
	static const struct rk_baggage_entry entries[] = {
		{ "tenant_id", "acme" },
		{ "region", "eu-\xc3\xa4" },
		{ "thread.id", "not ours" },
		{ "tenant_id", "the later one" },
		{ "rustkernel.device", "neither" },
		{ "", "no key" },
		{ "empty", "" },
		{ "bad\xff", "\xc3" },
	};

	span->baggage = entries + dice(4);
	span->baggage_count = (uint32_t)dice(5);
}

/* Pairs with keys of their own, some of them ours. Return: bytes. */
static uint32_t random_fields(uint8_t *out, size_t size)
{
	static const char *const keys[] = {
		"a",	   "tenant_id", "rustkernel.device", "long.key.of.an.application",
		"bad\xc3", "thread.id"
	};
	struct rk_fields_writer writer;

	rk_fields_writer_init(&writer, out, size);
	for (size_t i = dice(3); i < COUNT(keys); i += 1 + dice(3)) {
		struct rk_field field = { .key = keys[i] };

		switch (dice(4)) {
		case 0:
			field.type = RK_FIELD_TEXT;
			field.text = dice(30) ? some_short_text() : some_text();
			break;
		case 1:
			field.type = RK_FIELD_INTEGER;
			field.integer = (int64_t)dice_bits(64) * (dice(2) ? 1 : -1);
			break;
		case 2:
			field.type = RK_FIELD_NUMBER;
			field.number = dice(4) ? (double)dice_bits(64) / 7 : 0;
			break;
		default:
			field.type = RK_FIELD_BOOL;
			field.flag = dice(2);
		}
		rk_fields_put(&writer, &field);
	}
	return (uint32_t)writer.used;
}

enum { PARTS = 4, FIELD_BYTES = 1 << 17 };

/* As the program might have told it. */
static void random_api(struct rk_span *span)
{
	static uint8_t fields[1 + 2 * PARTS][FIELD_BYTES];
	static struct rk_span_event events[PARTS];
	static struct rk_span_link links[PARTS];
	static struct rk_span_api api;

	api = (struct rk_span_api){
		.kind = (uint8_t)dice(7),
		.status = (uint8_t)dice(4),
		.is_unfinished = !dice(5),
		.message = dice(2) ? "" : some_short_text(),
		.fields = fields[0],
		.field_bytes = random_fields(fields[0], FIELD_BYTES),
		.events = events,
		.links = links,
		.event_count = (uint32_t)dice(PARTS),
		.link_count = (uint32_t)dice(PARTS),
		.dropped_attributes = (uint32_t)(dice(3) ? 0 : dice_bits(20)),
		.dropped_events = (uint32_t)(dice(3) ? 0 : dice_bits(20)),
		.dropped_links = (uint32_t)(dice(3) ? 0 : dice_bits(20)),
	};
	for (int i = 0; i < PARTS; i++) {
		uint8_t *of_event = fields[1 + i], *of_link = fields[1 + PARTS + i];

		events[i] = (struct rk_span_event){
			.unix_ns = dice(9) ? dice_bits(64) : 0,
			.name = dice(9) ? some_short_text() : "",
			.fields = of_event,
			.field_bytes = random_fields(of_event, FIELD_BYTES),
		};
		links[i] = (struct rk_span_link){
			.trace_flags = (uint8_t)dice(4),
			.tracestate = dice(2) ? "" : "a=b,c=d",
			.fields = of_link,
			.field_bytes = random_fields(of_link, FIELD_BYTES),
		};
		fill(links[i].trace_id, 16);
		fill(links[i].span_id, 8);
	}
	span->api = &api;
	span->is_borrowed = true;
	span->wait_count = span->waits_left_out = 0;
	memset(span->link_trace_id, 0, sizeof(span->link_trace_id));
}

static void random_waits(struct rk_span *span)
{
	static struct rk_span_wait waits[RK_SPAN_WAITS_MAX];

	span->wait_count = dice(RK_SPAN_WAITS_MAX + 1);
	span->waits_left_out = (uint32_t)dice_bits(32);
	span->waits = waits;
	for (uint32_t i = 0; i < span->wait_count; i++) {
		fill(waits[i].trace_id, 16);
		fill(waits[i].span_id, 8);
		waits[i].flags = (uint8_t)dice(4);
	}
}

static void random_span(struct rk_span *span, struct rk_op *op)
{
	memset(span, 0, sizeof(*span));
	fill(span->trace_id, 16);
	fill(span->span_id, 8);
	if (dice(4))
		fill(span->parent_id, 8);
	if (!dice(20)) {
		fill(span->link_trace_id, 16);
		fill(span->link_span_id, 8);
	}
	if (!dice(20))
		random_waits(span);
	span->start_unix_ns = dice(50) ? 1700000000000000000u + dice(1000000000000u) : dice(2);
	span->end_unix_ns = span->start_unix_ns + dice_bits(40);
	span->name = some_short_text();
	span->kernel_id = some_short_text();
	span->domain = some_short_text();
	span->demangled = dice(3) ? some_short_text() : NULL;
	span->module = dice(3) ? some_short_text() : NULL;
	span->tracestate = dice(3) ? "" : "a=b,c=d";
	span->error = dice(20) ? "" : dice(3) ? "CUDA_ERROR_ILLEGAL_ADDRESS" : some_text();
	span->error_message = dice(3) ? NULL : dice(3) ? "cuMemAlloc_v2 failed" : some_text();
	span->tid = (uint32_t)dice(3) * 4242;
	span->thread_name = dice(3) ? NULL : some_short_text();
	span->ops = (uint32_t)dice_bits(32);
	span->kernels = (uint32_t)dice_bits(32);
	span->gpu_ns = dice_bits(64);
	span->queue_ns = dice_bits(64);
	span->kept = dice(8) ? RK_KEPT_NO : (uint8_t)dice(3);
	span->trace_flags = (uint8_t)(1 | dice(4));
	span->parent_is_remote = !dice(4);
	span->host_time = !dice(4);
	span->shape = (uint8_t)dice(4);
	if (!dice(3))
		random_baggage(span);
	if (span->shape == RK_SPAN_API)
		random_api(span);
	if (span->shape == RK_SPAN_LEAF) {
		random_op(op);
		span->op = op;
	}
}

/* Encode into exactly the room asked for, and compare. */
static void check_encoder(struct rk_otlp_span_encoder *encoder, struct oracle *oracle,
			  const struct rk_span *span)
{
	static uint8_t expected[1 << 20];
	size_t wanted = oracle_encode(oracle, expected, span);
	size_t bound = rk_otlp_span_encoder_bound(encoder, span);
	uint8_t *out = malloc(bound);
	size_t length = rk_otlp_span_encoder_encode(encoder, out, span);

	assert_true(length <= bound);
	assert_int_equal(length, wanted);
	assert_memory_equal(out, expected, wanted);
	free(out);
}

static void check_plain(struct oracle *oracle, const struct rk_span *span)
{
	static uint8_t expected[1 << 20];
	size_t wanted = oracle_encode(oracle, expected, span);
	size_t bound = rk_otlp_span_bound(span);
	uint8_t *out = malloc(bound);
	size_t length = rk_otlp_span_encode(out, span);

	assert_true(length <= bound);
	assert_int_equal(length, wanted);
	assert_memory_equal(out, expected, wanted);
	free(out);
}

static void test_bytes_are_those_of_protobuf_c(void **state)
{
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_span_limits limits;
	struct oracle oracle;

	(void)state;
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (int i = 0; i < 200000; i++) {
		struct rk_span span;
		struct rk_op op;

		random_span(&span, &op);
		check_encoder(encoder, &oracle, &span);
		check_encoder(encoder, &oracle, &span); /* by now often ready-made */
		if (i % 4 == 0)
			check_plain(&oracle, &span);
	}
	rk_otlp_span_encoder_destroy(encoder);
	oracle_finish(&oracle);
}

static void test_repeated_steps(void **state)
{
	static struct mix mix;
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_span_limits limits;
	struct oracle oracle;

	(void)state;
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	mix_init(&mix);
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (int step = 0; step < 300; step++) {
		mix_next(&mix);
		for (int i = 0; i < MIX_SPANS; i++)
			check_encoder(encoder, &oracle, &mix.spans[i]);
	}
	rk_otlp_span_encoder_destroy(encoder);
	oracle_finish(&oracle);
}

static void test_no_allocation(void **state)
{
	static uint8_t out[1 << 20];
	struct rk_otlp_span_encoder *encoder;
	unsigned before;

	(void)state;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	before = allocations;
	assert_true(before > 0);
	for (int i = 0; i < 20000; i++) {
		struct rk_span span;
		struct rk_op op;

		random_span(&span, &op);
		assert_true(rk_otlp_span_encoder_bound(encoder, &span) <= sizeof(out));
		rk_otlp_span_encoder_encode(encoder, out, &span);
	}
	assert_int_equal(allocations, before);
	rk_otlp_span_encoder_destroy(encoder);
}

static void test_limits(void **state)
{
	static const uint32_t limits[][5] = {
		/* attributes, characters, events, links, attributes of an event */
		{ 0, UINT32_MAX, 128, 128, 128 },
		{ 1, UINT32_MAX, 0, 0, 128 },
		{ 5, 3, 1, 1, 1 },
		{ 12, 0, 128, 0, 0 },
		{ 20, 1, 0, 128, 2 },
		{ 29, 20, 1, 1, 0 },
		{ 32, 100, 128, 128, 128 },
		{ 128, 1, 128, 128, 128 },
		{ UINT32_MAX, 0, 1, 1, 1 },
		{ UINT32_MAX, 17, 128, 128, 1 },
		{ UINT32_MAX, 18, 128, 128, 128 },
		{ UINT32_MAX, 127, 128, 128, 128 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct rk_config config = {
			.tracing_attribute_count_limit = limits[i][0],
			.tracing_attribute_value_limit = limits[i][1],
			.tracing_event_count_limit = limits[i][2],
			.tracing_link_count_limit = limits[i][3],
			.tracing_event_attribute_count_limit = limits[i][4],
			.tracing_link_attribute_count_limit = limits[i][4],
		};
		struct rk_otlp_span_encoder *encoder;
		struct rk_otlp_span_limits given;
		struct oracle oracle;

		assert_int_equal(rk_otlp_span_encoder_create(&encoder, &config), 0);
		rk_otlp_span_limits_get(&given, &config);
		oracle_init(&oracle, &given);
		for (int k = 0; k < 10000; k++) {
			struct rk_span span;
			struct rk_op op;

			random_span(&span, &op);
			check_encoder(encoder, &oracle, &span);
			check_encoder(encoder, &oracle, &span);
		}
		rk_otlp_span_encoder_destroy(encoder);
		oracle_finish(&oracle);
	}
}

/* A kernel, a copy, a memset, a graph, a wait: whatever differs in one bit, the bytes are right. */
static void test_every_bit_of_an_operation_counts(void **state)
{
	static const uint8_t kinds[] = { RK_OP_KERNEL, RK_OP_MEMCPY, RK_OP_MEMSET, RK_OP_GRAPH,
					 RK_OP_SYNC };
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_span_limits limits;
	struct oracle oracle;

	(void)state;
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		struct rk_span span = base();
		struct rk_op op = { .kind = kinds[k] }, other;

		span.shape = RK_SPAN_LEAF;
		if (kinds[k] == RK_OP_MEMCPY)
			op.copy.copy_kind = 10; /* which has a peer */
		if (kinds[k] == RK_OP_SYNC)
			op.sync.scope = RK_SYNC_STREAM; /* which has a stream */
		for (size_t bit = 0; bit < sizeof(op) * 8; bit++) {
			uint8_t *byte = (uint8_t *)&other + bit / 8;

			/* Few shapes at a time, so that all are remembered. */
			assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
			other = op;
			span.op = &op;
			check_encoder(encoder, &oracle, &span);
			span.op = &other;
			*byte ^= (uint8_t)(1u << bit % 8);
			check_encoder(encoder, &oracle, &span);
			check_encoder(encoder, &oracle, &span);
			rk_otlp_span_encoder_destroy(encoder);
		}
	}
	oracle_finish(&oracle);
}

static void test_every_field_of_a_span_counts(void **state)
{
	static const struct rk_baggage_entry entries[] = { { "a", "1" }, { "b", "2" } };
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_span_limits limits;
	struct rk_span spans[16];
	struct oracle oracle;
	size_t count = 0;

	(void)state;
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	for (size_t i = 0; i < COUNT(spans); i++)
		spans[i] = base();
	spans[++count].name = "m";
	spans[++count].kernel_id = "k";
	spans[++count].demangled = "k()";
	spans[++count].domain = "d";
	spans[++count].thread_name = "t";
	spans[++count].baggage = entries;
	spans[++count].baggage = entries;
	spans[count - 1].baggage_count = 1;
	spans[count].baggage_count = 2;
	spans[++count].tid = 7;
	spans[++count].shape = RK_SPAN_ROOT;
	spans[++count].kept = RK_KEPT_SLOW;
	spans[++count].kept = RK_KEPT_ERROR;
	spans[++count].host_time = true;
	spans[++count].trace_flags = 1;
	spans[++count].parent_is_remote = true;
	spans[++count].error = "CUDA_ERROR_UNKNOWN";
	assert_int_equal(count, COUNT(spans) - 1);
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT(spans); i++)
			check_encoder(encoder, &oracle, &spans[i]);
	}
	rk_otlp_span_encoder_destroy(encoder);
	oracle_finish(&oracle);
}

/* More shapes than are remembered, again and again, and some that come often in between. */
static void test_more_shapes_than_fit(void **state)
{
	static struct mix mix;
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_span_limits limits;
	struct oracle oracle;

	(void)state;
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	mix_init(&mix);
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (uint32_t i = 0; i < 60000; i++) {
		struct rk_op *op = &mix.ops[0];

		if (i % 49 == 0)
			mix_next(&mix);
		op->kernel.grid[0] = i % 20000;
		check_encoder(encoder, &oracle, &mix.spans[0]);
		check_encoder(encoder, &oracle, &mix.spans[1 + i % (MIX_SPANS - 1)]);
	}
	rk_otlp_span_encoder_destroy(encoder);
	oracle_finish(&oracle);
}

/* The first pair of words of these keys multiplies to 0, so their hashes are the same. */
static void test_keys_of_one_hash(void **state)
{
	struct rk_otlp_span_cache *cache;
	struct rk_otlp_span_key key = { { 0 - 0x05a3c6d1ull } };
	unsigned remembered = 0;

	(void)state;
	assert_int_equal(rk_otlp_span_cache_create(&cache), 0);
	for (uint64_t i = 1; i <= 100; i++) {
		struct rk_otlp_span_template *template;

		key.words[1] = i;
		assert_null(rk_otlp_span_cache_find(cache, &key));
		template = rk_otlp_span_cache_reserve(cache, 100);
		if (!template)
			continue;
		template->length = 1;
		template->times = (uint32_t)i;
		rk_otlp_span_cache_commit(cache, template, &key);
		assert_ptr_equal(rk_otlp_span_cache_find(cache, &key), template);
	}
	for (uint64_t i = 1; i <= 100; i++) {
		const struct rk_otlp_span_template *template;

		key.words[1] = i;
		template = rk_otlp_span_cache_find(cache, &key);
		assert_true(!template || template->times == i);
		remembered += template != NULL;
	}
	assert_int_equal(remembered, 4); /* the ways of one set: they did collide */
	rk_otlp_span_cache_destroy(cache);
}

static void test_too_long_to_be_remembered(void **state)
{
	struct rk_otlp_span_cache *cache;

	(void)state;
	assert_int_equal(rk_otlp_span_cache_create(&cache), 0);
	assert_null(rk_otlp_span_cache_reserve(cache, 1 << 20));
	assert_null(rk_otlp_span_cache_reserve(cache, SIZE_MAX / 2));
	rk_otlp_span_cache_destroy(cache);
}

static Span *read_back(struct rk_otlp_span_encoder *encoder, const struct rk_span *span,
		       ScopeSpans **scope)
{
	static uint8_t out[1 << 20];
	size_t length;

	assert_true(rk_otlp_span_encoder_bound(encoder, span) <= sizeof(out));
	length = rk_otlp_span_encoder_encode(encoder, out, span);
	*scope = opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, length, out);
	assert_non_null(*scope);
	assert_int_equal((*scope)->n_spans, 1);
	return (*scope)->spans[0];
}

static const char *attribute(KeyValue *const *list, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i]->key, key) == 0)
			return list[i]->value->string_value;
	}
	return NULL;
}

static void test_keys_are_unique(void **state)
{
	struct rk_otlp_span_encoder *encoder;

	(void)state;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (int i = 0; i < 5000; i++) {
		struct rk_span span;
		struct rk_op op;
		ScopeSpans *scope;
		Span *got;

		random_span(&span, &op);
		random_baggage(&span);
		got = read_back(encoder, &span, &scope);
		for (size_t a = 0; a < got->n_attributes; a++) {
			assert_true(*got->attributes[a]->key);
			for (size_t b = 0; b < a; b++)
				assert_string_not_equal(got->attributes[a]->key,
							got->attributes[b]->key);
		}
		opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	}
	rk_otlp_span_encoder_destroy(encoder);
}

static void test_baggage_and_kept(void **state)
{
	static const struct rk_baggage_entry entries[] = {
		{ "tenant_id", "first" },
		{ "rustkernel.kept", "theirs" },
		{ "tenant_id", "last" },
	};
	struct rk_otlp_span_encoder *encoder;
	struct rk_span span = base();
	ScopeSpans *scope;
	Span *got;

	(void)state;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	span.baggage = entries;
	span.baggage_count = COUNT(entries);
	span.kept = RK_KEPT_SLOW;
	span.thread_name = "loader";
	got = read_back(encoder, &span, &scope);
	assert_string_equal(attribute(got->attributes, got->n_attributes, "tenant_id"), "last");
	assert_string_equal(attribute(got->attributes, got->n_attributes, "rustkernel.kept"),
			    "slow");
	assert_string_equal(attribute(got->attributes, got->n_attributes, "thread.name"), "loader");
	assert_int_equal(got->n_attributes, 4); /* and rustkernel.time_source */
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	span.kept = RK_KEPT_ERROR;
	got = read_back(encoder, &span, &scope);
	assert_string_equal(attribute(got->attributes, got->n_attributes, "rustkernel.kept"),
			    "error");
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	rk_otlp_span_encoder_destroy(encoder);
}

/* What S1 to S4 of the specification ask of a span that failed, and of one that did not. */
static void test_error_is_an_exception(void **state)
{
	struct rk_otlp_span_encoder *encoder;
	struct rk_span span = base();
	ScopeSpans *scope;
	Span *got;

	(void)state;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	got = read_back(encoder, &span, &scope);
	assert_null(got->status);
	assert_int_equal(got->n_events + got->n_links, 0);
	assert_int_equal(got->parent_span_id.len, 0);
	assert_int_equal(got->kind, 1);
	assert_int_equal(got->flags, 0x100);
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	span.error = "CUDA_ERROR_LAUNCH_FAILED";
	span.trace_flags = 3;
	span.parent_is_remote = true;
	span.parent_id[7] = 1;
	got = read_back(encoder, &span, &scope);
	assert_int_equal(got->status->code, 2);
	assert_string_equal(got->status->message, span.error);
	assert_int_equal(got->n_events, 1);
	assert_string_equal(got->events[0]->name, "exception");
	assert_int_equal(got->events[0]->time_unix_nano, span.end_unix_ns);
	assert_string_equal(attribute(got->events[0]->attributes, got->events[0]->n_attributes,
				      "exception.type"),
			    span.error);
	assert_string_equal(attribute(got->events[0]->attributes, got->events[0]->n_attributes,
				      "exception.message"),
			    "CUDA call failed: CUDA_ERROR_LAUNCH_FAILED");
	assert_int_equal(got->parent_span_id.len, 8);
	assert_int_equal(got->flags, 0x303);
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	rk_otlp_span_encoder_destroy(encoder);
}

/* Characters are counted, not bytes, and none is split. */
static void test_value_limit_counts_characters(void **state)
{
	static const char *const cut[] = { "",
					   "a",
					   "a\xc3\xa4",
					   "a\xc3\xa4\xe2\x82\xac",
					   "a\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e",
					   "a\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e?",
					   "a\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e?z" };

	(void)state;
	for (size_t i = 0; i < COUNT(cut) + 1; i++) {
		struct rk_config config = { .tracing_attribute_count_limit = 128,
					    .tracing_attribute_value_limit = i };
		struct rk_otlp_span_encoder *encoder;
		struct rk_span span = base();
		ScopeSpans *scope;
		Span *got;

		span.kernel_id = "a\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e\xffz";
		assert_int_equal(rk_otlp_span_encoder_create(&encoder, &config), 0);
		got = read_back(encoder, &span, &scope);
		assert_string_equal(attribute(got->attributes, got->n_attributes,
					      "rustkernel.kernel_id"),
				    cut[i < COUNT(cut) ? i : COUNT(cut) - 1]);
		opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
		rk_otlp_span_encoder_destroy(encoder);
	}
}

/* An answer of bound() is for one span: another is written without it. */
/* Every type of value, an empty text too, and what is only there for the program's spans. */
static void test_what_the_program_told(void **state)
{
	static const uint8_t none[16];
	struct rk_otlp_span_encoder *encoder;
	struct rk_span span = base();
	ScopeSpans *scope;
	Span *got;

	(void)state;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		struct rk_op op;

		do {
			random_span(&span, &op);
		} while (span.shape != RK_SPAN_API);
		got = read_back(encoder, &span, &scope);
		assert_in_range(got->kind, 1, 5);
		assert_int_equal(got->n_links, span.api->link_count);
		assert_int_equal(got->n_events, span.api->event_count + (*span.error != '\0'));
		assert_int_equal(got->dropped_events_count, span.api->dropped_events);
		assert_true(got->dropped_attributes_count >= span.api->dropped_attributes);
		assert_true(!got->status == (span.api->status != 1 && span.api->status != 2));
		for (size_t l = 0; l < got->n_links; l++) {
			assert_int_equal(got->links[l]->trace_id.len, 16);
			assert_memory_not_equal(got->links[l]->trace_id.data, none, 16);
			assert_int_equal(got->links[l]->flags & ~3u, 0);
		}
		for (size_t a = 0; a < got->n_attributes; a++)
			assert_int_not_equal(got->attributes[a]->value->value_case, 0);
		opentelemetry__proto__trace__v1__scope_spans__free_unpacked(scope, NULL);
	}
	rk_otlp_span_encoder_destroy(encoder);
}

static void test_encode_of_another_span(void **state)
{
	static uint8_t out[4096], plain[4096];
	struct rk_otlp_span_encoder *encoder;
	struct rk_span span = base(), other = base();
	size_t length;

	(void)state;
	other.name = "other";
	other.end_unix_ns = 77;
	assert_int_equal(rk_otlp_span_encoder_create(&encoder, NULL), 0);
	rk_otlp_span_encoder_bound(encoder, &span);
	length = rk_otlp_span_encoder_encode(encoder, out, &other);
	assert_int_equal(length, rk_otlp_span_encode(plain, &other));
	assert_memory_equal(out, plain, length);
	rk_otlp_span_encoder_destroy(encoder);
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
		cmocka_unit_test(test_bytes_are_those_of_protobuf_c),
		cmocka_unit_test(test_repeated_steps),
		cmocka_unit_test(test_no_allocation),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_every_bit_of_an_operation_counts),
		cmocka_unit_test(test_every_field_of_a_span_counts),
		cmocka_unit_test(test_more_shapes_than_fit),
		cmocka_unit_test(test_keys_of_one_hash),
		cmocka_unit_test(test_too_long_to_be_remembered),
		cmocka_unit_test(test_keys_are_unique),
		cmocka_unit_test(test_baggage_and_kept),
		cmocka_unit_test(test_error_is_an_exception),
		cmocka_unit_test(test_value_limit_counts_characters),
		cmocka_unit_test(test_what_the_program_told),
		cmocka_unit_test(test_encode_of_another_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
