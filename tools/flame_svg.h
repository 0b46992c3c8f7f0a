/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/flame_svg.h - a tree of call stacks as a picture that needs nothing else.
 */
#ifndef RK_TOOLS_FLAME_SVG_H
#define RK_TOOLS_FLAME_SVG_H

#include <stdio.h>

#include "tools/flame_tree.h"

/**
 * Write it. Frames too narrow to be found by zooming are left out, and counted in the picture.
 *
 * @title: what it is a picture of.
 * @tree: has ended.
 * Context: tools. Errors are those of the stream.
 */
void rk_flame_svg_write(const struct rk_flame_tree *tree, const char *title, FILE *out);

#endif
