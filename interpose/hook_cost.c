/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/hook_cost.c - a hook without a call.
 */
#include "interpose/hook_cost.h"

#include <stdint.h>

#include "core/clock.h"
#include "core/record.h"
#include "core/ring.h"
#include "interpose/hook_push.h"

#define SLOTS  64
#define CALLS  256
#define ROUNDS 8

static struct rk_record slots[SLOTS] __attribute__((aligned(64)));

/* Not inline: what is known of the record must not fold the work away. */
static __attribute__((noinline)) void call_once(struct rk_ring *ring, uint64_t i)
{
	struct rk_record rec = { .start = rk_clock_ticks(),
				 .kind = RK_REC_LAUNCH,
				 .launch = { .function = i } };
	struct rk_record *slot;

	rec.end = rk_clock_ticks();
	slot = rk_ring_reserve(ring);
	rk_hook_count(ring, &rec, slot != NULL);
	if (!slot)
		return;
	*slot = rec;
	rk_ring_commit(ring);
	rk_ring_release(ring, 1);
}

static uint64_t run_round(void)
{
	struct rk_ring ring = { 0 };
	uint64_t began;

	rk_ring_init(&ring, slots, SLOTS, sizeof(slots[0]));
	began = rk_clock_now();
	for (uint64_t i = 0; i < CALLS; i++)
		call_once(&ring, i);
	return rk_clock_now() - began;
}

double rk_hook_cost_measure(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = run_round();

		best = ns < best ? ns : best;
	}
	return (double)best / CALLS;
}
