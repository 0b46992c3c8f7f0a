/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_memory.h - the inside of the section --memory, shared by its forms.
 */
#ifndef RK_TOOLS_REPORT_MEMORY_H
#define RK_TOOLS_REPORT_MEMORY_H

#include "pipeline/join/stack_names.h"
#include "pipeline/use/memory_use.h"
#include "tools/memory_series.h"
#include "tools/report_section.h"

#define RK_MEMORY_SERIES   17u /* of 16 devices and the host; later ones have none */
#define RK_MEMORY_FAILURES 16u /* told one by one; all are counted */
#define RK_MEMORY_SHOWN	   10u /* holders in a list of the text */
#define RK_MEMORY_LISTED   100u /* and of JSON */

struct rk_memory_failure {
	uint64_t when, bytes;
	struct rk_memory_holder who;
};

struct rk_memory_report {
	struct rk_memory_use *use;
	struct rk_stack_names *names;
	const char *file; /* borrowed */
	uint64_t start_ns;
	struct rk_memory_series series[RK_MEMORY_SERIES]; /* by place of the space */
	struct rk_memory_failure failures[RK_MEMORY_FAILURES];
	uint32_t failure_count;
};

/**
 * Blocks that the program did not give back: live at the end, or gone with their context.
 *
 * Context: tools.
 */
uint64_t rk_memory_report_never_freed(const struct rk_memory_report *r, uint64_t *bytes);

/**
 * Print everything, on stdout or into the open object.
 *
 * Context: tools.
 */
void rk_memory_report_text(struct rk_memory_report *r);
void rk_memory_report_csv(const struct rk_memory_report *r);
void rk_memory_report_json(struct rk_memory_report *r, struct rk_json *json);

#endif
