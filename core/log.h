/* SPDX-License-Identifier: Apache-2.0
 *
 * core/log.h - what the tracer says about itself.
 *
 * One line per event, built in a fixed buffer and written with one write(2): no stdio, no
 * malloc. Logged once, where it fails: `subsystem: could not <verb> <object>: <why>`.
 *
 * Quiet guest: with nothing configured and stderr not a terminal nothing may appear there,
 * so capability messages (RK_LOG_QUIET class) are only kept for the file and the verdict.
 * Messages about something the user set are always shown at their level.
 */
#ifndef RK_CORE_LOG_H
#define RK_CORE_LOG_H

#include <stdbool.h>

enum rk_log_level {
	RK_LOG_ERROR,
	RK_LOG_WARN,
	RK_LOG_INFO,
	RK_LOG_DEBUG,
	RK_LOG_TRACE,
	RK_LOG_OFF = -1,
};

/* Receives every line that passes the level, without a line end. */
typedef void (*rk_log_fn)(enum rk_log_level level, const char *line, void *data);

/**
 * Set the level and whether stderr may be written to.
 *
 * Context: init.
 */
void rk_log_init(enum rk_log_level level, bool to_stderr);

/**
 * Change the level alone.
 *
 * Context: any but hooks.
 */
void rk_log_set_level(enum rk_log_level level);

/**
 * Whether stderr may be written to.
 *
 * Context: any.
 */
bool rk_log_shows_stderr(void);

/**
 * Send lines to @fn instead of stderr (librknet.so: to the host; tests: to a buffer).
 * NULL restores stderr.
 *
 * Context: init.
 */
void rk_log_attach(rk_log_fn fn, void *data);

/**
 * Give every line that passes the level to @fn as well, whether it is shown or not; NULL = no
 * more. Called on whatever thread logs.
 *
 * Context: exporter.
 */
void rk_log_tee(rk_log_fn fn, void *data);

/**
 * The level in use.
 *
 * Context: any.
 */
enum rk_log_level rk_log_get_level(void);

/**
 * Write one line. Preserves errno.
 *
 * Context: init, cupti, exporter. Never from a hook.
 */
void rk_log(enum rk_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * strerror() for our -errno convention; @err may be positive or negative. Thread-safe.
 *
 * Context: any. Return: a static or thread-local string.
 */
const char *rk_strerror(int err);

#define rk_log_error(...) rk_log(RK_LOG_ERROR, __VA_ARGS__)
#define rk_log_warn(...)  rk_log(RK_LOG_WARN, __VA_ARGS__)
#define rk_log_info(...)  rk_log(RK_LOG_INFO, __VA_ARGS__)
#define rk_log_debug(...) rk_log(RK_LOG_DEBUG, __VA_ARGS__)

#endif
