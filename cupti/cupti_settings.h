/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_settings.h - what we change of CUPTI's process-wide settings, and undo.
 *
 * CUPTI has one set of them for all its clients. A tool that takes it after us must find them as
 * it would without us: left promised that buffers are zeroed, CUPTI would write its records over
 * that tool's garbage; left with our clock, that tool's times would mean nothing to it.
 */
#ifndef RK_CUPTI_CUPTI_SETTINGS_H
#define RK_CUPTI_CUPTI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cupti/cupti_library.h"

struct rk_cupti_settings {
	/* set before apply: by the newer functions, on behalf of it; NULL = by the older */
	CUpti_SubscriberHandle v2_subscriber;
	/* as found, for the way back; valid where the bit of .changed is set */
	size_t found_buffer_bytes, found_buffer_limit;
	uint8_t found_zeroed;
	CUpti_ActivityThreadIdType found_thread_id;
	uint32_t changed;
	/* as they are while we hold CUPTI */
	bool own_clock;	     /* records arrive in ns of rk_clock */
	size_t buffer_bytes; /* GPU memory of one of CUPTI's buffers; 0 = not known */
	size_t buffer_limit; /* at most so many of them per context; 0 = not known */
};

/**
 * Note what is there, and set what we need. What is refused stays as it is.
 *
 * @clock: what records are to be timed by; registered before any kind is enabled.
 * Context: init or rk-cupti, while subscribed.
 */
void rk_cupti_settings_apply(struct rk_cupti_settings *settings,
			     const struct rk_cupti_library *library,
			     CUpti_TimestampCallbackFunc clock);

/**
 * Put back what was there.
 *
 * Context: init or rk-cupti, when the kinds are disabled.
 */
void rk_cupti_settings_restore(struct rk_cupti_settings *settings,
			       const struct rk_cupti_library *library);

/**
 * CUPTI's own clock, for who registered none: it cannot be had back otherwise.
 *
 * Context: any. Return: ns.
 */
uint64_t CUPTIAPI rk_cupti_settings_default_clock(void);

#endif
