/* SPDX-License-Identifier: Apache-2.0
 *
 * core/nearest.h - which known name somebody probably meant.
 */
#ifndef RK_CORE_NEAREST_H
#define RK_CORE_NEAREST_H

#include <stddef.h>

struct rk_nearest {
	const char *word; /* borrowed */
	const char *best; /* borrowed; may be NULL */
	size_t distance;
};

/**
 * Begin a search for the name nearest to @word.
 *
 * Context: any but hooks.
 */
void rk_nearest_init(struct rk_nearest *nearest, const char *word);

/**
 * Offer a known name. Letter case does not count; a swap of neighbours is one mistake.
 *
 * Context: any but hooks. Ownership: @name is borrowed by @nearest.
 */
void rk_nearest_push(struct rk_nearest *nearest, const char *name);

/**
 * The best name so far.
 *
 * Context: any but hooks. Return: NULL when none is near enough to be meant.
 */
const char *rk_nearest_get(const struct rk_nearest *nearest);

#endif
