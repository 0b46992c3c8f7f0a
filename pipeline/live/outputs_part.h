/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs_part.h - the parts of the outputs that lie in files of their own.
 */
#ifndef RK_PIPELINE_LIVE_OUTPUTS_PART_H
#define RK_PIPELINE_LIVE_OUTPUTS_PART_H

#include "pipeline/live/outputs.h"

/**
 * Open the trace file, where there is to be one / librknet, where something leaves the process.
 *
 * Context: exporter, once. What cannot be had was said.
 */
void rk_outputs_open_file(struct rk_outputs *outputs);
void rk_outputs_open_net(struct rk_outputs *outputs);

/**
 * Spans @first to @last reached @destination: the file remembers it.
 *
 * @data: the outputs. Context: exporter, from poll() or finish() of the network.
 */
void rk_outputs_acknowledge(void *data, const char *destination, uint64_t first, uint64_t last);

#endif
