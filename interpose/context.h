/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/context.h - which context a thread is in, after a time in which nobody looked.
 */
#ifndef RK_INTERPOSE_CONTEXT_H
#define RK_INTERPOSE_CONTEXT_H

/**
 * Ask the driver for the calling thread's context, and tell it where it is new.
 *
 * Context: app, inside a hook, as the first thing that a thread does in a session. Preserves
 *          errno.
 */
void rk_context_refresh(void);

#endif
