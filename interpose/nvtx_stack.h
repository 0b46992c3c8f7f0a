/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_stack.h - the NVTX ranges that are open on a thread, in the order they began.
 *
 *   bottom                                       top
 *   [ "epoch" push | "load" start | "step" push | "fwd" push ]     text: [epoch|load|step|...]
 *
 * Kept whether anything is recorded or not: a range that was opened before recording began is
 * told when it begins, so its text is copied while nobody records. Memory is mapped when a
 * thread goes deeper than ever, and given back at its end; no malloc.
 */
#ifndef RK_INTERPOSE_NVTX_STACK_H
#define RK_INTERPOSE_NVTX_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "interpose/api_v1.h"
#include "interpose/nvtx_name.h"

#define RK_NVTX_DEPTH_MAX 65536u
#define RK_NVTX_TEXT_MAX  (1u << 20) /* bytes of text of a thread's ranges not told yet */

enum rk_nvtx_state {
	RK_NVTX_UNTOLD, /* nothing was recorded when it was opened */
	RK_NVTX_TOLD,
	RK_NVTX_LOST, /* there was no room to tell it: it will not be */
};

struct rk_nvtx_open {
	struct rk_context context;  /* TOLD: its own; else that of the range around it */
	struct rk_context previous; /* of the thread, when it was opened */
	uint64_t time;		    /* ticks */
	uint64_t number;	    /* of the span it is or will be */
	const struct rk_nvtx_domain *domain;
	uint32_t text_at, text_bytes; /* UNTOLD: packed name and attributes */
	uint32_t name_bytes;	      /* of these */
	int32_t level;		      /* of a pushed one, in its domain */
	uint16_t shared;	      /* place in the table of started ones, + 1; 0 = none */
	uint8_t state;		      /* enum rk_nvtx_state */
	bool is_started;	      /* by nvtxRangeStart: any thread may end it */
};

/* Of each thread; small, as all initial-exec storage. */
struct rk_nvtx_stack {
	struct rk_nvtx_open *open; /* NULL = none yet */
	uint8_t *text;
	uint32_t count, capacity;
	uint32_t text_used, text_size;
	uint32_t untold; /* of count */
	uint32_t started;
	uint32_t beyond; /* pushed when there was no room: popped first */
};

extern __thread struct rk_nvtx_stack rk_nvtx_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/**
 * Set up the end of threads.
 *
 * @end: told on a thread that ends with open ranges.
 * Context: init; once. Return: false when the process has no key left.
 */
bool rk_nvtx_stack_init(void (*end)(void));

/**
 * Append a range; the caller fills it in.
 *
 * Context: app. Maps memory when the thread goes deeper than ever.
 * Return: NULL when there is no room, or something was pushed before that found none.
 */
struct rk_nvtx_open *rk_nvtx_stack_push(void);

/**
 * Take the range @at out, wherever it is. What lies above takes its place.
 *
 * Context: app.
 */
void rk_nvtx_stack_remove(uint32_t at);

/**
 * The innermost pushed range of @domain / the started one with @number
 *
 * Context: app. Return: its place, or -1.
 */
int64_t rk_nvtx_stack_find_pushed(const struct rk_nvtx_domain *domain);
int64_t rk_nvtx_stack_find_started(uint64_t number);

/**
 * Room for @bytes of text of the newest range.
 *
 * Context: app. Return: NULL when there is none.
 */
uint8_t *rk_nvtx_stack_reserve_text(uint32_t bytes);

#endif
