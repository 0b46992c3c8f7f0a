/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_config_otel.c - every variable of OpenTelemetry, by one table.
 *
 * Each is given a good value, a bad one and an empty one, alone, and against the source that
 * is stronger. What several of them mean together has tests of its own below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/config_value.h"

struct otel {
	const char *name;
	enum rk_config_id id; /* the setting it feeds */
	const char *good;     /* as the variable says it */
	const char *printed;  /* as the setting prints it */
	const char *bad;      /* NULL: any text is good */
	const char *ours;     /* a value of the stronger source, unlike the good one */
	const char *with;     /* another variable that has to be there; NULL = none */
};

#define ROW(field) RK_CONFIG_##field
#define OTLP(S, field)                                                                             \
	{ "OTEL_EXPORTER_OTLP" S "_ENDPOINT",                                                      \
	  ROW(field##_endpoint),                                                                   \
	  "http://c:1/x",                                                                          \
	  "http://c:1/x",                                                                          \
	  "c d",                                                                                   \
	  "http://o:2",                                                                            \
	  NULL },                                                                                  \
		{ "OTEL_EXPORTER_OTLP" S "_PROTOCOL",                                              \
		  ROW(field##_protocol),                                                           \
		  "GRPC",                                                                          \
		  "grpc",                                                                          \
		  "thrift",                                                                        \
		  "http/json",                                                                     \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_COMPRESSION",                                           \
		  ROW(field##_compression),                                                        \
		  "None",                                                                          \
		  "none",                                                                          \
		  "zstd",                                                                          \
		  "gzip",                                                                          \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_HEADERS",                                               \
		  ROW(field##_headers),                                                            \
		  "a=b%2Cc,d=e",                                                                   \
		  "(set)",                                                                         \
		  "a=%zz",                                                                         \
		  "",                                                                              \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_CERTIFICATE",                                           \
		  ROW(field##_certificate),                                                        \
		  "/ca",                                                                           \
		  "/ca",                                                                           \
		  "a\tb",                                                                          \
		  "/o",                                                                            \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_CLIENT_CERTIFICATE",                                    \
		  ROW(field##_client_certificate),                                                 \
		  "/c",                                                                            \
		  "/c",                                                                            \
		  "a\tb",                                                                          \
		  "/o",                                                                            \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_CLIENT_KEY",                                            \
		  ROW(field##_client_key),                                                         \
		  "/k",                                                                            \
		  "/k",                                                                            \
		  "a\tb",                                                                          \
		  "/o",                                                                            \
		  NULL },                                                                          \
		{ "OTEL_EXPORTER_OTLP" S "_INSECURE",                                              \
		  ROW(field##_insecure),                                                           \
		  "TRUE",                                                                          \
		  "true",                                                                          \
		  "1",                                                                             \
		  "false",                                                                         \
		  NULL },                                                                          \
	{                                                                                          \
		"OTEL_EXPORTER_OTLP" S "_TIMEOUT", ROW(field##_timeout), "2500", "2500ms", "-1",   \
			"3s", NULL                                                                 \
	}

static const struct otel table[] = {
	OTLP("_TRACES", tracing_otlp),
	OTLP("_METRICS", metrics_otlp),
	OTLP("_LOGS", logging_otlp),
	OTLP("", tracing_otlp),
	OTLP("", metrics_otlp),
	OTLP("", logging_otlp),
	{ "OTEL_SERVICE_NAME", ROW(service_name), "s", "s", "a\nb", "o", NULL },
	{ "OTEL_RESOURCE_ATTRIBUTES", ROW(resource_attributes), "a=b%2Cc", "a=b%2Cc", "a=1,b",
	  "o=1", NULL },
	{ "OTEL_LOG_LEVEL", ROW(logging_level), "DEBUG", "debug", "loud", "error", NULL },
	{ "OTEL_PROPAGATORS", ROW(tracing_propagators), "baggage", "baggage", "b3", "none", NULL },
	{ "OTEL_TRACES_SAMPLER", ROW(tracing_sampler), "Always_Off", "always_off", "sometimes",
	  "always_on", NULL },
	{ "OTEL_TRACES_SAMPLER_ARG", ROW(tracing_sampling_rate), "0.25", "0.25", "25%", "0.5",
	  "OTEL_TRACES_SAMPLER=traceidratio" },
	{ "OTEL_BSP_SCHEDULE_DELAY", ROW(tracing_otlp_flush_interval), "250", "250ms", "1s", "2s",
	  NULL },
	{ "OTEL_BSP_EXPORT_TIMEOUT", ROW(tracing_otlp_timeout), "0", "0", "-1", "2s", NULL },
	{ "OTEL_BSP_MAX_QUEUE_SIZE", ROW(tracing_otlp_max_queue_spans), "4096", "4096", "-2", "9",
	  NULL },
	{ "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", ROW(tracing_otlp_max_batch_spans), "64", "64", "x", "9",
	  NULL },
	{ "OTEL_BLRP_SCHEDULE_DELAY", ROW(logging_otlp_flush_interval), "250", "250ms", "1s", "2s",
	  NULL },
	{ "OTEL_BLRP_EXPORT_TIMEOUT", ROW(logging_otlp_timeout), "250", "250ms", "1s", "2s", NULL },
	{ "OTEL_BLRP_MAX_QUEUE_SIZE", ROW(logging_otlp_max_queue_records), "4096", "4096", "0",
	  "1024", NULL },
	{ "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", ROW(logging_otlp_max_batch_records), "64", "64", "1.5",
	  "9", NULL },
	{ "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", ROW(tracing_attribute_value_limit), "7", "7", "-1",
	  "9", NULL },
	{ "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", ROW(logging_attribute_value_limit), "7", "7", "-1",
	  "9", NULL },
	{ "OTEL_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_attribute_count_limit), "7", "7", "-1", "9",
	  NULL },
	{ "OTEL_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_event_attribute_count_limit), "7", "7", "-1",
	  "9", NULL },
	{ "OTEL_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_link_attribute_count_limit), "7", "7", "-1",
	  "9", NULL },
	{ "OTEL_ATTRIBUTE_COUNT_LIMIT", ROW(logging_attribute_count_limit), "7", "7", "-1", "9",
	  NULL },
	{ "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", ROW(tracing_attribute_value_limit), "7", "7",
	  "many", "9", NULL },
	{ "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_attribute_count_limit), "7", "7", "many",
	  "9", NULL },
	{ "OTEL_SPAN_EVENT_COUNT_LIMIT", ROW(tracing_event_count_limit), "7", "7", "many", "9",
	  NULL },
	{ "OTEL_SPAN_LINK_COUNT_LIMIT", ROW(tracing_link_count_limit), "7", "7", "many", "9",
	  NULL },
	{ "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_event_attribute_count_limit), "7", "7",
	  "many", "9", NULL },
	{ "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", ROW(tracing_link_attribute_count_limit), "7", "7",
	  "many", "9", NULL },
	{ "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", ROW(logging_attribute_value_limit), "7",
	  "7", "many", "9", NULL },
	{ "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", ROW(logging_attribute_count_limit), "7", "7",
	  "many", "9", NULL },
	{ "OTEL_METRIC_EXPORT_INTERVAL", ROW(metrics_interval), "5000", "5s", "5s", "7s", NULL },
	{ "OTEL_METRIC_EXPORT_TIMEOUT", ROW(metrics_otlp_timeout), "5000", "5s", "5s", "7s", NULL },
	{ "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", ROW(metrics_temporality), "Delta",
	  "delta", "sum", "lowmemory", NULL },
	{ "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", ROW(metrics_histogram),
	  "BASE2_exponential_bucket_histogram", "base2_exponential_bucket_histogram", "linear",
	  "explicit_bucket_histogram", NULL },
	{ "OTEL_METRICS_EXEMPLAR_FILTER", ROW(metrics_exemplars), "ALWAYS_ON", "always_on", "some",
	  "always_off", NULL },
	{ "OTEL_EXPORTER_PROMETHEUS_HOST", ROW(metrics_address), "0.0.0.0", "0.0.0.0", "a\tb",
	  "::1", NULL },
	{ "OTEL_EXPORTER_PROMETHEUS_PORT", ROW(metrics_port), "9464", "9464", "99999", "9", NULL },
	{ "OTEL_TRACES_EXPORTER", ROW(tracing_enabled), "None", "false", "zipkin", "true", NULL },
	{ "OTEL_METRICS_EXPORTER", ROW(metrics_enabled), "NONE", "false", "statsd", "true", NULL },
	{ "OTEL_METRICS_EXPORTER", ROW(metrics_port), "Prometheus", "9464", "console", "9", NULL },
	{ "OTEL_LOGS_EXPORTER", ROW(logging_otlp_endpoint), "none", "", "syslog", "http://o:1",
	  "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://c:1" },
};

#define VARIABLES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct rk_config *create(const char *const *variables)
{
	char *envp[16] = { NULL };
	struct rk_config *config;
	struct rk_env *env;

	for (int i = 0; variables[i]; i++)
		envp[i] = (char *)(uintptr_t)variables[i];
	env = rk_env_create(envp);
	assert_non_null(env);
	assert_int_equal(rk_config_create(&config, env), 0);
	rk_env_destroy(env);
	return config;
}

/* The row under @name=@value, with what has to be there and one more variable. */
static struct rk_config *create_row(const struct otel *o, const char *value, const char *third)
{
	char variable[256];
	const char *list[4] = { variable };
	int count = 1;

	snprintf(variable, sizeof(variable), "%s=%s", o->name, value);
	if (o->with)
		list[count++] = o->with;
	if (third)
		list[count++] = third;
	return create(list);
}

static void assert_value(const struct rk_config *config, const struct otel *o, const char *printed)
{
	char value[256];

	rk_config_format(config, o->id, value, sizeof(value));
	if (strcmp(value, printed) != 0)
		print_error("%s of %s\n", rk_config_row(o->id)->key, o->name);
	assert_string_equal(value, printed);
}

static void a_good_value_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rk_config *config = create_row(&table[i], table[i].good, NULL);

		assert_value(config, &table[i], table[i].printed);
		assert_int_equal(config->warnings, 0);
		assert_int_equal(config->source[table[i].id], RK_SOURCE_OTEL);
		assert_string_equal(config->origin[table[i].id], table[i].name);
		assert_false(config->any_set);
		rk_config_destroy(config);
	}
}

static void an_empty_value_is_unset(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rk_config *config = create_row(&table[i], "", NULL);

		assert_int_equal(config->warnings, 0);
		assert_string_not_equal(config->origin[table[i].id], table[i].name);
		rk_config_destroy(config);
	}
}

/* Named once, though several settings may read it; then it is as if unset, or false. */
static void a_bad_value_is_named_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct otel *o = &table[i];
		struct rk_config *bad = create_row(o, o->bad, NULL);
		struct rk_config *unset = create_row(o, "", NULL);
		char expected[256];

		if (bad->warnings != 1)
			print_error("%s=%s\n", o->name, o->bad);
		assert_int_equal(bad->warnings, 1);
		assert_int_equal(bad->problem_count, 1);
		assert_non_null(strstr(bad->problems[0].text, o->name));
		rk_config_format(unset, o->id, expected, sizeof(expected));
		assert_value(bad, o, expected);
		rk_config_destroy(bad);
		rk_config_destroy(unset);
	}
}

static void a_stronger_source_wins(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct otel *o = &table[i];
		const struct rk_config_row *row = rk_config_row(o->id);
		const char *value = *o->ours ? o->ours : "x=y";
		struct rk_config *config;
		char third[256];

		snprintf(third, sizeof(third), "%s=%s", row->variable, value);
		config = create_row(o, o->good, third);
		assert_value(config, o, row->kind == RK_TYPE_SECRET ? "(set)" : value);
		assert_string_equal(config->origin[o->id], row->variable);
		assert_int_equal(config->warnings, 0);
		rk_config_destroy(config);
	}
}

/* Each signal's own variable, then the general one; both orders of the environment. */
static void a_signal_comes_before_all_signals(void **state)
{
	static const struct {
		const char *general, *special;
		enum rk_config_id id;
	} pairs[] = {
		{ "OTEL_EXPORTER_OTLP_TIMEOUT=1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=2",
		  ROW(tracing_otlp_timeout) },
		{ "OTEL_BSP_EXPORT_TIMEOUT=1", "OTEL_EXPORTER_OTLP_TIMEOUT=2",
		  ROW(tracing_otlp_timeout) },
		{ "OTEL_METRIC_EXPORT_TIMEOUT=1", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=2",
		  ROW(metrics_otlp_timeout) },
		{ "OTEL_EXPORTER_OTLP_ENDPOINT=http://g:1",
		  "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://s:1", ROW(logging_otlp_endpoint) },
		{ "OTEL_EXPORTER_OTLP_HEADERS=a=1", "OTEL_EXPORTER_OTLP_METRICS_HEADERS=a=2",
		  ROW(metrics_otlp_headers) },
		{ "OTEL_EXPORTER_OTLP_INSECURE=true", "OTEL_EXPORTER_OTLP_METRICS_INSECURE=false",
		  ROW(metrics_otlp_insecure) },
		{ "OTEL_ATTRIBUTE_COUNT_LIMIT=1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=2",
		  ROW(tracing_attribute_count_limit) },
		{ "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=1",
		  "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT=2",
		  ROW(logging_attribute_value_limit) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct rk_config *config = create(VARIABLES(pairs[i].general, pairs[i].special));
		size_t length = strcspn(pairs[i].special, "=");

		assert_int_equal(strncmp(config->origin[pairs[i].id], pairs[i].special, length), 0);
		assert_int_equal(strlen(config->origin[pairs[i].id]), length);
		rk_config_destroy(config);
		config = create(VARIABLES(pairs[i].special, pairs[i].general));
		assert_int_equal(strlen(config->origin[pairs[i].id]), length);
		rk_config_destroy(config);
	}
}

static void false_is_what_is_not_true(void **state)
{
	struct rk_config *config = create(VARIABLES("OTEL_EXPORTER_OTLP_INSECURE=true",
						    "OTEL_EXPORTER_OTLP_TRACES_INSECURE=yes"));

	(void)state;
	assert_false(config->tracing_otlp_insecure);
	assert_true(config->metrics_otlp_insecure);
	assert_int_equal(config->warnings, 1);
	assert_non_null(strstr(config->problems[0].text, "taken as false"));
	rk_config_destroy(config);
}

static void the_short_name_feeds_all_signals(void **state)
{
	struct rk_config *config = create(VARIABLES("RUSTKERNEL_OTLP_ENDPOINT=http://r:1",
						    "OTEL_EXPORTER_OTLP_ENDPOINT=http://g:1",
						    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://l:1"));

	(void)state;
	assert_string_equal(config->tracing_otlp_endpoint, "http://r:1");
	assert_string_equal(config->metrics_otlp_endpoint, "http://r:1");
	assert_string_equal(config->origin[ROW(metrics_otlp_endpoint)], "RUSTKERNEL_OTLP_ENDPOINT");
	assert_true(config->inherited[ROW(metrics_otlp_endpoint)]);
	assert_string_equal(config->logging_otlp_endpoint, "http://l:1");
	assert_string_equal(config->origin[ROW(logging_otlp_endpoint)],
			    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT");
	assert_false(config->inherited[ROW(logging_otlp_endpoint)]);
	rk_config_destroy(config);
	config = create(VARIABLES("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1"));
	assert_string_equal(config->metrics_otlp_endpoint, "");
	rk_config_destroy(config);
}

/* All ten fields, both signals: the parent's value, and one's own before it. */
static void every_field_is_inherited(void **state)
{
	static const char *const fields[][3] = {
		{ "ENDPOINT", "http://p:1", "http://c:1" },
		{ "PROTOCOL", "http/json", "grpc" },
		{ "COMPRESSION", "none", "gzip" },
		{ "HEADERS_FILE", "/p", "/c" },
		{ "CERTIFICATE", "/p", "/c" },
		{ "CLIENT_CERTIFICATE", "/p", "/c" },
		{ "CLIENT_KEY", "/p", "/c" },
		{ "INSECURE", "true", "false" },
		{ "TIMEOUT", "3s", "4s" },
		{ "HEADERS", "a=1", "b=2" },
	};
	static const char *const signals[] = { "METRICS", "LOGGING" };

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		const char *const *field = fields[i / 2];
		bool secret = i / 2 == 9;
		char parent[128], child[128], value[64];
		struct rk_config *config;
		enum rk_config_id id;

		snprintf(parent, sizeof(parent), "RUSTKERNEL_TRACING_OTLP_%s=%s", field[0],
			 field[1]);
		snprintf(child, sizeof(child), "RUSTKERNEL_%s_OTLP_%s", signals[i % 2], field[0]);
		id = rk_config_find(child);
		assert_int_not_equal(id, RK_CONFIG_COUNT);
		config = create(VARIABLES(parent));
		rk_config_format(config, id, value, sizeof(value));
		assert_string_equal(value, secret ? "(set)" : field[1]);
		assert_true(config->inherited[id]);
		rk_config_destroy(config);
		snprintf(child + strlen(child), 64, "=%s", field[2]);
		config = create(VARIABLES(parent, child));
		rk_config_format(config, id, value, sizeof(value));
		assert_string_equal(value, secret ? "(set)" : field[2]);
		assert_false(config->inherited[id]);
		rk_config_destroy(config);
	}
}

static void endpoints_without_a_scheme(void **state)
{
	static const struct {
		const char *endpoint, *protocol, *result;
	} cases[] = {
		{ "c:4317", "auto", "c:4317" },
		{ "c:4318", "auto", "http://c:4318" },
		{ "c:9999", "grpc", "c:9999" },
		{ "c:4317", "http/protobuf", "http://c:4317" },
		{ "[::1]:4317", "auto", "[::1]:4317" },
		{ "https://c", "grpc", "https://c" },
		{ "None", "auto", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char endpoint[64], protocol[64];
		struct rk_config *config;

		snprintf(endpoint, sizeof(endpoint), "RUSTKERNEL_OTLP_ENDPOINT=%s",
			 cases[i].endpoint);
		snprintf(protocol, sizeof(protocol), "RUSTKERNEL_TRACING_OTLP_PROTOCOL=%s",
			 cases[i].protocol);
		config = create(VARIABLES(endpoint, protocol));
		assert_int_equal(config->warnings, 0);
		assert_string_equal(config->tracing_otlp_endpoint, cases[i].result);
		assert_string_equal(config->logging_otlp_endpoint, cases[i].result);
		rk_config_destroy(config);
	}
}

static void none_switches_one_signal_off(void **state)
{
	struct rk_config *config = create(VARIABLES("RUSTKERNEL_OTLP_ENDPOINT=http://r:1",
						    "RUSTKERNEL_METRICS_OTLP_ENDPOINT=none"));

	(void)state;
	assert_string_equal(config->metrics_otlp_endpoint, "");
	assert_string_equal(config->logging_otlp_endpoint, "http://r:1");
	rk_config_destroy(config);
}

static void exporters_are_lists(void **state)
{
	static const struct {
		const char *value, *endpoint;
		bool scrape, enabled;
		uint32_t warnings;
	} cases[] = {
		{ "otlp", "http://g:1", false, true, 0 },
		{ "prometheus", "", true, true, 0 },
		{ " otlp , Prometheus", "http://g:1", true, true, 0 },
		{ "none", "", false, false, 0 },
		{ "console", "http://g:1", false, true, 1 },
		{ "console,prometheus", "", true, true, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char variable[64];
		struct rk_config *config;

		snprintf(variable, sizeof(variable), "OTEL_METRICS_EXPORTER=%s", cases[i].value);
		config = create(VARIABLES(variable, "OTEL_EXPORTER_OTLP_ENDPOINT=http://g:1"));
		assert_int_equal(config->warnings, cases[i].warnings);
		assert_string_equal(config->metrics_otlp_endpoint, cases[i].endpoint);
		assert_string_equal(config->tracing_otlp_endpoint, "http://g:1");
		assert_int_equal(rk_config_wants_scrape(config), cases[i].scrape);
		assert_int_equal(config->metrics_enabled, cases[i].enabled);
		assert_int_equal(config->metrics_port, cases[i].scrape ? 9464 : 8080);
		rk_config_destroy(config);
	}
}

/* Said for the signal, so it counts for the signal; our own word for the signal is stronger. */
static void exporters_rank_like_a_signals_variable(void **state)
{
	struct rk_config *config =
		create(VARIABLES("OTEL_TRACES_EXPORTER=none", "OTEL_LOGS_EXPORTER=none",
				 "RUSTKERNEL_OTLP_ENDPOINT=http://r:1"));

	(void)state;
	assert_false(config->tracing_enabled);
	assert_string_equal(config->logging_otlp_endpoint, "");
	assert_string_equal(config->metrics_otlp_endpoint, "http://r:1");
	rk_config_destroy(config);
	config = create(VARIABLES("OTEL_LOGS_EXPORTER=none",
				  "RUSTKERNEL_LOGGING_OTLP_ENDPOINT=http://l:1"));
	assert_string_equal(config->logging_otlp_endpoint, "http://l:1");
	rk_config_destroy(config);
}

static void samplers_and_shares(void **state)
{
	static const struct {
		const char *a, *b;
		enum rk_sampler sampler;
		double share;
		uint32_t warnings;
	} cases[] = {
		{ "X=1", NULL, RK_SAMPLER_PARENT_RATIO, 1, 0 },
		{ "OTEL_TRACES_SAMPLER_ARG=0.5", NULL, RK_SAMPLER_PARENT_RATIO, 1, 1 },
		{ "OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_TRACES_SAMPLER=maybe",
		  RK_SAMPLER_PARENT_RATIO, 1, 2 },
		{ "OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_TRACES_SAMPLER=always_off",
		  RK_SAMPLER_ALWAYS_OFF, 1, 0 },
		{ "OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
		  RK_SAMPLER_PARENT_RATIO, 0.5, 0 },
		{ "OTEL_TRACES_SAMPLER_ARG=1.5", "OTEL_TRACES_SAMPLER=traceidratio",
		  RK_SAMPLER_RATIO, 1, 1 },
		{ "RUSTKERNEL_PRESET=production", NULL, RK_SAMPLER_PARENT_RATIO, 0.1, 0 },
		{ "RUSTKERNEL_PRESET=production", "OTEL_TRACES_SAMPLER=traceidratio",
		  RK_SAMPLER_RATIO, 1, 0 },
		{ "RUSTKERNEL_TRACING_SAMPLING_RATE=0.2", "OTEL_TRACES_SAMPLER=always_on",
		  RK_SAMPLER_PARENT_RATIO, 0.2, 0 },
		{ "RUSTKERNEL_TRACING_SAMPLING_RATE=0.2", "OTEL_TRACES_SAMPLER=traceidratio",
		  RK_SAMPLER_RATIO, 0.2, 0 },
		{ "RUSTKERNEL_TRACING_SAMPLER=always_off", "OTEL_TRACES_SAMPLER=always_on",
		  RK_SAMPLER_ALWAYS_OFF, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_config *config = create(VARIABLES(cases[i].a, cases[i].b));

		if (config->warnings != cases[i].warnings ||
		    config->tracing_sampler != cases[i].sampler)
			print_error("case %zu\n", i);
		assert_int_equal(config->warnings, cases[i].warnings);
		assert_int_equal(config->tracing_sampler, cases[i].sampler);
		assert_true(config->tracing_sampling_rate == cases[i].share);
		rk_config_destroy(config);
	}
}

static void propagators_are_cleaned(void **state)
{
	static const struct {
		const char *value, *result;
		uint32_t warnings;
	} cases[] = {
		{ "baggage, TraceContext,baggage", "tracecontext,baggage", 0 },
		{ "none", "none", 0 },
		{ "tracecontext,b3,xray", "tracecontext", 1 },
		{ "jaeger", "tracecontext,baggage", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char variable[96];
		struct rk_config *config;

		snprintf(variable, sizeof(variable), "OTEL_PROPAGATORS=%s", cases[i].value);
		config = create(VARIABLES(variable));
		assert_int_equal(config->warnings, cases[i].warnings);
		assert_string_equal(config->tracing_propagators, cases[i].result);
		rk_config_destroy(config);
	}
}

static void a_batch_fits_its_queue(void **state)
{
	struct rk_config *config = create(VARIABLES("OTEL_BSP_MAX_QUEUE_SIZE=100",
						    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200",
						    "OTEL_BLRP_MAX_QUEUE_SIZE=300"));

	(void)state;
	assert_int_equal(config->tracing_otlp_max_batch_spans, 100);
	assert_int_equal(config->logging_otlp_max_batch_records, 300);
	assert_int_equal(config->warnings, 1);
	assert_non_null(strstr(config->problems[0].text, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"));
	rk_config_destroy(config);
}

static void the_context_of_the_process_is_kept(void **state)
{
	struct rk_config *config = create(
		VARIABLES("TRACEPARENT=00-a", "TRACESTATE=k=v", "BAGGAGE=t=1", "traceparent=00-b"));

	(void)state;
	assert_string_equal(config->traceparent, "00-a");
	assert_string_equal(config->tracestate, "k=v");
	assert_string_equal(config->baggage, "t=1");
	rk_config_destroy(config);
	config = create(VARIABLES("traceparent=00-b"));
	assert_string_equal(config->traceparent, "");
	rk_config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_value_counts),
		cmocka_unit_test(an_empty_value_is_unset),
		cmocka_unit_test(a_bad_value_is_named_once),
		cmocka_unit_test(a_stronger_source_wins),
		cmocka_unit_test(a_signal_comes_before_all_signals),
		cmocka_unit_test(false_is_what_is_not_true),
		cmocka_unit_test(the_short_name_feeds_all_signals),
		cmocka_unit_test(every_field_is_inherited),
		cmocka_unit_test(endpoints_without_a_scheme),
		cmocka_unit_test(none_switches_one_signal_off),
		cmocka_unit_test(exporters_are_lists),
		cmocka_unit_test(exporters_rank_like_a_signals_variable),
		cmocka_unit_test(samplers_and_shares),
		cmocka_unit_test(propagators_are_cleaned),
		cmocka_unit_test(a_batch_fits_its_queue),
		cmocka_unit_test(the_context_of_the_process_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
