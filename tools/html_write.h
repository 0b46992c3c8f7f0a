/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_write.h - the data of the page: a description in JSON, then columns of numbers.
 *
 *   4 bytes: length of the JSON, little endian | JSON | columns, in the order that it names them
 *
 * Bars are numbered from 1 on through all rows and lanes. Of their columns
 *
 *   start        from the end of the bar before it in its lane, signed; of the first: from 0
 *   call, range  number of that bar, from the one of the bar before it, signed
 *   correlation  the same
 *
 * and all others are as they are. Times are ns since the beginning that the JSON names.
 */
#ifndef RK_TOOLS_HTML_WRITE_H
#define RK_TOOLS_HTML_WRITE_H

#include <stdio.h>

#include "tools/html_model.h"
#include "tools/html_pack.h"
#include "trace/trace_reader.h"

struct rk_html_title {
	const char *file; /* as the user calls it */
	const struct rk_trace_meta *meta;
	struct rk_trace_info info;
	uint64_t base_ns; /* the beginning: 0 of the page */
};

/**
 * Write it, deflated and in base64.
 *
 * @model: has ended.
 * Context: tools. Return: 0, -ENOMEM, -EFBIG, -EIO.
 */
int rk_html_write(struct rk_html_model *model, const struct rk_html_title *title, FILE *out);

#endif
