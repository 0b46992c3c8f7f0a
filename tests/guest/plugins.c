/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/plugins.c - opens plugins with much thread-local memory, in traced threads.
 *
 * usage: plugins PATH...     prints which of them could be opened: as many as without us
 */
#include <dlfcn.h>
#include <pthread.h>

#include "guest_kit.h"

static char **paths;

static void *use_plugins(void *data)
{
	(void)data;
	guest_enter();
	for (char **path = paths; *path; path++) {
		void *plugin = dlopen(*path, RTLD_NOW | RTLD_LOCAL);
		char *(*memory)(void) = NULL;

		if (plugin)
			memory = (char *(*)(void))dlsym(plugin, "plugin_memory");
		printf("plugin %d %s\n", (int)(path - paths), plugin ? "opened" : "refused");
		guest_launch(10);
		if (memory)
			CHECK(memory()[0] == 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	CHECK(argc > 1);
	paths = argv + 1;
	guest_start();
	for (int i = 0; i < 3; i++) {
		CHECK(pthread_create(&thread, NULL, use_plugins, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	guest_report("with plugins");
	guest_measure();
	return 0;
}
