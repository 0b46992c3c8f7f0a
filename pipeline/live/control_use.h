/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_use.h - what the GPUs of a running process do, as JSON: the counters that
 * `rktrace top` makes rates of.
 */
#ifndef RK_PIPELINE_LIVE_CONTROL_USE_H
#define RK_PIPELINE_LIVE_CONTROL_USE_H

#include <stdint.h>

#include "core/json_text.h"
#include "pipeline/live/outputs.h"

/**
 * Put the members of the reply to `use` into the open object @reply. Kernels that find no room
 * are counted in it.
 *
 * @now_ns: of rk_clock.
 * Context: exporter.
 */
void rk_control_use_put(const struct rk_outputs *outputs, uint64_t now_ns,
			struct rk_json_text *reply);

#endif
