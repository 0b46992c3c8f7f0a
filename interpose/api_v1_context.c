/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_context.c - contexts that come, go and change hands.
 *
 * Nothing here needs a process that records.
 */
#include "interpose/api_v1_context.h"

#include <string.h>

#include "core/baggage.h"
#include "core/baggage_edit.h"
#include "core/trace_context.h"

static const struct rk_env *environment; /* immutable after the constructor; may be NULL */

void rk_api_v1_set_environment(const struct rk_env *env)
{
	environment = env;
}

void rk_api_v1_texts_get(struct rk_api_v1_texts *out, uint64_t texts)
{
	size_t length = rk_text_pool_get(texts, out->bytes, sizeof(out->bytes));
	struct rk_fields_reader reader;

	rk_fields_reader_init(&reader, out->bytes, length);
	out->tracestate = rk_fields_next_placed(&reader);
	out->baggage = rk_fields_next_placed(&reader);
}

uint64_t rk_api_v1_texts_put(const char *tracestate, const char *baggage)
{
	struct rk_fields_writer writer;
	uint8_t bytes[RK_TEXT_POOL_LARGE];

	if (!*tracestate && !*baggage)
		return 0;
	rk_fields_writer_init(&writer, bytes, sizeof(bytes));
	rk_fields_put_placed(&writer, tracestate);
	rk_fields_put_placed(&writer, baggage);
	return rk_text_pool_put(bytes, writer.used);
}

void rk_api_v1_context_current(struct rk_context *out)
{
	if (out)
		*out = rk_api_v1_self.current;
}

void rk_api_v1_context_capture(struct rk_context *out)
{
	if (!out)
		return;
	*out = rk_api_v1_self.current;
	out->flags &= (uint8_t)~RK_CONTEXT_SPAN;
}

void rk_api_v1_context_attach(const struct rk_context *context, struct rk_context *previous)
{
	static const struct rk_context none;
	struct rk_context next = context ? *context : none;

	if (previous)
		*previous = rk_api_v1_self.current;
	rk_api_v1_switch(&next, false);
}

void rk_api_v1_context_extract(const char *traceparent, const char *tracestate, const char *baggage,
			       struct rk_context *out)
{
	char state[RK_TRACE_STATE_BYTES] = "", members[RK_BAGGAGE_BYTES_MAX + 1] = "";
	struct rk_trace_context parsed;

	if (!out)
		return;
	memset(out, 0, sizeof(*out));
	if (traceparent && rk_trace_context_parse(traceparent, &parsed)) {
		memcpy(out->trace_id, parsed.trace_id, sizeof(out->trace_id));
		memcpy(out->span_id, parsed.span_id, sizeof(out->span_id));
		out->trace_flags = parsed.flags;
		out->flags = RK_CONTEXT_REMOTE;
		if (tracestate)
			rk_trace_context_parse_state(tracestate, state, sizeof(state));
	}
	if (baggage)
		rk_baggage_edit_clean(baggage, members, sizeof(members));
	out->texts = rk_api_v1_texts_put(state, members);
}

void rk_api_v1_context_from_environment(struct rk_context *out)
{
	static const char *const names[] = { "TRACEPARENT", "TRACESTATE", "BAGGAGE" };
	const char *values[3] = { NULL };

	for (int i = 0; environment && i < 3; i++)
		values[i] = rk_env_get(environment, names[i]);
	rk_api_v1_context_extract(values[0], values[1], values[2], out);
}

static const struct rk_context *or_current(const struct rk_context *context)
{
	return context ? context : &rk_api_v1_self.current;
}

static size_t copy_whole(const char *text, char *out, size_t size)
{
	size_t length = strlen(text);

	if (length >= size)
		return 0;
	memcpy(out, text, length + 1);
	return length;
}

static size_t format_parent(const struct rk_context *context, char *out, size_t size)
{
	struct rk_trace_context parent = { .flags = context->trace_flags };
	char text[RK_TRACE_PARENT_BYTES];

	if (!rk_api_v1_has_trace(context))
		return 0;
	memcpy(parent.trace_id, context->trace_id, sizeof(parent.trace_id));
	memcpy(parent.span_id, context->span_id, sizeof(parent.span_id));
	rk_trace_context_format(&parent, text);
	return copy_whole(text, out, size);
}

size_t rk_api_v1_context_header(const struct rk_context *context, uint32_t header, char *out,
				size_t size)
{
	struct rk_api_v1_texts texts;

	context = or_current(context);
	if (!out || !size)
		return 0;
	*out = '\0';
	if (header == RK_HEADER_TRACEPARENT)
		return format_parent(context, out, size);
	if (header > RK_HEADER_BAGGAGE || !context->texts)
		return 0;
	rk_api_v1_texts_get(&texts, context->texts);
	if (header == RK_HEADER_BAGGAGE)
		return copy_whole(texts.baggage, out, size);
	return rk_api_v1_has_trace(context) ? copy_whole(texts.tracestate, out, size) : 0;
}

size_t rk_api_v1_baggage_get(const struct rk_context *context, const char *key, char *out,
			     size_t size)
{
	struct rk_api_v1_texts texts;

	context = or_current(context);
	if (!out || !size)
		return 0;
	*out = '\0';
	if (!key || !context->texts)
		return 0;
	rk_api_v1_texts_get(&texts, context->texts);
	return rk_baggage_edit_get(texts.baggage, key, out, size);
}

int rk_api_v1_baggage_set(struct rk_context *context, const char *key, const char *value)
{
	char members[RK_BAGGAGE_BYTES_MAX + 1];
	struct rk_api_v1_texts texts;
	uint64_t made;

	if (!context || !key)
		return 0;
	rk_api_v1_texts_get(&texts, context->texts);
	if (!rk_baggage_edit_put(texts.baggage, key, value, members, sizeof(members)))
		return 0;
	made = rk_api_v1_texts_put(texts.tracestate, members);
	if (!made && (*members || *texts.tracestate))
		return 0;
	context->texts = made;
	return 1;
}
