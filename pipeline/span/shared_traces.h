/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/shared_traces.h - how many spans of ours are in the traces of others.
 *
 * A trace holds 10,000 spans of ours at most. One that many executions share (that of a caller,
 * of a span of the program) is counted here by its id; when it is full, what comes next goes
 * to a trace of its own, and on from there when that is full. The table is bounded: of many
 * traces, the one that was not asked for longest is forgotten, which only starts its count anew.
 */
#ifndef RK_PIPELINE_SPAN_SHARED_TRACES_H
#define RK_PIPELINE_SPAN_SHARED_TRACES_H

#include <stdbool.h>
#include <stdint.h>

#define RK_SHARED_TRACE_SETS 256u
#define RK_SHARED_TRACE_WAYS 4u

struct rk_shared_trace {
	uint8_t key[16]; /* the trace that is shared; all zero = free place */
	uint8_t id[16];	 /* where its executions go now */
	uint32_t spans;	 /* of ours in that one: given, held or reserved */
	bool is_continuation; /* @id is another than @key */
	uint64_t used_at;
};

/* All zero = empty. */
struct rk_shared_traces {
	struct rk_shared_trace process; /* of the process's own parent; never forgotten */
	struct rk_shared_trace sets[RK_SHARED_TRACE_SETS][RK_SHARED_TRACE_WAYS];
	uint64_t uses;
};

/**
 * The trace @id (not zero) belongs to the parent of the whole process.
 *
 * Context: exporter or tools.
 */
void rk_shared_traces_init(struct rk_shared_traces *traces, const uint8_t id[16]);

/**
 * The trace @id, from 0 if it is not known.
 *
 * Context: the feeding thread. Ownership: borrowed until the next call.
 */
struct rk_shared_trace *rk_shared_traces_get(struct rk_shared_traces *traces, const uint8_t id[16]);

/**
 * It is full: go on in the trace @id.
 *
 * Context: the feeding thread.
 */
void rk_shared_trace_continue(struct rk_shared_trace *trace, const uint8_t id[16]);

#endif
