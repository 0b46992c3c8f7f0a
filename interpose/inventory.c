/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/inventory.c - a few questions per GPU, all of which the driver answers from memory.
 *
 * The functions are not wrapped and not counted: they are looked up where they are needed, and
 * one that is missing only leaves its part unknown.
 */
#include "interpose/inventory.h"

#include <string.h>

#include "interpose/api.h"
#include "interpose/lookup.h"

typedef CUresult (*get_int_fn)(int *value);
typedef CUresult (*get_device_fn)(CUdevice *device, int ordinal);
typedef CUresult (*get_name_fn)(char *name, int size, CUdevice device);
typedef CUresult (*get_uuid_fn)(CUuuid *uuid, CUdevice device);
typedef CUresult (*get_memory_fn)(size_t *bytes, CUdevice device);
typedef CUresult (*get_attribute_fn)(int *value, CUdevice_attribute which, CUdevice device);

/* Any may be NULL. */
struct questions {
	get_device_fn device;
	get_name_fn name;
	get_uuid_fn uuid;
	get_memory_fn memory;
	get_attribute_fn attribute;
};

static uint32_t ask_int(const char *function)
{
	get_int_fn ask = (get_int_fn)rk_lookup_driver(function);
	int value = 0;

	if (!ask || ask(&value) != CUDA_SUCCESS || value < 0)
		return 0;
	return (uint32_t)value;
}

static uint32_t ask_attribute(const struct questions *ask, CUdevice_attribute which,
			      CUdevice device)
{
	int value = 0;

	if (!ask->attribute || ask->attribute(&value, which, device) != CUDA_SUCCESS || value < 0)
		return 0;
	return (uint32_t)value;
}

static void describe(const struct questions *ask, CUdevice device, struct rk_gpu *gpu)
{
	size_t bytes = 0;
	CUuuid uuid;

	if (!ask->name || ask->name(gpu->name, sizeof(gpu->name), device) != CUDA_SUCCESS)
		gpu->name[0] = '\0';
	gpu->name[sizeof(gpu->name) - 1] = '\0';
	if (ask->uuid && ask->uuid(&uuid, device) == CUDA_SUCCESS)
		memcpy(gpu->uuid, uuid.bytes, sizeof(gpu->uuid));
	if (ask->memory && ask->memory(&bytes, device) == CUDA_SUCCESS)
		gpu->memory_bytes = bytes;
	gpu->major = ask_attribute(ask, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
	gpu->minor = ask_attribute(ask, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
}

void rk_inventory_take(struct rk_gpu_inventory *gpus)
{
	struct questions ask = {
		.device = (get_device_fn)rk_lookup_driver("cuDeviceGet"),
		.name = (get_name_fn)rk_lookup_driver("cuDeviceGetName"),
		/* The first version names the whole GPU where the program has a slice of it. */
		.uuid = (get_uuid_fn)rk_lookup_driver("cuDeviceGetUuid_v2"),
		.memory = (get_memory_fn)rk_lookup_driver("cuDeviceTotalMem_v2"),
		.attribute = (get_attribute_fn)rk_lookup_driver("cuDeviceGetAttribute"),
	};
	CUdevice device;

	memset(gpus, 0, sizeof(*gpus));
	gpus->cuda_version = ask_int("cuDriverGetVersion");
	if (!ask.uuid)
		ask.uuid = (get_uuid_fn)rk_lookup_driver("cuDeviceGetUuid");
	if (!ask.device)
		return;
	gpus->count = ask_int("cuDeviceGetCount");
	while (gpus->described < gpus->count && gpus->described < RK_GPU_MAX &&
	       ask.device(&device, (int)gpus->described) == CUDA_SUCCESS) {
		describe(&ask, device, &gpus->at[gpus->described]);
		gpus->described++;
	}
}
