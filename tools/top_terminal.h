/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_terminal.h - the whole screen of a terminal, for a while.
 *
 * Whatever ends this process, but for SIGKILL, gives the terminal back as it was: signals that
 * end it do that first. There is one terminal.
 */
#ifndef RK_TOOLS_TOP_TERMINAL_H
#define RK_TOOLS_TOP_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#define RK_TOP_KEY_NONE	 0 /* the time is over */
#define RK_TOP_KEY_END	 -1 /* nobody can press one any more */
#define RK_TOP_KEY_AGAIN -2 /* draw again: the size changed, or the program was stopped */

/**
 * Context: tools. Return: whether there is a terminal to write to and one to read from.
 */
bool rk_top_terminal_is_there(void);

/**
 * Take the screen: keys come one by one and are not shown.
 *
 * Context: tools. Return: 0, -errno; then nothing has changed.
 */
int rk_top_terminal_open(void);

/**
 * Give it back. May be called when it was not taken.
 *
 * Context: tools.
 */
void rk_top_terminal_close(void);

/**
 * Wait for a key, up to @timeout_ms.
 *
 * Context: tools. Return: the key, or one of those above.
 */
int rk_top_terminal_key(uint32_t timeout_ms);

/**
 * Context: tools.
 */
void rk_top_terminal_size(uint32_t *rows, uint32_t *columns);

#endif
