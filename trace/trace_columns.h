/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_columns.h - the numbers of the columns on disk.
 *
 * docs/trace_format.md says what stands in each.
 */
#ifndef RK_TRACE_TRACE_COLUMNS_H
#define RK_TRACE_TRACE_COLUMNS_H

/* On-disk values: append only. */
enum rk_trace_column {
	/* per op; residuals against the model, see docs */
	RK_COL_SHAPE = 1,
	RK_COL_ORDINAL = 2,
	RK_COL_EXEC = 3,
	RK_COL_CORRELATION = 4,
	RK_COL_HOST_START = 5,
	RK_COL_HOST_DURATION = 6,
	RK_COL_START = 7,
	RK_COL_DURATION = 8,
	/* per op of the kinds that have the field */
	RK_COL_PTR = 9,
	RK_COL_BYTES = 10,
	RK_COL_WALL_OFFSET = 11,
	RK_COL_UNCERTAINTY = 12,
	RK_COL_UUID_LOW = 13,
	RK_COL_UUID_HIGH = 14,
	RK_COL_DEVICE_MEMORY = 15,
	RK_COL_LEDGER = 16, /* bytes: sparse differences */
	RK_COL_SPAN = 17,
	RK_COL_INSTRUMENT = 18,
	RK_COL_SAMPLE = 19,
	RK_COL_TEXT_BYTES = 20,
	RK_COL_IDS = 21,  /* bytes: ids of traces and spans, bounds of histograms */
	RK_COL_TEXT = 22, /* bytes: what TEXT_BYTES counts */
	RK_COL_START_REST = 23,
	RK_COL_DURATION_REST = 24,
	RK_COL_LATE_TEXT_BYTES = 25, /* of kinds from 32 on */
	RK_COL_LATE_TEXT = 26,	     /* bytes: what LATE_TEXT_BYTES counts */
	RK_COL_OP_COUNT = 27,	     /* one more than the last of the columns above */
	/* per shape */
	RK_COL_S_KIND = 32,
	RK_COL_S_FLAGS = 33,
	RK_COL_S_RESULT = 34,
	RK_COL_S_ABSENT = 35,
	RK_COL_S_API = 36,
	RK_COL_S_NAME = 37,
	RK_COL_S_STREAM = 38,
	RK_COL_S_STREAM_HANDLE = 39,
	RK_COL_S_TID = 40,
	RK_COL_S_DEVICE = 41,
	RK_COL_S_CONTEXT = 42,
	RK_COL_S_STACK = 43,
	/* per shape of KERNEL */
	RK_COL_K_GRID_X = 48,
	RK_COL_K_GRID_Y = 49,
	RK_COL_K_GRID_Z = 50,
	RK_COL_K_BLOCK_X = 51,
	RK_COL_K_BLOCK_Y = 52,
	RK_COL_K_BLOCK_Z = 53,
	RK_COL_K_REGISTERS = 54,
	RK_COL_K_STATIC_SHARED = 55,
	RK_COL_K_DYNAMIC_SHARED = 56,
	RK_COL_K_LOCAL = 57,
	RK_COL_K_GRAPH = 58,
	RK_COL_K_GRAPH_NODE = 59,
	/* per shape of MEMCPY, MEMSET */
	RK_COL_C_BYTES = 64,
	RK_COL_C_GRAPH_NODE = 65,
	RK_COL_C_GRAPH = 66,
	RK_COL_C_VALUE = 67,
	RK_COL_C_PEER_DEVICE = 68,
	RK_COL_C_COPY_KIND = 69,
	RK_COL_C_SRC_MEMORY = 70,
	RK_COL_C_DST_MEMORY = 71,
	/* per shape of GRAPH */
	RK_COL_G_EXEC_HANDLE = 72,
	RK_COL_G_GRAPH = 73,
	RK_COL_G_NODES = 74,
	/* per shape of ALLOC, FREE; SYNC; EXEC_CLOSE; DEVICE */
	RK_COL_M_POOL = 75,
	RK_COL_Y_OBJECT = 76,
	RK_COL_Y_SCOPE = 77,
	RK_COL_X_OPS = 78,
	RK_COL_X_REASON = 79,
	RK_COL_D_MAJOR = 80,
	RK_COL_D_MINOR = 81,
	/* per shape of what the program said; INSTRUMENT; IN_FLIGHT */
	RK_COL_A_WHAT = 82,
	RK_COL_A_FLAGS = 83,
	RK_COL_A_TRACE_FLAGS = 84,
	RK_COL_A_PRESENT = 85,
	RK_COL_I_TYPE = 86,
	RK_COL_I_BOUNDS = 87,
	RK_COL_F_GRID_X = 88,
	RK_COL_F_GRID_Y = 89,
	RK_COL_F_GRID_Z = 90,
	RK_COL_F_BLOCK_X = 91,
	RK_COL_F_BLOCK_Y = 92,
	RK_COL_F_BLOCK_Z = 93,
	RK_COL_F_GRAPH = 94,
	/* strings of the block: index 0 is "", so row n is index n + 1 */
	RK_COL_STRING_LENGTHS = 96,
	RK_COL_STRING_BYTES = 97,
	/* description block: keys and values */
	RK_COL_META = 112,
	RK_COL_ACKS = 113,
};

#endif
