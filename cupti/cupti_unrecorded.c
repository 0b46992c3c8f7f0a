/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_unrecorded.c - one bit per correlation id.
 */
#include "cupti/cupti_unrecorded.h"

#include <stdatomic.h>
#include <string.h>

/* At a million submissions a second, a second of them: longer than either edge takes. */
#define WINDOW (1u << 20)

/* Pages that are never touched cost nothing: 128 KiB where everything is used. */
static _Atomic uint64_t bits[WINDOW / 64];
static _Atomic uint64_t first;	/* id + 1; 0 = none was noted */
static _Atomic uint64_t lowest; /* id + 1 of all that were seen; 0 = none */

/* Ids come round after 2^32. */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void note_lowest(uint32_t correlation)
{
	uint64_t seen = atomic_load_explicit(&lowest, memory_order_relaxed);

	while ((!seen || is_before(correlation, (uint32_t)(seen - 1))) &&
	       !atomic_compare_exchange_weak(&lowest, &seen, (uint64_t)correlation + 1))
		;
}

void rk_cupti_unrecorded_note(uint32_t correlation)
{
	uint64_t base = 0;
	uint32_t place;

	/* Ids rise; one that lies before the first was given just before it, to another thread. */
	if (atomic_load(&first) == 0)
		atomic_compare_exchange_strong(&first, &base,
					       correlation > 4096 ? correlation - 4096 + 1 : 1);
	place = correlation - (uint32_t)(atomic_load(&first) - 1);
	if (place < WINDOW)
		atomic_fetch_or(&bits[place / 64], 1ull << place % 64);
}

void rk_cupti_unrecorded_see(uint32_t correlation, bool is_recorded)
{
	note_lowest(correlation);
	if (!is_recorded)
		rk_cupti_unrecorded_note(correlation);
}

bool rk_cupti_unrecorded_has(uint32_t correlation)
{
	uint64_t seen = atomic_load_explicit(&lowest, memory_order_relaxed);
	uint64_t base = atomic_load_explicit(&first, memory_order_relaxed);
	uint32_t place = correlation - (uint32_t)(base - 1);

	if (seen && is_before(correlation, (uint32_t)(seen - 1)))
		return true;
	return base && place < WINDOW && atomic_load(&bits[place / 64]) & 1ull << place % 64;
}

void rk_cupti_unrecorded_forget(void)
{
	atomic_store(&lowest, 0);
	if (atomic_exchange(&first, 0) == 0)
		return;
	for (uint32_t i = 0; i < WINDOW / 64; i++)
		atomic_store_explicit(&bits[i], 0, memory_order_relaxed);
}
