/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_parts.h - a trace of which the newest parts are kept: the flight recorder.
 *
 *   x.rkt.zst  ->  x.7.rkt.zst  x.8.rkt.zst ... x.14.rkt.zst    all complete but the last
 *
 * Every part is a file of its own: with a description, the definitions that its ops are read
 * with, the ledger as it stood when it began, and an end. So the oldest can be deleted, any can
 * be read alone, and a reader puts those that are left together by their ordinals. Nothing of
 * it has to be saved when the program crashes.
 */
#ifndef RK_TRACE_TRACE_PARTS_H
#define RK_TRACE_TRACE_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_dump.h"
#include "trace/trace_writer.h"

/* What is kept is so many parts and the one that is written: what is deleted at once is little. */
#define RK_TRACE_PARTS 8u

struct rk_trace_parts;

struct rk_trace_parts_setup {
	const char *path; /* without the numbers of parts */
	const struct rk_trace_meta *meta; /* its texts are borrowed until the close */
	struct rk_trace_options options;  /* max_bytes: of all parts together */
	uint64_t keep_ns; /* parts that ended longer ago go; 0 = only when the room is needed */
};

/**
 * Begin with the first part. Parts of another run are never overwritten: their numbers are left
 * out.
 *
 * Context: exporter. Ownership: the caller, rk_trace_parts_close().
 * Return: 0 or -errno, logged once.
 */
int rk_trace_parts_open(struct rk_trace_parts **out, const struct rk_trace_parts_setup *setup);

/**
 * The part that is written now, which takes ops, acknowledgements and seals.
 *
 * Context: exporter. Ownership: borrowed until the next turn.
 * Return: NULL where none could be begun; what is noted then is lost, and counted.
 */
struct rk_trace_writer *rk_trace_parts_writer(struct rk_trace_parts *parts);

/**
 * An op was told, and given to the writer if there is one.
 *
 * Context: exporter.
 */
void rk_trace_parts_note(struct rk_trace_parts *parts, const struct rk_op *op);

/**
 * Whether the part that is written is big or old enough. One without work is never: to wait
 * does not push out what was done before.
 *
 * Context: exporter.
 */
bool rk_trace_parts_is_due(const struct rk_trace_parts *parts, uint64_t now_ns);

/**
 * End the part and begin the next one; delete what need not be kept.
 *
 * @tick: the last op that was noted; the next part begins with its ledger.
 * Context: exporter. Return: 0 or -errno, logged once; the turn may be tried again.
 */
int rk_trace_parts_turn(struct rk_trace_parts *parts, const struct rk_op *tick);

/**
 * Begin a second set of all parts that are complete.
 *
 * @path: of the set, PATH_MAX bytes; another one is chosen, and told there, if there is one.
 * Context: exporter. Return: 0 or -errno.
 */
int rk_trace_parts_dump(const struct rk_trace_parts *parts, struct rk_trace_dump *dump, char *path);

/**
 * Ops that no part took; bytes of the parts that are there / that there ever were; ops that were
 * in deleted ones.
 *
 * Context: exporter.
 */
uint64_t rk_trace_parts_lost(const struct rk_trace_parts *parts);
uint64_t rk_trace_parts_bytes(const struct rk_trace_parts *parts);
uint64_t rk_trace_parts_written(const struct rk_trace_parts *parts);
uint64_t rk_trace_parts_rotated(const struct rk_trace_parts *parts);

/**
 * Close the last part. Accepts NULL.
 *
 * Context: exporter. Return: 0 or the first error of the last part.
 */
int rk_trace_parts_close(struct rk_trace_parts *parts);

#endif
