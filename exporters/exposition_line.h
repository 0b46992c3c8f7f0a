/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/exposition_line.h - one line of text 0.0.4, read strictly.
 *
 * Stricter than the format: one blank before the value, no timestamp. What is written here is
 * written like that, and a gateway refuses timestamps.
 */
#ifndef RK_EXPORTERS_EXPOSITION_LINE_H
#define RK_EXPORTERS_EXPOSITION_LINE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of a text; borrowed. */
struct rk_text_span {
	const char *at;
	size_t length;
};

struct rk_exposition_sample {
	struct rk_text_span name;
	uint64_t series; /* of name and labels */
	uint64_t rest;	 /* of the labels but le */
	bool has_bound;
	double bound, value;
};

/**
 * Hash of @span with @suffix behind it.
 *
 * Context: any.
 */
uint64_t rk_exposition_line_hash(struct rk_text_span span, const char *suffix);

/**
 * Context: any.
 */
bool rk_exposition_line_is(struct rk_text_span span, const char *word);
bool rk_exposition_line_starts(struct rk_text_span span, const char *start);

/**
 * The name of a metric, or of a label, at the start of @text.
 *
 * Context: any. Return: empty = none.
 */
struct rk_text_span rk_exposition_line_name(const char *text, const char *end, bool is_label);

/**
 * Read a sample, which is no comment.
 *
 * @is_histogram: its label le must be a number.
 * Context: any. Return: what is wrong with it; NULL = nothing.
 */
const char *rk_exposition_line_read(struct rk_text_span line, bool is_histogram, locale_t c_locale,
				    struct rk_exposition_sample *sample);

#endif
