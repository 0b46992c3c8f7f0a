/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/ask.h - the driver functions that a hook may call besides the one it wraps.
 *
 * All of them only look: none changes the state of a stream, a capture or a context, none
 * waits. Each preserves errno. Without the function in the driver the answer is "unknown".
 */
#ifndef RK_INTERPOSE_ASK_H
#define RK_INTERPOSE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "interpose/api.h"

enum rk_ask_capture {
	RK_ASK_NOT_CAPTURING,
	RK_ASK_CAPTURING,	/* what is submitted to the stream is captured or refused */
	RK_ASK_CAPTURE_INVALID, /* still open, but broken */
};

/**
 * Whether @stream is being captured. For the legacy stream: whether a capture is open that
 * forbids its use.
 *
 * @per_thread: the null stream means the per-thread default stream.
 * Context: app.
 */
enum rk_ask_capture rk_ask_capture(CUstream stream, bool per_thread);

/**
 * The calling thread's current context, NULL when there is none.
 *
 * Context: app.
 */
CUcontext rk_ask_context(void);

/**
 * The device of the calling thread's current context, -1 when unknown.
 *
 * Context: app.
 */
int32_t rk_ask_device(void);

/**
 * Whether the primary context of @device is there. True where the driver cannot say.
 *
 * Context: app.
 */
bool rk_ask_primary_is_active(CUdevice device);

/**
 * Mangled name of a function / of a kernel of a library.
 *
 * Context: app. Return: NULL when the driver cannot say. Ownership: borrowed from the driver.
 */
const char *rk_ask_function_name(CUfunction function);
const char *rk_ask_kernel_name(CUkernel kernel);

/**
 * Nodes of a graph, those of its children left out.
 *
 * Context: app. Return: 0 when unknown.
 */
uint32_t rk_ask_node_count(CUgraph graph);

#endif
