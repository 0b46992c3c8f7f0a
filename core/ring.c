/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ring.c - setting a ring up; pushing and reading are inline in the header.
 */
#include "core/ring.h"

#include <string.h>

void rk_ring_init(struct rk_ring *ring, void *slots, uint64_t count, uint32_t slot_bytes)
{
	memset(ring, 0, sizeof(*ring));
	ring->slots = slots;
	ring->mask = count - 1;
	ring->slot_bytes = slot_bytes;
}
