/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs.c - opening, feeding and closing them.
 */
#include "pipeline/live/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/process_id.h"
#include "core/resource.h"
#include "core/sandbox.h"
#include "pipeline/alert/alert_engine.h"
#include "pipeline/live/outputs_part.h"
#include "pipeline/log/log_alert.h"
#include "pipeline/log/log_slo.h"

#define VERDICT_MAX 4096

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed) || !seed)
		seed = rk_clock_ticks() * 0x9e3779b97f4a7c15ull ^ (uint64_t)getpid() << 40;
	return seed;
}

static bool is_path(const char *summary)
{
	return summary[0] && strcmp(summary, "auto") != 0 && strcmp(summary, "always") != 0 &&
	       strcmp(summary, "never") != 0;
}

/* The program may change its folder before it ends. */
static void resolve_summary(struct rk_outputs *outputs)
{
	const char *summary = outputs->setup->config->summary;
	char folder[PATH_MAX];

	if (!is_path(summary))
		return;
	if (summary[0] != '/' && getcwd(folder, sizeof(folder))) {
		int length = snprintf(outputs->summary_path, PATH_MAX, "%s/%s", folder, summary);

		if (length < PATH_MAX)
			return;
	}
	snprintf(outputs->summary_path, PATH_MAX, "%s", summary);
}

/* Whether anything was said about the log. A program's failing calls are its own business until
 * somebody asks: many call functions only to see whether they fail. */
static bool is_log_set(const struct rk_config *config)
{
	static const enum rk_config_id rows[] = { RK_CONFIG_logging_level, RK_CONFIG_logging_format,
						  RK_CONFIG_logging_output };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rk_config_source source = config->source[rows[i]];

		/* The preset minimal has a level as well, and wants no spans put together. */
		if (source > RK_SOURCE_PRESET ||
		    (source == RK_SOURCE_PRESET && config->preset != RK_PRESET_MINIMAL))
			return true;
	}
	return config->domain_level_count > 0;
}

static void open_events(struct rk_outputs *outputs)
{
	const struct rk_config *config = outputs->setup->config;
	const struct rk_log_output_setup output = {
		.config = config,
		.env = outputs->setup->env,
		.executable = outputs->executable,
		.host = outputs->host,
		.stderr_is_terminal = outputs->files.stderr_is_terminal,
	};
	struct rk_event_source_setup setup = {
		.config = config,
		.baggage = config->baggage,
		.shows_executions = is_log_set(config),
		.is_live = true,
	};

	/* A quiet guest has nothing to write to: stderr was forbidden, and nothing else named. */
	if (config->logging_level != RK_LOG_OFF || config->domain_level_count) {
		if (is_log_set(config) || rk_log_shows_stderr())
			rk_log_output_open(&setup.output, &output);
	}
	rk_event_source_start(&outputs->events, &setup);
}

void rk_outputs_init(struct rk_outputs *outputs, const struct rk_exporter_setup *setup)
{
	struct utsname names;
	ssize_t length;

	outputs->setup = setup;
	outputs->seed = random_seed();
	length = readlink("/proc/self/exe", outputs->executable, sizeof(outputs->executable) - 1);
	outputs->executable[length > 0 ? length : 0] = '\0';
	snprintf(outputs->host, sizeof(outputs->host), "%s",
		 uname(&names) == 0 ? names.nodename : "");
	resolve_summary(outputs);
	open_events(outputs);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* `rktrace run` runs the commands of alerts for its child, and for nobody below it. */
static bool is_watched(const struct rk_env *env)
{
	const char *launcher = env ? rk_env_get(env, RK_ALERT_COMMANDS_BY) : NULL;

	return launcher && strtol(launcher, NULL, 10) == rk_process_parent_id();
}

static void tell_alert(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	struct rk_outputs *outputs = data;

	rk_log_alert_tell(&outputs->events, unix_ns, alert);
	rk_outputs_note_alert(outputs, alert->state == RK_ALERT_FIRING);
}

void rk_outputs_open(struct rk_outputs *outputs)
{
	const struct rk_config *config = outputs->setup->config;
	struct rk_pipeline_setup setup = {
		.config = config,
		.seed = outputs->seed,
		.traceparent = config->traceparent ? config->traceparent : "",
		.tracestate = config->tracestate ? config->tracestate : "",
		.baggage = config->baggage,
		.is_live = true,
		.follows_settings = true,
	};

	outputs->resource = rk_resource_create(config, outputs->setup->env, &outputs->setup->gpus);
	setup.resource = outputs->resource;
	if (rk_pipeline_create(&outputs->pipeline, &setup)) {
		rk_log_error("exporter: could not create the pipeline: %s", rk_strerror(ENOMEM));
		return;
	}
	if (rk_verdict_create(&outputs->verdict, config) == 0) {
		rk_verdict_set_gpu_time(outputs->verdict, rk_pipeline_gpu_time(outputs->pipeline));
		rk_verdict_set_memory(outputs->verdict, rk_pipeline_memory(outputs->pipeline));
		rk_pipeline_add_sink(outputs->pipeline, rk_verdict_sink(outputs->verdict));
	}
	rk_outputs_note_own(outputs);
	rk_outputs_open_net(outputs);
	outputs->alerts.net = outputs->net;
	if (is_watched(outputs->setup->env))
		rk_alert_output_leave_commands(&outputs->alerts);
	rk_alert_output_connect(&outputs->alerts, rk_pipeline_alerts(outputs->pipeline));
	if (rk_pipeline_alerts(outputs->pipeline))
		rk_alert_engine_set_transition(rk_pipeline_alerts(outputs->pipeline), tell_alert,
					       outputs);
	rk_slo_set_change(rk_pipeline_slo(outputs->pipeline), rk_log_slo_tell, &outputs->events);
	rk_event_source_set_memory(&outputs->events, rk_pipeline_memory(outputs->pipeline),
				   rk_pipeline_stacks(outputs->pipeline));
	if (rk_event_source_is_wanted(&outputs->events))
		rk_pipeline_add_sink(outputs->pipeline, &outputs->events.sink);
}

void rk_outputs_begin(struct rk_outputs *outputs)
{
	outputs->is_recording = true;
	outputs->has_begun = true;
	rk_outputs_open_file(outputs);
	rk_outputs_note_own(outputs);
}

bool rk_outputs_has_alerts(const struct rk_outputs *outputs)
{
	return outputs->pipeline && rk_pipeline_alerts(outputs->pipeline);
}

bool rk_outputs_are_waiting(const struct rk_outputs *outputs)
{
	return outputs->pipeline && rk_pipeline_is_waiting(outputs->pipeline);
}

void rk_outputs_take(struct rk_outputs *outputs, const struct rk_op *op)
{
	if (outputs->writer) {
		rk_trace_writer_add(outputs->writer, op);
		if (!outputs->unsealed_since)
			outputs->unsealed_since = rk_clock_now();
	}
	if (outputs->turns.parts)
		rk_trace_parts_note(outputs->turns.parts, op);
	if (outputs->pipeline)
		rk_pipeline_feed(outputs->pipeline, op);
}

/* The one before stays: librknet was given it. */
const char *rk_outputs_add_gpus(struct rk_outputs *outputs, const struct rk_gpu_inventory *gpus)
{
	free(outputs->late_resource);
	outputs->late_resource = rk_resource_add_gpus(outputs->resource, gpus);
	return outputs->late_resource ? outputs->late_resource : "";
}

static void set_own(struct rk_outputs *outputs, const char *family, uint64_t value)
{
	if (outputs->pipeline)
		rk_metrics_set(rk_pipeline_metrics(outputs->pipeline), family, "", (double)value);
}

void rk_outputs_note_own(struct rk_outputs *outputs)
{
	struct rk_event_source_losses log;

	rk_event_source_get_losses(&outputs->events, &log);
	set_own(outputs, "rustkernel_tracer_recording", outputs->is_recording);
	set_own(outputs, "rustkernel_tracer_lost_log_lines_total", log.lost);
	set_own(outputs, "rustkernel_tracer_suppressed_log_lines_total", log.suppressed);
	set_own(outputs, "rustkernel_tracer_refused_names_total", rk_intern_refused());
	if (!outputs->writer && !outputs->turns.parts)
		return;
	outputs->file_lost = rk_outputs_file_lost(outputs);
	set_own(outputs, "rustkernel_tracer_written_bytes_total", rk_outputs_written(outputs));
	if (outputs->turns.parts)
		set_own(outputs, "rustkernel_tracer_rotated_records_total",
			rk_trace_parts_rotated(outputs->turns.parts));
}

static void write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		text += written;
		length -= (size_t)written;
	}
}

static void write_summary(const char *path, const char *text, size_t length)
{
	int fd = rk_sandbox_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0) {
		rk_log_warn("summary: could not write %s: %s", path, rk_strerror(errno));
		return;
	}
	write_all(fd, text, length);
	close(fd);
}

void rk_outputs_tell_verdict(struct rk_outputs *outputs)
{
	const char *summary = outputs->setup->config->summary;
	const struct rk_exporter_setup *setup = outputs->setup;
	struct rk_net_stats stats;
	char text[VERDICT_MAX];
	int length;

	if (!outputs->verdict || strcmp(summary, "never") == 0)
		return;
	if (!outputs->summary_path[0] && strcmp(summary, "always") != 0 &&
	    !(outputs->files.stderr_is_terminal && rk_own_files_has_stderr(&outputs->files)))
		return;
	if (setup->gpu_time && !setup->gpu_time() && setup->gpu_time_reason)
		rk_verdict_set_host_time_reason(outputs->verdict, setup->gpu_time_reason());
	if (outputs->net) {
		outputs->net->get_stats(outputs->net, &stats);
		rk_verdict_set_wire(outputs->verdict, &stats.signals[RK_NET_TRACES]);
	}
	length = rk_verdict_format(outputs->verdict, base_name(outputs->executable),
				   outputs->trace_path, text, sizeof(text));
	if (length <= 0)
		return;
	if ((size_t)length >= sizeof(text))
		length = sizeof(text) - 1;
	if (outputs->summary_path[0])
		write_summary(outputs->summary_path, text, (size_t)length);
	else
		write_all(STDERR_FILENO, text, (size_t)length);
}

void rk_outputs_send_events(struct rk_outputs *outputs)
{
	rk_event_source_send(&outputs->events);
}

void rk_outputs_close_events(struct rk_outputs *outputs)
{
	rk_event_source_stop(&outputs->events);
}

void rk_outputs_finish(struct rk_outputs *outputs)
{
	rk_pipeline_destroy(outputs->pipeline);
	rk_verdict_destroy(outputs->verdict);
	free(outputs->resource);
	free(outputs->late_resource);
	outputs->pipeline = NULL;
	outputs->verdict = NULL;
	outputs->resource = NULL;
	outputs->late_resource = NULL;
}
