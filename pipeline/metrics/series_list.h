/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/series_list.h - the series of one family, capped.
 *
 * What comes after the cap shares a series whose label values are "other": nothing is lost and
 * nothing counted twice, and a program that makes up names cannot make the registry grow.
 */
#ifndef RK_PIPELINE_METRICS_SERIES_LIST_H
#define RK_PIPELINE_METRICS_SERIES_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/join/handle_map.h"

/* Sets of label values of one family that are told apart or counted as folded. */
#define RK_SERIES_MAX 65536u

/* Series "other" that one family may need: one per source. */
#define RK_SERIES_OTHERS 3

/* What every series begins with. */
struct rk_series {
	bool is_other; /* takes what the cap refuses: its label values are "other" */
};

/* Elements never move: they are allocated one by one, the array holds pointers. */
struct rk_series_list {
	void **items;
	uint32_t count, capacity;
	uint32_t size;		    /* bytes of an element */
	uint32_t most;		    /* the cap */
	uint32_t others;	    /* series "other" it may need; each belongs to the cap */
	uint32_t other[RK_SERIES_OTHERS]; /* number of an element + 1; 0 = none yet */
	uint32_t folded;	    /* keys that share one */
	struct rk_handle_map index; /* key -> tag: number of the element + 1 */
};

/**
 * @size: of an element, which begins with a struct rk_series. @others: 1 to RK_SERIES_OTHERS.
 * @most: series at most; 0 = RK_SERIES_MAX.
 *
 * Context: exporter or tools. Does not allocate.
 */
void rk_series_list_init(struct rk_series_list *list, size_t size, uint32_t others, uint32_t most);
void rk_series_list_finish(struct rk_series_list *list);

/**
 * The series under @key, made zeroed if it is new; beyond the cap the @which-th "other". A key
 * that was folded once stays folded, so a gauge takes back what it was given.
 *
 * Context: exporter or tools. Ownership: borrowed until finish. Return: NULL without memory.
 */
void *rk_series_list_get(struct rk_series_list *list, uint64_t key, uint32_t which);

#endif
