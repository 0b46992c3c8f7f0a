/* SPDX-License-Identifier: Apache-2.0
 *
 * core/op_kind.h - what an op can tell.
 */
#ifndef RK_CORE_OP_KIND_H
#define RK_CORE_OP_KIND_H

#include <stdbool.h>

/* On-disk values: append only. */
enum rk_op_kind {
	RK_OP_NONE = 0,
	RK_OP_KERNEL = 1,
	RK_OP_MEMCPY = 2,
	RK_OP_MEMSET = 3,
	RK_OP_GRAPH = 4, /* graph launch traced as a whole, or the call of one traced by node */
	RK_OP_ALLOC = 5,
	RK_OP_FREE = 6,
	RK_OP_SYNC = 7,
	RK_OP_ERROR = 8,      /* a CUDA call failed */
	RK_OP_EXEC_CLOSE = 9, /* no further op will be assigned to this execution */
	RK_OP_TICK = 10,      /* time passes; carries the ledger */
	RK_OP_THREAD = 11,    /* name of a thread */
	RK_OP_DEVICE = 12,    /* one GPU of this process */
	RK_OP_CLOCK = 13,     /* wall-clock alignment */
	RK_OP_END = 14,	      /* clean end; carries the final ledger */
	RK_OP_SPAN_BEGIN = 15, /* this to LOG: what the program says by the C API, .said, .text */
	RK_OP_SPAN_END = 16,
	RK_OP_ATTRIBUTE = 17,
	RK_OP_SPAN_EVENT = 18,
	RK_OP_LINK = 19,
	RK_OP_CONTEXT = 20,    /* execution .exec, opened just now, runs in this context; 0: the
				* next op is a failed call or a wait in it, a span of the
				* program */
	RK_OP_INSTRUMENT = 21, /* definition, before its first sample; .instrument and .text */
	RK_OP_SAMPLE = 22,     /* .sample */
	RK_OP_LOG = 23,
	RK_OP_IN_FLIGHT = 24, /* a launch has been open for long; told once; fields as of KERNEL */
	RK_OP_SETTINGS = 25,  /* changed while running: .text, keyed texts by YAML key */
	RK_OP_STACK = 26,     /* before its first use: .stack, frames in .text, 8 bytes each */
	RK_OP_MODULE = 27,    /* a file that stacks point into: .text */
	RK_OP_DEPENDENCY = 28, /* .dependency: one op waited for another one on the GPU */
	RK_OP_RECORDING = 29, /* recording stopped, or went on: .text */
	RK_OP_GRAPH_INFO = 30, /* what is known of a CUDA graph: .text */
	RK_OP_KERNEL_INFO = 31, /* where a kernel comes from: .name, .text */
	RK_OP_KIND_COUNT
};

/**
 * Whether ops that come later cannot be read without one of @kind: it says what their ids,
 * devices, threads and times mean, and not that something took time.
 *
 * Context: any.
 */
static inline bool rk_op_kind_is_definition(unsigned kind)
{
	const unsigned long long definitions = 1ull << RK_OP_THREAD | 1ull << RK_OP_DEVICE |
					       1ull << RK_OP_CLOCK | 1ull << RK_OP_INSTRUMENT |
					       1ull << RK_OP_SETTINGS | 1ull << RK_OP_STACK |
					       1ull << RK_OP_MODULE | 1ull << RK_OP_RECORDING |
					       1ull << RK_OP_GRAPH_INFO | 1ull << RK_OP_KERNEL_INFO;

	return kind < 64 && (definitions >> kind & 1);
}

#endif
