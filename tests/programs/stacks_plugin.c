/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/stacks_plugin.c - a library that programs open while they run.
 */
#pragma GCC visibility push(default)
void plugin_launch(void (*launch)(void));
#pragma GCC visibility pop

void plugin_launch(void (*launch)(void))
{
	launch();
	__asm__ volatile("" ::: "memory"); /* not a jump, which would leave no frame */
}
