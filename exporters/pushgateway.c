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
#include "exporters/exposition_check.h"
#include "exporters/guard.h"
#include "exporters/gzip.h"
#include "exporters/otlp_reply.h"
#include "exporters/url.h"

#define MS		1000000ull /* ns */
#define INTERVAL_MIN_NS (100 * MS)
#define TIMEOUT_MAX_NS	(10000 * MS)
#define RETRY_NS	(200 * MS) /* of the last push */
#define BACKOFF_MIN_NS	(500 * MS)
#define GZIP_MIN_BYTES	1024 /* below it the header costs what the compression saves */
#define GROUP_BYTES	2048
#define DEFAULT_JOB	"rkpreload"

struct rk_pushgateway {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_http_call *call;
	char *url;	     /* of the group */
	char shown_url[256]; /* without secrets */
	void *body;	     /* of the push under way */
	size_t length;
	struct rk_gzip *gzip; /* NULL = plain, which every gateway understands */
	struct rk_guard guard;
	uint64_t interval_ns, due_ns;
	uint64_t regular_ns; /* when the next push is due by the interval */
	uint64_t backoff_ns; /* 0 = the last push was answered */
	uint64_t finish_ns;
	bool is_finishing, is_last, is_done, is_gzip;
	bool is_failing; /* and that was said */
	char left_out[320]; /* what the check said last */
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
	rk_guard_init(&push->guard, host, "pushgateway", host->config->metrics_pushgateway_url);
	push->gzip = rk_gzip_create();
	push->interval_ns = host->config->metrics_pushgateway_interval;
	if (push->interval_ns < INTERVAL_MIN_NS)
		push->interval_ns = INTERVAL_MIN_NS;
	/* A replay pushes once, at its end. */
	push->regular_ns = host->live ? rk_loop_now() + push->interval_ns : RK_NEVER;
	push->due_ns = push->regular_ns;
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
	rk_gzip_destroy(push->gzip);
	free(push->body);
	free(push->url);
	free(push);
}

static char *render(const struct rk_net_host *host, size_t *length)
{
	bool include_runtime = host->config->metrics_include_runtime;
	char *text = NULL, *body = NULL;
	ptrdiff_t rendered = host->render(host->metrics, include_runtime, false, &text);
	struct timespec ts;
	int printed;

	if (rendered < 0)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &ts);
	printed = asprintf(&body,
			   "%.*s# HELP rustkernel_last_push_timestamp_seconds UNIX time of the "
			   "last push of this group by the process.\n"
			   "# TYPE rustkernel_last_push_timestamp_seconds gauge\n"
			   "rustkernel_last_push_timestamp_seconds %lld.%03ld\n",
			   (int)rendered, text, (long long)ts.tv_sec, ts.tv_nsec / 1000000);
	free(text);
	if (printed < 0)
		return NULL;
	*length = (size_t)printed;
	return body;
}

/* What the gateway would refuse costs its family, not the push. Said again when it changes. */
static int leave_out(struct rk_pushgateway *push, char *text, size_t *length)
{
	const struct rk_net_host *host = push->host;
	struct rk_exposition_report report;
	ptrdiff_t kept = rk_exposition_clean(text, *length, &report);

	if (kept >= 0)
		*length = (size_t)kept;
	if (report.refused && host->add)
		host->add(host->metrics, "rustkernel_dropped_total", rk_loss_name(RK_LOSS_REJECTED),
			  report.refused);
	push->stats.left_out += report.refused;
	if (report.first[0] && strcmp(report.first, push->left_out) != 0)
		rk_log_warn("pushgateway: could not push %u of %u families: %s", report.refused,
			    report.families, report.first);
	snprintf(push->left_out, sizeof(push->left_out), "%s", report.first);
	return kept < 0 ? (int)kept : 0;
}

/* Ownership: push->body. Return: 0; -ENOMEM, -E2BIG. */
static int make_body(struct rk_pushgateway *push)
{
	size_t length;
	char *text = render(push->host, &length);
	uint8_t *packed = NULL;
	int err = text ? leave_out(push, text, &length) : -ENOMEM;

	if (err) {
		free(text);
		return err;
	}
	push->is_gzip = false;
	push->body = text;
	push->length = length;
	if (!push->gzip || length < GZIP_MIN_BYTES)
		return 0;
	length = rk_gzip_compress(push->gzip, text, length, &packed);
	if (!length)
		return 0;
	free(text);
	push->body = packed;
	push->length = length;
	push->is_gzip = true;
	return 0;
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

/* Also when pushes are missed, because the gateway was left alone: they are not made up for. */
static void plan_next(struct rk_pushgateway *push, uint64_t now_ns)
{
	if (push->is_finishing) {
		push->due_ns = RK_NEVER;
		return;
	}
	while (push->regular_ns <= now_ns)
		push->regular_ns += push->interval_ns;
	push->due_ns = push->regular_ns;
}

static void wait_for_guard(struct rk_pushgateway *push)
{
	if (push->is_finishing)
		push->is_done = true;
	else if (rk_guard_due_ns(&push->guard) < push->due_ns)
		push->due_ns = rk_guard_due_ns(&push->guard);
}

/* Nothing was sent, and nothing of it is the gateway's fault. */
static void fail_here(struct rk_pushgateway *push, const char *why)
{
	snprintf(push->last_error, sizeof(push->last_error), "%s", why);
	fail(push, "push to");
	push->is_done = push->is_finishing;
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

	plan_next(push, now_ns);
	if (!rk_guard_allows(&push->guard, now_ns)) {
		wait_for_guard(push);
		return;
	}
	push->is_last = push->is_finishing;
	free(push->body);
	push->body = NULL;
	push->length = 0;
	if (!is_delete && make_body(push)) {
		fail_here(push, "no memory, or too much to push");
		return;
	}
	request.body = push->body;
	request.length = push->length;
	request.is_gzip = !is_delete && push->is_gzip;
	push->stats.bytes_sent += request.length;
	if (rk_http_call_start(push->call, &request))
		fail_here(push, "no memory");
}

static void take_success(struct rk_pushgateway *push)
{
	push->stats.pushes++;
	push->stats.is_connected = true;
	push->backoff_ns = 0;
	if (push->is_failing)
		rk_log_info("pushgateway: %s accepts the push again", push->shown_url);
	push->is_failing = false;
	push->is_done = push->is_last;
}

/* Between half of the time and all of it: processes that failed together come back apart. */
static uint64_t jitter(uint64_t ns, uint64_t now_ns)
{
	return ns / 2 + (now_ns * 0x9e3779b97f4a7c15ull >> 32) % (ns / 2 + 1);
}

/* No answer, or one that may be another in a moment. Never later than the interval says. */
static void plan_retry(struct rk_pushgateway *push, uint64_t now_ns)
{
	uint64_t backoff_ns = push->backoff_ns ? push->backoff_ns * 2 : BACKOFF_MIN_NS;
	uint64_t due_ns = now_ns + jitter(backoff_ns, now_ns);

	push->backoff_ns = backoff_ns < push->interval_ns ? backoff_ns : push->interval_ns;
	if (push->is_last) {
		push->due_ns = now_ns + RETRY_NS;
		push->is_done = push->due_ns >= push->finish_ns || rk_guard_is_open(&push->guard);
		return;
	}
	if (due_ns < push->due_ns) {
		push->due_ns = due_ns;
		push->stats.retries++;
	}
}

static void on_done(void *data, const struct rk_http_reply *reply)
{
	struct rk_pushgateway *push = data;
	bool is_answer = reply->status && reply->status < 500;
	uint64_t now_ns = rk_loop_now();
	char quoted[384];

	free(push->body);
	push->body = NULL;
	rk_guard_note(&push->guard, is_answer, now_ns);
	if (reply->status >= 200 && reply->status < 300) {
		take_success(push);
		return;
	}
	/* Gateways before 1.5 take gzip for a bad text. Plain from now on, and once more. */
	if (push->is_gzip && (reply->status == 400 || reply->status == 415)) {
		rk_gzip_destroy(push->gzip);
		push->gzip = NULL;
		push->due_ns = now_ns;
		return;
	}
	rk_otlp_reply_quote(quoted, sizeof(quoted), reply->body, reply->length);
	if (reply->status)
		snprintf(push->last_error, sizeof(push->last_error), "HTTP %d%s%.400s",
			 reply->status, quoted[0] ? ": " : "", quoted);
	else
		snprintf(push->last_error, sizeof(push->last_error), "%.440s", reply->why);
	fail(push, "push to");
	/* What was refused stays refused until the next numbers; nobody home at exit is not
	 * waited for. */
	if (push->is_last && (is_answer || reply->is_unreachable))
		push->is_done = true;
	else if (!is_answer)
		plan_retry(push, now_ns);
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
	rk_guard_probe(&push->guard);
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
