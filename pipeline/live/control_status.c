/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_status.c - the members of the reply to `status`, one function per part.
 */
#include "pipeline/live/control_status.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/breaker.h"
#include "core/config_row.h"
#include "core/process_id.h"
#include "pipeline/alert/alert_engine.h"
#include "pipeline/live/overhead.h"
#include "pipeline/use/overhead_text.h"

#define NS_PER_S    1e9
#define VALUE_BYTES 512

static void put_setting(struct rk_json_text *reply, const char *key, const struct rk_config *config,
			enum rk_config_id id)
{
	char value[VALUE_BYTES];

	rk_config_format(config, id, value, sizeof(value));
	rk_json_text_string(reply, key, value);
}

static void put_process(const struct rk_control_status *status, struct rk_json_text *reply)
{
	const struct rk_exporter_setup *setup = status->outputs->setup;
	bool gpu_time = setup->gpu_time && setup->gpu_time();

	rk_json_text_uint(reply, "pid", (uint64_t)rk_process_id());
	rk_json_text_string(reply, "executable", status->outputs->executable);
	rk_json_text_string(reply, "host", status->outputs->host);
	rk_json_text_string(reply, "version", RK_VERSION);
	rk_json_text_bool(reply, "recording", status->outputs->is_recording);
	rk_json_text_string(reply, "gpu_time_source", gpu_time ? "cupti" : "host");
	if (!gpu_time && setup->gpu_time_reason)
		rk_json_text_string(reply, "host_time_reason", setup->gpu_time_reason());
	rk_json_text_uint(reply, "start_unix_ns", status->start_unix_ns);
	rk_json_text_double(reply, "uptime_seconds", (double)status->uptime_ns / NS_PER_S);
}

static void put_recording(const struct rk_control_status *status, struct rk_json_text *reply)
{
	const struct rk_recording *recording = status->recording;
	enum rk_recording_state state = rk_recording_state(recording);
	uint64_t now = status->now_ns;

	rk_json_text_string(reply, "recording_state",
			    recording->is_counting ? "counting" : rk_recording_state_name(state));
	rk_json_text_double(reply, "state_seconds", (double)(now - recording->since_ns) / NS_PER_S);
	rk_json_text_double(reply, "recorded_seconds",
			    (double)rk_recording_time(recording, now) / NS_PER_S);
	rk_json_text_uint(reply, "sessions", recording->sessions);
	if (state == RK_RECORDING_ON && recording->until_ns > now)
		rk_json_text_double(reply, "seconds_left",
				    (double)(recording->until_ns - now) / NS_PER_S);
}

static void put_settings(const struct rk_config *config, struct rk_json_text *reply)
{
	rk_json_text_open(reply, "settings", '{');
	rk_json_text_string(reply, "file", config->file);
	put_setting(reply, "logging.level", config, RK_CONFIG_logging_level);
	put_setting(reply, "tracing.sampler", config, RK_CONFIG_tracing_sampler);
	rk_json_text_double(reply, "tracing.sampling_rate", config->tracing_sampling_rate);
	rk_json_text_uint(reply, "tracing.max_spans_per_second",
			  config->tracing_max_spans_per_second);
	rk_json_text_close(reply, '}');
}

static void put_file(const struct rk_outputs *outputs, const char *folder,
		     struct rk_json_text *reply)
{
	const char *name = outputs->trace_path;
	char path[2 * PATH_MAX];

	if (!outputs->writer) {
		rk_json_text_null(reply, "trace_file");
		return;
	}
	snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : folder,
		 name[0] == '/' ? "" : "/", name);
	rk_json_text_open(reply, "trace_file", '{');
	rk_json_text_string(reply, "path", path);
	rk_json_text_uint(reply, "bytes", rk_outputs_file_bytes(outputs));
	rk_json_text_uint(reply, "lost", rk_outputs_file_lost(outputs));
	if (outputs->turns.parts)
		rk_json_text_uint(reply, "rotated", rk_trace_parts_rotated(outputs->turns.parts));
	rk_json_text_close(reply, '}');
}

static void put_losses(const uint64_t lost[RK_LOSS_COUNT], struct rk_json_text *reply)
{
	rk_json_text_open(reply, "dropped_by_reason", '{');
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		if (lost[i])
			rk_json_text_uint(reply, rk_loss_name(i), lost[i]);
	}
	rk_json_text_close(reply, '}');
}

static void put_ledger(const struct rk_ledger *ledger, struct rk_json_text *reply)
{
	rk_json_text_open(reply, "ledger", '{');
	for (int i = 0; i < RK_WORK_COUNT; i++) {
		rk_json_text_open(reply, rk_work_name(i), '{');
		rk_json_text_uint(reply, "calls", ledger->calls[i]);
		rk_json_text_uint(reply, "failed", ledger->failed[i]);
		rk_json_text_uint(reply, "captured", ledger->captured[i]);
		rk_json_text_uint(reply, "joined", ledger->joined[i]);
		rk_json_text_uint(reply, "open", ledger->open[i]);
		rk_json_text_uint(reply, "lost", ledger->lost[i]);
		rk_json_text_uint(reply, "withheld", ledger->withheld[i]);
		rk_json_text_close(reply, '}');
	}
	rk_json_text_open(reply, "gpu_records", '{');
	rk_json_text_uint(reply, "kernels", ledger->gpu_kernels);
	rk_json_text_uint(reply, "memcpys", ledger->gpu_memcpys);
	rk_json_text_uint(reply, "memsets", ledger->gpu_memsets);
	rk_json_text_uint(reply, "graphs", ledger->gpu_graphs);
	rk_json_text_uint(reply, "joined", ledger->gpu_joined);
	rk_json_text_uint(reply, "orphan", ledger->gpu_orphan);
	rk_json_text_uint(reply, "invalid", ledger->gpu_invalid);
	rk_json_text_uint(reply, "dropped", ledger->gpu_dropped);
	rk_json_text_close(reply, '}');
	put_losses(ledger->dropped, reply);
	rk_json_text_uint(reply, "unwrapped", ledger->unwrapped);
	rk_json_text_uint(reply, "withheld_other", ledger->withheld_other);
	rk_json_text_uint(reply, "withheld_stacks", ledger->withheld_stacks);
	rk_json_text_close(reply, '}');
}

/* null = no budget, and nothing is measured. */
static void put_overhead(const struct rk_overhead *overhead, struct rk_json_text *reply)
{
	const struct rk_governor *governor = &overhead->governor;

	if (!rk_overhead_is_on(overhead)) {
		rk_json_text_null(reply, "overhead");
		return;
	}
	rk_json_text_open(reply, "overhead", '{');
	rk_json_text_double(reply, "budget", governor->budget);
	rk_json_text_double(reply, "share", governor->share);
	rk_json_text_string(reply, "step", rk_governor_step_name(governor->step));
	rk_json_text_string(reply, "left_out", rk_overhead_text_meaning(governor->step));
	rk_json_text_uint(reply, "steps", overhead->moves);
	rk_json_text_double(reply, "hook_ns", overhead->hook_ns);
	rk_json_text_close(reply, '}');
}

static void put_signal(const struct rk_net_signal_stats *stats, struct rk_json_text *reply)
{
	rk_json_text_uint(reply, "eligible", stats->eligible);
	rk_json_text_uint(reply, "sent", stats->sent);
	rk_json_text_uint(reply, "sampled_out", stats->sampled_out);
	rk_json_text_uint(reply, "queued", stats->queued);
	rk_json_text_uint(reply, "dropped", stats->dropped);
	put_losses(stats->lost, reply);
	rk_json_text_uint(reply, "bytes_sent", stats->bytes_sent);
	rk_json_text_uint(reply, "requests", stats->requests);
	rk_json_text_uint(reply, "retries", stats->retries);
	rk_json_text_bool(reply, "connected", stats->connected);
}

static void put_signals(const struct rk_config *config, const struct rk_net_stats *stats,
			struct rk_json_text *reply)
{
	static const struct {
		const char *name;
		enum rk_config_id endpoint;
	} signals[RK_NET_SIGNAL_COUNT] = {
		[RK_NET_TRACES] = { "traces", RK_CONFIG_tracing_otlp_endpoint },
		[RK_NET_METRICS] = { "metrics", RK_CONFIG_metrics_otlp_endpoint },
		[RK_NET_LOGS] = { "logs", RK_CONFIG_logging_otlp_endpoint },
	};

	rk_json_text_open(reply, "otlp", '{');
	for (int i = 0; i < RK_NET_SIGNAL_COUNT; i++) {
		if (!rk_net_sends(config, i))
			continue;
		rk_json_text_open(reply, signals[i].name, '{');
		put_setting(reply, "destination", config, signals[i].endpoint);
		put_signal(&stats->signals[i], reply);
		rk_json_text_close(reply, '}');
	}
	rk_json_text_close(reply, '}');
}

static void put_net(const struct rk_outputs *outputs, struct rk_json_text *reply)
{
	const struct rk_config *config = outputs->setup->config;
	struct rk_net_stats stats;

	if (!outputs->net) {
		rk_json_text_null(reply, "network");
		return;
	}
	memset(&stats, 0, sizeof(stats));
	outputs->net->get_stats(outputs->net, &stats);
	rk_json_text_open(reply, "network", '{');
	put_signals(config, &stats, reply);
	if (config->metrics_enabled && config->metrics_pushgateway_url[0]) {
		rk_json_text_open(reply, "pushgateway", '{');
		put_setting(reply, "destination", config, RK_CONFIG_metrics_pushgateway_url);
		rk_json_text_uint(reply, "pushes", stats.pushes);
		rk_json_text_uint(reply, "failures", stats.push_failures);
		rk_json_text_close(reply, '}');
	}
	if (stats.scrape_port) {
		rk_json_text_open(reply, "scrape", '{');
		rk_json_text_uint(reply, "port", stats.scrape_port);
		rk_json_text_uint(reply, "scrapes", stats.scrapes);
		rk_json_text_close(reply, '}');
	}
	rk_json_text_string(reply, "last_error", stats.last_error);
	rk_json_text_close(reply, '}');
}

static void put_breaker(const struct rk_metric_point *point, void *data)
{
	if (strcmp(point->family->name, "rustkernel_circuit_breaker_state") == 0)
		rk_json_text_string(data, point->values[0],
				    rk_breaker_state_name((enum rk_breaker_state)point->value));
}

static void put_breakers(const struct rk_outputs *outputs, struct rk_json_text *reply)
{
	rk_json_text_open(reply, "breakers", '{');
	if (outputs->pipeline)
		rk_metrics_visit(rk_pipeline_metrics(outputs->pipeline), true, put_breaker, reply);
	rk_json_text_close(reply, '}');
}

static void put_alert(const struct rk_alert *alert, void *data)
{
	struct rk_json_text *reply = data;

	rk_json_text_open(reply, NULL, '{');
	rk_json_text_string(reply, "name", alert->rule);
	rk_json_text_string(reply, "state", rk_alert_state_name(alert->state));
	rk_json_text_string(reply, "severity", rk_severity_name(alert->severity));
	rk_json_text_string(reply, "summary", alert->summary);
	rk_json_text_close(reply, '}');
}

/* Left out where no rule is configured. */
static void put_alerts(const struct rk_outputs *outputs, struct rk_json_text *reply)
{
	if (!rk_outputs_has_alerts(outputs))
		return;
	rk_json_text_open(reply, "alerts", '[');
	rk_alert_engine_visit(rk_pipeline_alerts(outputs->pipeline), put_alert, reply);
	rk_json_text_close(reply, ']');
}

static void put_log(const struct rk_outputs *outputs, struct rk_json_text *reply)
{
	struct rk_event_source_losses losses;

	rk_event_source_get_losses(&outputs->events, &losses);
	rk_json_text_open(reply, "log", '{');
	rk_json_text_uint(reply, "lost", losses.lost);
	rk_json_text_uint(reply, "suppressed", losses.suppressed);
	rk_json_text_close(reply, '}');
}

void rk_control_status_put(const struct rk_control_status *status, struct rk_json_text *reply)
{
	put_process(status, reply);
	put_recording(status, reply);
	put_settings(status->config, reply);
	put_file(status->outputs, status->folder, reply);
	rk_snapshot_put(status->snapshot, reply);
	put_ledger(&status->ledger, reply);
	put_overhead(status->overhead, reply);
	put_log(status->outputs, reply);
	put_net(status->outputs, reply);
	put_breakers(status->outputs, reply);
	put_alerts(status->outputs, reply);
	rk_json_text_open(reply, "tracer", '{');
	rk_json_text_double(reply, "cpu_seconds", (double)status->cpu_ns / NS_PER_S);
	rk_json_text_uint(reply, "resident_bytes", status->rss_bytes);
	rk_json_text_close(reply, '}');
}
