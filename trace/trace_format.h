/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_format.h - the numbers of the on-disk format, shared by writer and reader.
 *
 *   file  = frame...                 each a standard zstd frame with checksum and size
 *   frame = block header, column...  decodable alone; the first one is the description
 *   tail  = index                    a skippable zstd frame, only after a clean end
 *
 * docs/trace_format.md says the same for people who write another reader. All numbers are
 * little endian. Columns a reader does not know are skipped by their length; a column that
 * is absent holds zeros; a block with a newer major version is refused.
 */
#ifndef RK_TRACE_TRACE_FORMAT_H
#define RK_TRACE_TRACE_FORMAT_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define RK_TRACE_MAGIC	      0x42544b52u /* "RKTB", first bytes of every frame's content */
#define RK_TRACE_MAJOR	      1
#define RK_TRACE_MINOR	      0
#define RK_TRACE_HEADER_BYTES 64u
#define RK_TRACE_COLUMN_BYTES 12u /* header of a column */

/* Limits a reader checks before it allocates. */
#define RK_TRACE_RAW_MAX     (8u << 20) /* content of a frame */
#define RK_TRACE_OPS_MAX     (1u << 17) /* ops in a block */
#define RK_TRACE_SHAPES_MAX  8192u	/* shapes in a block */
#define RK_TRACE_STRINGS_MAX (2u * RK_TRACE_SHAPES_MAX)
#define RK_TRACE_STRING_MAX  (256u << 10) /* bytes; longer names are cut there */

/* The index: a skippable frame, found from the end of the file by its last 8 bytes. */
#define RK_TRACE_SKIPPABLE_MAGIC 0x184d2a5du
#define RK_TRACE_INDEX_MAGIC	 0x49544b52u /* "RKTI" */
#define RK_TRACE_INDEX_FIXED	 52u	     /* bytes around the entries, frame header included */
#define RK_TRACE_INDEX_ENTRY	 48u

enum rk_trace_block_type {
	RK_TRACE_BLOCK_DESCRIPTION = 1,
	RK_TRACE_BLOCK_OPS = 2,
};

/* First 64 bytes of every frame's content, field by field at the offsets given. */
struct rk_trace_header {
	uint16_t major, minor;	/*  4 */
	uint16_t type;		/*  8: enum rk_trace_block_type */
	uint16_t header_bytes;	/* 10: columns start here */
	uint32_t payload_bytes; /* 12: all columns */
	uint32_t sequence;	/* 16: 0 = description, then 1, 2, 3... */
	uint32_t op_count;	/* 20 */
	uint64_t first_ordinal; /* 24 */
	uint64_t first_ns;	/* 32: smallest and largest time of the ops, 0 = none */
	uint64_t last_ns;	/* 40 */
	uint64_t lost;		/* 48: ops lost since the block before */
	uint32_t shape_count;	/* 56 */
	uint32_t string_count;	/* 60 */
};

enum rk_trace_encoding {
	RK_TRACE_ENC_PLANES = 1, /* width planes of count bytes, least significant first */
	RK_TRACE_ENC_CONST = 2,	 /* one value of width bytes, count times */
	RK_TRACE_ENC_BYTES = 3,	 /* count bytes as they are */
};

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
	RK_COL_OP_COUNT = 16, /* one more than the last of the columns above */
	RK_COL_LEDGER = 16,   /* bytes: sparse differences */
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
	/* strings of the block: index 0 is "", so row n is index n + 1 */
	RK_COL_STRING_LENGTHS = 96,
	RK_COL_STRING_BYTES = 97,
	/* description block: keys and values */
	RK_COL_META = 112,
};

/* Bits of RK_COL_S_ABSENT: the field is 0 and has no value in its column. */
enum {
	RK_TRACE_NO_HOST_START = 1 << 0,
	RK_TRACE_NO_HOST_END = 1 << 1,
	RK_TRACE_NO_START = 1 << 2,
	RK_TRACE_NO_END = 1 << 3,
	RK_TRACE_NO_CORRELATION = 1 << 4,
	RK_TRACE_NO_EXEC = 1 << 5,
};

/* Host order is little endian on every machine this builds for. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little endian");

static inline uint64_t rk_trace_load(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static inline void rk_trace_store(uint8_t *at, uint64_t value, unsigned bytes)
{
	memcpy(at, &value, bytes);
}

/* Signed differences as small unsigned numbers: 0, -1, 1, -2... are 0, 1, 2, 3... */
static inline uint64_t rk_trace_zigzag(uint64_t difference)
{
	return (difference << 1) ^ (uint64_t)((int64_t)difference >> 63);
}

static inline uint64_t rk_trace_unzigzag(uint64_t value)
{
	return (value >> 1) ^ (0 - (value & 1));
}

#endif
