/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_layout.h - where a field of an activity record lies, by version of libcupti.
 *
 * CUPTI's records of one kind change layout between releases (Kernel4 ... Kernel10), and the
 * library in the process need not be the one whose headers we were built with. So the
 * decoder reads offsets from tables and knows no struct. CUPTI only ever appends: a library
 * newer than the tables is read by the last row.
 */
#ifndef RK_CUPTI_CUPTI_LAYOUT_H
#define RK_CUPTI_CUPTI_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define RK_CUPTI_ABSENT UINT16_MAX
/* The newest cuptiGetVersion() whose headers the tables were compared with. */
#define RK_CUPTI_NEWEST_TABLE 130599

/* Byte offsets; RK_CUPTI_ABSENT where the record has no such field. Widths are fixed: the
 * names with _64 are 8 bytes, _16 two, _8 one, the rest four. */
struct rk_cupti_layout {
	const char *record; /* CUPTI's struct, for people and for the test */
	uint32_t since;	    /* first cuptiGetVersion() that writes it */
	uint16_t size;	    /* of CUPTI's struct */
	uint16_t needed;    /* bytes up to the end of the last field we read */
	uint16_t kind;
	uint16_t start_64, end_64;
	uint16_t device, context, stream, correlation;
	uint16_t graph_node_64, graph;
	/* kernels */
	uint16_t name_64;
	uint16_t grid[3], block[3];
	uint16_t registers_16;
	uint16_t static_shared, dynamic_shared, local;
	/* copies, memsets */
	uint16_t bytes_64;
	uint16_t copy_kind_8, src_memory_8, dst_memory_8;
	uint16_t flags_8;   /* the ASYNC bit lies in the low byte */
	uint16_t memory_16; /* memset */
	uint16_t value;
	uint16_t peer_device;
};

enum rk_cupti_record {
	RK_CUPTI_KERNEL,
	RK_CUPTI_MEMCPY,
	RK_CUPTI_MEMCPY_PEER,
	RK_CUPTI_MEMSET,
	RK_CUPTI_GRAPH,
	RK_CUPTI_DEVICE_KERNEL, /* launched by another kernel; comes with KERNEL */
	RK_CUPTI_RECORD_COUNT
};

/* What one library writes, a row per kind of record. */
struct rk_cupti_layouts {
	const struct rk_cupti_layout *of[RK_CUPTI_RECORD_COUNT];
	bool unreadable[RK_CUPTI_RECORD_COUNT]; /* skipped, where its size is known */
};

/**
 * The layouts of the library with cuptiGetVersion() == @version.
 *
 * Context: any.
 */
void rk_cupti_layout_select(struct rk_cupti_layouts *layouts, uint32_t version);

/**
 * Every row of one kind, oldest first; ends with a row whose .record is NULL.
 *
 * Context: any. Ownership: static.
 */
const struct rk_cupti_layout *rk_cupti_layout_rows(enum rk_cupti_record record);

#endif
