/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_channels.c - what the tables cannot say about alerting.channels.
 *
 * A secret is given once, by itself or by the name of its file; names tell channels apart.
 * Values are never shown: a mistake in a URL may stand in the middle of a secret.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/config_layer.h"

#define PATH_BYTES 160

struct pair {
	const char *kind, *value, *file;
};

/* One of both is needed, and only one. */
static const struct pair secrets[] = {
	{ "slack", "webhook_url", "webhook_url_file" },
	{ "pagerduty", "service_key", "service_key_file" },
	{ "webhook", "url", "url_file" },
	{ "alertmanager", "url", "url_file" },
};

static const char *scalar(const struct rk_yaml_node *row, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(row, key);

	return node && node->kind == RK_YAML_SCALAR && *node->text ? node->text : NULL;
}

static void check_secret(struct rk_config *config, const char *path, const struct rk_yaml_node *row)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const struct pair *pair = &secrets[i];
		bool has_value = rk_yaml_get(row, pair->value) != NULL, has_file;

		if (strcmp(row->key, pair->kind) != 0)
			continue;
		has_file = rk_yaml_get(row, pair->file) != NULL;
		if (!has_value && !has_file)
			rk_config_layer_problem(config, path, row->line,
						"%s or %s is missing; nothing can be sent there",
						pair->value, pair->file);
		else if (has_value && has_file)
			rk_config_layer_problem(config, path, row->line,
						"%s and %s are both given; %s counts", pair->value,
						pair->file, pair->file);
	}
}

static void check_url(struct rk_config *config, const char *path, const struct rk_yaml_node *row,
		      const char *key)
{
	const char *url = scalar(row, key);

	if (!url || strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0)
		return;
	rk_config_layer_problem(config, path, rk_yaml_get(row, key)->line,
				"%s is not what was expected: a URL that begins with http:// or "
				"https://",
				key);
}

static void check_method(struct rk_config *config, const char *path, const struct rk_yaml_node *row)
{
	const char *method = scalar(row, "method");
	char quoted[72];

	if (method && strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0)
		rk_config_layer_problem(config, path, row->line,
					"method %s is not what was expected: POST or PUT",
					rk_config_layer_quote(method, quoted));
}

static void check_login(struct rk_config *config, const char *path, const struct rk_yaml_node *row)
{
	bool has_user = rk_yaml_get(row, "username");
	bool has_password = rk_yaml_get(row, "password_file");

	if (strcmp(row->key, "alertmanager") != 0)
		return;
	if (has_user != has_password)
		rk_config_layer_problem(config, path, row->line,
					"username and password_file go together; %s is missing",
					has_user ? "password_file" : "username");
	if (has_user && rk_yaml_get(row, "bearer_token_file"))
		rk_config_layer_problem(config, path, row->line,
					"username and bearer_token_file are both given; the token "
					"counts");
}

/* @row: the one member of @element. */
static void check_row(struct rk_config *config, const char *path, const struct rk_yaml_node *row)
{
	check_secret(config, path, row);
	check_url(config, path, row, "url");
	check_url(config, path, row, "webhook_url");
	check_url(config, path, row, "link");
	check_method(config, path, row);
	check_login(config, path, row);
	if (rk_yaml_get(row, "severities") && rk_yaml_get(row, "min_severity"))
		rk_config_layer_problem(config, path, row->line,
					"severities and min_severity are both given; what either "
					"names is sent");
}

static void check_name(struct rk_config *config, const char *path, const struct rk_yaml_node *list,
		       const struct rk_yaml_node *row)
{
	const char *name = scalar(row, "name");
	char quoted[72];

	for (const struct rk_yaml_node *n = list->first; name && n && n->first != row;
	     n = n->next) {
		const char *other = n->first ? scalar(n->first, "name") : NULL;

		if (!other || strcmp(name, other) != 0)
			continue;
		rk_config_layer_problem(config, path, row->line,
					"the name %s is that of another channel already (line %u)",
					rk_config_layer_quote(name, quoted), n->first->line);
		return;
	}
}

void rk_config_layer_check_channels(struct rk_config *config, const struct rk_yaml_node *list)
{
	unsigned index = 0;

	if (!list || list->kind != RK_YAML_SEQUENCE)
		return;
	for (const struct rk_yaml_node *n = list->first; n; n = n->next, index++) {
		const struct rk_yaml_node *row = n->kind == RK_YAML_MAPPING ? n->first : NULL;
		char path[PATH_BYTES];

		/* One with no member, or with several, was named already. */
		if (!row || row->next)
			continue;
		snprintf(path, sizeof(path), "alerting.channels[%u].%.64s", index, row->key);
		check_row(config, path, row);
		check_name(config, path, list, row);
	}
}
