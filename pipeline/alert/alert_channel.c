/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_channel.c - from the tree of the file to rows.
 */
#include "pipeline/alert/alert_channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_value.h"
#include "core/number.h"

#define S		 1000000000ull /* ns */
#define TIMEOUT_NS	 (10 * S)
#define RESEND_NS	 (60 * S)  /* as Prometheus does */
#define RETRY_FOR_NS	 (600 * S) /* an alert that is older is no news any more */
#define ALL_SEVERITIES	 (2u * (1u << RK_SEVERITY_PAGE) - 1u)
#define PAGERDUTY_URL	 "https://events.pagerduty.com/v2/enqueue"

static const char *const kind_names[RK_CHANNEL_KIND_COUNT] = {
	[RK_CHANNEL_SLACK] = "slack",	  [RK_CHANNEL_PAGERDUTY] = "pagerduty",
	[RK_CHANNEL_WEBHOOK] = "webhook", [RK_CHANNEL_ALERTMANAGER] = "alertmanager",
	[RK_CHANNEL_LOG] = "log",	  [RK_CHANNEL_COMMAND] = "command",
};

const char *rk_channel_kind_name(enum rk_channel_kind kind)
{
	return kind < RK_CHANNEL_KIND_COUNT ? kind_names[kind] : "";
}

bool rk_channel_kind_is_net(enum rk_channel_kind kind)
{
	return kind < RK_CHANNEL_LOG;
}

/* Return: RK_CHANNEL_KIND_COUNT when @key is none. */
static enum rk_channel_kind kind_of(const char *key)
{
	int kind = 0;

	while (kind < RK_CHANNEL_KIND_COUNT && strcmp(kind_names[kind], key) != 0)
		kind++;
	return (enum rk_channel_kind)kind;
}

static const struct rk_yaml_node *first_row(const struct rk_config *config)
{
	const struct rk_yaml_node *list = rk_yaml_get(config->alerting, "channels");

	return list && list->kind == RK_YAML_SEQUENCE ? list->first : NULL;
}

static const char *text_of(const struct rk_yaml_node *row, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(row, key);

	return node && node->kind == RK_YAML_SCALAR ? node->text : "";
}

/* Nothing and 0 are @otherwise: no channel waits for ever, and none is told without a pause. */
static uint64_t duration_of(const struct rk_yaml_node *row, const char *key, uint64_t otherwise)
{
	uint64_t ns = 0;

	rk_number_parse_units(text_of(row, key), rk_number_durations, &ns);
	return ns ? ns : otherwise;
}

static int severity_of(const char *text)
{
	for (int s = RK_SEVERITY_INFO; s <= RK_SEVERITY_PAGE; s++) {
		if (strcmp(rk_severity_name((enum rk_severity)s), text) == 0)
			return s;
	}
	return -1;
}

static uint32_t read_severities(const struct rk_yaml_node *row)
{
	const struct rk_yaml_node *list = rk_yaml_get(row, "severities");
	int lowest = severity_of(text_of(row, "min_severity"));
	uint32_t wanted = 0;

	if (lowest > 0)
		wanted = ALL_SEVERITIES & ~((1u << lowest) - 1u);
	else if (!list)
		wanted = ALL_SEVERITIES;
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next) {
		int severity = severity_of(n->text);

		if (severity >= 0)
			wanted |= 1u << severity;
	}
	return wanted;
}

static void read_target(struct rk_alert_channel *channel, const struct rk_yaml_node *row)
{
	bool is_slack = channel->kind == RK_CHANNEL_SLACK;

	channel->url = text_of(row, is_slack ? "webhook_url" : "url");
	channel->url_file = text_of(row, is_slack ? "webhook_url_file" : "url_file");
	channel->key = text_of(row, "service_key");
	channel->key_file = text_of(row, "service_key_file");
	channel->channel = text_of(row, "channel");
	channel->username = is_slack ? text_of(row, "username") : "";
	channel->icon = text_of(row, "icon");
	channel->method = text_of(row, "method");
	channel->link = text_of(row, "link");
	channel->headers_file = text_of(row, "headers_file");
	channel->basic_user = is_slack ? "" : text_of(row, "username");
	channel->basic_password_file = text_of(row, "password_file");
	channel->bearer_token_file = text_of(row, "bearer_token_file");
	channel->certificate = text_of(row, "certificate");
	channel->client_certificate = text_of(row, "client_certificate");
	channel->client_key = text_of(row, "client_key");
	channel->argv = rk_yaml_get(row, "argv");
	if (channel->kind == RK_CHANNEL_PAGERDUTY && !*channel->url)
		channel->url = PAGERDUTY_URL;
	if (strcmp(channel->method, "PUT") != 0)
		channel->method = "POST";
}

/* The file's checks have said what is missing; this is what can be sent to all the same. */
static bool is_usable(const struct rk_alert_channel *channel)
{
	switch (channel->kind) {
	case RK_CHANNEL_SLACK:
	case RK_CHANNEL_WEBHOOK:
	case RK_CHANNEL_ALERTMANAGER:
		return *channel->url || *channel->url_file;
	case RK_CHANNEL_PAGERDUTY:
		return *channel->key || *channel->key_file;
	case RK_CHANNEL_COMMAND:
		return channel->argv && channel->argv->kind == RK_YAML_SEQUENCE &&
		       channel->argv->first;
	case RK_CHANNEL_LOG:
		return true;
	default:
		return false;
	}
}

static void read_row(struct rk_alert_channel *channel, const struct rk_yaml_node *element)
{
	const struct rk_yaml_node *row = element->first;
	bool wants_resolved = true;

	channel->line = element->line;
	channel->kind = row ? kind_of(row->key) : RK_CHANNEL_KIND_COUNT;
	if (channel->kind == RK_CHANNEL_KIND_COUNT)
		row = NULL;
	snprintf(channel->name, sizeof(channel->name), "%s", text_of(row, "name"));
	rk_config_parse_bool(text_of(row, "send_resolved"), &wants_resolved);
	channel->sends_resolved = wants_resolved;
	channel->severities = read_severities(row);
	channel->timeout_ns = duration_of(row, "timeout", TIMEOUT_NS);
	channel->resend_ns = duration_of(row, "resend_interval", RESEND_NS);
	if (channel->resend_ns < S)
		channel->resend_ns = S;
	channel->retry_for_ns = duration_of(row, "retry_for", RETRY_FOR_NS);
	read_target(channel, row);
	channel->is_usable = is_usable(channel);
}

/* That of its kind; where that is taken, with its place in the list; where somebody chose that,
 * too, with a number that is nobody's place. */
static void name_row(struct rk_alert_channels *channels, size_t index)
{
	struct rk_alert_channel *channel = &channels->rows[index];
	const char *kind = rk_channel_kind_name(channel->kind);
	char name[sizeof(channel->name)];

	if (channel->name[0])
		return;
	kind = *kind ? kind : "unknown";
	snprintf(name, sizeof(name), "%s", kind);
	for (size_t number = index + 1; rk_alert_channels_find(channels, name);
	     number += channels->count)
		snprintf(name, sizeof(name), "%s-%zu", kind, number);
	memcpy(channel->name, name, sizeof(name));
}

int rk_alert_channels_create(struct rk_alert_channels **out, const struct rk_config *config)
{
	struct rk_alert_channels *channels = calloc(1, sizeof(*channels));
	size_t count = 0;

	*out = NULL;
	if (!channels)
		return -ENOMEM;
	for (const struct rk_yaml_node *n = first_row(config); n; n = n->next)
		count++;
	channels->rows = calloc(count + 1, sizeof(*channels->rows));
	if (!channels->rows) {
		rk_alert_channels_destroy(channels);
		return -ENOMEM;
	}
	for (const struct rk_yaml_node *n = first_row(config); n; n = n->next)
		read_row(&channels->rows[channels->count++], n);
	for (size_t i = 0; i < count; i++)
		name_row(channels, i);
	*out = channels;
	return 0;
}

void rk_alert_channels_destroy(struct rk_alert_channels *channels)
{
	if (!channels)
		return;
	free(channels->rows);
	free(channels);
}

const struct rk_alert_channel *rk_alert_channels_find(const struct rk_alert_channels *channels,
						      const char *name)
{
	uint64_t place;

	for (size_t i = 0; i < channels->count; i++) {
		if (strcmp(channels->rows[i].name, name) == 0)
			return &channels->rows[i];
	}
	if (*name == '#' && rk_number_parse_uint(name + 1, &place) && place > 0 &&
	    place <= channels->count)
		return &channels->rows[place - 1];
	return NULL;
}

bool rk_alert_channel_takes(const struct rk_alert_channel *channel, const struct rk_alert *alert)
{
	if (alert->state == RK_ALERT_RESOLVED && !channel->sends_resolved)
		return false;
	return channel->severities & (1u << alert->severity);
}

bool rk_alert_channels_need_net(const struct rk_config *config)
{
	for (const struct rk_yaml_node *n = first_row(config); n; n = n->next) {
		if (n->first && rk_channel_kind_is_net(kind_of(n->first->key)))
			return true;
	}
	return false;
}
