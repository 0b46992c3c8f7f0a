/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_webhook.c - our own message: what Alertmanager's webhook receivers read.
 *
 * "version" and everything that Alertmanager has is as there, so its receivers work with it;
 * "format" says that the rest is ours, and which.
 */
#include <string.h>

#include "exporters/notify_format.h"

#define FORMAT "rkpreload/1"

static void put_annotations(struct rk_json_text *json, const char *key,
			    const struct rk_alert *alert)
{
	rk_json_text_open(json, key, '{');
	if (*alert->summary)
		rk_json_text_string(json, "summary", alert->summary);
	if (*alert->description)
		rk_json_text_string(json, "description", alert->description);
	rk_notify_put_details(json, alert);
	rk_json_text_close(json, '}');
}

/* What Alertmanager does not have. */
static void put_ours(struct rk_json_text *json, const struct rk_alert *alert)
{
	static const uint8_t none[sizeof(alert->span_id)];
	char trace[33], span[2 * sizeof(none) + 1] = "";

	rk_notify_trace(alert, trace);
	rk_json_text_double(json, "value", alert->value);
	rk_json_text_double(json, "threshold", alert->threshold);
	rk_json_text_string(json, "unit", alert->unit);
	if (!*trace)
		return;
	rk_json_text_string(json, "traceId", trace);
	if (memcmp(alert->span_id, none, sizeof(none)) == 0)
		return;
	for (size_t i = 0; i < sizeof(none); i++) {
		span[2 * i] = "0123456789abcdef"[alert->span_id[i] >> 4];
		span[2 * i + 1] = "0123456789abcdef"[alert->span_id[i] & 15];
	}
	rk_json_text_string(json, "spanId", span);
}

static void put_alert(struct rk_json_text *json, const struct rk_notify_format_input *input,
		      const struct rk_alert *alert)
{
	char time[RK_NOTIFY_TIME_BYTES];
	bool is_over = alert->state == RK_ALERT_RESOLVED;

	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "status", rk_alert_state_name(alert->state));
	rk_json_text_open(json, "labels", '{');
	rk_notify_put_labels(json, alert);
	rk_json_text_close(json, '}');
	put_annotations(json, "annotations", alert);
	rk_json_text_string(json, "startsAt", rk_notify_time(alert->started_unix_ns, time));
	rk_json_text_string(json, "endsAt",
			    rk_notify_time(is_over ? alert->ended_unix_ns : 0, time));
	rk_json_text_string(json, "generatorURL", input->channel->link);
	rk_json_text_string(json, "fingerprint", alert->fingerprint);
	put_ours(json, alert);
	rk_json_text_close(json, '}');
}

static bool all_have(const struct rk_alert_notice *notice, const struct rk_alert_label *label)
{
	for (size_t i = 1; i < notice->alert_count; i++) {
		if (strcmp(rk_notify_label(&notice->alerts[i], label->name), label->value) != 0)
			return false;
	}
	return true;
}

/* The first alert less what is not the same in all of them. */
static void put_common_labels(struct rk_json_text *json, const struct rk_alert_notice *notice)
{
	struct rk_alert common = notice->alerts[0];
	bool same_rule = true, same_severity = true;

	common.label_count = 0;
	for (size_t i = 0; i < notice->alerts[0].label_count; i++) {
		if (all_have(notice, &notice->alerts[0].labels[i]))
			common.labels[common.label_count++] = notice->alerts[0].labels[i];
	}
	for (size_t i = 1; i < notice->alert_count; i++) {
		same_rule &= strcmp(notice->alerts[i].rule, common.rule) == 0;
		same_severity &= notice->alerts[i].severity == common.severity;
	}
	rk_json_text_open(json, "commonLabels", '{');
	rk_notify_put_labels_if(json, &common, same_rule, same_severity);
	rk_json_text_close(json, '}');
}

static void put_common_annotations(struct rk_json_text *json, const struct rk_alert_notice *notice)
{
	struct rk_alert common = notice->alerts[0];

	for (size_t i = 1; i < notice->alert_count; i++) {
		if (strcmp(notice->alerts[i].summary, common.summary) != 0)
			common.summary = "";
		if (strcmp(notice->alerts[i].description, common.description) != 0)
			common.description = "";
		for (int d = 0; d < RK_ALERT_DETAIL_COUNT; d++) {
			if (strcmp(notice->alerts[i].details[d], common.details[d]) != 0)
				common.details[d] = "";
		}
	}
	put_annotations(json, "commonAnnotations", &common);
}

size_t rk_notify_webhook(const struct rk_notify_format_input *input, char *out, size_t size)
{
	const struct rk_alert_notice *notice = &input->told->notice;
	char time[RK_NOTIFY_TIME_BYTES];
	struct rk_json_text json;

	rk_json_text_init(&json, out, size);
	rk_json_text_open(&json, NULL, '{');
	rk_json_text_string(&json, "version", "4");
	rk_json_text_string(&json, "format", FORMAT);
	rk_json_text_string(&json, "receiver", input->channel->name);
	rk_json_text_string(&json, "status", rk_notify_firing(notice) ? "firing" : "resolved");
	rk_json_text_open(&json, "alerts", '[');
	for (size_t i = 0; i < notice->alert_count; i++)
		put_alert(&json, input, &notice->alerts[i]);
	rk_json_text_close(&json, ']');
	rk_json_text_uint(&json, "truncatedAlerts", input->told->left_out);
	rk_json_text_open(&json, "groupLabels", '{');
	rk_json_text_close(&json, '}');
	put_common_labels(&json, notice);
	put_common_annotations(&json, notice);
	rk_json_text_string(&json, "externalURL", input->channel->link);
	rk_json_text_string(&json, "groupKey", notice->group);
	rk_json_text_string(&json, "time", rk_notify_time(notice->unix_ns, time));
	rk_json_text_uint(&json, "repeat", notice->repeat);
	rk_json_text_string(&json, "source", input->source);
	rk_json_text_string(&json, "service", input->service);
	rk_json_text_close(&json, '}');
	return json.is_cut ? 0 : json.used;
}
