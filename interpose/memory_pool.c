/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory_pool.c - hooks of stream-ordered allocation, of its pools, and of the nodes
 * of graphs that take memory.
 *
 * An allocation lies on the device of its pool, which only the call that made or named the
 * pool says: a small table of pools keeps it. One that is captured becomes a node of a graph:
 * no memory has been taken, and the pointer that comes back is only a promise.
 */
#include "interpose/memory.h"

/* Pools whose place is known. Programs have one or two a device; what is beyond counts for
 * the device of the stream. */
#define POOLS_MAX 64

struct pool {
	_Atomic uint64_t handle; /* 0 = free */
	_Atomic uint8_t place;
};

static struct pool pools[POOLS_MAX];

static struct pool *find_pool(uint64_t handle)
{
	for (int i = 0; i < POOLS_MAX; i++) {
		if (atomic_load_explicit(&pools[i].handle, memory_order_acquire) == handle)
			return &pools[i];
	}
	return NULL;
}

static void note_pool(CUresult result, const CUmemoryPool *out, uint8_t place)
{
	uint64_t handle = rk_memory_result(result, out);
	struct pool *pool = handle ? find_pool(handle) : NULL;

	if (!handle || !place)
		return;
	for (int i = 0; !pool && i < POOLS_MAX; i++) {
		uint64_t expected = 0;

		if (atomic_compare_exchange_strong(&pools[i].handle, &expected, handle))
			pool = &pools[i];
	}
	if (pool)
		atomic_store_explicit(&pool->place, place, memory_order_release);
}

static void forget_pool(CUresult result, CUmemoryPool handle)
{
	struct pool *pool = result == CUDA_SUCCESS ? find_pool((uint64_t)handle) : NULL;

	if (!pool)
		return;
	atomic_store_explicit(&pool->place, 0, memory_order_relaxed);
	/* Release pairs with the acquire in find_pool(): whoever takes the slot sees no place. */
	atomic_store_explicit(&pool->handle, 0, memory_order_release);
}

static inline uint8_t place_of(CUmemoryPool handle)
{
	const struct pool *pool = find_pool((uint64_t)handle);

	return pool ? atomic_load_explicit(&pool->place, memory_order_acquire) : 0;
}

static inline void fill_async(struct rk_hook *hook, uint8_t kind, struct rk_memory memory,
			      uint8_t flags)
{
	memory.pool = RK_POOL_ASYNC;
	rk_hook_submit(hook, kind, memory.stream, flags | RK_REC_ASYNC);
	if (hook->rec.flags & RK_REC_CAPTURED) {
		hook->rec.flags &= (uint8_t)~RK_REC_CAPTURED;
		memory.act = RK_MEMORY_PROMISE;
		if (kind == RK_REC_FREE) {
			hook->rec.kind = RK_REC_CALL;
			return;
		}
	}
	rk_memory_fill(hook, kind, memory);
}

#define ALLOC_ASYNC(out, size, where, pool_place)                                                  \
	((struct rk_memory){ .ptr = rk_memory_result(result, out),                                 \
			     .bytes = size,                                                        \
			     .stream = (uint64_t)(where),                                          \
			     .place = pool_place })
#define FREE_ASYNC(address, where)                                                                 \
	((struct rk_memory){ .ptr = address, .stream = (uint64_t)(where) })

RK_HOOK(cuMemAllocAsync, (CUdeviceptr * dptr, size_t bytesize, CUstream hStream),
	(dptr, bytesize, hStream),
	fill_async(&hook, RK_REC_ALLOC, ALLOC_ASYNC(dptr, bytesize, hStream, 0), 0))
RK_HOOK(cuMemAllocAsync_ptsz, (CUdeviceptr * dptr, size_t bytesize, CUstream hStream),
	(dptr, bytesize, hStream),
	fill_async(&hook, RK_REC_ALLOC, ALLOC_ASYNC(dptr, bytesize, hStream, 0),
		   RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuMemAllocFromPoolAsync,
	(CUdeviceptr * dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream),
	(dptr, bytesize, pool, hStream),
	fill_async(&hook, RK_REC_ALLOC, ALLOC_ASYNC(dptr, bytesize, hStream, place_of(pool)), 0))
RK_HOOK(cuMemAllocFromPoolAsync_ptsz,
	(CUdeviceptr * dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream),
	(dptr, bytesize, pool, hStream),
	fill_async(&hook, RK_REC_ALLOC, ALLOC_ASYNC(dptr, bytesize, hStream, place_of(pool)),
		   RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuMemFreeAsync, (CUdeviceptr dptr, CUstream hStream), (dptr, hStream),
	fill_async(&hook, RK_REC_FREE, FREE_ASYNC(dptr, hStream), 0))
RK_HOOK(cuMemFreeAsync_ptsz, (CUdeviceptr dptr, CUstream hStream), (dptr, hStream),
	fill_async(&hook, RK_REC_FREE, FREE_ASYNC(dptr, hStream), RK_REC_PER_THREAD_STREAM))

/* Memory of another process's pool: its exporter holds it. */
RK_HOOK(cuMemPoolImportPointer,
	(CUdeviceptr * ptr_out, CUmemoryPool pool, CUmemPoolPtrExportData *shareData),
	(ptr_out, pool, shareData),
	rk_memory_fill(&hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = rk_memory_result(result, ptr_out),
					   .pool = RK_POOL_ASYNC,
					   .act = RK_MEMORY_FOREIGN }))

/* What a pool keeps in reserve is the driver's and not told: these only say where pools lie. */
RK_HOOK(cuMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps *poolProps), (pool, poolProps),
	if (result == CUDA_SUCCESS)
		note_pool(result, pool, rk_memory_location(&poolProps->location)))
RK_HOOK(cuDeviceGetDefaultMemPool, (CUmemoryPool * pool_out, CUdevice dev), (pool_out, dev),
	note_pool(result, pool_out, rk_memory_place(dev)))
RK_HOOK(cuDeviceGetMemPool, (CUmemoryPool * pool, CUdevice dev), (pool, dev),
	note_pool(result, pool, rk_memory_place(dev)))
RK_HOOK(cuMemGetDefaultMemPool,
	(CUmemoryPool * pool_out, CUmemLocation *location, CUmemAllocationType type),
	(pool_out, location, type),
	if (result == CUDA_SUCCESS) note_pool(result, pool_out, rk_memory_location(location)))
RK_HOOK(cuMemGetMemPool, (CUmemoryPool * pool, CUmemLocation *location, CUmemAllocationType type),
	(pool, location, type),
	if (result == CUDA_SUCCESS) note_pool(result, pool, rk_memory_location(location)))
RK_HOOK(cuMemPoolDestroy, (CUmemoryPool pool), (pool), forget_pool(result, pool))
RK_HOOK(cuMemPoolTrimTo, (CUmemoryPool pool, size_t minBytesToKeep), (pool, minBytesToKeep),
	(void)hook)

static inline void fill_node(struct rk_hook *hook, CUresult result,
			     const CUDA_MEM_ALLOC_NODE_PARAMS *params)
{
	if (result != CUDA_SUCCESS)
		return;
	rk_memory_fill(
		hook, RK_REC_ALLOC,
		(struct rk_memory){ .ptr = params->dptr,
				    .bytes = params->bytesize,
				    .pool = RK_POOL_ASYNC,
				    .act = RK_MEMORY_PROMISE,
				    .place = rk_memory_location(&params->poolProps.location) });
}

RK_HOOK(cuGraphAddMemAllocNode,
	(CUgraphNode * phGraphNode, CUgraph hGraph, const CUgraphNode *dependencies,
	 size_t numDependencies, CUDA_MEM_ALLOC_NODE_PARAMS *nodeParams),
	(phGraphNode, hGraph, dependencies, numDependencies, nodeParams),
	fill_node(&hook, result, nodeParams))
