/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/interpose/stub_root.c - a composition root that connects nothing.
 */
#include <errno.h>

#include "interpose/preload.h"

int rk_preload_prepare(void)
{
	return -ENOSYS;
}

void rk_preload_start_gpu(void)
{
}

int rk_preload_start(bool gpu_too)
{
	(void)gpu_too;
	return -ENOSYS;
}

void rk_preload_stop(void)
{
}

void rk_preload_publish(void)
{
}

void rk_preload_yield_cupti(const char *holder)
{
	(void)holder;
}

void rk_preload_return_cupti(uint32_t wait_ms)
{
	(void)wait_ms;
}

void rk_preload_forget_names(void)
{
}

bool rk_preload_take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t valid)
{
	(void)context;
	(void)stream;
	(void)buffer;
	(void)valid;
	return false;
}

bool rk_preload_records_now(void)
{
	return true;
}

void rk_preload_profiler_start(void)
{
}

void rk_preload_profiler_stop(void)
{
}

void rk_preload_toggle_recording(void)
{
}
