/* SPDX-License-Identifier: Apache-2.0
 *
 * core/log.c - one line, one fixed buffer, one write.
 *
 * vsnprintf() with the formats used here does not allocate in glibc (no wide characters, no
 * long floating point fields), which is why it may serve the threads rk-cupti and rk-exporter.
 */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024 /* longer lines are cut: a log line is for a person */

static _Atomic int level = RK_LOG_WARN;
static _Atomic bool to_stderr = false;
static _Atomic(rk_log_fn) attached;
static void *_Atomic attached_data;
static _Atomic(rk_log_fn) tee;
static void *_Atomic tee_data;

static const char *const level_names[] = {
	[RK_LOG_ERROR] = "error", [RK_LOG_WARN] = "warning", [RK_LOG_INFO] = "info",
	[RK_LOG_DEBUG] = "debug", [RK_LOG_TRACE] = "trace",
};

void rk_log_init(enum rk_log_level new_level, bool use_stderr)
{
	atomic_store(&level, (int)new_level);
	atomic_store(&to_stderr, use_stderr);
}

void rk_log_set_level(enum rk_log_level new_level)
{
	atomic_store(&level, (int)new_level);
}

bool rk_log_shows_stderr(void)
{
	return atomic_load(&to_stderr);
}

void rk_log_attach(rk_log_fn fn, void *data)
{
	/* Data first: a line logged meanwhile must not meet the new function with old data. */
	atomic_store(&attached, (rk_log_fn)NULL);
	atomic_store(&attached_data, data);
	atomic_store(&attached, fn);
}

void rk_log_tee(rk_log_fn fn, void *data)
{
	/* As in rk_log_attach(). */
	atomic_store(&tee, (rk_log_fn)NULL);
	atomic_store(&tee_data, data);
	atomic_store(&tee, fn);
}

enum rk_log_level rk_log_get_level(void)
{
	return (enum rk_log_level)atomic_load(&level);
}

static void write_stderr(enum rk_log_level line_level, const char *line)
{
	char buffer[LINE_MAX_BYTES + 64];
	int length = snprintf(buffer, sizeof(buffer), "rkpreload: %s: %s\n",
			      level_names[line_level], line);

	if (length > 0 && (size_t)length < sizeof(buffer))
		(void)!write(STDERR_FILENO, buffer, (size_t)length);
}

void rk_log(enum rk_log_level line_level, const char *format, ...)
{
	int saved_errno = errno;
	rk_log_fn fn = atomic_load(&attached);
	rk_log_fn copy = atomic_load(&tee);
	bool is_shown = fn || atomic_load(&to_stderr);
	char line[LINE_MAX_BYTES];
	va_list args;

	if ((int)line_level < 0 || (int)line_level > atomic_load(&level))
		return;
	if (!is_shown && !copy)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (fn)
		fn(line_level, line, atomic_load(&attached_data));
	else if (is_shown)
		write_stderr(line_level, line);
	if (copy)
		copy(line_level, line, atomic_load(&tee_data));
	errno = saved_errno;
}

/* Only glibc has it. Asked for strongly, another libc's loader would refuse the whole library. */
#pragma weak strerrordesc_np

const char *rk_strerror(int err)
{
	const char *text = strerrordesc_np ? strerrordesc_np(err < 0 ? -err : err) : NULL;

	return text ? text : "unknown error";
}
