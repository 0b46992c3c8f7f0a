/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_dump.h - a second name for complete files, or a copy where that cannot be.
 *
 * A second name costs nothing, and what it names stays when the first one goes. Another file
 * system wants a copy: that is made a piece at a time, from descriptors that are open from the
 * beginning on.
 */
#ifndef RK_TRACE_TRACE_DUMP_H
#define RK_TRACE_TRACE_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#define RK_TRACE_DUMP_MAX 64u

struct rk_trace_dump {
	uint32_t count, at; /* files, and those that are done */
	uint64_t copied;    /* of the one that is next */
	struct {
		int from, to; /* -1 = has a second name, which is all */
		char *path;
	} files[RK_TRACE_DUMP_MAX];
};

/**
 * Add a file.
 *
 * Context: exporter. Return: 0; -EEXIST, if @to is there already; another -errno.
 */
int rk_trace_dump_add(struct rk_trace_dump *dump, const char *from, const char *to);

/**
 * Copy @max_bytes more, at most.
 *
 * Context: exporter. Return: 1 = there is more; 0 = that was all; -errno.
 */
int rk_trace_dump_run(struct rk_trace_dump *dump, uint64_t max_bytes);

/**
 * Forget it, and with @discard remove what was made. A zeroed one is fine.
 *
 * Context: exporter.
 */
void rk_trace_dump_finish(struct rk_trace_dump *dump, bool discard);

#endif
