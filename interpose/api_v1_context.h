/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_context.h - contexts of the C API: their texts, and where roots begin.
 */
#ifndef RK_INTERPOSE_API_V1_CONTEXT_H
#define RK_INTERPOSE_API_V1_CONTEXT_H

#include "core/config.h"
#include "core/env.h"
#include "core/text_pool.h"
#include "interpose/api_v1.h"

/* Tracestate and baggage of a context. */
struct rk_api_v1_texts {
	const char *tracestate, *baggage; /* in bytes, or "" */
	uint8_t bytes[RK_TEXT_POOL_LARGE];
};

/**
 * Read what rk_context.texts stands for / get a number for two texts.
 *
 * Context: app. Return of put: 0 where both are empty or cannot be kept.
 */
void rk_api_v1_texts_get(struct rk_api_v1_texts *out, uint64_t texts);
uint64_t rk_api_v1_texts_put(const char *tracestate, const char *baggage);

/**
 * Note the environment the process was started with / how traces begin by the settings.
 *
 * Context: init (constructor) / init; again with later settings, on one thread at a time.
 * Ownership: @env outlives every call, @config is not kept.
 */
void rk_api_v1_set_environment(const struct rk_env *env);
void rk_api_v1_set_roots(const struct rk_config *config);

/**
 * The trace of a span that begins below @parent: trace id, flags and texts of @child.
 *
 * @parent: of another process, of this one, or none (but with baggage perhaps); out: who the
 * parent of the span is, which for a root is the process' own, if it has one.
 * Context: app, between enter and leave.
 */
void rk_api_v1_descend(struct rk_context *parent, struct rk_context *child);

/**
 * A number for a span of the process. / The context of span @number below @parent, which is as
 * above. / The ids of a record that is about it.
 *
 * Context: app; for the second between enter and leave.
 */
uint64_t rk_api_v1_take_number(void);
void rk_api_v1_make_context(struct rk_context *parent, struct rk_context *made, uint64_t number);
void rk_api_v1_set_ids(struct rk_api_record *record, const struct rk_context *context);

static inline bool rk_api_v1_has_trace(const struct rk_context *context)
{
	for (size_t i = 0; i < sizeof(context->trace_id); i++) {
		if (context->trace_id[i])
			return true;
	}
	return false;
}

/* The entries of the table, as include/rustkernel.h has them. Context: app. */
void rk_api_v1_context_current(struct rk_context *out);
void rk_api_v1_context_capture(struct rk_context *out);
void rk_api_v1_context_attach(const struct rk_context *context, struct rk_context *previous);
void rk_api_v1_context_extract(const char *traceparent, const char *tracestate, const char *baggage,
			       struct rk_context *out);
void rk_api_v1_context_from_environment(struct rk_context *out);
size_t rk_api_v1_context_header(const struct rk_context *context, uint32_t header, char *out,
				size_t size);
size_t rk_api_v1_baggage_get(const struct rk_context *context, const char *key, char *out,
			     size_t size);
int rk_api_v1_baggage_set(struct rk_context *context, const char *key, const char *value);

#endif
