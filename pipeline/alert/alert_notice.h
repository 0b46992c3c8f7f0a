/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_notice.h - what is told about alerts, before it takes the form of a channel.
 *
 * The engine groups alerts and routes each group to channels; a channel turns a notice into
 * what Slack, PagerDuty, Alertmanager... read. Time is injected: the engine's, not the clock's.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_NOTICE_H
#define RK_PIPELINE_ALERT_ALERT_NOTICE_H

#include <stddef.h>
#include <stdint.h>

enum rk_severity { RK_SEVERITY_INFO, RK_SEVERITY_WARNING, RK_SEVERITY_CRITICAL, RK_SEVERITY_PAGE };
enum rk_alert_state { RK_ALERT_INACTIVE, RK_ALERT_PENDING, RK_ALERT_FIRING, RK_ALERT_RESOLVED };

/* Labels of one alert at most: rule, severity, kernel_id, domain, device, pool, stream... */
#define RK_ALERT_LABELS_MAX 16
#define RK_ALERT_STACK_BYTES 2048 /* of a stack; further frames are left out */

/* What is told of an alert beside its sentence. */
enum rk_alert_detail {
	RK_ALERT_STACK,	  /* of the launch that hangs, innermost first, a line per frame */
	RK_ALERT_HOLDERS, /* of the memory it is about, most first, a line per holder */
	RK_ALERT_IDLE,	  /* what the GPU did of late: one line */
	RK_ALERT_DETAIL_COUNT
};

struct rk_alert_label {
	const char *name, *value;
};

/* One alert: a rule and the labels it holds for. Strings are borrowed until the call returns. */
struct rk_alert {
	const char *rule;
	enum rk_severity severity;
	enum rk_alert_state state; /* FIRING or RESOLVED in a notice */
	struct rk_alert_label labels[RK_ALERT_LABELS_MAX]; /* "alertname" is not among them */
	size_t label_count;
	const char *summary;	 /* one line: what, where, by how much */
	const char *description; /* may have several lines; "" = none */
	const char *details[RK_ALERT_DETAIL_COUNT]; /* "" or NULL = unknown, or of other alerts */
	double value, threshold;
	const char *unit; /* of both: "s", "bytes", "1/s", "ratio" or "" */
	uint64_t started_unix_ns; /* the condition holds since */
	uint64_t ended_unix_ns;	  /* RESOLVED; else 0 */
	char fingerprint[33];	  /* hex of rule and labels: the same for the life of an alert and
				   * in every process with the same labels */
	uint8_t trace_id[16], span_id[8]; /* an example; all zero = none */
};

/* A group of alerts for one channel. */
struct rk_alert_notice {
	uint64_t unix_ns;  /* when it is told */
	uint32_t channel;  /* index in alerting.channels */
	char group[33];	   /* hex: key of the group, stable */
	const struct rk_alert *alerts;
	size_t alert_count; /* at least 1 */
	uint32_t repeat;    /* 0 = first told or changed; n = told again unchanged */
};

typedef void (*rk_alert_notify_fn)(void *data, const struct rk_alert_notice *notice);

/**
 * "stack", "top_holders", "idle_split": what it is called wherever it is told. / The detail of
 * @alert, "" where there is none.
 *
 * Context: any. Ownership: that of @alert.
 */
const char *rk_alert_detail_name(enum rk_alert_detail detail);
const char *rk_alert_detail(const struct rk_alert *alert, enum rk_alert_detail detail);

/**
 * "info", "warning", "critical", "page" / "inactive", "pending", "firing", "resolved".
 *
 * Context: any. Return: static strings.
 */
const char *rk_severity_name(enum rk_severity severity);
const char *rk_alert_state_name(enum rk_alert_state state);

#endif
