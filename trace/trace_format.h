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
 * is absent holds zeros; a block with a newer major version is refused, older ones are read.
 */
#ifndef RK_TRACE_TRACE_FORMAT_H
#define RK_TRACE_TRACE_FORMAT_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "trace/trace_columns.h"

#define RK_TRACE_MAGIC	      0x42544b52u /* "RKTB", first bytes of every frame's content */
#define RK_TRACE_MAJOR	      2
#define RK_TRACE_MINOR	      1
#define RK_TRACE_MAJOR_OLDEST 1 /* that is still read */
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
	RK_TRACE_BLOCK_ACKS = 3, /* spans that reached a receiver */
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
	/* from version 2 on */
	RK_TRACE_ENC_SPARSE = 4, /* varints: how many zeros, what follows them */
	RK_TRACE_ENC_SPLIT = 5,	 /* shift, a byte above it, the bits below, what has no byte */
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

/* Bits of RK_COL_A_PRESENT: what is not zero, and has its value in RK_COL_SPAN or RK_COL_IDS. */
enum {
	RK_TRACE_HAS_SPAN = 1 << 0,
	RK_TRACE_HAS_TRACE_ID = 1 << 1,
	RK_TRACE_HAS_SPAN_ID = 1 << 2,
	RK_TRACE_HAS_PARENT_ID = 1 << 3,
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
