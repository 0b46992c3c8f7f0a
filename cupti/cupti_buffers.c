/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_buffers.c - two lock-free lists over one table of buffers.
 */
#include "cupti/cupti_buffers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INDEX_MASK UINT32_MAX
#define PAGE_BYTES 4096

static uint8_t *map_bytes(size_t bytes)
{
	uint8_t *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return data == MAP_FAILED ? NULL : data;
}

static void free_push(struct rk_cupti_buffers *buffers, uint32_t index)
{
	uint64_t head = atomic_load_explicit(&buffers->free_head, memory_order_relaxed);
	uint64_t next;

	do {
		atomic_store_explicit(&buffers->buffers[index].next, (uint32_t)(head & INDEX_MASK),
				      memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | (index + 1);
		/* Release pairs with the acquire in free_pop(): .next and the zeroes are seen. */
	} while (!atomic_compare_exchange_weak_explicit(
		&buffers->free_head, &head, next, memory_order_release, memory_order_relaxed));
}

/* Index + 1; 0 = the list is empty. */
static uint32_t free_pop(struct rk_cupti_buffers *buffers)
{
	uint64_t head = atomic_load_explicit(&buffers->free_head, memory_order_acquire);

	for (;;) {
		uint32_t first = (uint32_t)(head & INDEX_MASK);
		uint64_t next;

		if (!first)
			return 0;
		/* May be stale when another thread popped meanwhile; then the tag differs. */
		next = atomic_load_explicit(&buffers->buffers[first - 1].next,
					    memory_order_relaxed);
		next |= ((head >> 32) + 1) << 32;
		if (atomic_compare_exchange_weak_explicit(&buffers->free_head, &head, next,
							  memory_order_acquire,
							  memory_order_acquire))
			return first;
	}
}

int rk_cupti_buffers_init(struct rk_cupti_buffers *buffers, uint32_t count, size_t size,
			  uint32_t low_mark)
{
	/* The counts before it may be asked for at any time. */
	atomic_store(&buffers->in_use, 0);
	atomic_store(&buffers->peak, 0);
	atomic_store(&buffers->emergencies, 0);
	atomic_store(&buffers->refused, 0);
	atomic_store(&buffers->free_head, 0);
	atomic_store(&buffers->complete_head, 0);
	memset(buffers->buffers, 0, sizeof(buffers->buffers));
	if (count > RK_CUPTI_BUFFERS_MAX)
		count = RK_CUPTI_BUFFERS_MAX;
	size = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	buffers->pool = map_bytes(size * count);
	if (!buffers->pool)
		return -ENOMEM;
	madvise(buffers->pool, size * count, MADV_DONTFORK);
	buffers->size = size;
	buffers->pool_count = count;
	buffers->low_mark = low_mark;
	buffers->pid = getpid();
	atomic_store(&buffers->count, count);
	for (uint32_t i = count; i-- > 0;) {
		atomic_store(&buffers->buffers[i].data, buffers->pool + i * size);
		free_push(buffers, i);
	}
	return 0;
}

/* One more buffer than the pool has. Index + 1, or 0. */
static uint32_t map_emergency(struct rk_cupti_buffers *buffers)
{
	uint8_t *data = map_bytes(buffers->size);
	uint32_t index;

	if (!data)
		return 0;
	index = atomic_fetch_add(&buffers->count, 1);
	if (index >= RK_CUPTI_BUFFERS_MAX) {
		atomic_fetch_sub(&buffers->count, 1);
		munmap(data, buffers->size);
		return 0;
	}
	madvise(data, buffers->size, MADV_DONTFORK);
	atomic_store(&buffers->buffers[index].data, data);
	atomic_fetch_add(&buffers->emergencies, 1);
	return index + 1;
}

static void note_peak(struct rk_cupti_buffers *buffers, uint32_t in_use)
{
	uint32_t peak = atomic_load_explicit(&buffers->peak, memory_order_relaxed);

	while (in_use > peak && !atomic_compare_exchange_weak(&buffers->peak, &peak, in_use))
		;
}

uint8_t *rk_cupti_buffers_get(struct rk_cupti_buffers *buffers, uint64_t now)
{
	struct rk_cupti_buffer *buffer;
	uint32_t index;

	/* In a forked child the pool is not there; what is lent to CUPTI there is not ours. */
	if (getpid() != buffers->pid)
		return map_bytes(buffers->size);
	index = free_pop(buffers);
	if (!index)
		index = map_emergency(buffers);
	if (!index) {
		atomic_fetch_add(&buffers->refused, 1);
		return NULL;
	}
	buffer = &buffers->buffers[index - 1];
	atomic_store(&buffer->lent_ns, now ? now : 1);
	note_peak(buffers, atomic_fetch_add(&buffers->in_use, 1) + 1);
	return atomic_load_explicit(&buffer->data, memory_order_relaxed);
}

/* Index + 1 of the buffer at @data; 0 = not one that is lent. */
static uint32_t find(const struct rk_cupti_buffers *buffers, const uint8_t *data)
{
	uint32_t index = 0;

	if (data >= buffers->pool && data < buffers->pool + buffers->size * buffers->pool_count) {
		index = (uint32_t)((size_t)(data - buffers->pool) / buffers->size) + 1;
	} else {
		uint32_t count = atomic_load(&buffers->count);

		for (uint32_t i = buffers->pool_count; i < count && i < RK_CUPTI_BUFFERS_MAX; i++)
			if (atomic_load(&buffers->buffers[i].data) == data)
				index = i + 1;
	}
	if (index && !atomic_load(&buffers->buffers[index - 1].lent_ns))
		return 0;
	return index;
}

bool rk_cupti_buffers_push(struct rk_cupti_buffers *buffers, uint8_t *data, size_t valid,
			   void *context, uint32_t stream)
{
	struct rk_cupti_buffer *buffer;
	uint32_t index, head;

	/* In a forked child there is nobody else's either that could be touched. */
	if (getpid() != buffers->pid)
		return true;
	index = find(buffers, data);
	if (!index)
		return false;
	buffer = &buffers->buffers[index - 1];
	buffer->valid = valid < buffers->size ? valid : buffers->size;
	buffer->context = context;
	buffer->stream = stream;
	head = atomic_load_explicit(&buffers->complete_head, memory_order_relaxed);
	do {
		atomic_store_explicit(&buffer->next, head, memory_order_relaxed);
		/* Release pairs with the acquire in rk_cupti_buffers_take(). */
	} while (!atomic_compare_exchange_weak_explicit(
		&buffers->complete_head, &head, index, memory_order_release, memory_order_relaxed));
	return true;
}

struct rk_cupti_buffer *rk_cupti_buffers_take(struct rk_cupti_buffers *buffers)
{
	/* Acquire pairs with the release in rk_cupti_buffers_push(). */
	uint32_t index = atomic_exchange_explicit(&buffers->complete_head, 0, memory_order_acquire);
	uint32_t previous = 0;

	while (index) {
		struct rk_cupti_buffer *buffer = &buffers->buffers[index - 1];
		uint32_t next = atomic_load_explicit(&buffer->next, memory_order_relaxed);

		/* Only here, not in push: "none lent" must mean that all were taken. */
		atomic_store(&buffer->lent_ns, 0);
		atomic_store_explicit(&buffer->next, previous, memory_order_relaxed);
		previous = index;
		index = next;
	}
	return previous ? &buffers->buffers[previous - 1] : NULL;
}

struct rk_cupti_buffer *rk_cupti_buffers_next(struct rk_cupti_buffers *buffers,
					      const struct rk_cupti_buffer *buffer)
{
	uint32_t next = atomic_load_explicit(&buffer->next, memory_order_relaxed);

	return next ? &buffers->buffers[next - 1] : NULL;
}

/*
 * CUPTI was promised zeroes. A page more than what it declared, for a record it began. What lies
 * beyond the pool goes back to the kernel: a thousand threads that come and go take a buffer each,
 * and their pages would stay for ever.
 */
static void make_zero(const struct rk_cupti_buffers *buffers, uint32_t index, uint8_t *data)
{
	size_t used = buffers->buffers[index].valid + PAGE_BYTES;

	if (index >= buffers->pool_count && madvise(data, buffers->size, MADV_DONTNEED) == 0)
		return;
	memset(data, 0, used < buffers->size ? used : buffers->size);
}

void rk_cupti_buffers_put(struct rk_cupti_buffers *buffers, struct rk_cupti_buffer *buffer)
{
	uint32_t index = (uint32_t)(buffer - buffers->buffers);

	make_zero(buffers, index, atomic_load_explicit(&buffer->data, memory_order_relaxed));
	atomic_fetch_sub(&buffers->in_use, 1);
	free_push(buffers, index);
}

uint64_t rk_cupti_buffers_oldest(const struct rk_cupti_buffers *buffers)
{
	uint32_t count = atomic_load(&buffers->count);
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < count && i < RK_CUPTI_BUFFERS_MAX; i++) {
		uint64_t lent_ns = atomic_load(&buffers->buffers[i].lent_ns);

		if (lent_ns && lent_ns < oldest)
			oldest = lent_ns;
	}
	return oldest;
}

bool rk_cupti_buffers_are_low(const struct rk_cupti_buffers *buffers)
{
	return atomic_load_explicit(&buffers->in_use, memory_order_relaxed) > buffers->low_mark;
}
