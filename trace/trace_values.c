/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_values.c - pieces of dense columns, gaps of sparse ones.
 */
#include "trace/trace_values.h"

#include <errno.h>

#include "trace/trace_format.h"

/* Where the next number of a sparse column is that is not 0. */
static int find_filled(struct rk_trace_values *values)
{
	uint64_t zeros = 0;
	int more =
		rk_trace_column_get_filled(&values->view, &values->offset, &zeros, &values->filled);

	if (more < 0 || (more && zeros >= values->count - values->next))
		return -EBADMSG;
	values->stop = more ? values->next + (uint32_t)zeros : values->count;
	return 0;
}

int rk_trace_values_load(struct rk_trace_values *values, const struct rk_trace_column_view *view,
			 uint32_t most)
{
	values->view = *view;
	values->next = values->stop = 0;
	values->offset = 0;
	values->is_dense = false;
	values->count = view->count;
	if (!view->data) {
		values->count = values->stop = UINT32_MAX;
		return 0;
	}
	if (values->count > most)
		return -EBADMSG;
	if (view->encoding == RK_TRACE_ENC_SPARSE)
		return find_filled(values);
	values->is_dense = true;
	if (view->encoding == RK_TRACE_ENC_SPLIT)
		values->offset = rk_trace_column_escapes(view);
	else if (view->encoding != RK_TRACE_ENC_PLANES && view->encoding != RK_TRACE_ENC_CONST)
		return -EBADMSG;
	return 0;
}

int rk_trace_values_more(struct rk_trace_values *values, uint64_t *value)
{
	uint32_t left = values->count - values->next;

	if (left == 0 || !values->view.data)
		return -EBADMSG;
	if (!values->is_dense) {
		*value = values->filled;
		values->next++;
		return find_filled(values);
	}
	left = left < RK_TRACE_PIECE ? left : RK_TRACE_PIECE;
	if (rk_trace_column_get_part(&values->view, values->next, &values->offset, values->at,
				     left))
		return -EBADMSG;
	values->stop = values->next + left;
	*value = values->at[values->next++ % RK_TRACE_PIECE];
	return 0;
}
