/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_alert_channel.c - rows of alerting.channels as the outputs see them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"

#define S 1000000000ull /* ns */

struct setup {
	char path[64];
	struct rk_env *env;
	struct rk_config *config;
	struct rk_alert_channels *channels;
};

static void setup(struct setup *s, const char *yaml)
{
	char file[96], *envp[] = { file, NULL };
	int fd;

	snprintf(s->path, sizeof(s->path), "/tmp/rk-test-channel-XXXXXX");
	fd = mkstemp(s->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	snprintf(file, sizeof(file), "RUSTKERNEL_CONFIG=%s", s->path);
	s->env = rk_env_create(envp);
	assert_non_null(s->env);
	assert_int_equal(rk_config_create(&s->config, s->env), 0);
	assert_int_equal(rk_alert_channels_create(&s->channels, s->config), 0);
}

static void finish(struct setup *s)
{
	rk_alert_channels_destroy(s->channels);
	rk_config_destroy(s->config);
	rk_env_destroy(s->env);
	unlink(s->path);
}

static void rows_keep_their_places(void **state)
{
	struct setup s;
	const struct rk_alert_channel *rows;

	(void)state;
	setup(&s, "alerting:\n"
		  "  channels:\n"
		  "    - slack: { webhook_url: \"https://a/b\" }\n"
		  "    - slcak: { webhook_url: \"https://a/b\" }\n"
		  "    - slack: { channel: x }\n"
		  "    - pagerduty: { name: slack-5, service_key_file: /k }\n"
		  "    - slack: { webhook_url_file: /u }\n"
		  "    - log:\n"
		  "    - command: { argv: [echo, hello] }\n");
	rows = s.channels->rows;
	assert_int_equal(s.channels->count, 7);
	assert_string_equal(rows[0].name, "slack");
	assert_int_equal(rows[0].line, 3);
	assert_true(rows[0].is_usable);
	assert_false(rows[1].is_usable);
	assert_string_equal(rows[2].name, "slack-3");
	assert_false(rows[2].is_usable);
	assert_string_equal(rows[3].url, "https://events.pagerduty.com/v2/enqueue");
	assert_true(rows[3].is_usable);
	assert_int_equal(rows[5].kind, RK_CHANNEL_LOG);
	assert_true(rows[5].is_usable);
	assert_string_equal(rows[6].argv->first->next->text, "hello");
	assert_ptr_equal(rk_alert_channels_find(s.channels, "slack-3"), &rows[2]);
	assert_ptr_equal(rk_alert_channels_find(s.channels, "#7"), &rows[6]);
	assert_null(rk_alert_channels_find(s.channels, "#8"));
	assert_null(rk_alert_channels_find(s.channels, "#0"));
	assert_null(rk_alert_channels_find(s.channels, "nobody"));
	finish(&s);
}

/* Also where somebody chose the name that ours would have had. */
static void names_tell_channels_apart(void **state)
{
	struct setup s;

	(void)state;
	setup(&s, "alerting: { channels: [ { log: { name: log-2 } }, { log: }, { log: },\n"
		  "  { log: { name: log-3 } } ] }\n");
	for (size_t i = 0; i < s.channels->count; i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s.channels->rows[i].name, s.channels->rows[k].name);
	}
	finish(&s);
}

static bool takes(const struct rk_alert_channel *channel, enum rk_severity severity,
		  enum rk_alert_state state)
{
	const struct rk_alert alert = { .severity = severity, .state = state };

	return rk_alert_channel_takes(channel, &alert);
}

static void who_is_told_what(void **state)
{
	struct setup s;
	const struct rk_alert_channel *rows;

	(void)state;
	setup(&s, "alerting: { channels: [ { log: }, { log: { min_severity: critical } },\n"
		  "  { log: { severities: [info, page], send_resolved: false } } ] }\n");
	rows = s.channels->rows;
	for (int severity = RK_SEVERITY_INFO; severity <= RK_SEVERITY_PAGE; severity++) {
		enum rk_severity is = (enum rk_severity)severity;

		assert_true(takes(&rows[0], is, RK_ALERT_FIRING));
		assert_true(takes(&rows[0], is, RK_ALERT_RESOLVED));
		assert_int_equal(takes(&rows[1], is, RK_ALERT_FIRING), is >= RK_SEVERITY_CRITICAL);
		assert_int_equal(takes(&rows[2], is, RK_ALERT_FIRING),
				 is == RK_SEVERITY_INFO || is == RK_SEVERITY_PAGE);
		assert_false(takes(&rows[2], is, RK_ALERT_RESOLVED));
	}
	finish(&s);
}

static void times_have_bounds(void **state)
{
	struct setup s;
	const struct rk_alert_channel *rows;

	(void)state;
	setup(&s, "alerting: { channels: [\n"
		  "  { alertmanager: { url: \"http://a\" } },\n"
		  "  { alertmanager: { url: \"http://a\", timeout: 0s, resend_interval: 10ms,\n"
		  "                    retry_for: 1h } } ] }\n");
	rows = s.channels->rows;
	assert_int_equal(rows[0].timeout_ns, 10 * S);
	assert_int_equal(rows[0].retry_for_ns, 600 * S);
	assert_int_equal(rows[0].resend_ns, 60 * S);
	assert_int_equal(rows[1].timeout_ns, 10 * S);
	assert_int_equal(rows[1].retry_for_ns, 3600 * S);
	assert_int_equal(rows[1].resend_ns, S);
	finish(&s);
}

/* A channel is no place where a recording goes: the trace file stays. */
static void the_network_is_wanted_for_them(void **state)
{
	static const struct {
		const char *yaml;
		bool is_wanted;
	} cases[] = {
		{ "alerting: { channels: [ { log: }, { command: { argv: [a] } } ] }\n", false },
		{ "alerting: { channels: [ { log: }, { webhook: { url: \"http://a\" } } ] }\n",
		  true },
		{ "alerting: { rules: [] }\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setup s;

		setup(&s, cases[i].yaml);
		assert_int_equal(rk_net_is_wanted(s.config), cases[i].is_wanted);
		assert_false(rk_net_has_destination(s.config));
		finish(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_keep_their_places),
		cmocka_unit_test(names_tell_channels_apart),
		cmocka_unit_test(who_is_told_what),
		cmocka_unit_test(times_have_bounds),
		cmocka_unit_test(the_network_is_wanted_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
