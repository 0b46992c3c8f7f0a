/* SPDX-License-Identifier: Apache-2.0
 *
 * core/gpu_inventory.h - the GPUs that the program can see, as the driver describes them.
 *
 * Values only: taken once where tracing starts, before the first span, and copied from there.
 */
#ifndef RK_CORE_GPU_INVENTORY_H
#define RK_CORE_GPU_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_GPU_MAX	 16 /* described; a program that sees more is told how many */
#define RK_GPU_NAME_SIZE 100
#define RK_GPU_UUID_SIZE 41 /* "GPU-" and 36 characters */

struct rk_gpu {
	char name[RK_GPU_NAME_SIZE]; /* "" = unknown */
	uint8_t uuid[16];	     /* zero = unknown */
	uint64_t memory_bytes;	     /* 0 = unknown */
	uint32_t major, minor;	     /* compute capability; 0.0 = unknown */
};

struct rk_gpu_inventory {
	uint32_t count;	       /* visible, by the program's own numbering */
	uint32_t described;    /* entries of at[], never above count */
	uint32_t cuda_version; /* of the driver: 13000 = 13.0; 0 = unknown */
	struct rk_gpu at[RK_GPU_MAX];
};

/**
 * The UUID as nvidia-smi and NVML print it. Whether it is a MIG slice the driver tells by the
 * name only: "NVIDIA A100-SXM4-40GB MIG 1g.5gb".
 *
 * Context: any. Return: false, and "" in @out, when it is unknown.
 */
bool rk_gpu_format_uuid(const char *name, const uint8_t uuid[16], char out[RK_GPU_UUID_SIZE]);

#endif
