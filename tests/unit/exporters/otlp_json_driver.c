/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/otlp_json_driver.c - requests in, their JSON out.
 *
 * usage: otlp_json_driver traces|metrics|logs
 *
 * stdin: requests, each after its length; stdout: texts, likewise, or a negative errno instead
 * of a length. Lengths are 8 bytes in the byte order of the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/otlp_json.h"

static int convert(enum rk_otlp_signal signal, size_t length)
{
	uint8_t *request = malloc(length + 1);
	int64_t result;
	char *text;

	if (!request || fread(request, 1, length, stdin) != length)
		return 1;
	result = rk_otlp_json_encode(signal, request, length, &text);
	free(request);
	fwrite(&result, sizeof(result), 1, stdout);
	if (result > 0)
		fwrite(text, (size_t)result, 1, stdout);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	enum rk_otlp_signal signal = RK_OTLP_TRACES;
	uint64_t length;

	if (argc != 2)
		return 64;
	if (strcmp(argv[1], "metrics") == 0)
		signal = RK_OTLP_METRICS;
	else if (strcmp(argv[1], "logs") == 0)
		signal = RK_OTLP_LOGS;
	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		if (convert(signal, length))
			return 1;
	}
	return 0;
}
