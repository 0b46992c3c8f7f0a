/* SPDX-License-Identifier: Apache-2.0
 *
 * core/op_said.h - the parts of an op that tell what the program said by the C API.
 *
 * Texts are packed fields in rk_op.text: those of core/api_record.h for each kind, and
 *
 *   CONTEXT     tracestate, baggage
 *   INSTRUMENT  name, unit, help, domain, then labels as keyed texts
 *
 * Further kinds have a text and nothing else:
 *
 *   SETTINGS    keyed texts, by YAML key
 *   STACK       return addresses, innermost first, 8 bytes each: not fields
 *   MODULE      path, build id in hex ("" = none), then start, end, offset: where its code lies
 *               in memory, and where that begins in the file
 *   RECORDING   stopped or started, then reason
 *   GRAPH_INFO, KERNEL_INFO  keyed ones
 *
 * rk_op.host_start is when it was said. A span is known by its number: its begin, its end and
 * what belongs to it may come from different threads, and so in any order.
 */
#ifndef RK_CORE_OP_SAID_H
#define RK_CORE_OP_SAID_H

#include <stdint.h>

/* Upper bounds of a histogram of the program. */
#define RK_INSTRUMENT_BOUNDS 32

/* SPAN_*, ATTRIBUTE, LINK, CONTEXT, LOG */
struct rk_op_said {
	uint64_t number;				   /* of the span; 0 = none */
	uint8_t trace_id[16], span_id[8], parent_id[8]; /* all zero = none */
	uint16_t what;	     /* span kind, status, log level */
	uint8_t flags;	     /* RK_API_* of core/api_record.h */
	uint8_t trace_flags; /* W3C */
};

/* INSTRUMENT: the definition, before the first sample */
struct rk_op_instrument {
	uint32_t number;
	uint32_t bound_count;
	double bounds[RK_INSTRUMENT_BOUNDS];
	uint8_t type; /* enum rk_instrument_type */
};

struct rk_op_sample {
	uint32_t number; /* of the instrument */
	uint16_t what;	 /* enum rk_sample_what */
	double value;
};

#endif
