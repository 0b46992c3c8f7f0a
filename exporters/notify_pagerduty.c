/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_pagerduty.c - Events API v2: one event per alert.
 *
 * The dedup key is the alert's fingerprint, so telling again adds to the incident that is open
 * and a resolve closes it, also from another process.
 */
#include <string.h>

#include "exporters/notify_format.h"

#define SUMMARY_MAX 1024u /* characters */
#define CLIENT	    "rkpreload"

static const char *severity_of(enum rk_severity severity)
{
	switch (severity) {
	case RK_SEVERITY_INFO:
		return "info";
	case RK_SEVERITY_WARNING:
		return "warning";
	default: /* page is how urgently people are told, not how bad it is */
		return "critical";
	}
}

static void put_summary(struct rk_json_text *json, const struct rk_alert *alert)
{
	char text[SUMMARY_MAX + 1];
	const char *summary = *alert->summary ? alert->summary : alert->rule;
	size_t length = strnlen(summary, SUMMARY_MAX);

	while (length == SUMMARY_MAX && length && ((unsigned char)summary[length] & 0xc0) == 0x80)
		length--;
	memcpy(text, summary, length);
	text[length] = '\0';
	rk_json_text_string(json, "summary", text);
}

static void put_if(struct rk_json_text *json, const char *key, const char *value)
{
	if (*value)
		rk_json_text_string(json, key, value);
}

static void put_details(struct rk_json_text *json, const struct rk_notify_format_input *input,
			const struct rk_alert *alert)
{
	char text[64], trace[33];

	rk_json_text_open(json, "custom_details", '{');
	rk_notify_put_labels(json, alert);
	put_if(json, "description", alert->description);
	rk_notify_put_details(json, alert);
	rk_json_text_string(json, "value",
			    rk_notify_value(alert->value, alert->unit, text, sizeof(text)));
	rk_json_text_string(json, "threshold",
			    rk_notify_value(alert->threshold, alert->unit, text, sizeof(text)));
	put_if(json, "trace_id", rk_notify_trace(alert, trace));
	put_if(json, "service", input->service);
	rk_json_text_close(json, '}');
}

static void put_payload(struct rk_json_text *json, const struct rk_notify_format_input *input,
			const struct rk_alert *alert)
{
	const char *kernel = rk_notify_label(alert, "kernel_id");
	char time[RK_NOTIFY_TIME_BYTES];

	rk_json_text_open(json, "payload", '{');
	put_summary(json, alert);
	rk_json_text_string(json, "source", *input->source ? input->source : CLIENT);
	rk_json_text_string(json, "severity", severity_of(alert->severity));
	if (alert->started_unix_ns)
		rk_json_text_string(json, "timestamp",
				    rk_notify_time(alert->started_unix_ns, time));
	put_if(json, "component", *kernel ? kernel : input->service);
	put_if(json, "group", rk_notify_label(alert, "domain"));
	rk_json_text_string(json, "class", alert->rule);
	put_details(json, input, alert);
	rk_json_text_close(json, '}');
}

size_t rk_notify_pagerduty(const struct rk_notify_format_input *input, char *out, size_t size)
{
	const struct rk_alert *alert = &input->told->notice.alerts[input->alert];
	bool is_over = alert->state == RK_ALERT_RESOLVED;
	struct rk_json_text json;

	rk_json_text_init(&json, out, size);
	rk_json_text_open(&json, NULL, '{');
	rk_json_text_string(&json, "routing_key", input->key);
	rk_json_text_string(&json, "event_action", is_over ? "resolve" : "trigger");
	rk_json_text_string(&json, "dedup_key", alert->fingerprint);
	if (!is_over) {
		rk_json_text_string(&json, "client", CLIENT);
		put_if(&json, "client_url", input->channel->link);
		put_payload(&json, input, alert);
	}
	rk_json_text_close(&json, '}');
	return json.is_cut ? 0 : json.used;
}
