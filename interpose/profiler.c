/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/profiler.c - cuProfilerStart and cuProfilerStop: which part of it the program wants
 * to be looked at.
 *
 * cudaProfilerStart() and torch.cuda.profiler come here. With recording.start=profiler they are
 * obeyed; a second start, and a stop without a start, change nothing. They always reach the
 * driver, whose own profiler they were made for.
 */
#include "interpose/hook.h"
#include "interpose/preload.h"

CUresult cuProfilerStart(void)
{
	struct rk_hook hook;
	bool is_recording = rk_hook_enter(&hook, RK_API_cuProfilerStart);
	CUresult result = rk_real.cuProfilerStart();

	if (is_recording)
		return rk_hook_leave(&hook, result);
	if (rk_thread_self.depth == 0)
		rk_preload_profiler_start();
	return result;
}

CUresult cuProfilerStop(void)
{
	struct rk_hook hook;
	bool is_recording = rk_hook_enter(&hook, RK_API_cuProfilerStop);
	CUresult result = rk_real.cuProfilerStop();

	if (is_recording)
		rk_hook_leave(&hook, result);
	if (rk_thread_self.depth == 0)
		rk_preload_profiler_stop();
	return result;
}
