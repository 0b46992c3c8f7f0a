/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_range.h - ranges and marks of NVTX as spans and their events.
 *
 * A range is a span like one of the C API: the thread goes on in its context, so what it
 * launches, logs and injects belongs to it, and spans of both kinds nest in each other. Unlike
 * the C API a range never starts recording: annotations are not addressed to us. It is kept, and
 * told when the thread's first GPU work is.
 */
#ifndef RK_INTERPOSE_NVTX_RANGE_H
#define RK_INTERPOSE_NVTX_RANGE_H

#include <stdint.h>

#include "core/fields.h"
#include "interpose/nvtx_name.h"
#include "interpose/nvtx_stack.h"

/* What pushing and popping answer where nobody keeps count / for a pop without a push. */
#define RK_NVTX_NOT_TRACKED (-2)
#define RK_NVTX_UNBALANCED  (-1)

struct rk_nvtx_event {
	const struct rk_nvtx_domain *domain; /* NULL = the default one */
	const char *message;		     /* may be NULL */
	uint32_t category;		     /* 0 = none */
	struct rk_field payload;	     /* its key is NULL when there is none */
	char digits[24];		     /* of a payload that is no signed number */
};

/**
 * Open and close a range of the calling thread.
 *
 * Context: app. Return: the level of the range in its domain, or one of the above.
 */
int rk_nvtx_range_push(const struct rk_nvtx_event *event);
int rk_nvtx_range_pop(const struct rk_nvtx_domain *domain);

/**
 * Open a range / close it, on whatever thread.
 *
 * Context: app. Return: 0 when nobody keeps count.
 */
uint64_t rk_nvtx_range_start(const struct rk_nvtx_event *event);
void rk_nvtx_range_end(uint64_t id);

/**
 * Something happened: an event of the span the thread is in, else a span without duration.
 *
 * Context: app.
 */
void rk_nvtx_range_mark(const struct rk_nvtx_event *event);

/**
 * A thread has a name from now on.
 *
 * Context: app.
 */
void rk_nvtx_range_name_thread(uint32_t tid, const char *name);

/**
 * The calling thread ends with open ranges.
 *
 * Context: app, among the destructors of the thread.
 */
void rk_nvtx_range_end_thread(void);

/**
 * Tell what is due: ranges opened before recording began, those that other threads ended.
 * Nothing is while nothing is recorded.
 *
 * Context: app, with a depth above 0.
 */
void rk_nvtx_range_settle(void);

/**
 * After the slow path of a hook: come back to it where an end was missed that came meanwhile.
 *
 * Context: app.
 */
void rk_nvtx_range_recheck(void);

#endif
