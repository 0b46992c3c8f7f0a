/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_table.h - operations of a trace, grouped by what they are called.
 */
#ifndef RK_TOOLS_REPORT_TABLE_H
#define RK_TOOLS_REPORT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "tools/distribution.h"

enum rk_report_group {
	RK_REPORT_KERNELS,
	RK_REPORT_GRAPHS,	/* graph launches that were traced as a whole */
	RK_REPORT_MEMORY,	/* copies and memsets */
	RK_REPORT_GROUP_COUNT
};

enum rk_report_names { RK_NAMES_BASE, RK_NAMES_DEMANGLED, RK_NAMES_MANGLED };

/* What rows of one name are told apart by. */
enum rk_report_by { RK_BY_NAME, RK_BY_DEVICE, RK_BY_STREAM, RK_BY_THREAD };

#define RK_REPORT_MODULES 4 /* of one row; kernels of one short name may be from several */

struct rk_report_row {
	uint8_t group;		/* enum rk_report_group */
	bool host_time;		/* durations of calls, not of work on a GPU */
	uint32_t name;		/* string */
	uint32_t device;	/* RK_BY_DEVICE, RK_BY_STREAM; else 0 */
	uint32_t lane;		/* the stream or the thread, RK_BY_STREAM, RK_BY_THREAD; else 0 */
	uint64_t bytes;		/* copied or set */
	uint32_t modules[RK_REPORT_MODULES]; /* strings: files of its kernels; 0 = no more */
	struct rk_distribution ns;
};

struct rk_report_table;

/**
 * What nsys calls a copy of enum rk_copy_kind.
 *
 * Context: any. Return: a static string.
 */
const char *rk_report_copy_name(uint8_t kind);

/**
 * Context: tools. Ownership: the caller, rk_report_table_destroy().
 * Return: NULL when no memory could be had.
 */
struct rk_report_table *rk_report_table_create(const struct rk_config *config,
					       enum rk_report_names names, enum rk_report_by by);
void rk_report_table_destroy(struct rk_report_table *table);

/**
 * Count one operation; those that took no time on anything are ignored.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_report_table_push(struct rk_report_table *table, const struct rk_op *op);

/**
 * Order rows by group, GPU time before host time, then device, stream or thread, longest total
 * first.
 *
 * Context: tools. Return: number of rows.
 */
size_t rk_report_table_sort(struct rk_report_table *table);
struct rk_report_row *rk_report_table_get(struct rk_report_table *table, size_t index);

/**
 * Whether two rows stand in one table: only their names differ.
 *
 * Context: any.
 */
static inline bool rk_report_row_is_beside(const struct rk_report_row *a,
					   const struct rk_report_row *b)
{
	return a->group == b->group && a->host_time == b->host_time && a->device == b->device &&
	       a->lane == b->lane;
}

/**
 * Operations that are in no row because they have no usable time.
 *
 * Context: tools.
 */
uint64_t rk_report_table_timeless(const struct rk_report_table *table);

#endif
