/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/verdict.h - the dozen lines that say what happened.
 *
 * Wall time, what the GPUs did, the five kernels that took most, memory peak, losses, what tracing
 * cost, the next command. A sink: fed by ops, so replay prints what the live run printed.
 */
#ifndef RK_PIPELINE_USE_VERDICT_H
#define RK_PIPELINE_USE_VERDICT_H

#include <stddef.h>

#include "pipeline/live/net_stats.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink.h"

struct rk_gpu_time;
struct rk_memory_use;
struct rk_verdict;

/**
 * Context: exporter or tools. Ownership: the caller. Return: 0, -ENOMEM.
 */
int rk_verdict_create(struct rk_verdict **out, const struct rk_config *config);
void rk_verdict_destroy(struct rk_verdict *verdict);

/**
 * The sink to add to a pipeline.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy.
 */
struct rk_sink *rk_verdict_sink(struct rk_verdict *verdict);

/**
 * Why there is no GPU time, as CUPTI or the file says; "" = there is. Borrowed for ever.
 *
 * Context: exporter or tools.
 */
void rk_verdict_set_host_time_reason(struct rk_verdict *verdict, const char *reason);

/**
 * What the GPUs did: of the pipeline that the sink is in.
 *
 * @gpu_time: borrowed until the verdict is written; NULL = not known.
 * Context: exporter or tools.
 */
void rk_verdict_set_gpu_time(struct rk_verdict *verdict, const struct rk_gpu_time *gpu_time);

/**
 * @memory: who holds memory; borrowed until the verdict is written; NULL = not known.
 * Context: exporter or tools.
 */
void rk_verdict_set_memory(struct rk_verdict *verdict, const struct rk_memory_use *memory);

/**
 * What became of the spans, as the network says; copied.
 *
 * Context: exporter, when nothing is sent any more.
 */
void rk_verdict_set_wire(struct rk_verdict *verdict, const struct rk_net_signal_stats *spans);

/**
 * Write at most 12 lines.
 *
 * @path: of the trace file for the "next:" line; "" = none.
 * @program: name of the traced program.
 * Context: exporter or tools. Return: length as snprintf.
 */
int rk_verdict_format(const struct rk_verdict *verdict, const char *program, const char *path,
		      char *out, size_t size);

#endif
