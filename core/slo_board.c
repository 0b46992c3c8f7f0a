/* SPDX-License-Identifier: Apache-2.0
 *
 * core/slo_board.c - where the newest verdict on every SLO is posted for the program to read.
 */
#include "core/slo_board.h"

#include <stdatomic.h>
#include <string.h>

#define WORDS ((sizeof(struct rk_slo_notice) + 7) / 8)

/* A seqlock: odd while it is written. The words are atomic, because they are read meanwhile. */
struct place {
	_Atomic uint32_t version;
	_Atomic uint64_t words[WORDS];
};

static struct place places[RK_SLO_BOARD_PLACES];
static _Atomic uint32_t count;

static void write_place(struct place *place, const struct rk_slo_notice *notice)
{
	uint64_t words[WORDS] = { 0 };
	uint32_t version = atomic_load_explicit(&place->version, memory_order_relaxed);

	memcpy(words, notice, sizeof(*notice));
	atomic_store(&place->version, version + 1);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store(&place->words[i], words[i]);
	atomic_store(&place->version, version + 2);
}

static void read_place(const struct place *place, struct rk_slo_notice *out)
{
	uint64_t words[WORDS];
	uint32_t before, after;

	do {
		before = atomic_load(&place->version);
		for (size_t i = 0; i < WORDS; i++)
			words[i] = atomic_load(&place->words[i]);
		after = atomic_load(&place->version);
	} while (before != after || before & 1);
	memcpy(out, words, sizeof(*out));
}

bool rk_slo_board_post(const struct rk_slo_notice *notice)
{
	uint32_t known = atomic_load_explicit(&count, memory_order_relaxed);
	struct rk_slo_notice there;

	for (uint32_t i = 0; i < known; i++) {
		read_place(&places[i], &there);
		if (strcmp(there.slo, notice->slo) == 0 &&
		    strcmp(there.target, notice->target) == 0) {
			write_place(&places[i], notice);
			return true;
		}
	}
	if (known == RK_SLO_BOARD_PLACES)
		return false;
	write_place(&places[known], notice);
	atomic_store(&count, known + 1);
	return true;
}

bool rk_slo_board_read(uint32_t index, struct rk_slo_notice *out)
{
	if (index >= atomic_load(&count))
		return false;
	read_place(&places[index], out);
	return true;
}
