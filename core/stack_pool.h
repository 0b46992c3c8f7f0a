/* SPDX-License-Identifier: Apache-2.0
 *
 * core/stack_pool.h - call stacks as numbers of 24 bits.
 *
 * Insert-only and lock-free, like core/intern.h: the thread that makes a call finds the number of
 * its stack, and a record carries that instead of the addresses. Programs call CUDA from few
 * places, so nearly always the stack is there already. Bounded; beyond the bound a new stack has
 * no number, which is counted.
 */
#ifndef RK_CORE_STACK_POOL_H
#define RK_CORE_STACK_POOL_H

#include <stdint.h>

#define RK_STACK_DEPTH_MAX 128u
#define RK_STACK_IDS_MAX   65536u /* numbers run from 1 to this */

/**
 * The number of a stack, its @count return addresses innermost first; 1 <= @count <=
 * RK_STACK_DEPTH_MAX.
 *
 * Context: any, hooks included: no malloc, no lock, may mmap a segment. Preserves errno.
 * Return: 0 when it is new and there is no room left.
 */
uint32_t rk_stack_pool_put(const uint64_t *frames, uint32_t count);

/**
 * The addresses of stack @id.
 *
 * Context: any. Ownership: *@frames is borrowed for ever.
 * Return: how many there are; 0 for a number that was never given.
 */
uint32_t rk_stack_pool_get(uint32_t id, const uint64_t **frames);

/**
 * Stacks that found no room, each time they were met.
 *
 * Context: any.
 */
uint64_t rk_stack_pool_refused(void);

#endif
