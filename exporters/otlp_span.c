/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span.c - struct rk_span -> opentelemetry.proto.trace.v1.Span.
 *
 * Field order of the message: trace_id 1, span_id 2, trace_state 3, parent_span_id 4, name 5,
 * kind 6, start 7, end 8, attributes 9, links 13, status 15, flags 16.
 */
#include "exporters/otlp_span.h"

#include <stdbool.h>
#include <string.h>

#include "core/activity.h"
#include "core/intern.h"
#include "exporters/protobuf.h"

#define FIXED_BOUND 1536 /* everything but the texts: ids, times, 24 attributes with their keys */
#define GRID_BYTES  36	 /* three 32-bit numbers, two commas */

#define KIND_INTERNAL	   1
#define STATUS_ERROR	   2
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE	   0x200u

/* An attribute key with its length known to the compiler, and what lets it use that. */
#define KEY(text)     text, sizeof(text) - 1
#define ALWAYS_INLINE inline __attribute__((always_inline))

static const uint8_t zero_id[16];

/* Opens KeyValue in field 9 whose AnyValue has @any bytes. Keys are short; where the value is
 * too, every length is one byte, which the compiler sees for numbers. */
static ALWAYS_INLINE uint8_t *put_key(uint8_t *p, const char *key, size_t key_length, size_t any)
{
	bool is_short = any < 128 - 6 - key_length;
	size_t value = 1 + (is_short ? 1 : rk_protobuf_varint_size(any)) + any;

	*p++ = RK_PROTOBUF_TAG(9, RK_PROTOBUF_BYTES);
	if (is_short)
		*p++ = (uint8_t)(2 + key_length + value);
	else
		p = rk_protobuf_put_varint(p, 2 + key_length + value);
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	*p++ = (uint8_t)key_length;
	p = rk_protobuf_put_bytes(p, key, key_length);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	if (!is_short)
		return rk_protobuf_put_varint(p, any);
	*p++ = (uint8_t)any;
	return p;
}

static ALWAYS_INLINE uint8_t *put_int(uint8_t *p, const char *key, size_t key_length,
				      uint64_t value)
{
	size_t size = rk_protobuf_varint_size(value);

	if (size > 10)
		__builtin_unreachable();
	p = put_key(p, key, key_length, 1 + size);
	*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
	return rk_protobuf_put_varint(p, value);
}

static inline uint8_t *put_true(uint8_t *p, const char *key, size_t key_length)
{
	p = put_key(p, key, key_length, 2);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_VARINT);
	*p++ = 1;
	return p;
}

/* Empty texts are left out: they say nothing. */
static ALWAYS_INLINE uint8_t *put_text(uint8_t *p, const char *key, size_t key_length,
				       const char *text, size_t length)
{
	if (!length)
		return p;
	p = put_key(p, key, key_length, 1 + rk_protobuf_varint_size(length) + length);
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	return rk_protobuf_put_text(p, text, length);
}

static ALWAYS_INLINE uint8_t *put_string(uint8_t *p, const char *key, size_t key_length,
					 const char *text)
{
	return put_text(p, key, key_length, text, text ? strlen(text) : 0);
}

static inline char *put_decimal(char *out, uint32_t value)
{
	uint32_t unit = 10;

	if (value < 10) {
		*out++ = (char)('0' + value);
		return out;
	}
	while (value / unit >= 10)
		unit *= 10;
	for (; unit; unit /= 10)
		*out++ = (char)('0' + value / unit % 10);
	return out;
}

static uint8_t *put_extent(uint8_t *p, const char *key, size_t key_length, const uint32_t *extent)
{
	char text[GRID_BYTES];
	char *out = put_decimal(text, extent[0]);

	*out++ = ',';
	out = put_decimal(out, extent[1]);
	*out++ = ',';
	out = put_decimal(out, extent[2]);
	return put_text(p, key, key_length, text, (size_t)(out - text));
}

const char *rk_otlp_span_copy_name(uint8_t copy_kind)
{
	static const char *const names[] = {
		[RK_COPY_UNKNOWN] = "unknown", [RK_COPY_HTOD] = "HtoD", [RK_COPY_DTOH] = "DtoH",
		[RK_COPY_HTOA] = "HtoA",       [RK_COPY_ATOH] = "AtoH", [RK_COPY_ATOA] = "AtoA",
		[RK_COPY_ATOD] = "AtoD",       [RK_COPY_DTOA] = "DtoA", [RK_COPY_DTOD] = "DtoD",
		[RK_COPY_HTOH] = "HtoH",       [RK_COPY_PTOP] = "PtoP",
	};

	return copy_kind < sizeof(names) / sizeof(names[0]) ? names[copy_kind] : "unknown";
}

static uint8_t *put_graph(uint8_t *p, uint32_t graph, uint64_t node)
{
	if (graph)
		p = put_int(p, KEY("rustkernel.graph.id"), graph);
	if (node)
		p = put_int(p, KEY("rustkernel.graph.node_id"), node);
	return p;
}

static uint8_t *put_kernel(uint8_t *p, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	p = put_extent(p, KEY("rustkernel.grid"), op->kernel.grid);
	p = put_extent(p, KEY("rustkernel.block"), op->kernel.block);
	p = put_graph(p, op->kernel.graph, op->kernel.graph_node);
	if (!(op->flags & RK_OP_F_HOST_TIME)) {
		/* The host cannot know these; a zero would read as a fact. */
		p = put_int(p, KEY("rustkernel.registers"), op->kernel.registers);
		p = put_int(p, KEY("rustkernel.shared_memory_bytes"),
			    (uint64_t)op->kernel.static_shared_bytes +
				    op->kernel.dynamic_shared_bytes);
		p = put_int(p, KEY("rustkernel.queue_ns"), span->queue_ns);
	}
	p = put_string(p, KEY("rustkernel.kernel.mangled_name"), rk_intern_get(op->name));
	return put_string(p, KEY("rustkernel.kernel.demangled_name"), span->demangled);
}

static uint8_t *put_copy(uint8_t *p, const struct rk_op *op)
{
	p = put_int(p, KEY("rustkernel.bytes"), op->copy.bytes);
	if (op->kind == RK_OP_MEMCPY)
		p = put_string(p, KEY("rustkernel.copy_kind"),
			       rk_otlp_span_copy_name(op->copy.copy_kind));
	else
		p = put_int(p, KEY("rustkernel.memset_value"), op->copy.value);
	if (op->copy.copy_kind == RK_COPY_PTOP)
		p = put_int(p, KEY("rustkernel.peer_device"), op->copy.peer_device);
	return put_graph(p, op->copy.graph, op->copy.graph_node);
}

static uint8_t *put_leaf(uint8_t *p, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	p = put_int(p, KEY("rustkernel.device"), op->device);
	p = put_int(p, KEY("rustkernel.stream"), op->stream);
	if (op->correlation)
		p = put_int(p, KEY("rustkernel.correlation_id"), op->correlation);
	if (op->kind == RK_OP_KERNEL)
		p = put_kernel(p, span);
	else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET)
		p = put_copy(p, op);
	else if (op->kind == RK_OP_GRAPH)
		p = put_graph(p, op->graph.graph, 0);
	p = put_string(p, KEY("rustkernel.api"), rk_intern_get(op->api));
	if (op->flags & RK_OP_F_ORPHAN)
		p = put_true(p, KEY("rustkernel.orphan"));
	if (op->flags & RK_OP_F_OPEN)
		p = put_true(p, KEY("rustkernel.open"));
	if (op->flags & RK_OP_F_INVALID_TIME)
		p = put_true(p, KEY("rustkernel.invalid_time"));
	return p;
}

static uint8_t *put_attributes(uint8_t *p, const struct rk_span *span)
{
	p = put_string(p, KEY("rustkernel.kernel_id"), span->kernel_id);
	p = put_string(p, KEY("rustkernel.domain"), span->domain);
	p = put_string(p, KEY("rustkernel.time_source"), span->host_time ? "host" : "gpu");
	if (span->tid)
		p = put_int(p, KEY("thread.id"), span->tid);
	if (span->shape == RK_SPAN_ROOT) {
		p = put_int(p, KEY("rustkernel.ops"), span->ops);
		p = put_int(p, KEY("rustkernel.kernels"), span->kernels);
		p = put_int(p, KEY("rustkernel.gpu_ns"), span->gpu_ns);
	}
	return span->op ? put_leaf(p, span) : p;
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
	/* Links lead to the remote parent only, and its sampling decision is ours. */
	return rk_protobuf_put_fixed32(p, FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE | span->trace_flags);
}

static uint8_t *put_status(uint8_t *p, const char *error)
{
	size_t length = strlen(error);

	*p++ = RK_PROTOBUF_TAG(15, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, 1 + rk_protobuf_varint_size(length) + length + 2);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p = rk_protobuf_put_text(p, error, length);
	*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
	*p++ = STATUS_ERROR;
	return p;
}

/* Fields 1 to 8. */
static uint8_t *put_head(uint8_t *p, const struct rk_span *span)
{
	const char *name = *span->name ? span->name : "unknown";
	size_t length = strlen(name);

	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	*p++ = 16;
	p = rk_protobuf_put_bytes(p, span->trace_id, 16);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	*p++ = 8;
	p = rk_protobuf_put_bytes(p, span->span_id, 8);
	if (*span->tracestate) {
		size_t state = strlen(span->tracestate);

		*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_BYTES);
		p = rk_protobuf_put_varint(p, state);
		p = rk_protobuf_put_text(p, span->tracestate, state);
	}
	if (memcmp(span->parent_id, zero_id, 8) != 0) {
		*p++ = RK_PROTOBUF_TAG(4, RK_PROTOBUF_BYTES);
		*p++ = 8;
		p = rk_protobuf_put_bytes(p, span->parent_id, 8);
	}
	*p++ = RK_PROTOBUF_TAG(5, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p = rk_protobuf_put_text(p, name, length);
	*p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_VARINT);
	*p++ = KIND_INTERNAL;
	*p++ = RK_PROTOBUF_TAG(7, RK_PROTOBUF_FIXED64);
	p = rk_protobuf_put_fixed64(p, span->start_unix_ns);
	*p++ = RK_PROTOBUF_TAG(8, RK_PROTOBUF_FIXED64);
	return rk_protobuf_put_fixed64(p, span->end_unix_ns);
}

size_t rk_otlp_span_bound(const struct rk_span *span)
{
	size_t bytes = FIXED_BOUND + strlen(span->name) + strlen(span->kernel_id) +
		       strlen(span->domain) + strlen(span->tracestate) + strlen(span->error);

	if (span->demangled)
		bytes += strlen(span->demangled);
	if (span->op)
		bytes += strlen(rk_intern_get(span->op->name)) +
			 strlen(rk_intern_get(span->op->api));
	return bytes;
}

size_t rk_otlp_span_encode(uint8_t *out, const struct rk_span *span)
{
	uint8_t *body = out + 3; /* tag, and the two bytes of nearly every length */
	uint8_t *p = put_head(body, span);
	size_t length, prefix;

	p = put_attributes(p, span);
	if (memcmp(span->link_trace_id, zero_id, 16) != 0)
		p = put_link(p, span);
	if (*span->error)
		p = put_status(p, span->error);
	/* Field 16 needs a tag of two bytes. */
	p = rk_protobuf_put_varint(p, 16 << 3 | RK_PROTOBUF_FIXED32);
	p = rk_protobuf_put_fixed32(p, FLAG_HAS_IS_REMOTE |
					       (span->parent_is_remote ? FLAG_IS_REMOTE : 0) |
					       span->trace_flags);
	length = (size_t)(p - body);
	prefix = 1 + rk_protobuf_varint_size(length);
	if (prefix != 3)
		memmove(out + prefix, body, length);
	*out = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	rk_protobuf_put_varint(out + 1, length);
	return prefix + length;
}
