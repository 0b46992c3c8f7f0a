/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/launch.c - hooks of the functions that launch kernels.
 */
#include "interpose/hook.h"

static inline void fill_launch(struct rk_hook *hook, uint64_t function, CUstream stream,
			       uint8_t flags)
{
	rk_hook_submit(hook, RK_REC_LAUNCH, (uint64_t)stream, flags | RK_REC_ASYNC);
	hook->rec.launch.function = function;
	hook->rec.launch.stream = (uint64_t)stream;
	hook->rec.launch.reserved = 0;
}

static inline void fill_grid(struct rk_hook *hook, unsigned int x, unsigned int y, unsigned int z)
{
	hook->rec.launch.grid_x = x;
	hook->rec.launch.grid_y = (uint16_t)y;
	hook->rec.launch.grid_z = (uint16_t)z;
}

static inline void fill_block(struct rk_hook *hook, unsigned int x, unsigned int y, unsigned int z)
{
	hook->rec.launch.block[0] = (uint16_t)x;
	hook->rec.launch.block[1] = (uint16_t)y;
	hook->rec.launch.block[2] = (uint16_t)z;
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
			unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
			unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,
			void **kernelParams, void **extra)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuLaunchKernel))
		return rk_real.cuLaunchKernel(f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY,
					      blockDimZ, sharedMemBytes, hStream, kernelParams,
					      extra); /* nested or inert */

	CUresult result =
		rk_real.cuLaunchKernel(f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY,
				       blockDimZ, sharedMemBytes, hStream, kernelParams, extra);

	fill_launch(&hook, (uint64_t)f, hStream, 0);
	fill_grid(&hook, gridDimX, gridDimY, gridDimZ);
	fill_block(&hook, blockDimX, blockDimY, blockDimZ);
	return rk_hook_leave(&hook, result);
}

CUresult cuLaunchKernel_ptsz(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
			     unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
			     unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,
			     void **kernelParams, void **extra)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuLaunchKernel_ptsz))
		return rk_real.cuLaunchKernel_ptsz(f, gridDimX, gridDimY, gridDimZ, blockDimX,
						   blockDimY, blockDimZ, sharedMemBytes, hStream,
						   kernelParams, extra);

	CUresult result = rk_real.cuLaunchKernel_ptsz(f, gridDimX, gridDimY, gridDimZ, blockDimX,
						      blockDimY, blockDimZ, sharedMemBytes, hStream,
						      kernelParams, extra);

	fill_launch(&hook, (uint64_t)f, hStream, RK_REC_PER_THREAD_STREAM);
	fill_grid(&hook, gridDimX, gridDimY, gridDimZ);
	fill_block(&hook, blockDimX, blockDimY, blockDimZ);
	return rk_hook_leave(&hook, result);
}

static inline void fill_config(struct rk_hook *hook, CUfunction f, const CUlaunchConfig *config,
			       uint8_t flags)
{
	static const CUlaunchConfig none;

	if (!config)
		config = &none; /* the driver has refused it */
	fill_launch(hook, (uint64_t)f, config->hStream, flags);
	fill_grid(hook, config->gridDimX, config->gridDimY, config->gridDimZ);
	fill_block(hook, config->blockDimX, config->blockDimY, config->blockDimZ);
}

RK_HOOK(cuLaunchKernelEx,
	(const CUlaunchConfig *config, CUfunction f, void **kernelParams, void **extra),
	(config, f, kernelParams, extra), fill_config(&hook, f, config, 0))
RK_HOOK(cuLaunchKernelEx_ptsz,
	(const CUlaunchConfig *config, CUfunction f, void **kernelParams, void **extra),
	(config, f, kernelParams, extra), fill_config(&hook, f, config, RK_REC_PER_THREAD_STREAM))

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
				   unsigned int gridDimZ, unsigned int blockDimX,
				   unsigned int blockDimY, unsigned int blockDimZ,
				   unsigned int sharedMemBytes, CUstream hStream,
				   void **kernelParams)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuLaunchCooperativeKernel))
		return rk_real.cuLaunchCooperativeKernel(f, gridDimX, gridDimY, gridDimZ, blockDimX,
							 blockDimY, blockDimZ, sharedMemBytes,
							 hStream, kernelParams);

	CUresult result = rk_real.cuLaunchCooperativeKernel(f, gridDimX, gridDimY, gridDimZ,
							    blockDimX, blockDimY, blockDimZ,
							    sharedMemBytes, hStream, kernelParams);

	fill_launch(&hook, (uint64_t)f, hStream, 0);
	fill_grid(&hook, gridDimX, gridDimY, gridDimZ);
	fill_block(&hook, blockDimX, blockDimY, blockDimZ);
	return rk_hook_leave(&hook, result);
}

CUresult cuLaunchCooperativeKernel_ptsz(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
					unsigned int gridDimZ, unsigned int blockDimX,
					unsigned int blockDimY, unsigned int blockDimZ,
					unsigned int sharedMemBytes, CUstream hStream,
					void **kernelParams)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuLaunchCooperativeKernel_ptsz))
		return rk_real.cuLaunchCooperativeKernel_ptsz(f, gridDimX, gridDimY, gridDimZ,
							      blockDimX, blockDimY, blockDimZ,
							      sharedMemBytes, hStream,
							      kernelParams);

	CUresult result =
		rk_real.cuLaunchCooperativeKernel_ptsz(f, gridDimX, gridDimY, gridDimZ, blockDimX,
						       blockDimY, blockDimZ, sharedMemBytes,
						       hStream, kernelParams);

	fill_launch(&hook, (uint64_t)f, hStream, RK_REC_PER_THREAD_STREAM);
	fill_grid(&hook, gridDimX, gridDimY, gridDimZ);
	fill_block(&hook, blockDimX, blockDimY, blockDimZ);
	return rk_hook_leave(&hook, result);
}

/* One call that launches on several devices: the record describes the first of them. */
static inline void fill_multi(struct rk_hook *hook, const CUDA_LAUNCH_PARAMS *list,
			      unsigned int count)
{
	static const CUDA_LAUNCH_PARAMS none;

	if (!list || count == 0)
		list = &none;
	fill_launch(hook, (uint64_t)list->function, list->hStream, 0);
	fill_grid(hook, list->gridDimX, list->gridDimY, list->gridDimZ);
	fill_block(hook, list->blockDimX, list->blockDimY, list->blockDimZ);
}

RK_HOOK(cuLaunchCooperativeKernelMultiDevice,
	(CUDA_LAUNCH_PARAMS * launchParamsList, unsigned int numDevices, unsigned int flags),
	(launchParamsList, numDevices, flags), fill_multi(&hook, launchParamsList, numDevices))

/* The block is set by an earlier call of this old family: 0 = unknown. */
static inline void fill_old(struct rk_hook *hook, CUfunction f, int width, int height,
			    CUstream stream)
{
	fill_launch(hook, (uint64_t)f, stream, 0);
	fill_grid(hook, (unsigned int)width, (unsigned int)height, 1);
	fill_block(hook, 0, 0, 0);
}

RK_HOOK(cuLaunch, (CUfunction f), (f), fill_old(&hook, f, 1, 1, NULL))
RK_HOOK(cuLaunchGrid, (CUfunction f, int grid_width, int grid_height), (f, grid_width, grid_height),
	fill_old(&hook, f, grid_width, grid_height, NULL))
RK_HOOK(cuLaunchGridAsync, (CUfunction f, int grid_width, int grid_height, CUstream hStream),
	(f, grid_width, grid_height, hStream), fill_old(&hook, f, grid_width, grid_height, hStream))

/* Nothing runs on the GPU: known only when it fails. */
RK_HOOK(cuLaunchHostFunc, (CUstream hStream, CUhostFn fn, void *userData), (hStream, fn, userData),
	(void)hook)
RK_HOOK(cuLaunchHostFunc_ptsz, (CUstream hStream, CUhostFn fn, void *userData),
	(hStream, fn, userData), (void)hook)
