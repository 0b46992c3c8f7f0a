/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_unrecorded.c - one bit per correlation id and edge.
 */
#include "cupti/cupti_unrecorded.h"

#include <stdatomic.h>

/* At a million submissions a second, a second of them: longer than either edge takes. */
#define WINDOW (1u << 20)
#define WORDS  (WINDOW / 64)
/* Ids after a start, at a million a second a quarter of an hour. */
#define LONG_AGO (1u << 30)

/* Pages that are never touched cost nothing: 128 KiB each where everything is used. */
struct id_set {
	_Atomic uint64_t lowest; /* id + 1 of those in it; 0 = none */
	_Atomic uint64_t bits[WORDS];
};

static struct id_set recorded; /* at a start */
static struct id_set refused;  /* nobody records them */
static _Atomic bool is_picky;  /* a start was seen: what is not among the recorded is left out */
static uint64_t last;	       /* id + 1 to which that holds; 0 = for all. rk-cupti's only */

/* Ids come round after 2^32. */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static _Atomic uint64_t *word_of(struct id_set *set, uint32_t id)
{
	return &set->bits[id % WINDOW / 64];
}

static uint32_t lower(struct id_set *set, uint32_t id)
{
	uint64_t seen = atomic_load_explicit(&set->lowest, memory_order_relaxed);

	while (!seen || is_before(id, (uint32_t)(seen - 1))) {
		if (atomic_compare_exchange_weak(&set->lowest, &seen, (uint64_t)id + 1))
			return id;
	}
	return (uint32_t)(seen - 1);
}

static void put(struct id_set *set, uint32_t id)
{
	if (id - lower(set, id) < WINDOW)
		atomic_fetch_or(word_of(set, id), 1ull << id % 64);
}

static bool is_in(struct id_set *set, uint32_t id)
{
	uint64_t lowest = atomic_load(&set->lowest);

	return lowest && id - (uint32_t)(lowest - 1) < WINDOW &&
	       atomic_load(word_of(set, id)) & 1ull << id % 64;
}

static void clear(struct id_set *set)
{
	if (atomic_exchange(&set->lowest, 0) == 0)
		return;
	for (uint32_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&set->bits[i], 0, memory_order_relaxed);
}

void rk_cupti_unrecorded_note(uint32_t correlation)
{
	put(&refused, correlation);
}

void rk_cupti_unrecorded_keep(uint32_t correlation)
{
	if (atomic_load_explicit(&is_picky, memory_order_relaxed))
		put(&recorded, correlation);
}

/* Whether the call was to be seen, had it been recorded. */
static bool was_to_be_seen(uint32_t correlation)
{
	uint64_t lowest = atomic_load(&recorded.lowest);
	uint32_t distance = correlation - (uint32_t)(lowest - 1);

	if (!atomic_load(&is_picky))
		return false;
	if (!lowest)
		return !last;
	/* Before the sign turns: nothing of the start is under way any more. */
	if (last && distance >= LONG_AGO && distance < 2 * LONG_AGO)
		atomic_store(&is_picky, false);
	if (is_before(correlation, (uint32_t)(lowest - 1)))
		return true;
	return distance < WINDOW && (!last || is_before(correlation, (uint32_t)last));
}

bool rk_cupti_unrecorded_has(uint32_t correlation)
{
	return is_in(&refused, correlation) ||
	       (was_to_be_seen(correlation) && !is_in(&recorded, correlation));
}

void rk_cupti_unrecorded_begin(void)
{
	atomic_store(&is_picky, false);
	clear(&recorded);
	clear(&refused);
	last = 0;
	atomic_store(&is_picky, true);
}

/* The highest of the recorded ids; there is one. */
static uint32_t highest_recorded(uint32_t lowest)
{
	for (uint32_t left = WINDOW; left-- > 1;) {
		if (is_in(&recorded, lowest + left))
			return lowest + left;
	}
	return lowest;
}

void rk_cupti_unrecorded_settle(void)
{
	uint64_t lowest = atomic_load(&recorded.lowest);

	/* Nothing was submitted: whatever comes is seen from its beginning. */
	last = lowest ? (uint64_t)highest_recorded((uint32_t)(lowest - 1)) + 1 : 1;
}
