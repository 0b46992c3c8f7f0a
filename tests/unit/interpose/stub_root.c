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

void rk_preload_yield_cupti(void)
{
}

void rk_preload_return_cupti(void)
{
}

void rk_preload_forget_names(void)
{
}
