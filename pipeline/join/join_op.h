/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_op.h - building ops: the steps that every kernel passes, in line.
 */
#ifndef RK_PIPELINE_JOIN_JOIN_OP_H
#define RK_PIPELINE_JOIN_JOIN_OP_H

#include <stddef.h>
#include <string.h>

#include "pipeline/join/join_state.h"

/**
 * A new op, all zero but its kind.
 *
 * Context: exporter, as all here. Ownership: borrowed until the next one is started.
 */
static inline struct rk_op *rk_join_start_op(struct rk_join *join, enum rk_op_kind kind)
{
	struct rk_op *op = &join->op;

	/* The tick part is several cache lines that only ticks use. In two steps, because a
	 * compiler clears 64 bytes by stores and more by a string instruction, 30 cycles. */
	memset(op, 0, 64);
	memset((char *)op + 64, 0, 64);
	memset((char *)op + 128, 0, offsetof(struct rk_op, kernel) + sizeof(op->kernel) - 128);
	op->kind = (uint8_t)kind;
	return op;
}

/* rk_join_emit() without the way there. */
static inline void rk_join_give(struct rk_join *join, struct rk_op *op)
{
	op->ordinal = ++join->ordinal;
	join->setup.emit(op, join->setup.data);
}

/* Device and CUPTI's id of a context, by its index + 1; what is not known is 0, and the index. */
static inline uint32_t rk_join_device_of(const struct rk_join *join, uint16_t context)
{
	return context < join->context_count ? join->contexts[context].device : 0;
}

static inline uint32_t rk_join_context_id(const struct rk_join *join, uint16_t context)
{
	if (context < join->context_count && join->contexts[context].has_cupti_id)
		return join->contexts[context].cupti_id;
	return context;
}

/* Pointers have 47 bits, contexts at most 15 here; bit 62 keeps the key from being 0. */
static inline uint64_t rk_join_stream_key(const struct rk_call *call)
{
	bool is_per_thread = call->stream == 2 ||
			     (call->stream == 0 && (call->flags & RK_REC_PER_THREAD_STREAM));
	uint64_t handle = is_per_thread ? call->tid : call->stream == 1 ? 0 : call->stream;

	return 1ull << 62 | (uint64_t)is_per_thread << 63 |
	       ((handle << 15 | (call->context & 0x7fffu)) & ((1ull << 62) - 1));
}

/* What kind of work a call is. */
static inline enum rk_work rk_join_work_of(const struct rk_call *call)
{
	int work = rk_ledger_work(call->kind);

	return work < 0 ? RK_WORK_LAUNCH : (enum rk_work)work;
}

/* What the call tells of its op. */
static inline void rk_join_fill_from_call(struct rk_join *join, struct rk_op *op,
					  const struct rk_call *call)
{
	op->exec = call->exec;
	op->host_start = call->host_start;
	op->host_end = call->host_end;
	op->stream_handle = call->stream;
	op->tid = call->tid;
	op->correlation = call->correlation;
	op->stack = call->stack;
	op->api = call->api < join->setup.api_count ? join->apis[call->api].name : 0;
	if (call->flags & RK_REC_ASYNC)
		op->flags |= RK_OP_F_ASYNC;
}

#endif
