/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_split.h - how many low bits of a column are noise.
 *
 * A time that scatters over 10 bits costs more in byte planes than it has to: its low plane
 * looks flat, though it is not, and its high one is nearly empty, which a code of whole bits
 * makes nothing of. Shifted so that what is above the noise fits into one byte, that byte has
 * the shape of the scatter, which an entropy coder knows how to use; the bits below are stored
 * as they are, and the few values that do not fit in full.
 */
#ifndef RK_TRACE_TRACE_SPLIT_H
#define RK_TRACE_TRACE_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#define RK_TRACE_SHIFT_MAX 8u
#define RK_TRACE_ESCAPE	   255u /* in place of what is as large or larger */

struct rk_trace_split {
	unsigned shift; /* bits stored as they are */
	unsigned width; /* bytes of a value, shifted, that does not fit into one */
};

/**
 * The split that makes @values smallest, by a sample of them.
 *
 * @any: all values or-ed.
 * Context: any. Return: whether it is better than byte planes.
 */
bool rk_trace_split_choose(struct rk_trace_split *split, const uint64_t *values, uint32_t count,
			   uint64_t any);

#endif
