/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_span.c - spans: what the program says about the course of its work.
 *
 * A span that the ring has no room for does not exist: its handle is zero, the context stays
 * as it was, and what would have been its children are children of its parent.
 */
#include <stdatomic.h>
#include <string.h>

#include "core/thread.h"
#include "interpose/api_v1.h"
#include "interpose/api_v1_context.h"

static _Atomic uint64_t numbers; /* of the last span of the process */

static void take_options(struct rk_span_options *out, const struct rk_span_options *given)
{
	size_t size = given->size < sizeof(*out) ? given->size : sizeof(*out);

	memset(out, 0, sizeof(*out));
	memcpy(out, given, size);
	if (out->kind < RK_KIND_INTERNAL || out->kind > RK_KIND_CONSUMER)
		out->kind = RK_KIND_INTERNAL;
}

void rk_api_v1_set_ids(struct rk_api_record *record, const struct rk_context *context)
{
	record->number = context->number;
	record->trace_flags = context->trace_flags;
	memcpy(record->ids.trace, context->trace_id, sizeof(record->ids.trace));
	memcpy(record->ids.span, context->span_id, sizeof(record->ids.span));
}

uint64_t rk_api_v1_take_number(void)
{
	return atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed) + 1;
}

void rk_api_v1_make_context(struct rk_context *parent, struct rk_context *made, uint64_t number)
{
	uint64_t id;

	rk_api_v1_descend(parent, made);
	do {
		id = rk_api_v1_random();
	} while (!id);
	memcpy(made->span_id, &id, sizeof(made->span_id));
	made->number = number;
	made->flags = RK_CONTEXT_SPAN;
}

/* Return: false when it was lost. */
static bool say_begin(struct rk_api_v1_call *call, const struct rk_span_options *options,
		      const struct rk_context *parent, const struct rk_context *context)
{
	struct rk_api_record *record = &call->record;

	rk_api_v1_set_ids(record, context);
	memcpy(record->ids.parent, parent->span_id, sizeof(record->ids.parent));
	record->what = (uint16_t)options->kind;
	if (parent->flags & RK_CONTEXT_REMOTE)
		record->flags |= RK_API_REMOTE;
	if (options->flags & RK_SPAN_FLAG_KERNEL)
		record->flags |= RK_API_KERNEL;
	rk_fields_put_placed(&call->text, options->name);
	rk_fields_put_placed(&call->text, options->domain);
	rk_api_v1_put_texts(call, context->texts);
	rk_api_v1_put(call, options->attributes, options->attribute_count);
	return rk_api_v1_push(call);
}

void rk_api_v1_span_begin(struct rk_span *span, const struct rk_span_options *given)
{
	struct rk_span_options options;
	struct rk_context parent;
	struct rk_api_v1_call call;

	if (!span)
		return;
	span->context.number = 0;
	if (!given || !rk_api_v1_enter(&call, RK_REC_SPAN_BEGIN))
		return;
	take_options(&options, given);
	span->previous = rk_api_v1_self.current;
	span->thread = 0;
	span->status = RK_STATUS_UNSET;
	span->message[0] = '\0';
	parent = options.parent ? *options.parent : span->previous;
	rk_api_v1_make_context(&parent, &span->context, rk_api_v1_take_number());
	if (!say_begin(&call, &options, &parent, &span->context)) {
		span->context.number = 0;
	} else if (!(options.flags & RK_SPAN_FLAG_DETACHED)) {
		span->thread = rk_thread_self.tid;
		rk_api_v1_switch(&span->context, true);
	}
	rk_api_v1_leave(&call);
}

/* Whether the calling thread is in @span because that began here. */
static bool is_current(const struct rk_span *span)
{
	return span->thread && span->thread == rk_thread_self.tid &&
	       rk_api_v1_self.current.number == span->context.number &&
	       rk_api_v1_self.current.flags & RK_CONTEXT_SPAN;
}

void rk_api_v1_span_end(struct rk_span *span)
{
	struct rk_api_v1_call call;

	if (!span || !span->context.number)
		return;
	if (rk_api_v1_enter(&call, RK_REC_SPAN_END)) {
		rk_api_v1_set_ids(&call.record, &span->context);
		call.record.what = (uint16_t)span->status;
		rk_fields_put_placed(&call.text, span->message);
		rk_api_v1_push(&call);
		if (is_current(span))
			rk_api_v1_switch(&span->previous, true);
		rk_api_v1_leave(&call);
	} else if (is_current(span)) {
		rk_api_v1_switch(&span->previous, false);
	}
	span->context.number = 0;
}

void rk_api_v1_span_set_attributes(const struct rk_span *span,
				   const struct rk_attribute *attributes, size_t count)
{
	struct rk_api_v1_call call;

	if (!span || !span->context.number || !count || !rk_api_v1_enter(&call, RK_REC_ATTRIBUTE))
		return;
	rk_api_v1_set_ids(&call.record, &span->context);
	rk_api_v1_put(&call, attributes, count);
	if (call.text.used || call.text.is_cut)
		rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

void rk_api_v1_span_add_event(const struct rk_span *span, const char *name,
			      const struct rk_attribute *attributes, size_t count)
{
	struct rk_api_v1_call call;

	if (!span || !span->context.number || !rk_api_v1_enter(&call, RK_REC_SPAN_EVENT))
		return;
	rk_api_v1_set_ids(&call.record, &span->context);
	rk_fields_put_placed(&call.text, name);
	rk_api_v1_put(&call, attributes, count);
	rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

/* The ids of the record are those of the link; the number says whose it is. */
void rk_api_v1_span_add_link(const struct rk_span *span, const struct rk_context *to,
			     const struct rk_attribute *attributes, size_t count)
{
	struct rk_api_v1_texts texts;
	struct rk_api_v1_call call;

	if (!span || !span->context.number || !to || !rk_api_v1_has_trace(to) ||
	    !rk_api_v1_enter(&call, RK_REC_LINK))
		return;
	rk_api_v1_set_ids(&call.record, to);
	call.record.number = span->context.number;
	rk_api_v1_texts_get(&texts, to->texts);
	rk_fields_put_placed(&call.text, texts.tracestate);
	rk_api_v1_put(&call, attributes, count);
	rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

void rk_api_v1_span_set_status(struct rk_span *span, uint32_t status, const char *message)
{
	size_t length;

	if (!span || !span->context.number || status > RK_STATUS_ERROR)
		return;
	message = message ? message : "";
	length = strnlen(message, sizeof(span->message) - 1);
	/* Not in the middle of a character. */
	while (length && message[length] && ((uint8_t)message[length] & 0xc0) == 0x80)
		length--;
	memcpy(span->message, message, length);
	span->message[length] = '\0';
	span->status = status;
}

void rk_api_v1_span_context(const struct rk_span *span, struct rk_context *out)
{
	if (!out)
		return;
	*out = span && span->context.number ? span->context : rk_api_v1_self.current;
}
