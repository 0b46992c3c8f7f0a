/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/kernels.h - two kernels as PTX, and what every program here does first.
 *
 * By the driver API alone, so that a program needs no runtime and a launch is one call. PTX runs
 * on every GPU of the last ten years without a compiler on the machine.
 */
#ifndef GPU_KERNELS_H
#define GPU_KERNELS_H

#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "programs/check.h"

/* The simulated driver reads no code: a duration there is set by SIMGPU_KERNEL_TIMES. */
static const char kernels_ptx[] = ".version 7.0\n.target sm_52\n.address_size 64\n"
				  ".visible .entry nothing()\n{\n\tret;\n}\n"
				  ".visible .entry spin(.param .u64 duration_ns)\n"
				  "{\n"
				  "\t.reg .u64 %start, %now, %duration;\n"
				  "\t.reg .pred %more;\n"
				  "\tld.param.u64 %duration, [duration_ns];\n"
				  "\tmov.u64 %start, %globaltimer;\n"
				  "again:\n"
				  "\tmov.u64 %now, %globaltimer;\n"
				  "\tsub.u64 %now, %now, %start;\n"
				  "\tsetp.lt.u64 %more, %now, %duration;\n"
				  "\t@%more bra again;\n"
				  "\tret;\n"
				  "}\n";

struct gpu {
	CUcontext context;
	CUmodule module;
	CUfunction nothing, spin;
};

/* Of the first device, by its primary context, as the runtime has it. */
static inline void gpu_open(struct gpu *gpu)
{
	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&gpu->context, 0));
	CHECK(cuCtxSetCurrent(gpu->context));
	CHECK(cuModuleLoadData(&gpu->module, kernels_ptx));
	CHECK(cuModuleGetFunction(&gpu->nothing, gpu->module, "nothing"));
	CHECK(cuModuleGetFunction(&gpu->spin, gpu->module, "spin"));
}

static inline CUresult gpu_spin(const struct gpu *gpu, uint64_t duration_ns, CUstream stream)
{
	void *parameters[] = { &duration_ns };

	return cuLaunchKernel(gpu->spin, 1, 1, 1, 1, 1, 1, 0, stream, parameters, NULL);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
