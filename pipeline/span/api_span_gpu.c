/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span_gpu.c - what the GPU did for a range of NVTX.
 *
 * Work is added to the span it was submitted in; a span hands what it has to the one around it
 * when it is given, so each operation is added once however deep the ranges lie. For that the
 * outer one waits for what is within it.
 */
#include "pipeline/span/api_span_state.h"

void rk_api_spans_enter_range(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	struct rk_api_span_entry *around = rk_api_spans_parent_of(spans, entry);

	entry->is_within_range = entry->span.said.is_range || (around && around->is_within_range);
	if (!around || !around->is_within_range || around == entry)
		return;
	around->waits_for++;
	entry->is_waited_for = true;
}

bool rk_api_spans_must_wait(const struct rk_api_spans *spans, const struct rk_api_span_entry *entry)
{
	return entry->waits_for && spans->ticks - entry->tick < RK_API_SPAN_GPU_TICKS;
}

static void add(struct rk_span_projection *to, const struct rk_span_projection *more)
{
	if (!more->operations)
		return;
	if (!to->operations || more->start_unix_ns < to->start_unix_ns)
		to->start_unix_ns = more->start_unix_ns;
	if (more->end_unix_ns > to->end_unix_ns)
		to->end_unix_ns = more->end_unix_ns;
	to->busy_ns += more->busy_ns;
	to->operations += more->operations;
}

/* Only a range tells: others have passed it on. */
void rk_api_spans_leave_range(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	static const struct rk_span_projection none;
	struct rk_span_api *said = &entry->span.said;
	struct rk_api_span_entry *around =
		entry->is_within_range ? rk_api_spans_parent_of(spans, entry) : NULL;

	if (around && around != entry)
		add(&around->span.said.projection, &said->projection);
	if (around && around != entry && entry->is_waited_for && around->waits_for)
		around->waits_for--;
	if (!said->is_range)
		said->projection = none;
}

bool rk_api_spans_open_work(struct rk_api_spans *spans, uint64_t number)
{
	struct rk_api_span_entry *entry = rk_api_spans_find(spans, number);

	if (!entry || !entry->is_within_range)
		return false;
	entry->waits_for++;
	return true;
}

void rk_api_spans_close_work(struct rk_api_spans *spans, uint64_t number)
{
	struct rk_api_span_entry *entry = rk_api_spans_find(spans, number);

	if (entry && entry->waits_for)
		entry->waits_for--;
}

void rk_api_spans_add_work(struct rk_api_spans *spans, uint64_t number, const struct rk_op *op)
{
	const unsigned no_gpu_time = RK_OP_F_HOST_TIME | RK_OP_F_INVALID_TIME | RK_OP_F_OPEN;
	uint64_t wall_offset = (uint64_t)spans->wall_offset;
	struct rk_api_span_entry *entry;
	struct rk_span_projection work;

	if (op->flags & no_gpu_time || op->end < op->start)
		return;
	entry = rk_api_spans_find(spans, number);
	if (!entry || !entry->is_within_range)
		return;
	work = (struct rk_span_projection){
		.start_unix_ns = op->start + wall_offset,
		.end_unix_ns = op->end + wall_offset,
		.busy_ns = op->end - op->start,
		.operations = 1,
	};
	add(&entry->span.said.projection, &work);
}
