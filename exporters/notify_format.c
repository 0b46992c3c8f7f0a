/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_format.c - what the formats have in common.
 */
#include "exporters/notify_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/number.h"

#define NS_PER_S 1000000000ull
#define LABEL_NAME_BYTES 128

const char *rk_notify_time(uint64_t unix_ns, char out[RK_NOTIFY_TIME_BYTES])
{
	time_t seconds = (time_t)(unix_ns / NS_PER_S);
	unsigned ms = (unsigned)(unix_ns % NS_PER_S / 1000000u);
	struct tm tm;

	if (!unix_ns || !gmtime_r(&seconds, &tm)) {
		snprintf(out, RK_NOTIFY_TIME_BYTES, "0001-01-01T00:00:00Z");
		return out;
	}
	snprintf(out, RK_NOTIFY_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_mon + 1,
		 (unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
		 (unsigned)tm.tm_sec, ms);
	return out;
}

struct step {
	double factor;
	const char *name;
};

/* Behind the point: what a person compares. round() would take libm. */
static double three_digits(double value)
{
	double half = value < 0 ? -0.5 : 0.5;

	return fabs(value) < 1e12 ? (double)(int64_t)(value * 1000 + half) / 1000 : value;
}

/* The largest step that leaves at least 1; the last one for all below. */
static const char *scale(double value, const struct step *steps, size_t count, char *out,
			 size_t size)
{
	size_t i = 0;
	char number[40];

	while (i + 1 < count && fabs(value) < steps[i].factor)
		i++;
	rk_number_format(three_digits(value / steps[i].factor), number, sizeof(number));
	snprintf(out, size, "%s %s", number, steps[i].name);
	return out;
}

const char *rk_notify_value(double value, const char *unit, char *out, size_t size)
{
	static const struct step seconds[] = {
		{ 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" }
	};
	static const struct step bytes[] = { { 1024.0 * 1024 * 1024, "GiB" },
					     { 1024.0 * 1024, "MiB" },
					     { 1024, "KiB" },
					     { 1, "bytes" } };
	static const struct step percent[] = { { 1, "%" } };
	char number[40];

	if (!isfinite(value)) {
		snprintf(out, size, "unknown");
		return out;
	}
	if (strcmp(unit, "s") == 0 && value != 0)
		return scale(value, seconds, 4, out, size);
	if (strcmp(unit, "bytes") == 0)
		return scale(value, bytes, 4, out, size);
	if (strcmp(unit, "ratio") == 0)
		return scale(value * 100, percent, 1, out, size);
	rk_number_format(value, number, sizeof(number));
	if (strcmp(unit, "1/s") == 0)
		snprintf(out, size, "%s/s", number);
	else
		snprintf(out, size, "%s%s%.32s", number, *unit ? " " : "", unit);
	return out;
}

const char *rk_notify_label(const struct rk_alert *alert, const char *name)
{
	for (size_t i = 0; i < alert->label_count; i++) {
		if (strcmp(alert->labels[i].name, name) == 0)
			return alert->labels[i].value;
	}
	return "";
}

const char *rk_notify_trace(const struct rk_alert *alert, char out[33])
{
	static const uint8_t none[sizeof(alert->trace_id)];

	out[0] = '\0';
	if (memcmp(alert->trace_id, none, sizeof(none)) == 0)
		return out;
	for (size_t i = 0; i < sizeof(none); i++)
		snprintf(out + 2 * i, 3, "%02x", alert->trace_id[i]);
	return out;
}

static const char *plain_name(const char *name, char out[LABEL_NAME_BYTES])
{
	size_t n = 0;

	if (*name >= '0' && *name <= '9')
		out[n++] = '_';
	for (; *name && n + 1 < LABEL_NAME_BYTES; name++) {
		char c = *name;
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '_';

		out[n++] = is_plain ? c : '_';
	}
	out[n] = '\0';
	return out;
}

/* Two names that become one would be one key twice: the first counts. */
static bool is_repeated(const struct rk_alert *alert, size_t index)
{
	char name[LABEL_NAME_BYTES], other[LABEL_NAME_BYTES];

	plain_name(alert->labels[index].name, name);
	if (!*name || strcmp(name, "alertname") == 0 || strcmp(name, "severity") == 0)
		return true;
	for (size_t i = 0; i < index; i++) {
		if (strcmp(plain_name(alert->labels[i].name, other), name) == 0)
			return true;
	}
	return false;
}

void rk_notify_put_labels_if(struct rk_json_text *json, const struct rk_alert *alert,
			     bool with_rule, bool with_severity)
{
	char name[LABEL_NAME_BYTES];

	if (with_rule)
		rk_json_text_string(json, "alertname", alert->rule);
	if (with_severity)
		rk_json_text_string(json, "severity", rk_severity_name(alert->severity));
	for (size_t i = 0; i < alert->label_count; i++) {
		if (*alert->labels[i].value && !is_repeated(alert, i))
			rk_json_text_string(json, plain_name(alert->labels[i].name, name),
					    alert->labels[i].value);
	}
}

void rk_notify_put_labels(struct rk_json_text *json, const struct rk_alert *alert)
{
	rk_notify_put_labels_if(json, alert, true, true);
}

void rk_notify_put_details(struct rk_json_text *json, const struct rk_alert *alert)
{
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++) {
		const char *detail = rk_alert_detail(alert, (enum rk_alert_detail)i);

		if (*detail)
			rk_json_text_string(json, rk_alert_detail_name((enum rk_alert_detail)i),
					    detail);
	}
}

size_t rk_notify_firing(const struct rk_alert_notice *notice)
{
	size_t firing = 0;

	for (size_t i = 0; i < notice->alert_count; i++)
		firing += notice->alerts[i].state == RK_ALERT_FIRING;
	return firing;
}
