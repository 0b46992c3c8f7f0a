/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_pack.h - numbers and texts for a page, small: planes of bytes, deflated, in base64.
 *
 *   columns -> planes -> [bytes] -> zlib -> base64 -> the page
 *
 * A column is cut into planes, all lowest bytes first: what varies in each is then side by side,
 * and the deflater sees it as such. A column whose numbers are all 0 takes no bytes. Browsers
 * inflate by themselves.
 */
#ifndef RK_TOOLS_HTML_PACK_H
#define RK_TOOLS_HTML_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rk_html_pack {
	uint8_t *bytes;
	size_t count, capacity;
	int error; /* the first one; later calls do nothing */
};

/**
 * Context: tools. Does not allocate.
 */
void rk_html_pack_init(struct rk_html_pack *pack);
void rk_html_pack_finish(struct rk_html_pack *pack);

/**
 * Append bytes as they are.
 *
 * Context: tools. Without memory .error is set.
 */
void rk_html_pack_put(struct rk_html_pack *pack, const void *bytes, size_t count);

/**
 * Append a column of @count numbers.
 *
 * Context: tools. Return: bytes per number, 0 to 8.
 */
unsigned rk_html_pack_column(struct rk_html_pack *pack, const uint64_t *numbers, size_t count);

/**
 * Numbers below zero are small numbers, too.
 *
 * Context: any.
 */
static inline uint64_t rk_html_pack_signed(int64_t number)
{
	return ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
}

/**
 * Write all of it.
 *
 * Context: tools. Return: 0, -ENOMEM, -EIO.
 */
int rk_html_pack_write(const struct rk_html_pack *pack, FILE *out);

#endif
