/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_shared.h - ranges that one thread started and another one may end.
 *
 * The thread that started a range works in it until it hears of the end: from here. A table of
 * fixed size; of a range that finds no place there the end is recorded all the same, only its
 * own thread does not hear of it.
 */
#ifndef RK_INTERPOSE_NVTX_SHARED_H
#define RK_INTERPOSE_NVTX_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/ring.h"

enum rk_nvtx_share {
	RK_NVTX_SHARE_NONE,   /* it has no place */
	RK_NVTX_SHARE_UNTOLD, /* its begin is not recorded, and will not be */
	RK_NVTX_SHARE_TOLD,
};

/* Ends that the threads which started the ranges have not heard of. */
extern _Atomic uint32_t rk_nvtx_shared_ends __attribute__((visibility("hidden")));

/**
 * A place for range @number of the calling thread. / Its begin was recorded. / It is over.
 *
 * Context: app, the thread that started it. Return: place + 1; 0 when there is none.
 */
uint16_t rk_nvtx_shared_take(uint64_t number);
void rk_nvtx_shared_tell(uint16_t place, struct rk_ring *ring);
void rk_nvtx_shared_give_back(uint16_t place);

/**
 * Whether another thread ended it.
 *
 * Context: app, the thread that started it.
 */
bool rk_nvtx_shared_is_over(uint16_t place);

/**
 * End range @number of another thread.
 *
 * Context: app.
 */
enum rk_nvtx_share rk_nvtx_shared_end(uint64_t number);

#endif
