/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_route.c - routes of the file, and matching.
 */
#include "pipeline/alert/alert_route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_value.h"
#include "core/glob.h"
#include "core/log.h"

#define S 1000000000ull /* ns */
/* Kernels that get slow together mostly do so within seconds. */
#define GROUP_WAIT	(5 * S)
#define GROUP_INTERVAL	(60 * S)
#define REPEAT_INTERVAL (4 * 3600 * S)

const char *rk_alert_route_label(const struct rk_alert *alert, const char *name)
{
	if (strcmp(name, "alertname") == 0)
		return alert->rule;
	for (size_t i = 0; i < alert->label_count; i++) {
		if (strcmp(alert->labels[i].name, name) == 0)
			return alert->labels[i].value;
	}
	return "";
}

bool rk_alert_route_matches(const struct rk_yaml_node *match, const struct rk_alert *alert)
{
	for (const struct rk_yaml_node *n = match ? match->first : NULL; n; n = n->next) {
		if (!rk_glob_matches(n->text, rk_alert_route_label(alert, n->key)))
			return false;
	}
	return true;
}

static void read_duration(const struct rk_yaml_node *alerting, const char *key, uint64_t *ns)
{
	const struct rk_yaml_node *node = rk_yaml_get(alerting, key);

	if (node)
		rk_config_parse_duration(node->text, ns);
}

static bool is_meant(const struct rk_alert_channel *channel, const char *word)
{
	return strcmp(channel->name, word) == 0 ||
	       strcmp(rk_channel_kind_name(channel->kind), word) == 0;
}

static void tell_unknown(const char *file, const struct rk_yaml_node *list,
			 const struct rk_alert_channels *channels)
{
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next) {
		bool is_there = false;

		for (size_t i = 0; i < channels->count; i++)
			is_there = is_there || is_meant(&channels->rows[i], n->text);
		if (!is_there)
			rk_log_warn("config: %s:%u: no channel of alerting.channels is called %s",
				    file, n->line, n->text);
	}
}

/* A name means its channel, a kind all channels of it. Return: 0, -ENOMEM. */
static int read_channels(struct rk_alert_route *route, const struct rk_yaml_node *list,
			 const struct rk_alert_channels *channels)
{
	route->channels = calloc(channels->count + 1, sizeof(*route->channels));
	if (!route->channels)
		return -ENOMEM;
	for (size_t i = 0; i < channels->count; i++) {
		bool is_wanted = !list;

		for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next)
			is_wanted = is_wanted || is_meant(&channels->rows[i], n->text);
		if (is_wanted && channels->rows[i].is_usable)
			route->channels[route->channel_count++] = (uint32_t)i;
	}
	return 0;
}

static int take_route(struct rk_alert_routing *routing, const struct rk_config *config,
		      const struct rk_yaml_node *node, const struct rk_alert_channels *channels)
{
	struct rk_alert_route *route = &routing->routes[routing->route_count];
	const struct rk_yaml_node *match = rk_yaml_get(node, "match");
	const struct rk_yaml_node *list = rk_yaml_get(node, "channels");
	const struct rk_yaml_node *goes_on = rk_yaml_get(node, "continue");

	if (!list || list->kind != RK_YAML_SEQUENCE ||
	    (match && match->kind != RK_YAML_MAPPING && !rk_yaml_is_null(match))) {
		rk_log_warn("config: %s:%u: the route is left out", config->file, node->line);
		return 0;
	}
	route->match = match && match->kind == RK_YAML_MAPPING ? match : NULL;
	if (goes_on)
		rk_config_parse_bool(goes_on->text, &route->goes_on);
	routing->route_count++;
	tell_unknown(config->file, list, channels);
	return read_channels(route, list, channels);
}

int rk_alert_routing_init(struct rk_alert_routing *routing, const struct rk_config *config,
			  const struct rk_alert_channels *channels)
{
	const struct rk_yaml_node *alerting = config->alerting;
	const struct rk_yaml_node *list = rk_yaml_get(alerting, "routes");
	const struct rk_yaml_node *group_by = rk_yaml_get(alerting, "group_by");
	const struct rk_yaml_node *silences = rk_yaml_get(alerting, "silences_file");
	const struct rk_yaml_node *at_end = rk_yaml_get(alerting, "resolve_at_end");
	size_t most = 1;
	int err = 0;

	*routing = (struct rk_alert_routing){
		.group_by = group_by && group_by->kind == RK_YAML_SEQUENCE ? group_by : NULL,
		.group_wait_ns = GROUP_WAIT,
		.group_interval_ns = GROUP_INTERVAL,
		.repeat_interval_ns = REPEAT_INTERVAL,
		.resolves_at_end = true,
		.silences_file = silences && silences->kind == RK_YAML_SCALAR ? silences->text : "",
	};
	read_duration(alerting, "group_wait", &routing->group_wait_ns);
	read_duration(alerting, "group_interval", &routing->group_interval_ns);
	read_duration(alerting, "repeat_interval", &routing->repeat_interval_ns);
	if (at_end)
		rk_config_parse_bool(at_end->text, &routing->resolves_at_end);
	if (list && list->kind != RK_YAML_SEQUENCE)
		list = NULL;
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next)
		most++;
	routing->routes = calloc(most, sizeof(*routing->routes));
	if (!routing->routes)
		return -ENOMEM;
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n && !err; n = n->next)
		err = take_route(routing, config, n, channels);
	return err ? err : read_channels(&routing->routes[routing->route_count++], NULL, channels);
}

void rk_alert_routing_finish(struct rk_alert_routing *routing)
{
	for (size_t i = 0; routing->routes && i < routing->route_count; i++)
		free(routing->routes[i].channels);
	free(routing->routes);
	routing->routes = NULL;
	routing->route_count = 0;
}
