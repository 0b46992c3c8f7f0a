/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_values.h - the numbers of one column, one after the other.
 */
#ifndef RK_TRACE_TRACE_VALUES_H
#define RK_TRACE_TRACE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/trace_column.h"

/* Dense columns are unpacked as they are used, a piece at a time that stays in the cache. */
#define RK_TRACE_PIECE 512u

/* The numbers of one column. All up to .stop are in .at, or 0 where nothing is. */
struct rk_trace_values {
	struct rk_trace_column_view view;
	uint32_t next, stop, count;
	bool is_dense;
	size_t offset;	 /* into the data. sparse: behind .filled; split: of the next long one */
	uint64_t filled; /* sparse: the number at .stop, if that is below .count */
	uint64_t at[RK_TRACE_PIECE];
};

/**
 * Start at the first number of a column, which may be absent: any number of zeros.
 *
 * @most: numbers it may have at most. @view: what it points to must outlive @values.
 * Context: any. Return: 0; -EBADMSG.
 */
int rk_trace_values_load(struct rk_trace_values *values, const struct rk_trace_column_view *view,
			 uint32_t most);

/**
 * The number at .stop: of the next piece, or one that is not 0 among zeros.
 *
 * Context: any. Return: 0; -EBADMSG, also when there is none.
 */
int rk_trace_values_more(struct rk_trace_values *values, uint64_t *value);

/**
 * The next number.
 *
 * Context: any. Return: 0; -EBADMSG, also when there is none.
 */
static inline int rk_trace_values_pop(struct rk_trace_values *values, uint64_t *value)
{
	if (__builtin_expect(values->next == values->stop, 0))
		return rk_trace_values_more(values, value);
	*value = values->is_dense ? values->at[values->next % RK_TRACE_PIECE] : 0;
	values->next++;
	return 0;
}

#endif
