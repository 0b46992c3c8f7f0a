/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_http.c - from a payload to a POST, from a reply to an outcome.
 */
#include "exporters/otlp_http.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "exporters/header_list.h"
#include "exporters/otlp_reply.h"
#include "exporters/url.h"

#define NS_PER_S 1000000000ull

struct otlp_http {
	struct rk_otlp_transport public; /* first: what the sender holds */
	struct rk_http_call *call;
	struct rk_otlp_target target; /* borrowed strings */
	struct rk_secret_file headers_file;
	rk_otlp_done_fn done;
	void *data;
	char *url;
	char shown_url[256]; /* without secrets */
	char message[448];
};

static const char *const paths[] = {
	[RK_OTLP_TRACES] = "v1/traces",
	[RK_OTLP_METRICS] = "v1/metrics",
	[RK_OTLP_LOGS] = "v1/logs",
};

enum rk_otlp_verdict rk_otlp_http_judge(const struct rk_http_reply *reply)
{
	if (reply->is_too_large)
		return RK_OTLP_REJECTED;
	if (reply->status >= 200 && reply->status < 300)
		return RK_OTLP_SENT;
	switch (reply->status) {
	case 0:
	case 429:
	case 502:
	case 503:
	case 504:
		return RK_OTLP_RETRY;
	default:
		return RK_OTLP_REJECTED;
	}
}

static void describe_success(struct otlp_http *http, const struct rk_http_reply *reply,
			     struct rk_otlp_outcome *outcome)
{
	struct rk_otlp_reply body = { 0 };

	if (http->target.protocol == RK_PROTOCOL_HTTP_JSON)
		rk_otlp_reply_read_json(&body, reply->body, reply->length);
	else if (!rk_otlp_reply_read_success(&body, reply->body, reply->length))
		rk_log_debug("otlp: could not decode the reply of %s; status %d counts",
			     http->shown_url, reply->status);
	outcome->rejected = body.rejected;
	snprintf(http->message, sizeof(http->message), "%s", body.message);
}

static void describe_failure(struct otlp_http *http, const struct rk_http_reply *reply)
{
	struct rk_otlp_reply body;

	if (!reply->status) {
		/* TLS 1.3 tells a client that it was refused only after it has spoken. */
		bool is_doubtful = reply->is_cut && !*http->target.client_certificate &&
				   strncmp(http->url, "https:", 6) == 0;

		snprintf(http->message, sizeof(http->message), "%s%s", reply->why,
			 is_doubtful ? " (does it ask for a client certificate?)" : "");
		return;
	}
	if (http->target.protocol == RK_PROTOCOL_HTTP_JSON)
		rk_otlp_reply_read_json(&body, reply->body, reply->length);
	else
		rk_otlp_reply_read_error(&body, reply->body, reply->length);
	snprintf(http->message, sizeof(http->message), "HTTP %d%s%s", reply->status,
		 body.message[0] ? ": " : "", body.message);
}

static void on_done(void *data, const struct rk_http_reply *reply)
{
	struct otlp_http *http = data;
	struct rk_otlp_outcome outcome = {
		.verdict = rk_otlp_http_judge(reply),
		.is_unreachable = reply->is_unreachable,
		.has_delay = reply->has_retry_after,
		.delay_ns = reply->retry_after_s < UINT64_MAX / NS_PER_S ?
				    reply->retry_after_s * NS_PER_S :
				    UINT64_MAX,
		.message = http->message,
	};

	if (outcome.verdict == RK_OTLP_SENT)
		describe_success(http, reply, &outcome);
	else
		describe_failure(http, reply);
	http->done(http->data, &outcome);
}

static int add_header(void *data, const char *name, const char *value)
{
	return rk_http_call_add_header(data, name, value);
}

static const char *const settings[][2] = {
	[RK_OTLP_TRACES] = { "tracing.otlp.headers", "tracing.otlp.headers_file" },
	[RK_OTLP_METRICS] = { "metrics.otlp.headers", "metrics.otlp.headers_file" },
	[RK_OTLP_LOGS] = { "logging.otlp.headers", "logging.otlp.headers_file" },
};

static int set_headers(struct otlp_http *http)
{
	bool is_json = http->target.protocol == RK_PROTOCOL_HTTP_JSON;
	enum rk_otlp_signal signal = http->target.signal;
	int err = rk_http_call_clear_headers(http->call);

	if (!err)
		err = rk_http_call_add_header(http->call, "Content-Type",
					      is_json ? "application/json" :
							"application/x-protobuf");
	if (err)
		return err;
	if (*http->target.headers)
		rk_header_list_each(http->target.headers,
				    http->target.is_as_traces ? NULL : settings[signal][0],
				    add_header, http->call);
	if (*http->target.headers_file)
		rk_header_file_each(&http->headers_file, add_header, http->call);
	return 0;
}

static struct otlp_http *from_public(const struct rk_otlp_transport *transport)
{
	return (struct otlp_http *)transport;
}

static int http_start(struct rk_otlp_transport *transport, const struct rk_otlp_payload *payload)
{
	struct otlp_http *http = from_public(transport);
	struct rk_http_request request = {
		.method = "POST",
		.url = http->url,
		.body = payload->bytes,
		.length = payload->length,
		.is_gzip = payload->is_gzip,
		.timeout_ms = payload->timeout_ms,
	};

	if (*http->target.headers_file && rk_secret_file_has_changed(&http->headers_file) &&
	    set_headers(http))
		return -EIO;
	return rk_http_call_start(http->call, &request);
}

static void http_cancel(struct rk_otlp_transport *transport)
{
	rk_http_call_cancel(from_public(transport)->call);
}

static bool http_is_active(const struct rk_otlp_transport *transport)
{
	return rk_http_call_is_active(from_public(transport)->call);
}

static void http_destroy(struct rk_otlp_transport *transport)
{
	struct otlp_http *http = from_public(transport);

	if (!http)
		return;
	rk_http_call_destroy(http->call);
	free(http->url);
	free(http);
}

/* Somebody who wrote the whole path of one signal means the base of all of them. */
static size_t base_length(const struct rk_otlp_target *target)
{
	size_t length = strlen(target->endpoint);

	if (target->is_otel_base)
		return length;
	for (size_t i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		size_t end = strlen(paths[i]);

		if (length > end + 1 && target->endpoint[length - end - 1] == '/' &&
		    strcmp(target->endpoint + length - end, paths[i]) == 0)
			return length - end - 1;
	}
	return length;
}

static int build_url(struct otlp_http *http)
{
	const struct rk_otlp_target *target = &http->target;
	size_t length = target->is_signal_url ? strlen(target->endpoint) : base_length(target);
	char *base = strndup(target->endpoint, length);

	if (!base)
		return -ENOMEM;
	http->url = rk_url_signal(base, target->is_signal_url, paths[target->signal]);
	free(base);
	rk_url_redact(http->url ? http->url : target->endpoint, http->shown_url,
		      sizeof(http->shown_url));
	if (http->url)
		return 0;
	rk_log_warn("otlp: could not use the endpoint \"%s\": expected http://<host>:<port>. "
		    "No %s are sent",
		    http->shown_url, rk_otlp_signal_name(target->signal));
	return -EINVAL;
}

static bool is_readable(const struct otlp_http *http, const char *what, const char *path)
{
	if (!*path || access(path, R_OK) == 0)
		return true;
	rk_log_warn("otlp: could not read the %s %s: %s. No %s are sent to %s", what, path,
		    rk_strerror(errno), rk_otlp_signal_name(http->target.signal), http->shown_url);
	return false;
}

static int set_tls(struct otlp_http *http)
{
	const struct rk_otlp_target *target = &http->target;
	struct rk_http_tls tls = {
		.authorities = target->certificate,
		.certificate = target->client_certificate,
		.key = target->client_key,
	};

	if (strncmp(http->url, "https:", 6) != 0)
		return 0;
	if (!is_readable(http, "certificate", target->certificate) ||
	    !is_readable(http, "client certificate", target->client_certificate) ||
	    !is_readable(http, "client key", target->client_key))
		return -EINVAL;
	rk_http_call_set_tls(http->call, &tls);
	return 0;
}

int rk_otlp_http_create(struct rk_otlp_transport **out, struct rk_http *http,
			const struct rk_otlp_target *target, rk_otlp_done_fn done, void *data)
{
	struct otlp_http *created = calloc(1, sizeof(*created));
	int err;

	*out = NULL;
	if (!created)
		return -ENOMEM;
	created->target = *target;
	created->headers_file.path = target->headers_file;
	created->headers_file.what = target->is_as_traces ? NULL : settings[target->signal][1];
	created->done = done;
	created->data = data;
	created->public = (struct rk_otlp_transport){
		.shown_url = created->shown_url,
		.start = http_start,
		.cancel = http_cancel,
		.is_active = http_is_active,
		.destroy = http_destroy,
	};
	err = build_url(created);
	if (!err)
		err = rk_http_call_create(&created->call, http, on_done, created);
	if (!err)
		err = set_tls(created);
	if (!err)
		err = set_headers(created);
	if (err) {
		http_destroy(&created->public);
		return err;
	}
	*out = &created->public;
	return 0;
}
