/* SPDX-License-Identifier: Apache-2.0
 *
 * core/race_check.h - what ThreadSanitizer in the program is to overlook.
 *
 * A program that was built with ThreadSanitizer watches the libc's functions, whoever calls
 * them. It sees memcpy() and strlen() of ours on memory that two threads share, but not the
 * atomics that order them, because this library was not built with it; and it would report races
 * that are none, and end the program with another code. So it is told not to look.
 *
 * In a build of this library with ThreadSanitizer nothing is hidden from it.
 */
#ifndef RK_CORE_RACE_CHECK_H
#define RK_CORE_RACE_CHECK_H

#include <stdbool.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifndef __SANITIZE_THREAD__
/* Of the runtime in the program, if it has one. Context: any. */
void AnnotateIgnoreReadsBegin(const char *file, int line) __attribute__((weak));
void AnnotateIgnoreReadsEnd(const char *file, int line) __attribute__((weak));
void AnnotateIgnoreWritesBegin(const char *file, int line) __attribute__((weak));
void AnnotateIgnoreWritesEnd(const char *file, int line) __attribute__((weak));

#endif

/**
 * Whether the program was built with ThreadSanitizer.
 *
 * Context: any.
 */
static inline bool rk_race_check_is_there(void)
{
#ifdef __SANITIZE_THREAD__
	return true;
#else
	return AnnotateIgnoreReadsBegin && AnnotateIgnoreReadsEnd && AnnotateIgnoreWritesBegin &&
	       AnnotateIgnoreWritesEnd;
#endif
}

/**
 * Not to look at what this thread reads and writes until the matching resume; they nest. A
 * thread has to resume before it ends.
 *
 * Context: any, hooks on slow paths included. Does nothing unless the program was built with
 *          ThreadSanitizer.
 */
static inline void rk_race_check_pause(void)
{
#ifndef __SANITIZE_THREAD__
	if (!rk_race_check_is_there())
		return;
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
}

static inline void rk_race_check_resume(void)
{
#ifndef __SANITIZE_THREAD__
	if (!rk_race_check_is_there())
		return;
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
}

#endif
