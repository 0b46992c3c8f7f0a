/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_format.h - a notice as the body of a request, in the words of a receiver.
 *
 * Each format is a file of its own and needs no network: notice in, JSON out.
 */
#ifndef RK_EXPORTERS_NOTIFY_FORMAT_H
#define RK_EXPORTERS_NOTIFY_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/json_text.h"
#include "exporters/notify_notice.h"

#define RK_NOTIFY_TIME_BYTES 32 /* of an RFC 3339 time with its end */

struct rk_notify_format_input {
	const struct rk_notify_notice *told;
	size_t alert; /* formats of one alert a request: which */
	const struct rk_alert_channel *channel;
	const char *source;  /* host name */
	const char *service; /* service.name; may be "" */
	const char *key;     /* PagerDuty: the integration key, a secret */
	uint64_t now_unix_ns;
};

/* Return: bytes of @out, without the NUL; 0 when @size is too small. */
typedef size_t (*rk_notify_format_fn)(const struct rk_notify_format_input *input, char *out,
				      size_t size);

/**
 * The message of an incoming webhook of Slack: text for the notification, and one attachment
 * with its colour per alert. At most 40,000 bytes whatever @size is: alerts that do not fit
 * are counted in it.
 *
 * Context: any.
 */
size_t rk_notify_slack(const struct rk_notify_format_input *input, char *out, size_t size);

/**
 * One event of PagerDuty's Events API v2, of input->alert: trigger, or resolve.
 *
 * Context: any.
 */
size_t rk_notify_pagerduty(const struct rk_notify_format_input *input, char *out, size_t size);

/**
 * The list of POST /api/v2/alerts. What is firing ends RK_NOTIFY_STANDS times its interval from
 * now, so that it must be told again before.
 *
 * Context: any.
 */
size_t rk_notify_alertmanager(const struct rk_notify_format_input *input, char *out, size_t size);
#define RK_NOTIFY_STANDS 4u /* three resends may be lost; Prometheus has the same ratio */

/**
 * Our own, in the shape of Alertmanager's webhook (version 4) and with more in it.
 *
 * Context: any.
 */
size_t rk_notify_webhook(const struct rk_notify_format_input *input, char *out, size_t size);

/**
 * RFC 3339 in UTC with milliseconds; "0001-01-01T00:00:00Z" for 0, as receivers write "not yet".
 *
 * Context: any. Return: @out.
 */
const char *rk_notify_time(uint64_t unix_ns, char out[RK_NOTIFY_TIME_BYTES]);

/**
 * "82 ms", "3.5 GiB", "12.5 %", "40/s": what people read.
 *
 * Context: any. Return: @out.
 */
const char *rk_notify_value(double value, const char *unit, char *out, size_t size);

/**
 * The value of a label; "" when @alert does not have it.
 *
 * Context: any.
 */
const char *rk_notify_label(const struct rk_alert *alert, const char *name);

/**
 * The example's trace as hex; "" when there is none.
 *
 * Context: any. Return: @out.
 */
const char *rk_notify_trace(const struct rk_alert *alert, char out[33]);

/**
 * alertname, severity and the labels of @alert as members of an object. Names of labels become
 * what Prometheus allows: letters, digits and '_', no digit in front; labels without a value
 * are left out. The second leaves out alertname or severity.
 *
 * Context: any.
 */
void rk_notify_put_labels(struct rk_json_text *json, const struct rk_alert *alert);
void rk_notify_put_labels_if(struct rk_json_text *json, const struct rk_alert *alert,
			     bool with_rule, bool with_severity);

/**
 * The details of @alert that there are, as members of an object.
 *
 * Context: any.
 */
void rk_notify_put_details(struct rk_json_text *json, const struct rk_alert *alert);

/**
 * How many alerts of @notice are firing.
 *
 * Context: any.
 */
size_t rk_notify_firing(const struct rk_alert_notice *notice);

#endif
