/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_exporter.c - stands in for the exporter: drains the rings and forgets.
 *
 * The benchmark is about what the calling thread pays; a ring that is never emptied would
 * measure the wrong branch.
 */
#include <pthread.h>

#include "core/thread.h"
#include "pipeline/live/exporter.h"
#include "pipeline/log/log_output.h"

static void *drain(void *data)
{
	rk_thread_mark_own();
	for (;;) {
		for (uint32_t i = 0; i < rk_thread_ring_count(); i++) {
			struct rk_ring *ring = rk_thread_ring_at(i);

			if (ring)
				rk_ring_release(ring, rk_ring_peek(ring));
		}
		rk_thread_wait(1);
	}
	return data;
}

int rk_exporter_start(const struct rk_exporter_setup *setup)
{
	pthread_t thread;

	(void)setup;
	return -pthread_create(&thread, NULL, drain, NULL);
}

int rk_exporter_stop(uint32_t timeout_ms)
{
	(void)timeout_ms;
	return 0;
}

void rk_exporter_publish(void)
{
}

void rk_exporter_want(bool on, enum rk_recording_reason reason)
{
	(void)on;
	(void)reason;
}

void rk_exporter_toggle(void)
{
}

bool rk_exporter_wait_recording(uint32_t timeout_ms)
{
	(void)timeout_ms;
	return true;
}

void rk_log_output_attach_stderr(const struct rk_config *config)
{
	(void)config;
}
