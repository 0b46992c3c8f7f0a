/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_event.h - one event, before it becomes a line or an OTLP log record.
 */
#ifndef RK_PIPELINE_LOG_LOG_EVENT_H
#define RK_PIPELINE_LOG_LOG_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/log.h"

enum rk_log_value {
	RK_LOG_VALUE_AUTO = 0, /* the text where there is one, else the number */
	RK_LOG_VALUE_INTEGER,
	RK_LOG_VALUE_BOOL, /* integer is 0 or 1 */
};

/* One of the fields behind the fixed ones. */
struct rk_log_field {
	const char *key;
	const char *text; /* NULL = the number counts */
	double number;
	int64_t integer;
	enum rk_log_value value;
};

/* Strings are borrowed until the receiver returns; "" or NULL = absent. */
struct rk_log_event {
	uint64_t unix_ns;	   /* when it happened; 0 = unknown */
	uint64_t observed_unix_ns; /* when we saw it */
	enum rk_log_level level;
	const char *name;    /* kind of event, e.g. "rustkernel.execution"; may be NULL */
	const char *message; /* never NULL */
	const char *kernel_id, *domain, *tenant_id;
	double duration_ms; /* negative = absent */
	uint8_t trace_id[16], span_id[8]; /* all zero = none */
	uint8_t trace_flags;
	const struct rk_log_field *fields;
	size_t field_count;
};

#endif
