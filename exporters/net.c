/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/net.c - the module object: destinations and servers around one loop.
 *
 * Every part has a due time and a run function; poll() waits for sockets until the earliest
 * of them. Losses are reported to the host's metrics as differences, once a round.
 */
#include "core/sandbox.h"
#include "pipeline/live/net_module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/http.h"
#include "exporters/loop.h"
#include "exporters/notify.h"
#include "exporters/otlp_signals.h"
#include "exporters/pushgateway.h"
#include "exporters/scrape.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_stamp.h"

#define MS	     1000000ull /* ns */
#define ROOM_WAIT_MS 100u	/* one wait of a replay for room in the queue */

struct net {
	struct rk_net public;		/* first: what the host holds */
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_loop loop;
	struct rk_http *http;		   /* NULL = nothing is sent by us */
	struct rk_http_proxy proxy;
	struct rk_otlp_signals *otlp;	   /* may be NULL */
	struct rk_pushgateway *push;	   /* may be NULL */
	struct rk_scrape *scrape;	   /* may be NULL */
	struct rk_notify *notify;	   /* may be NULL */
	uint64_t told_lost[RK_LOSS_COUNT]; /* what the host's metrics know */
	bool is_finished;
};

static struct net *from_public(const struct rk_net *public)
{
	return (struct net *)public;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t due_ns(const struct net *net)
{
	uint64_t due = RK_NEVER;

	if (net->http)
		due = earlier(due, rk_http_due_ns(net->http));
	if (net->otlp)
		due = earlier(due, rk_otlp_signals_due_ns(net->otlp));
	if (net->push)
		due = earlier(due, rk_pushgateway_due_ns(net->push));
	if (net->scrape)
		due = earlier(due, rk_scrape_due_ns(net->scrape));
	if (net->notify)
		due = earlier(due, rk_notify_due_ns(net->notify));
	return due;
}

static void run(struct net *net)
{
	uint64_t now = rk_loop_now();

	if (net->http)
		rk_http_run(net->http, now);
	if (net->otlp)
		rk_otlp_signals_run(net->otlp, now);
	if (net->push)
		rk_pushgateway_run(net->push, now);
	if (net->scrape)
		rk_scrape_run(net->scrape, now);
	if (net->notify)
		rk_notify_run(net->notify, now);
}

static void net_get_stats(const struct rk_net *public, struct rk_net_stats *out)
{
	const struct net *net = from_public(public);
	struct rk_pushgateway_stats push = { .last_error = "" };

	if (net->push)
		rk_pushgateway_get_stats(net->push, &push);
	memset(out, 0, sizeof(*out));
	rk_otlp_signals_get_stats(net->otlp, out);
	out->bytes_sent += push.bytes_sent;
	out->pushes = push.pushes;
	out->push_failures = push.failures;
	out->scrapes = net->scrape ? rk_scrape_count(net->scrape) : 0;
	out->scrape_port = net->scrape ? rk_scrape_port(net->scrape) : 0;
	out->connected |= push.is_connected;
	if (!out->last_error[0])
		snprintf(out->last_error, sizeof(out->last_error), "%s", push.last_error);
}

static void tell_signal(const struct rk_net_host *host, int signal,
			const struct rk_net_signal_stats *stats)
{
	static const char *const families[RK_NET_SIGNAL_COUNT] = {
		[RK_NET_TRACES] = "rustkernel_tracer_spans_total",
		[RK_NET_METRICS] = "rustkernel_tracer_data_points_total",
		[RK_NET_LOGS] = "rustkernel_tracer_log_records_total",
	};
	static const char *const names[RK_NET_SIGNAL_COUNT] = {
		[RK_NET_TRACES] = "traces", [RK_NET_METRICS] = "metrics", [RK_NET_LOGS] = "logs"
	};

	host->set(host->metrics, families[signal], "eligible", (double)stats->eligible);
	host->set(host->metrics, families[signal], "sent", (double)stats->sent);
	host->set(host->metrics, families[signal], "sampled_out", (double)stats->sampled_out);
	host->set(host->metrics, families[signal], "dropped", (double)stats->dropped);
	host->set(host->metrics, "rustkernel_tracer_queued", names[signal], (double)stats->queued);
}

/* Losses are added, because the registry counts losses of its own under the same name. */
static void tell_metrics(struct net *net)
{
	const struct rk_net_host *host = net->host;
	struct rk_net_stats stats;

	net_get_stats(&net->public, &stats);
	if (net->notify)
		rk_notify_tell_metrics(net->notify);
	for (int reason = 0; host->add && reason < RK_LOSS_COUNT; reason++) {
		uint64_t lost = 0;

		for (int i = 0; i < RK_NET_SIGNAL_COUNT; i++)
			lost += stats.signals[i].lost[reason];
		if (lost > net->told_lost[reason])
			host->add(host->metrics, "rustkernel_dropped_total",
				  rk_loss_name((enum rk_loss)reason),
				  (double)(lost - net->told_lost[reason]));
		net->told_lost[reason] = lost;
	}
	if (!host->set)
		return;
	host->set(host->metrics, "rustkernel_tracer_sent_bytes_total", "",
		  (double)stats.bytes_sent);
	for (int i = 0; i < RK_NET_SIGNAL_COUNT; i++)
		tell_signal(host, i, &stats.signals[i]);
}

/* One round: wait for sockets or the next timer, then whatever is due. */
static void turn(struct net *net, uint32_t timeout_ms)
{
	uint64_t due = due_ns(net), now = rk_loop_now();

	if (due <= now)
		timeout_ms = 0;
	else if (due != RK_NEVER && (due - now) / MS < timeout_ms)
		timeout_ms = (uint32_t)((due - now + MS - 1) / MS);
	rk_loop_wait(&net->loop, timeout_ms);
	run(net);
}

static void net_poll(struct rk_net *public, uint32_t timeout_ms)
{
	struct net *net = from_public(public);

	run(net);
	turn(net, timeout_ms);
	tell_metrics(net);
}

static bool net_is_busy(const struct rk_net *public)
{
	const struct net *net = from_public(public);

	return net->scrape || (net->http && rk_http_is_busy(net->http)) ||
	       (net->otlp && rk_otlp_signals_are_busy(net->otlp));
}

static bool numbers_are_out(const struct net *net)
{
	return (!net->otlp || rk_otlp_signals_metrics_are_done(net->otlp)) &&
	       (!net->push || rk_pushgateway_is_done(net->push));
}

static void send_last_numbers(struct net *net, uint64_t deadline_ns)
{
	tell_metrics(net);
	if (net->otlp)
		rk_otlp_signals_finish_metrics(net->otlp, deadline_ns);
	if (net->push)
		rk_pushgateway_finish(net->push, deadline_ns);
}

static bool records_are_out(const struct net *net)
{
	return (!net->otlp || rk_otlp_signals_are_done(net->otlp)) &&
	       (!net->notify || rk_notify_is_done(net->notify));
}

/* Spans, logs and notices go first, so that the last export of metrics and the last push carry what
 * became of them; but they may not take more than half of the time. Within each half all
 * destinations are served at once: none waits for another. */
static void net_finish(struct rk_net *public, uint32_t timeout_ms)
{
	struct net *net = from_public(public);
	uint64_t start = rk_loop_now(), now = start;
	uint64_t deadline = start + timeout_ms * MS;
	uint64_t numbers_at = start + timeout_ms * MS / 2;
	bool is_last_part = false;

	if (net->is_finished)
		return;
	if (net->otlp)
		rk_otlp_signals_finish(net->otlp, deadline);
	if (net->notify)
		rk_notify_finish(net->notify, deadline);
	for (; now < deadline; now = rk_loop_now()) {
		bool is_out;

		run(net); /* may end what the wait below would be for */
		is_out = records_are_out(net);
		if (!is_last_part && (is_out || now >= numbers_at)) {
			send_last_numbers(net, deadline);
			is_last_part = true;
			continue;
		}
		if (is_out && is_last_part && numbers_are_out(net))
			break;
		turn(net, (uint32_t)earlier((deadline - now) / MS + 1,
					    is_last_part ? RK_NEVER : (timeout_ms / 2) + 1));
	}
	if (net->otlp)
		rk_otlp_signals_abandon(net->otlp);
	if (net->push)
		rk_pushgateway_abandon(net->push);
	if (net->notify)
		rk_notify_abandon(net->notify);
	if (net->scrape)
		rk_scrape_finish(net->scrape);
	tell_metrics(net);
	net->is_finished = true;
}

static void net_close(struct rk_net *public)
{
	struct net *net = from_public(public);

	rk_scrape_close(net->scrape);
	rk_otlp_signals_destroy(net->otlp);
	rk_pushgateway_destroy(net->push);
	rk_notify_destroy(net->notify);
	rk_http_close(net->http, net->host->live);
	rk_loop_close(&net->loop);
	free(net);
}

static void net_span(struct rk_sink *sink, const struct rk_span *span)
{
	struct net *net = from_public((const struct rk_net *)sink);

	if (!net->otlp || net->is_finished)
		return;
	while (!net->host->live && !rk_otlp_signals_has_room(net->otlp, span)) {
		run(net);
		turn(net, ROOM_WAIT_MS);
	}
	rk_otlp_signals_push_span(net->otlp, span);
}

static void net_log(struct rk_net *public, const struct rk_log_event *event)
{
	struct net *net = from_public(public);

	if (net->otlp && !net->is_finished)
		rk_otlp_signals_push_log(net->otlp, event);
}

static void net_notify(struct rk_net *public, const struct rk_alert_notice *notice)
{
	struct net *net = from_public(public);

	if (net->notify && !net->is_finished)
		rk_notify_push(net->notify, notice);
}

static void net_get_answer(const struct rk_net *public, uint32_t channel,
			   struct rk_net_answer *answer)
{
	const struct net *net = from_public(public);

	memset(answer, 0, sizeof(*answer));
	if (net->notify)
		rk_notify_get_answer(net->notify, channel, answer);
}

static void get_proxy(struct rk_http_proxy *proxy, const struct rk_env *env)
{
	const char *all;

	memset(proxy, 0, sizeof(*proxy));
	if (!env)
		return;
	all = rk_env_get(env, "all_proxy");
	if (!all)
		all = rk_env_get(env, "ALL_PROXY");
	/* HTTP_PROXY is not read: in a CGI program it comes from a request header. */
	proxy->http = rk_env_get(env, "http_proxy");
	proxy->https = rk_env_get(env, "https_proxy");
	if (!proxy->https)
		proxy->https = rk_env_get(env, "HTTPS_PROXY");
	proxy->no_proxy = rk_env_get(env, "no_proxy");
	if (!proxy->no_proxy)
		proxy->no_proxy = rk_env_get(env, "NO_PROXY");
	if (!proxy->http)
		proxy->http = all;
	if (!proxy->https)
		proxy->https = all;
}

/* What the configuration asks for. */
struct wish {
	bool otlp, push, scrape, notify;
};

static struct wish make_wish(const struct rk_net_host *host)
{
	const struct rk_config *config = host->config;
	struct wish wish = { .notify = rk_alert_channels_need_net(config) };

	if (host->only_notices)
		return wish;
	wish.otlp = rk_otlp_signals_are_wanted(config, host->live);
	wish.push = config->metrics_enabled && *config->metrics_pushgateway_url;
	wish.scrape = host->live && rk_scrape_is_wanted(config);
	return wish;
}

static int open_senders(struct net *net, const struct wish *wish)
{
	const struct rk_net_host *host = net->host;
	struct rk_otlp_signals_setup setup = {
		.host = host,
		.loop = &net->loop,
		.proxy = &net->proxy,
	};
	int err = 0;

	get_proxy(&net->proxy, host->env);
	if (wish->push || wish->notify ||
	    (wish->otlp && rk_otlp_signals_need_http(host->config, host->live)))
		err = rk_http_open(&net->http, &net->loop, &net->proxy);
	setup.http = net->http;
	if (!err && wish->otlp)
		err = rk_otlp_signals_create(&net->otlp, &setup);
	if (!err && wish->notify)
		err = rk_notify_create(&net->notify, host, net->http);
	if (err)
		return err;
	if (wish->push && rk_pushgateway_create(&net->push, net->http, host) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

static void init_public(struct net *net)
{
	net->public = (struct rk_net){
		.sink = { .name = "net", .span = net_span },
		.poll = net_poll,
		.is_busy = net_is_busy,
		.log = net_log,
		.notify = net_notify,
		.get_answer = net_get_answer,
		.finish = net_finish,
		.get_stats = net_get_stats,
		.close = net_close,
	};
}

__attribute__((visibility("default"))) const char rk_net_stamp[] = RK_NET_STAMP;

__attribute__((visibility("default"))) int rk_net_open(struct rk_net **out,
						       const struct rk_net_host *host)
{
	struct wish wish;
	struct net *net;
	int err;

	*out = NULL;
	if (host->abi != RK_NET_ABI)
		return -EINVAL;
	wish = make_wish(host);
	if (!wish.otlp && !wish.push && !wish.scrape && !wish.notify)
		return -ENODEV;
	rk_log_init(host->log_level, false);
	rk_log_attach(host->log, host->log_data);
	rk_intern_attach(host->strings);
	rk_sandbox_attach(host->is_confined);
	net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->host = host;
	init_public(net);
	err = rk_loop_open(&net->loop);
	if (!err)
		err = open_senders(net, &wish);
	if (err) {
		net_close(&net->public);
		return err;
	}
	/* A server that could not listen was named; the rest goes on. */
	if (wish.scrape)
		rk_scrape_open(&net->scrape, &net->loop, host);
	*out = &net->public;
	return 0;
}
