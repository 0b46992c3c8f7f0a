/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/injection_probe.c - a library for CUDA_INJECTION64_PATH that says on stderr
 * that the driver called it; to check the simulated driver's second way in.
 */
#include <stdio.h>

int InitializeInjection(void);

__attribute__((visibility("default"))) int InitializeInjection(void)
{
	fprintf(stderr, "injection: called\n");
	return 1;
}
