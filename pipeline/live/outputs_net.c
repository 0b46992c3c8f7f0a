/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs_net.c - what librknet gets from a live process, and its share of the exit.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "pipeline/live/outputs_part.h"

#define LIVE_WITHIN_NS 5000000000ull

static void log_for_net(enum rk_log_level level, const char *line, void *data)
{
	(void)data;
	rk_log(level, "%s", line);
}

/* Called on the loop's own thread, so that answering at all proves that it goes round. */
static int health(const char *what, char *out, size_t size, void *data)
{
	const struct rk_outputs *outputs = data;
	const struct rk_exporter_setup *setup = outputs->setup;
	bool gpu_time = setup->gpu_time && setup->gpu_time();
	bool is_live = rk_clock_now() - outputs->ticked_ns < LIVE_WITHIN_NS;
	bool is_ok = strcmp(what, "live") == 0 ? is_live : true;

	/* Idle on purpose is ready: what was wanted is so. */
	snprintf(out, size,
		 "{\"status\":\"%s\",\"state\":\"%s\",\"recording\":%s,"
		 "\"gpu_time_source\":\"%s\",\"trace_file\":%s}\n",
		 is_ok ? "ok" : "stalled", outputs->is_recording ? "recording" : "idle on purpose",
		 outputs->is_recording ? "true" : "false", gpu_time ? "cupti" : "host",
		 outputs->writer ? "true" : "false");
	return is_ok ? 200 : 503;
}

void rk_outputs_open_net(struct rk_outputs *outputs)
{
	const struct rk_exporter_setup *setup = outputs->setup;
	struct rk_net *net;

	if (!rk_net_is_wanted(setup->config) || rk_sandbox_was_entered())
		return;
	outputs->net_host = (struct rk_net_host){
		.abi = RK_NET_ABI,
		.config = setup->config,
		.env = setup->env,
		.strings = rk_intern_table(),
		.log = log_for_net,
		.log_level = rk_log_get_level(),
		.metrics = rk_pipeline_metrics(outputs->pipeline),
		.render = rk_metrics_render,
		.add = rk_metrics_add,
		.set = rk_metrics_set,
		.visit = rk_metrics_visit,
		.acknowledge = rk_outputs_acknowledge,
		.is_confined = rk_sandbox_was_entered,
		.acknowledge_data = outputs,
		.resource = outputs->resource ? outputs->resource : "",
		.instance = outputs->host,
		.live = true,
		.health = health,
		.health_data = outputs,
	};
	if (rk_net_load(&net, &outputs->net_host, setup->library_dir) || !net)
		return;
	outputs->net = net;
	rk_pipeline_add_sink(outputs->pipeline, &net->sink);
	if (rk_net_sends(setup->config, RK_NET_LOGS) && net->log)
		rk_event_source_set_net(&outputs->events, net);
}

static void tell_unsent(const struct rk_outputs *outputs)
{
	struct rk_net_stats stats;
	enum rk_log_level level;

	outputs->net->get_stats(outputs->net, &stats);
	if (!stats.dropped)
		return;
	level = stats.last_error[0] ? RK_LOG_INFO : RK_LOG_WARN;
	if (outputs->trace_path[0])
		rk_log(level,
		       "otlp: %llu of %llu spans were not sent; rktrace replay %s --unsent "
		       "--otlp URL sends them",
		       (unsigned long long)stats.dropped, (unsigned long long)stats.eligible,
		       outputs->trace_path);
	else
		rk_log(level,
		       "otlp: %llu of %llu spans were not sent; no trace file was written "
		       "(RUSTKERNEL_TRACE_FILE)",
		       (unsigned long long)stats.dropped, (unsigned long long)stats.eligible);
}

void rk_outputs_poll_net(struct rk_outputs *outputs, uint32_t timeout_ms)
{
	outputs->net->poll(outputs->net, timeout_ms);
}

void rk_outputs_finish_net(struct rk_outputs *outputs, uint32_t timeout_ms)
{
	if (!outputs->net)
		return;
	rk_event_source_leave_net(&outputs->events);
	outputs->net->finish(outputs->net, timeout_ms);
	tell_unsent(outputs);
}
