/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_schema.c - the parts of the file that are lists: kernels, alerting, slo.
 *
 * They are checked against the tables below, so a slip is named with its line when the file
 * is read and not when an alert fails to fire. Alerting and SLO stay a tree.
 */
#include "core/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/config_layer.h"
#include "core/nearest.h"

enum shape {
	SHAPE_TEXT,
	SHAPE_SECRET, /* text that is never printed */
	SHAPE_DURATION,
	SHAPE_RATIO,
	SHAPE_PERCENT,
	SHAPE_NUMBER,
	SHAPE_SIZE,
	SHAPE_BOOL,
	SHAPE_SEVERITY,
	SHAPE_TEXTS,	/* list of text */
	SHAPE_SEVERITIES, /* list of them */
	SHAPE_MAPPING,	/* with the members of .members */
	SHAPE_MAPPINGS, /* list of them */
	SHAPE_ONE_OF,	/* mapping with exactly one member */
	SHAPE_ONES_OF,	/* list of them */
	SHAPE_LABELS,	/* mapping of names to text */
	SHAPE_OPEN,	/* mapping whose members are another engine's business */
};

struct member {
	const char *key;
	enum shape shape;
	bool required;
	const struct member *members;
};

static const struct member kernel_members[] = {
	{ "match", SHAPE_TEXT, true, NULL },
	{ "id", SHAPE_TEXT, false, NULL },
	{ "domain", SHAPE_TEXT, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member latency_members[] = {
	{ "threshold", SHAPE_DURATION, true, NULL },
	{ "resolve", SHAPE_DURATION, false, NULL },
	{ "percentile", SHAPE_PERCENT, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member error_rate_members[] = {
	{ "threshold", SHAPE_RATIO, true, NULL },
	{ "resolve", SHAPE_RATIO, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member execution_rate_members[] = {
	{ "threshold", SHAPE_NUMBER, true, NULL }, /* per second */
	{ "resolve", SHAPE_NUMBER, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member memory_members[] = {
	{ "threshold", SHAPE_SIZE, true, NULL }, { "resolve", SHAPE_SIZE, false, NULL },
	{ "pool", SHAPE_TEXT, false, NULL },	 { "device", SHAPE_TEXT, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member memory_growth_members[] = {
	{ "bytes", SHAPE_SIZE, true, NULL },	   { "resolve", SHAPE_SIZE, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL }, { "pool", SHAPE_TEXT, false, NULL },
	{ "device", SHAPE_TEXT, false, NULL },	   { NULL, SHAPE_TEXT, false, NULL },
};
static const struct member breaker_members[] = {
	{ "name", SHAPE_TEXT, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member burn_rate_members[] = {
	{ "slo", SHAPE_TEXT, false, NULL },
	{ "target", SHAPE_TEXT, false, NULL },
	{ "factor", SHAPE_NUMBER, true, NULL },
	{ "resolve", SHAPE_NUMBER, false, NULL },
	{ "long_window", SHAPE_DURATION, false, NULL },
	{ "short_window", SHAPE_DURATION, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member no_executions_members[] = {
	{ "duration", SHAPE_DURATION, true, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member in_flight_members[] = {
	{ "longer_than", SHAPE_DURATION, true, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member losses_members[] = {
	{ "threshold", SHAPE_NUMBER, false, NULL }, { "resolve", SHAPE_NUMBER, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL },  { "reason", SHAPE_TEXT, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member gpu_idle_members[] = {
	{ "threshold", SHAPE_RATIO, true, NULL },  { "resolve", SHAPE_RATIO, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL }, { "state", SHAPE_TEXT, false, NULL },
	{ "device", SHAPE_TEXT, false, NULL },	   { NULL, SHAPE_TEXT, false, NULL },
};
static const struct member condition_members[] = {
	{ "latency_exceeds", SHAPE_MAPPING, false, latency_members },
	{ "error_rate_exceeds", SHAPE_MAPPING, false, error_rate_members },
	{ "execution_rate_below", SHAPE_MAPPING, false, execution_rate_members },
	{ "execution_rate_above", SHAPE_MAPPING, false, execution_rate_members },
	{ "memory_exceeds", SHAPE_MAPPING, false, memory_members },
	{ "memory_growth", SHAPE_MAPPING, false, memory_growth_members },
	{ "circuit_breaker_open", SHAPE_MAPPING, false, breaker_members },
	{ "slo_burn_rate", SHAPE_MAPPING, false, burn_rate_members },
	{ "no_executions_for", SHAPE_MAPPING, false, no_executions_members },
	{ "kernel_in_flight", SHAPE_MAPPING, false, in_flight_members },
	{ "losses_above", SHAPE_MAPPING, false, losses_members },
	{ "gpu_idle", SHAPE_MAPPING, false, gpu_idle_members },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member annotation_members[] = {
	{ "summary", SHAPE_TEXT, false, NULL },
	{ "description", SHAPE_TEXT, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member rule_members[] = {
	{ "name", SHAPE_TEXT, true, NULL },
	{ "condition", SHAPE_ONE_OF, true, condition_members },
	{ "severity", SHAPE_SEVERITY, false, NULL },
	{ "for_duration", SHAPE_DURATION, false, NULL },
	{ "keep_firing_for", SHAPE_DURATION, false, NULL },
	{ "repeat_interval", SHAPE_DURATION, false, NULL },
	{ "kernels", SHAPE_TEXTS, false, NULL },
	{ "domains", SHAPE_TEXTS, false, NULL },
	{ "devices", SHAPE_TEXTS, false, NULL },
	{ "by", SHAPE_TEXTS, false, NULL },
	{ "labels", SHAPE_LABELS, false, NULL },
	{ "annotations", SHAPE_MAPPING, false, annotation_members },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member route_members[] = {
	{ "match", SHAPE_LABELS, false, NULL },
	{ "channels", SHAPE_TEXTS, true, NULL },
	{ "continue", SHAPE_BOOL, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};
/* What every channel has, and what those of the network have besides. */
#define CHANNEL_MEMBERS                                                                            \
	{ "name", SHAPE_TEXT, false, NULL }, { "min_severity", SHAPE_SEVERITY, false, NULL },      \
		{ "severities", SHAPE_SEVERITIES, false, NULL },                                       \
	{                                                                                          \
		"send_resolved", SHAPE_BOOL, false, NULL                                           \
	}
#define WIRE_MEMBERS                                                                               \
	{ "timeout", SHAPE_DURATION, false, NULL }, { "retry_for", SHAPE_DURATION, false, NULL },  \
		{ "link", SHAPE_TEXT, false, NULL }, { "certificate", SHAPE_TEXT, false, NULL },                                        \
		{ "client_certificate", SHAPE_TEXT, false, NULL },                                 \
	{                                                                                          \
		"client_key", SHAPE_TEXT, false, NULL                                              \
	}
static const struct member slack_members[] = {
	{ "webhook_url_file", SHAPE_TEXT, false, NULL },
	{ "webhook_url", SHAPE_SECRET, false, NULL },
	{ "channel", SHAPE_TEXT, false, NULL },
	{ "username", SHAPE_TEXT, false, NULL },
	{ "icon", SHAPE_TEXT, false, NULL },
	CHANNEL_MEMBERS,
	WIRE_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member pagerduty_members[] = {
	{ "service_key_file", SHAPE_TEXT, false, NULL },
	{ "service_key", SHAPE_SECRET, false, NULL },
	{ "url", SHAPE_SECRET, false, NULL },
	CHANNEL_MEMBERS,
	WIRE_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member webhook_members[] = {
	{ "url", SHAPE_SECRET, false, NULL },
	{ "url_file", SHAPE_TEXT, false, NULL },
	{ "method", SHAPE_TEXT, false, NULL },
	{ "headers_file", SHAPE_TEXT, false, NULL },
	CHANNEL_MEMBERS,
	WIRE_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member alertmanager_members[] = {
	{ "url", SHAPE_SECRET, false, NULL },
	{ "url_file", SHAPE_TEXT, false, NULL },
	{ "username", SHAPE_TEXT, false, NULL },
	{ "password_file", SHAPE_TEXT, false, NULL },
	{ "bearer_token_file", SHAPE_TEXT, false, NULL },
	{ "resend_interval", SHAPE_DURATION, false, NULL },
	{ "headers_file", SHAPE_TEXT, false, NULL },
	CHANNEL_MEMBERS,
	WIRE_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member log_members[] = {
	CHANNEL_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member command_members[] = {
	{ "argv", SHAPE_TEXTS, true, NULL },
	{ "timeout", SHAPE_DURATION, false, NULL },
	CHANNEL_MEMBERS,
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member channel_members[] = {
	{ "slack", SHAPE_MAPPING, false, slack_members },
	{ "pagerduty", SHAPE_MAPPING, false, pagerduty_members },
	{ "webhook", SHAPE_MAPPING, false, webhook_members },
	{ "alertmanager", SHAPE_MAPPING, false, alertmanager_members },
	{ "log", SHAPE_OPEN, false, log_members },
	{ "command", SHAPE_MAPPING, false, command_members },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member alerting_members[] = {
	{ "rules", SHAPE_MAPPINGS, false, rule_members },
	{ "group_by", SHAPE_TEXTS, false, NULL },
	{ "group_wait", SHAPE_DURATION, false, NULL },
	{ "group_interval", SHAPE_DURATION, false, NULL },
	{ "repeat_interval", SHAPE_DURATION, false, NULL },
	{ "resolve_at_end", SHAPE_BOOL, false, NULL },
	{ "routes", SHAPE_MAPPINGS, false, route_members },
	{ "silences_file", SHAPE_TEXT, false, NULL },
	{ "channels", SHAPE_ONES_OF, false, channel_members },
	{ NULL, SHAPE_TEXT, false, NULL },
};
static const struct member slo_members[] = {
	{ "name", SHAPE_TEXT, true, NULL },
	{ "domain", SHAPE_TEXT, false, NULL },
	{ "kernel", SHAPE_TEXT, false, NULL },
	{ "latency_p50", SHAPE_DURATION, false, NULL },
	{ "latency_p95", SHAPE_DURATION, false, NULL },
	{ "latency_p99", SHAPE_DURATION, false, NULL },
	{ "latency_p99.9", SHAPE_DURATION, false, NULL },
	{ "availability", SHAPE_RATIO, false, NULL },
	{ "error_rate", SHAPE_RATIO, false, NULL },
	{ "throughput", SHAPE_NUMBER, false, NULL },
	{ "window", SHAPE_DURATION, false, NULL },
	{ "source", SHAPE_TEXT, false, NULL },
	{ "min_executions", SHAPE_NUMBER, false, NULL },
	{ NULL, SHAPE_TEXT, false, NULL },
};

static const struct member lists[] = {
	{ "kernels", SHAPE_MAPPINGS, false, kernel_members },
	{ "alerting", SHAPE_MAPPING, false, alerting_members },
	{ "slo", SHAPE_MAPPINGS, false, slo_members },
	{ "logging.per_domain_levels", SHAPE_OPEN, false, NULL },
};

#define LIST_COUNT (sizeof(lists) / sizeof(lists[0]))

const char *rk_config_layer_list_key(size_t index)
{
	return index < LIST_COUNT ? lists[index].key : NULL;
}

/* Returns whether everything below was as expected. */
static bool check_node(struct rk_config *config, const struct member *member, const char *path,
		       const struct rk_yaml_node *node);

static const char *expected_of(enum shape shape)
{
	static const char *const expected[] = {
		[SHAPE_TEXT] = "text",
		[SHAPE_SECRET] = "text",
		[SHAPE_DURATION] = "a duration like 250ms, 15s or 1m",
		[SHAPE_RATIO] = "a number from 0 to 1",
		[SHAPE_PERCENT] = "a number above 0 and below 100",
		[SHAPE_NUMBER] = "a number",
		[SHAPE_SIZE] = "a size like 512KiB or 4GiB",
		[SHAPE_BOOL] = "true or false",
		[SHAPE_SEVERITY] = "info, warning, critical or page",
		[SHAPE_TEXTS] = "a list of texts",
		[SHAPE_SEVERITIES] = "a list of info, warning, critical or page",
		[SHAPE_MAPPING] = "a mapping",
		[SHAPE_MAPPINGS] = "a list of mappings",
		[SHAPE_ONE_OF] = "a mapping with one member",
		[SHAPE_ONES_OF] = "a list of mappings with one member each",
		[SHAPE_LABELS] = "a mapping of names to text",
		[SHAPE_OPEN] = "a mapping",
	};

	return expected[shape];
}

static bool is_severity(const char *text)
{
	return strcmp(text, "info") == 0 || strcmp(text, "warning") == 0 ||
	       strcmp(text, "critical") == 0 || strcmp(text, "page") == 0;
}

static bool scalar_fits(enum shape shape, const char *text)
{
	double number;
	uint64_t ns;
	bool flag;

	switch (shape) {
	case SHAPE_DURATION:
		return rk_config_parse_duration(text, &ns);
	case SHAPE_RATIO:
		return rk_config_parse_number(text, &number) && number <= 1;
	case SHAPE_PERCENT:
		return rk_config_parse_number(text, &number) && number > 0 && number < 100;
	case SHAPE_NUMBER:
		return rk_config_parse_number(text, &number);
	case SHAPE_SIZE:
		return rk_config_parse_size(text, &ns);
	case SHAPE_BOOL:
		return rk_config_parse_bool(text, &flag);
	case SHAPE_SEVERITY:
		return is_severity(text);
	case SHAPE_TEXT:
	case SHAPE_SECRET:
		return *text;
	default:
		return false;
	}
}

static const struct member *find_member(const struct member *members, const char *key)
{
	for (; members->key; members++) {
		if (strcmp(members->key, key) == 0 || strcmp(members->key, "*") == 0)
			return members;
	}
	return NULL;
}

static void tell_unknown(struct rk_config *config, const struct member *members, const char *path,
			 const struct rk_yaml_node *node)
{
	struct rk_nearest nearest;
	const char *best;

	rk_nearest_init(&nearest, node->key);
	for (const struct member *m = members; m->key; m++)
		rk_nearest_push(&nearest, m->key);
	best = rk_nearest_get(&nearest);
	rk_config_layer_problem(config, path, node->line, "no such setting%s%s%s",
				best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

static bool check_members(struct rk_config *config, const struct member *members, const char *path,
			  const struct rk_yaml_node *node)
{
	bool ok = true;

	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		const struct member *member = find_member(members, n->key);
		char below[256];

		snprintf(below, sizeof(below), "%.180s.%.64s", path, n->key);
		if (!member)
			tell_unknown(config, members, below, n);
		else
			ok &= check_node(config, member, below, n);
	}
	for (const struct member *m = members; m->key; m++) {
		if (!m->required || rk_yaml_get(node, m->key))
			continue;
		rk_config_layer_problem(config, path, node->line, "%s is missing; expected %s",
					m->key, expected_of(m->shape));
		ok = false;
	}
	return ok;
}

/* Every element of a list as @element says; the path gets its index. */
static bool check_elements(struct rk_config *config, const struct member *element, const char *path,
			   const struct rk_yaml_node *node)
{
	unsigned index = 0;
	bool ok = true;

	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		char below[256];

		snprintf(below, sizeof(below), "%.200s[%u]", path, index++);
		ok &= check_node(config, element, below, n);
	}
	return ok;
}

/* Every member is text, whatever its name. */
static bool check_labels(struct rk_config *config, const char *path,
			 const struct rk_yaml_node *node)
{
	static const struct member label = { "*", SHAPE_TEXT, false, NULL };
	bool ok = true;

	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		char below[256];

		snprintf(below, sizeof(below), "%.180s.%.64s", path, n->key);
		ok &= check_node(config, &label, below, n);
	}
	return ok;
}

/* A name beside the one member is what many try: say what was found. */
static void tell_count(struct rk_config *config, const char *path, const struct rk_yaml_node *node)
{
	char found[128] = "none";
	size_t length = 0;

	for (const struct rk_yaml_node *n = node->first; n && length < sizeof(found); n = n->next)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%.32s",
					   length ? ", " : "", n->key);
	rk_config_layer_problem(config, path, node->line,
				"expected exactly one member, found %s; ignored", found);
}

static bool check_mapping(struct rk_config *config, const struct member *member, const char *path,
			  const struct rk_yaml_node *node)
{
	if (member->shape == SHAPE_ONE_OF && (!node->first || node->first->next)) {
		tell_count(config, path, node);
		return false;
	}
	if (member->shape == SHAPE_LABELS)
		return check_labels(config, path, node);
	return !member->members || check_members(config, member->members, path, node);
}

static bool check_list(struct rk_config *config, const struct member *member, const char *path,
		       const struct rk_yaml_node *node)
{
	struct member element = *member;

	element.shape = member->shape == SHAPE_TEXTS	  ? SHAPE_TEXT :
			member->shape == SHAPE_SEVERITIES ? SHAPE_SEVERITY :
			member->shape == SHAPE_MAPPINGS	  ? SHAPE_MAPPING :
							    SHAPE_ONE_OF;
	return check_elements(config, &element, path, node);
}

static bool check_node(struct rk_config *config, const struct member *member, const char *path,
		       const struct rk_yaml_node *node)
{
	bool list = member->shape == SHAPE_TEXTS || member->shape == SHAPE_SEVERITIES ||
		    member->shape == SHAPE_MAPPINGS || member->shape == SHAPE_ONES_OF;
	char quoted[72];

	if (list && node->kind == RK_YAML_SEQUENCE)
		return check_list(config, member, path, node);
	if (member->shape >= SHAPE_MAPPING && !list && node->kind == RK_YAML_MAPPING)
		return check_mapping(config, member, path, node);
	if (node->kind == RK_YAML_SCALAR && scalar_fits(member->shape, node->text))
		return true;
	if ((list || member->shape == SHAPE_OPEN) && rk_yaml_is_null(node))
		return true;
	if (node->kind != RK_YAML_SCALAR || member->shape == SHAPE_SECRET)
		rk_config_layer_problem(config, path, node->line, "is not what was expected: %s",
					expected_of(member->shape));
	else
		rk_config_layer_problem(config, path, node->line, "%s is not what was expected: %s",
					rk_config_layer_quote(node->text, quoted),
					expected_of(member->shape));
	return false;
}

static size_t count_children(const struct rk_yaml_node *node)
{
	size_t count = 0;

	for (const struct rk_yaml_node *n = node->first; n; n = n->next)
		count++;
	return count;
}

static const char *text_of(const struct rk_yaml_node *mapping, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(mapping, key);

	return node && node->kind == RK_YAML_SCALAR ? node->text : "";
}

/* Rules that can be used are used; one without `match` cannot, and was named. */
static int keep_kernels(struct rk_config *config, const struct rk_yaml_node *node)
{
	struct rk_kernel_rule *rules;
	size_t count = 0;

	rules = rk_arena_alloc(config->arena, (count_children(node) + 1) * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		struct rk_kernel_rule rule = {
			.match = text_of(n, "match"),
			.id = text_of(n, "id"),
			.domain = text_of(n, "domain"),
		};

		if (*rule.match)
			rules[count++] = rule;
	}
	config->kernels = rules;
	config->kernel_count = count;
	return 0;
}

static int keep_domain_levels(struct rk_config *config, const struct rk_yaml_node *node)
{
	struct rk_domain_level *kept;
	size_t count = 0;
	char path[256], quoted[72];

	kept = rk_arena_alloc(config->arena, (count_children(node) + 1) * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		if (n->kind == RK_YAML_SCALAR &&
		    rk_config_parse_level(n->text, &kept[count].level)) {
			kept[count++].domain = n->key;
			continue;
		}
		snprintf(path, sizeof(path), "logging.per_domain_levels.%.100s", n->key);
		rk_config_layer_problem(config, path, n->line,
					"%s is not what was expected: error, warn, info, debug, "
					"trace or off; ignored",
					rk_config_layer_quote(n->text, quoted));
	}
	config->domain_levels = kept;
	config->domain_level_count = count;
	return 0;
}

int rk_config_layer_list(struct rk_config *config, const char *key, const struct rk_yaml_node *node)
{
	const struct member *member = lists;

	while (member < lists + LIST_COUNT && strcmp(member->key, key) != 0)
		member++;
	if (member == lists + LIST_COUNT)
		return 1;
	if (rk_yaml_is_null(node))
		return 0;
	check_node(config, member, key, node);
	if (strcmp(key, "kernels") == 0)
		return node->kind == RK_YAML_SEQUENCE ? keep_kernels(config, node) : 0;
	if (strcmp(key, "logging.per_domain_levels") == 0)
		return node->kind == RK_YAML_MAPPING ? keep_domain_levels(config, node) : 0;
	if (strcmp(key, "alerting") == 0 && node->kind == RK_YAML_MAPPING) {
		config->alerting = node;
		rk_config_layer_check_channels(config, rk_yaml_get(node, "channels"));
	}
	if (strcmp(key, "slo") == 0 && node->kind == RK_YAML_SEQUENCE)
		config->slo = node;
	return 0;
}
