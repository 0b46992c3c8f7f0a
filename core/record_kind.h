/* SPDX-License-Identifier: Apache-2.0
 *
 * core/record_kind.h - what a record can tell.
 */
#ifndef RK_CORE_RECORD_KIND_H
#define RK_CORE_RECORD_KIND_H

/* What a record tells. Values never leave the process. */
enum rk_record_kind {
	RK_REC_NONE,
	RK_REC_LAUNCH,	     /* .launch */
	RK_REC_GRAPH_LAUNCH, /* .graph */
	RK_REC_MEMCPY,	     /* .copy */
	RK_REC_MEMSET,	     /* .set */
	RK_REC_ALLOC,	     /* .mem */
	RK_REC_FREE,	     /* .mem */
	RK_REC_SYNC,	     /* .sync */
	RK_REC_STREAM,	     /* .stream: created or destroyed */
	RK_REC_EVENT,	     /* .event: recorded, waited for, made or destroyed */
	RK_REC_CONTEXT,	     /* .ctx */
	RK_REC_CAPTURE,	     /* .capture: begin or end */
	RK_REC_NAME,	     /* .name: a kernel handle got its name */
	RK_REC_CALL,	     /* no payload: kept only when the call failed */
	RK_REC_STACK,	     /* .stack: where the thread's next record was made */
	RK_REC_GRAPH_INFO,   /* .graph_info: instantiated, updated or destroyed */
	RK_REC_MODULE,	     /* .module: code was loaded */
	/* what the program says by the C API: core/api_record.h */
	RK_REC_SPAN_BEGIN,
	RK_REC_SPAN_END,
	RK_REC_ATTRIBUTE, /* of a span; text: keyed fields */
	RK_REC_SPAN_EVENT,
	RK_REC_LINK,
	RK_REC_ATTACH, /* the thread goes on in this context */
	RK_REC_SAMPLE, /* a value for an instrument */
	RK_REC_LOG,
	RK_REC_THREAD_NAME, /* .number is the thread; text: its name */
	RK_REC_TEXT, /* further bytes of the record before it */
	RK_REC_KIND_COUNT
};

#endif
