/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text_pool.h - short byte strings behind small references that nobody has to free.
 *
 * What travels with a context of the C API (trace state, baggage) is too long to be copied with
 * it, and a program that forgets to give something back must not grow for ever. So equal
 * strings share a place, a new one takes the place that was used longest ago among a few, and
 * who still has a reference to what was there gets to know that it is gone.
 *
 * Any thread writes and reads, without a lock: a place is a seqlock whose words are atomic. A
 * place whose writer vanished in a fork stays odd and is never used again.
 */
#ifndef RK_CORE_TEXT_POOL_H
#define RK_CORE_TEXT_POOL_H

#include <stddef.h>
#include <stdint.h>

#define RK_TEXT_POOL_SMALL 496u	 /* bytes of most places */
#define RK_TEXT_POOL_LARGE 8752u /* of some; a longer string is refused */

/**
 * A reference to a copy of @bytes.
 *
 * Context: any but hooks: maps 1.7 MB at the first call of the process. Preserves errno.
 * Return: 0 for an empty string, and where there is no place (counted).
 */
uint64_t rk_text_pool_put(const void *bytes, size_t length);

/**
 * Copy what @reference stands for.
 *
 * @out: RK_TEXT_POOL_LARGE bytes are enough for any.
 * Context: any. Return: its length; 0 when it is gone (counted) or longer than @size.
 */
size_t rk_text_pool_get(uint64_t reference, void *out, size_t size);

/**
 * Strings that were refused, and references whose string was gone.
 *
 * Context: any.
 */
uint64_t rk_text_pool_lost(void);

#endif
