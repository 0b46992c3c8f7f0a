/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_tool.h - a profiler that a program brings along, in a library of its own.
 *
 * It lends dirty buffers, has no clock of its own and checks what comes back: every buffer is
 * one that it lent, every record is one that it asked for, whole, with times of CUPTI's clock.
 */
#ifndef RK_TESTS_GUEST_TOOL_H
#define RK_TESTS_GUEST_TOOL_H

#include <stdint.h>

struct guest_tool_report {
	uint32_t kernels;    /* records since the tool began */
	uint32_t copies, others;
	uint32_t calls;	     /* of cuLaunchKernel, seen by the subscriber */
	uint32_t strangers;  /* buffers that the tool did not lend */
	uint32_t malformed;  /* records that are not as CUPTI writes them */
	uint32_t foreign_times;
	uint32_t lent, returned;
	uint32_t errors;     /* calls of CUPTI that failed */
	uint32_t last_error; /* what cuptiGetLastError() says at the end */
};

/*
 * @style: "subscriber" subscribes, "v2" by the newer call, "activity" only lends buffers and
 * enables kinds, "again" is "activity" that lends its buffers once, "context" enables kinds in
 * the current context only, "finalize" is "subscriber" and leaves by cuptiFinalize().
 */
void guest_tool_begin(const char *style);
void guest_tool_end(const char *style);
void guest_tool_report(struct guest_tool_report *report);

#endif
