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
#include <stdlib.h>
#include <string.h>

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

static void look_for_driver(struct rk_doctor_gpu *gpu)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!driver) {
		snprintf(gpu->driver_error, sizeof(gpu->driver_error), "%s", dlerror());
		return;
	}
	path_of(driver, gpu->driver, sizeof(gpu->driver));
	ask_driver(gpu, driver);
}

static void *open_below(const char *folder)
{
	static const char *const versions[] = { ".14", ".13", ".12", "", NULL };
	static const char *const places[] = { "/", "/extras/CUPTI/lib64/", "/lib64/", "/lib/",
					      NULL };
	char path[512];
	void *library = NULL;

	for (int p = 0; !library && places[p]; p++) {
		for (int v = 0; !library && versions[v]; v++) {
			snprintf(path, sizeof(path), "%s%slibcupti.so%s", folder,
				 *folder ? places[p] : "", versions[v]);
			library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
		}
	}
	return library;
}

/* Beside the driver (the simulated one), the loader's own search, then toolkits. */
static void *open_cupti(const struct rk_doctor_gpu *gpu, const char *configured)
{
	const char *folders[] = { gpu->driver, "", getenv("CUDA_HOME"), getenv("CUDA_PATH"),
				  "/usr/local/cuda" };
	void *library = NULL;

	if (*configured)
		return dlopen(configured, RTLD_LAZY | RTLD_LOCAL);
	for (size_t i = 0; !library && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char folder[256] = "";

		if (folders[i])
			snprintf(folder, sizeof(folder), "%s", folders[i]);
		if (i == 0 && strrchr(folder, '/'))
			*strrchr(folder, '/') = '\0';
		if (folders[i] && (*folder || i == 1))
			library = open_below(folder);
	}
	return library;
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

static void look_for_cupti(struct rk_doctor_gpu *gpu, const char *configured)
{
	void *library = open_cupti(gpu, configured);
	cupti_version_fn get_version = NULL;

	if (library)
		find(library, "cuptiGetVersion", &get_version);
	if (!library || !get_version) {
		const char *error = dlerror();

		snprintf(gpu->cupti_error, sizeof(gpu->cupti_error), "%s",
			 *configured && error ? error : "libcupti is in none of the usual places");
		return;
	}
	path_of(library, gpu->cupti, sizeof(gpu->cupti));
	if (get_version(&gpu->cupti_version))
		gpu->cupti_version = 0;
	else if (gpu->devices > 0)
		try_kinds(gpu, library);
}

void rk_doctor_gpu_look(struct rk_doctor_gpu *gpu, const char *cupti)
{
	memset(gpu, 0, sizeof(*gpu));
	look_for_driver(gpu);
	look_for_cupti(gpu, cupti);
}
