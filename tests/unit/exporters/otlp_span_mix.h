/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/otlp_span_mix.h - the spans of a program that repeats a step.
 *
 * A step launches some dozen kernels in shapes of their own, copies its input and its output,
 * and ends: 40 kernels, 4 copies, a memset, and the root and the three stages of the execution.
 * Ids, times and correlation differ in every span, as they do in life.
 */
#ifndef RK_OTLP_SPAN_MIX_H
#define RK_OTLP_SPAN_MIX_H

#include <stdint.h>

#include "pipeline/span/span.h"

enum { MIX_KERNELS = 40, MIX_COPIES = 4, MIX_SPANS = MIX_KERNELS + MIX_COPIES + 1 + 4 };

struct mix {
	struct rk_op ops[MIX_SPANS];
	struct rk_span spans[MIX_SPANS];
	uint64_t state, now_ns;
	uint32_t correlation;
};

void mix_init(struct mix *mix);

/* The next step: the same shapes, other numbers. */
void mix_next(struct mix *mix);

#endif
