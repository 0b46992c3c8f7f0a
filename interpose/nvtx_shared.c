/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_shared.c - the table, by number of the range.
 */
#include "interpose/nvtx_shared.h"

#include <stddef.h>

#define PLACES_MAX 4096u
#define PROBES_MAX 16u
#define TOLD	   1u
#define OVER	   2u
#define FLAG_BITS  2

struct place {
	_Atomic uint64_t range; /* number << FLAG_BITS | flags; 0 = free */
	_Atomic(struct rk_ring *) ring; /* of the thread that works in it; may be NULL */
};

static struct place places[PLACES_MAX];
_Atomic uint32_t rk_nvtx_shared_ends;

uint16_t rk_nvtx_shared_take(uint64_t number)
{
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		uint32_t at = (uint32_t)((number + i) % PLACES_MAX);
		uint64_t expected = 0;

		if (atomic_compare_exchange_strong(&places[at].range, &expected,
						   number << FLAG_BITS))
			return (uint16_t)(at + 1);
	}
	return 0;
}

void rk_nvtx_shared_tell(uint16_t place, struct rk_ring *ring)
{
	if (!place)
		return;
	atomic_store(&places[place - 1].ring, ring);
	atomic_fetch_or(&places[place - 1].range, TOLD);
}

void rk_nvtx_shared_give_back(uint16_t place)
{
	if (!place)
		return;
	atomic_store(&places[place - 1].ring, (struct rk_ring *)NULL);
	if (atomic_exchange(&places[place - 1].range, 0) & OVER)
		atomic_fetch_sub(&rk_nvtx_shared_ends, 1);
}

bool rk_nvtx_shared_is_over(uint16_t place)
{
	return place && atomic_load(&places[place - 1].range) & OVER;
}

static struct place *find(uint64_t number)
{
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct place *place = &places[(number + i) % PLACES_MAX];

		if (atomic_load(&place->range) >> FLAG_BITS == number)
			return place;
	}
	return NULL;
}

/* Counted first: the thread that finds it takes it off again. */
static bool mark_over(struct place *place, uint64_t number, uint64_t *seen)
{
	atomic_fetch_add(&rk_nvtx_shared_ends, 1);
	do {
		if (*seen >> FLAG_BITS != number || *seen & OVER) {
			atomic_fetch_sub(&rk_nvtx_shared_ends, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&place->range, seen, *seen | OVER));
	return true;
}

enum rk_nvtx_share rk_nvtx_shared_end(uint64_t number)
{
	struct place *place = find(number);
	uint64_t seen = place ? atomic_load(&place->range) : 0;
	struct rk_ring *ring;

	if (!place || !mark_over(place, number, &seen))
		return RK_NVTX_SHARE_NONE;
	ring = atomic_load(&place->ring);
	if (ring)
		rk_ring_forget_tail(ring);
	return seen & TOLD ? RK_NVTX_SHARE_TOLD : RK_NVTX_SHARE_UNTOLD;
}
