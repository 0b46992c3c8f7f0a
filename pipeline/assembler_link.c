/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/assembler_link.c - the newest leaves and dependencies, by ordinal.
 */
#include "pipeline/assembler_link.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/assembler_state.h"
#include "pipeline/span_id.h"

/* Powers of two. What waits for an event waits for one of the newest few thousand operations. */
#define LEAVES	     8192u
#define DEPENDENCIES 1024u

struct leaf {
	uint64_t ordinal;
	uint8_t trace_id[16];
	uint8_t flags;
};

struct dependency {
	uint64_t ordinal, on;
};

struct rk_leaf_links {
	struct leaf leaves[LEAVES];
	struct dependency dependencies[DEPENDENCIES];
};

/* Of several that one leaf waited for it is the one that came last. */
void rk_leaf_links_feed(struct rk_leaf_links **links, const struct rk_op *op)
{
	struct dependency *dependency;

	if (!*links)
		*links = calloc(1, sizeof(**links));
	if (!*links || op->dependency.on >= op->dependency.ordinal)
		return;
	dependency = &(*links)->dependencies[op->dependency.ordinal % DEPENDENCIES];
	if (dependency->ordinal != op->dependency.ordinal || dependency->on < op->dependency.on)
		*dependency = (struct dependency){ op->dependency.ordinal, op->dependency.on };
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

void rk_leaf_links_set(const struct rk_leaf_links *links, const struct rk_op *op, uint64_t seed,
		       struct rk_span *span)
{
	const struct dependency *dependency;
	const struct leaf *leaf;

	dependency = &links->dependencies[op->ordinal % DEPENDENCIES];
	leaf = &links->leaves[dependency->on % LEAVES];
	if (dependency->ordinal != op->ordinal || leaf->ordinal != dependency->on)
		return;
	memcpy(span->link_trace_id, leaf->trace_id, sizeof(span->link_trace_id));
	rk_span_id_store(span->link_span_id, rk_span_id_mix(seed, RK_ID_LEAF, dependency->on));
	span->link_flags = leaf->flags;
	span->is_link_dependency = true;
}
