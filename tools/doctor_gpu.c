/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor_gpu.c - four driver calls and one of CUPTI, through dlsym().
 *
 * No CUDA header: the tool is built and run where there is no toolkit.
 */
#include "tools/doctor_gpu.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "core/cupti_search.h"
#include "core/gpu_facts.h"

typedef int (*init_fn)(unsigned flags);
typedef int (*count_fn)(int *count);
typedef int (*version_fn)(int *version);
typedef int (*name_fn)(char *name, int size, int device);
typedef int (*error_fn)(int error, const char **text);
typedef int (*cupti_version_fn)(uint32_t *version);
typedef int (*cupti_kind_fn)(int kind);

/* The cast that POSIX asks for and C forbids, in one place. */
static void find(void *library, const char *name, void *function)
{
	void *address = dlsym(library, name);

	memcpy(function, &address, sizeof(address));
}

static void path_of(void *library, char *out, size_t size)
{
	struct link_map *map = NULL;

	if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map)
		snprintf(out, size, "%s", map->l_name);
}

static void tell_driver_error(struct rk_doctor_gpu *gpu, void *driver, const char *call, int result)
{
	const char *text = NULL;
	error_fn get_name;

	find(driver, "cuGetErrorName", &get_name);
	if (get_name)
		get_name(result, &text);
	snprintf(gpu->driver_error, sizeof(gpu->driver_error), "%s says %d%s%s%s", call, result,
		 text ? " (" : "", text ? text : "", text ? ")" : "");
}

static void ask_driver(struct rk_doctor_gpu *gpu, void *driver)
{
	int result, version = 0;
	version_fn get_version;
	count_fn get_count;
	name_fn get_name;
	init_fn init;

	find(driver, "cuInit", &init);
	find(driver, "cuDeviceGetCount", &get_count);
	find(driver, "cuDeviceGetName", &get_name);
	find(driver, "cuDriverGetVersion", &get_version);
	if (!init || !get_count || !get_name || !get_version) {
		snprintf(gpu->driver_error, sizeof(gpu->driver_error),
			 "libcuda.so.1 is not a CUDA driver");
		return;
	}
	if (get_version(&version) == 0)
		gpu->driver_version = (uint32_t)version;
	result = init(0);
	if (result) {
		tell_driver_error(gpu, driver, "cuInit", result);
		return;
	}
	result = get_count(&gpu->devices);
	if (result) {
		gpu->devices = 0;
		tell_driver_error(gpu, driver, "cuDeviceGetCount", result);
		return;
	}
	if (gpu->devices <= 0) {
		snprintf(gpu->driver_error, sizeof(gpu->driver_error), "the driver has no device");
		return;
	}
	get_name(gpu->name, sizeof(gpu->name), 0);
	gpu->simulated = strstr(gpu->driver, "simgpu") != NULL;
}

void rk_doctor_gpu_look_for_driver(struct rk_doctor_gpu *gpu)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

	memset(gpu, 0, sizeof(*gpu));
	if (!driver) {
		snprintf(gpu->driver_error, sizeof(gpu->driver_error), "%s", dlerror());
		return;
	}
	path_of(driver, gpu->driver, sizeof(gpu->driver));
	ask_driver(gpu, driver);
}

/* In this process, which does no work: nobody is in the way, and nothing is measured. */
static void try_kinds(struct rk_doctor_gpu *gpu, void *library)
{
	/* CUpti_ActivityKind */
	static const struct {
		int kind;
		uint32_t missing;
	} kinds[] = {
		{ 10, RK_GPU_SERIAL_KERNELS }, { 3, RK_GPU_NO_KERNELS }, { 1, RK_GPU_NO_COPIES },
		{ 22, RK_GPU_NO_PEER_COPIES }, { 2, RK_GPU_NO_MEMSETS },
	};
	cupti_kind_fn enable, disable;

	find(library, "cuptiActivityEnable", &enable);
	find(library, "cuptiActivityDisable", &disable);
	for (size_t i = 0; enable && disable && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int result = enable(kinds[i].kind);

		if (!result)
			disable(kinds[i].kind);
		else
			gpu->refusal = result;
		if (result)
			gpu->missing |= kinds[i].missing;
	}
	/* The second kind of kernels is asked for where the first is refused, and not else. */
	if (!(gpu->missing & RK_GPU_SERIAL_KERNELS))
		gpu->missing &= ~(uint32_t)RK_GPU_NO_KERNELS;
	else if (gpu->missing & RK_GPU_NO_KERNELS)
		gpu->missing &= ~(uint32_t)RK_GPU_SERIAL_KERNELS;
}

/* As the tracer does it in the program, which may have its runtime elsewhere than we. */
void rk_doctor_gpu_look_for_cupti(struct rk_doctor_gpu *gpu, const char *configured,
				  const char *runtime_folder)
{
	cupti_version_fn get_version = NULL;
	struct rk_cupti_search search;
	void *library;

	rk_cupti_search_init(&search);
	if (*runtime_folder)
		snprintf(search.folders[RK_CUPTI_BY_RUNTIME],
			 sizeof(search.folders[RK_CUPTI_BY_RUNTIME]), "%s", runtime_folder);
	library = rk_cupti_search_open(&search, configured, gpu->cupti_error,
				       sizeof(gpu->cupti_error));
	if (!library)
		return;
	find(library, "cuptiGetVersion", &get_version);
	if (!get_version) {
		snprintf(gpu->cupti_error, sizeof(gpu->cupti_error), "it has no cuptiGetVersion");
		return;
	}
	path_of(library, gpu->cupti, sizeof(gpu->cupti));
	if (get_version(&gpu->cupti_version))
		gpu->cupti_version = 0;
	else if (gpu->devices > 0)
		try_kinds(gpu, library);
}
