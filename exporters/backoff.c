/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/backoff.c - double, cap, scatter.
 */
#include "exporters/backoff.h"

#include <sys/random.h>

#include "exporters/loop.h"

void rk_backoff_init(struct rk_backoff *backoff, uint64_t first_ns, uint64_t max_ns,
		     uint64_t park_max_ns)
{
	*backoff = (struct rk_backoff){
		.first_ns = first_ns,
		.max_ns = max_ns,
		.park_max_ns = park_max_ns,
		.random = rk_loop_now(),
	};
	(void)!getrandom(&backoff->random, sizeof(backoff->random), GRND_NONBLOCK);
	backoff->random |= 1; /* xorshift never leaves 0 */
}

/* Between half of @ns and @ns. */
static uint64_t jitter(struct rk_backoff *backoff, uint64_t ns)
{
	backoff->random ^= backoff->random << 13;
	backoff->random ^= backoff->random >> 7;
	backoff->random ^= backoff->random << 17;
	return ns / 2 + backoff->random % (ns / 2 + 1);
}

uint64_t rk_backoff_next(struct rk_backoff *backoff, uint64_t ceiling_ns, const uint64_t *asked_ns)
{
	uint64_t wait = backoff->current_ns ? backoff->current_ns * 2 : backoff->first_ns;

	if (asked_ns && *asked_ns > wait)
		wait = *asked_ns;
	backoff->current_ns = wait < backoff->max_ns ? wait : backoff->max_ns;
	if (asked_ns)
		return *asked_ns < backoff->park_max_ns ? *asked_ns : backoff->park_max_ns;
	return jitter(backoff, backoff->current_ns < ceiling_ns ? backoff->current_ns : ceiling_ns);
}

void rk_backoff_reset(struct rk_backoff *backoff)
{
	backoff->current_ns = 0;
}
