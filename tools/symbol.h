/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/symbol.h - call stacks of a trace file with functions, files and lines.
 *
 * What pipeline/join/stack_names.h says holds; lines come from DWARF by libdw where the tool was
 * built
 * with it, debug files by build id included.
 */
#ifndef RK_TOOLS_SYMBOL_H
#define RK_TOOLS_SYMBOL_H

#include <stdbool.h>

#include "pipeline/join/stack_names.h"

/**
 * Context: tools. Ownership: the caller, rk_stack_names_destroy(). Return: 0, -ENOMEM.
 */
int rk_symbol_names_create(struct rk_stack_names **out);

/**
 * Whether the tool was built with what finds lines.
 *
 * Context: tools.
 */
bool rk_symbol_has_lines(void);

#endif
