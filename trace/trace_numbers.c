/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_numbers.c - columns side by side in two allocations.
 */
#include "trace/trace_numbers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Between columns, so that they do not all compete for the same sets of the cache. */
#define APART 136u

/* In these a number is an exception: what a well-behaved program does is expected. */
static const uint8_t sparse_columns[] = { RK_COL_SHAPE,	     RK_COL_ORDINAL,
					  RK_COL_EXEC,	     RK_COL_CORRELATION,
					  RK_COL_START_REST, RK_COL_DURATION_REST };
#define SPARSE_COUNT (sizeof(sparse_columns) / sizeof(sparse_columns[0]))

static bool is_sparse(unsigned column)
{
	return memchr(sparse_columns, (int)column, SPARSE_COUNT) != NULL;
}

static uint32_t capacity(unsigned column)
{
	if (column >= RK_COL_WALL_OFFSET && column < RK_COL_LEDGER)
		return RK_TRACE_RARE_OPS;
	if (column == RK_COL_LEDGER || column == RK_COL_IDS || column == RK_COL_TEXT ||
	    column == RK_COL_LATE_TEXT)
		return 0;
	return RK_TRACE_BLOCK_OPS_MAX + APART;
}

static void share_out(struct rk_trace_numbers *numbers)
{
	uint64_t *values = numbers->values + RK_TRACE_BLOCK_OPS_MAX; /* behind the scratch */
	uint32_t *places = numbers->places;

	for (unsigned c = 1; c < RK_COL_OP_COUNT; c++) {
		if (is_sparse(c)) {
			numbers->sparse[c].values = values;
			numbers->sparse[c].at = places;
			places += RK_TRACE_BLOCK_OPS_MAX;
		} else {
			numbers->dense[c].values = values;
		}
		values += capacity(c);
	}
}

int rk_trace_numbers_init(struct rk_trace_numbers *numbers)
{
	size_t count = RK_TRACE_BLOCK_OPS_MAX;

	for (unsigned c = 1; c < RK_COL_OP_COUNT; c++)
		count += capacity(c);
	memset(numbers, 0, sizeof(*numbers));
	numbers->values = malloc(count * sizeof(*numbers->values));
	numbers->places = malloc(SPARSE_COUNT * RK_TRACE_BLOCK_OPS_MAX * sizeof(*numbers->places));
	if (!numbers->values || !numbers->places) {
		rk_trace_numbers_finish(numbers);
		return -ENOMEM;
	}
	share_out(numbers);
	return 0;
}

void rk_trace_numbers_finish(struct rk_trace_numbers *numbers)
{
	free(numbers->places);
	free(numbers->values);
	numbers->places = NULL;
	numbers->values = NULL;
}

void rk_trace_numbers_reset(struct rk_trace_numbers *numbers)
{
	for (unsigned c = 1; c < RK_COL_OP_COUNT; c++) {
		numbers->dense[c].count = 0;
		numbers->sparse[c].count = numbers->sparse[c].filled = 0;
	}
}

void rk_trace_numbers_put(const struct rk_trace_numbers *numbers, struct rk_trace_buffer *buffer,
			  unsigned id)
{
	if (is_sparse(id))
		rk_trace_column_put_sparse(buffer, id, &numbers->sparse[id], numbers->values);
	else
		rk_trace_column_put(buffer, id, numbers->dense[id].values,
				    numbers->dense[id].count);
}
