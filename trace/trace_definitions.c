/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_definitions.c - kept by what they define, in the order in which they were told.
 *
 * An op is large because of the ledger, which no definition has: what lies behind it is cut off.
 */
#include "trace/trace_definitions.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"

#define BUCKETS 4096u

/* The fields that every kind has; then the longest of what a definition has besides. */
#define HEAD_BYTES offsetof(struct rk_op, kernel)
#define BODY_BYTES sizeof(struct rk_op_instrument)

struct entry {
	struct entry *before, *behind; /* in the order of their ordinals */
	struct entry *next;	       /* in the bucket */
	uint64_t key;
	uint32_t bytes, body_bytes, text_bytes;
	uint8_t kind;
	uint8_t data[]; /* head, body, text */
};

struct rk_trace_definitions {
	struct entry *first, *last;
	uint64_t bytes, refused;
	struct entry *buckets[BUCKETS];
};

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
	return value ^ value >> 29;
}

/* FNV-1a */
static uint64_t hash_of(const void *bytes, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
	return hash;
}

/* The handle of the instantiated graph; true in *gone when it is no more. */
static uint64_t graph_of(const struct rk_op *op, bool *gone)
{
	struct rk_fields_reader reader;
	struct rk_field field;
	uint64_t handle = 0;

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_INTEGER && strcmp(field.key, "exec") == 0)
			handle = (uint64_t)field.integer;
		if (field.type == RK_FIELD_TEXT && strcmp(field.key, "what") == 0)
			*gone = strcmp(field.text, "destroyed") == 0;
	}
	return handle;
}

/* Settings that were told together are told together again. */
static uint64_t settings_of(const struct rk_op *op)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	return rk_fields_next(&reader, &field) ? hash_of(field.key, strlen(field.key)) : 0;
}

/* What @op defines, among definitions of its kind. Of a kind without a name the newest holds. */
static uint64_t key_of(const struct rk_op *op, bool *gone)
{
	switch (op->kind) {
	case RK_OP_THREAD:
		return op->tid;
	case RK_OP_DEVICE:
		return op->device;
	case RK_OP_INSTRUMENT:
		return op->instrument.number;
	case RK_OP_STACK:
		return op->stack;
	case RK_OP_MODULE:
		return hash_of(op->text, op->text_bytes);
	case RK_OP_SETTINGS:
		return settings_of(op);
	case RK_OP_GRAPH_INFO:
		return graph_of(op, gone);
	case RK_OP_KERNEL_INFO:
		return op->name;
	default:
		return 0;
	}
}

static uint32_t body_of(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_DEVICE:
		return sizeof(op->device_info);
	case RK_OP_CLOCK:
		return sizeof(op->clock);
	case RK_OP_INSTRUMENT:
		return sizeof(op->instrument);
	default:
		return 0;
	}
}
static_assert(BODY_BYTES >= sizeof(((struct rk_op *)0)->device_info) &&
		      BODY_BYTES >= sizeof(((struct rk_op *)0)->clock),
	      "the body of every definition fits");

int rk_trace_definitions_create(struct rk_trace_definitions **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void rk_trace_definitions_destroy(struct rk_trace_definitions *definitions)
{
	struct entry *entry = definitions ? definitions->first : NULL;

	while (entry) {
		struct entry *behind = entry->behind;

		free(entry);
		entry = behind;
	}
	free(definitions);
}

static struct entry **place_of(struct rk_trace_definitions *d, uint8_t kind, uint64_t key)
{
	struct entry **at = &d->buckets[mix(key + kind) % BUCKETS];

	while (*at && ((*at)->kind != kind || (*at)->key != key))
		at = &(*at)->next;
	return at;
}

static void drop(struct rk_trace_definitions *d, struct entry **place)
{
	struct entry *entry = *place;

	if (!entry)
		return;
	*place = entry->next;
	*(entry->before ? &entry->before->behind : &d->first) = entry->behind;
	*(entry->behind ? &entry->behind->before : &d->last) = entry->before;
	d->bytes -= entry->bytes;
	free(entry);
}

static void append(struct rk_trace_definitions *d, struct entry *entry)
{
	struct entry **place = place_of(d, entry->kind, entry->key);

	entry->next = *place;
	*place = entry;
	entry->before = d->last;
	*(d->last ? &d->last->behind : &d->first) = entry;
	d->last = entry;
	d->bytes += entry->bytes;
}

static void add(struct rk_trace_definitions *d, const struct rk_op *op, uint64_t key)
{
	uint32_t body = body_of(op), text = op->text ? op->text_bytes : 0;
	uint32_t bytes = (uint32_t)(sizeof(struct entry) + HEAD_BYTES + body + text);
	struct entry *entry = NULL;

	if (d->bytes + bytes <= RK_TRACE_DEFINITIONS_BYTES)
		entry = calloc(1, bytes);
	if (!entry) {
		d->refused++;
		return;
	}
	entry->key = key;
	entry->bytes = bytes;
	entry->body_bytes = body;
	entry->text_bytes = text;
	entry->kind = op->kind;
	memcpy(entry->data, op, HEAD_BYTES + body);
	if (text)
		memcpy(entry->data + HEAD_BYTES + body, op->text, text);
	append(d, entry);
}

void rk_trace_definitions_take(struct rk_trace_definitions *definitions, const struct rk_op *op)
{
	bool gone = false;
	uint64_t key;

	/* A file that tells of no stop was recorded as a whole: so only from a start to a stop. */
	if (!rk_op_kind_is_definition(op->kind) || op->kind == RK_OP_RECORDING)
		return;
	key = key_of(op, &gone);
	drop(definitions, place_of(definitions, op->kind, key));
	if (!gone)
		add(definitions, op, key);
}

void rk_trace_definitions_visit(const struct rk_trace_definitions *definitions,
				void (*visit)(const struct rk_op *op, void *data), void *data)
{
	struct rk_op op;

	for (const struct entry *entry = definitions->first; entry; entry = entry->behind) {
		size_t size = HEAD_BYTES + entry->body_bytes;

		memset(&op, 0, sizeof(op));
		memcpy(&op, entry->data, size);
		op.text = entry->text_bytes ? entry->data + size : NULL;
		op.text_bytes = entry->text_bytes;
		visit(&op, data);
	}
}

uint64_t rk_trace_definitions_refused(const struct rk_trace_definitions *definitions)
{
	return definitions->refused;
}
