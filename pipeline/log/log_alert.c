/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_alert.c - the parts of an alert become fields.
 */
#include "pipeline/log/log_alert.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/live/event_source.h"

#define OWN_FIELDS  7u
#define MESSAGE_MAX 1024

static enum rk_log_level level_of(const struct rk_alert *alert)
{
	switch (alert->state) {
	case RK_ALERT_FIRING:
		return alert->severity >= RK_SEVERITY_CRITICAL ? RK_LOG_ERROR : RK_LOG_WARN;
	case RK_ALERT_RESOLVED:
		return RK_LOG_INFO;
	default:
		return RK_LOG_DEBUG;
	}
}

static void add_text(struct rk_log_event *event, struct rk_log_field *fields, const char *key,
		     const char *text)
{
	if (text && *text)
		fields[event->field_count++] = (struct rk_log_field){ .key = key, .text = text };
}

/* Labels that have a key of their own go there. */
static void put_labels(struct rk_log_event *event, struct rk_log_field *fields,
		       const struct rk_alert *alert)
{
	for (size_t i = 0; i < alert->label_count && i < RK_ALERT_LABELS_MAX; i++) {
		const struct rk_alert_label *label = &alert->labels[i];

		if (strcmp(label->name, "kernel_id") == 0)
			event->kernel_id = label->value;
		else if (strcmp(label->name, "domain") == 0)
			event->domain = label->value;
		else if (strcmp(label->name, "severity") != 0)
			add_text(event, fields, label->name, label->value);
	}
}

void rk_log_alert_tell(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	struct rk_event_source *source = data;
	struct rk_log_field fields[OWN_FIELDS + RK_ALERT_LABELS_MAX + RK_ALERT_DETAIL_COUNT];
	char message[MESSAGE_MAX];
	struct rk_log_event event = {
		.unix_ns = unix_ns,
		.level = level_of(alert),
		.name = "rustkernel.alert",
		.message = message,
		.duration_ms = -1,
		.fields = fields,
	};

	snprintf(message, sizeof(message), "alerts: %s is %s (%s): %s", alert->rule,
		 rk_alert_state_name(alert->state), rk_severity_name(alert->severity),
		 alert->summary);
	if (!source->setup.output) {
		rk_log(event.level, "%s", message);
		return;
	}
	add_text(&event, fields, "alert", alert->rule);
	add_text(&event, fields, "severity", rk_severity_name(alert->severity));
	add_text(&event, fields, "state", rk_alert_state_name(alert->state));
	fields[event.field_count++] =
		(struct rk_log_field){ .key = "value", .number = alert->value };
	fields[event.field_count++] =
		(struct rk_log_field){ .key = "threshold", .number = alert->threshold };
	add_text(&event, fields, "unit", alert->unit);
	add_text(&event, fields, "fingerprint", alert->fingerprint);
	put_labels(&event, fields, alert);
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++)
		add_text(&event, fields, rk_alert_detail_name((enum rk_alert_detail)i),
			 rk_alert_detail(alert, (enum rk_alert_detail)i));
	memcpy(event.trace_id, alert->trace_id, sizeof(event.trace_id));
	memcpy(event.span_id, alert->span_id, sizeof(event.span_id));
	rk_event_source_tell(source, &event);
}
