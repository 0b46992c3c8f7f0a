/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_export.c - the file of rules, and the action that writes it.
 */
#include "tools/alert_export.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/number.h"
#include "pipeline/alert/alert_text.h"
#include "tools/alert_config.h"
#include "tools/alert_promql.h"
#include "tools/options.h"

static const char verb[] = "alert";

static void put_duration(FILE *out, const char *key, uint64_t ns)
{
	char text[32];

	if (ns)
		fprintf(out, "    %s: %s\n", key, rk_alert_promql_duration(text, ns));
}

/* A double-quoted scalar. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static const char *value_template(const struct rk_alert_rule *rule)
{
	const char *unit = rk_condition_unit(rule->condition.kind);

	if (strcmp(unit, "s") == 0)
		return "{{ $value | humanizeDuration }}";
	if (strcmp(unit, "bytes") == 0)
		return "{{ $value | humanize1024 }}B";
	if (strcmp(unit, "ratio") == 0)
		return "{{ $value | humanizePercentage }}";
	return strcmp(unit, "1/s") == 0 ? "{{ $value | humanize }}/s" : "{{ $value | humanize }}";
}

static const char *subject_template(const struct rk_alert_rule *rule)
{
	if (!rk_condition_is_of_executions(rule->condition.kind))
		return "device {{ $labels.device }}";
	if (!(rule->by & RK_BY_KERNEL))
		return rule->by & RK_BY_DOMAIN ? "domain {{ $labels.domain }}" :
						 "{{ $labels.instance }}";
	return rule->by & RK_BY_DEVICE ? "{{ $labels.kernel_id }} on device {{ $labels.device }}" :
					 "{{ $labels.kernel_id }}";
}

static const char *label_of_rule(const struct rk_alert_rule *rule, const char *name)
{
	if (strcmp(name, "rule") == 0 || strcmp(name, "alertname") == 0)
		return rule->name;
	if (strcmp(name, "severity") == 0)
		return rk_severity_name(rule->severity);
	if (strcmp(name, "gpu_state") == 0)
		return rule->condition.gpu_state;
	for (const struct rk_yaml_node *n = rule->labels ? rule->labels->first : NULL; n;
	     n = n->next) {
		if (strcmp(n->key, name) == 0)
			return n->text;
	}
	return NULL;
}

static bool is_label_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_") == strlen(name);
}

/* What {@key} becomes, into @out; an unknown word stays in its braces. */
static void translate(const struct rk_alert_rule *rule, const char *key, char *out, size_t size)
{
	const struct rk_alert_condition *condition = &rule->condition;
	const char *own = label_of_rule(rule, key);
	char text[32] = "";

	if (strcmp(key, "value") == 0)
		snprintf(out, size, "%s", value_template(rule));
	else if (strcmp(key, "subject") == 0)
		snprintf(out, size, "%s", subject_template(rule));
	else if (strcmp(key, "threshold") == 0)
		snprintf(out, size, "%s",
			 rk_alert_text_value(text, condition->threshold,
					     rk_condition_unit(condition->kind)));
	else if (strcmp(key, "window") == 0)
		snprintf(out, size, "%s", rk_alert_promql_duration(text, condition->window_ns));
	else if (strcmp(key, "for") == 0)
		snprintf(out, size, "%s", rk_alert_promql_duration(text, rule->for_ns));
	else if (strcmp(key, "percentile") == 0)
		snprintf(out, size, "%.6g", condition->quantile * 100);
	else if (own)
		snprintf(out, size, "%s", own);
	else if (is_label_name(key))
		snprintf(out, size, "{{ $labels.%s }}", key);
	else
		snprintf(out, size, "{%s}", key);
}

static void put_annotation(FILE *out, const char *name, const struct rk_alert_rule *rule,
			   const char *template)
{
	char text[2048], key[64], word[256];
	size_t used = 0;

	while (*template && used + 1 < sizeof(text)) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		size_t length = end ? (size_t)(end - template - 1) : 0;

		if (!end || length >= sizeof(key)) {
			text[used++] = *template ++;
			continue;
		}
		memcpy(key, template + 1, length);
		key[length] = '\0';
		translate(rule, key, word, sizeof(word));
		length = strlen(word);
		if (length > sizeof(text) - used - 1)
			length = sizeof(text) - used - 1;
		memcpy(text + used, word, length);
		used += length;
		template = end + 1;
	}
	text[used] = '\0';
	fprintf(out, "      %s: ", name);
	put_quoted(out, text);
	fputc('\n', out);
}

/* No metric says which launch it is that hangs. */
static const char *summary_of(const struct rk_alert_rule *rule)
{
	if (*rule->summary)
		return rule->summary;
	if (rule->condition.kind == RK_CONDITION_IN_FLIGHT)
		return "device {device} has had work in flight, and completed none, for "
		       "{threshold}";
	if (rule->condition.kind == RK_CONDITION_NO_EXECUTIONS)
		return "nothing was executed for {window}";
	return rk_alert_text_default_summary(rule);
}

static void put_rule(FILE *out, const struct rk_alert_rule *rule)
{
	const char *difference = rk_alert_promql_difference(rule);

	if (*difference)
		fprintf(out, "  # %s\n", difference);
	fputs("  - alert: ", out);
	put_quoted(out, rule->name);
	fputs("\n    expr: |-\n", out);
	rk_alert_promql_write(out, "      ", rule);
	put_duration(out, "for", rule->for_ns);
	put_duration(out, "keep_firing_for", rule->keep_ns);
	fprintf(out, "    labels:\n      severity: %s\n", rk_severity_name(rule->severity));
	for (const struct rk_yaml_node *n = rule->labels ? rule->labels->first : NULL; n;
	     n = n->next) {
		if (!is_label_name(n->key) || strcmp(n->key, "severity") == 0)
			continue;
		fprintf(out, "      %s: ", n->key);
		put_quoted(out, n->text);
		fputc('\n', out);
	}
	fputs("    annotations:\n", out);
	put_annotation(out, "summary", rule, summary_of(rule));
	if (*rule->description)
		put_annotation(out, "description", rule, rule->description);
}

void rk_alert_export_write(FILE *out, const struct rk_alert_rules *rules)
{
	fputs("# Made by `rktrace alert export --prometheus` from alerting.rules.\n"
	      "groups:\n- name: rkpreload-alerting-rules\n  rules:\n",
	      out);
	for (size_t i = 0; i < rules->count; i++)
		put_rule(out, &rules->rows[i]);
	if (!rules->count)
		fputs("  []\n", out);
}

static int write_rules(const struct rk_alert_rules *rules, const char *path)
{
	FILE *out = path ? fopen(path, "we") : stdout;
	bool failed;

	if (!out)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not create %s: %s", path,
				    rk_strerror(errno));
	rk_alert_export_write(out, rules);
	if (!path)
		return rk_tool_finish(RK_TOOL_OK, verb);
	failed = ferror(out);
	if (fclose(out) || failed)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not write %s", path);
	return RK_TOOL_OK;
}

int rk_alert_export(int argc, char **argv)
{
	struct rk_alert_config config = { 0 };
	struct rk_alert_rules *rules = NULL;
	const char *output = NULL, *file = NULL;
	bool prometheus = false;
	const struct rk_option options[] = {
		{ "prometheus", 0, NULL, "as alerting rules of Prometheus", &prometheus, NULL },
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &file },
		{ "output", 'o', "FILE", "where to write; standard output by default", NULL,
		  &output },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int first, status = rk_options_parse(options, "alert export", argc, argv, &first);

	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first < argc)
		return rk_options_misused(verb, "export takes no %s", argv[first]);
	if (!prometheus)
		return rk_options_misused(verb, "export needs --prometheus");
	status = rk_alert_config_open(&config, verb, file);
	if (!status && rk_alert_rules_create(&rules, config.config))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (!status)
		status = write_rules(rules, output);
	if (!status && rules->left_out)
		status = RK_TOOL_DATA;
	rk_alert_rules_destroy(rules);
	rk_alert_config_close(&config);
	return status;
}
