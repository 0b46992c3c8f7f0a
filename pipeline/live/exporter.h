/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/exporter.h - the thread rk-exporter: drain, join, feed, file, network.
 *
 * It owns everything behind the rings and never calls CUDA or CUPTI. It begins with a
 * descriptor table of its own (close_range with CLOSE_RANGE_UNSHARE), so no descriptor of
 * ours is ever in the program's table. Signals are blocked; it is detached and never joined.
 * Below `rktrace run` it goes on as a process of its own.
 */
#ifndef RK_PIPELINE_LIVE_EXPORTER_H
#define RK_PIPELINE_LIVE_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/gpu_facts.h"
#include "core/gpu_inventory.h"
#include "core/ring.h"
#include "pipeline/live/recording.h"
#include "pipeline/use/governor.h"

struct rk_exporter_setup {
	const struct rk_config *config; /* borrowed for ever */
	const struct rk_env *env;	/* borrowed for ever */
	const char *const *api_names;
	uint32_t api_count;
	struct rk_gpu_inventory gpus;
	uint32_t cupti_version;
	const char *library_dir; /* folder of librkpreload.so; borrowed for ever */
	/* GPU side, as callbacks because this floor does not know cupti/ */
	struct rk_ring *(*gpu_ring)(void);
	bool (*gpu_time)(void);
	bool (*gpu_is_due)(void);	      /* it may come with the first context */
	const char *(*gpu_time_reason)(void); /* why not; "" when active */
	uint32_t (*gpu_missing)(void);	      /* bits of enum rk_gpu_missing; may be NULL */
	void (*gpu_facts)(struct rk_gpu_facts *facts); /* may be NULL */
	uint64_t (*gpu_cpu_ns)(void);	      /* CPU time of rk-cupti */
	uint64_t (*unwrapped)(void);	      /* functions handed out without our wrapper */
	/* What gpus has not, because there was no driver yet; NULL = not known so far. */
	const struct rk_gpu_inventory *(*late_gpus)(void);
	uint32_t (*late_cupti_version)(void); /* may be NULL, as late_gpus */
	/* Ask for the GPU records that are complete / whether they are in the ring; may be NULL */
	void (*gpu_flush)(void);
	bool (*gpu_is_flushed)(void);
	/* GPU times on and off while the program runs; begin, tell and data are the exporter's */
	struct rk_recording_setup recording;
	const ptrdiff_t *(*rseq_offset)(void); /* of rk_apart_run(); may be NULL */
	/* The budget, as of struct rk_overhead_setup; all may be NULL */
	double (*hook_ns)(void);
	uint64_t (*gpu_overhead_ns)(void);
	void (*limit)(enum rk_governor_step step);
	bool cannot_count; /* without hooks nothing is seen while CUPTI is let go */
	/* tracing.sampling_rate changed: traces that the program begins follow it; may be NULL */
	void (*follow_sampling)(double rate);
};

/**
 * Start the thread and wait (bounded, 1 s) until it has its own descriptor table.
 *
 * Context: init; the start path of the first context.
 * Return: 0; -EAGAIN and others of pthread_create().
 */
int rk_exporter_start(const struct rk_exporter_setup *setup);

/**
 * Drain the rest, write the end, seal, send, print the verdict; wait for it.
 *
 * Context: the exiting thread; only timed waits. After @timeout_ms the thread is left parked
 *          and -ETIMEDOUT returned. The trace file is sealed before the network is given time.
 */
int rk_exporter_stop(uint32_t timeout_ms);

/**
 * Whether the process is to record from now on, of rk_recording_want() / wait until it does, of
 * rk_recording_wait().
 *
 * Context: app, a signal handler for rk_exporter_toggle(). Without the thread: nothing.
 */
void rk_exporter_want(bool on, enum rk_recording_reason reason);
void rk_exporter_toggle(void);
bool rk_exporter_wait_recording(uint32_t timeout_ms);

/**
 * Publish only: what is drained gets sealed soon. For _exit and friends. Never waits.
 *
 * Context: app.
 */
void rk_exporter_publish(void);

#endif
