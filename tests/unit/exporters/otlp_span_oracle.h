/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/otlp_span_oracle.h - the span as protobuf-c writes it.
 *
 * Builds the generated structs of the message from a span, memory from an arena that is reset
 * for each, and has the generated code pack them.
 */
#ifndef RK_OTLP_SPAN_ORACLE_H
#define RK_OTLP_SPAN_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/otlp_span.h"

struct oracle {
	struct rk_otlp_span_limits limits;
	bool is_clean; /* texts are ASCII and need no cut: saves looking at them */
	char *arena;
	size_t used, size;
};

void oracle_init(struct oracle *oracle, const struct rk_otlp_span_limits *limits);
void oracle_finish(struct oracle *oracle);

/* Field `spans` of a ScopeSpans, as rk_otlp_span_encode(). */
size_t oracle_encode(struct oracle *oracle, uint8_t *out, const struct rk_span *span);

#endif
