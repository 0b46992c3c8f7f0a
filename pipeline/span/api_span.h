/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span.h - spans that the program makes by the C API, while they are under way.
 *
 *   begin --> open ----- end ----> complete --- two ticks ---> given
 *   anything else --> stray ... begin ...-'
 *      '--- eight ticks, nobody began it: dropped
 *
 * What belongs to one span may come from several threads, each with a ring of its own, so in any
 * order. A ring that was not looked at in this round is in the next one: by the second tick after
 * a span is complete everything said before its end has come.
 *
 * A range of NVTX, and whatever is within one, waits longer: for the spans in it and for the GPU
 * work that was submitted in it, whose times it tells. It does not wait for ever: work that hangs
 * must not hide the range it hangs in.
 *
 * Bounded in spans and in bytes. At a bound, whatever is complete is given at once, the oldest
 * first; then strays are dropped; then the oldest open span is given as unfinished, because a
 * program that forgets to end its spans must not stop the tracing of those that it does end.
 */
#ifndef RK_PIPELINE_SPAN_API_SPAN_H
#define RK_PIPELINE_SPAN_API_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"
#include "pipeline/span/span.h"

/*
 * A program with a million ranges a second fills what there is: it is the part of the 32 MiB that
 * spans may have, with what the allocator adds. Some 14,000 ranges of NVTX fit.
 */
#define RK_API_SPANS_BYTES_MAX	 ((size_t)8 << 20)
#define RK_API_SPANS_MAX	 16384u
#define RK_API_SPAN_TICKS	 2u /* that a complete span waits */
#define RK_API_SPAN_STRAY_TICKS	 8u /* that parts wait for their span */
#define RK_API_SPAN_GPU_TICKS	 120u /* that a range waits for its GPU work: 30 s */
#define RK_API_SPAN_ANCESTORS_MAX 64u /* that are looked at, in case they form a circle */

/* A span that is over. All of it is borrowed until the callback returns. */
struct rk_api_span {
	uint64_t number;
	uint8_t trace_id[16], span_id[8], parent_id[8];
	uint64_t start_unix_ns, end_unix_ns;
	const char *name, *domain, *tracestate, *baggage; /* as they were said */
	const char *kernel_id; /* its own, or that of the kernel span it is within; "" = none */
	const char *error;     /* "" or the CUDA error of work that was submitted in it */
	const char *error_message; /* which call gave it; interned; may be NULL or "" */
	uint32_t tid;	       /* of the begin */
	uint8_t trace_flags;
	uint8_t kept;	 /* enum rk_kept: what was found out about its work */
	bool is_remote;	 /* the parent is of another process */
	bool is_admitted; /* as it was when it began */
	struct rk_span_api said;
};

struct rk_api_spans;

struct rk_api_spans_setup {
	uint64_t attributes_max, events_max, links_max; /* of a span; later ones are counted */
	size_t bytes_max; /* 0 = RK_API_SPANS_BYTES_MAX */
	uint32_t count_max; /* 0 = RK_API_SPANS_MAX */
	void (*give)(void *data, const struct rk_api_span *span);
	void *data;
};

struct rk_api_spans_stats {
	uint64_t strays;     /* of which only parts came, or more parts after they were given */
	uint64_t unfinished; /* spans given without their end */
	uint64_t early; /* complete ones that had to go before all of their time was over */
	uint64_t lost;	     /* spans and parts of them for which memory was short */
	uint64_t count, bytes; /* now */
};

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_api_spans_create(struct rk_api_spans **out, const struct rk_api_spans_setup *setup);

/**
 * Spans that are in it are dropped.
 *
 * Context: exporter or tools.
 */
void rk_api_spans_destroy(struct rk_api_spans *spans);

/**
 * Take SPAN_BEGIN, SPAN_END, ATTRIBUTE, SPAN_EVENT or LINK.
 *
 * @is_admitted: of a SPAN_BEGIN; comes back with the span.
 * Context: the feeding thread.
 */
void rk_api_spans_feed(struct rk_api_spans *spans, const struct rk_op *op, int64_t wall_offset,
		       bool is_admitted);

/**
 * Time passed, until @now (ns).
 *
 * Context: the feeding thread.
 */
void rk_api_spans_tick(struct rk_api_spans *spans, uint64_t now);

/**
 * Whether some span is complete and waits for ticks.
 *
 * Context: the feeding thread.
 */
bool rk_api_spans_are_waiting(const struct rk_api_spans *spans);

/**
 * GPU work submitted in span @number failed, or is worth keeping: so are the span and those
 * around it, up to the kernel span.
 *
 * @result: CUresult. @message: string, what is said of it; 0 = nothing.
 * Context: the feeding thread.
 */
void rk_api_spans_fail(struct rk_api_spans *spans, uint64_t number, uint32_t result,
		       uint32_t message);
void rk_api_spans_keep(struct rk_api_spans *spans, uint64_t number, enum rk_kept why);

/**
 * An execution was opened in span @number; @op of it was done by the GPU; it is over.
 *
 * Context: the feeding thread.
 * Return: whether the span waits for it, until it is closed.
 */
bool rk_api_spans_open_work(struct rk_api_spans *spans, uint64_t number);
void rk_api_spans_add_work(struct rk_api_spans *spans, uint64_t number, const struct rk_op *op);
void rk_api_spans_close_work(struct rk_api_spans *spans, uint64_t number);

/**
 * Give all: complete ones, then open ones as unfinished.
 *
 * Context: the feeding thread.
 */
void rk_api_spans_finish(struct rk_api_spans *spans);

/**
 * Context: the feeding thread.
 */
void rk_api_spans_get_stats(const struct rk_api_spans *spans, struct rk_api_spans_stats *stats);

#endif
