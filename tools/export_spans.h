/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_spans.h - the spans of a trace file for a format that wants them.
 *
 * They are made by the pipeline of the live path, with one difference: nothing is sampled out.
 */
#ifndef RK_TOOLS_EXPORT_SPANS_H
#define RK_TOOLS_EXPORT_SPANS_H

#include "tools/export.h"

struct rk_export_source;

/**
 * @x: borrowed; its config and meta are set.
 *
 * Context: tools. Ownership: the caller, rk_export_source_destroy(). Return: 0, -ENOMEM.
 */
int rk_export_source_create(struct rk_export_source **out, const struct rk_export_format *format,
			    struct rk_export *x);
void rk_export_source_destroy(struct rk_export_source *source);

/**
 * Take one op; spans that it completes go to the format.
 *
 * Context: tools. Return: 0 or what the format returned.
 */
int rk_export_source_feed(struct rk_export_source *source, const struct rk_op *op);

/**
 * Complete what is pending.
 *
 * Context: tools. Return: as rk_export_source_feed().
 */
int rk_export_source_finish(struct rk_export_source *source);

#endif
