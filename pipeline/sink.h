/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/sink.h - where ops and spans go. Every receiver is one of these.
 */
#ifndef RK_PIPELINE_SINK_H
#define RK_PIPELINE_SINK_H

#include "core/op.h"
#include "pipeline/span/span.h"

/**
 * A receiver. Any function may be NULL. All are called on the thread that feeds the pipeline
 * (live: rk-exporter; replay: the tool's main thread), in this order per op: op(), then span()
 * for each span the op completed.
 */
struct rk_sink {
	const char *name;
	void (*op)(struct rk_sink *sink, const struct rk_op *op);
	void (*span)(struct rk_sink *sink, const struct rk_span *span);
	struct rk_sink *next;	/* written by rk_pipeline_add_sink() only */
};

#endif
