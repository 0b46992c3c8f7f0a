/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_guest.h - the program's own profiler comes first.
 *
 * CUPTI serves one client. When the program, or a tool in it, asks for CUPTI, we let go before
 * its call proceeds, go on with host time, and come back when it has left.
 */
#ifndef RK_INTERPOSE_CUPTI_GUEST_H
#define RK_INTERPOSE_CUPTI_GUEST_H

#include <stdbool.h>

/* In the order of gen_lookup.py, where their numbers follow RK_API_COUNT. */
enum rk_guest_function {
	RK_GUEST_SUBSCRIBE,
	RK_GUEST_SUBSCRIBE_V2,
	RK_GUEST_UNSUBSCRIBE,
	RK_GUEST_REGISTER_CALLBACKS,
	RK_GUEST_COUNT
};

/**
 * What to hand out for @real, libcupti's function that a program looked up: our wrapper.
 *
 * Context: app.
 */
void *rk_cupti_guest_wrap(enum rk_guest_function which, void *real);

/**
 * Whether the program has registered its own activity buffers: ours would replace them.
 *
 * Context: any.
 */
bool rk_cupti_guest_has_buffers(void);

#endif
