/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_rule.c - from the tree of the file to rules.
 */
#include "pipeline/alert/alert_rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_value.h"
#include "core/glob.h"
#include "core/log.h"
#include "pipeline/alert/alert_idle.h"

#define S		   1000000000ull /* ns */
#define NS_PER_S	   1e9
#define DEFAULT_PERCENTILE 95.0
#define DEFAULT_WINDOW	   (300 * S)
#define GROWTH_WINDOW	   (600 * S)
/* As the SRE workbook has it: an hour that is confirmed by five minutes. */
#define BURN_LONG_WINDOW  (3600 * S)
#define BURN_SHORT_WINDOW (300 * S)
#define BURN_MOST	  (6 * 3600 * S) /* what the SLOs remember in minutes */

/* What the threshold of a condition is called, and how it is read. */
enum quantity { QUANTITY_NONE, QUANTITY_DURATION, QUANTITY_NUMBER, QUANTITY_SIZE };

static const struct {
	const char *name, *unit, *threshold;
	enum quantity quantity;
	uint64_t window_ns;
} kinds[RK_CONDITION_COUNT] = {
	[RK_CONDITION_LATENCY] = { "latency_exceeds", "s", "threshold", QUANTITY_DURATION,
				   DEFAULT_WINDOW },
	[RK_CONDITION_ERROR_RATE] = { "error_rate_exceeds", "ratio", "threshold", QUANTITY_NUMBER,
				      DEFAULT_WINDOW },
	[RK_CONDITION_RATE_BELOW] = { "execution_rate_below", "1/s", "threshold", QUANTITY_NUMBER,
				      DEFAULT_WINDOW },
	[RK_CONDITION_RATE_ABOVE] = { "execution_rate_above", "1/s", "threshold", QUANTITY_NUMBER,
				      DEFAULT_WINDOW },
	[RK_CONDITION_MEMORY] = { "memory_exceeds", "bytes", "threshold", QUANTITY_SIZE, 0 },
	[RK_CONDITION_MEMORY_GROWTH] = { "memory_growth", "bytes", "bytes", QUANTITY_SIZE,
					 GROWTH_WINDOW },
	[RK_CONDITION_BREAKER] = { "circuit_breaker_open", "", "", QUANTITY_NONE, 0 },
	[RK_CONDITION_BURN_RATE] = { "slo_burn_rate", "", "factor", QUANTITY_NUMBER,
				     BURN_LONG_WINDOW },
	[RK_CONDITION_NO_EXECUTIONS] = { "no_executions_for", "s", "duration", QUANTITY_DURATION,
					 0 },
	[RK_CONDITION_IN_FLIGHT] = { "kernel_in_flight", "s", "longer_than", QUANTITY_DURATION, 0 },
	[RK_CONDITION_LOSSES] = { "losses_above", "", "threshold", QUANTITY_NUMBER,
				  DEFAULT_WINDOW },
	[RK_CONDITION_GPU_IDLE] = { "gpu_idle", "ratio", "threshold", QUANTITY_NUMBER,
				    DEFAULT_WINDOW },
};

const char *rk_condition_name(enum rk_condition_kind kind)
{
	return kind < RK_CONDITION_COUNT ? kinds[kind].name : "";
}

const char *rk_condition_unit(enum rk_condition_kind kind)
{
	return kind < RK_CONDITION_COUNT ? kinds[kind].unit : "";
}

bool rk_condition_is_of_executions(enum rk_condition_kind kind)
{
	return kind <= RK_CONDITION_RATE_ABOVE || kind == RK_CONDITION_NO_EXECUTIONS ||
	       kind == RK_CONDITION_IN_FLIGHT;
}

bool rk_condition_is_of_memory(enum rk_condition_kind kind)
{
	return kind == RK_CONDITION_MEMORY || kind == RK_CONDITION_MEMORY_GROWTH;
}

bool rk_condition_is_of_idleness(enum rk_condition_kind kind)
{
	return kind == RK_CONDITION_GPU_IDLE || kind == RK_CONDITION_IN_FLIGHT ||
	       kind == RK_CONDITION_NO_EXECUTIONS || kind == RK_CONDITION_RATE_BELOW;
}

static const struct rk_yaml_node *scalar_of(const struct rk_yaml_node *mapping, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(mapping, key);

	return node && node->kind == RK_YAML_SCALAR && *node->text ? node : NULL;
}

static const char *text_of(const struct rk_yaml_node *mapping, const char *key,
			   const char *otherwise)
{
	const struct rk_yaml_node *node = scalar_of(mapping, key);

	return node ? node->text : otherwise;
}

/* What is not there leaves @ns. Return: false when it is there and is no duration. */
static bool read_duration(const struct rk_yaml_node *mapping, const char *key, uint64_t *ns)
{
	const struct rk_yaml_node *node = rk_yaml_get(mapping, key);

	return !node || rk_config_parse_duration(node->text, ns);
}

/* Return: false when it is there and cannot be read. */
static bool read_quantity(const struct rk_yaml_node *mapping, const char *key,
			  enum quantity quantity, double *out)
{
	const struct rk_yaml_node *node = rk_yaml_get(mapping, key);
	uint64_t whole;

	if (!node)
		return true;
	if (quantity == QUANTITY_NUMBER)
		return rk_config_parse_number(node->text, out);
	if (quantity == QUANTITY_DURATION ? !rk_config_parse_duration(node->text, &whole) :
					    !rk_config_parse_size(node->text, &whole))
		return false;
	*out = quantity == QUANTITY_DURATION ? (double)whole / NS_PER_S : (double)whole;
	return true;
}

/* Return: NULL, or what is wrong. */
static const char *read_threshold(struct rk_alert_condition *condition,
				  const struct rk_yaml_node *node)
{
	enum quantity quantity = kinds[condition->kind].quantity;
	const char *key = kinds[condition->kind].threshold;
	bool is_wrong_side;

	if (quantity == QUANTITY_NONE)
		return NULL;
	/* Any loss at all is worth an alert; nothing else has a threshold by itself. */
	if (!scalar_of(node, key) && condition->kind != RK_CONDITION_LOSSES)
		return "condition, which has no threshold";
	if (!read_quantity(node, key, quantity, &condition->threshold))
		return "threshold";
	condition->resolve = condition->threshold;
	if (!read_quantity(node, "resolve", quantity, &condition->resolve))
		return "resolve";
	is_wrong_side = rk_condition_is_lower_bound(condition->kind) ?
				condition->resolve < condition->threshold :
				condition->resolve > condition->threshold;
	return is_wrong_side ? "resolve, which is on the wrong side of the threshold" : NULL;
}

static bool read_percentile(struct rk_alert_condition *condition, const struct rk_yaml_node *node)
{
	const struct rk_yaml_node *given = rk_yaml_get(node, "percentile");
	double percentile = DEFAULT_PERCENTILE;

	if (given && !rk_config_parse_number(given->text, &percentile))
		return false;
	condition->quantile = percentile / 100;
	return percentile > 0 && percentile < 100;
}

/* What a window has to be for the condition to mean something. Return: NULL, or what is wrong. */
static const char *check_windows(const struct rk_alert_condition *condition)
{
	bool has_window =
		kinds[condition->kind].window_ns || condition->kind == RK_CONDITION_NO_EXECUTIONS;

	if (has_window && !condition->window_ns)
		return "window, which is 0";
	if (condition->kind != RK_CONDITION_BURN_RATE)
		return NULL;
	if (!condition->short_window_ns || condition->short_window_ns > condition->window_ns)
		return "short_window, which is 0 or longer than long_window";
	return condition->window_ns > BURN_MOST ? "long_window, which is longer than 6h" : NULL;
}

/* Return: NULL, or what is wrong. */
static const char *read_windows(struct rk_alert_condition *condition,
				const struct rk_yaml_node *node)
{
	bool burns = condition->kind == RK_CONDITION_BURN_RATE;

	condition->window_ns = kinds[condition->kind].window_ns;
	condition->short_window_ns = BURN_SHORT_WINDOW;
	if (condition->kind == RK_CONDITION_NO_EXECUTIONS)
		condition->window_ns = (uint64_t)(condition->threshold * NS_PER_S);
	if (!read_duration(node, burns ? "long_window" : "window", &condition->window_ns) ||
	    !read_duration(node, "short_window", &condition->short_window_ns))
		return "window";
	return check_windows(condition);
}

static void read_names(struct rk_alert_condition *condition, const struct rk_yaml_node *node)
{
	condition->pool = text_of(node, "pool", "*");
	condition->device = text_of(node, "device", "*");
	condition->name = text_of(node, "name", "*");
	condition->slo = text_of(node, "slo", "*");
	condition->target = text_of(node, "target", "*");
	condition->reason = text_of(node, "reason", "*");
	condition->gpu_state = text_of(node, "state", rk_gpu_time_state_name(RK_GPU_LAUNCH_BOUND));
	condition->gpu_states = rk_alert_idle_states(condition->gpu_state);
}

/* Return: NULL, or what is wrong. */
static const char *read_condition(struct rk_alert_condition *condition,
				  const struct rk_yaml_node *one_of)
{
	const struct rk_yaml_node *node = one_of ? one_of->first : NULL;
	const char *wrong;
	int kind = 0;

	if (!node || node->next || node->kind == RK_YAML_SEQUENCE)
		return "condition";
	while (kind < RK_CONDITION_COUNT && strcmp(kinds[kind].name, node->key) != 0)
		kind++;
	if (kind == RK_CONDITION_COUNT)
		return "condition, which is none that is known";
	condition->kind = (enum rk_condition_kind)kind;
	read_names(condition, node);
	if (!condition->gpu_states)
		return "state, which is none of a GPU without a kernel";
	wrong = read_threshold(condition, node);
	if (!wrong && !read_percentile(condition, node))
		wrong = "percentile";
	return wrong ? wrong : read_windows(condition, node);
}

static bool read_severity(enum rk_severity *severity, const struct rk_yaml_node *rule)
{
	const char *text = text_of(rule, "severity", "warning");

	for (int s = RK_SEVERITY_INFO; s <= RK_SEVERITY_PAGE; s++) {
		*severity = (enum rk_severity)s;
		if (strcmp(rk_severity_name(*severity), text) == 0)
			return true;
	}
	return false;
}

/* Return: false when what is there is no list. */
static bool read_list(const struct rk_yaml_node **list, const struct rk_yaml_node *rule,
		      const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(rule, key);

	*list = NULL;
	if (!node || rk_yaml_is_null(node))
		return true;
	*list = node;
	return node->kind == RK_YAML_SEQUENCE;
}

static bool read_by(uint32_t *by, const struct rk_yaml_node *rule)
{
	static const char *const names[] = { "kernel_id", "domain", "device" };
	const struct rk_yaml_node *list;

	*by = RK_BY_ALL;
	if (!read_list(&list, rule, "by"))
		return false;
	if (list)
		*by = 0;
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next) {
		int name = 0;

		while (name < 3 && strcmp(names[name], n->text) != 0)
			name++;
		if (name == 3)
			return false;
		*by |= 1u << name;
	}
	return true;
}

/* Return: NULL, or what makes the rule unusable. */
static const char *read_rule(struct rk_alert_rule *rule, const struct rk_yaml_node *node)
{
	const struct rk_yaml_node *annotations = rk_yaml_get(node, "annotations");
	const struct rk_yaml_node *labels = rk_yaml_get(node, "labels");
	const char *wrong;

	*rule = (struct rk_alert_rule){
		.name = text_of(node, "name", ""),
		.line = node->line,
		.summary = text_of(annotations, "summary", ""),
		.description = text_of(annotations, "description", ""),
		.labels = labels && labels->kind == RK_YAML_MAPPING ? labels : NULL,
	};
	if (!*rule->name)
		return "name";
	wrong = read_condition(&rule->condition, rk_yaml_get(node, "condition"));
	if (wrong)
		return wrong;
	if (!read_severity(&rule->severity, node))
		return "severity";
	if (!read_duration(node, "for_duration", &rule->for_ns) ||
	    !read_duration(node, "keep_firing_for", &rule->keep_ns) ||
	    !read_duration(node, "repeat_interval", &rule->repeat_ns))
		return "a duration";
	if (!read_list(&rule->kernels, node, "kernels") ||
	    !read_list(&rule->domains, node, "domains") ||
	    !read_list(&rule->devices, node, "devices"))
		return "kernels, domains or devices";
	return read_by(&rule->by, node) ? NULL : "by";
}

static bool is_taken(const struct rk_alert_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (strcmp(rules->rows[i].name, name) == 0)
			return true;
	}
	return false;
}

static void take_rule(struct rk_alert_rules *rules, const struct rk_config *config,
		      const struct rk_yaml_node *node)
{
	struct rk_alert_rule *rule = &rules->rows[rules->count];
	const char *wrong = read_rule(rule, node);

	if (!wrong && is_taken(rules, rule->name))
		wrong = "name, which another rule has";
	if (!wrong) {
		rules->count++;
		return;
	}
	rules->left_out++;
	rk_log_warn("config: %s:%u: the rule \"%.64s\" is left out for its %s", config->file,
		    rule->line, rule->name, wrong);
}

int rk_alert_rules_create(struct rk_alert_rules **out, const struct rk_config *config)
{
	const struct rk_yaml_node *list = rk_yaml_get(config->alerting, "rules");
	struct rk_alert_rules *rules = calloc(1, sizeof(*rules));
	size_t most = 1;

	*out = NULL;
	if (list && list->kind != RK_YAML_SEQUENCE)
		list = NULL;
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next)
		most++;
	if (rules)
		rules->rows = calloc(most, sizeof(*rules->rows));
	if (!rules || !rules->rows) {
		rk_alert_rules_destroy(rules);
		return -ENOMEM;
	}
	for (const struct rk_yaml_node *n = list ? list->first : NULL; n; n = n->next)
		take_rule(rules, config, n);
	*out = rules;
	return 0;
}

void rk_alert_rules_destroy(struct rk_alert_rules *rules)
{
	if (!rules)
		return;
	free(rules->rows);
	free(rules);
}

static bool one_matches(const struct rk_yaml_node *globs, const char *text)
{
	if (!globs)
		return true;
	for (const struct rk_yaml_node *n = globs->first; n; n = n->next) {
		if (rk_glob_matches(n->text, text))
			return true;
	}
	return false;
}

bool rk_alert_rule_takes(const struct rk_alert_rule *rule, const char *kernel_id,
			 const char *domain, const char *device)
{
	return one_matches(rule->kernels, kernel_id) && one_matches(rule->domains, domain) &&
	       one_matches(rule->devices, device);
}
