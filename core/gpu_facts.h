/* SPDX-License-Identifier: Apache-2.0
 *
 * core/gpu_facts.h - where times of a process come from, where that is not simply the GPU.
 *
 * CUPTI refuses kinds of records one by one; another tool may take it for a while; and what it
 * keeps of the GPU's memory for itself is somebody's. Told in the same words everywhere: in the
 * log, the file, the verdict, `info` and `doctor`.
 */
#ifndef RK_CORE_GPU_FACTS_H
#define RK_CORE_GPU_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GPU memory that CUPTI takes per context: its own default size of a buffer, but 32 instead of
 * 250 of them, 100 MB instead of 800. Beyond it records come without times, which is counted. */
#define RK_GPU_BUFFER_BYTES 3200000u
#define RK_GPU_BUFFER_LIMIT 32u

/* What CUPTI gives no record of; bits. */
enum rk_gpu_missing {
	RK_GPU_NO_KERNELS = 1 << 0,
	RK_GPU_NO_COPIES = 1 << 1,	/* within a device, to and from the host */
	RK_GPU_NO_PEER_COPIES = 1 << 2, /* between devices */
	RK_GPU_NO_MEMSETS = 1 << 3,
	RK_GPU_NO_GRAPHS = 1 << 4,	/* as a whole: their nodes are told one by one instead */
	RK_GPU_SERIAL_KERNELS = 1 << 5, /* only by a kind of records that has them run one by one */
};

#define RK_GPU_NO_RECORDS                                                                          \
	(RK_GPU_NO_KERNELS | RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES | RK_GPU_NO_MEMSETS)

#define RK_GPU_MISSING_MAX 192 /* bytes of the longest text below */

struct rk_gpu_facts {
	uint32_t missing;      /* bits of enum rk_gpu_missing */
	uint32_t reserved;     /* 0: two are compared as bytes */
	uint64_t host_time_ns; /* while another tool held CUPTI */
	char holder[64];       /* that tool; "" = not known */
	/* GPU memory that CUPTI may take per context: so many buffers of so many bytes; 0 = not
	 * known */
	uint64_t device_buffer_bytes, device_buffer_limit;
};

/**
 * "host time for memsets and copies between devices; kernels one at a time"; "" for 0.
 *
 * Context: any. Return: @out.
 */
const char *rk_gpu_missing_describe(uint32_t missing, char out[RK_GPU_MISSING_MAX]);

/**
 * Short names, one by one: "kernels", "memsets". NULL beyond the last.
 *
 * Context: any. Ownership: static.
 */
const char *rk_gpu_missing_name(unsigned bit);

#endif
