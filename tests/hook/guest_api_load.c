/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_api_load.c - guest_api as code that is loaded later: guest_api_load MODULE ...
 */
#include <dlfcn.h>

#include "guest.h"

int main(int argc, char **argv)
{
	int (*run)(int, char **);
	void *module;

	CHECK(argc > 2);
	module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	CHECK(module);
	run = (int (*)(int, char **))dlsym(module, "guest_api_main");
	CHECK(run);
	return run(argc - 1, argv + 1);
}
