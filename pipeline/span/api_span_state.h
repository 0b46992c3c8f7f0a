/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span_state.h - the inside of the table of spans under way.
 *
 *   api_span.c       the table, who is let go and when, what fails
 *   api_span_feed.c  what is said of one of them
 *   api_span_gpu.c   what the GPU did for it
 */
#ifndef RK_PIPELINE_SPAN_API_SPAN_STATE_H
#define RK_PIPELINE_SPAN_API_SPAN_STATE_H

#include "pipeline/join/handle_map.h"
#include "pipeline/span/api_span.h"
#include "pipeline/span/api_span_parts.h"

enum rk_api_span_where {
	RK_API_SPAN_STRAY,
	RK_API_SPAN_OPEN,
	RK_API_SPAN_COMPLETE,
	RK_API_SPAN_WHERE_COUNT
};

struct rk_api_span_entry {
	struct rk_api_span span;
	struct rk_api_span_entry *prev, *next; /* in the same queue */
	struct rk_span_part *begin, *end; /* as they were said; NULL = not yet */
	struct rk_span_parts attributes, events, links;
	char *inherited; /* kernel_id and domain of the kernel span around it; may be NULL */
	uint64_t tick;	 /* it came to its queue at */
	uint32_t waits_for; /* spans and executions within it that are not over */
	bool is_within_range;	 /* or is one: the work in it is told */
	bool is_waited_for; /* its parent counts it */
	size_t bytes;
	uint8_t where;
};

/* Oldest first. */
struct rk_api_span_queue {
	struct rk_api_span_entry *first, *last;
};

struct rk_api_spans {
	struct rk_api_spans_setup setup;
	struct rk_api_span_queue queues[RK_API_SPAN_WHERE_COUNT];
	struct rk_handle_map by_number, by_id; /* value: the entry */
	struct rk_span_parts_scratch scratch;
	struct rk_api_spans_stats stats;
	uint64_t ticks, now; /* ns of the newest thing that came */
	int64_t wall_offset;
};

/**
 * The span with @number, a new one if need be, for which others are let go.
 *
 * Context: the feeding thread. Ownership: the table. Return: NULL when memory is short.
 */
struct rk_api_span_entry *rk_api_spans_get(struct rk_api_spans *spans, uint64_t number);

/**
 * Make room for @bytes of @entry by letting others go. / Count them; they may be negative.
 *
 * Context: the feeding thread. Return: false when it has all the room there is.
 */
bool rk_api_spans_make_room(struct rk_api_spans *spans, const struct rk_api_span_entry *entry,
			    size_t bytes);
void rk_api_spans_charge(struct rk_api_spans *spans, struct rk_api_span_entry *entry, size_t bytes);

/**
 * The begin of @entry is known: find it by its id; take over what the kernel span around it is
 * about; to the queue where it belongs now.
 *
 * Context: the feeding thread.
 */
void rk_api_spans_index(struct rk_api_spans *spans, struct rk_api_span_entry *entry);
void rk_api_spans_inherit(struct rk_api_spans *spans, struct rk_api_span_entry *entry);
void rk_api_spans_move(struct rk_api_spans *spans, struct rk_api_span_entry *entry);

/**
 * The begin of @entry is known / it is about to be given: the range around it waits for it / gets
 * its work. / Whether it has to wait for what is within it.
 *
 * Context: the feeding thread.
 */
void rk_api_spans_enter_range(struct rk_api_spans *spans, struct rk_api_span_entry *entry);
void rk_api_spans_leave_range(struct rk_api_spans *spans, struct rk_api_span_entry *entry);
bool rk_api_spans_must_wait(const struct rk_api_spans *spans,
			    const struct rk_api_span_entry *entry);

/**
 * The span with @number / the one around @entry; NULL = it is not here.
 *
 * Context: the feeding thread.
 */
struct rk_api_span_entry *rk_api_spans_find(const struct rk_api_spans *spans, uint64_t number);
struct rk_api_span_entry *rk_api_spans_parent_of(const struct rk_api_spans *spans,
						 const struct rk_api_span_entry *entry);

#endif
