/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/run_alerts.c - the engine of the alerts, fed from the file of the program that runs.
 */
#include "tools/run_alerts.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "core/log.h"
#include "pipeline/alert/alert_engine.h"
#include "tools/alert_command.h"
#include "tools/run_output.h"

#define NS_PER_S 1000000000ull

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static bool is_command(const struct rk_alert_channel *channel)
{
	return channel->kind == RK_CHANNEL_COMMAND && channel->is_usable;
}

bool rk_run_alerts_are_wanted(const struct rk_config *config)
{
	struct rk_alert_channels *channels;
	bool is_there = false;

	if (!config->alerting || !rk_yaml_get(config->alerting, "rules") ||
	    rk_alert_channels_create(&channels, config))
		return false;
	for (size_t i = 0; i < channels->count; i++)
		is_there = is_there || is_command(&channels->rows[i]);
	rk_alert_channels_destroy(channels);
	return is_there;
}

int rk_run_alerts_init(struct rk_run_alerts *alerts, const struct rk_config *config,
		       const char *trace_file)
{
	alerts->config = config;
	alerts->trace_file = trace_file;
	return rk_alert_channels_create(&alerts->channels, config);
}

void rk_run_alerts_finish(struct rk_run_alerts *alerts)
{
	rk_pipeline_destroy(alerts->pipeline);
	rk_trace_reader_close(alerts->reader);
	rk_alert_channels_destroy(alerts->channels);
	*alerts = (struct rk_run_alerts){ 0 };
}

/* The program's log has it. */
static void ignore_transition(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	(void)data;
	(void)unix_ns;
	(void)alert;
}

static void take_notice(void *data, const struct rk_alert_notice *notice)
{
	struct rk_run_alerts *alerts = data;
	struct rk_alert_channel channel;
	uint64_t now = now_ns();

	if (notice->channel >= alerts->channels->count ||
	    !is_command(&alerts->channels->rows[notice->channel]))
		return;
	channel = alerts->channels->rows[notice->channel];
	if (alerts->by_ns && now >= alerts->by_ns) {
		alerts->left_out++;
		return;
	}
	if (alerts->by_ns && channel.timeout_ns > alerts->by_ns - now)
		channel.timeout_ns = alerts->by_ns - now;
	rk_alert_command_run(&channel, notice);
}

/* Return: 0; -errno. */
static int create_pipeline(struct rk_run_alerts *alerts)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(alerts->reader);
	const struct rk_pipeline_setup setup = {
		.config = alerts->config,
		.seed = meta->seed,
		.traceparent = meta->traceparent,
		.tracestate = meta->tracestate,
		.baggage = meta->baggage,
		.resource = meta->resource,
	};
	enum rk_log_level level = rk_log_get_level();
	struct rk_alert_engine *engine;
	int err;

	/* The program has named what is wrong with its rules. */
	rk_log_set_level(RK_LOG_ERROR);
	err = rk_pipeline_create(&alerts->pipeline, &setup);
	rk_log_set_level(level);
	if (err)
		return err;
	engine = rk_pipeline_alerts(alerts->pipeline);
	if (!engine)
		return -ENOENT;
	rk_alert_engine_set_transition(engine, ignore_transition, NULL);
	rk_alert_engine_set_notify(engine, take_notice, alerts);
	return 0;
}

/* A file that has no whole description yet is tried again with the next look. */
static bool open_file(struct rk_run_alerts *alerts, pid_t pid)
{
	char path[PATH_MAX];

	if (!rk_run_output_find(alerts->trace_file, pid, path, sizeof(path)) ||
	    rk_trace_reader_open(&alerts->reader, path, NULL))
		return false;
	/* One that an earlier program has left is about to be replaced. */
	if ((pid_t)rk_trace_reader_meta(alerts->reader)->pid != pid) {
		rk_trace_reader_close(alerts->reader);
		alerts->reader = NULL;
		return false;
	}
	alerts->is_over = create_pipeline(alerts) != 0;
	return !alerts->is_over;
}

static void feed(struct rk_run_alerts *alerts)
{
	struct rk_op op;
	int err;

	do {
		while ((err = rk_trace_reader_next(alerts->reader, &op)) > 0)
			rk_pipeline_feed(alerts->pipeline, &op);
	} while (!err && rk_trace_reader_follow(alerts->reader));
	alerts->is_over = err < 0;
}

void rk_run_alerts_look(void *data, pid_t pid)
{
	struct rk_run_alerts *alerts = data;

	if (!alerts->is_over && (alerts->reader || open_file(alerts, pid)))
		feed(alerts);
}

void rk_run_alerts_end(struct rk_run_alerts *alerts, pid_t pid)
{
	struct rk_trace_info info;
	uint64_t most = 0;

	for (size_t i = 0; i < alerts->channels->count; i++) {
		const struct rk_alert_channel *channel = &alerts->channels->rows[i];

		if (is_command(channel) && channel->timeout_ns > most)
			most = channel->timeout_ns;
	}
	alerts->by_ns = now_ns() + most;
	rk_run_alerts_look(alerts, pid);
	if (!alerts->reader || !alerts->pipeline)
		return;
	rk_trace_reader_get_info(alerts->reader, &info);
	if (!info.clean_end)
		rk_pipeline_finish(alerts->pipeline);
	if (alerts->left_out)
		rk_log_warn("alerts: the program has ended and the time of its commands is over: "
			    "%u notices were not told",
			    alerts->left_out);
}
