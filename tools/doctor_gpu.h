/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor_gpu.h - the driver and the CUPTI of this machine, asked without a context.
 */
#ifndef RK_TOOLS_DOCTOR_GPU_H
#define RK_TOOLS_DOCTOR_GPU_H

#include <stdbool.h>
#include <stdint.h>

struct rk_doctor_gpu {
	char driver[256];	/* path of libcuda; "" = none */
	char driver_error[256];	/* why devices is 0 */
	int devices;
	char name[128];		/* of the first device */
	uint32_t driver_version; /* cuDriverGetVersion() */
	bool simulated;
	char cupti[256];	/* path of libcupti; "" = none */
	char cupti_error[256];
	uint32_t cupti_version;	/* 0 = none */
	uint32_t missing;	/* bits of enum rk_gpu_missing: kinds that CUPTI refuses here */
	int refusal;		/* its answer to the last of them; 0 = it was not asked, or none */
};

/**
 * Open libcuda and ask for devices and versions. / Open the libcupti that a program would get, and
 * have it say what it gives.
 *
 * @configured: cupti.library; "" = look for one.
 * @runtime_folder: of the program's libcudart; "" = not known.
 * Context: tools. The libraries stay open.
 */
void rk_doctor_gpu_look_for_driver(struct rk_doctor_gpu *gpu);
void rk_doctor_gpu_look_for_cupti(struct rk_doctor_gpu *gpu, const char *configured,
				  const char *runtime_folder);

#endif
