/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs_turn.h - a trace file in parts, of which the newest are kept.
 *
 *   due -> a tick into the sequence -> the part ends with it, the next one begins with it
 *   an alert fires -> a dump is wanted -> as a snapshot, by the name of the alert
 */
#ifndef RK_PIPELINE_LIVE_OUTPUTS_TURN_H
#define RK_PIPELINE_LIVE_OUTPUTS_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_parts.h"

struct rk_outputs;

struct rk_turns {
	struct rk_trace_parts *parts; /* NULL = one file */
	uint32_t dumps;		      /* that alerts were granted */
	bool wants_dump;	      /* one fires */
};

/**
 * Open the file as parts, or as one file, as trace.rotate says.
 *
 * Context: exporter. Return: 0 or -errno, logged.
 */
int rk_outputs_open_writer(struct rk_outputs *outputs, const char *path,
			   const struct rk_trace_meta *meta,
			   const struct rk_trace_options *options);

/**
 * Whether it is time for the next part / begin it. @tick: the last op.
 *
 * Context: exporter.
 */
bool rk_outputs_is_turn_due(const struct rk_outputs *outputs, uint64_t now_ns);
void rk_outputs_turn(struct rk_outputs *outputs, const struct rk_op *tick);

/**
 * An alert changed its state: one that fires has what is kept copied, a few times.
 *
 * Context: exporter.
 */
void rk_outputs_note_alert(struct rk_outputs *outputs, bool is_firing);

/**
 * Bytes of the file, or of all its parts / that were ever written / ops that it did not take.
 *
 * Context: exporter.
 */
uint64_t rk_outputs_file_bytes(const struct rk_outputs *outputs);
uint64_t rk_outputs_written(const struct rk_outputs *outputs);
uint64_t rk_outputs_file_lost(const struct rk_outputs *outputs);

#endif
