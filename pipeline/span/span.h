/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/span.h - a finished span, as handed to sinks.
 *
 * Texts marked as interned are told apart by their address: one address never means another text.
 * Not so where is_borrowed is set: there they live until the sink returns, as what a program says
 * by the C API has no end.
 *
 * Four shapes: the root of an execution ("kernel:<kernel_id>"), its stages (prepare_input,
 * gpu_execute, collect_output), leaves (one kernel, copy, memset or wait each), and spans that the
 * program made by the C API, whose ids come with their ops. The other ids are functions of
 * (file seed, ordinal), so a file and its live run agree:
 *   leaf  span id = mix(seed, LEAF, op ordinal)
 *   root  span id = mix(seed, ROOT, execution)
 *   stage span id = mix(seed, STAGE + n, execution)
 *   graph span id = mix(mix(seed, GRAPH, host start of the call), GRAPH, correlation id): of a
 *                   launch traced by its nodes, which carry it as their parent
 *   trace id      = the remote parent's, else mix of (seed, TRACE, execution)
 */
#ifndef RK_PIPELINE_SPAN_SPAN_H
#define RK_PIPELINE_SPAN_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/baggage.h"
#include "core/fields.h"
#include "core/op.h"

enum rk_span_shape { RK_SPAN_ROOT, RK_SPAN_STAGE, RK_SPAN_LEAF, RK_SPAN_API };
enum rk_stage {
	RK_STAGE_PREPARE_INPUT,
	RK_STAGE_GPU_EXECUTE,
	RK_STAGE_COLLECT_OUTPUT,
	RK_STAGE_COUNT
};

/* Why a span is sent although sampling would have dropped its trace. */
enum rk_kept { RK_KEPT_NO, RK_KEPT_SLOW, RK_KEPT_ERROR };

/* What happened during a span of the program; its fields are packed. */
struct rk_span_event {
	uint64_t unix_ns;
	const char *name; /* borrowed until the sink returns, as the fields */
	const uint8_t *fields;
	uint32_t field_bytes;
};

struct rk_span_link {
	uint8_t trace_id[16], span_id[8];
	uint8_t trace_flags;
	const char *tracestate; /* "" = none */
	const uint8_t *fields;
	uint32_t field_bytes;
};

/* A leaf that another one waited for, by an event of the program. */
#define RK_SPAN_WAITS_MAX 8

struct rk_span_wait {
	uint8_t trace_id[16], span_id[8];
	uint8_t flags; /* W3C flags of its trace */
};

/*
 * What the GPU did for a range of NVTX: the work that was submitted in it and in the spans within
 * it. All zero = nothing that has a GPU time.
 */
struct rk_span_projection {
	uint64_t start_unix_ns, end_unix_ns; /* of the first and of the last of it */
	uint64_t busy_ns;		     /* its GPU times, added up */
	uint32_t operations;
};

/* The part that only spans of the program have (RK_SPAN_API). Borrowed until the sink returns. */
struct rk_span_api {
	uint8_t kind;		/* enum rk_span_kind */
	uint8_t status;		/* enum rk_span_status */
	bool is_kernel;		/* named "kernel:<kernel_id>": an execution, not a stage of one */
	bool is_unfinished;	/* it was still under way at the end of all, or given up */
	const char *message;	/* of the status; "" = none */
	const uint8_t *fields;	/* attributes, packed, no key twice; see core/fields.h */
	uint32_t field_bytes, field_count;
	const struct rk_span_event *events;
	const struct rk_span_link *links;
	uint32_t event_count, link_count;
	uint32_t dropped_attributes, dropped_events, dropped_links; /* by tracing.limits.* */
	bool is_range; /* of NVTX */
	struct rk_span_projection projection; /* of a range */
};

/* Where the call was made that led to a span. Borrowed until the sink returns. */
struct rk_span_stack {
	const char *text;     /* a line per frame, innermost first */
	const char *function; /* the next three of the program's innermost frame; "" = unknown */
	const char *file;
	uint32_t line; /* 0 = unknown */
};

struct rk_span {
	uint64_t sequence;	/* 1, 2, 3... of all spans, sampled or not; the same in a replay */
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_id[8];	/* all zero = root of its trace */
	uint8_t link_trace_id[16];	/* all zero = no link */
	uint8_t link_span_id[8];
	uint64_t start_unix_ns, end_unix_ns;	/* end >= start */
	const char *name;	/* borrowed for ever (interned) */
	const char *kernel_id;	/* interned; "" on copies and memsets */
	const char *demangled;	/* LEAF kernel: its full C++ name; may be NULL */
	const char *module;	/* LEAF kernel: the file it comes from; interned; may be NULL */
	const char *domain;	/* interned */
	const char *tracestate;	/* of the trace, ot=th:... included; "" = none */
	const struct rk_op *op;	/* LEAF: its op; else NULL. Borrowed until the sink returns */
	uint64_t exec;
	uint32_t tid;		/* launching thread */
	uint32_t ops, kernels;	/* ROOT: GPU operations and kernels in it */
	uint64_t gpu_ns;	/* ROOT: sum of kernel GPU time */
	uint64_t work_end_unix_ns; /* ROOT: of its work, while waits may last longer; 0 = its end */
	uint64_t queue_ns;	/* LEAF kernel: GPU start - end of the call; 0 if none */
	const char *error;	/* "" = status unset; else CUDA's name, status ERROR */
	const char *error_message; /* which call failed, with what; interned; may be NULL or "" */
	const char *thread_name;	/* of tid; interned; may be NULL */
	const struct rk_baggage_entry *baggage;	/* borrowed for ever */
	uint32_t baggage_count;
	uint32_t wait_count, waits_left_out; /* LEAF: links to what it waited for; beyond them */
	const struct rk_span_wait *waits; /* borrowed until the sink returns */
	const struct rk_span_api *api; /* API; else NULL */
	const struct rk_span_stack *stack; /* LEAF; may be NULL */
	uint8_t shape;		/* enum rk_span_shape */
	uint8_t kept;		/* enum rk_kept */
	uint8_t trace_flags;	/* W3C flags of the span's own context */
	bool parent_is_remote;
	bool host_time;		/* times are the host call's, not the GPU's */
	bool is_borrowed;	/* name, kernel_id, domain, baggage are not interned */
};

#endif
