/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/memory_churn.c - memory of every kind, taken and given back at random.
 *
 * Each thread works on a device of its own, so that what is live there at a time, and the most
 * that ever was, does not depend on how threads overlap. With "shared" they free each other's
 * blocks on one device. Some blocks stay, some calls ask for more than there is, some contexts
 * are destroyed with all that was taken in them, and one thread resets its device in between.
 *
 * usage: memory_churn THREADS OPERATIONS SEED [shared]
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define SLOTS	    64
#define THREADS_MAX 16
#define MIB	    (1u << 20)

enum kind { NONE, DEVICE, PITCH, MANAGED, PINNED, REGISTERED, ASYNC, POOLED, ARRAY, VMM, KINDS };

struct block {
	enum kind kind;
	uint64_t handle;
	void *host;		/* of registered memory */
	CUdeviceptr mapped_at; /* of physical memory; 0 = it is not mapped */
};

struct worker {
	pthread_t thread;
	unsigned int seed;
	int device;
	CUcontext context;
	CUstream stream;
	CUmemoryPool pool;
	struct block *blocks; /* SLOTS of them */
};

static struct block shared_blocks[SLOTS];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_shared;
static int operations;

static unsigned int below(struct worker *w, unsigned int limit)
{
	return (unsigned int)rand_r(&w->seed) % limit;
}

static void take_physical(struct worker *w, struct block *b)
{
	CUmemAllocationProp prop = { .type = CU_MEM_ALLOCATION_TYPE_PINNED,
				     .location = { CU_MEM_LOCATION_TYPE_DEVICE, w->device } };
	CUmemGenericAllocationHandle handle;

	CHECK(cuMemCreate(&handle, 2 * MIB, &prop, 0));
	b->handle = handle;
	if (below(w, 2)) {
		CHECK(cuMemAddressReserve(&b->mapped_at, 2 * MIB, 0, 0, 0));
		CHECK(cuMemMap(b->mapped_at, 2 * MIB, 0, handle, 0));
	}
	if (b->mapped_at && below(w, 2)) { /* a second handle, and the first one back */
		CHECK(cuMemRetainAllocationHandle(&handle, (void *)b->mapped_at));
		CHECK(cuMemRelease(handle));
	}
}

static void take_array(struct worker *w, struct block *b)
{
	CUDA_ARRAY3D_DESCRIPTOR d = { .Width = 1 + below(w, 100),
				      .Height = below(w, 20),
				      .Format = CU_AD_FORMAT_FLOAT,
				      .NumChannels = 4 };
	CUarray array;

	CHECK(cuArray3DCreate_v2(&array, &d));
	b->handle = (uint64_t)array;
}

static void take_host(struct worker *w, struct block *b, size_t bytes)
{
	if (b->kind == PINNED) {
		CHECK(cuMemHostAlloc((void **)&b->handle, bytes, 0));
		return;
	}
	(void)w;
	b->host = malloc(bytes);
	b->handle = (uint64_t)b->host;
	CHECK(cuMemHostRegister_v2(b->host, bytes, 0));
}

static void take(struct worker *w, struct block *b)
{
	size_t bytes = 1 + below(w, 4096), pitch;

	*b = (struct block){ .kind = (enum kind)(1 + below(w, KINDS - 1)) };
	switch (b->kind) {
	case DEVICE:
		CHECK(cuMemAlloc_v2((CUdeviceptr *)&b->handle, bytes));
		break;
	case PITCH:
		CHECK(cuMemAllocPitch_v2((CUdeviceptr *)&b->handle, &pitch, bytes, 3, 4));
		break;
	case MANAGED:
		CHECK(cuMemAllocManaged((CUdeviceptr *)&b->handle, bytes, CU_MEM_ATTACH_GLOBAL));
		break;
	case ASYNC:
		CHECK(cuMemAllocAsync((CUdeviceptr *)&b->handle, bytes, w->stream));
		break;
	case POOLED:
		CHECK(cuMemAllocFromPoolAsync((CUdeviceptr *)&b->handle, bytes, w->pool,
					      w->stream));
		break;
	case ARRAY:
		take_array(w, b);
		break;
	case VMM:
		take_physical(w, b);
		break;
	default:
		take_host(w, b, bytes);
		break;
	}
}

static void give_physical(struct worker *w, const struct block *b)
{
	bool release_first = below(w, 2);

	if (release_first)
		CHECK(cuMemRelease(b->handle));
	if (b->mapped_at) {
		CHECK(cuMemUnmap(b->mapped_at, 2 * MIB));
		CHECK(cuMemAddressFree(b->mapped_at, 2 * MIB));
	}
	if (!release_first)
		CHECK(cuMemRelease(b->handle));
}

static void give(struct worker *w, struct block *b)
{
	switch (b->kind) {
	case PINNED:
		CHECK(cuMemFreeHost((void *)b->handle));
		break;
	case REGISTERED:
		CHECK(cuMemHostUnregister(b->host));
		free(b->host);
		break;
	case ASYNC:
	case POOLED:
		CHECK(cuMemFreeAsync(b->handle, w->stream));
		break;
	case ARRAY:
		CHECK(cuArrayDestroy((CUarray)b->handle));
		break;
	case VMM:
		give_physical(w, b);
		break;
	default:
		CHECK(cuMemFree_v2(b->handle));
		break;
	}
	b->kind = NONE;
}

static void take_or_give(struct worker *w)
{
	struct block *b = &w->blocks[below(w, SLOTS)];

	if (is_shared)
		pthread_mutex_lock(&shared_lock);
	if (b->kind == NONE)
		take(w, b);
	else
		give(w, b);
	if (is_shared)
		pthread_mutex_unlock(&shared_lock);
}

/* All that is taken in a context goes with it. */
static void leave_in_context(struct worker *w)
{
	CUdeviceptr memory;
	CUcontext context;
	void *host;

	CHECK(cuCtxCreate_v2(&context, 0, w->device));
	for (unsigned int i = 0; i < 1 + below(w, 4); i++) {
		CHECK(cuMemAlloc_v2(&memory, 1 + below(w, 1000)));
		CHECK(cuMemHostAlloc(&host, 1 + below(w, 1000), 0));
	}
	CHECK(cuMemFree_v2(memory));
	CHECK(cuCtxDestroy_v2(context));
	CHECK(cuCtxSetCurrent(w->context));
}

static void ask_too_much(void)
{
	CUdeviceptr memory;

	if (cuMemAlloc_v2(&memory, 1ull << 50) != CUDA_ERROR_OUT_OF_MEMORY)
		abort();
	CHECK(cuMemFree_v2(0));
}

static void begin(struct worker *w)
{
	CUmemPoolProps props = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				 .location = { CU_MEM_LOCATION_TYPE_DEVICE, w->device } };

	CHECK(cuDevicePrimaryCtxRetain(&w->context, w->device));
	CHECK(cuCtxSetCurrent(w->context));
	CHECK(cuStreamCreate(&w->stream, CU_STREAM_NON_BLOCKING));
	CHECK(cuMemPoolCreate(&w->pool, &props));
}

/* What is physical stays, and what is registered is the program's own memory. */
static void reset(struct worker *w)
{
	CHECK(cuDevicePrimaryCtxReset_v2(w->device));
	for (int i = 0; i < SLOTS; i++) {
		if (w->blocks[i].kind == REGISTERED)
			free(w->blocks[i].host);
		if (w->blocks[i].kind != VMM)
			w->blocks[i].kind = NONE;
	}
	begin(w);
}

static void *run(void *data)
{
	struct worker *w = data;

	begin(w);
	for (int i = 0; i < operations; i++) {
		unsigned int what = below(w, 200);

		if (!is_shared && w->device == 1 && i == operations / 2)
			reset(w);
		if (what == 0)
			ask_too_much();
		else if (what == 1)
			leave_in_context(w);
		else
			take_or_give(w);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	static struct block blocks[THREADS_MAX][SLOTS];
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	unsigned int seed = argc > 3 ? (unsigned int)atoi(argv[3]) : 1;

	operations = argc > 2 ? atoi(argv[2]) : 1000;
	is_shared = argc > 4 && strcmp(argv[4], "shared") == 0;
	CHECK(cuInit(0));
	for (int i = 0; i < threads && i < THREADS_MAX; i++) {
		workers[i].seed = seed * 1000 + (unsigned int)i;
		workers[i].device = is_shared ? 0 : i;
		workers[i].blocks = is_shared ? shared_blocks : blocks[i];
		pthread_create(&workers[i].thread, NULL, run, &workers[i]);
	}
	for (int i = 0; i < threads && i < THREADS_MAX; i++)
		pthread_join(workers[i].thread, NULL);
	return 0;
}
