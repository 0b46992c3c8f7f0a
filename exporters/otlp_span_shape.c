/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_shape.c - name, kind, times and the attributes that do not vary.
 */
#include "exporters/otlp_span_shape.h"

#include "core/activity.h"
#include "core/intern.h"
#include "core/record.h"
#include "exporters/otlp_span.h"
#include "exporters/otlp_span_said.h"

#define KIND_INTERNAL 1
#define EXTENT_BYTES  36 /* three 32-bit numbers, two commas */
#define NAME_BYTES_MAX 8192 /* of a mangled or demangled name; files have whole ones */

/* Of one attribute but its key and a text from outside: nine tags and lengths of up to five
 * bytes in the worst case, and the longest text of our own. */
#define ATTRIBUTE_BYTES (24 + EXTENT_BYTES)
#define RK_KEY(name, text) +(sizeof(text) - 1 + ATTRIBUTE_BYTES)
static const size_t own_bytes = 64 /* name, kind, times */
#include "exporters/otlp_span_keys.def"
	;
#undef RK_KEY

static const struct {
	const char *text;
	size_t length;
} own_keys[] = {
#define RK_KEY(name, text) { RK_SPAN_KEY(name) },
#include "exporters/otlp_span_keys.def"
#undef RK_KEY
};

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

static void put_extent(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
		       const uint32_t *extent)
{
	char text[EXTENT_BYTES];
	char *out = put_decimal(text, extent[0]);

	*out++ = ',';
	out = put_decimal(out, extent[1]);
	*out++ = ',';
	out = put_decimal(out, extent[2]);
	rk_otlp_span_put_text(writer, key, key_length, text, (size_t)(out - text));
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

/* Names of 512 KiB exist, and a span of each launch would carry it. */
static void put_name(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
		     const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (length > NAME_BYTES_MAX) {
		length = NAME_BYTES_MAX;
		while (length && ((unsigned char)name[length] & 0xc0) == 0x80)
			length--;
	}
	rk_otlp_span_put_text(writer, key, key_length, name, length);
}

static void put_kernel(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	put_extent(writer, RK_SPAN_KEY(GRID), op->kernel.grid);
	put_extent(writer, RK_SPAN_KEY(BLOCK), op->kernel.block);
	if (op->kernel.graph)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_ID), op->kernel.graph);
	if (!(op->flags & RK_OP_F_HOST_TIME)) {
		/* The host cannot know these; a zero would read as a fact. */
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(REGISTERS), op->kernel.registers);
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(SHARED_MEMORY),
				     (uint64_t)op->kernel.static_shared_bytes +
					     op->kernel.dynamic_shared_bytes);
	}
	put_name(writer, RK_SPAN_KEY(MANGLED_NAME), rk_intern_get(op->name));
	put_name(writer, RK_SPAN_KEY(DEMANGLED_NAME), span->demangled);
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(MODULE), span->module);
}

static void put_copy(struct rk_otlp_span_writer *writer, const struct rk_op *op)
{
	if (op->kind == RK_OP_MEMCPY)
		rk_otlp_span_put_string(writer, RK_SPAN_KEY(COPY_KIND),
					rk_otlp_span_copy_name(op->copy.copy_kind));
	else
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(MEMSET_VALUE), op->copy.value);
	if (op->copy.copy_kind == RK_COPY_PTOP)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(PEER_DEVICE), op->copy.peer_device);
	if (op->copy.graph)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_ID), op->copy.graph);
}

static const char *scope_name(uint8_t scope)
{
	static const char *const names[] = {
		[RK_SYNC_CONTEXT] = "context",
		[RK_SYNC_STREAM] = "stream",
		[RK_SYNC_EVENT] = "event",
	};

	return scope < sizeof(names) / sizeof(names[0]) ? names[scope] : "";
}

/* Only one stream has a number, and it is not known before its first work was seen. */
static bool has_stream(const struct rk_op *op)
{
	return op->kind != RK_OP_SYNC || (op->sync.scope == RK_SYNC_STREAM && op->stream);
}

static void put_op(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	rk_otlp_span_put_int(writer, RK_SPAN_KEY(DEVICE), op->device);
	if (has_stream(op))
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(STREAM), op->stream);
	if (op->kind == RK_OP_KERNEL)
		put_kernel(writer, span);
	else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET)
		put_copy(writer, op);
	else if (op->kind == RK_OP_GRAPH && op->graph.graph)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(GRAPH_ID), op->graph.graph);
	else if (op->kind == RK_OP_SYNC)
		rk_otlp_span_put_string(writer, RK_SPAN_KEY(WAIT_SCOPE),
					scope_name(op->sync.scope));
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(API), rk_intern_get(op->api));
	if (op->flags & RK_OP_F_ORPHAN)
		rk_otlp_span_put_true(writer, RK_SPAN_KEY(ORPHAN));
	if (op->flags & RK_OP_F_OPEN)
		rk_otlp_span_put_true(writer, RK_SPAN_KEY(OPEN));
	if (op->flags & RK_OP_F_INVALID_TIME)
		rk_otlp_span_put_true(writer, RK_SPAN_KEY(INVALID_TIME));
}

bool rk_otlp_span_is_own_key(const char *key, size_t length)
{
	for (size_t i = 0; i < sizeof(own_keys) / sizeof(own_keys[0]); i++) {
		if (own_keys[i].length == length && memcmp(own_keys[i].text, key, length) == 0)
			return true;
	}
	return false;
}

/* Keys of a span are unique: ours are ours, what the program set on this very span comes before
 * baggage, and of two entries of one key the later counts. */
static bool may_use_key(const struct rk_span *span, uint32_t entry)
{
	const char *key = span->baggage[entry].key;
	size_t length = strlen(key);

	if (rk_otlp_span_is_own_key(key, length) ||
	    (span->api && rk_otlp_span_said_has_key(span->api, key)))
		return false;
	for (uint32_t i = entry + 1; i < span->baggage_count; i++) {
		if (strcmp(span->baggage[i].key, key) == 0)
			return false;
	}
	return length > 0;
}

static void put_baggage(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	for (uint32_t i = 0; i < span->baggage_count; i++) {
		const struct rk_baggage_entry *entry = &span->baggage[i];

		if (may_use_key(span, i))
			rk_otlp_span_put_string(writer, entry->key, strlen(entry->key),
						entry->value);
	}
}

static const char *kept_name(uint8_t kept)
{
	static const char *const names[] = {
		[RK_KEPT_NO] = "",
		[RK_KEPT_SLOW] = "slow",
		[RK_KEPT_ERROR] = "error",
	};

	return kept < sizeof(names) / sizeof(names[0]) ? names[kept] : "";
}

static void put_attributes(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(KERNEL_ID), span->kernel_id);
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(DOMAIN), span->domain);
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(TIME_SOURCE), span->host_time ? "host" : "gpu");
	if (span->tid)
		rk_otlp_span_put_int(writer, RK_SPAN_KEY(THREAD_ID), span->tid);
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(THREAD_NAME), span->thread_name);
	if (span->op)
		put_op(writer, span);
	rk_otlp_span_put_string(writer, RK_SPAN_KEY(KEPT), kept_name(span->kept));
	if (span->api && span->api->is_unfinished)
		rk_otlp_span_put_true(writer, RK_SPAN_KEY(UNFINISHED));
	put_baggage(writer, span);
}

size_t rk_otlp_span_shape_bound(const struct rk_span *span)
{
	size_t bytes =
		own_bytes + strlen(span->name) + strlen(span->kernel_id) + strlen(span->domain);

	if (span->demangled)
		bytes += strlen(span->demangled);
	if (span->module)
		bytes += strlen(span->module);
	if (span->thread_name)
		bytes += strlen(span->thread_name);
	for (uint32_t i = 0; i < span->baggage_count; i++)
		bytes += strlen(span->baggage[i].key) + strlen(span->baggage[i].value) +
			 ATTRIBUTE_BYTES;
	if (span->op)
		bytes += strlen(rk_intern_get(span->op->name)) +
			 strlen(rk_intern_get(span->op->api));
	return bytes;
}

uint8_t *rk_otlp_span_shape_put(struct rk_otlp_span_writer *writer, const struct rk_span *span)
{
	const char *name = *span->name ? span->name : "unknown";
	size_t length = strlen(name);
	uint8_t *p = writer->p, *times;

	*p++ = RK_PROTOBUF_TAG(5, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p = rk_protobuf_put_text(p, name, length);
	*p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_VARINT);
	*p++ = span->api ? rk_otlp_span_said_kind(span->api) : KIND_INTERNAL;
	times = p + 1;
	if (span->start_unix_ns) {
		*p++ = RK_PROTOBUF_TAG(7, RK_PROTOBUF_FIXED64);
		p = rk_protobuf_put_fixed64(p, span->start_unix_ns);
	}
	if (span->end_unix_ns) {
		*p++ = RK_PROTOBUF_TAG(8, RK_PROTOBUF_FIXED64);
		p = rk_protobuf_put_fixed64(p, span->end_unix_ns);
	}
	writer->p = p;
	put_attributes(writer, span);
	return times;
}

static inline uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

static inline uint64_t address(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* Words 10 to 15: what only this kind of operation has. */
static inline void get_kind_key(uint64_t *w, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	if (op->kind == RK_OP_KERNEL) {
		w[10] = pair(op->kernel.grid[0], op->kernel.grid[1]);
		w[11] = pair(op->kernel.grid[2], op->kernel.block[0]);
		w[12] = pair(op->kernel.block[1], op->kernel.block[2]);
		w[13] = pair(op->kernel.registers, op->kernel.graph);
		w[14] = pair(op->kernel.static_shared_bytes, op->kernel.dynamic_shared_bytes);
		w[15] = address(span->module);
		return;
	}
	w[12] = w[13] = w[14] = w[15] = 0;
	if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET) {
		w[10] = pair(op->copy.copy_kind, op->copy.peer_device);
		w[11] = pair(op->kind == RK_OP_MEMSET ? op->copy.value : 0, op->copy.graph);
	} else {
		w[10] = op->kind == RK_OP_GRAPH ? op->graph.graph :
			op->kind == RK_OP_SYNC	? op->sync.scope :
						  0;
		w[11] = 0;
	}
}

void rk_otlp_span_shape_get_key(struct rk_otlp_span_key *key, const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	uint64_t *w = key->words;
	uint32_t traits = (uint32_t)span->kept << 8 | (uint32_t)span->host_time << 16;

	w[0] = address(span->name);
	w[1] = address(span->kernel_id);
	w[2] = address(span->demangled);
	w[3] = address(span->domain);
	w[4] = address(span->thread_name);
	w[5] = address(span->baggage);
	w[6] = pair(span->baggage_count, span->tid);
	if (!op) {
		w[7] = traits;
		memset(w + 8, 0, 8 * sizeof(*w));
		return;
	}
	/* Kinds begin at 1, so that one without an operation is another. */
	w[7] = pair(traits | op->flags, (uint32_t)op->kind + 1);
	w[8] = pair(op->name, op->api);
	w[9] = pair(op->device, op->stream);
	get_kind_key(w, span);
}
