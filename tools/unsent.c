/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/unsent.c - the set of arrived spans as sorted ranges, and the sink before the network.
 */
#include "tools/unsent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"
#include "tools/trace_input.h"

struct range {
	uint64_t first, last;
};

struct rk_unsent {
	struct rk_sink sink;
	struct rk_sink *target; /* borrowed */
	struct range *ranges;	/* sorted, apart from each other, once all are read */
	size_t count, capacity;
	bool is_short_of_memory;
	uint64_t arrived; /* spans that were left out */
	char *sampling;
};

static void add_range(void *data, const char *destination, uint64_t first, uint64_t last)
{
	struct rk_unsent *unsent = data;

	(void)destination;
	if (unsent->count == unsent->capacity) {
		size_t capacity = unsent->capacity ? unsent->capacity * 2 : 64;
		struct range *bigger =
			reallocarray(unsent->ranges, capacity, sizeof(*unsent->ranges));

		if (!bigger) {
			unsent->is_short_of_memory = true;
			return;
		}
		unsent->ranges = bigger;
		unsent->capacity = capacity;
	}
	unsent->ranges[unsent->count++] = (struct range){ first, last };
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Overlapping and neighbouring ranges become one. */
static void merge(struct rk_unsent *unsent)
{
	size_t kept = 0;

	if (!unsent->count)
		return;
	qsort(unsent->ranges, unsent->count, sizeof(*unsent->ranges), compare);
	for (size_t i = 1; i < unsent->count; i++) {
		struct range *newest = &unsent->ranges[kept], *next = &unsent->ranges[i];

		if (next->first > newest->last && next->first - newest->last > 1)
			unsent->ranges[++kept] = *next;
		else if (next->last > newest->last)
			newest->last = next->last;
	}
	unsent->count = kept + 1;
}

static bool has_arrived(const struct rk_unsent *unsent, uint64_t sequence)
{
	size_t low = 0, high = unsent->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (unsent->ranges[middle].last < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low < unsent->count && unsent->ranges[low].first <= sequence;
}

static int read_acks(struct rk_unsent *unsent, const char *verb, const char *path)
{
	struct rk_trace_reader *reader;
	struct rk_op op;
	int status = rk_trace_input_open(&reader, verb, path);
	int err;

	if (status)
		return status;
	if (rk_trace_reader_meta(reader)->part_ordinal > 1) {
		rk_trace_reader_close(reader);
		return rk_tool_fail(RK_TOOL_DATA, verb,
				    "%s lacks its beginning, from which spans are counted: without "
				    "--unsent all of them are sent",
				    path);
	}
	unsent->sampling = strdup(rk_trace_reader_meta(reader)->sampling);
	rk_trace_reader_visit_acks(reader, add_range, unsent);
	do {
		err = rk_trace_reader_next(reader, &op);
	} while (err > 0);
	status = err == -ENOMEM || !unsent->sampling || unsent->is_short_of_memory ?
			 rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory") :
			 RK_TOOL_OK;
	rk_trace_reader_close(reader);
	/* Damage is told by the replay itself, which reads up to it. */
	merge(unsent);
	return status;
}

int rk_unsent_read(struct rk_unsent **out, const char *verb, const char *path)
{
	struct rk_unsent *unsent = calloc(1, sizeof(*unsent));
	int status;

	*out = NULL;
	if (!unsent)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = read_acks(unsent, verb, path);
	if (status) {
		rk_unsent_destroy(unsent);
		return status;
	}
	*out = unsent;
	return RK_TOOL_OK;
}

void rk_unsent_destroy(struct rk_unsent *unsent)
{
	if (!unsent)
		return;
	free(unsent->ranges);
	free(unsent->sampling);
	free(unsent);
}

const char *rk_unsent_sampling(const struct rk_unsent *unsent)
{
	return unsent->sampling;
}

static void pass_op(struct rk_sink *sink, const struct rk_op *op)
{
	struct rk_unsent *unsent = (struct rk_unsent *)sink;

	if (unsent->target->op)
		unsent->target->op(unsent->target, op);
}

static void pass_span(struct rk_sink *sink, const struct rk_span *span)
{
	struct rk_unsent *unsent = (struct rk_unsent *)sink;

	if (has_arrived(unsent, span->sequence))
		unsent->arrived++;
	else if (unsent->target->span)
		unsent->target->span(unsent->target, span);
}

struct rk_sink *rk_unsent_sink(struct rk_unsent *unsent, struct rk_sink *target)
{
	unsent->target = target;
	unsent->sink = (struct rk_sink){ .name = "unsent", .op = pass_op, .span = pass_span };
	return &unsent->sink;
}

uint64_t rk_unsent_arrived(const struct rk_unsent *unsent)
{
	return unsent->arrived;
}
