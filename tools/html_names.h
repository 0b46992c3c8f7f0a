/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_names.h - texts and launch shapes of the page, each once, by number.
 *
 * A text is what a bar is called, and in full where that is more: the demangled name of a kernel.
 */
#ifndef RK_TOOLS_HTML_NAMES_H
#define RK_TOOLS_HTML_NAMES_H

#include "core/config.h"
#include "core/op.h"
#include "pipeline/join/handle_map.h"

struct rk_html_name {
	uint32_t shown, full; /* strings */
	/* of kernels, copies and memsets, of the whole file: */
	uint64_t count, total_ns, min_ns, max_ns;
	uint8_t kind; /* enum rk_html_kind */
};

struct rk_html_shape {
	uint32_t grid[3], block[3];
	uint32_t registers, static_bytes, dynamic_bytes, local_bytes;
};

struct rk_html_names {
	const struct rk_config *config; /* borrowed; rules for names */
	struct rk_html_name *names;	/* 0 is "" */
	size_t count, capacity;
	struct rk_handle_map index; /* string, and whether of a kernel -> tag: place */
	struct rk_html_shape *shapes; /* 0 is nothing */
	size_t shape_count, shape_capacity;
	struct rk_handle_map shape_index; /* hash -> tag: place */
};

/**
 * Context: tools. Return: 0, -ENOMEM; finish accepts it all the same.
 */
int rk_html_names_init(struct rk_html_names *names, const struct rk_config *config);
void rk_html_names_finish(struct rk_html_names *names);

/**
 * The number of a text / of the kernel with the mangled name @string.
 *
 * Context: tools. Return: 0 for "", and without memory.
 */
uint32_t rk_html_names_put(struct rk_html_names *names, const char *text);
uint32_t rk_html_names_put_kernel(struct rk_html_names *names, uint32_t string);

/**
 * Count work of @name that took @ns.
 *
 * Context: tools.
 */
void rk_html_names_count(struct rk_html_names *names, uint32_t name, uint8_t kind, uint64_t ns);

/**
 * The number of the shape of a kernel's launch.
 *
 * Context: tools. Return: 0 for none, and without memory.
 */
uint32_t rk_html_names_shape(struct rk_html_names *names, const struct rk_op *op);

#endif
