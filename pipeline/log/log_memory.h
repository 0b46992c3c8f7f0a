/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_memory.h - memory is out: an event that says who holds it.
 */
#ifndef RK_PIPELINE_LOG_LOG_MEMORY_H
#define RK_PIPELINE_LOG_LOG_MEMORY_H

#include "core/op.h"

struct rk_event_source;

/**
 * Take an allocation or a call that failed. One for which memory was out becomes an event, once
 * a second at most: programs that free and try again do so often. The next one says how many
 * were not told.
 *
 * Context: exporter or tools.
 */
void rk_log_memory_note(struct rk_event_source *source, const struct rk_op *op);

#endif
