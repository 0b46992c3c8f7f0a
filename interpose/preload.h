/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/preload.h - what the hooks ask of the composition root.
 *
 * The hooks know neither CUPTI nor the exporter; preload.c, which may include every floor,
 * connects them.
 */
#ifndef RK_INTERPOSE_PRELOAD_H
#define RK_INTERPOSE_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The first part of a start: settings, log, clock, buffers. Idempotent.
 *
 * Context: the start path; the caller's hook depth is > 0.
 * Return: 0, or -errno after one line in the log.
 */
int rk_preload_prepare(void);

/**
 * What needs a driver: CUPTI, and what GPUs there are. Idempotent. The program goes on whatever
 * comes of it.
 *
 * Context: the start path, before the first context exists; the caller's hook depth is > 0.
 */
void rk_preload_start_gpu(void);

/**
 * The whole start: prepare, the GPU's part if @gpu_too, then the exporter. The gate is the
 * caller's to open.
 *
 * Context: the start path; the caller's hook depth is > 0. May take a second.
 * Return: 0, or -errno after one line on stderr.
 */
int rk_preload_start(bool gpu_too);

/**
 * Flush CUPTI (0.5 s at most), then drain, seal and send, within exit.timeout in all.
 *
 * Context: the exiting thread. Only timed waits.
 */
void rk_preload_stop(void);

/**
 * Have what is recorded sealed soon. Never waits.
 *
 * Context: app.
 */
void rk_preload_publish(void);

/**
 * Another tool, @holder by name, takes CUPTI; it has left.
 *
 * Context: app, inside that tool's call. The second waits @wait_ms at most; 0: as it may come
 *          from inside a callback of CUPTI, it happens a moment later.
 */
void rk_preload_yield_cupti(const char *holder);
void rk_preload_return_cupti(uint32_t wait_ms);

/**
 * A buffer that CUPTI gives back to another tool. Takes it if it is ours.
 *
 * Context: app or a thread of CUPTI's, inside its callback. Does not lock.
 */
bool rk_preload_take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t valid);

/**
 * Code was unloaded: forget the names of its kernels.
 *
 * Context: app. Does not lock.
 */
void rk_preload_forget_names(void);

/**
 * Whether recording begins with the start, or by what is said later.
 *
 * Context: after rk_preload_start().
 */
bool rk_preload_records_now(void);

/**
 * The program itself says which part of it is to be recorded: cuProfilerStart, cuProfilerStop.
 * The first one waits until it is so, 5 s at most.
 *
 * Context: app, outside a hook.
 */
void rk_preload_profiler_start(void);
void rk_preload_profiler_stop(void);

/**
 * Begin to record, or stop.
 *
 * Context: a signal handler. Preserves errno.
 */
void rk_preload_toggle_recording(void);

#endif
