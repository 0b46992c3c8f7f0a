/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_api.c - what the program says by the C API becomes ops, and which context the
 * work of a thread runs in.
 *
 * Nothing waits here: a span, a sample or a line of the log is an op at once, in the order in
 * which its thread said it. Only the context of a thread is kept, because the launches behind
 * it belong to it. It is believed as long as nothing of the thread was lost: a launch without
 * its context is a gap, one in the context of another request is a lie.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fields.h"
#include "core/instrument.h"
#include "pipeline/join/join_op.h"

/* Tracestate and baggage of all contexts that threads are in. */
#define ATTACHED_BYTES_MAX (4u << 20)

/* The context that a thread is attached to. */
struct rk_join_attached {
	struct rk_join_attached *prev, *next;
	uint32_t tid;
	bool shares_ring; /* with threads that have none of their own */
	struct rk_op_said said;
	uint32_t text_bytes;
	uint8_t text[];
};

static enum rk_op_kind op_kind_of(unsigned record_kind)
{
	static const uint8_t kinds[RK_REC_KIND_COUNT] = {
		[RK_REC_SPAN_BEGIN] = RK_OP_SPAN_BEGIN,
		[RK_REC_SPAN_END] = RK_OP_SPAN_END,
		[RK_REC_ATTRIBUTE] = RK_OP_ATTRIBUTE,
		[RK_REC_SPAN_EVENT] = RK_OP_SPAN_EVENT,
		[RK_REC_LINK] = RK_OP_LINK,
		[RK_REC_LOG] = RK_OP_LOG,
	};

	return record_kind < RK_REC_KIND_COUNT ? (enum rk_op_kind)kinds[record_kind] : RK_OP_NONE;
}

static struct rk_op_said said_of(const struct rk_api_record *record)
{
	struct rk_op_said said = {
		.number = record->number,
		.what = record->what,
		.flags = (uint8_t)(record->flags & ~RK_API_OVERFLOW),
		.trace_flags = record->trace_flags,
	};

	memcpy(said.trace_id, record->ids.trace, sizeof(said.trace_id));
	memcpy(said.span_id, record->ids.span, sizeof(said.span_id));
	memcpy(said.parent_id, record->ids.parent, sizeof(said.parent_id));
	return said;
}

static struct rk_op *start_said_op(struct rk_join *join, enum rk_op_kind kind, uint32_t tid,
				   uint64_t when)
{
	struct rk_op *op = rk_join_start_op(join, kind);

	op->tid = tid;
	op->host_start = op->host_end = when;
	op->text = NULL;
	op->text_bytes = 0;
	return op;
}

static void tell_said(struct rk_join *join, uint32_t tid, const struct rk_api_record *record,
		      const struct rk_join_text *text)
{
	struct rk_op *op =
		start_said_op(join, op_kind_of(record->kind), tid, rk_clock_ns(record->time));

	if (op->kind == RK_OP_LOG)
		op->exec = rk_exec_cut_current(&join->cut, tid);
	op->said = said_of(record);
	op->text = text->bytes;
	op->text_bytes = text->size;
	rk_join_emit(join, op);
}

static void pack_instrument(struct rk_fields_writer *writer, const struct rk_instrument *instrument)
{
	struct rk_fields_reader labels;
	struct rk_field label;

	rk_fields_put_placed(writer, instrument->name);
	rk_fields_put_placed(writer, instrument->unit);
	rk_fields_put_placed(writer, instrument->help);
	rk_fields_put_placed(writer, instrument->domain);
	rk_fields_reader_init(&labels, instrument->labels, instrument->label_bytes);
	while (rk_fields_next(&labels, &label))
		rk_fields_put(writer, &label);
}

static void tell_instrument(struct rk_join *join, uint32_t number, uint32_t tid, uint64_t when,
			    const struct rk_instrument *instrument)
{
	struct rk_op *op = start_said_op(join, RK_OP_INSTRUMENT, tid, when);
	uint8_t text[RK_API_TEXT_MAX];
	struct rk_fields_writer writer;

	rk_fields_writer_init(&writer, text, sizeof(text));
	pack_instrument(&writer, instrument);
	memset(&op->instrument, 0, sizeof(op->instrument));
	op->instrument.number = number;
	op->instrument.type = (uint8_t)instrument->type;
	op->instrument.bound_count = instrument->bound_count;
	memcpy(op->instrument.bounds, instrument->bounds, sizeof(op->instrument.bounds));
	op->text = text;
	op->text_bytes = (uint32_t)writer.used;
	rk_join_emit(join, op);
}

static void tell_sample(struct rk_join *join, uint32_t tid, const struct rk_api_record *record)
{
	uint64_t when = rk_clock_ns(record->time);
	uint32_t number = record->number <= RK_INSTRUMENTS_MAX ? (uint32_t)record->number : 0;
	const struct rk_instrument *instrument = rk_instrument_get(number);
	struct rk_op *op;

	if (!instrument) {
		join->limited++;
		return;
	}
	if (!(join->told_instruments[number / 64] >> number % 64 & 1)) {
		join->told_instruments[number / 64] |= 1ull << number % 64;
		tell_instrument(join, number, tid, when, instrument);
	}
	op = start_said_op(join, RK_OP_SAMPLE, tid, when);
	op->sample.number = number;
	op->sample.what = record->what;
	op->sample.value = record->sample.value;
	rk_join_emit(join, op);
}

static struct rk_join_attached *attached_get(const struct rk_join *join, uint32_t tid)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&join->attached, tid);

	return slot ? (struct rk_join_attached *)(uintptr_t)slot->value : NULL;
}

static void attached_remove(struct rk_join *join, struct rk_join_attached *attached)
{
	if (attached->prev)
		attached->prev->next = attached->next;
	else
		join->attached_first = attached->next;
	if (attached->next)
		attached->next->prev = attached->prev;
	join->attached_bytes -= attached->text_bytes;
	rk_handle_map_remove(&join->attached, attached->tid);
	free(attached);
}

/* The open execution ran in the context that ends here. */
static void detach(struct rk_join *join, uint32_t tid)
{
	struct rk_join_attached *attached = attached_get(join, tid);

	if (!attached)
		return;
	rk_exec_cut_leave(&join->cut, tid);
	attached_remove(join, attached);
}

/* The thread has no context; false when there is no room for the new one. */
static bool attached_add(struct rk_join *join, uint32_t tid, bool shares_ring,
			 const struct rk_op_said *said, const struct rk_join_text *text)
{
	struct rk_join_attached *attached;
	struct rk_handle_slot *slot;

	if (join->attached_bytes + text->size > ATTACHED_BYTES_MAX)
		return false;
	attached = malloc(sizeof(*attached) + text->size);
	slot = attached ? rk_handle_map_put(&join->attached, tid) : NULL;
	if (!slot) {
		free(attached);
		return false;
	}
	slot->value = (uintptr_t)attached;
	*attached = (struct rk_join_attached){
		.next = join->attached_first,
		.tid = tid,
		.shares_ring = shares_ring,
		.said = *said,
		.text_bytes = text->size,
	};
	if (text->size)
		memcpy(attached->text, text->bytes, text->size);
	if (attached->next)
		attached->next->prev = attached;
	join->attached_first = attached;
	join->attached_bytes += text->size;
	return true;
}

static bool is_same(const struct rk_join_attached *attached, const struct rk_op_said *said,
		    const struct rk_join_text *text)
{
	const struct rk_op_said *old = &attached->said;

	return memcmp(old->trace_id, said->trace_id, sizeof(old->trace_id)) == 0 &&
	       memcmp(old->span_id, said->span_id, sizeof(old->span_id)) == 0 &&
	       old->flags == said->flags && old->trace_flags == said->trace_flags &&
	       attached->text_bytes == text->size &&
	       (!text->size || memcmp(attached->text, text->bytes, text->size) == 0);
}

static void attach(struct rk_join *join, uint32_t tid, const struct rk_api_record *record,
		   const struct rk_join_text *text)
{
	static const uint8_t none[16];
	struct rk_op_said said = said_of(record);
	struct rk_join_attached *old = attached_get(join, tid);
	bool is_none = memcmp(said.trace_id, none, sizeof(said.trace_id)) == 0;

	if (old && !is_none && is_same(old, &said, text))
		return;
	if (old)
		detach(join, tid);
	if (is_none)
		return;
	/* Work before the first context ran in none. */
	rk_exec_cut_leave(&join->cut, tid);
	if (!attached_add(join, tid, record->flags & RK_API_OVERFLOW, &said, text))
		join->limited++;
}

void rk_join_tell_context(struct rk_join *join, uint64_t exec, uint32_t tid, uint64_t when)
{
	const struct rk_join_attached *attached = attached_get(join, tid);
	struct rk_op *op;

	if (!attached || (!exec && !(attached->said.flags & RK_API_SPAN)))
		return;
	op = start_said_op(join, RK_OP_CONTEXT, tid, when);
	op->exec = exec;
	op->said = attached->said;
	op->text = attached->text_bytes ? attached->text : NULL;
	op->text_bytes = attached->text_bytes;
	rk_join_emit(join, op);
}

void rk_join_context_lost(struct rk_join *join, uint32_t tid)
{
	struct rk_join_attached *attached, *next;

	if (tid) {
		detach(join, tid);
		return;
	}
	for (attached = join->attached_first; attached; attached = next) {
		next = attached->next;
		if (attached->shares_ring)
			detach(join, attached->tid);
	}
}

void rk_join_forget_context(struct rk_join *join, uint32_t tid)
{
	struct rk_join_attached *attached = attached_get(join, tid);

	if (attached)
		attached_remove(join, attached);
}

void rk_join_forget_contexts(struct rk_join *join)
{
	while (join->attached_first)
		attached_remove(join, join->attached_first);
	rk_handle_map_finish(&join->attached);
}

static void tell_thread_name(struct rk_join *join, const struct rk_api_record *record,
			     const struct rk_join_text *text)
{
	struct rk_fields_reader reader;

	rk_fields_reader_init(&reader, text->bytes, text->size);
	rk_join_thread_name(join, (uint32_t)record->number, rk_fields_next_placed(&reader));
}

void rk_join_api(struct rk_join *join, uint32_t tid, const struct rk_api_record *record,
		 const struct rk_join_text *text)
{
	switch (record->kind) {
	case RK_REC_ATTACH:
		attach(join, tid, record, text);
		break;
	case RK_REC_SAMPLE:
		tell_sample(join, tid, record);
		break;
	case RK_REC_THREAD_NAME:
		tell_thread_name(join, record, text);
		break;
	default:
		if (op_kind_of(record->kind))
			tell_said(join, tid, record, text);
		break;
	}
}
