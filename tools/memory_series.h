/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/memory_series.h - how much was held over time, in a fixed number of points.
 *
 * A point is the most that was held in its piece of time. When the pieces run out, two become
 * one and all are twice as long.
 */
#ifndef RK_TOOLS_MEMORY_SERIES_H
#define RK_TOOLS_MEMORY_SERIES_H

#include <stdint.h>

#define RK_MEMORY_POINTS 128u

struct rk_memory_series {
	uint64_t start_ns, step_ns; /* step 0: nothing was noted yet */
	uint64_t now_bytes;
	uint32_t count;
	uint64_t most[RK_MEMORY_POINTS];
};

/**
 * @bytes are held from @when on. Times that go back count for the newest piece.
 *
 * Context: tools.
 */
void rk_memory_series_note(struct rk_memory_series *series, uint64_t when, uint64_t bytes);

#endif
