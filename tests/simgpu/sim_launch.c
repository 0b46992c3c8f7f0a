/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_launch.c - kernel launches, host functions, stream memory
 * operations.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

#define SIM_ALIAS(alias, target)

#define POLL_NS 20000 /* how often a stream looks at a value it waits for */

static void burn(uint64_t ns)
{
	uint64_t until = sim_now() + ns;

	while (sim_now() < until)
		;
}

static bool shape_ok(const uint32_t grid[3], const uint32_t block[3])
{
	for (int i = 0; i < 3; i++)
		if (!grid[i] || !block[i])
			return false;
	return (uint64_t)block[0] * block[1] * block[2] <= 1024;
}

static CUresult launch(struct sim_kernel_work *kernel, CUfunction handle, CUstream stream,
		       void **params, void **extra)
{
	struct sim_work work;
	CUresult result = sim_ready();

	if (!result)
		result = sim_func_get(handle, &kernel->func);
	if (!result && !shape_ok(kernel->grid, kernel->block))
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result) {
		sim_builtin_args(kernel, params, extra);
		work.kind = SIM_WORK_KERNEL;
		work.captured = false;
		work.failed = false;
		work.dur_ns = kernel->func->dur_ns;
		work.kernel = *kernel;
		result = sim_submit(stream, &work);
	}
	if (sim.config.launch_ns)
		burn(sim.config.launch_ns);
	if (result)
		atomic_fetch_add(&sim.counts.launches_failed, 1);
	else if (work.captured)
		atomic_fetch_add(&sim.counts.launches_captured, 1);
	return result;
}

SIM_API(cuLaunchKernel, CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
	unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
	unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams,
	void **extra)
{
	struct sim_kernel_work k = {
		.grid = { gridDimX, gridDimY, gridDimZ },
		.block = { blockDimX, blockDimY, blockDimZ },
		.shared = sharedMemBytes,
	};

	return launch(&k, f, hStream, kernelParams, extra);
}

SIM_API(cuLaunchKernelEx, const CUlaunchConfig *config, CUfunction f, void **kernelParams,
	void **extra)
{
	struct sim_kernel_work k = {
		.grid = { config->gridDimX, config->gridDimY, config->gridDimZ },
		.block = { config->blockDimX, config->blockDimY, config->blockDimZ },
		.shared = config->sharedMemBytes,
	};

	for (unsigned int i = 0; i < config->numAttrs; i++) {
		const CUlaunchAttribute *a = &config->attrs[i];

		if (a->id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE) {
			k.cooperative = a->value.cooperative;
		} else if (a->id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) {
			k.cluster[0] = a->value.clusterDim.x;
			k.cluster[1] = a->value.clusterDim.y;
			k.cluster[2] = a->value.clusterDim.z;
		}
	}
	return launch(&k, f, config->hStream, kernelParams, extra);
}

SIM_API(cuLaunchCooperativeKernel, CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
	unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
	unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams)
{
	struct sim_kernel_work k = {
		.grid = { gridDimX, gridDimY, gridDimZ },
		.block = { blockDimX, blockDimY, blockDimZ },
		.shared = sharedMemBytes,
		.cooperative = true,
	};

	return launch(&k, f, hStream, kernelParams, NULL);
}

/* One call, one kernel on each device: the streams say which. */
SIM_API(cuLaunchCooperativeKernelMultiDevice, CUDA_LAUNCH_PARAMS *launchParamsList,
	unsigned int numDevices, unsigned int flags)
{
	CUresult result = launchParamsList && numDevices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;

	(void)flags;
	for (unsigned int i = 0; !result && i < numDevices; i++) {
		const CUDA_LAUNCH_PARAMS *p = &launchParamsList[i];
		struct sim_kernel_work k = {
			.grid = { p->gridDimX, p->gridDimY, p->gridDimZ },
			.block = { p->blockDimX, p->blockDimY, p->blockDimZ },
			.shared = p->sharedMemBytes,
			.cooperative = true,
		};

		result = launch(&k, p->function, p->hStream, p->kernelParams, NULL);
	}
	return result;
}

/* ---- the oldest family: the block is set beforehand ---- */
SIM_API(cuFuncSetBlockShape, CUfunction hfunc, int x, int y, int z)
{
	struct sim_func *f;
	CUresult result = sim_func_get(hfunc, &f);

	if (result)
		return result;
	f->old_block[0] = (uint32_t)x;
	f->old_block[1] = (uint32_t)y;
	f->old_block[2] = (uint32_t)z;
	return CUDA_SUCCESS;
}

SIM_API(cuLaunchGridAsync, CUfunction f, int grid_width, int grid_height, CUstream hStream)
{
	struct sim_kernel_work k = { .grid = { (uint32_t)grid_width, (uint32_t)grid_height, 1 } };
	struct sim_func *func;
	CUresult result = sim_func_get(f, &func);

	if (result)
		return result;
	memcpy(k.block, func->old_block, sizeof(k.block));
	return launch(&k, f, hStream, NULL, NULL);
}

SIM_API(cuLaunchGrid, CUfunction f, int grid_width, int grid_height)
{
	return sim_cuLaunchGridAsync(f, grid_width, grid_height, NULL);
}

SIM_API(cuLaunch, CUfunction f)
{
	return sim_cuLaunchGridAsync(f, 1, 1, NULL);
}

/* ---- host functions ---- */
SIM_API(cuLaunchHostFunc, CUstream hStream, CUhostFn fn, void *userData)
{
	struct sim_work work = { .kind = SIM_WORK_HOST };

	if (!fn)
		return CUDA_ERROR_INVALID_VALUE;
	work.host.fn = fn;
	work.host.user = userData;
	return sim_submit(hStream, &work);
}

SIM_API(cuStreamAddCallback, CUstream hStream, CUstreamCallback callback, void *userData,
	unsigned int flags)
{
	struct sim_work work = { .kind = SIM_WORK_HOST };

	if (!callback || flags)
		return CUDA_ERROR_INVALID_VALUE;
	work.host.callback = callback;
	work.host.user = userData;
	work.host.stream = hStream;
	return sim_submit(hStream, &work);
}

/* ---- stream memory operations: a host function that writes or polls ---- */
struct value_op {
	CUdeviceptr addr;
	uint64_t value;
	unsigned int flags;
	bool wide;
	bool wait;
};

static uint64_t load(const struct value_op *op)
{
	const void *at = (const void *)(uintptr_t)op->addr;

	return op->wide ? __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE) :
			  __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

static bool satisfied(const struct value_op *op)
{
	uint64_t now = load(op);

	switch (op->flags & 3) {
	case CU_STREAM_WAIT_VALUE_EQ:
		return now == op->value;
	case CU_STREAM_WAIT_VALUE_AND:
		return now & op->value;
	case CU_STREAM_WAIT_VALUE_NOR:
		return ~(now | op->value);
	default: /* cyclic >= */
		return op->wide ? (int64_t)(now - op->value) >= 0 :
				  (int32_t)(uint32_t)(now - op->value) >= 0;
	}
}

static void value_run(void *user)
{
	struct value_op *op = user;
	struct timespec nap = { 0, POLL_NS };

	if (!op->wait && op->wide)
		__atomic_store_n((uint64_t *)(uintptr_t)op->addr, op->value, __ATOMIC_RELEASE);
	else if (!op->wait)
		__atomic_store_n((uint32_t *)(uintptr_t)op->addr, (uint32_t)op->value,
				 __ATOMIC_RELEASE);
	while (op->wait && !satisfied(op))
		nanosleep(&nap, NULL);
	free(op);
}

static CUresult value_push(CUstream stream, struct value_op want)
{
	struct sim_work work = { .kind = SIM_WORK_HOST };
	struct value_op *op = malloc(sizeof(*op));
	CUresult result;

	if (!op)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*op = want;
	work.host.fn = value_run;
	work.host.user = op;
	result = sim_submit(stream, &work);
	if (result || work.captured)
		free(op);
	return work.captured ? CUDA_ERROR_NOT_SUPPORTED : result;
}

SIM_API(cuStreamWriteValue32_v2, CUstream stream, CUdeviceptr addr, cuuint32_t value,
	unsigned int flags)
{
	return value_push(stream, (struct value_op){ addr, value, flags, false, false });
}
SIM_ALIAS(cuStreamWriteValue32, cuStreamWriteValue32_v2)

SIM_API(cuStreamWriteValue64_v2, CUstream stream, CUdeviceptr addr, cuuint64_t value,
	unsigned int flags)
{
	return value_push(stream, (struct value_op){ addr, value, flags, true, false });
}
SIM_ALIAS(cuStreamWriteValue64, cuStreamWriteValue64_v2)

SIM_API(cuStreamWaitValue32_v2, CUstream stream, CUdeviceptr addr, cuuint32_t value,
	unsigned int flags)
{
	return value_push(stream, (struct value_op){ addr, value, flags, false, true });
}
SIM_ALIAS(cuStreamWaitValue32, cuStreamWaitValue32_v2)

SIM_API(cuStreamWaitValue64_v2, CUstream stream, CUdeviceptr addr, cuuint64_t value,
	unsigned int flags)
{
	return value_push(stream, (struct value_op){ addr, value, flags, true, true });
}
SIM_ALIAS(cuStreamWaitValue64, cuStreamWaitValue64_v2)
