/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/runtime_library.c - uses the GPU as soon as it is loaded.
 *
 * For runtimes that can load a library and nothing more without a module of their own kind.
 */
#include "guest_kit.h"

__attribute__((constructor)) static void work(void)
{
	guest_start();
	guest_launch(50);
	guest_wait();
}
