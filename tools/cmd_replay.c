/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_replay.c - `rktrace replay`: the live path with a file where the rings were.
 *
 * Same pipeline, same module, same configuration; only nothing is dropped for lack of time:
 * a slow receiver slows the replay.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/number.h"
#include "pipeline/alert/alert_engine.h"
#include "pipeline/live/event_source.h"
#include "pipeline/live/net_module.h"
#include "pipeline/log/log_alert.h"
#include "pipeline/log/log_slo.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "pipeline/use/verdict.h"
#include "tools/child_env.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/trace_pass.h"
#include "tools/unsent.h"

#define POLL_EVERY 256	/* operations between two looks at the sockets */
#define TEXT_MAX   8192

static const char verb[] = "replay";

struct arguments {
	const char *file, *otlp, *pushgateway, *config, *speed, *log;
	bool as_json, only_unsent;
};

struct replay {
	struct arguments args;
	double speed;		/* 0 = as fast as it goes */
	struct rk_env *env;
	struct rk_config *config;
	struct rk_trace_pass *pass;
	struct rk_trace_reader *reader; /* of the pass */
	struct rk_pipeline *pipeline;
	struct rk_verdict *verdict;
	struct rk_unsent *unsent; /* NULL: everything is sent */
	struct rk_net *net;	/* may be NULL: nothing to send to */
	struct rk_event_source events;
	int log_fd; /* -1 = none */
	struct rk_net_host host;
	struct rk_net_stats stats;
	struct rk_trace_info info;
	uint64_t ops;
	uint64_t first_ns, started_ns; /* record time and wall time of the first operation */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int parse_speed(const char *text, double *speed)
{
	const char *end;

	if (strcmp(text, "max") == 0) {
		*speed = 0;
		return 0;
	}
	if (rk_number_parse(text, speed, &end) && strcmp(end, "x") == 0 && *speed > 0)
		return 0;
	return -EINVAL;
}

/* Set what the sampling of the recording depended on: KEY=VALUE lines become variables. */
static int set_sampling(struct rk_child_env *variables, const char *lines)
{
	int err = 0;

	while (!err && *lines) {
		size_t length = strcspn(lines, "\n");
		size_t key_length = strcspn(lines, "=\n");
		char name[128] = "RUSTKERNEL_", value[256];
		size_t at = strlen(name);

		if (key_length < length && at + key_length < sizeof(name) &&
		    length - key_length <= sizeof(value)) {
			for (size_t i = 0; i < key_length; i++)
				name[at++] = lines[i] == '.' ?
						     '_' :
						     (char)toupper((unsigned char)lines[i]);
			name[at] = '\0';
			snprintf(value, sizeof(value), "%.*s", (int)(length - key_length - 1),
				 lines + key_length + 1);
			err = rk_child_env_set(variables, name, value);
		}
		lines += length + (lines[length] == '\n');
	}
	return err;
}

/* Options are variables that win over those of the environment. */
static int create_config(struct replay *r)
{
	const struct {
		const char *name, *value;
	} given[] = {
		{ "RUSTKERNEL_TRACING_OTLP_ENDPOINT", r->args.otlp },
		{ "RUSTKERNEL_METRICS_PUSHGATEWAY_URL", r->args.pushgateway },
		{ "RUSTKERNEL_CONFIG", r->args.config },
	};
	struct rk_child_env *variables = rk_child_env_create(environ);
	int err = variables ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(given) / sizeof(given[0]); i++) {
		if (given[i].value)
			err = rk_child_env_set(variables, given[i].name, given[i].value);
	}
	if (!err && r->unsent)
		err = set_sampling(variables, rk_unsent_sampling(r->unsent));
	if (!err) {
		r->env = rk_env_create(rk_child_env_get(variables));
		err = r->env ? rk_config_create(&r->config, r->env) : -ENOMEM;
	}
	rk_child_env_destroy(variables);
	return err;
}

/* What was asked for on the command line must be usable; the rest is only warned about. */
static int check_config(const struct replay *r)
{
	if (r->args.otlp && !*r->config->tracing_otlp_endpoint)
		return rk_options_misused(verb, "--otlp needs a URL that begins with http:// or "
						"https://, or host:port");
	if (r->args.pushgateway && !*r->config->metrics_pushgateway_url)
		return rk_options_misused(verb, "--pushgateway needs a URL that begins with "
						"http:// or https://");
	if (r->args.only_unsent && !*r->config->tracing_otlp_endpoint)
		return rk_options_misused(verb, "--unsent needs a receiver: --otlp URL");
	rk_log_init(r->config->logging_level, true);
	rk_config_log_problems(r->config);
	return r->args.config && r->config->file_error ? RK_TOOL_NO_INPUT : RK_TOOL_OK;
}

static int create_pipeline(struct replay *r)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(r->reader);
	const struct rk_pipeline_setup setup = {
		.config = r->config,
		.seed = meta->seed,
		.traceparent = meta->traceparent,
		.tracestate = meta->tracestate,
		.baggage = meta->baggage,
		.resource = meta->resource,
		.follows_settings = r->unsent,
	};
	int err = rk_pipeline_create(&r->pipeline, &setup);

	if (!err)
		err = rk_verdict_create(&r->verdict, r->config);
	if (err)
		return err;
	rk_verdict_set_gpu_time(r->verdict, rk_pipeline_gpu_time(r->pipeline));
	rk_verdict_set_memory(r->verdict, rk_pipeline_memory(r->pipeline));
	rk_pipeline_add_sink(r->pipeline, rk_verdict_sink(r->verdict));
	return 0;
}

static void pass_log(enum rk_log_level level, const char *line, void *data)
{
	(void)data;
	rk_log(level, "%s", line);
}

static int open_net(struct replay *r)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(r->reader);
	char library[PATH_MAX];
	int err;

	if (!rk_net_is_wanted(r->config))
		return RK_TOOL_OK;
	r->host = (struct rk_net_host){
		.abi = RK_NET_ABI,
		.config = r->config,
		.env = r->env,
		.strings = rk_intern_table(),
		.log = pass_log,
		.log_level = rk_log_get_level(),
		.metrics = rk_pipeline_metrics(r->pipeline),
		.render = rk_metrics_render,
		.add = rk_metrics_add,
		.set = rk_metrics_set,
		.resource = meta->resource,
		.instance = meta->host,
		.live = false,
	};
	rk_tool_find_part(RK_PART_NET, library, sizeof(library));
	err = rk_net_load(&r->net, &r->host, dirname(library));
	if (err == -ENODEV)
		return RK_TOOL_OK; /* only servers were configured: a replay has none */
	if (err == -ENOENT || err == -ENOEXEC)
		return RK_TOOL_NETWORK; /* the loader has said why */
	if (err)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "nothing can be sent: %s",
				    rk_strerror(err));
	rk_pipeline_add_sink(r->pipeline,
			     r->unsent ? rk_unsent_sink(r->unsent, &r->net->sink) : &r->net->sink);
	return RK_TOOL_OK;
}

static bool is_log_on_stdout(const struct replay *r)
{
	return r->args.log && strcmp(r->args.log, "-") == 0;
}

/* Who asks for the lines of a recording wants to see its executions, and hardly by eye. */
static int open_log(struct replay *r, struct rk_log_output **output)
{
	const uint8_t *source = r->config->source;
	enum rk_log_format format = source[RK_CONFIG_logging_format] == RK_SOURCE_DEFAULT ?
					    RK_LOG_JSON :
					    r->config->logging_format;

	r->log_fd = STDOUT_FILENO;
	if (!is_log_on_stdout(r))
		r->log_fd = open(r->args.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->log_fd < 0)
		return rk_tool_cannot_write(verb, r->args.log, errno);
	if (source[RK_CONFIG_logging_level] == RK_SOURCE_DEFAULT)
		r->config->logging_level = RK_LOG_INFO;
	if (rk_log_output_open_fd(output, format, r->log_fd))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return RK_TOOL_OK;
}

/* What was not sent of the events nobody knows: of spans alone it is in the file. */
static int open_events(struct replay *r)
{
	struct rk_event_source_setup setup = {
		.config = r->config,
		.baggage = rk_trace_reader_meta(r->reader)->baggage,
		.shows_executions = true,
	};
	int status = r->args.log ? open_log(r, &setup.output) : RK_TOOL_OK;

	if (status)
		return status;
	rk_event_source_start(&r->events, &setup);
	if (r->net && r->net->log && !r->unsent && rk_net_sends(r->config, RK_NET_LOGS))
		rk_event_source_set_net(&r->events, r->net);
	rk_event_source_set_memory(&r->events, rk_pipeline_memory(r->pipeline),
				   rk_pipeline_stacks(r->pipeline));
	if (rk_event_source_is_wanted(&r->events))
		rk_pipeline_add_sink(r->pipeline, &r->events.sink);
	if (r->args.log && rk_pipeline_alerts(r->pipeline))
		rk_alert_engine_set_transition(rk_pipeline_alerts(r->pipeline), rk_log_alert_tell,
					       &r->events);
	if (r->args.log)
		rk_slo_set_change(rk_pipeline_slo(r->pipeline), rk_log_slo_tell, &r->events);
	return RK_TOOL_OK;
}

static int finish_log(struct replay *r)
{
	struct rk_log_output *output = r->events.setup.output;
	uint64_t lost = output ? rk_log_output_lost(output) : 0;

	rk_event_source_stop(&r->events);
	if (lost)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb,
				    "could not write %s: %llu lines are missing", r->args.log,
				    (unsigned long long)lost);
	return RK_TOOL_OK;
}

static void wait_ms(struct replay *r, uint32_t ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	if (r->net)
		r->net->poll(r->net, ms);
	if (!r->net || !r->net->is_busy(r->net))
		nanosleep(&pause, NULL);
}

/* Do not let an operation out before its time. */
static void pace(struct replay *r, const struct rk_op *op)
{
	uint64_t at = op->end > op->host_end ? op->end : op->host_end;
	double due;

	if (!r->speed || !at)
		return;
	if (!r->first_ns) {
		r->first_ns = at;
		r->started_ns = now_ns();
	}
	due = at > r->first_ns ? (double)(at - r->first_ns) / r->speed : 0;
	while (!interrupted) {
		double left = due - (double)(now_ns() - r->started_ns);

		if (left < 1e6)
			return;
		wait_ms(r, left > 100e6 ? 100 : (uint32_t)(left / 1e6));
	}
}

static int feed(struct replay *r)
{
	struct rk_op op;
	int err = 0;

	while (!interrupted && (err = rk_trace_pass_next(r->pass, &op)) > 0) {
		pace(r, &op);
		rk_pipeline_feed(r->pipeline, &op);
		if (r->net && ++r->ops % POLL_EVERY == 0)
			r->net->poll(r->net, 0);
	}
	rk_trace_reader_get_info(r->reader, &r->info);
	if (!r->info.clean_end)
		rk_pipeline_finish(r->pipeline);
	if (!interrupted)
		return rk_trace_pass_end(r->pass, err);
	rk_trace_pass_end(r->pass, 0);
	return rk_tool_fail(RK_TOOL_INCONCLUSIVE, verb, "interrupted");
}

static bool wire_failed(const struct replay *r)
{
	return r->net && (r->stats.dropped || r->stats.queued || r->stats.push_failures);
}

static int finish_net(struct replay *r)
{
	if (!r->net)
		return RK_TOOL_OK;
	/* A slow receiver gets the time that its batches may take, each of them. */
	do {
		r->net->poll(r->net, 50);
		r->net->get_stats(r->net, &r->stats);
	} while (r->stats.queued && !interrupted);
	r->net->finish(r->net, (uint32_t)(r->config->tracing_otlp_timeout / 1000000));
	r->net->get_stats(r->net, &r->stats);
	if (!wire_failed(r))
		return RK_TOOL_OK;
	if (*r->stats.last_error)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "%s", r->stats.last_error);
	return rk_tool_fail(RK_TOOL_NETWORK, verb, "not everything could be sent");
}

static void print_json(const struct replay *r, int status)
{
	const struct rk_net_stats *s = &r->stats;
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "file", r->args.file);
	rk_json_uint(&json, "operations", r->info.ops);
	rk_json_bool(&json, "clean_exit", r->info.clean_end);
	rk_json_open(&json, "spans", '{');
	if (r->unsent)
		rk_json_uint(&json, "arrived_before", rk_unsent_arrived(r->unsent));
	rk_json_uint(&json, "eligible", s->eligible);
	rk_json_uint(&json, "sent", s->sent);
	rk_json_uint(&json, "sampled_out", s->sampled_out);
	rk_json_uint(&json, "queued", s->queued);
	rk_json_uint(&json, "dropped", s->dropped);
	rk_json_close(&json, '}');
	rk_json_uint(&json, "bytes_sent", s->bytes_sent);
	rk_json_uint(&json, "requests", s->requests);
	rk_json_uint(&json, "retries", s->retries);
	rk_json_uint(&json, "pushes", s->pushes);
	rk_json_uint(&json, "push_failures", s->push_failures);
	rk_json_string(&json, "last_error", s->last_error);
	rk_json_uint(&json, "status", (uint64_t)status);
	rk_json_close(&json, '}');
}

static void print_text(const struct replay *r)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(r->reader);
	const struct rk_net_stats *s = &r->stats;
	char text[TEXT_MAX];

	rk_verdict_format(r->verdict, rk_tool_base_name(meta->executable), r->args.file, text,
			  sizeof(text));
	fputs(text, stdout);
	if (!r->net) {
		puts("sent: nothing, no destination was given (--otlp URL, --pushgateway URL)");
		return;
	}
	if (r->unsent)
		printf("unsent: %llu spans had arrived before and are left out\n",
		       (unsigned long long)rk_unsent_arrived(r->unsent));
	printf("sent: %llu of %llu spans, %llu sampled out, %llu dropped; %llu pushes, %llu "
	       "failed\n",
	       (unsigned long long)s->sent, (unsigned long long)s->eligible,
	       (unsigned long long)s->sampled_out, (unsigned long long)(s->dropped + s->queued),
	       (unsigned long long)s->pushes, (unsigned long long)s->push_failures);
}

static int replay(struct replay *r)
{
	int status = RK_TOOL_OK, wire;

	if (r->args.only_unsent)
		status = rk_unsent_read(&r->unsent, verb, r->args.file);
	if (status)
		return status;
	if (create_config(r))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = check_config(r);
	if (!status)
		status = rk_trace_pass_open(&r->pass, verb, r->args.file, NULL);
	if (!status)
		r->reader = rk_trace_pass_reader(r->pass);
	if (!status && create_pipeline(r))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (!status)
		status = open_net(r);
	if (!status)
		status = open_events(r);
	if (status)
		return status;
	status = feed(r);
	wire = finish_log(r);
	status = status ? status : wire;
	wire = finish_net(r);
	status = status ? status : wire;
	if (r->args.as_json)
		print_json(r, status);
	else if (!is_log_on_stdout(r))
		print_text(r);
	return status;
}

static void finish(struct replay *r)
{
	rk_event_source_stop(&r->events);
	if (r->log_fd > STDERR_FILENO)
		close(r->log_fd);
	/* The module may still look at the metrics: it goes first. */
	if (r->net)
		r->net->close(r->net);
	rk_pipeline_destroy(r->pipeline);
	rk_verdict_destroy(r->verdict);
	rk_unsent_destroy(r->unsent);
	rk_trace_pass_close(r->pass);
	rk_config_destroy(r->config);
	rk_env_destroy(r->env);
}

int rk_cmd_replay(int argc, char **argv)
{
	struct replay r = { .args.speed = "max", .log_fd = -1 };
	const struct rk_option options[] = {
		{ "otlp", 0, "URL", "send the spans to this OTLP receiver", NULL, &r.args.otlp },
		{ "unsent", 0, NULL, "send only the spans that no receiver had acknowledged",
		  &r.args.only_unsent, NULL },
		{ "pushgateway", 0, "URL", "push the metrics there", NULL, &r.args.pushgateway },
		{ "log", 0, "FILE",
		  "write the log as JSON lines; - = to standard output, instead of the verdict",
		  NULL, &r.args.log },
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &r.args.config },
		{ "speed", 0, "1x|10x|max",
		  "pace of the recording, or as fast as it goes (default)", NULL, &r.args.speed },
		{ "json", 0, NULL, "print JSON instead of the verdict", &r.args.as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	const struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
	int status;

	status = rk_options_parse_file(options, verb, argc, argv, &r.args.file);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (parse_speed(r.args.speed, &r.speed))
		return rk_options_misused(verb, "--speed is 1x, 10x... or max, not %s",
					  r.args.speed);
	if (r.args.as_json && is_log_on_stdout(&r))
		return rk_options_misused(verb, "--json and --log - both want standard output");
	sigaction(SIGINT, &action, NULL);
	status = replay(&r);
	finish(&r);
	return rk_tool_finish(status, verb);
}
