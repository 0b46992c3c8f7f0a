/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/notify_driver.c - the channels of alerts alone, told what to tell.
 *
 * usage: notify_driver STEP...
 *   fire | resolve     tell a notice; its members behind it, each after a unit separator (0x1f):
 *                      channel= group= rule= severity= summary= description= value= threshold=
 *                      unit= trace= label.NAME= count= (so many alerts) left= (this is the
 *                      first number of them) repeat=
 *   render | render-over   the same, but print the body of the request instead of sending it
 *   hold MS            let things happen for so long
 *   until N MS         the same, but only until so many notices have been sent or given up
 *   answer CHANNEL MS  until that channel has answered, for so long at most
 *   finish MS          as at the exit of a program
 *
 * The configuration is the environment's. Prints one JSON object; log lines go to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/config.h"
#include "core/log.h"
#include "exporters/loop.h"
#include "exporters/notify_format.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"

#define MS	    1000000ull
#define SERIES_MAX  64
#define ALERTS_MAX  512
#define STARTED_NS  1790000000123456789ull
#define MEMBER_STOP "\x1f"

static struct {
	char family[64], label[192];
	double value, highest;
} series[SERIES_MAX];
static size_t series_count;

static const char *const severities[] = { "info", "warning", "critical", "page" };

static void on_log(enum rk_log_level level, const char *line, void *data)
{
	static const char *const names[] = { "error", "warning", "info", "debug", "trace" };

	(void)data;
	fprintf(stderr, "%s: %s\n", names[level], line);
}

static void set(struct rk_metrics *metrics, const char *family, const char *label, double value)
{
	size_t i = 0;

	(void)metrics;
	while (i < series_count &&
	       (strcmp(series[i].family, family) != 0 || strcmp(series[i].label, label) != 0))
		i++;
	if (i == SERIES_MAX)
		exit(1);
	if (i == series_count)
		series_count++;
	snprintf(series[i].family, sizeof(series[i].family), "%s", family);
	snprintf(series[i].label, sizeof(series[i].label), "%s", label);
	series[i].value = value;
	if (value > series[i].highest)
		series[i].highest = value;
}

/* A notice and the room that its parts point into. */
struct story {
	struct rk_alert_notice notice;
	struct rk_alert alerts[ALERTS_MAX];
	char fingerprints[ALERTS_MAX][16];
	size_t count, first;
};

static int read_severity(const char *text)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(severities[i], text) == 0)
			return i;
	}
	exit(64);
}

static void read_trace(struct rk_alert *alert, const char *hex)
{
	for (size_t i = 0; i < 16; i++)
		sscanf(hex + 2 * i, "%2hhx", &alert->trace_id[i]);
	for (size_t i = 0; i < 8; i++)
		alert->span_id[i] = alert->trace_id[i];
}

static bool read_detail(struct rk_alert *alert, const char *name, const char *value)
{
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++) {
		if (strcmp(rk_alert_detail_name((enum rk_alert_detail)i), name) != 0)
			continue;
		alert->details[i] = value;
		return true;
	}
	return false;
}

static void read_member(struct story *story, struct rk_alert *alert, char *name, char *value)
{
	if (strcmp(name, "channel") == 0)
		story->notice.channel = (uint32_t)atoi(value);
	else if (strcmp(name, "group") == 0)
		snprintf(story->notice.group, sizeof(story->notice.group), "%s", value);
	else if (strcmp(name, "repeat") == 0)
		story->notice.repeat = (uint32_t)atoi(value);
	else if (strcmp(name, "count") == 0)
		story->count = (size_t)atoi(value);
	else if (strcmp(name, "left") == 0)
		story->first = (size_t)atoi(value);
	else if (strcmp(name, "rule") == 0)
		alert->rule = value;
	else if (strcmp(name, "severity") == 0)
		alert->severity = (enum rk_severity)read_severity(value);
	else if (strcmp(name, "summary") == 0)
		alert->summary = value;
	else if (strcmp(name, "description") == 0)
		alert->description = value;
	else if (strcmp(name, "unit") == 0)
		alert->unit = value;
	else if (strcmp(name, "value") == 0)
		alert->value = atof(value);
	else if (strcmp(name, "threshold") == 0)
		alert->threshold = atof(value);
	else if (strcmp(name, "trace") == 0)
		read_trace(alert, value);
	else if (strncmp(name, "label.", 6) == 0 && alert->label_count < RK_ALERT_LABELS_MAX)
		alert->labels[alert->label_count++] = (struct rk_alert_label){ name + 6, value };
	else if (!read_detail(alert, name, value))
		exit(64);
}

static void read_story(struct story *story, char *step, bool is_over)
{
	struct timespec now;
	struct rk_alert alert = {
		.rule = "high_latency",
		.severity = RK_SEVERITY_WARNING,
		.state = is_over ? RK_ALERT_RESOLVED : RK_ALERT_FIRING,
		.summary = "p95 is 182 ms",
		.description = "",
		.value = 0.182,
		.threshold = 0.1,
		.unit = "s",
		.started_unix_ns = STARTED_NS,
	};

	memset(story, 0, sizeof(*story));
	clock_gettime(CLOCK_REALTIME, &now);
	story->notice.unix_ns = (uint64_t)now.tv_sec * 1000 * MS;
	alert.ended_unix_ns = is_over ? story->notice.unix_ns - 1000 * MS : 0;
	story->count = 1;
	snprintf(story->notice.group, sizeof(story->notice.group), "0123abcd");
	strtok(step, MEMBER_STOP);
	for (char *member; (member = strtok(NULL, MEMBER_STOP));) {
		char *value = strchr(member, '=');

		if (!value)
			exit(64);
		*value = '\0';
		read_member(story, &alert, member, value + 1);
	}
	for (size_t i = 0; i < story->count && i < ALERTS_MAX; i++) {
		size_t number = story->first + i;

		story->alerts[i] = alert;
		snprintf(story->alerts[i].fingerprint, sizeof(alert.fingerprint), "%08zx%08x",
			 number, 0xfeedu);
		if (story->count == 1 && !story->first)
			continue;
		snprintf(story->fingerprints[i], sizeof(story->fingerprints[i]), "%zu", number);
		story->alerts[i].labels[story->alerts[i].label_count++] =
			(struct rk_alert_label){ "number", story->fingerprints[i] };
	}
	story->notice.alerts = story->alerts;
	story->notice.alert_count = story->count;
}

static void print_body(const struct rk_config *config, const struct story *story)
{
	static const rk_notify_format_fn formats[] = { rk_notify_slack, rk_notify_pagerduty,
						       rk_notify_webhook, rk_notify_alertmanager };
	const size_t size = 8u << 20;
	struct rk_alert_channels *channels;
	struct rk_notify_format_input input = { .source = "host-a", .service = "trainer" };
	char *out = malloc(size);

	if (!out || rk_alert_channels_create(&channels, config))
		exit(71);
	input.channel = &channels->rows[story->notice.channel];
	input.key = "the-key";
	input.now_unix_ns = story->notice.unix_ns;
	input.told = rk_notify_notice_copy(&story->notice, input.channel, NULL, 0);
	if (input.told && formats[input.channel->kind](&input, out, size))
		puts(out);
	else
		puts("null");
	free((void *)input.told);
	rk_alert_channels_destroy(channels);
	free(out);
}

static void hold(struct rk_net *net, uint64_t ms)
{
	uint64_t end = rk_loop_now() + ms * MS;

	while (rk_loop_now() < end)
		net->poll(net, 5);
}

static void until(struct rk_net *net, double wanted, uint64_t ms)
{
	uint64_t end = rk_loop_now() + ms * MS;
	double settled = 0;

	while (settled < wanted && rk_loop_now() < end) {
		net->poll(net, 5);
		settled = 0;
		for (size_t i = 0; i < series_count; i++) {
			if (strncmp(series[i].family, "rustkernel_notifications_", 25) == 0)
				settled += series[i].value;
		}
	}
}

static void wait_for_answer(struct rk_net *net, uint32_t channel, uint64_t ms)
{
	uint64_t end = rk_loop_now() + ms * MS;
	struct rk_net_answer answer = { 0 };

	while (!answer.count && rk_loop_now() < end) {
		net->poll(net, 5);
		net->get_answer(net, channel, &answer);
	}
	printf("{\"count\":%llu,\"accepted\":%d,\"status\":%d,\"took_ms\":%llu,\"place\":\"%s\"}\n",
	       (unsigned long long)answer.count, answer.is_accepted, answer.status,
	       (unsigned long long)(answer.took_ns / MS), answer.place);
	fprintf(stderr, "answer: %s\n", answer.text);
}

static void finish(struct rk_net *net, uint64_t ms)
{
	uint64_t start = rk_loop_now();

	net->finish(net, (uint32_t)ms);
	printf("{\"finish_ms\":%llu}\n", (unsigned long long)((rk_loop_now() - start) / MS));
}

static void report(void)
{
	for (size_t i = 0; i < series_count; i++)
		printf("{\"family\":\"%s\",\"label\":\"%s\",\"value\":%.0f,\"highest\":%.0f}\n",
		       series[i].family, series[i].label, series[i].value, series[i].highest);
}

/* Return: arguments used. */
static int play(const struct rk_config *config, struct rk_net *net, char **argv)
{
	static struct story story;
	bool is_fire = strncmp(argv[0], "fire", 4) == 0;
	bool is_render = strncmp(argv[0], "render", 6) == 0;
	bool is_over_render = strncmp(argv[0], "render-over", 11) == 0;

	if (is_fire || is_render || strncmp(argv[0], "resolve", 7) == 0) {
		read_story(&story, argv[0], !is_fire && (!is_render || is_over_render));
		if (is_render)
			print_body(config, &story);
		else
			net->notify(net, &story.notice);
		return 1;
	}
	if (!argv[1])
		exit(64);
	if (strcmp(argv[0], "hold") == 0)
		hold(net, strtoull(argv[1], NULL, 10));
	else if (strcmp(argv[0], "finish") == 0)
		finish(net, strtoull(argv[1], NULL, 10));
	else if (strcmp(argv[0], "until") == 0 && argv[2])
		until(net, atof(argv[1]), strtoull(argv[2], NULL, 10));
	else if (strcmp(argv[0], "answer") == 0 && argv[2])
		wait_for_answer(net, (uint32_t)atoi(argv[1]), strtoull(argv[2], NULL, 10));
	else
		exit(64);
	return strcmp(argv[0], "answer") == 0 || strcmp(argv[0], "until") == 0 ? 3 : 2;
}

int main(int argc, char **argv)
{
	struct rk_net_host host = { .abi = RK_NET_ABI, .live = true, .only_notices = true };
	struct rk_env *env = rk_env_create(NULL);
	struct rk_config *config;
	struct rk_net *net;

	setvbuf(stdout, NULL, _IOLBF, 0);
	rk_log_init(RK_LOG_INFO, true);
	rk_log_attach(on_log, NULL);
	if (argc < 2 || rk_config_create(&config, env))
		return 64;
	host.config = config;
	host.env = env;
	host.log = on_log;
	host.log_level = RK_LOG_INFO;
	host.strings = rk_intern_table();
	host.set = set;
	host.resource = "";
	host.instance = "host-a";
	if (rk_net_open(&net, &host))
		return 69;
	for (int i = 1; i < argc;)
		i += play(config, net, argv + i);
	report();
	net->close(net);
	rk_config_destroy(config);
	rk_env_destroy(env);
	return 0;
}
