/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/forwarder.c - another interposer, of the usual kind: forwards by RTLD_NEXT.
 *
 * Preloaded before or after us, or twice (FORWARDER_MARK tells the copies apart). It looks the
 * next function up on every call, as the worst of them do, and counts its calls.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

uint64_t FORWARDER_COUNT(void);

static _Atomic uint64_t count;

uint64_t FORWARDER_COUNT(void)
{
	return count;
}

uid_t getuid(void)
{
	uid_t (*next)(void) = (uid_t(*)(void))dlsym(RTLD_NEXT, "getuid");

	count++;
	return next();
}

pid_t getppid(void)
{
	pid_t (*next)(void) = (pid_t(*)(void))dlvsym(RTLD_NEXT, "getppid", FORWARDER_VERSION);

	return next();
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
			unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
			unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,
			void **kernelParams, void **extra)
{
	__typeof__(&cuLaunchKernel) next =
		(__typeof__(&cuLaunchKernel))dlsym(RTLD_NEXT, "cuLaunchKernel");

	count++;
	return next(f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ,
		    sharedMemBytes, hStream, kernelParams, extra);
}
