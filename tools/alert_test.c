/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_test.c - one notice, one answer, no second attempt.
 */
#include "tools/alert_test.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"
#include "tools/child_env.h"
#include "tools/json.h"
#include "tools/options.h"

#define NS_PER_MS   1000000ull
#define NS_PER_S    1000000000ull
#define GRACE_MS    2000u /* beyond the time of one request: names are looked up, files read */
#define POLL_MS	    50u
#define LIST_BYTES  512

static const char verb[] = "alert";

struct test {
	const char *name, *config_file; /* as given */
	bool is_over, as_json;
	struct rk_env *env;
	struct rk_config *config;
	struct rk_alert_channels *channels;
	const struct rk_alert_channel *channel;
	struct rk_net *net;
	struct rk_net_host host;
	struct utsname machine;
	struct rk_net_answer answer;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int create_config(struct test *test)
{
	struct rk_child_env *variables = rk_child_env_create(environ);
	int err = variables ? 0 : -ENOMEM;

	if (!err && test->config_file)
		err = rk_child_env_set(variables, "RUSTKERNEL_CONFIG", test->config_file);
	if (!err) {
		test->env = rk_env_create(rk_child_env_get(variables));
		err = test->env ? rk_config_create(&test->config, test->env) : -ENOMEM;
	}
	rk_child_env_destroy(variables);
	if (!err)
		err = rk_alert_channels_create(&test->channels, test->config);
	return err;
}

static void list_names(const struct rk_alert_channels *channels, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < channels->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
					 channels->rows[i].name);
}

/* Return: RK_TOOL_OK, or the status to end with. */
static int find_channel(struct test *test)
{
	const char *file = test->config->file;
	char names[LIST_BYTES];

	if (test->config->file_error)
		return RK_TOOL_NO_INPUT; /* the settings' own problems have said it */
	if (!test->channels->count)
		return rk_tool_fail(RK_TOOL_USAGE, verb,
				    "%s%s no channels; alerting.channels in a file given by "
				    "--config or RUSTKERNEL_CONFIG names them",
				    *file ? file : "there are", *file ? " has" : "");
	test->channel = rk_alert_channels_find(test->channels, test->name);
	if (test->channel)
		return RK_TOOL_OK;
	list_names(test->channels, names, sizeof(names));
	return rk_tool_fail(RK_TOOL_USAGE, verb, "there is no channel %s; there %s %s", test->name,
			    test->channels->count == 1 ? "is" : "are", names);
}

static int check_channel(const struct test *test)
{
	const struct rk_alert_channel *channel = test->channel;

	if (!channel->is_usable)
		return rk_tool_fail(RK_TOOL_DATA, verb,
				    "channel %s (line %u) cannot be used: something that it needs "
				    "is missing; rktrace config --check says what",
				    channel->name, channel->line);
	if (rk_channel_kind_is_net(channel->kind))
		return RK_TOOL_OK;
	return rk_tool_fail(RK_TOOL_INCONCLUSIVE, verb,
			    "channel %s is of the kind %s, which sends nothing: there is nothing "
			    "to be tested",
			    channel->name, rk_channel_kind_name(channel->kind));
}

static void pass_log(enum rk_log_level level, const char *line, void *data)
{
	(void)data;
	rk_log(level, "%s", line);
}

static int open_net(struct test *test)
{
	char library[PATH_MAX];
	int err;

	test->host = (struct rk_net_host){
		.abi = RK_NET_ABI,
		.config = test->config,
		.env = test->env,
		.strings = rk_intern_table(),
		.log = pass_log,
		.log_level = rk_log_get_level(),
		.resource = "",
		.instance = test->machine.nodename,
		.only_notices = true,
	};
	rk_tool_find_part(RK_PART_NET, library, sizeof(library));
	err = rk_net_load(&test->net, &test->host, dirname(library));
	if (err == -ENOENT || err == -ENOEXEC)
		return RK_TOOL_NETWORK; /* the loader has said why */
	return err ? rk_tool_fail(RK_TOOL_NETWORK, verb, "nothing can be sent: %s",
				  rk_strerror(err)) :
		     RK_TOOL_OK;
}

/* The lowest that the channel is told of. */
static enum rk_severity choose_severity(const struct rk_alert_channel *channel)
{
	int severity = RK_SEVERITY_INFO;

	while (severity < RK_SEVERITY_PAGE && !(channel->severities & (1u << severity)))
		severity++;
	return (enum rk_severity)severity;
}

/* Of the machine, so that --resolve ends what an earlier test began. */
static void make_fingerprint(const char *text, char out[33])
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash,
		 (unsigned long long)(hash * 0x9e3779b97f4a7c15u));
}

static void tell(struct test *test)
{
	char summary[256];
	struct rk_alert alert = {
		.rule = "rktrace_test",
		.severity = choose_severity(test->channel),
		.state = test->is_over ? RK_ALERT_RESOLVED : RK_ALERT_FIRING,
		.labels = { { "instance", test->machine.nodename } },
		.label_count = 1,
		.summary = summary,
		.description =
			"Nothing is wrong: somebody wanted to see whether alerts arrive here.",
		.unit = "",
	};
	struct rk_alert_notice notice = {
		.unix_ns = now_ns(CLOCK_REALTIME),
		.channel = (uint32_t)(test->channel - test->channels->rows),
		.alerts = &alert,
		.alert_count = 1,
	};

	snprintf(summary, sizeof(summary), "Test message of rktrace alert test on %.64s",
		 test->machine.nodename);
	alert.started_unix_ns = notice.unix_ns - NS_PER_S;
	alert.ended_unix_ns = test->is_over ? notice.unix_ns : 0;
	make_fingerprint(test->machine.nodename, alert.fingerprint);
	snprintf(notice.group, sizeof(notice.group), "%s", alert.fingerprint);
	test->net->notify(test->net, &notice);
}

static void wait_for_answer(struct test *test)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + test->channel->timeout_ns + GRACE_MS * NS_PER_MS;
	uint32_t index = (uint32_t)(test->channel - test->channels->rows);

	do {
		test->net->poll(test->net, POLL_MS);
		test->net->get_answer(test->net, index, &test->answer);
	} while (!test->answer.count && now_ns(CLOCK_MONOTONIC) < end);
	if (!test->answer.count)
		snprintf(test->answer.text, sizeof(test->answer.text), "no answer in time");
}

static void print_json(const struct test *test)
{
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "channel", test->channel->name);
	rk_json_string(&json, "kind", rk_channel_kind_name(test->channel->kind));
	rk_json_string(&json, "place", test->answer.place);
	rk_json_bool(&json, "accepted", test->answer.is_accepted);
	rk_json_uint(&json, "status", (uint64_t)test->answer.status);
	rk_json_double(&json, "took_ms", (double)test->answer.took_ns / 1e6);
	rk_json_string(&json, "answer", test->answer.text);
	rk_json_close(&json, '}');
}

static void print_text(const struct test *test)
{
	const struct rk_net_answer *answer = &test->answer;
	const char *kind = rk_channel_kind_name(test->channel->kind);
	bool has_place = strcmp(answer->place, kind) != 0;
	char status[32] = "no answer", took[32];

	if (answer->status)
		snprintf(status, sizeof(status), "HTTP %d", answer->status);
	printf("channel %s (%s%s%s): ", test->channel->name, kind, has_place ? ", " : "",
	       has_place ? answer->place : "");
	if (answer->took_ns)
		printf("%s in %s", status, rk_tool_format_ns((double)answer->took_ns, took));
	else
		printf("nothing was sent");
	printf("%s%s\n", answer->text[0] ? ": " : "", answer->text);
}

static int send(struct test *test)
{
	int status = open_net(test);

	if (status)
		return status;
	tell(test);
	wait_for_answer(test);
	if (test->as_json)
		print_json(test);
	else
		print_text(test);
	if (test->answer.is_accepted)
		return RK_TOOL_OK;
	return rk_tool_fail(RK_TOOL_NETWORK, verb, "the test message did not arrive");
}

static int run(struct test *test)
{
	int status;

	uname(&test->machine);
	if (create_config(test))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	rk_log_init(test->config->logging_level, true);
	rk_config_log_problems(test->config);
	status = find_channel(test);
	if (!status)
		status = check_channel(test);
	if (!status && test->is_over && !test->channel->sends_resolved)
		status = rk_tool_fail(RK_TOOL_USAGE, verb,
				      "channel %s has send_resolved: false, so --resolve would "
				      "send nothing",
				      test->channel->name);
	return status ? status : send(test);
}

/* Options may stand on both sides of the one name. */
static int parse(const struct rk_option *options, int argc, char **argv, const char **name)
{
	int first, status = rk_options_parse(options, "alert test", argc, argv, &first);

	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first == argc)
		return rk_options_misused(verb, "which channel is to be tested?");
	*name = argv[first++];
	argc -= first;
	argv += first;
	status = rk_options_parse(options, "alert test", argc, argv, &first);
	if (status == RK_OPTIONS_PARSED && first < argc)
		return rk_options_misused(verb, "one channel at a time; what is %s?", argv[first]);
	return status;
}

int rk_alert_test(int argc, char **argv)
{
	struct test test = { .name = NULL };
	const struct rk_option options[] = {
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &test.config_file },
		{ "resolve", 0, NULL, "tell the end of the test alert", &test.is_over, NULL },
		{ "json", 0, NULL, "print JSON", &test.as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = parse(options, argc, argv, &test.name);

	if (status != RK_OPTIONS_PARSED)
		return status;
	status = run(&test);
	if (test.net)
		test.net->close(test.net);
	rk_alert_channels_destroy(test.channels);
	rk_config_destroy(test.config);
	rk_env_destroy(test.env);
	return rk_tool_finish(status, verb);
}
