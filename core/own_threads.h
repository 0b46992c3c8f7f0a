/* SPDX-License-Identifier: Apache-2.0
 *
 * core/own_threads.h - the threads that are there because of us.
 *
 * A program whose main thread ends by pthread_exit() goes on until its last thread has ended, and
 * then exits with 0. Ours never end, so it would never exit. Only when nothing but ours is left,
 * and that is certain, one of them does what the C library would have done.
 */
#ifndef RK_CORE_OWN_THREADS_H
#define RK_CORE_OWN_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Note the calling thread.
 *
 * Context: a tracer thread, at its start.
 */
void rk_own_threads_add(void);

/**
 * Whether the calling thread is the only one there is: then those it finds after calls into a
 * library that makes threads are that library's. / Note them.
 *
 * Context: init. The first is one load; the second opens a folder of /proc.
 */
bool rk_own_threads_is_single(void);
void rk_own_threads_note_new(void);

/**
 * Whether the main thread has ended and every other thread is known to be ours.
 *
 * Context: exporter, now and then: it opens files of /proc.
 */
bool rk_own_threads_are_left(void);

/**
 * End the process as the C library does when the last thread ends: exit(0), on a thread of its
 * own, as the exit handlers wait for the others.
 *
 * Context: exporter, once.
 */
void rk_own_threads_leave(void);

#endif
