/* SPDX-License-Identifier: Apache-2.0
 *
 * core/glob.h - names that are meant together: * is any text, ? one character.
 */
#ifndef RK_CORE_GLOB_H
#define RK_CORE_GLOB_H

#include <stdbool.h>

/**
 * Whether all of @text is what @glob says. Letter case counts; nothing can be escaped.
 *
 * Context: any. Takes time in proportion to the product of the lengths at most.
 */
bool rk_glob_matches(const char *glob, const char *text);

#endif
