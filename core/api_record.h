/* SPDX-License-Identifier: Apache-2.0
 *
 * core/api_record.h - one call of the C API, as the application thread writes it.
 *
 * It lies in the ring of the thread that made the call, between the CUDA calls it was made
 * between: so nothing has to say which context a launch belongs to. The text of a call goes into
 * further slots behind it; all of them are committed at once or not at all.
 */
#ifndef RK_CORE_API_RECORD_H
#define RK_CORE_API_RECORD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"

enum rk_span_kind {
	RK_SPAN_KIND_INTERNAL = 1, /* as OTLP numbers them */
	RK_SPAN_KIND_SERVER = 2,
	RK_SPAN_KIND_CLIENT = 3,
	RK_SPAN_KIND_PRODUCER = 4,
	RK_SPAN_KIND_CONSUMER = 5,
};

enum rk_span_status { RK_SPAN_UNSET = 0, RK_SPAN_OK = 1, RK_SPAN_ERROR = 2 };

/* rk_api_record.flags */
enum {
	RK_API_REMOTE =
		1 << 0, /* SPAN_BEGIN: its parent, ATTACH: the context is not of this process */
	RK_API_SPAN = 1 << 1,	/* ATTACH: the context is a span of ours: work becomes its child */
	RK_API_KERNEL = 1 << 2, /* SPAN_BEGIN: an execution, named kernel:<kernel_id> */
	RK_API_OVERFLOW = RK_REC_OVERFLOW,
	RK_API_CUT = 1 << 4, /* the text did not fit and was cut */
	RK_API_NVTX = 1 << 5, /* SPAN_BEGIN: a range of NVTX */
};

/*
 * The text, in as many text records behind it as hold text_bytes, is packed fields
 * (core/fields.h):
 *
 *   SPAN_BEGIN  name, domain, tracestate, baggage, then keyed ones   ids.parent = all zero: root
 *   SPAN_END    message of the status
 *   ATTRIBUTE   keyed
 *   SPAN_EVENT  name, then keyed
 *   LINK        tracestate, then keyed                               ids.trace, ids.span: the link
 *   ATTACH      tracestate, baggage                                  ids all zero: no context
 *   SAMPLE      -
 *   LOG         domain, message, then keyed
 *   THREAD_NAME name                                                 number: of the thread
 *
 * Baggage is what a header would hold, encoded, all of it. With RK_API_KERNEL the name is the
 * kernel_id, without "kernel:".
 */
struct rk_api_record {
	uint64_t time;	     /* ticks */
	uint64_t number;     /* of the span, 1, 2, 3... of the process; of the instrument */
	uint32_t text_bytes;
	uint16_t what;	     /* span kind, status, log level, enum rk_sample_what */
	uint8_t kind;	     /* enum rk_record_kind */
	uint8_t flags;	     /* RK_API_* */
	uint8_t trace_flags; /* of the context, W3C */
	uint8_t reserved[3];
	uint32_t tid_hint; /* with RK_API_OVERFLOW; else ATTACH: losses its thread knew of */
	union {
		struct {
			uint8_t trace[16], span[8], parent[8];
		} ids; /* SPAN_*, LINK, ATTACH, LOG (the current span) */
		struct {
			double value;
		} sample;
	};
};

#define RK_TEXT_RECORD_BYTES 63u
#define RK_API_TEXT_MAX	     8192u /* of one call; what is longer is cut */

struct rk_text_record {
	uint8_t head[22];
	uint8_t kind; /* RK_REC_TEXT */
	uint8_t tail[41]; /* bytes 22 and later of it */
};

/* enum values of rk_api_record.what for RK_REC_SAMPLE */
enum rk_sample_what {
	RK_SAMPLE_VALUE, /* counter: add; gauge: set; histogram: observe */
	RK_SAMPLE_ADD,	 /* gauge: add */
	RK_SAMPLE_ERROR, /* execution: took value seconds and failed */
};

static_assert(sizeof(struct rk_api_record) == 64 && sizeof(struct rk_text_record) == 64,
	      "every kind of record fills one slot");
static_assert(offsetof(struct rk_api_record, kind) == offsetof(struct rk_record, kind) &&
		      offsetof(struct rk_text_record, kind) == offsetof(struct rk_record, kind) &&
		      offsetof(struct rk_api_record, flags) == offsetof(struct rk_record, flags) &&
		      offsetof(struct rk_api_record, tid_hint) ==
			      offsetof(struct rk_record, tid_hint),
	      "the kind is where a reader looks for it");

#endif
