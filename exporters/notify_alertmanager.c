/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_alertmanager.c - POST /api/v2/alerts.
 *
 * An alert is known there by its labels alone, so nothing that changes is among them: value,
 * host and trace are annotations.
 */
#include "exporters/notify_format.h"

static void put_annotation(struct rk_json_text *json, const char *name, const char *text)
{
	if (*text)
		rk_json_text_string(json, name, text);
}

static void put_annotations(struct rk_json_text *json, const struct rk_notify_format_input *input,
			    const struct rk_alert *alert)
{
	char text[64], trace[33];

	rk_json_text_open(json, "annotations", '{');
	put_annotation(json, "summary", alert->summary);
	put_annotation(json, "description", alert->description);
	rk_notify_put_details(json, alert);
	put_annotation(json, "value",
		       rk_notify_value(alert->value, alert->unit, text, sizeof(text)));
	put_annotation(json, "threshold",
		       rk_notify_value(alert->threshold, alert->unit, text, sizeof(text)));
	put_annotation(json, "instance", input->source);
	put_annotation(json, "service", input->service);
	put_annotation(json, "trace_id", rk_notify_trace(alert, trace));
	rk_json_text_close(json, '}');
}

/* An end that lies ahead is a promise to tell again until then. */
static uint64_t end_of(const struct rk_notify_format_input *input, const struct rk_alert *alert)
{
	if (alert->state == RK_ALERT_FIRING)
		return input->now_unix_ns + RK_NOTIFY_STANDS * input->channel->resend_ns;
	return alert->ended_unix_ns ? alert->ended_unix_ns : input->now_unix_ns;
}

static void put_alert(struct rk_json_text *json, const struct rk_notify_format_input *input,
		      const struct rk_alert *alert)
{
	char time[RK_NOTIFY_TIME_BYTES];

	rk_json_text_open(json, NULL, '{');
	rk_json_text_open(json, "labels", '{');
	rk_notify_put_labels(json, alert);
	rk_json_text_close(json, '}');
	put_annotations(json, input, alert);
	if (alert->started_unix_ns)
		rk_json_text_string(json, "startsAt", rk_notify_time(alert->started_unix_ns, time));
	rk_json_text_string(json, "endsAt", rk_notify_time(end_of(input, alert), time));
	put_annotation(json, "generatorURL", input->channel->link);
	rk_json_text_close(json, '}');
}

size_t rk_notify_alertmanager(const struct rk_notify_format_input *input, char *out, size_t size)
{
	const struct rk_alert_notice *notice = &input->told->notice;
	struct rk_json_text json;

	rk_json_text_init(&json, out, size);
	rk_json_text_open(&json, NULL, '[');
	for (size_t i = 0; i < notice->alert_count; i++)
		put_alert(&json, input, &notice->alerts[i]);
	rk_json_text_close(&json, ']');
	return json.is_cut ? 0 : json.used;
}
