/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_root.c - where traces begin, and whether they are kept.
 *
 * Decided on the thread of the program, because what it injects into a request has to say it.
 * Later settings come as another block; who reads the one before is not disturbed, and the few
 * hundred bytes of it are never given back.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/sampler.h"
#include "core/trace_context.h"
#include "interpose/api_v1_context.h"

struct roots {
	struct rk_sampling sampling;
	struct rk_context parent; /* of the process; zero = none. Its baggage counts alone too */
	const struct roots *before; /* kept, because somebody may be reading it */
};

static const struct roots *_Atomic roots;

static bool is_propagated(const struct rk_config *config, const char *name)
{
	return !config->tracing_propagators ||
	       rk_trace_context_is_propagated(config->tracing_propagators, name);
}

/* What of the environment counts by the settings. */
static void find_parent(struct roots *made, const struct rk_config *config,
			struct rk_api_v1_texts *texts)
{
	static const struct rk_context none;
	struct rk_context *parent = &made->parent;
	uint64_t before;

	rk_api_v1_context_from_environment(parent);
	before = parent->texts;
	if (!is_propagated(config, "tracecontext"))
		*parent = none;
	rk_api_v1_texts_get(texts, before);
	parent->texts = rk_api_v1_texts_put(rk_api_v1_has_trace(parent) ? texts->tracestate : "",
					    is_propagated(config, "baggage") ? texts->baggage : "");
	rk_api_v1_texts_get(texts, parent->texts);
}

static struct rk_trace_context to_trace(const struct rk_context *context)
{
	struct rk_trace_context made = { .flags = context->trace_flags };

	memcpy(made.trace_id, context->trace_id, sizeof(made.trace_id));
	memcpy(made.span_id, context->span_id, sizeof(made.span_id));
	return made;
}

void rk_api_v1_set_roots(const struct rk_config *config)
{
	struct roots *made = calloc(1, sizeof(*made));
	struct rk_api_v1_texts texts;
	struct rk_trace_context parent;

	if (!made)
		return;
	find_parent(made, config, &texts);
	parent = to_trace(&made->parent);
	rk_sampler_init(&made->sampling, config,
			rk_api_v1_has_trace(&made->parent) ? &parent : NULL, texts.tracestate);
	made->before = atomic_load(&roots);
	atomic_store(&roots, made);
}

static void set_sampled(struct rk_context *child, bool is_sampled)
{
	child->trace_flags &= (uint8_t)~RK_TRACE_FLAG_SAMPLED;
	if (is_sampled)
		child->trace_flags |= RK_TRACE_FLAG_SAMPLED;
}

/* A trace of another process: go on in it, if it is kept. */
__attribute__((noinline)) static void follow(const struct roots *from,
					     const struct rk_context *parent,
					     struct rk_context *child)
{
	struct rk_trace_context trace = to_trace(parent);
	struct rk_sampler_fate fate;
	struct rk_api_v1_texts texts;

	rk_api_v1_texts_get(&texts, parent->texts);
	rk_sampler_follow(&from->sampling, &trace, texts.tracestate, from->sampling.parent_decides,
			  &fate);
	set_sampled(child, fate.is_sampled);
	child->texts =
		rk_api_v1_texts_put(fate.is_sampled ? fate.known : fate.unknown, texts.baggage);
}

__attribute__((noinline)) static void begin(const struct roots *from,
					    const struct rk_context *parent,
					    struct rk_context *child)
{
	const struct rk_sampling *sampling = &from->sampling;
	uint64_t halves[2] = { rk_api_v1_random(), rk_api_v1_random() };
	struct rk_api_v1_texts texts;
	bool is_sampled;

	memcpy(child->trace_id, halves, sizeof(child->trace_id));
	is_sampled = rk_sampler_keeps(sampling, child->trace_id);
	child->trace_flags = RK_TRACE_FLAG_RANDOM;
	set_sampled(child, is_sampled);
	texts.baggage = "";
	if (parent->texts)
		rk_api_v1_texts_get(&texts, parent->texts);
	child->texts = rk_api_v1_texts_put(is_sampled ? sampling->own_known : sampling->own_unknown,
					   texts.baggage);
}

/* What the program says in baggage comes before what its starter said. */
__attribute__((noinline)) static uint64_t replace_baggage(uint64_t texts, uint64_t with)
{
	struct rk_api_v1_texts said, own;

	rk_api_v1_texts_get(&said, with);
	rk_api_v1_texts_get(&own, texts);
	return rk_api_v1_texts_put(own.tracestate, said.baggage);
}

void rk_api_v1_descend(struct rk_context *parent, struct rk_context *child)
{
	const struct roots *from = atomic_load(&roots);
	uint64_t said = parent->texts;

	memset(child, 0, sizeof(*child));
	if (from && !rk_api_v1_has_trace(parent)) {
		*parent = from->parent;
		if (said)
			parent->texts = replace_baggage(parent->texts, said);
	}
	if (from && !rk_api_v1_has_trace(parent)) {
		begin(from, parent, child);
		return;
	}
	memcpy(child->trace_id, parent->trace_id, sizeof(child->trace_id));
	child->trace_flags = parent->trace_flags;
	child->texts = parent->texts;
	if (from && parent->flags & RK_CONTEXT_REMOTE)
		follow(from, parent, child);
}
