/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_run.c - the engine, fed from a file.
 */
#include "tools/alert_run.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/intern.h"
#include "core/log.h"
#include "pipeline/alert/alert_engine.h"
#include "pipeline/alert/alert_output.h"
#include "pipeline/pipeline.h"
#include "tools/alert_command.h"
#include "tools/alert_config.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/trace_input.h"

#define NS_PER_MS  1000000ull
#define NS_PER_S   1000000000ull
#define POLL_EVERY 256
#define FOLLOW_MS  100u

static const char verb[] = "alert";

struct run {
	const char *file, *config_file;
	bool as_json, follows;
	struct rk_alert_config config;
	struct rk_trace_reader *reader;
	struct rk_pipeline *pipeline;
	struct rk_alert_output output;
	struct rk_net *net; /* watch: may be NULL, no channel of the network */
	struct rk_net_host host;
	struct rk_json json;
	uint64_t fired, resolved, ops;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static void format_time(uint64_t unix_ns, char out[48])
{
	time_t seconds = (time_t)(unix_ns / NS_PER_S);
	char whole[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 48, "%s.%03uZ", whole, (unsigned)(unix_ns % NS_PER_S / NS_PER_MS));
}

static void print_json(struct rk_json *json, const char *at, const struct rk_alert *alert)
{
	rk_json_open(json, NULL, '{');
	rk_json_string(json, "time", at);
	rk_json_string(json, "rule", alert->rule);
	rk_json_string(json, "state", rk_alert_state_name(alert->state));
	rk_json_string(json, "severity", rk_severity_name(alert->severity));
	rk_json_string(json, "summary", alert->summary);
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++) {
		const char *detail = rk_alert_detail(alert, (enum rk_alert_detail)i);

		if (*detail)
			rk_json_string(json, rk_alert_detail_name((enum rk_alert_detail)i), detail);
	}
	rk_json_double(json, "value", alert->value);
	rk_json_double(json, "threshold", alert->threshold);
	rk_json_string(json, "unit", alert->unit);
	rk_json_string(json, "fingerprint", alert->fingerprint);
	rk_json_open(json, "labels", '{');
	for (size_t i = 0; i < alert->label_count; i++)
		rk_json_string(json, alert->labels[i].name, alert->labels[i].value);
	rk_json_close(json, '}');
	rk_json_close(json, '}');
}

static void on_transition(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	struct run *run = data;
	char at[48], shown[1024];

	run->fired += alert->state == RK_ALERT_FIRING;
	run->resolved += alert->state == RK_ALERT_RESOLVED;
	format_time(unix_ns, at);
	if (run->as_json) {
		print_json(&run->json, at, alert);
		return;
	}
	printf("%s  %-8s  %-8s  %s: %s\n", at, rk_alert_state_name(alert->state),
	       rk_severity_name(alert->severity), alert->rule,
	       rk_tool_printable(alert->summary, shown, sizeof(shown)));
	if (run->follows)
		fflush(stdout);
}

static int create_pipeline(struct run *run)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(run->reader);
	const struct rk_pipeline_setup setup = {
		.config = run->config.config,
		.seed = meta->seed,
		.traceparent = meta->traceparent,
		.tracestate = meta->tracestate,
		.baggage = meta->baggage,
		.resource = meta->resource,
	};
	struct rk_alert_engine *engine;

	if (rk_pipeline_create(&run->pipeline, &setup))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	engine = rk_pipeline_alerts(run->pipeline);
	if (!engine)
		return rk_tool_fail(RK_TOOL_DATA, verb,
				    "the settings have no rule that can be used; see --config");
	rk_alert_engine_set_transition(engine, on_transition, run);
	return RK_TOOL_OK;
}

static void wait_some(struct run *run, uint32_t ms)
{
	const struct timespec pause = { .tv_nsec = (long)(ms * NS_PER_MS) };

	if (run->net)
		run->net->poll(run->net, ms);
	if (!run->net || !run->net->is_busy(run->net))
		nanosleep(&pause, NULL);
}

/* Return: whether the file has more, now or after a wait. */
static bool wait_for_more(struct run *run)
{
	struct rk_trace_info info;

	rk_trace_reader_get_info(run->reader, &info);
	while (run->follows && !info.clean_end && !interrupted) {
		if (rk_trace_reader_follow(run->reader))
			return true;
		wait_some(run, FOLLOW_MS);
	}
	return false;
}

static int feed(struct run *run)
{
	struct rk_trace_info info;
	struct rk_op op;
	int err;

	do {
		while (!interrupted && (err = rk_trace_reader_next(run->reader, &op)) > 0) {
			rk_pipeline_feed(run->pipeline, &op);
			if (run->net && ++run->ops % POLL_EVERY == 0)
				run->net->poll(run->net, 0);
		}
	} while (!interrupted && !err && wait_for_more(run));
	rk_trace_reader_get_info(run->reader, &info);
	if (!info.clean_end)
		rk_pipeline_finish(run->pipeline);
	return interrupted ? RK_TOOL_OK : rk_trace_input_end(run->reader, verb, run->file, err);
}

static int open_input(struct run *run)
{
	int status = rk_alert_config_open(&run->config, verb, run->config_file);

	if (!status)
		status = rk_trace_input_open(&run->reader, verb, run->file);
	return status ? status : create_pipeline(run);
}

static void close_input(struct run *run)
{
	if (run->net)
		run->net->close(run->net);
	rk_pipeline_destroy(run->pipeline);
	rk_trace_reader_close(run->reader);
	rk_alert_config_close(&run->config);
}

int rk_alert_list(int argc, char **argv)
{
	struct run run = { 0 };
	const struct rk_option options[] = {
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &run.config_file },
		{ "json", 0, NULL, "print a JSON list", &run.as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_file(options, "alert list", argc, argv, &run.file);

	if (status != RK_OPTIONS_PARSED)
		return status;
	status = open_input(&run);
	rk_json_init(&run.json, stdout);
	if (!status && run.as_json)
		rk_json_open(&run.json, NULL, '[');
	if (!status) {
		status = feed(&run);
		if (run.as_json)
			rk_json_close(&run.json, ']');
		else
			printf("%llu fired, %llu resolved\n", (unsigned long long)run.fired,
			       (unsigned long long)run.resolved);
	}
	if (!status && run.fired)
		status = RK_TOOL_VIOLATION;
	close_input(&run);
	return rk_tool_finish(status, verb);
}

static void run_command(void *data, const struct rk_alert_channel *channel,
			const struct rk_alert_notice *notice)
{
	(void)data;
	rk_alert_command_run(channel, notice);
}

static void pass_log(enum rk_log_level level, const char *line, void *data)
{
	(void)data;
	rk_log(level, "%s", line);
}

/* The program sends its spans, metrics and logs itself: here only the channels are wanted. */
static void leave_only_channels(struct rk_config *config)
{
	config->tracing_otlp_endpoint = "";
	config->metrics_otlp_endpoint = "";
	config->logging_otlp_endpoint = "";
	config->metrics_pushgateway_url = "";
}

/* Return: a status. */
static int open_net(struct run *run)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(run->reader);
	char library[PATH_MAX];
	int err;

	if (!rk_alert_channels_need_net(run->config.config))
		return RK_TOOL_OK;
	leave_only_channels(run->config.config);
	run->host = (struct rk_net_host){
		.abi = RK_NET_ABI,
		.config = run->config.config,
		.env = run->config.env,
		.strings = rk_intern_table(),
		.log = pass_log,
		.log_level = rk_log_get_level(),
		.metrics = rk_pipeline_metrics(run->pipeline),
		.render = rk_metrics_render,
		.add = rk_metrics_add,
		.set = rk_metrics_set,
		.resource = meta->resource,
		.instance = meta->host,
		.live = false,
	};
	rk_tool_find_part(RK_PART_NET, library, sizeof(library));
	err = rk_net_load(&run->net, &run->host, dirname(library));
	if (err && err != -ENODEV)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "nothing can be sent: %s",
				    rk_strerror(err));
	return RK_TOOL_OK;
}

static int watch(struct run *run)
{
	const struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
	int status = open_input(run);

	if (!status)
		status = open_net(run);
	if (status)
		return status;
	run->output.net = run->net;
	run->output.command = run_command;
	rk_alert_output_connect(&run->output, rk_pipeline_alerts(run->pipeline));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = feed(run);
	if (run->net)
		run->net->finish(run->net,
				 (uint32_t)(run->config.config->tracing_otlp_timeout / NS_PER_MS));
	return status;
}

int rk_alert_watch(int argc, char **argv)
{
	struct run run = { 0 };
	bool is_over = false;
	const struct rk_option options[] = {
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &run.config_file },
		{ "no-follow", 0, NULL, "end where the file ends, though the program goes on",
		  &is_over, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_file(options, "alert watch", argc, argv, &run.file);

	if (status != RK_OPTIONS_PARSED)
		return status;
	run.follows = !is_over;
	status = watch(&run);
	close_input(&run);
	return rk_tool_finish(status, verb);
}
