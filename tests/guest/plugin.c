/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/plugin.c - a plugin with PLUGIN_BYTES of thread-local memory.
 */
#ifdef PLUGIN_STATIC
#define MODEL __attribute__((tls_model("initial-exec")))
#else
#define MODEL
#endif

char *plugin_memory(void);

static __thread char memory[PLUGIN_BYTES] MODEL;

char *plugin_memory(void)
{
	memory[0]++;
	memory[PLUGIN_BYTES - 1]++;
	return memory;
}
