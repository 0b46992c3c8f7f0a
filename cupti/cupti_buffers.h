/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_buffers.h - the activity buffers that CUPTI fills.
 *
 *	   free --get--> lent to CUPTI --push--> complete --take--> rk-cupti --put--> free
 *
 * CUPTI asks for and returns buffers while it holds its own lock, on the program's threads
 * and its own. So both sides are lock-free: the free list is a stack of indices with a tag
 * against ABA, the complete list is pushed by anyone and taken as a whole by rk-cupti.
 *
 * A request is never refused: before CUDA 12.9 a NULL buffer crashes CUPTI. Beyond the pool
 * further buffers are mapped; when too many are out at once rk_cupti_buffers_are_low() says
 * so, and rk-cupti switches collection off instead.
 */
#ifndef RK_CUPTI_CUPTI_BUFFERS_H
#define RK_CUPTI_CUPTI_BUFFERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_CUPTI_BUFFERS_MAX 4096 /* 1 GiB of 256 KiB: never reached, see the low mark */

struct rk_cupti_buffer {
	_Atomic(uint8_t *) data;  /* NULL = never mapped; set once */
	_Atomic uint64_t lent_ns; /* rk_clock; 0 = not lent. Set by get, cleared by take */
	_Atomic uint32_t next;	  /* index + 1 in the list it is in; 0 = last */
	/* valid between push and put */
	uint32_t stream;
	void *context;
	size_t valid;
};

struct rk_cupti_buffers {
	_Atomic uint64_t free_head;	/* tag << 32 | index + 1 */
	_Atomic uint32_t complete_head; /* index + 1, newest first */
	_Atomic uint32_t count;		/* buffers that were ever mapped */
	_Atomic uint32_t in_use;	/* lent or complete */
	_Atomic uint32_t peak;		/* of in_use */
	_Atomic uint64_t emergencies;	/* buffers mapped beyond the pool */
	_Atomic uint64_t refused;	/* requests that no memory could be had for */
	/* immutable after init */
	size_t size;
	uint32_t low_mark;
	int pid;
	uint8_t *pool;
	uint32_t pool_count;
	struct rk_cupti_buffer buffers[RK_CUPTI_BUFFERS_MAX];
};

/**
 * Map the pool: @count zeroed buffers of @size bytes, not copied into forked children.
 *
 * @low_mark: number of buffers in use above which rk_cupti_buffers_are_low().
 * Context: init. The pool is never unmapped: CUPTI may return a buffer at any later time.
 * Return: 0, -ENOMEM.
 */
int rk_cupti_buffers_init(struct rk_cupti_buffers *buffers, uint32_t count, size_t size,
			  uint32_t low_mark);

/**
 * A zeroed buffer for CUPTI.
 *
 * Context: cupti callback, any thread. Does not lock; maps memory when the pool is used up.
 * Return: NULL only when the kernel gives no memory.
 */
uint8_t *rk_cupti_buffers_get(struct rk_cupti_buffers *buffers, uint64_t now);

/**
 * CUPTI is done with @data: @valid bytes of it are records.
 *
 * Context: cupti callback, any thread. Does not lock, allocate or block.
 * Return: false when it is none of ours: another client lent it, and it is left alone.
 */
bool rk_cupti_buffers_push(struct rk_cupti_buffers *buffers, uint8_t *data, size_t valid,
			   void *context, uint32_t stream);

/**
 * Take every complete buffer, oldest first. Walk them with rk_cupti_buffers_next().
 *
 * Context: rk-cupti only. Ownership: the caller, until rk_cupti_buffers_put().
 * Return: NULL when there is none.
 */
struct rk_cupti_buffer *rk_cupti_buffers_take(struct rk_cupti_buffers *buffers);
struct rk_cupti_buffer *rk_cupti_buffers_next(struct rk_cupti_buffers *buffers,
					      const struct rk_cupti_buffer *buffer);

/**
 * Zero a decoded buffer and make it free.
 *
 * Context: rk-cupti only.
 */
void rk_cupti_buffers_put(struct rk_cupti_buffers *buffers, struct rk_cupti_buffer *buffer);

/**
 * When the oldest buffer that was not taken back yet was lent. Work submitted before that
 * time has its records in buffers that were taken.
 *
 * Context: rk-cupti.
 * Return: UINT64_MAX when there is none.
 */
uint64_t rk_cupti_buffers_oldest(const struct rk_cupti_buffers *buffers);

/**
 * Whether more buffers are out than is healthy.
 *
 * Context: any.
 */
bool rk_cupti_buffers_are_low(const struct rk_cupti_buffers *buffers);

#endif
