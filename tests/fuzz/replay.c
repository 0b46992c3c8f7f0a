/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/replay.c - inputs that were kept, through one target, without an engine.
 */
#include <stdio.h>

#include "fuzz.h"

#define BYTES_MAX (1u << 20)

static uint8_t bytes[BYTES_MAX];

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		uint8_t *exact;
		size_t size;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		exact = malloc(size ? size : 1);
		if (!exact)
			return 1;
		memcpy(exact, bytes, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
	}
	printf("%d inputs\n", argc - 1);
	return argc < 2;
}
