/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_set.h - which files are the parts of one trace, and in which order.
 *
 * Parts carry numbers in their names, but of several runs under one name only one is meant: the
 * latest. Its parts are told by their seed, and put in order by the op they begin with.
 */
#ifndef RK_TRACE_TRACE_SET_H
#define RK_TRACE_TRACE_SET_H

#include <stdbool.h>
#include <stdint.h>

struct rk_trace_set_part {
	char *path;
	uint64_t seed, first_ordinal, start_ns, bytes;
};

struct rk_trace_set {
	struct rk_trace_set_part *parts; /* in order */
	uint32_t count, next;		 /* next: the one to be opened next */
};

/**
 * Look for the parts of the trace @path, of which there need be none.
 *
 * Context: exporter or tools. Ownership: the caller, rk_trace_set_finish().
 * Return: 0 or -errno.
 */
int rk_trace_set_find(struct rk_trace_set *set, const char *path);

/**
 * Look again, because parts may have been begun since. Those before .next are forgotten.
 *
 * Context: exporter or tools. Return: whether there is one to be opened next.
 */
bool rk_trace_set_refresh(struct rk_trace_set *set, const char *path);

/**
 * All of them together.
 *
 * Context: any.
 */
uint64_t rk_trace_set_bytes(const struct rk_trace_set *set);

/**
 * A zeroed one is fine.
 *
 * Context: any.
 */
void rk_trace_set_finish(struct rk_trace_set *set);

#endif
