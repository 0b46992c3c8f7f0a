/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs_turn.c - turns of the trace file, and who wants a copy of what is kept.
 */
#include "pipeline/live/outputs_turn.h"

#include <stdio.h>

#include "pipeline/live/outputs.h"

int rk_outputs_open_writer(struct rk_outputs *outputs, const char *path,
			   const struct rk_trace_meta *meta, const struct rk_trace_options *options)
{
	const struct rk_config *config = outputs->setup->config;
	const struct rk_trace_parts_setup setup = {
		.path = path,
		.meta = meta,
		.options = *options,
		.keep_ns = config->trace_keep,
	};
	int err;

	if (!config->trace_rotate) {
		err = rk_trace_writer_open(&outputs->writer, path, meta, options);
		path = err ? "" : rk_trace_writer_path(outputs->writer);
	} else {
		err = rk_trace_parts_open(&outputs->turns.parts, &setup);
		if (!err)
			outputs->writer = rk_trace_parts_writer(outputs->turns.parts);
	}
	if (!err)
		snprintf(outputs->trace_path, sizeof(outputs->trace_path), "%s", path);
	return err;
}

bool rk_outputs_is_turn_due(const struct rk_outputs *outputs, uint64_t now_ns)
{
	/* While recording rests no part begins: it would tell of no stop. */
	return outputs->turns.parts && outputs->is_recording &&
	       rk_trace_parts_is_due(outputs->turns.parts, now_ns);
}

void rk_outputs_turn(struct rk_outputs *outputs, const struct rk_op *tick)
{
	rk_trace_parts_turn(outputs->turns.parts, tick);
	outputs->writer = rk_trace_parts_writer(outputs->turns.parts);
}

void rk_outputs_note_alert(struct rk_outputs *outputs, bool is_firing)
{
	struct rk_turns *turns = &outputs->turns;

	if (!is_firing || !turns->parts || turns->wants_dump ||
	    turns->dumps >= outputs->setup->config->trace_alert_dumps)
		return;
	turns->dumps++;
	turns->wants_dump = true;
}

uint64_t rk_outputs_file_bytes(const struct rk_outputs *outputs)
{
	if (outputs->turns.parts)
		return rk_trace_parts_bytes(outputs->turns.parts);
	return outputs->writer ? rk_trace_writer_bytes(outputs->writer) : 0;
}

uint64_t rk_outputs_written(const struct rk_outputs *outputs)
{
	if (outputs->turns.parts)
		return rk_trace_parts_written(outputs->turns.parts);
	return rk_outputs_file_bytes(outputs);
}

uint64_t rk_outputs_file_lost(const struct rk_outputs *outputs)
{
	if (outputs->turns.parts)
		return rk_trace_parts_lost(outputs->turns.parts);
	return outputs->writer ? rk_trace_writer_lost(outputs->writer) : 0;
}
