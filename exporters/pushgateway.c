/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/pushgateway.c - render, PUT, judge.
 */
#include "exporters/pushgateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "exporters/otlp_reply.h"
#include "exporters/url.h"

#define MS		1000000ull /* ns */
#define INTERVAL_MIN_NS (100 * MS)
#define TIMEOUT_MAX_NS	(10000 * MS)
#define RETRY_NS	(200 * MS) /* of the last push */
#define GROUP_BYTES	2048
#define DEFAULT_JOB	"rkpreload"

struct rk_pushgateway {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_http_call *call;
	char *url;	     /* of the group */
	char shown_url[256]; /* without secrets */
	char *body;	     /* of the push under way */
	uint64_t interval_ns, due_ns;
	uint64_t finish_ns;
	bool is_finishing, is_last, is_done;
	bool is_failing; /* and that was said */
	struct rk_pushgateway_stats stats;
	char last_error[448];
};

static void on_done(void *data, const struct rk_http_reply *reply);

static char *build_url(const struct rk_net_host *host)
{
	const struct rk_config *config = host->config;
	const char *job = config->metrics_pushgateway_job;
	const char *rank = host->env ? rk_env_get(host->env, "RANK") : NULL;
	char group[GROUP_BYTES] = "metrics";

	/* The gateway refuses an empty job. */
	if (!rk_url_append_label(group, sizeof(group), "job", *job ? job : DEFAULT_JOB))
		return NULL;
	if (host->instance && *host->instance &&
	    !rk_url_append_label(group, sizeof(group), "instance", host->instance))
		return NULL;
	if (rank && !rk_url_append_label(group, sizeof(group), "rank", rank))
		return NULL;
	return rk_url_signal(config->metrics_pushgateway_url, false, group);
}

int rk_pushgateway_create(struct rk_pushgateway **out, struct rk_http *http,
			  const struct rk_net_host *host)
{
	struct rk_pushgateway *push = calloc(1, sizeof(*push));
	int err;

	*out = NULL;
	if (!push)
		return -ENOMEM;
	push->host = host;
	push->url = build_url(host);
	rk_url_redact(host->config->metrics_pushgateway_url, push->shown_url,
		      sizeof(push->shown_url));
	if (!push->url) {
		rk_log_warn("pushgateway: could not use the URL \"%s\": expected "
			    "http://<host>:<port>. Nothing is pushed",
			    push->shown_url);
		err = -EINVAL;
		goto fail;
	}
	err = rk_http_call_create(&push->call, http, on_done, push);
	if (!err)
		err = rk_http_call_add_header(push->call, "Content-Type",
					      "text/plain; version=0.0.4; charset=utf-8");
	if (err)
		goto fail;
	push->interval_ns = host->config->metrics_pushgateway_interval;
	if (push->interval_ns < INTERVAL_MIN_NS)
		push->interval_ns = INTERVAL_MIN_NS;
	/* A replay pushes once, at its end. */
	push->due_ns = host->live ? rk_loop_now() + push->interval_ns : RK_NEVER;
	*out = push;
	return 0;
fail:
	rk_pushgateway_destroy(push);
	return err;
}

void rk_pushgateway_destroy(struct rk_pushgateway *push)
{
	if (!push)
		return;
	rk_http_call_destroy(push->call);
	free(push->body);
	free(push->url);
	free(push);
}

static char *render(const struct rk_net_host *host)
{
	bool include_runtime = host->config->metrics_include_runtime;
	char *text = NULL, *body = NULL;
	ptrdiff_t length = host->render(host->metrics, include_runtime, false, &text);
	struct timespec ts;

	if (length < 0)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (asprintf(&body,
		     "%.*s# HELP rustkernel_last_push_timestamp_seconds UNIX time of the last "
		     "push of this group by the process.\n"
		     "# TYPE rustkernel_last_push_timestamp_seconds gauge\n"
		     "rustkernel_last_push_timestamp_seconds %lld.%03ld\n",
		     (int)length, text, (long long)ts.tv_sec, ts.tv_nsec / 1000000) < 0)
		body = NULL;
	free(text);
	return body;
}

static void fail(struct rk_pushgateway *push, const char *verb)
{
	push->stats.failures++;
	push->stats.is_connected = false;
	if (!push->is_failing)
		rk_log_warn("pushgateway: could not %s %s: %s", verb, push->shown_url,
			    push->last_error);
	push->is_failing = true;
}

static uint32_t timeout_ms(const struct rk_pushgateway *push, uint64_t now_ns)
{
	uint64_t ns = push->interval_ns < TIMEOUT_MAX_NS ? push->interval_ns : TIMEOUT_MAX_NS;

	if (ns < 1000 * MS)
		ns = 1000 * MS;
	if (push->is_finishing)
		ns = push->finish_ns > now_ns ? push->finish_ns - now_ns : MS;
	return (uint32_t)(ns / MS);
}

static void start(struct rk_pushgateway *push, uint64_t now_ns)
{
	bool is_delete =
		push->is_finishing && push->host->config->metrics_pushgateway_delete_on_exit;
	struct rk_http_request request = {
		.method = is_delete ? "DELETE" : "PUT",
		.url = push->url,
		.timeout_ms = timeout_ms(push, now_ns),
	};

	push->due_ns = push->is_finishing ? RK_NEVER : now_ns + push->interval_ns;
	push->is_last = push->is_finishing;
	free(push->body);
	push->body = is_delete ? NULL : render(push->host);
	if (is_delete || push->body) {
		request.body = push->body;
		request.length = push->body ? strlen(push->body) : 0;
		push->stats.bytes_sent += request.length;
		if (rk_http_call_start(push->call, &request) == 0)
			return;
	}
	snprintf(push->last_error, sizeof(push->last_error), "no memory");
	fail(push, "push to");
	push->is_done = push->is_finishing;
}

static void on_done(void *data, const struct rk_http_reply *reply)
{
	struct rk_pushgateway *push = data;
	char quoted[384];

	free(push->body);
	push->body = NULL;
	if (reply->status >= 200 && reply->status < 300) {
		push->stats.pushes++;
		push->stats.is_connected = true;
		if (push->is_failing)
			rk_log_info("pushgateway: %s accepts the push again", push->shown_url);
		push->is_failing = false;
		push->is_done = push->is_last;
		return;
	}
	rk_otlp_reply_quote(quoted, sizeof(quoted), reply->body, reply->length);
	if (reply->status)
		snprintf(push->last_error, sizeof(push->last_error), "HTTP %d%s%.400s",
			 reply->status, quoted[0] ? ": " : "", quoted);
	else
		snprintf(push->last_error, sizeof(push->last_error), "%.440s", reply->why);
	fail(push, "push to");
	if (!push->is_last)
		return;
	push->due_ns = rk_loop_now() + RETRY_NS;
	/* What was refused stays refused; nobody home at exit is not waited for. */
	push->is_done = (reply->status && reply->status < 500) || reply->is_unreachable ||
			push->due_ns >= push->finish_ns;
}

uint64_t rk_pushgateway_due_ns(const struct rk_pushgateway *push)
{
	return rk_http_call_is_active(push->call) || push->is_done ? RK_NEVER : push->due_ns;
}

void rk_pushgateway_run(struct rk_pushgateway *push, uint64_t now_ns)
{
	if (rk_pushgateway_due_ns(push) <= now_ns && push->due_ns != RK_NEVER)
		start(push, now_ns);
}

void rk_pushgateway_finish(struct rk_pushgateway *push, uint64_t deadline_ns)
{
	push->is_finishing = true;
	push->finish_ns = deadline_ns;
	/* A push under way carries old numbers: it is not worth waiting for. */
	rk_http_call_cancel(push->call);
	push->due_ns = 0;
}

bool rk_pushgateway_is_done(const struct rk_pushgateway *push)
{
	return push->is_done;
}

void rk_pushgateway_abandon(struct rk_pushgateway *push)
{
	if (push->is_done)
		return;
	rk_http_call_cancel(push->call);
	snprintf(push->last_error, sizeof(push->last_error), "no answer in time");
	fail(push, "push to");
	push->is_done = true;
}

void rk_pushgateway_get_stats(const struct rk_pushgateway *push, struct rk_pushgateway_stats *stats)
{
	*stats = push->stats;
	stats->last_error = push->last_error;
}
