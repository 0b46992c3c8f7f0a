/* SPDX-License-Identifier: Apache-2.0
 *
 * core/nearest.c - edit distance with transpositions, on three rows of fixed size.
 */
#include "core/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORD_MAX 96 /* no known name is longer; longer words have no neighbour */

static bool is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

static size_t distance_between(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= blen; j++)
		above[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t change = above[j - 1] + !is_same(a[i - 1], b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, change);
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[blen];
}

void rk_nearest_init(struct rk_nearest *nearest, const char *word)
{
	nearest->word = word;
	nearest->best = NULL;
	nearest->distance = SIZE_MAX;
}

void rk_nearest_push(struct rk_nearest *nearest, const char *name)
{
	size_t wlen = strlen(nearest->word), nlen = strlen(name), distance;

	if (wlen > WORD_MAX || nlen > WORD_MAX)
		return;
	distance = distance_between(nearest->word, wlen, name, nlen);
	if (distance < nearest->distance) {
		nearest->best = name;
		nearest->distance = distance;
	}
}

const char *rk_nearest_get(const struct rk_nearest *nearest)
{
	/* A third of the letters wrong, or one of a short name: beyond that it is a guess. */
	size_t limit = strlen(nearest->word) / 3;

	if (limit < 1)
		limit = 1;
	return nearest->distance <= limit ? nearest->best : NULL;
}
