/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/unsent.h - `rktrace replay --unsent`: only what no receiver has acknowledged.
 *
 *   pipeline -> [unsent] -> librknet
 *
 * The trace says which spans had arrived, by their numbers. A span whose acknowledgement was
 * lost with the process is sent again: at least once, with the same ids.
 */
#ifndef RK_TOOLS_UNSENT_H
#define RK_TOOLS_UNSENT_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/sink.h"

struct rk_unsent;

/**
 * Read all acknowledgements of a trace, at whatever receiver.
 *
 * @verb: for messages.
 * Context: tools. Ownership: the caller, rk_unsent_destroy().
 * Return: RK_TOOL_OK, or the exit status of a failure that was said.
 */
int rk_unsent_read(struct rk_unsent **out, const char *verb, const char *path);
void rk_unsent_destroy(struct rk_unsent *unsent);

/**
 * The settings the sampling of the recording depended on, KEY=VALUE lines. Ownership: borrowed.
 *
 * Context: tools.
 */
const char *rk_unsent_sampling(const struct rk_unsent *unsent);

/**
 * A sink that hands @target what did not arrive. Spans it left out are counted.
 *
 * Context: tools. Ownership: the result is a part of @unsent, @target is borrowed.
 */
struct rk_sink *rk_unsent_sink(struct rk_unsent *unsent, struct rk_sink *target);
uint64_t rk_unsent_arrived(const struct rk_unsent *unsent);

#endif
