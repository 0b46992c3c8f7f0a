/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_section.h - one table of `rktrace report`: fed with every op, then printed.
 *
 * Sections know each other not at all: the file is read once, whatever is asked for. Which ones
 * there are stands in report_sections.def.
 */
#ifndef RK_TOOLS_REPORT_SECTION_H
#define RK_TOOLS_REPORT_SECTION_H

#include <stdio.h>

#include "core/config.h"
#include "core/op.h"
#include "tools/json.h"
#include "tools/report_table.h"
#include "trace/trace_reader.h"

enum rk_report_style { RK_REPORT_TEXT, RK_REPORT_JSON, RK_REPORT_CSV };

struct rk_report_setup {
	const char *file;
	const struct rk_config *config; /* borrowed; outlives the sections, as all here */
	enum rk_report_names names;
	enum rk_report_by by;
};

/* Printing, once everything was read. */
struct rk_report_print {
	const struct rk_report_setup *setup;
	const struct rk_trace_meta *meta;
	struct rk_json *json; /* an object is open; members go into it. NULL: on stdout */
	enum rk_report_style style;
};

struct rk_report_section {
	/* Return: NULL when no memory could be had. Ownership: the caller, destroy(). */
	void *(*create)(const struct rk_report_setup *setup);
	void (*destroy)(void *self); /* accepts NULL */
	/* Return: 0, -ENOMEM. */
	int (*push)(void *self, const struct rk_op *op);
	void (*print)(void *self, const struct rk_report_print *print);
};

#define RK_REPORT_SECTION(name, help) extern const struct rk_report_section rk_report_##name;
#include "tools/report_sections.def"
#undef RK_REPORT_SECTION

/**
 * One cell of CSV: a text in quotes / a number, shortest form.
 *
 * Context: tools.
 */
void rk_report_csv_text(const char *text);
void rk_report_csv_number(double value);

#endif
