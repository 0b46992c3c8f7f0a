/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/span_id.h - ids as functions of (seed, what, number).
 */
#ifndef RK_PIPELINE_SPAN_SPAN_ID_H
#define RK_PIPELINE_SPAN_SPAN_ID_H

#include <stdint.h>

enum rk_span_id_kind {
	RK_ID_LEAF = 1,
	RK_ID_ROOT = 2,
	RK_ID_TRACE = 3, /* two halves: + 0x100 for the lower one */
	RK_ID_ORPHAN_TRACE = 4,
	RK_ID_GRAPH = 5, /* first of the call, then of its part in a trace */
	RK_ID_STAGE = 16, /* + enum rk_stage */
};

/* The number of an execution's later parts: their own number above this bit. */
#define RK_ID_PART_SHIFT 44

/**
 * 64 well-mixed bits, never 0. These bits are in every file's replay: never change them.
 *
 * Context: any.
 */
static inline uint64_t rk_span_id_mix(uint64_t seed, uint64_t kind, uint64_t number)
{
	uint64_t x = seed ^ (kind * 0x9e3779b97f4a7c15ull) ^ (number * 0xd1342543de82ef95ull);

	/* The finaliser of splitmix64, once for the seed and once for the number. */
	for (int round = 0; round < 2; round++) {
		x ^= x >> 30;
		x *= 0xbf58476d1ce4e5b9ull;
		x ^= x >> 27;
		x *= 0x94d049bb133111ebull;
		x ^= x >> 31;
		x += number;
	}
	return x ? x : 1;
}

/**
 * Big-endian, as ids are printed.
 *
 * Context: any.
 */
static inline void rk_span_id_store(uint8_t out[8], uint64_t id)
{
	id = __builtin_bswap64(id);
	__builtin_memcpy(out, &id, sizeof(id));
}

#endif
