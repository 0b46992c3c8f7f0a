/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_share.h - stepping aside for another tool, and coming back.
 *
 * CUPTI serves one client and has one set of buffer functions. A tool's buffers may come back when
 * CUPTI is ours again, and ours when it is the tool's: both know their own by the address.
 */
#ifndef RK_CUPTI_CUPTI_SHARE_H
#define RK_CUPTI_CUPTI_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Another tool, @holder by name, is about to use CUPTI: flush, let go, put back what we changed,
 * go on with host time. Returns when that is done, or after a second.
 *
 * Context: the program's thread inside that tool's call. Cheap when we have let go already.
 */
void rk_cupti_yield(const char *holder);

/**
 * It has left: take CUPTI again. Waits @wait_ms at most for it to happen; 0: it happens a moment
 * later, when the callback of CUPTI that this may be has returned.
 *
 * Context: the program's thread, when that tool's call is over.
 */
void rk_cupti_return(uint32_t wait_ms);

typedef void (*rk_cupti_buffer_fn)(void *context, uint32_t stream, uint8_t *buffer, size_t size,
				   size_t valid);

/**
 * Another tool lends CUPTI buffers as well. @give_back gets those that come to us and are not
 * ours; @lent says how many it has out: CUPTI would fill them on with our records, so that we take
 * CUPTI only when they are back; @holds says whether one holds CUPTI or is in a call of it.
 *
 * Context: any; before rk_cupti_start(), best.
 */
void rk_cupti_set_strangers(rk_cupti_buffer_fn give_back, uint32_t (*lent)(void),
			    bool (*holds)(void));

/**
 * The other way round: a buffer that came back to another client. Takes it if it is ours.
 *
 * Context: cupti callback, any thread. Does not lock, allocate or block.
 * Return: whether it was.
 */
bool rk_cupti_take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t valid);

#endif
