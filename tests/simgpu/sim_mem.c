/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_mem.c - memory of every kind: device, managed, pinned, registered,
 * stream-ordered, arrays, virtual memory management. All of it is host memory; the
 * limit is SIMGPU_MEM_BYTES per device.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim.h"

#define SIM_ALIAS(alias, target)

#define MAP_FROM    (64u << 10) /* larger allocations are mapped: untouched pages cost nothing */
#define ALIGNMENT   512		/* cudaMalloc's texture alignment */
#define GRANULARITY (2u << 20)

static void *tree; /* of struct sim_alloc, by address; the lock is held */
static atomic_ullong buffer_ids;

/* Overlapping ranges compare equal, so that an address finds the range around it. */
static int compare_range(const void *a, const void *b)
{
	const struct sim_alloc *x = a, *y = b;

	if (x->base + x->size <= y->base)
		return -1;
	return y->base + y->size <= x->base ? 1 : 0;
}

struct sim_alloc *sim_mem_find(const void *ptr)
{
	struct sim_alloc key = { .base = (char *)(uintptr_t)ptr, .size = 1 };
	struct sim_alloc *const *found = tfind(&key, &tree, compare_range);

	return found ? *found : NULL;
}

static bool counted(enum sim_mem_kind kind)
{
	return kind == SIM_MEM_DEVICE || kind == SIM_MEM_MANAGED || kind == SIM_MEM_ASYNC ||
	       kind == SIM_MEM_ARRAY || kind == SIM_MEM_VMM;
}

static uint32_t cupti_kind(enum sim_mem_kind kind)
{
	switch (kind) {
	case SIM_MEM_PINNED:
	case SIM_MEM_REGISTERED:
		return 2;
	case SIM_MEM_ARRAY:
		return 4;
	case SIM_MEM_MANAGED:
		return 5;
	default:
		return 3;
	}
}

static void report(const struct sim_alloc *a, uint32_t operation)
{
	struct simgpu_op *op;

	if (!sim_op_wanted() || a->kind == SIM_MEM_REGISTERED)
		return;
	op = sim_op_add();
	op->kind = SIMGPU_OP_MEMORY;
	op->value = operation;
	op->dst_kind = cupti_kind(a->kind);
	op->bytes = a->size;
	op->address = (uint64_t)(uintptr_t)a->base;
	op->device = (uint32_t)a->device;
	op->context = a->ctx ? a->ctx->id : 0;
	op->start_ns = sim_now();
	op->end_ns = op->start_ns;
	op->async = a->kind == SIM_MEM_ASYNC;
	op->name = operation == 1 ? "allocate" : "release";
}

static bool scripted_oom(void)
{
	unsigned long long n = atomic_fetch_add(&sim.counts.alloc_calls, 1) + 1;

	return sim.config.oom_at && n == sim.config.oom_at;
}

static void count_one(struct sim_memory_count *count, uint64_t bytes, bool taken)
{
	if (!taken) {
		count->live--;
		count->live_bytes -= bytes;
		count->frees++;
		return;
	}
	count->live++;
	count->live_bytes += bytes;
	count->allocs++;
	if (count->live_bytes > count->peak_bytes)
		count->peak_bytes = count->live_bytes;
}

/* The lock is held. */
static void count(int device, enum sim_mem_kind kind, uint64_t bytes, bool taken)
{
	struct sim_memory_count *counts = sim.device[device].memory;

	count_one(&counts[kind], bytes, taken);
	if (kind == SIM_MEM_REGISTERED)
		count_one(&counts[SIM_MEM_PINNED], bytes, taken);
}

#ifdef MAP_32BIT
#define MAP_LOW MAP_32BIT
#else
#define MAP_LOW 0 /* the first versions then say that there is no memory */
#endif

static void *back(struct sim_alloc *a)
{
	void *ptr;

	a->mapped = a->size >= MAP_FROM || a->low;
	if (!a->mapped)
		return aligned_alloc(ALIGNMENT, (a->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
	ptr = mmap(NULL, a->size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (a->low ? MAP_LOW : 0), -1, 0);
	return ptr == MAP_FAILED ? NULL : ptr;
}

/* @want says kind, size, context, flags; for registered memory also the base. */
CUresult sim_mem_new(struct sim_alloc *want, void **out)
{
	struct sim_device *d = want->pool ? &sim.device[want->pool->device] : want->ctx->device;
	struct sim_alloc *a;
	bool full;

	*out = NULL;
	if (!want->size)
		return CUDA_ERROR_INVALID_VALUE;
	if (scripted_oom())
		return CUDA_ERROR_OUT_OF_MEMORY;
	a = malloc(sizeof(*a));
	if (!a)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*a = *want;
	a->device = d->ordinal;
	a->buffer_id = atomic_fetch_add(&buffer_ids, 1) + 1;
	pthread_mutex_lock(&sim.lock);
	full = counted(a->kind) &&
	       (a->size > sim.config.mem_bytes || d->used_bytes > sim.config.mem_bytes - a->size);
	if (!full && !a->base)
		a->base = back(a);
	if (full || !a->base) {
		pthread_mutex_unlock(&sim.lock);
		free(a);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (counted(a->kind))
		d->used_bytes += a->size;
	count(a->device, a->kind, a->size, true);
	tsearch(a, &tree, compare_range);
	report(a, 1);
	pthread_mutex_unlock(&sim.lock);
	atomic_fetch_add_explicit(&sim.counts.allocs, 1, memory_order_relaxed);
	*out = a->base;
	return CUDA_SUCCESS;
}

/* The lock is held. */
static void drop(struct sim_alloc *a)
{
	tdelete(a, &tree, compare_range);
	if (counted(a->kind))
		sim.device[a->device].used_bytes -= a->size;
	if (a->pool)
		a->pool->used -= a->size;
	count(a->device, a->kind, a->size, false);
	report(a, 2);
	if (a->kind == SIM_MEM_REGISTERED || a->kind == SIM_MEM_VMM)
		;
	else if (a->mapped)
		munmap(a->base, a->size);
	else
		free(a->base);
	free(a);
}

CUresult sim_mem_free(void *ptr, bool host)
{
	struct sim_alloc *a;
	CUresult result = CUDA_SUCCESS;

	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find(ptr);
	if (!a || a->base != ptr || (a->kind == SIM_MEM_PINNED) != host ||
	    a->kind == SIM_MEM_REGISTERED || a->kind == SIM_MEM_GLOBAL)
		result = CUDA_ERROR_INVALID_VALUE;
	else
		drop(a);
	pthread_mutex_unlock(&sim.lock);
	return result;
}

static struct sim_ctx *forget_ctx;
static struct sim_alloc *forget_found;

/* What is a pool's is the device's, and goes with its primary context. */
static bool goes_with(const struct sim_alloc *a, const struct sim_ctx *ctx)
{
	if (a->kind == SIM_MEM_ASYNC)
		return ctx->primary && a->device == ctx->device->ordinal;
	return a->ctx == ctx;
}

static void forget_visit(const void *node, VISIT which, int depth)
{
	struct sim_alloc *a = *(struct sim_alloc *const *)node;

	(void)depth;
	if ((which == postorder || which == leaf) && goes_with(a, forget_ctx))
		forget_found = a;
}

/* The lock is held. A dying context takes its memory with it. */
void sim_mem_forget_ctx(struct sim_ctx *ctx)
{
	forget_ctx = ctx;
	do {
		forget_found = NULL;
		twalk(tree, forget_visit);
		if (forget_found)
			drop(forget_found);
	} while (forget_found);
}

/* The lock is held. Kind as in CUpti_ActivityMemoryKind. */
void sim_mem_kinds(const void *ptr, uint32_t *kind, uint32_t *device)
{
	const struct sim_alloc *a = sim_mem_find(ptr);

	*kind = a ? cupti_kind(a->kind) : 1;
	*device = a ? (uint32_t)a->device : 0;
}

static CUresult prepare(struct sim_alloc *want)
{
	CUresult result = sim_ctx_check(&want->ctx);

	return result ? result : sim_capture_unsafe();
}

static CUresult free_synchronously(void *ptr, bool host);

/* ---- device, managed ---- */
SIM_API(cuMemAlloc_v2, CUdeviceptr *dptr, size_t bytesize)
{
	struct sim_alloc want = { .kind = SIM_MEM_DEVICE, .size = bytesize };
	CUresult result = prepare(&want);
	void *ptr = NULL;

	if (!dptr)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = sim_mem_new(&want, &ptr);
	if (!result)
		*dptr = (CUdeviceptr)(uintptr_t)ptr;
	return result;
}

SIM_API(cuMemAlloc, CUdeviceptr_v1 *dptr, unsigned int bytesize)
{
	struct sim_alloc want = { .kind = SIM_MEM_DEVICE, .size = bytesize, .low = true };
	CUresult result = prepare(&want);
	void *ptr = NULL;

	if (!result)
		result = sim_mem_new(&want, &ptr);
	if (!result && (uintptr_t)ptr > UINT32_MAX) {
		free_synchronously(ptr, false);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (!result)
		*dptr = (CUdeviceptr_v1)(uintptr_t)ptr;
	return result;
}

SIM_API(cuMemAllocPitch_v2, CUdeviceptr *dptr, size_t *pPitch, size_t WidthInBytes, size_t Height,
	unsigned int ElementSizeBytes)
{
	size_t pitch = (WidthInBytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	(void)ElementSizeBytes;
	if (!pPitch)
		return CUDA_ERROR_INVALID_VALUE;
	*pPitch = pitch;
	return sim_cuMemAlloc_v2(dptr, pitch * Height);
}

/* Freeing waits for the work of the context, as the real call does. */
static CUresult free_synchronously(void *ptr, bool host)
{
	struct sim_ctx *ctx;
	CUresult result = sim_ctx_check(&ctx);

	if (!result)
		result = sim_capture_unsafe();
	if (result || !ptr)
		return result;
	sim_sleep_until(ctx->all_tail_ns);
	return sim_mem_free(ptr, host);
}

SIM_API(cuMemFree_v2, CUdeviceptr dptr)
{
	return free_synchronously((void *)(uintptr_t)dptr, false);
}

SIM_API(cuMemFree, CUdeviceptr_v1 dptr)
{
	return free_synchronously((void *)(uintptr_t)dptr, false);
}

SIM_API(cuMemAllocManaged, CUdeviceptr *dptr, size_t bytesize, unsigned int flags)
{
	struct sim_alloc want = { .kind = SIM_MEM_MANAGED, .size = bytesize, .flags = flags };
	CUresult result = prepare(&want);
	void *ptr = NULL;

	if (!dptr || !flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = sim_mem_new(&want, &ptr);
	if (!result)
		*dptr = (CUdeviceptr)(uintptr_t)ptr;
	return result;
}

SIM_API(cuMemGetInfo_v2, size_t *free_bytes, size_t *total)
{
	struct sim_ctx *ctx;
	CUresult result = sim_ctx_check(&ctx);

	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	*free_bytes = sim.config.mem_bytes - ctx->device->used_bytes;
	*total = sim.config.mem_bytes;
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}

SIM_API(cuMemGetAddressRange_v2, CUdeviceptr *pbase, size_t *psize, CUdeviceptr dptr)
{
	struct sim_alloc *a;
	CUresult result = sim_ready();

	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find((void *)(uintptr_t)dptr);
	if (a && pbase)
		*pbase = (CUdeviceptr)(uintptr_t)a->base;
	if (a && psize)
		*psize = a->size;
	pthread_mutex_unlock(&sim.lock);
	return a ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

/* ---- host ---- */
SIM_API(cuMemHostAlloc, void **pp, size_t bytesize, unsigned int Flags)
{
	struct sim_alloc want = { .kind = SIM_MEM_PINNED, .size = bytesize, .flags = Flags };
	CUresult result = prepare(&want);

	if (!pp)
		return CUDA_ERROR_INVALID_VALUE;
	return result ? result : sim_mem_new(&want, pp);
}

SIM_API(cuMemAllocHost_v2, void **pp, size_t bytesize)
{
	return sim_cuMemHostAlloc(pp, bytesize, 0);
}

SIM_API(cuMemFreeHost, void *p)
{
	return free_synchronously(p, true);
}

SIM_API(cuMemHostGetDevicePointer_v2, CUdeviceptr *pdptr, void *p, unsigned int Flags)
{
	struct sim_alloc *a;

	(void)Flags;
	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find(p);
	pthread_mutex_unlock(&sim.lock);
	if (!a)
		return CUDA_ERROR_INVALID_VALUE;
	*pdptr = (CUdeviceptr)(uintptr_t)p;
	return CUDA_SUCCESS;
}

SIM_API(cuMemHostGetFlags, unsigned int *pFlags, void *p)
{
	struct sim_alloc *a;

	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find(p);
	if (a)
		*pFlags = a->flags;
	pthread_mutex_unlock(&sim.lock);
	return a ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

SIM_API(cuMemHostRegister_v2, void *p, size_t bytesize, unsigned int Flags)
{
	struct sim_alloc want = { .kind = SIM_MEM_REGISTERED, .size = bytesize, .flags = Flags };
	struct sim_alloc *found;
	CUresult result = prepare(&want);
	void *ptr;

	want.base = p;
	if (result)
		return result;
	if (!p || !bytesize)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim.lock);
	found = sim_mem_find(p);
	pthread_mutex_unlock(&sim.lock);
	if (found)
		return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
	return sim_mem_new(&want, &ptr);
}

SIM_API(cuMemHostUnregister, void *p)
{
	struct sim_alloc *a;
	CUresult result = sim_capture_unsafe();

	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find(p);
	if (a && a->base == p && a->kind == SIM_MEM_REGISTERED)
		drop(a);
	else
		result = CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	pthread_mutex_unlock(&sim.lock);
	return result;
}

/* ---- pointers ---- */
static CUresult attribute(void *data, CUpointer_attribute attr, CUdeviceptr ptr)
{
	const struct sim_alloc *a = sim_mem_find((void *)(uintptr_t)ptr);
	bool host = a && (a->kind == SIM_MEM_PINNED || a->kind == SIM_MEM_REGISTERED);

	if (!a)
		return CUDA_ERROR_INVALID_VALUE;
	switch (attr) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*(CUcontext *)data = (CUcontext)a->ctx;
		break;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*(unsigned int *)data = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*(CUdeviceptr *)data = ptr;
		break;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		if (!host && a->kind != SIM_MEM_MANAGED)
			return CUDA_ERROR_INVALID_VALUE;
		*(void **)data = (void *)(uintptr_t)ptr;
		break;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
		*(unsigned long long *)data = a->buffer_id;
		break;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*(unsigned int *)data = a->kind == SIM_MEM_MANAGED;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)data = a->device;
		break;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
		*(CUdeviceptr *)data = (CUdeviceptr)(uintptr_t)a->base;
		break;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
		*(size_t *)data = a->size;
		break;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*(unsigned int *)data = 1;
		break;
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	return CUDA_SUCCESS;
}

SIM_API(cuPointerGetAttribute, void *data, CUpointer_attribute attribute_id, CUdeviceptr ptr)
{
	CUresult result = sim_ready();

	if (!data)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim.lock);
	if (!result)
		result = attribute(data, attribute_id, ptr);
	pthread_mutex_unlock(&sim.lock);
	return result;
}

/* An unknown pointer is no error here: its attributes are zero. */
SIM_API(cuPointerGetAttributes, unsigned int numAttributes, CUpointer_attribute *attributes,
	void **data, CUdeviceptr ptr)
{
	CUresult result = sim_ready();

	pthread_mutex_lock(&sim.lock);
	for (unsigned int i = 0; !result && i < numAttributes; i++) {
		if (!attribute(data[i], attributes[i], ptr))
			continue;
		if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
			*(int *)data[i] = -2;
		else if (attributes[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE ||
			 attributes[i] == CU_POINTER_ATTRIBUTE_IS_MANAGED ||
			 attributes[i] == CU_POINTER_ATTRIBUTE_MAPPED)
			*(unsigned int *)data[i] = 0;
		else
			*(void **)data[i] = NULL;
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuPointerSetAttribute, const void *value, CUpointer_attribute attribute_id, CUdeviceptr ptr)
{
	(void)value;
	(void)attribute_id;
	(void)ptr;
	return sim_ready();
}

SIM_API(cuMemAdvise_v2, CUdeviceptr devPtr, size_t count, CUmem_advise advice,
	CUmemLocation location)
{
	(void)devPtr;
	(void)count;
	(void)advice;
	(void)location;
	return sim_ready();
}

SIM_API(cuMemAdvise, CUdeviceptr devPtr, size_t count, CUmem_advise advice, CUdevice device)
{
	(void)devPtr;
	(void)count;
	(void)advice;
	(void)device;
	return sim_ready();
}

SIM_API(cuMemPrefetchAsync_v2, CUdeviceptr devPtr, size_t count, CUmemLocation location,
	unsigned int flags, CUstream hStream)
{
	struct sim_work work = { .kind = SIM_WORK_EMPTY };

	(void)devPtr;
	(void)location;
	(void)flags;
	work.dur_ns = sim_copy_ns(count);
	return sim_submit(hStream, &work);
}

SIM_API(cuMemPrefetchAsync, CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream)
{
	CUmemLocation location = { .type = CU_MEM_LOCATION_TYPE_DEVICE };

	location.id = dstDevice;
	return sim_cuMemPrefetchAsync_v2(devPtr, count, location, 0, hStream);
}

/* ---- pools and stream-ordered allocation ---- */
static struct sim_pool *pool_new(int device)
{
	struct sim_pool *p = calloc(1, sizeof(*p));

	if (p) {
		p->magic = SIM_MAGIC_POOL;
		p->device = device;
	}
	return p;
}

static struct sim_pool *device_pool(int device)
{
	struct sim_device *d = &sim.device[device];

	pthread_mutex_lock(&sim.lock);
	if (!d->default_pool)
		d->default_pool = pool_new(device);
	if (!d->pool)
		d->pool = d->default_pool;
	pthread_mutex_unlock(&sim.lock);
	return d->pool;
}

static CUresult pool_get(CUmemoryPool handle, struct sim_pool **out)
{
	*out = (struct sim_pool *)handle;
	return handle && (*out)->magic == SIM_MAGIC_POOL ? sim_ready() : CUDA_ERROR_INVALID_VALUE;
}

static CUresult alloc_async(CUdeviceptr *dptr, size_t bytes, struct sim_pool *pool, CUstream stream)
{
	struct sim_alloc want = { .kind = SIM_MEM_ASYNC, .size = bytes };
	struct sim_work work = { .kind = SIM_WORK_ALLOC };
	CUresult result = sim_ctx_check(&want.ctx);
	void *ptr = NULL;

	if (!dptr)
		return CUDA_ERROR_INVALID_VALUE;
	want.pool = pool;
	if (!result)
		result = sim_mem_new(&want, &ptr);
	if (result)
		return result;
	pool->used += bytes;
	if (pool->used > pool->used_high)
		pool->used_high = pool->used;
	if (pool->used > pool->reserved)
		pool->reserved = pool->used;
	work.ptr = (CUdeviceptr)(uintptr_t)ptr;
	*dptr = work.ptr;
	return sim_submit(stream, &work);
}

SIM_API(cuMemAllocAsync, CUdeviceptr *dptr, size_t bytesize, CUstream hStream)
{
	struct sim_stream *stream;
	CUresult result = sim_stream_get(hStream, &stream);

	return result ? result :
			alloc_async(dptr, bytesize, device_pool(stream->ctx->device->ordinal),
				    hStream);
}

SIM_API(cuMemAllocFromPoolAsync, CUdeviceptr *dptr, size_t bytesize, CUmemoryPool pool,
	CUstream hStream)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);

	return result ? result : alloc_async(dptr, bytesize, p, hStream);
}

SIM_API(cuMemFreeAsync, CUdeviceptr dptr, CUstream hStream)
{
	struct sim_work work = { .kind = SIM_WORK_FREE };
	CUresult result;

	work.ptr = dptr;
	if (!dptr)
		return sim_ready();
	result = sim_submit(hStream, &work);
	if (result || work.captured)
		return result;
	return sim_mem_free((void *)(uintptr_t)dptr, false);
}

SIM_API(cuDeviceGetDefaultMemPool, CUmemoryPool *pool_out, CUdevice dev)
{
	CUresult result = sim_ready();

	if (!result && (dev < 0 || dev >= sim.config.devices))
		result = CUDA_ERROR_INVALID_DEVICE;
	if (!result) {
		device_pool(dev);
		*pool_out = (CUmemoryPool)sim.device[dev].default_pool;
	}
	return result;
}

SIM_API(cuDeviceGetMemPool, CUmemoryPool *pool, CUdevice dev)
{
	CUresult result = sim_ready();

	if (!result && (dev < 0 || dev >= sim.config.devices))
		result = CUDA_ERROR_INVALID_DEVICE;
	if (!result)
		*pool = (CUmemoryPool)device_pool(dev);
	return result;
}

SIM_API(cuDeviceSetMemPool, CUdevice dev, CUmemoryPool pool)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);

	if (!result && (dev < 0 || dev >= sim.config.devices))
		result = CUDA_ERROR_INVALID_DEVICE;
	if (!result)
		sim.device[dev].pool = p;
	return result;
}

SIM_API(cuMemPoolCreate, CUmemoryPool *pool, const CUmemPoolProps *poolProps)
{
	CUresult result = sim_ready();

	if (!result)
		*pool = (CUmemoryPool)pool_new(poolProps->location.id);
	return result;
}

SIM_API(cuMemPoolDestroy, CUmemoryPool pool)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);

	if (result)
		return result;
	p->magic = SIM_MAGIC_DEAD;
	sim_bury(p); /* allocations from it may still be alive */
	return CUDA_SUCCESS;
}

SIM_API(cuMemPoolTrimTo, CUmemoryPool pool, size_t minBytesToKeep)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);

	if (!result && p->reserved > p->used)
		p->reserved = p->used > minBytesToKeep ? p->used : minBytesToKeep;
	return result;
}

static uint64_t *pool_field(struct sim_pool *p, CUmemPool_attribute attr)
{
	switch (attr) {
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		return &p->threshold;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
		return &p->reserved;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
		return &p->reserved_high;
	case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
		return &p->used;
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		return &p->used_high;
	default:
		return NULL;
	}
}

SIM_API(cuMemPoolGetAttribute, CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);
	uint64_t *field = result ? NULL : pool_field(p, attr);

	if (result)
		return result;
	if (field)
		*(uint64_t *)value = *field;
	else
		*(int *)value = p->reuse[(attr - 1) % 3];
	return CUDA_SUCCESS;
}

SIM_API(cuMemPoolSetAttribute, CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
	struct sim_pool *p;
	CUresult result = pool_get(pool, &p);
	uint64_t *field = result ? NULL : pool_field(p, attr);

	if (result)
		return result;
	if (field)
		*field = *(uint64_t *)value;
	else
		p->reuse[(attr - 1) % 3] = *(int *)value;
	return CUDA_SUCCESS;
}

SIM_API(cuMemPoolSetAccess, CUmemoryPool pool, const CUmemAccessDesc *map, size_t count)
{
	struct sim_pool *p;

	(void)map;
	(void)count;
	return pool_get(pool, &p);
}

SIM_API(cuMemPoolGetAccess, CUmemAccess_flags *flags, CUmemoryPool memPool, CUmemLocation *location)
{
	struct sim_pool *p;

	(void)location;
	*flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	return pool_get(memPool, &p);
}

/* ---- virtual memory management ---- */
struct vmm_handle {
	uint32_t magic;
	size_t size;
	int device;
	unsigned int refs;
	CUmemAllocationProp prop;
};

SIM_API(cuMemAddressReserve, CUdeviceptr *ptr, size_t size, size_t alignment, CUdeviceptr addr,
	unsigned long long flags)
{
	void *p;
	CUresult result = sim_ready();

	(void)alignment;
	(void)addr;
	(void)flags;
	if (result || !size || size % GRANULARITY)
		return result ? result : CUDA_ERROR_INVALID_VALUE;
	p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*ptr = (CUdeviceptr)(uintptr_t)p;
	return CUDA_SUCCESS;
}

SIM_API(cuMemAddressFree, CUdeviceptr ptr, size_t size)
{
	return munmap((void *)(uintptr_t)ptr, size) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

SIM_API(cuMemGetAllocationGranularity, size_t *granularity, const CUmemAllocationProp *prop,
	CUmemAllocationGranularity_flags option)
{
	(void)prop;
	(void)option;
	*granularity = GRANULARITY;
	return sim_ready();
}

SIM_API(cuMemCreate, CUmemGenericAllocationHandle *handle, size_t size,
	const CUmemAllocationProp *prop, unsigned long long flags)
{
	struct vmm_handle *h;
	struct sim_device *d;
	CUresult result = sim_ready();
	int device = prop->location.id;

	(void)flags;
	if (result)
		return result;
	if (!size || size % GRANULARITY || device < 0 || device >= sim.config.devices)
		return CUDA_ERROR_INVALID_VALUE;
	if (scripted_oom())
		return CUDA_ERROR_OUT_OF_MEMORY;
	d = &sim.device[device];
	h = calloc(1, sizeof(*h));
	if (!h)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&sim.lock);
	if (size > sim.config.mem_bytes || d->used_bytes > sim.config.mem_bytes - size)
		result = CUDA_ERROR_OUT_OF_MEMORY;
	else
		d->used_bytes += size;
	if (!result)
		count(device, SIM_MEM_VMM, size, true);
	pthread_mutex_unlock(&sim.lock);
	if (result) {
		free(h);
		return result;
	}
	atomic_fetch_add_explicit(&sim.counts.allocs, 1, memory_order_relaxed);
	h->magic = SIM_MAGIC_VMM;
	h->size = size;
	h->device = device;
	h->refs = 1;
	h->prop = *prop;
	*handle = (CUmemGenericAllocationHandle)(uintptr_t)h;
	return CUDA_SUCCESS;
}

static void vmm_release(struct vmm_handle *h)
{
	if (--h->refs)
		return;
	sim.device[h->device].used_bytes -= h->size;
	count(h->device, SIM_MEM_VMM, h->size, false);
	h->magic = SIM_MAGIC_DEAD;
	free(h);
}

SIM_API(cuMemRelease, CUmemGenericAllocationHandle handle)
{
	struct vmm_handle *h = (struct vmm_handle *)(uintptr_t)handle;

	if (!h || h->magic != SIM_MAGIC_VMM)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim.lock);
	vmm_release(h);
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}

struct vmm_map {
	struct sim_alloc alloc; /* first: the tree frees it */
	struct vmm_handle *handle;
};

SIM_API(cuMemMap, CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
	unsigned long long flags)
{
	struct vmm_handle *h = (struct vmm_handle *)(uintptr_t)handle;
	struct vmm_map *m;

	(void)flags;
	if (!h || h->magic != SIM_MAGIC_VMM || offset || size > h->size)
		return CUDA_ERROR_INVALID_VALUE;
	m = calloc(1, sizeof(*m));
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	m->alloc.base = (char *)(uintptr_t)ptr;
	m->alloc.size = size;
	m->alloc.kind = SIM_MEM_VMM;
	m->alloc.device = h->device;
	m->handle = h;
	pthread_mutex_lock(&sim.lock);
	h->refs++;
	tsearch(m, &tree, compare_range);
	report(&m->alloc, 1);
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}

SIM_API(cuMemSetAccess, CUdeviceptr ptr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
	(void)desc;
	(void)count;
	return mprotect((void *)(uintptr_t)ptr, size, PROT_READ | PROT_WRITE) ?
		       CUDA_ERROR_INVALID_VALUE :
		       CUDA_SUCCESS;
}

SIM_API(cuMemUnmap, CUdeviceptr ptr, size_t size)
{
	struct sim_alloc *a;

	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find((void *)(uintptr_t)ptr);
	if (a && a->kind == SIM_MEM_VMM && a->size == size) {
		struct vmm_handle *h = ((struct vmm_map *)a)->handle;

		tdelete(a, &tree, compare_range);
		report(a, 2);
		free(a);
		vmm_release(h);
		mprotect((void *)(uintptr_t)ptr, size, PROT_NONE);
	} else {
		a = NULL;
	}
	pthread_mutex_unlock(&sim.lock);
	return a ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

SIM_API(cuMemGetAccess, unsigned long long *flags, const CUmemLocation *location, CUdeviceptr ptr)
{
	(void)location;
	(void)ptr;
	*flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	return sim_ready();
}

SIM_API(cuMemGetAllocationPropertiesFromHandle, CUmemAllocationProp *prop,
	CUmemGenericAllocationHandle handle)
{
	struct vmm_handle *h = (struct vmm_handle *)(uintptr_t)handle;

	if (!h || h->magic != SIM_MAGIC_VMM)
		return CUDA_ERROR_INVALID_VALUE;
	*prop = h->prop;
	return CUDA_SUCCESS;
}

SIM_API(cuMemRetainAllocationHandle, CUmemGenericAllocationHandle *handle, void *addr)
{
	struct sim_alloc *a;

	pthread_mutex_lock(&sim.lock);
	a = sim_mem_find(addr);
	if (a && a->kind == SIM_MEM_VMM) {
		((struct vmm_map *)a)->handle->refs++;
		*handle = (CUmemGenericAllocationHandle)(uintptr_t)((struct vmm_map *)a)->handle;
	}
	pthread_mutex_unlock(&sim.lock);
	return a && a->kind == SIM_MEM_VMM ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
