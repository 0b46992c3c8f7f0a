/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/rt.h - what the files of the simulated CUDA runtime share.
 *
 * The runtime finds the driver as the real one does: one dlopen of libcuda.so.1, one
 * dlsym of cuGetProcAddress_v2, then cuGetProcAddress for every name. Tools that hook
 * these routes see the same calls from it as from the real library.
 */
#ifndef SIMGPU_RT_H
#define SIMGPU_RT_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

/* An implementation; gen_runtime.py writes the exported entries around it. */
#define RT_API(name, ...)                                                                          \
	cudaError_t rt_##name(__VA_ARGS__);                                                        \
	cudaError_t rt_##name(__VA_ARGS__)

#define RT_EXPORT __attribute__((visibility("default")))

struct rt_driver {
#define RT_DRV(name, version)			     PFN_##name##_v##version name;
#define RT_DRV_PT(name, version, pt_version, suffix) PFN_##name##_v##version name;
#include "rt_driver.def"
#undef RT_DRV
#undef RT_DRV_PT
};

extern struct rt_driver rt_driver[2]; /* [1]: the per-thread default stream entries */

struct rt_thread {
	bool ptsz; /* the call came in by a _ptsz or _ptds entry */
	bool bound;
	int device;
	cudaError_t last;
};

extern _Thread_local struct rt_thread rt_self;

/* The driver function, per-thread variant if the entry was one. */
#define DRV(name) rt_driver[rt_self.ptsz].name

/**
 * Load the driver and call cuInit, once.
 *
 * Context: any.
 */
cudaError_t rt_load(void);

/**
 * rt_load, and a current context for this thread.
 *
 * Context: any.
 */
cudaError_t rt_bind(void);

/**
 * Remember a result for cudaGetLastError.
 *
 * Context: any.
 */
cudaError_t rt_done(CUresult result);

/**
 * The driver's answer for a name, as cudaGetDriverEntryPoint wants it.
 *
 * Context: any.
 */
CUresult rt_entry_point(const char *symbol, void **fn, unsigned int version,
			unsigned long long flags, int *status);

/**
 * The driver's handle of a kernel: of a host stub known by registration, or a kernel
 * handle as it is.
 *
 * Context: any.
 */
cudaError_t rt_kernel(const void *func, CUfunction *out);

/**
 * Address and size of a device variable known by registration.
 *
 * Context: any.
 */
cudaError_t rt_symbol(const void *symbol, void **ptr, size_t *size);

/**
 * The driver's form of a runtime 3D copy.
 *
 * Context: any.
 */
CUDA_MEMCPY3D rt_box(const struct cudaMemcpy3DParms *p);

#define RT_BIND()                                                                                  \
	do {                                                                                       \
		cudaError_t bound_ = rt_bind();                                                    \
		if (bound_)                                                                        \
			return bound_;                                                             \
	} while (0)
#define RT_CALL(name, ...)                                                                         \
	do {                                                                                       \
		RT_BIND();                                                                         \
		return rt_done(DRV(name)(__VA_ARGS__));                                            \
	} while (0)

#define RT_PTR(p) ((CUdeviceptr)(uintptr_t)(p))

#endif
