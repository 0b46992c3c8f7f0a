/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_numbers.h - the numbers of a block, kept until it is full.
 *
 * Only then is it known how wide a column is. Some columns are expected to be all zeros: of
 * those only the exceptions are kept, so that what goes as expected costs no memory.
 */
#ifndef RK_TRACE_TRACE_NUMBERS_H
#define RK_TRACE_TRACE_NUMBERS_H

#include <stdint.h>

#include "trace/trace_column.h"
#include "trace/trace_format.h"

/* Ops in a block we write: the fixed cost of a block (shapes, names, entropy tables) is then
 * below a tenth of a byte per op. */
#define RK_TRACE_BLOCK_OPS_MAX 65536u
#define RK_TRACE_RARE_OPS      64u /* CLOCK and DEVICE ops in a block */

struct rk_trace_dense {
	uint64_t *values;
	uint32_t count;
};

struct rk_trace_numbers {
	struct rk_trace_dense dense[RK_COL_OP_COUNT];
	struct rk_trace_sparse sparse[RK_COL_OP_COUNT];
	uint64_t *values; /* of all columns; first those of a sparse one when it is written */
	uint32_t *places; /* of all sparse columns */
};

/**
 * Room for the columns of a block.
 *
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_trace_numbers_init(struct rk_trace_numbers *numbers);
void rk_trace_numbers_finish(struct rk_trace_numbers *numbers);
void rk_trace_numbers_reset(struct rk_trace_numbers *numbers);

/**
 * Write column @id, if it holds anything.
 *
 * Context: exporter.
 */
void rk_trace_numbers_put(const struct rk_trace_numbers *numbers, struct rk_trace_buffer *buffer,
			  unsigned id);

/**
 * The next number of column @id; the second one for a column that is expected to be zeros.
 * The caller's limit on ops makes sure of the room.
 *
 * Context: exporter.
 */
static inline void rk_trace_numbers_push(struct rk_trace_numbers *numbers, unsigned id,
					 uint64_t value)
{
	struct rk_trace_dense *dense = &numbers->dense[id];

	dense->values[dense->count++] = value;
}

static inline void rk_trace_numbers_push_sparse(struct rk_trace_numbers *numbers, unsigned id,
						uint64_t value)
{
	struct rk_trace_sparse *sparse = &numbers->sparse[id];

	if (__builtin_expect(value != 0, 0)) {
		sparse->at[sparse->filled] = sparse->count;
		sparse->values[sparse->filled++] = value;
	}
	sparse->count++;
}

#endif
