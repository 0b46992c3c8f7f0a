/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/edge_library.c - uses the driver before the tracer's constructor ran, and at the
 * very end, when every exit handler is done.
 *
 * A library that a program is linked to is initialised before one that is preloaded.
 */
#include "edge_library.h"

#include <unistd.h>

static CUresult first = CUDA_ERROR_UNKNOWN;

__attribute__((constructor)) static void begin(void)
{
	if (getenv("GUEST_EARLY"))
		first = cuInit(0);
}

CUresult edge_library_first(void)
{
	return first;
}

__attribute__((destructor)) static void end(void)
{
	static const char words[] = "the library ends\n";

	if (guest_launches())
		guest_try_launch();
	(void)!write(STDOUT_FILENO, words, sizeof(words) - 1);
}
