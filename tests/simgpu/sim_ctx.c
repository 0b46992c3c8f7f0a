/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_ctx.c - devices and contexts of the simulated driver.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SIM_ALIAS(alias, target)

static void notify(enum simgpu_resource what, void *ctx, void *stream)
{
	const struct simgpu_tool *tool = atomic_load_explicit(&sim.tool, memory_order_acquire);

	if (tool && tool->resource)
		tool->resource(what, ctx, stream);
}

struct sim_ctx *sim_ctx_current(void)
{
	return sim_self.depth ? sim_self.stack[sim_self.depth - 1] : NULL;
}

CUresult sim_ctx_error(struct sim_ctx *ctx)
{
	if (ctx->sticky && sim_now() >= ctx->sticky_ns)
		return ctx->sticky;
	return CUDA_SUCCESS;
}

CUresult sim_ctx_check(struct sim_ctx **out)
{
	CUresult result = sim_ready();

	*out = NULL;
	if (result)
		return result;
	*out = sim_ctx_current();
	if (!*out)
		return CUDA_ERROR_INVALID_CONTEXT;
	if ((*out)->magic != SIM_MAGIC_CTX)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	return sim_ctx_error(*out);
}

CUresult sim_ctx_get(CUcontext handle, struct sim_ctx **out)
{
	*out = (struct sim_ctx *)handle;
	if (!handle)
		return sim_ctx_check(out);
	if ((*out)->magic == SIM_MAGIC_CTX)
		return CUDA_SUCCESS;
	return CUDA_ERROR_INVALID_CONTEXT;
}

static struct sim_ctx *ctx_new(int device, unsigned int flags, bool primary)
{
	struct sim_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->magic = SIM_MAGIC_CTX;
	ctx->id = atomic_fetch_add(&sim.next_id, 1) + 1;
	ctx->device = &sim.device[device];
	ctx->flags = flags;
	ctx->primary = primary;
	ctx->legacy.magic = SIM_MAGIC_STREAM;
	ctx->legacy.ctx = ctx;
	ctx->legacy.legacy = true;
	ctx->legacy.id = atomic_fetch_add(&sim.next_id, 1) + 1;
	ctx->limits[CU_LIMIT_STACK_SIZE] = 1024;
	ctx->limits[CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20;
	ctx->limits[CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20;
	return ctx;
}

static void ctx_kill(struct sim_ctx *ctx)
{
	sim_sleep_until(ctx->all_tail_ns);
	notify(SIMGPU_CONTEXT_DESTROYED, ctx, NULL);
	pthread_mutex_lock(&sim.lock);
	sim_mem_forget_ctx(ctx);
	ctx->magic = SIM_MAGIC_DEAD;
	sim_bury(ctx);
	for (struct sim_stream *s = ctx->streams; s; s = s->next)
		s->magic = SIM_MAGIC_DEAD;
	pthread_mutex_unlock(&sim.lock);
}

/* ---- devices ---- */
static CUresult device_check(CUdevice dev)
{
	CUresult result = sim_ready();

	if (result)
		return result;
	return dev >= 0 && dev < sim.config.devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

SIM_API(cuDeviceGet, CUdevice *device, int ordinal)
{
	CUresult result = device_check(ordinal);

	if (!result)
		*device = ordinal;
	return result;
}

SIM_API(cuDeviceGetCount, int *count)
{
	CUresult result = sim_ready();

	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*count = sim.config.devices;
	return result;
}

SIM_API(cuDeviceGetName, char *name, int len, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!name || len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		snprintf(name, (size_t)len, dev ? "Simulated GPU %d" : "Simulated GPU", dev);
	return result;
}

SIM_API(cuDeviceGetUuid, CUuuid *uuid, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!uuid)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result) {
		memset(uuid->bytes, 0, sizeof(uuid->bytes));
		memcpy(uuid->bytes, "simgpu", 6);
		uuid->bytes[15] = (char)(dev + 1);
	}
	return result;
}
SIM_ALIAS(cuDeviceGetUuid_v2, cuDeviceGetUuid)

SIM_API(cuDeviceTotalMem_v2, size_t *bytes, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*bytes = sim.config.mem_bytes;
	return result;
}

SIM_API(cuDeviceComputeCapability, int *major, int *minor, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!result) {
		*major = 9;
		*minor = 0;
	}
	return result;
}

static const struct {
	CUdevice_attribute attrib;
	int value;
} attributes[] = {
	{ CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024 },
	{ CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024 },
	{ CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024 },
	{ CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64 },
	{ CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647 },
	{ CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535 },
	{ CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535 },
	{ CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152 },
	{ CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448 },
	{ CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 233472 },
	{ CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 65536 },
	{ CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32 },
	{ CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647 },
	{ CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536 },
	{ CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536 },
	{ CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000 },
	{ CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512 },
	{ CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 8 },
	{ CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1 },
	{ CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1 },
	{ CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 2 },
	{ CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1 },
	{ CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000 },
	{ CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 256 },
	{ CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 4 << 20 },
	{ CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048 },
	{ CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0 },
	{ CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1 },
	{ CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1 },
	{ CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, 1 },
	{ CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1 },
	{ CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, 0 },
	{ CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, 0 },
};

SIM_API(cuDeviceGetAttribute, int *pi, CUdevice_attribute attrib, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!pi)
		return CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	*pi = 0;
	if (attrib == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
		*pi = dev + 1;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].attrib == attrib)
			*pi = attributes[i].value;
	return CUDA_SUCCESS;
}

SIM_API(cuDeviceGetPCIBusId, char *pciBusId, int len, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!result)
		snprintf(pciBusId, (size_t)len, "0000:%02X:00.0", (unsigned int)dev + 1);
	return result;
}

SIM_API(cuDeviceGetByPCIBusId, CUdevice *dev, const char *pciBusId)
{
	unsigned int domain, bus, slot;

	if (sscanf(pciBusId, "%x:%x:%x", &domain, &bus, &slot) != 3)
		return CUDA_ERROR_INVALID_VALUE;
	*dev = (CUdevice)bus - 1;
	return device_check(*dev);
}

SIM_API(cuDeviceGetLuid, char *luid, unsigned int *deviceNodeMask, CUdevice dev)
{
	(void)luid;
	(void)deviceNodeMask;
	(void)dev;
	return CUDA_ERROR_NOT_SUPPORTED;
}

SIM_API(cuDeviceGetProperties, CUdevprop *prop, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (result)
		return result;
	memset(prop, 0, sizeof(*prop));
	prop->maxThreadsPerBlock = 1024;
	prop->sharedMemPerBlock = 49152;
	prop->SIMDWidth = 32;
	prop->regsPerBlock = 65536;
	return CUDA_SUCCESS;
}

SIM_API(cuDeviceCanAccessPeer, int *canAccessPeer, CUdevice dev, CUdevice peerDev)
{
	CUresult result = device_check(dev);

	if (!result)
		result = device_check(peerDev);
	if (!result)
		*canAccessPeer = dev != peerDev;
	return result;
}

SIM_API(cuDeviceGetP2PAttribute, int *value, CUdevice_P2PAttribute attrib, CUdevice srcDevice,
	CUdevice dstDevice)
{
	*value = attrib == CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED && srcDevice != dstDevice;
	return device_check(srcDevice) ? CUDA_ERROR_INVALID_DEVICE : device_check(dstDevice);
}

/* ---- primary contexts ---- */
struct sim_ctx *sim_primary(int device)
{
	return sim.device[device].primary;
}

SIM_API(cuDevicePrimaryCtxRetain, CUcontext *pctx, CUdevice dev)
{
	CUresult result = device_check(dev);
	struct sim_device *d;
	bool created = false;

	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	d = &sim.device[dev];
	pthread_mutex_lock(&sim.lock);
	if (!d->primary || d->primary->magic != SIM_MAGIC_CTX) {
		d->primary = ctx_new(dev, d->primary_flags, true);
		d->primary_refs = 0;
		created = d->primary != NULL;
	}
	d->primary_refs++;
	*pctx = (CUcontext)d->primary;
	pthread_mutex_unlock(&sim.lock);
	if (created)
		notify(SIMGPU_CONTEXT_CREATED, *pctx, NULL);
	return *pctx ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

SIM_API(cuDevicePrimaryCtxRelease_v2, CUdevice dev)
{
	CUresult result = device_check(dev);
	struct sim_device *d;

	if (result)
		return result;
	d = &sim.device[dev];
	if (!d->primary || !d->primary_refs)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (--d->primary_refs == 0)
		ctx_kill(d->primary);
	return CUDA_SUCCESS;
}
SIM_ALIAS(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2)

SIM_API(cuDevicePrimaryCtxSetFlags_v2, CUdevice dev, unsigned int flags)
{
	CUresult result = device_check(dev);

	if (!result) {
		sim.device[dev].primary_flags = flags;
		if (sim.device[dev].primary)
			sim.device[dev].primary->flags = flags;
	}
	return result;
}
SIM_ALIAS(cuDevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags_v2)

SIM_API(cuDevicePrimaryCtxGetState, CUdevice dev, unsigned int *flags, int *active)
{
	CUresult result = device_check(dev);

	if (!result) {
		*flags = sim.device[dev].primary_flags;
		*active =
			sim.device[dev].primary && sim.device[dev].primary->magic == SIM_MAGIC_CTX;
	}
	return result;
}

SIM_API(cuDevicePrimaryCtxReset_v2, CUdevice dev)
{
	CUresult result = device_check(dev);

	if (!result && sim.device[dev].primary && sim.device[dev].primary->magic == SIM_MAGIC_CTX)
		ctx_kill(sim.device[dev].primary);
	return result;
}
SIM_ALIAS(cuDevicePrimaryCtxReset, cuDevicePrimaryCtxReset_v2)

/* ---- contexts ---- */
static CUresult ctx_push(struct sim_ctx *ctx)
{
	if (sim_self.depth == SIM_CTX_DEPTH)
		return CUDA_ERROR_OUT_OF_MEMORY;
	sim_self.stack[sim_self.depth++] = ctx;
	return CUDA_SUCCESS;
}

SIM_API(cuCtxCreate_v2, CUcontext *pctx, unsigned int flags, CUdevice dev)
{
	CUresult result = device_check(dev);
	struct sim_ctx *ctx;

	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	ctx = ctx_new(dev, flags, false);
	pthread_mutex_unlock(&sim.lock);
	if (!ctx)
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = ctx_push(ctx);
	*pctx = (CUcontext)ctx;
	notify(SIMGPU_CONTEXT_CREATED, ctx, NULL);
	return result;
}

SIM_API(cuCtxCreate_v3, CUcontext *pctx, CUexecAffinityParam *paramsArray, int numParams,
	unsigned int flags, CUdevice dev)
{
	(void)paramsArray;
	(void)numParams;
	return sim_cuCtxCreate_v2(pctx, flags, dev);
}

SIM_API(cuCtxCreate_v4, CUcontext *pctx, CUctxCreateParams *ctxCreateParams, unsigned int flags,
	CUdevice dev)
{
	(void)ctxCreateParams;
	return sim_cuCtxCreate_v2(pctx, flags, dev);
}

SIM_API(cuCtxDestroy_v2, CUcontext ctx)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_get(ctx, &c);

	if (!ctx || result || c->primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	ctx_kill(c);
	if (sim_ctx_current() == c)
		sim_self.depth--;
	return CUDA_SUCCESS;
}
SIM_ALIAS(cuCtxDestroy, cuCtxDestroy_v2)

SIM_API(cuCtxDetach, CUcontext ctx)
{
	return sim_cuCtxDestroy_v2(ctx);
}

SIM_API(cuCtxPushCurrent_v2, CUcontext ctx)
{
	struct sim_ctx *c;
	CUresult result = sim_ready();

	if (result)
		return result;
	if (!ctx)
		return CUDA_ERROR_INVALID_CONTEXT;
	result = sim_ctx_get(ctx, &c);
	return result ? result : ctx_push(c);
}
SIM_ALIAS(cuCtxPushCurrent, cuCtxPushCurrent_v2)

SIM_API(cuCtxPopCurrent_v2, CUcontext *pctx)
{
	struct sim_ctx *c = sim_ctx_current();

	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	sim_self.depth--;
	if (pctx)
		*pctx = (CUcontext)c;
	return CUDA_SUCCESS;
}
SIM_ALIAS(cuCtxPopCurrent, cuCtxPopCurrent_v2)

SIM_API(cuCtxSetCurrent, CUcontext ctx)
{
	struct sim_ctx *c;
	CUresult result = sim_ready();

	if (result)
		return result;
	if (!ctx) {
		sim_self.depth -= sim_self.depth > 0;
		return CUDA_SUCCESS;
	}
	result = sim_ctx_get(ctx, &c);
	if (result)
		return result;
	if (!sim_self.depth)
		return ctx_push(c);
	sim_self.stack[sim_self.depth - 1] = c;
	return CUDA_SUCCESS;
}

SIM_API(cuCtxGetCurrent, CUcontext *pctx)
{
	CUresult result = sim_ready();

	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*pctx = (CUcontext)sim_ctx_current();
	return result;
}

SIM_API(cuCtxGetDevice_v2, CUdevice *device, CUcontext ctx)
{
	struct sim_ctx *c;
	CUresult result = sim_ready();

	if (!result)
		result = ctx || sim_ctx_current() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
	if (!result)
		result = sim_ctx_get(ctx ? ctx : (CUcontext)sim_ctx_current(), &c);
	if (!result)
		*device = c->device->ordinal;
	return result;
}

SIM_API(cuCtxGetDevice, CUdevice *device)
{
	return sim_cuCtxGetDevice_v2(device, NULL);
}

SIM_API(cuCtxGetFlags, unsigned int *flags)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_check(&c);

	if (!result)
		*flags = c->flags;
	return result;
}

SIM_API(cuCtxSetFlags, unsigned int flags)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_check(&c);

	if (!result)
		c->flags = flags;
	return result;
}

SIM_API(cuCtxGetId, CUcontext ctx, unsigned long long *ctxId)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_get(ctx, &c);

	if (!result)
		*ctxId = c->id;
	return result;
}

SIM_API(cuCtxSynchronize_v2, CUcontext ctx)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_get(ctx, &c);
	uint64_t until;

	if (result)
		return result;
	result = sim_capture_unsafe();
	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	sim_stream_settle(&c->legacy);
	for (struct sim_stream *s = c->streams; s; s = s->next)
		sim_stream_settle(s);
	until = c->all_tail_ns;
	pthread_mutex_unlock(&sim.lock);
	sim_sleep_until(until);
	return sim_ctx_error(c);
}

SIM_API(cuCtxSynchronize, void)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_check(&c);

	return result ? result : sim_cuCtxSynchronize_v2((CUcontext)c);
}

SIM_API(cuCtxSetLimit, CUlimit limit, size_t value)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_check(&c);

	if (!result && (unsigned int)limit >= 16)
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	if (!result)
		c->limits[limit] = value;
	return result;
}

SIM_API(cuCtxGetLimit, size_t *pvalue, CUlimit limit)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_check(&c);

	if (!result && (unsigned int)limit >= 16)
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	if (!result)
		*pvalue = c->limits[limit];
	return result;
}

SIM_API(cuCtxGetCacheConfig, CUfunc_cache *pconfig)
{
	*pconfig = CU_FUNC_CACHE_PREFER_NONE;
	return sim_ready();
}

SIM_API(cuCtxSetCacheConfig, CUfunc_cache config)
{
	(void)config;
	return sim_ready();
}

SIM_API(cuCtxGetApiVersion, CUcontext ctx, unsigned int *version)
{
	(void)ctx;
	*version = 3020;
	return sim_ready();
}

SIM_API(cuCtxGetStreamPriorityRange, int *leastPriority, int *greatestPriority)
{
	if (leastPriority)
		*leastPriority = 0;
	if (greatestPriority)
		*greatestPriority = -5;
	return sim_ready();
}

SIM_API(cuCtxResetPersistingL2Cache, void)
{
	return sim_ready();
}

SIM_API(cuCtxEnablePeerAccess, CUcontext peerContext, unsigned int Flags)
{
	struct sim_ctx *c, *peer;
	CUresult result = sim_ctx_check(&c);

	(void)Flags;
	if (!result)
		result = sim_ctx_get(peerContext, &peer);
	if (result)
		return result;
	if (c->peers & 1u << peer->device->ordinal)
		return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
	if (c->device == peer->device)
		return CUDA_ERROR_INVALID_DEVICE;
	c->peers |= 1u << peer->device->ordinal;
	return CUDA_SUCCESS;
}

SIM_API(cuCtxDisablePeerAccess, CUcontext peerContext)
{
	struct sim_ctx *c, *peer;
	CUresult result = sim_ctx_check(&c);

	if (!result)
		result = sim_ctx_get(peerContext, &peer);
	if (result)
		return result;
	if (!(c->peers & 1u << peer->device->ordinal))
		return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
	c->peers &= ~(1u << peer->device->ordinal);
	return CUDA_SUCCESS;
}

/* ---- for the simulated CUPTI ---- */
__attribute__((visibility("default"))) int simgpu_context_id(void *context, uint32_t *id)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_get(context, &c);

	if (!result)
		*id = c->id;
	return (int)result;
}

__attribute__((visibility("default"))) int simgpu_context_device(void *context, uint32_t *id)
{
	struct sim_ctx *c;
	CUresult result = sim_ctx_get(context, &c);

	if (!result)
		*id = (uint32_t)c->device->ordinal;
	return (int)result;
}
