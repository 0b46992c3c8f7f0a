/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span.c - struct rk_span -> opentelemetry.proto.trace.v1.Span.
 *
 * Field order of the message: trace_id 1, span_id 2, trace_state 3, parent_span_id 4, name 5,
 * kind 6, start 7, end 8, attributes 9, dropped attributes 10, events 11, dropped events 12,
 * links 13, dropped links 14, status 15, flags 16.
 */
#include "exporters/otlp_span.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/otlp_span_cache.h"
#include "exporters/otlp_span_member.h"
#include "exporters/otlp_span_put.h"
#include "exporters/otlp_span_said.h"
#include "exporters/otlp_span_shape.h"

#define SPAN_TAG	   RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES)
#define STATUS_ERROR	   2
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE	   0x200u
#define NS_PER_S	   1000000000u
#define DEFAULT_LIMIT	   128u

/* All but texts and shape: ids, numbers with their keys, counts of what was left out, flags. */
#define FRAME_BOUND 512u
#define STACK_BOUND 128u /* keys of the attributes about the code, and a number */
#define WAIT_BOUND 80u /* a link with its attribute */
#define ERROR_BOUND 192u /* event and status but the error's name and message, as often as there */

#define RK_KEY(name, text) +1
enum {
	OWN_ATTRIBUTES = 0
#include "exporters/otlp_span_keys.def"
};
#undef RK_KEY

static const uint8_t zero_id[16];
static const struct rk_otlp_span_limits default_limits = {
	.attributes = DEFAULT_LIMIT,
	.characters = UINT32_MAX,
	.events = DEFAULT_LIMIT,
	.links = DEFAULT_LIMIT,
	.event_attributes = DEFAULT_LIMIT,
	.link_attributes = DEFAULT_LIMIT,
};

struct rk_otlp_span_encoder {
	struct rk_otlp_span_limits limits;
	struct rk_otlp_span_cache *cache;
	const struct rk_span *span; /* whose bound was asked for; NULL = none. Borrowed till then */
	const struct rk_otlp_span_template *template; /* its shape; NULL = write it */
};

static inline bool is_zero(const uint8_t *id, size_t length)
{
	return memcmp(id, zero_id, length) == 0;
}

/* Put tag and length before the span at @out, whose body begins behind the tag and the two bytes
 * of nearly any length. Return: bytes in all. */
static inline size_t close_span(uint8_t *out, const uint8_t *end)
{
	size_t length = (size_t)(end - (out + 3));

	if (length < 1u << 7 || length >= 1u << 14)
		return (size_t)(rk_otlp_span_close(out, SPAN_TAG, out + 3, end) - out);
	out[0] = SPAN_TAG;
	out[1] = (uint8_t)(length | 0x80);
	out[2] = (uint8_t)(length >> 7);
	return length + 3;
}

/* Fields 1 to 4. */
static inline uint8_t *put_ids(uint8_t *p, const struct rk_span *span)
{
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	*p++ = 16;
	p = rk_protobuf_put_bytes(p, span->trace_id, 16);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	*p++ = 8;
	p = rk_protobuf_put_bytes(p, span->span_id, 8);
	if (*span->tracestate)
		p = rk_otlp_span_put_member(p, RK_PROTOBUF_TAG(3, RK_PROTOBUF_BYTES),
					    span->tracestate);
	if (!is_zero(span->parent_id, 8)) {
		*p++ = RK_PROTOBUF_TAG(4, RK_PROTOBUF_BYTES);
		*p++ = 8;
		p = rk_protobuf_put_bytes(p, span->parent_id, 8);
	}
	return p;
}

/* Bandwidth where the GPU's time is known. How long the call kept the program is told once per
 * call, however many GPU operations it became. */
static void put_transfer(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	uint64_t bytes = op->copy.bytes, ns = op->end - op->start;

	rk_otlp_span_put_int(writer, RK_SPAN_KEY(BYTES), bytes);
	if (!span->host_time && op->end > op->start)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(BYTES_PER_SECOND),
				     bytes <= UINT64_MAX / NS_PER_S ? bytes * NS_PER_S / ns :
								      bytes / ns * NS_PER_S);
	if ((op->flags & RK_OP_F_FIRST) && op->host_start && op->host_end >= op->host_start)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(HOST_BLOCKED_NS),
				     op->host_end - op->host_start);
}

/* One launch of a graph: only one that is traced by its nodes knows how many they are. */
static void put_graph(struct rk_otlp_span_writer *writer, const struct rk_op *op)
{
	if (op->graph.launch)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_LAUNCH), op->graph.launch);
	if (!op->graph.nodes)
		return;
	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_NODES), op->graph.nodes);
	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_KERNELS), op->graph.kernels);
}

/* What the GPU did for a range, whenever that was. */
static void put_projection(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	const struct rk_span_projection *gpu = &span->api->projection;

	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GPU_START_OFFSET),
			     gpu->start_unix_ns - span->start_unix_ns);
	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GPU_SPAN), gpu->end_unix_ns - gpu->start_unix_ns);
	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GPU_BUSY), gpu->busy_ns);
	rk_otlp_span_put_int(writer, RK_SPAN_KEY(GPU_OPERATIONS), gpu->operations);
}

/* Named as OpenTelemetry's conventions name them. */
static void put_stack(struct rk_otlp_span_writer *writer, const struct rk_span_stack *stack)
{
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(CODE_STACKTRACE), stack->text);
	if (*stack->function)
		rk_otlp_span_put_string(writer, RK_SPAN_KEY(CODE_FUNCTION), stack->function);
	if (*stack->file)
		rk_otlp_span_put_string(writer, RK_SPAN_KEY(CODE_FILE), stack->file);
	if (stack->line)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(CODE_LINE), stack->line);
}

/* Attributes whose values differ among spans of one shape. */
static RK_SPAN_ALWAYS_INLINE void put_numbers(struct rk_otlp_span_writer *writer,
					      const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	uint64_t node = 0;

	if (span->shape == RK_SPAN_ROOT) {
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(OPS), span->ops);
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(KERNELS), span->kernels);
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GPU_NS), span->gpu_ns);
	}
	if (span->api && span->api->projection.operations)
		put_projection(writer, span);
	if (!op)
		return;
	if (op->correlation)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(CORRELATION_ID), op->correlation);
	if (op->kind == RK_OP_KERNEL) {
		node = op->kernel.graph_node;
		if (!(op->flags & RK_OP_F_HOST_TIME))
			rk_otlp_span_put_int(writer, RK_SPAN_KEY(QUEUE_NS), span->queue_ns);
	} else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET) {
		node = op->copy.graph_node;
		put_transfer(writer, span);
	}
	if (node)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_NODE_ID), node);
	if (op->kind == RK_OP_GRAPH)
		put_graph(writer, op);
}

/* Which call failed is not always known. */
static bool has_message(const struct rk_span *span)
{
	return span->error_message && *span->error_message;
}

/* A failed call is an exception: its name is the type. */
static uint8_t *put_event(uint8_t *p, const struct rk_span *span,
			  const struct rk_otlp_span_limits *limits)
{
	static const char type[] = "exception.type", message[] = "exception.message";
	struct rk_otlp_span_writer writer = {
		.tag = RK_PROTOBUF_TAG(3, RK_PROTOBUF_BYTES),
		.left = limits->event_attributes,
		.characters = limits->characters,
	};
	uint8_t *body = p + 2;

	writer.p = body;
	if (span->end_unix_ns) {
		*writer.p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_FIXED64);
		writer.p = rk_protobuf_put_fixed64(writer.p, span->end_unix_ns);
	}
	writer.p = rk_otlp_span_put_member(writer.p, RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES),
					   "exception");
	rk_otlp_span_put_string(&writer, type, sizeof(type) - 1, span->error);
	if (has_message(span))
		rk_otlp_span_put_string(&writer, message, sizeof(message) - 1, span->error_message);
	else
		rk_otlp_span_put_joined(&writer, message, sizeof(message) - 1,
					"CUDA call failed: ", span->error);
	writer.p = rk_otlp_span_put_count(writer.p, RK_PROTOBUF_TAG(4, RK_PROTOBUF_VARINT),
					  writer.dropped);
	return rk_otlp_span_close(p, RK_PROTOBUF_TAG(11, RK_PROTOBUF_BYTES), body, writer.p);
}

/* To work of this process that a leaf waited for. */
static uint8_t *put_wait(uint8_t *p, const struct rk_span_wait *wait,
			 const struct rk_otlp_span_limits *limits)
{
	static const char key[] = "rustkernel.dependency";
	struct rk_otlp_span_writer writer = {
		.tag = RK_PROTOBUF_TAG(4, RK_PROTOBUF_BYTES),
		.left = limits->link_attributes,
		.characters = limits->characters,
	};
	uint8_t *body = p + 2;

	body[0] = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	body[1] = 16;
	writer.p = rk_protobuf_put_bytes(body + 2, wait->trace_id, 16);
	*writer.p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	*writer.p++ = 8;
	writer.p = rk_protobuf_put_bytes(writer.p, wait->span_id, 8);
	rk_otlp_span_put_string(&writer, key, sizeof(key) - 1, "event");
	writer.p = rk_otlp_span_put_count(writer.p, RK_PROTOBUF_TAG(5, RK_PROTOBUF_VARINT),
					  writer.dropped);
	*writer.p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_FIXED32);
	writer.p = rk_protobuf_put_fixed32(writer.p, FLAG_HAS_IS_REMOTE | wait->flags);
	return rk_otlp_span_close(p, RK_PROTOBUF_TAG(13, RK_PROTOBUF_BYTES), body, writer.p);
}

static uint8_t *put_link(uint8_t *p, const struct rk_span *span)
{
	*p++ = RK_PROTOBUF_TAG(13, RK_PROTOBUF_BYTES);
	*p++ = 2 + 16 + 2 + 8 + 5;
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	*p++ = 16;
	p = rk_protobuf_put_bytes(p, span->link_trace_id, 16);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	*p++ = 8;
	p = rk_protobuf_put_bytes(p, span->link_span_id, 8);
	*p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_FIXED32);
	/* This one leads to the remote parent, and its sampling decision is ours. */
	return rk_protobuf_put_fixed32(p, FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE | span->trace_flags);
}

/* Fields 13 and 14 of a span that is not the program's. */
static uint8_t *put_links(uint8_t *p, const struct rk_span *span,
			  const struct rk_otlp_span_limits *limits)
{
	uint32_t has_link = !is_zero(span->link_trace_id, 16), left = limits->links, count;

	if (has_link && left) {
		p = put_link(p, span);
		left--;
	}
	count = span->wait_count < left ? span->wait_count : left;
	for (uint32_t i = 0; i < count; i++)
		p = put_wait(p, &span->waits[i], limits);
	return rk_otlp_span_put_count(p, RK_PROTOBUF_TAG(14, RK_PROTOBUF_VARINT),
				      (has_link && !limits->links) + span->wait_count - count +
					      span->waits_left_out);
}

static uint8_t *put_status(uint8_t *p, const struct rk_span *span)
{
	const char *message = has_message(span) ? span->error_message : span->error;
	uint8_t *body = p + 2;
	uint8_t *end =
		rk_otlp_span_put_member(body, RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES), message);

	*end++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
	*end++ = STATUS_ERROR;
	return rk_otlp_span_close(p, RK_PROTOBUF_TAG(15, RK_PROTOBUF_BYTES), body, end);
}

/* Fields 11 and 12. What failed comes behind what the program told. */
static uint8_t *put_events(uint8_t *p, const struct rk_span *span,
			   const struct rk_otlp_span_limits *limits)
{
	uint32_t before = span->api ? span->api->event_count : 0, dropped = 0;

	if (span->api)
		p = rk_otlp_span_said_put_events(p, span->api, limits, &dropped);
	if (*span->error && before < limits->events)
		p = put_event(p, span, limits);
	else
		dropped += *span->error != '\0';
	return rk_otlp_span_put_count(p, RK_PROTOBUF_TAG(12, RK_PROTOBUF_VARINT), dropped);
}

/* Fields 11 to 15, which few spans have. */
static uint8_t *put_rare(uint8_t *p, const struct rk_span *span,
			 const struct rk_otlp_span_limits *limits)
{
	p = put_events(p, span, limits);
	if (span->api) {
		p = rk_otlp_span_said_put_links(p, span->api, limits);
		return rk_otlp_span_said_put_status(p, span->api);
	}
	p = put_links(p, span, limits);
	return *span->error ? put_status(p, span) : p;
}

static inline uint8_t *put_flags(uint8_t *p, const struct rk_span *span)
{
	uint32_t flags = FLAG_HAS_IS_REMOTE | span->trace_flags;

	if (span->parent_is_remote)
		flags |= FLAG_IS_REMOTE;
	/* The field's number needs a tag of two bytes. */
	*p++ = ((16 << 3 | RK_PROTOBUF_FIXED32) & 0x7f) | 0x80;
	*p++ = 16 << 3 >> 7;
	return rk_protobuf_put_fixed32(p, flags);
}

/* The whole span, with nothing ready-made. */
static size_t encode_plain(uint8_t *out, const struct rk_span *span,
			   const struct rk_otlp_span_limits *limits)
{
	struct rk_otlp_span_writer writer = {
		.p = put_ids(out + 3, span),
		.tag = RK_PROTOBUF_TAG(9, RK_PROTOBUF_BYTES),
		.left = limits->attributes,
		.characters = limits->characters,
	};
	uint8_t *p;

	rk_otlp_span_shape_put(&writer, span);
	put_numbers(&writer, span);
	if (span->stack)
		put_stack(&writer, span->stack);
	if (span->api)
		rk_otlp_span_said_put_attributes(&writer, span->api);
	p = rk_otlp_span_put_count(writer.p, RK_PROTOBUF_TAG(10, RK_PROTOBUF_VARINT),
				   writer.dropped);
	p = put_flags(put_rare(p, span, limits), span);
	return close_span(out, p);
}

static size_t encode_template(uint8_t *out, const struct rk_span *span,
			      const struct rk_otlp_span_template *template,
			      const struct rk_otlp_span_limits *limits)
{
	uint8_t *shape = put_ids(out + 3, span), *p;
	struct rk_otlp_span_writer writer = {
		.p = rk_protobuf_put_bytes(shape, template->bytes, template->length),
		.tag = RK_PROTOBUF_TAG(9, RK_PROTOBUF_BYTES),
		.left = UINT32_MAX,
		.characters = UINT32_MAX,
	};

	rk_protobuf_put_fixed64(shape + template->times, span->start_unix_ns);
	rk_protobuf_put_fixed64(shape + template->times + 9, span->end_unix_ns);
	put_numbers(&writer, span);
	p = writer.p;
	if (*span->error || span->wait_count || span->waits_left_out ||
	    !is_zero(span->link_trace_id, 16))
		p = put_rare(p, span, limits);
	p = put_flags(p, span);
	return close_span(out, p);
}

static inline size_t frame_bound(const struct rk_span *span)
{
	size_t bytes = FRAME_BOUND;

	if (*span->tracestate)
		bytes += strlen(span->tracestate);
	bytes += span->wait_count * (size_t)WAIT_BOUND;
	if (span->stack)
		bytes += STACK_BOUND + strlen(span->stack->text) + strlen(span->stack->function) +
			 strlen(span->stack->file);
	if (*span->error)
		bytes += ERROR_BOUND + 3 * strlen(span->error);
	if (*span->error && has_message(span))
		bytes += 2 * strlen(span->error_message);
	return bytes;
}

/* What a span needs beyond its frame, with nothing ready-made. */
static size_t plain_bound(const struct rk_span *span)
{
	size_t said = span->api ? rk_otlp_span_said_bound(span->api) : 0;

	return rk_otlp_span_shape_bound(span) + said;
}

size_t rk_otlp_span_bound(const struct rk_span *span)
{
	return frame_bound(span) + plain_bound(span);
}

size_t rk_otlp_span_encode(uint8_t *out, const struct rk_span *span)
{
	return encode_plain(out, span, &default_limits);
}

/* Write the shape for all that will come. Return: NULL when it is not to be remembered. */
static const struct rk_otlp_span_template *make_template(struct rk_otlp_span_encoder *encoder,
							 const struct rk_otlp_span_key *key,
							 const struct rk_span *span)
{
	struct rk_otlp_span_template *template =
		rk_otlp_span_cache_reserve(encoder->cache, rk_otlp_span_shape_bound(span));
	struct rk_otlp_span_writer writer = {
		.tag = RK_PROTOBUF_TAG(9, RK_PROTOBUF_BYTES),
		.left = UINT32_MAX,
		.characters = encoder->limits.characters,
	};

	if (!template)
		return NULL;
	writer.p = template->bytes;
	template->times = (uint32_t)(rk_otlp_span_shape_put(&writer, span) - template->bytes);
	template->length = (uint32_t)(writer.p - template->bytes);
	rk_otlp_span_cache_commit(encoder->cache, template, key);
	return template;
}

static uint32_t smaller(uint64_t limit)
{
	return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

void rk_otlp_span_limits_get(struct rk_otlp_span_limits *limits, const struct rk_config *config)
{
	*limits = default_limits;
	if (!config)
		return;
	limits->attributes = smaller(config->tracing_attribute_count_limit);
	limits->characters = smaller(config->tracing_attribute_value_limit);
	limits->events = smaller(config->tracing_event_count_limit);
	limits->links = smaller(config->tracing_link_count_limit);
	limits->event_attributes = smaller(config->tracing_event_attribute_count_limit);
	limits->link_attributes = smaller(config->tracing_link_attribute_count_limit);
}

int rk_otlp_span_encoder_create(struct rk_otlp_span_encoder **out, const struct rk_config *config)
{
	struct rk_otlp_span_encoder *encoder = calloc(1, sizeof(*encoder));
	int err;

	*out = NULL;
	if (!encoder)
		return -ENOMEM;
	rk_otlp_span_limits_get(&encoder->limits, config);
	err = rk_otlp_span_cache_create(&encoder->cache);
	if (err) {
		free(encoder);
		return err;
	}
	*out = encoder;
	return 0;
}

void rk_otlp_span_encoder_destroy(struct rk_otlp_span_encoder *encoder)
{
	if (!encoder)
		return;
	rk_otlp_span_cache_destroy(encoder->cache);
	free(encoder);
}

/* Whether no attribute will have to be left out or cut, both times will be written, and the texts
 * are told apart by their addresses. */
static inline bool has_template(const struct rk_otlp_span_encoder *encoder,
				const struct rk_span *span)
{
	return (uint64_t)OWN_ATTRIBUTES + span->baggage_count <= encoder->limits.attributes &&
	       span->start_unix_ns && span->end_unix_ns && !span->is_borrowed && !span->stack;
}

size_t rk_otlp_span_encoder_bound(struct rk_otlp_span_encoder *encoder, const struct rk_span *span)
{
	const struct rk_otlp_span_template *template = NULL;
	struct rk_otlp_span_key key;

	if (has_template(encoder, span)) {
		rk_otlp_span_shape_get_key(&key, span);
		template = rk_otlp_span_cache_find(encoder->cache, &key);
		if (!template)
			template = make_template(encoder, &key, span);
	}
	encoder->span = span;
	encoder->template = template;
	return frame_bound(span) + (template ? template->length : plain_bound(span));
}

size_t rk_otlp_span_encoder_encode(struct rk_otlp_span_encoder *encoder, uint8_t *out,
				   const struct rk_span *span)
{
	bool is_known = encoder->span == span && encoder->template;

	encoder->span = NULL;
	if (is_known)
		return encode_template(out, span, encoder->template, &encoder->limits);
	return encode_plain(out, span, &encoder->limits);
}
