/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_link.c - the newest leaves and dependencies, by ordinal.
 */
#include "pipeline/span/assembler_link.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/span/assembler_state.h"
#include "pipeline/span/span_id.h"

/* Powers of two. What waits for an event waits for one of the newest few thousand operations. */
#define LEAVES	     8192u
#define DEPENDENCIES 1024u

struct leaf {
	uint64_t ordinal;
	uint8_t trace_id[16];
	uint8_t flags;
};

/* What one leaf waited for. */
struct dependency {
	uint64_t ordinal;
	uint32_t count, left_out;
	uint64_t on[RK_SPAN_WAITS_MAX];
};

struct rk_leaf_links {
	struct leaf leaves[LEAVES];
	struct dependency dependencies[DEPENDENCIES];
	struct rk_span_wait waits[RK_SPAN_WAITS_MAX]; /* of the span that is made */
};

/* Two events may stand for the same work. */
static bool is_there(const struct dependency *dependency, uint64_t on)
{
	for (uint32_t i = 0; i < dependency->count; i++) {
		if (dependency->on[i] == on)
			return true;
	}
	return false;
}

static void put(struct dependency *dependency, uint64_t on)
{
	uint32_t oldest = 0;

	if (is_there(dependency, on))
		return;
	if (dependency->count < RK_SPAN_WAITS_MAX) {
		dependency->on[dependency->count++] = on;
		return;
	}
	dependency->left_out++;
	for (uint32_t i = 1; i < RK_SPAN_WAITS_MAX; i++) {
		if (dependency->on[i] < dependency->on[oldest])
			oldest = i;
	}
	if (dependency->on[oldest] < on)
		dependency->on[oldest] = on;
}

void rk_leaf_links_feed(struct rk_leaf_links **links, const struct rk_op *op)
{
	struct dependency *dependency;

	if (!*links)
		*links = calloc(1, sizeof(**links));
	if (!*links || op->dependency.on >= op->dependency.ordinal)
		return;
	dependency = &(*links)->dependencies[op->dependency.ordinal % DEPENDENCIES];
	if (dependency->ordinal != op->dependency.ordinal)
		*dependency = (struct dependency){ .ordinal = op->dependency.ordinal };
	put(dependency, op->dependency.on);
}

void rk_leaf_links_destroy(struct rk_leaf_links *links)
{
	free(links);
}

void rk_leaf_links_note(struct rk_leaf_links *links, const struct rk_op *op,
			const struct rk_own_trace *trace)
{
	struct leaf *leaf;

	if (op->kind == RK_OP_GRAPH)
		return;
	leaf = &links->leaves[op->ordinal % LEAVES];
	leaf->ordinal = op->ordinal;
	leaf->flags = trace->flags;
	memcpy(leaf->trace_id, trace->id, sizeof(leaf->trace_id));
}

void rk_leaf_links_set(struct rk_leaf_links *links, const struct rk_op *op, uint64_t seed,
		       struct rk_span *span)
{
	const struct dependency *dependency = &links->dependencies[op->ordinal % DEPENDENCIES];

	if (dependency->ordinal != op->ordinal)
		return;
	for (uint32_t i = 0; i < dependency->count; i++) {
		const struct leaf *leaf = &links->leaves[dependency->on[i] % LEAVES];
		struct rk_span_wait *wait = &links->waits[span->wait_count];

		if (leaf->ordinal != dependency->on[i])
			continue;
		memcpy(wait->trace_id, leaf->trace_id, sizeof(wait->trace_id));
		rk_span_id_store(wait->span_id,
				 rk_span_id_mix(seed, RK_ID_LEAF, dependency->on[i]));
		wait->flags = leaf->flags;
		span->wait_count++;
	}
	span->waits = links->waits;
	span->waits_left_out = dependency->left_out;
}
