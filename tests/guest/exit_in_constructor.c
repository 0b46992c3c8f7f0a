/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/exit_in_constructor.c - a library that ends the program while it is being opened.
 *
 * The loader's lock is held all the while: an exit handler that waited without a limit for a
 * thread that opens a library would never come back.
 */
#include <stdlib.h>

__attribute__((constructor)) static void leave(void)
{
	exit(9);
}
