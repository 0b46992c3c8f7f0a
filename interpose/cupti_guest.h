/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_guest.h - the program's own profiler comes first.
 *
 * CUPTI serves one client. When the program, or a tool in it, asks for CUPTI, we let go before
 * its call proceeds, go on with host time, and come back when it has left.
 */
#ifndef RK_INTERPOSE_CUPTI_GUEST_H
#define RK_INTERPOSE_CUPTI_GUEST_H

/* In the order of gen_lookup.py, where their numbers follow RK_API_COUNT. */
enum rk_guest_function {
	RK_GUEST_SUBSCRIBE,
	RK_GUEST_SUBSCRIBE_V2,
	RK_GUEST_UNSUBSCRIBE,
	RK_GUEST_REGISTER_CALLBACKS,
	RK_GUEST_REGISTER_CLOCK,
	RK_GUEST_ENABLE,
	RK_GUEST_DISABLE,
	RK_GUEST_ENABLE_CONTEXT,
	RK_GUEST_DISABLE_CONTEXT,
	RK_GUEST_ENABLE_AND_DUMP,
	RK_GUEST_FINALIZE,
	RK_GUEST_COUNT
};

/**
 * What to hand out for @real, libcupti's function that a program looked up: our wrapper.
 *
 * Context: app.
 */
void *rk_cupti_guest_wrap(enum rk_guest_function which, void *real);

/**
 * Whether @path is a libcupti: its own lookups and calls are passed on as they are.
 *
 * Context: app.
 */
int rk_cupti_guest_is_libcupti(const char *path);

#endif
