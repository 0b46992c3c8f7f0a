/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_config.c - precedence, values, what is said about bad ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/config_value.h"

/* A configuration from variables, and from a file when @yaml is given. */
struct setup {
	struct rk_env *env;
	struct rk_config *config;
	char path[64];
};

static void write_file(char path[64], const char *text, size_t size)
{
	int fd;

	snprintf(path, 64, "/tmp/rk-test-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void setup_bytes(struct setup *s, const char *yaml, size_t size,
			const char *const *variables)
{
	char file[96];
	char *envp[32] = { NULL };
	int n = 0;

	s->path[0] = '\0';
	while (variables && variables[n]) {
		envp[n] = (char *)(uintptr_t)variables[n];
		n++;
	}
	if (yaml) {
		write_file(s->path, yaml, size);
		snprintf(file, sizeof(file), "RUSTKERNEL_CONFIG=%s", s->path);
		envp[n] = file;
	}
	s->env = rk_env_create(envp);
	assert_non_null(s->env);
	assert_int_equal(rk_config_create(&s->config, s->env), 0);
}

static void setup(struct setup *s, const char *yaml, const char *const *variables)
{
	setup_bytes(s, yaml, yaml ? strlen(yaml) : 0, variables);
}

static void finish(struct setup *s)
{
	rk_config_destroy(s->config);
	rk_env_destroy(s->env);
	if (*s->path)
		unlink(s->path);
}

#define VARIABLES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct rk_env *copy_of(const char *const *variables)
{
	char *envp[8] = { NULL };

	for (int n = 0; variables[n]; n++)
		envp[n] = (char *)(uintptr_t)variables[n];
	return rk_env_create(envp);
}

/* The one problem there is holds every one of these texts. */
static void assert_problem(const struct setup *s, const char *a, const char *b, const char *c)
{
	assert_int_equal(s->config->problem_count, 1);
	assert_non_null(strstr(s->config->problems[0].text, a));
	assert_non_null(strstr(s->config->problems[0].text, b));
	assert_non_null(strstr(s->config->problems[0].text, c));
}

static void defaults_are_those_of_the_table(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, NULL, VARIABLES("PATH=/bin"));
	assert_int_equal(s.config->warnings, 0);
	assert_false(s.config->any_set);
	assert_int_equal(s.config->metrics_port, 8080);
	assert_int_equal(s.config->tracing_otlp_queue_size, 16 << 20);
	assert_int_equal(s.config->metrics_pushgateway_interval, 15000000000);
	assert_int_equal(s.config->metrics_histogram_buckets.count, 22);
	assert_true(s.config->metrics_histogram_buckets.at[0] == 1e-6);
	assert_string_equal(s.config->trace_file, "auto");
	assert_string_equal(s.config->traceparent, "");
	assert_false(rk_config_wants_scrape(s.config));
	finish(&s);
}

/* What `rktrace config` prints must be what the parser reads. */
static void every_default_survives_printing(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, NULL, NULL);
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		const struct rk_config_row *row = rk_config_row(id);
		_Alignas(16) char value[sizeof(struct rk_bounds)] = { 0 };
		struct rk_arena *arena = rk_arena_create();
		char first[512], second[512];

		rk_config_format(s.config, id, first, sizeof(first));
		assert_int_equal(rk_config_value_parse(row, first, RK_DIALECT_OURS, value, arena),
				 0);
		rk_config_value_format(row, value, second, sizeof(second));
		assert_string_equal(first, second);
		rk_arena_destroy(arena);
	}
	finish(&s);
}

static void sources_rank_as_documented(void **state)
{
	static const char yaml[] =
		"preset: production\n"
		"tracing: {sampling_rate: 0.3, otlp: {endpoint: 'http://f:1'}}\n";
	struct setup s;

	(void)state;
	setup(&s, yaml,
	      VARIABLES("RUSTKERNEL_TRACING_SAMPLING_RATE=0.5",
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://o:2", "OTEL_LOG_LEVEL=debug",
			"OTEL_EXPORTER_OTLP_TIMEOUT=2500"));
	assert_int_equal(s.config->warnings, 0);
	assert_true(s.config->tracing_sampling_rate == 0.5);
	assert_string_equal(s.config->tracing_otlp_endpoint, "http://f:1");
	assert_int_equal(s.config->logging_level, RK_LOG_DEBUG);
	assert_int_equal(s.config->logging_format, RK_LOG_JSON);
	assert_string_equal(s.config->tracing_keep_slower_than, "p99");
	assert_int_equal(s.config->tracing_otlp_timeout, 2500000000);
	assert_int_equal(s.config->source[RK_CONFIG_tracing_sampling_rate], RK_SOURCE_VARIABLE);
	assert_int_equal(s.config->source[RK_CONFIG_tracing_otlp_endpoint], RK_SOURCE_FILE);
	assert_int_equal(s.config->source[RK_CONFIG_logging_level], RK_SOURCE_OTEL);
	assert_int_equal(s.config->source[RK_CONFIG_logging_format], RK_SOURCE_PRESET);
	assert_string_equal(s.config->origin[RK_CONFIG_tracing_sampling_rate],
			    "RUSTKERNEL_TRACING_SAMPLING_RATE");
	finish(&s);
}

static void a_variable_chooses_the_preset_of_a_file(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "preset: production\n", VARIABLES("RUSTKERNEL_PRESET=Minimal"));
	assert_int_equal(s.config->preset, RK_PRESET_MINIMAL);
	assert_false(s.config->tracing_enabled);
	assert_int_equal(s.config->logging_format, RK_LOG_TEXT);
	finish(&s);
}

static void the_endpoint_names_its_variable(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, NULL,
	      VARIABLES("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1/x",
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://g:2"));
	assert_string_equal(s.config->tracing_otlp_endpoint, "http://t:1/x");
	assert_string_equal(s.config->origin[RK_CONFIG_tracing_otlp_endpoint],
			    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
	finish(&s);
	setup(&s, NULL,
	      VARIABLES("RUSTKERNEL_OTLP_ENDPOINT=http://a:1",
			"RUSTKERNEL_TRACING_OTLP_ENDPOINT=http://b:1"));
	assert_string_equal(s.config->tracing_otlp_endpoint, "http://b:1");
	assert_true(s.config->any_set);
	finish(&s);
}

static void empty_is_unset(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "metrics:\n  port:\n  address: ~\ntracing:\n",
	      VARIABLES("RUSTKERNEL_METRICS_PORT=", "RUSTKERNEL_NONSENSE=", "OTEL_LOG_LEVEL="));
	assert_int_equal(s.config->warnings, 0);
	assert_int_equal(s.config->metrics_port, 8080);
	assert_int_equal(s.config->source[RK_CONFIG_metrics_port], RK_SOURCE_DEFAULT);
	finish(&s);
}

static void a_bad_value_leaves_the_next_source(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "metrics: {port: 9400}\n", VARIABLES("RUSTKERNEL_METRICS_PORT=many"));
	assert_int_equal(s.config->metrics_port, 9400);
	assert_problem(&s, "RUSTKERNEL_METRICS_PORT", "\"many\"", "whole number from 1 to 65535");
	finish(&s);
}

static void bad_values_are_named(void **state)
{
	static const struct {
		const char *variable, *expected;
	} bad[] = {
		{ "RUSTKERNEL_METRICS_ENABLED=maybe", "true or false" },
		{ "RUSTKERNEL_METRICS_PORT=0", "from 1 to 65535" },
		{ "RUSTKERNEL_METRICS_PORT=-1", "from 1 to 65535" },
		{ "RUSTKERNEL_METRICS_PORT=18446744073709551616", "from 1 to 65535" },
		{ "RUSTKERNEL_RING_SIZE=4", "64KiB" },
		{ "RUSTKERNEL_RING_SIZE=2MiB", "1MiB" },
		{ "RUSTKERNEL_RING_SIZE=1XiB", "a size like" },
		{ "RUSTKERNEL_EXIT_TIMEOUT=2", "a duration like" },
		{ "RUSTKERNEL_EXIT_TIMEOUT=1e400s", "a duration like" },
		{ "RUSTKERNEL_TRACING_SAMPLING_RATE=1.5", "from 0 to 1" },
		{ "RUSTKERNEL_TRACING_SAMPLING_RATE=nan", "from 0 to 1" },
		{ "RUSTKERNEL_TRACING_SAMPLING_RATE=0x1", "from 0 to 1" },
		{ "RUSTKERNEL_OTLP_ENDPOINT=collector", "begins with http://" },
		{ "RUSTKERNEL_OTLP_ENDPOINT=htpp://collector:4317", "begins with http://" },
		{ "RUSTKERNEL_OTLP_ENDPOINT=collector:0", "begins with http://" },
		{ "RUSTKERNEL_OTLP_ENDPOINT=[::1:4317", "begins with http://" },
		{ "RUSTKERNEL_METRICS_PUSHGATEWAY_URL=push:9091", "begins with http://" },
		{ "RUSTKERNEL_OTLP_ENDPOINT=http://", "begins with http://" },
		{ "RUSTKERNEL_METRICS_ENDPOINT=metrics", "begins with /" },
		{ "RUSTKERNEL_METRICS_HISTOGRAM_BUCKETS=3,2", "rising" },
		{ "RUSTKERNEL_METRICS_HISTOGRAM_BUCKETS=-1,2", "rising" },
		{ "RUSTKERNEL_METRICS_HISTOGRAM_BUCKETS=,", "rising" },
		{ "RUSTKERNEL_TRACING_KEEP_SLOWER_THAN=99", "p99" },
		{ "RUSTKERNEL_GRAPH_TRACE=nodes", "node or graph" },
		{ "RUSTKERNEL_SUMMARY=sometimes", "auto, always, never" },
		{ "RUSTKERNEL_SERVICE_NAME=a\nb", "control characters" },
		{ "RUSTKERNEL_DISABLE=perhaps", "true or false" },
		{ "OTEL_BSP_SCHEDULE_DELAY=1s", "milliseconds" },
		{ "OTEL_BSP_SCHEDULE_DELAY=-5", "milliseconds" },
		{ "OTEL_EXPORTER_OTLP_PROTOCOL=thrift", "http/protobuf" },
		{ "OTEL_RESOURCE_ATTRIBUTES=a=%2", "key=value" },
		{ "OTEL_TRACES_EXPORTER=jaeger", "otlp or none" },
		{ "OTEL_METRICS_EXPORTER=statsd", "otlp, prometheus or none" },
		{ "OTEL_SDK_DISABLED=1", "true or false" },
		{ "OTEL_CONFIG_FILE=/x", "not supported" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char variable[128], name[64];
		struct setup s;

		snprintf(variable, sizeof(variable), "%s", bad[i].variable);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(variable, "="), variable);
		setup(&s, NULL, VARIABLES(variable));
		if (s.config->problem_count != 1)
			print_error("%s\n", variable);
		assert_problem(&s, "config: ", name, bad[i].expected);
		finish(&s);
	}
}

static void secrets_are_never_printed(void **state)
{
	char out[128];
	struct setup s;

	(void)state;
	setup(&s,
	      "tracing: {otlp: {headers: 'hunter2'}}\n"
	      "alerting: {channels: [{slack: {webhook_url: [hunter2]}}, {webhook: {url: hunter2}},"
	      " {pagerduty: {service_key: hunter2, service_key_file: f}}]}\n",
	      VARIABLES("OTEL_EXPORTER_OTLP_HEADERS=Authorization=hunter2",
			"RUSTKERNEL_OTLP_ENDPOINT=https://me:hunter2@host:1/p?q=a@b"));
	assert_int_equal(s.config->problem_count, 4);
	for (size_t i = 0; i < s.config->problem_count; i++)
		assert_null(strstr(s.config->problems[i].text, "hunter2"));
	assert_string_equal(s.config->tracing_otlp_headers, "Authorization=hunter2");
	rk_config_format(s.config, RK_CONFIG_tracing_otlp_headers, out, sizeof(out));
	assert_string_equal(out, "(set)");
	rk_config_format(s.config, RK_CONFIG_tracing_otlp_endpoint, out, sizeof(out));
	assert_string_equal(out, "https://***@host:1/p?q=a@b");
	finish(&s);
}

static void unknown_names_get_the_nearest(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, NULL, VARIABLES("RUSTKERNEL_OTLP_ENDPONIT=http://x"));
	assert_problem(&s, "RUSTKERNEL_OTLP_ENDPONIT", "did you mean", "RUSTKERNEL_OTLP_ENDPOINT?");
	finish(&s);
	setup(&s, "metrics:\n  prot: 9\n", NULL);
	assert_problem(&s, ":2: metrics.prot", "did you mean", "metrics.port?");
	finish(&s);
	setup(&s, "kernels:\n- {match: a, domaim: b}\n", NULL);
	assert_problem(&s, ":2: kernels[0].domaim", "did you mean", "domain?");
	assert_int_equal(s.config->kernel_count, 1);
	finish(&s);
	setup(&s, "zzzzzzzzzzzzzzzzzz: 1\n", NULL);
	assert_problem(&s, ":1:", "zzzz", "--print-defaults");
	finish(&s);
}

static void otel_turns_parts_on_and_off(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, NULL, VARIABLES("OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=Prometheus"));
	assert_int_equal(s.config->warnings, 0);
	assert_false(s.config->tracing_enabled);
	assert_int_equal(s.config->metrics_port, 9464);
	assert_true(rk_config_wants_scrape(s.config));
	finish(&s);
	setup(&s, NULL,
	      VARIABLES("OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT=9999"));
	assert_int_equal(s.config->metrics_port, 9999);
	finish(&s);
	setup(&s, NULL, VARIABLES("OTEL_EXPORTER_PROMETHEUS_PORT=9999"));
	assert_false(rk_config_wants_scrape(s.config));
	finish(&s);
	setup(&s, NULL, VARIABLES("RUSTKERNEL_METRICS_PORT=9999"));
	assert_true(rk_config_wants_scrape(s.config));
	finish(&s);
}

static void disabling_follows_each_ones_rules(void **state)
{
	static const struct {
		const char *variable;
		bool disabled;
	} cases[] = {
		{ "RUSTKERNEL_DISABLE=1", true },     { "RUSTKERNEL_DISABLE=YES", true },
		{ "RUSTKERNEL_DISABLE=0", false },    { "RUSTKERNEL_DISABLE=", false },
		{ "OTEL_SDK_DISABLED=TRUE", true },   { "OTEL_SDK_DISABLED=1", false },
		{ "OTEL_SDK_DISABLED=false", false }, { "RUSTKERNEL_DISABLED=1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char variable[64];
		struct rk_env *env;

		snprintf(variable, sizeof(variable), "%s", cases[i].variable);
		env = copy_of(VARIABLES(variable));
		assert_int_equal(rk_env_is_disabled(env), cases[i].disabled);
		rk_env_destroy(env);
	}
}

static void the_environment_is_a_copy(void **state)
{
	char variable[] = "RANK=3";
	struct rk_env *env = copy_of(VARIABLES(variable, "RANK=4", "odd", "=x"));

	(void)state;
	memcpy(variable, "XXXX=9", sizeof("XXXX=9"));
	assert_string_equal(rk_env_get(env, "RANK"), "3");
	assert_null(rk_env_get(env, "odd"));
	assert_null(rk_env_get(env, "RAN"));
	assert_string_equal(rk_env_at(env, 2), "odd");
	assert_null(rk_env_at(env, 4));
	rk_env_destroy(env);
}

/* The example of the documentation, in flow style, and the same in block style. */
static void both_styles_mean_the_same(void **state)
{
	static const char *const styles[] = {
		"metrics: { histogram_buckets: [0.001, 0.005, 1.0], pushgateway: { interval: 1m } }\n"
		"logging: { per_domain_levels: { Compliance: debug } }\n"
		"kernels: [ { match: \"pagerank*\", id: graph/pagerank, domain: GraphAnalytics } ]\n"
		"alerting:\n"
		"  rules: [ { name: h, condition: { latency_exceeds: { threshold: 100ms, percentile: 95 } },\n"
		"             severity: warning, for_duration: 60s, kernels: [\"graph/*\"] } ]\n"
		"  channels: [ { slack: { webhook_url_file: /r, channel: \"#a\" } } ]\n"
		"slo: [ { name: graph, latency_p99: 50ms, availability: 0.999, error_rate: 0.001 } ]\n",
		"metrics:\n  histogram_buckets:\n  - 0.001\n  - 0.005\n  - 1.0\n"
		"  pushgateway:\n    interval: 60s\n"
		"logging:\n  per_domain_levels:\n    Compliance: debug\n"
		"kernels:\n  - match: 'pagerank*'\n    id: graph/pagerank\n    domain: GraphAnalytics\n"
		"alerting:\n  rules:\n  - name: h\n    condition:\n      latency_exceeds:\n"
		"        threshold: 100ms\n        percentile: 95\n    kernels:\n    - graph/*\n"
		"  channels:\n  - slack:\n      webhook_url_file: /r\n"
		"slo:\n- name: graph\n  latency_p99: 50ms\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct rk_yaml_node *rule;
		struct setup s;

		setup(&s, styles[i], NULL);
		assert_int_equal(s.config->warnings, 0);
		assert_int_equal(s.config->metrics_histogram_buckets.count, 3);
		assert_int_equal(s.config->metrics_pushgateway_interval, 60000000000);
		assert_int_equal(s.config->kernel_count, 1);
		assert_string_equal(s.config->kernels[0].match, "pagerank*");
		assert_string_equal(s.config->kernels[0].id, "graph/pagerank");
		assert_string_equal(s.config->kernels[0].domain, "GraphAnalytics");
		assert_int_equal(s.config->domain_level_count, 1);
		assert_int_equal(s.config->domain_levels[0].level, RK_LOG_DEBUG);
		rule = rk_yaml_get(s.config->alerting, "rules")->first;
		rule = rk_yaml_get(rk_yaml_get(rule, "condition"), "latency_exceeds");
		assert_string_equal(rk_yaml_get(rule, "threshold")->text, "100ms");
		assert_string_equal(rk_yaml_get(s.config->slo->first, "name")->text, "graph");
		finish(&s);
	}
}

static void schema_slips_have_a_line(void **state)
{
	static const struct {
		const char *yaml, *where, *expected;
	} bad[] = {
		{ "kernels:\n- id: x\n", ":2: kernels[0]", "match is missing" },
		{ "kernels: 5\n", ":1: kernels", "a list of mappings" },
		{ "kernels:\n- match: [a]\n", ":2: kernels[0]", "text" },
		{ "alerting: {rules: [{name: a, condition: {a: {}, b: {}}}]}\n", "condition",
		  "exactly one" },
		{ "alerting:\n  rules:\n  - name: a\n    condition: {x: {}}\n    severity: bad\n",
		  ":5: alerting.rules[0].severity", "critical or page" },
		{ "alerting: {channels: [{slck: {}}]}\n", "channels[0].slck", "slack?" },
		{ "alerting: {channels: [{slack: {channel: a}}]}\n", "channels[0].slack",
		  "webhook_url or webhook_url_file is missing" },
		{ "alerting:\n  channels:\n  - webhook: {url: \"http://a\", url_file: b}\n",
		  ":3: alerting.channels[0].webhook", "both given" },
		{ "alerting: {channels: [{webhook: {url: hunter2}}]}\n", "channels[0].webhook",
		  "begins with http://" },
		{ "alerting: {channels: [{webhook: {url: \"http://a\", method: GET}}]}\n",
		  "channels[0].webhook", "POST or PUT" },
		{ "alerting:\n  channels:\n  - log: {name: a}\n  - log: {name: a}\n",
		  ":4: alerting.channels[1].log", "(line 3)" },
		{ "alerting: {channels: [{alertmanager: {url: \"http://a\", username: u}}]}\n",
		  "channels[0].alertmanager", "password_file is missing" },
		{ "alerting: {channels: [{log: {severities: [page, hot]}}]}\n", "log.severities[1]",
		  "critical or page" },
		{ "alerting: {channels: [{command: {}}]}\n", "channels[0].command",
		  "argv is missing" },
		{ "slo: [{name: a, availability: 99}]\n", "slo[0].availability", "from 0 to 1" },
		{ "logging: {per_domain_levels: {A: loud}}\n", "per_domain_levels.A", "debug" },
		{ "metrics: 5\n", ":1: metrics", "is a section" },
		{ "metrics: {port: [1]}\n", ":1: metrics.port", "a list is not" },
		{ "metrics: {port: 1}\nmetrics: {port: 2}\n", ":2: metrics", "line 1" },
		{ "metrics: &m {port: 1}\ntracing: *m\n", ":2: tracing", "aliases" },
		{ "metrics: {<<: {port: 1}}\n", "metrics.<<", "merge keys" },
		{ "preset: x\n---\npreset: minimal\n", ":1: preset", "development" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct setup s;
		size_t last;

		setup(&s, bad[i].yaml, NULL);
		assert_true(s.config->problem_count >= 1);
		last = s.config->problem_count - 1;
		if (!strstr(s.config->problems[last].text, bad[i].expected))
			print_error("%s\n", s.config->problems[last].text);
		assert_non_null(strstr(s.config->problems[last].text, bad[i].where));
		assert_non_null(strstr(s.config->problems[last].text, bad[i].expected));
		finish(&s);
	}
}

static void what_is_not_yaml_is_not_used(void **state)
{
	static const struct {
		const char *yaml, *where, *expected;
	} bad[] = {
		{ "metrics: {port: 9}\na:\n\tb: 1\n", ":3:", "indented with a tab" },
		{ "metrics: {port: 9}\na: [1, 2\nb: 3\n", ":3:", "expected ',' or ']'" },
		{ "metrics: {port: 9}\na: \xff\n", ":2:", "UTF-8" },
		{ "metrics: {port: 9}\na: \"b\n", ":", "is not YAML" },
		{ "- metrics\n", ":1:", "no mapping" },
		{ "just a word\n", ":1:", "no mapping" },
		{ "metrics: {port: 9}\na: \"\\0\"\n", ":2:", "zero byte" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct setup s;

		setup(&s, bad[i].yaml, NULL);
		assert_problem(&s, bad[i].where, bad[i].expected, "nothing of this file is used");
		assert_int_equal(s.config->metrics_port, 8080);
		assert_int_equal(s.config->file_error, -EBADMSG);
		finish(&s);
	}
}

static void hostile_files_are_bounded(void **state)
{
	char *big = malloc((2 << 20) + 1);
	struct setup s;

	(void)state;
	assert_non_null(big);
	memset(big, '[', 4000);
	setup_bytes(&s, big, 4000, NULL);
	assert_int_equal(s.config->file_error, -EBADMSG);
	finish(&s);
	for (size_t i = 0; i < 300000; i++)
		memcpy(big + 3 * i, "-\n\n", 3);
	setup_bytes(&s, big, 900000, NULL);
	assert_problem(&s, "too many", "expected at most", "nothing of this file");
	finish(&s);
	memset(big, '#', 2 << 20);
	setup_bytes(&s, big, 2 << 20, NULL);
	assert_problem(&s, "could not read it", "more than 1 MiB", "defaults are used");
	finish(&s);
	free(big);
}

static void unreadable_files_are_named(void **state)
{
	char fifo[] = "/tmp/rk-test-fifo-XXXXXX";
	char variable[96];
	struct setup s;

	(void)state;
	setup(&s, NULL, VARIABLES("RUSTKERNEL_CONFIG=/nonexistent/c.yaml"));
	assert_problem(&s, "/nonexistent/c.yaml", "No such file", "defaults are used");
	assert_int_equal(s.config->file_error, -ENOENT);
	finish(&s);
	setup(&s, NULL, VARIABLES("RUSTKERNEL_CONFIG=/tmp"));
	assert_problem(&s, "/tmp", "Is a directory", "defaults are used");
	finish(&s);
	/* A FIFO without a writer must not hold the program up. */
	assert_non_null(mkdtemp(fifo));
	rmdir(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	snprintf(variable, sizeof(variable), "RUSTKERNEL_CONFIG=%s", fifo);
	setup(&s, NULL, VARIABLES(variable));
	assert_problem(&s, fifo, "not a regular file", "defaults are used");
	finish(&s);
	unlink(fifo);
}

static void check_file_counts_problems(void **state)
{
	char path[64];

	(void)state;
	write_file(path, "a: 1\nb: 2\n", 10);
	assert_int_equal(rk_config_check_file(path), 2);
	unlink(path);
	assert_int_equal(rk_config_check_file(path), -ENOENT);
}

/* "0.5" is a half also where people write 0,5. */
static void numbers_do_not_depend_on_the_locale(void **state)
{
	static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE" };
	bool found = false;
	char out[64];
	struct setup s;

	(void)state;
	for (size_t i = 0; i < 3 && !found; i++)
		found = setlocale(LC_NUMERIC, locales[i]) != NULL;
	if (!found)
		skip();
	setup(&s, NULL, VARIABLES("RUSTKERNEL_TRACING_SAMPLING_RATE=0.5"));
	assert_int_equal(s.config->warnings, 0);
	assert_true(s.config->tracing_sampling_rate == 0.5);
	rk_config_format(s.config, RK_CONFIG_tracing_sampling_rate, out, sizeof(out));
	assert_string_equal(out, "0.5");
	finish(&s);
	setlocale(LC_NUMERIC, "C");
}

static void values_have_units(void **state)
{
	static const struct {
		const char *variable;
		enum rk_config_id id;
		uint64_t value;
		const char *printed;
	} cases[] = {
		{ "RUSTKERNEL_EXIT_TIMEOUT=250ms", RK_CONFIG_exit_timeout, 250000000, "250ms" },
		{ "RUSTKERNEL_EXIT_TIMEOUT=1.5s", RK_CONFIG_exit_timeout, 1500000000, "1500ms" },
		{ "RUSTKERNEL_EXIT_TIMEOUT=0", RK_CONFIG_exit_timeout, 0, "0" },
		{ "RUSTKERNEL_CUPTI_FLUSH_INTERVAL=1m30s", RK_CONFIG_cupti_flush_interval,
		  90000000000, "90s" },
		{ "RUSTKERNEL_TRACE_MAX_SIZE=4MiB", RK_CONFIG_trace_max_size, 4 << 20, "4MiB" },
		{ "RUSTKERNEL_TRACE_MAX_SIZE=512 KiB", RK_CONFIG_trace_max_size, 512 << 10,
		  "512KiB" },
		{ "RUSTKERNEL_TRACE_MAX_SIZE=100000", RK_CONFIG_trace_max_size, 100000, "100000" },
		{ "RUSTKERNEL_TRACE_MAX_SIZE=2MB", RK_CONFIG_trace_max_size, 2000000, "2000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char variable[64], out[64];
		struct setup s;
		uint64_t value;

		snprintf(variable, sizeof(variable), "%s", cases[i].variable);
		setup(&s, NULL, VARIABLES(variable));
		assert_int_equal(s.config->warnings, 0);
		memcpy(&value, (char *)s.config + rk_config_row(cases[i].id)->offset, 8);
		assert_int_equal(value, cases[i].value);
		rk_config_format(s.config, cases[i].id, out, sizeof(out));
		assert_string_equal(out, cases[i].printed);
		finish(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_table),
		cmocka_unit_test(every_default_survives_printing),
		cmocka_unit_test(sources_rank_as_documented),
		cmocka_unit_test(a_variable_chooses_the_preset_of_a_file),
		cmocka_unit_test(the_endpoint_names_its_variable),
		cmocka_unit_test(empty_is_unset),
		cmocka_unit_test(a_bad_value_leaves_the_next_source),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(secrets_are_never_printed),
		cmocka_unit_test(unknown_names_get_the_nearest),
		cmocka_unit_test(otel_turns_parts_on_and_off),
		cmocka_unit_test(disabling_follows_each_ones_rules),
		cmocka_unit_test(the_environment_is_a_copy),
		cmocka_unit_test(both_styles_mean_the_same),
		cmocka_unit_test(schema_slips_have_a_line),
		cmocka_unit_test(what_is_not_yaml_is_not_used),
		cmocka_unit_test(hostile_files_are_bounded),
		cmocka_unit_test(unreadable_files_are_named),
		cmocka_unit_test(check_file_counts_problems),
		cmocka_unit_test(numbers_do_not_depend_on_the_locale),
		cmocka_unit_test(values_have_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
