/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz.h - what every target is: one function that takes any bytes.
 *
 * libFuzzer's own name for it, so that other engines find it too. Without an engine
 * replay.c calls it with the files it is given.
 */
#ifndef RK_TESTS_FUZZ_H
#define RK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A finding: the engine keeps the input. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* A string of its exact length, so that a sanitizer sees the first byte too far. */
static inline char *fuzz_text(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

#endif
