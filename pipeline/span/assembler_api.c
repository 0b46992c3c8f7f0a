/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_api.c - fates, names and baggage of the program's spans.
 */
#include "pipeline/span/assembler_api.h"

#include <stdio.h>
#include <string.h>

#include "core/api_record.h"
#include "core/intern.h"
#include "pipeline/span/assembler_part.h"
#include "pipeline/span/assembler_span.h"

#define NAME_PREFIX "kernel:"

static uint64_t key_of(const uint8_t id[8])
{
	uint64_t key;

	memcpy(&key, id, sizeof(key));
	return key;
}

/* The place of @key, or the one to be used for it. */
static struct rk_span_fate *fate_find(struct rk_span_fates *fates, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u >> 32;
	struct rk_span_fate *set = fates->sets[hash % RK_FATE_SETS], *oldest = set;

	for (uint32_t i = 0; i < RK_FATE_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].used_at < oldest->used_at)
			oldest = &set[i];
	}
	return oldest;
}

static bool remember(struct rk_assembler *a, struct rk_span_fate *fate, uint64_t key,
		     bool is_admitted)
{
	*fate = (struct rk_span_fate){
		.key = key,
		.used_at = ++a->fates.uses,
		.is_admitted = is_admitted,
	};
	return is_admitted;
}

bool rk_assembler_api_admits(struct rk_assembler *a, const uint8_t id[8])
{
	uint64_t key = key_of(id);
	struct rk_span_fate *fate = fate_find(&a->fates, key);
	bool is_known = key && fate->key == key;

	return remember(a, fate, key, is_known ? fate->is_admitted : rk_assembler_part_admit(a));
}

/* A span begins. Somebody may have asked for its fate already. */
static bool begin_fate(struct rk_assembler *a, const struct rk_op *op)
{
	uint64_t key = key_of(op->said.span_id);
	bool has_parent = key_of(op->said.parent_id) && !(op->said.flags & RK_API_REMOTE);
	bool is_admitted;

	if (!has_parent || fate_find(&a->fates, key)->key == key)
		return rk_assembler_api_admits(a, op->said.span_id);
	is_admitted = rk_assembler_api_admits(a, op->said.parent_id);
	return remember(a, fate_find(&a->fates, key), key, is_admitted);
}

/* It is one of the spans of ours that its trace may hold. Its id is known to others, so it goes
 * nowhere else when the trace is full: work of the GPU does. */
static void count(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_shared_trace *shared = rk_shared_traces_get(&a->traces, op->said.trace_id);

	if (!shared->is_continuation)
		shared->spans++;
}

void rk_assembler_api_feed(struct rk_assembler *a, const struct rk_op *op)
{
	bool is_begin = op->kind == RK_OP_SPAN_BEGIN;

	if (is_begin)
		count(a, op);
	rk_api_spans_feed(a->api_spans, op, a->wall_offset, is_begin && begin_fate(a, op));
}

/* The flags and the tracestate that it is sent with. */
static void settle(struct rk_assembler *a, const struct rk_api_span *said, struct rk_span *span,
		   char state[RK_TRACE_STATE_BYTES])
{
	bool has_failed = said->said.status == RK_SPAN_ERROR || *span->error;
	bool is_unknown = a->is_short;

	span->trace_flags = said->trace_flags & (RK_TRACE_FLAG_SAMPLED | RK_TRACE_FLAG_RANDOM);
	if (!said->is_admitted)
		span->trace_flags &= (uint8_t)~RK_TRACE_FLAG_SAMPLED;
	if (!(span->trace_flags & RK_TRACE_FLAG_SAMPLED)) {
		enum rk_kept why =
			has_failed && a->keeps_errors ? RK_KEPT_ERROR : (enum rk_kept)said->kept;

		is_unknown = true;
		if (why != RK_KEPT_NO && rk_assembler_part_admit_kept(a, why)) {
			span->kept = (uint8_t)why;
			span->trace_flags |= RK_TRACE_FLAG_SAMPLED;
		}
	}
	if (is_unknown)
		rk_sampler_put_threshold(said->tracestate, RK_SAMPLER_NEVER, state,
					 RK_TRACE_STATE_BYTES);
	else
		rk_trace_context_parse_state(said->tracestate, state, RK_TRACE_STATE_BYTES);
	span->tracestate = state;
}

static void give(void *data, const struct rk_api_span *said)
{
	struct rk_assembler *a = data;
	struct rk_baggage_entry entries[RK_BAGGAGE_MEMBERS_MAX];
	char name[sizeof(NAME_PREFIX) + RK_API_TEXT_MAX], text[RK_API_TEXT_MAX];
	char state[RK_TRACE_STATE_BYTES];
	struct rk_baggage_room room = { .bytes = text, .size = sizeof(text) };
	struct rk_span_api api = said->said;
	struct rk_span span = {
		.start_unix_ns = said->start_unix_ns,
		.end_unix_ns = said->end_unix_ns,
		.name = said->name,
		.kernel_id = said->kernel_id,
		.domain = *said->domain ? said->domain : rk_intern_get(a->unknown),
		.tid = said->tid,
		.error = said->error,
		.error_message = said->error_message,
		.thread_name = rk_assembler_span_thread(a, said->tid),
		.baggage = entries,
		.api = &api,
		.shape = RK_SPAN_API,
		.parent_is_remote = said->is_remote,
		.host_time = true,
		.is_borrowed = true,
	};

	memcpy(span.trace_id, said->trace_id, sizeof(span.trace_id));
	memcpy(span.span_id, said->span_id, sizeof(span.span_id));
	memcpy(span.parent_id, said->parent_id, sizeof(span.parent_id));
	if (api.is_kernel) {
		snprintf(name, sizeof(name), NAME_PREFIX "%s", said->name);
		span.name = name;
	}
	if (api.status == RK_SPAN_UNSET && *said->error) {
		api.status = RK_SPAN_ERROR;
		api.message = said->error_message && *said->error_message ? said->error_message :
									    said->error;
	}
	settle(a, said, &span, state);
	span.baggage_count =
		rk_baggage_copy(said->baggage, a->setup.config->tracing_baggage_attributes, entries,
				RK_BAGGAGE_MEMBERS_MAX, &room);
	rk_assembler_span_give(a, &span);
}

int rk_assembler_api_init(struct rk_assembler *a)
{
	const struct rk_config *config = a->setup.config;
	struct rk_api_spans_setup setup = {
		.attributes_max = config->tracing_attribute_count_limit,
		.events_max = config->tracing_event_count_limit,
		.links_max = config->tracing_link_count_limit,
		.bytes_max = a->setup.api_bytes,
		.give = give,
		.data = a,
	};

	return rk_api_spans_create(&a->api_spans, &setup);
}

void rk_assembler_api_finish(struct rk_assembler *a)
{
	rk_api_spans_destroy(a->api_spans);
}
