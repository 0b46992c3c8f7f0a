/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_sample.h - what a traced process answers at one moment, as numbers.
 *
 * Sums since the start: two samples make rates. What the process does not tell, because it has
 * another version, is 0.
 */
#ifndef RK_TOOLS_TOP_SAMPLE_H
#define RK_TOOLS_TOP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RK_TOP_DEVICES 64u
#define RK_TOP_STATES  6u /* of a GPU; their names are those of the metric's label */
#define RK_TOP_COPIES  32u
#define RK_TOP_KERNELS 1024u

struct rk_top_kernel {
	char name[256];
	char device[8], source[8];
	uint64_t count;
	double seconds;
};

struct rk_top_copy {
	char kind[32], device[8];
	uint64_t count; /* those with a GPU time */
	double bytes, seconds;
};

struct rk_top_device {
	char number[8];
	double seconds[RK_TOP_STATES]; /* in the order of rk_top_state_name() */
	double active;		       /* kernels launched and not known to be complete */
	double live_bytes, peak_bytes; /* of the memory of this device, all pools */
};

struct rk_top_sample {
	uint64_t now_ns; /* of the process's clock */
	char program[256], version[32], gpu_time_source[16], trace_file[1024];
	bool recording;
	double recorded_seconds, cpu_seconds, resident_bytes, trace_bytes;
	uint64_t launches, graph_launches, copies, memsets; /* calls */
	uint64_t open, failed, lost, dropped, queued;
	uint64_t left_out; /* rows that the answer had no room for */
	struct rk_top_device devices[RK_TOP_DEVICES];
	struct rk_top_copy transfers[RK_TOP_COPIES];
	struct rk_top_kernel kernels[RK_TOP_KERNELS];
	uint32_t device_count, transfer_count, kernel_count;
};

/**
 * Ask the process @pid. @sample is as it was when that fails.
 *
 * Context: tools; waits 5 s at most for each step.
 * Return: 0; an error of rk_ctl_socket_ask(); -EPROTO: the answer is not what was expected;
 *         -EOPNOTSUPP: it cannot be asked this, its version is older; -ENOMEM.
 */
int rk_top_sample_take(struct rk_top_sample *sample, pid_t pid);

/**
 * Context: any. Return: a static string; as in the label `state` of rustkernel_gpu_seconds_total.
 */
const char *rk_top_state_name(uint32_t state);

#endif
