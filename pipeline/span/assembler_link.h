/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_link.h - a leaf that waited for others links to them.
 *
 * The dependency is told before the leaf that waited, and after the one it waited for. Of both a
 * bounded number is remembered; where one of them is forgotten, or was no leaf, there is no
 * link. Of many that one leaf waited for the newest get a link, because those it was that it
 * waited for last; the others are counted. Nothing is remembered before the first dependency of a
 * recording.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_LINK_H
#define RK_PIPELINE_SPAN_ASSEMBLER_LINK_H

#include "pipeline/span/span.h"

struct rk_own_trace;
struct rk_leaf_links; /* all zero is empty */

/**
 * A dependency was told. The memory is had with the first one; without it there are no links.
 *
 * Context: the feeding thread, as all here.
 */
void rk_leaf_links_feed(struct rk_leaf_links **links, const struct rk_op *op);
void rk_leaf_links_destroy(struct rk_leaf_links *links);

/**
 * The leaf of @op goes to @trace, now or when it is decided.
 *
 * Context: the feeding thread.
 */
void rk_leaf_links_note(struct rk_leaf_links *links, const struct rk_op *op,
			const struct rk_own_trace *trace);

/**
 * Set the links of the leaf @span of @op, if it waited for any.
 *
 * @seed: of the ids of spans.
 * Context: the feeding thread. Ownership: @span borrows them until the next one is set.
 */
void rk_leaf_links_set(struct rk_leaf_links *links, const struct rk_op *op, uint64_t seed,
		       struct rk_span *span);

#endif
