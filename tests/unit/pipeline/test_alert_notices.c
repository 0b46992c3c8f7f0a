/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_alert_notices.c - who is told what, when, together with what.
 */
#include "alert_story.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/alert/alert_silence.h"

#define SLOW(name, more)                                                                           \
	"  - {name: " name ", condition: {latency_exceeds: {threshold: 100ms, window: 10s}}" more  \
	"}\n"

/* Two kernels that get slow within the wait are one notice; what comes later waits its turn. */
static void groups(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting:\n  group_wait: 8s\n  group_interval: 30s\n  rules:\n" SLOW(
				"slow", "") "  channels: [{log: {}}]\n");
	story_run(&s, "a", 1, 200);
	story_wait(&s, 5);
	story_run(&s, "b", 1, 200);
	story_wait(&s, 20);
	assert_int_equal(s.notices[0].of, 2);
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 8);
	story_expect_notice(&s, "slow", RK_ALERT_FIRING, 8);
	/* One was over at 10, the other at 15: both are told with the next notice. */
	story_wait(&s, 100);
	assert_int_equal(s.notices[0].of, 2);
	story_expect_notice(&s, "slow", RK_ALERT_RESOLVED, 38);
	story_expect_notice(&s, "slow", RK_ALERT_RESOLVED, 38);
	assert_int_equal(s.notice_count, 0);
	story_finish(&s);
}

/* Fired and over before its group was told: nobody needs to know. */
static void over_before_it_was_told(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting:\n  group_wait: 30s\n  rules:\n" SLOW(
				"slow", "") "  channels: [{log: {}}]\n");
	story_run(&s, "a", 1, 200);
	story_wait(&s, 100);
	assert_int_equal(s.transition_count, 2);
	assert_int_equal(s.notice_count, 0);
	story_finish(&s);
}

static void group_by_labels(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting:\n  group_wait: 1s\n  group_by: [kernel_id]\n  rules:\n" SLOW(
				"one", "") SLOW("two", "") "  channels: [{log: {}}]\n");
	story_run(&s, "a", 1, 200);
	story_run(&s, "b", 1, 200);
	story_wait(&s, 5);
	assert_int_equal(s.notice_count, 4);
	assert_int_equal(s.notices[0].of, 2);
	assert_string_equal(s.notices[0].group, s.notices[1].group);
	assert_string_not_equal(s.notices[0].group, s.notices[2].group);
	assert_string_not_equal(s.notices[0].fingerprint, s.notices[1].fingerprint);
	story_finish(&s);
}

/* Told again unchanged, the rule's own interval first. */
static void repeats(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s,
		    "alerting:\n  group_wait: 0s\n  group_interval: 10s\n  repeat_interval: 60s\n"
		    "  rules:\n"
		    "  - {name: dead, condition: {no_executions_for: {duration: 5s}}}\n"
		    "  - {name: gone, condition: {no_executions_for: {duration: 5s}}, "
		    "repeat_interval: 20s}\n"
		    "  channels: [{log: {}}]\n");
	story_wait(&s, 70);
	story_expect_notice(&s, "dead", RK_ALERT_FIRING, 5);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 5);
	assert_int_equal(s.notices[0].repeat, 1);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 25);
	assert_int_equal(s.notices[0].repeat, 2);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 45);
	assert_int_equal(s.notices[0].repeat, 1);
	story_expect_notice(&s, "dead", RK_ALERT_FIRING, 65);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 65);
	assert_int_equal(s.notice_count, 0);
	story_finish(&s);
}

static void routes(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(
		&s,
		"alerting:\n  group_wait: 0s\n  rules:\n" SLOW("graph", ", labels: {team: graph}") SLOW(
			"page", ", severity: page, labels: {team: graph}") SLOW("rest", "")
			SLOW("mute",
			     ", labels: {team: nobody}") "  channels: [{log: {name: a}}, {log: {name: b}}, "
							 "{command: {argv: [x]}}]\n"
							 "  routes:\n"
							 "  - {match: {severity: page}, channels: [command], "
							 "continue: true}\n"
							 "  - {match: {team: \"gr*\"}, channels: [b]}\n"
							 "  - {match: {team: nobody}, channels: []}\n");
	story_run(&s, "a", 1, 200);
	story_wait(&s, 1);
	/* graph -> b; page -> the command and b; rest, which no route has -> all; mute -> nobody */
	struct {
		const char *rule;
		uint32_t channels;
	} expected[] = { { "graph", 2 }, { "page", 4 | 2 }, { "rest", 7 }, { "mute", 0 } };

	for (size_t i = 0; i < 4; i++) {
		uint32_t told = 0;

		for (uint32_t n = 0; n < s.notice_count; n++)
			told |= strcmp(s.notices[n].rule, expected[i].rule) == 0 ?
					1u << s.notices[n].channel :
					0;
		assert_int_equal(told, expected[i].channels);
	}
	assert_int_equal(s.transition_count, 4);
	story_finish(&s);
}

static void write_silences(const char *path, const char *text, unsigned long version)
{
	FILE *file = fopen(path, "w");
	struct timespec times[2] = { { .tv_sec = 1000 + (time_t)version },
				     { .tv_sec = 1000 + (time_t)version } };

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The file may come, change and go; the alert goes on meanwhile and is told when it may be. */
static void silences(void **state)
{
	char path[] = "/tmp/rk-test-silences-XXXXXX", yaml[1024];
	struct alert_story s;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	snprintf(
		yaml, sizeof(yaml),
		"alerting:\n  group_wait: 0s\n  group_interval: 1s\n  silences_file: %s\n  rules:\n"
		"  - {name: dead, condition: {no_executions_for: {duration: 5s}}}\n"
		"  - {name: gone, condition: {no_executions_for: {duration: 5s}}}\n"
		"  channels: [{log: {}}]\n",
		path);
	story_start(&s, yaml);
	/* The story begins at 22:13:20. The second and third are wrong: nobody is silent. */
	write_silences(path,
		       "silences:\n- {matchers: {rule: d*}, starts_at: \"2023-11-14T22:13:20Z\", "
		       "ends_at: \"2023-11-14T22:13:40Z\", comment: x}\n"
		       "- {matchers: {rule: gone}}\n"
		       "- {ends_at: \"2033-11-14T22:13:40Z\"}\n",
		       1);
	story_wait(&s, 30);
	story_expect(&s, "dead", RK_ALERT_FIRING, 5);
	story_expect(&s, "gone", RK_ALERT_FIRING, 5);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 5);
	story_expect_notice(&s, "dead", RK_ALERT_FIRING, 20);
	assert_int_equal(s.notice_count, 0);
	/* Who was told of the beginning is told of the end. */
	write_silences(path,
		       "silences: [{matchers: {alertname: \"*\"}, "
		       "ends_at: \"2033-11-14T22:13:40Z\"}]\n",
		       2);
	story_wait(&s, 31);
	story_run(&s, "a", 1, 1);
	story_wait(&s, 40);
	story_expect_notice(&s, "dead", RK_ALERT_RESOLVED, 32);
	story_expect_notice(&s, "gone", RK_ALERT_RESOLVED, 32);
	assert_int_equal(s.notice_count, 0);
	unlink(path);
	story_wait(&s, 41);
	story_expect_notice(&s, "dead", RK_ALERT_FIRING, 41);
	story_expect_notice(&s, "gone", RK_ALERT_FIRING, 41);
	story_finish(&s);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t unix_ns;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2023-11-14T22:13:20Z", 1700000000000000000 },
		{ "2023-11-14t23:43:20.25+01:30", 1700000000250000000 },
		{ "2023-11-14 21:13:20-01:00", 1700000000000000000 },
	};
	static const char *const bad[] = { "",
					   "2023-11-14",
					   "2023-11-14T22:13:20",
					   "today",
					   "2023-13-14T22:13:20Z",
					   "2023-11-14T25:13:20Z",
					   "2023-11-14T22:13:20Zx",
					   "2023-11-14T22:13:20+1:00" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(rk_alert_silence_parse_time(good[i].text, &ns));
		assert_int_equal(ns, good[i].unix_ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rk_alert_silence_parse_time(bad[i], &ns));
}

/* A rule that is wrong is left out; the others work. */
static void mistakes(void **state)
{
	static const char *const bad[] = {
		"{condition: {latency_exceeds: {threshold: 1s}}}",
		"{name: x}",
		"{name: x, condition: {latency_exceeds: {percentile: 95}}}",
		"{name: x, condition: {latency_exceeds: {threshold: fast}}}",
		"{name: x, condition: {latency_exceeds: {threshold: 1s, percentile: 100}}}",
		"{name: x, condition: {latency_exceeds: {threshold: 1s, resolve: 2s}}}",
		"{name: x, condition: {execution_rate_below: {threshold: 2, resolve: 1}}}",
		"{name: x, condition: {latency_exceeds: {threshold: 1s}, losses_above: {}}}",
		"{name: x, condition: {nonsense: {}}}",
		"{name: x, condition: {losses_above: {}}, severity: loud}",
		"{name: x, condition: {losses_above: {}}, for_duration: soon}",
		"{name: x, condition: {losses_above: {}}, by: [planet]}",
		"{name: x, condition: {losses_above: {}}, kernels: a}",
		"{name: good, condition: {losses_above: {}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct alert_story s;
		char yaml[1024];

		snprintf(yaml, sizeof(yaml),
			 "alerting:\n  group_wait: 0s\n  rules:\n  - {name: good, condition: "
			 "{no_executions_for: {duration: 5s}}}\n  - %s\n",
			 bad[i]);
		story_start(&s, yaml);
		assert_non_null(s.engine);
		story_wait(&s, 10);
		story_expect(&s, "good", RK_ALERT_FIRING, 5);
		assert_int_equal(s.transition_count, 0);
		story_finish(&s);
	}
}

static void without_rules(void **state)
{
	struct alert_story s;

	(void)state;
	story_start(&s, "alerting: {channels: [{log: {}}]}\n");
	assert_null(s.engine);
	story_finish(&s);
	story_start(&s, "alerting: {rules: [{name: x}]}\n");
	assert_null(s.engine);
	story_finish(&s);
}

/* A program that makes up names gets one series more, not many; what it does still counts. */
static void memory_is_bounded(void **state)
{
	struct rk_alert_stats stats;
	struct alert_story s;
	char name[32];

	(void)state;
	story_start(&s, "metrics: {top_k: 10}\nalerting:\n  group_wait: 0s\n  rules:\n" SLOW(
				"slow", "") "  channels: [{log: {}}]\n");
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "made_up_%d", i);
		story_run(&s, name, 1, i == 4999 ? 1 : 200);
	}
	story_wait(&s, 1);
	rk_alert_engine_get_stats(s.engine, &stats);
	assert_int_equal(stats.series, 10);
	assert_int_equal(stats.firing, 10);
	assert_int_equal(stats.folded, 5000 - 9);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(s.transition_count, 10);
	assert_non_null(strstr(s.transitions[9].labels, "kernel_id=other"));
	story_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),	   cmocka_unit_test(over_before_it_was_told),
		cmocka_unit_test(group_by_labels), cmocka_unit_test(repeats),
		cmocka_unit_test(routes),	   cmocka_unit_test(silences),
		cmocka_unit_test(times),	   cmocka_unit_test(mistakes),
		cmocka_unit_test(without_rules),   cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
