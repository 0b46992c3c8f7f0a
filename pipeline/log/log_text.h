/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_text.h - a bounded writer of the text of a line.
 *
 * Every part is put whole or cut at the border of a character. What may stand for itself on a
 * terminal and in JSON does, everything else is escaped; what is no UTF-8 becomes '?'.
 */
#ifndef RK_PIPELINE_LOG_LOG_TEXT_H
#define RK_PIPELINE_LOG_LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_log_text {
	char *out;
	size_t used, limit; /* limit: without what was set aside */
	bool is_cut;
};

/**
 * Put @text as it is, all of it or nothing.
 *
 * Context: any but hooks, as all of these.
 */
void rk_log_text_put(struct rk_log_text *to, const char *text);

/**
 * Put @text escaped, in at most @most bytes; with quotes around it.
 *
 * @in_quotes: it stands within quotes, so these are escaped as well.
 * Context: any but hooks.
 */
void rk_log_text_put_escaped(struct rk_log_text *to, const char *text, size_t most, bool in_quotes);
void rk_log_text_put_quoted(struct rk_log_text *to, const char *text, size_t most);

/**
 * Put a time as RFC 3339, with @digits behind the point (6 or 9). / A number of milliseconds to
 * the nanosecond.
 *
 * Context: any but hooks. Takes no lock of the program's.
 */
void rk_log_text_put_time(struct rk_log_text *to, uint64_t unix_ns, int digits);
void rk_log_text_put_duration(struct rk_log_text *to, double duration_ms);

#endif
