/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_target.c - URLs, logins, and keeping them to ourselves.
 */
#include "exporters/notify_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/base64.h"
#include "exporters/header_list.h"
#include "exporters/url.h"

#define USER_AGENT  "rkpreload/" RK_VERSION
#define ALERTS_PATH "api/v2/alerts"
#define SECRET_MIN  4u /* what is shorter is no secret, but a part of every sentence */
#define PIECE_MIN   8u /* the same of the last piece of a path, which may be a plain word */

static void init_file(struct rk_notify_target *target, struct rk_secret_file *file, int index,
		      const char *path, const char *key)
{
	snprintf(target->what[index], sizeof(target->what[index]), "%s of channel %.60s", key,
		 target->channel->name);
	*file = (struct rk_secret_file){
		.path = path,
		.what = target->what[index],
		.who = "alerts",
	};
}

void rk_notify_target_init(struct rk_notify_target *target, const struct rk_alert_channel *channel)
{
	bool is_slack = channel->kind == RK_CHANNEL_SLACK;

	memset(target, 0, sizeof(*target));
	target->channel = channel;
	init_file(target, &target->url_file, 0, channel->url_file,
		  is_slack ? "webhook_url_file" : "url_file");
	init_file(target, &target->key_file, 1, channel->key_file, "service_key_file");
	init_file(target, &target->headers_file, 2, channel->headers_file, "headers_file");
	init_file(target, &target->password_file, 3, channel->basic_password_file, "password_file");
	init_file(target, &target->token_file, 4, channel->bearer_token_file, "bearer_token_file");
	snprintf(target->shown, sizeof(target->shown), "%s", rk_channel_kind_name(channel->kind));
}

/* @value, or the line in @file where there is one. */
static int read_secret(struct rk_secret_file *file, const char *value, char *out, char *why,
		       size_t size)
{
	if (!*file->path) {
		if (strlen(value) >= RK_NOTIFY_SECRET_MAX) {
			snprintf(why, size, "what stands in its place is too long");
			return -EINVAL;
		}
		snprintf(out, RK_NOTIFY_SECRET_MAX, "%s", value);
		return 0;
	}
	if (rk_secret_file_read_line(file, out, RK_NOTIFY_SECRET_MAX) > 0)
		return 0;
	*out = '\0';
	snprintf(why, size, "could not read %s, %s", file->what, file->path);
	return -EINVAL;
}

/* Scheme, host and port: the path of a webhook is the password to it. */
static void show_place(struct rk_notify_target *target)
{
	char place[160];

	snprintf(target->shown, sizeof(target->shown), "%s://%s",
		 strncasecmp(target->url, "https:", 6) == 0 ? "https" : "http",
		 rk_url_place(target->url, place, sizeof(place)));
}

/* Alertmanager is named by its base, as Prometheus does; whoever gave the whole path means it. */
static int complete_url(struct rk_notify_target *target)
{
	size_t length = strlen(target->url), end = strlen(ALERTS_PATH);
	bool is_whole = target->channel->kind != RK_CHANNEL_ALERTMANAGER ||
			(length > end && strcmp(target->url + length - end, ALERTS_PATH) == 0);
	char *url = rk_url_signal(target->url, is_whole, ALERTS_PATH);
	bool fits = url && strlen(url) < sizeof(target->url) && strstr(target->url, "://");

	if (fits)
		snprintf(target->url, sizeof(target->url), "%s", url);
	free(url);
	return fits ? 0 : -EINVAL;
}

static int read_url(struct rk_notify_target *target, char *why, size_t size)
{
	int err = read_secret(&target->url_file, target->channel->url, target->url, why, size);

	if (err)
		return err;
	if (complete_url(target)) {
		snprintf(why, size,
			 "its URL cannot be used: expected http://<host>/... or "
			 "https://<host>/...");
		return -EINVAL;
	}
	show_place(target);
	return 0;
}

static int add_header(void *data, const char *name, const char *value)
{
	return rk_http_call_add_header(data, name, value);
}

static int add_login(struct rk_notify_target *target, struct rk_http_call *call, char *why,
		     size_t size)
{
	const struct rk_alert_channel *channel = target->channel;
	char plain[RK_NOTIFY_SECRET_MAX + 256];
	char header[RK_BASE64_SIZE(sizeof(plain)) + 8] = "Basic ";
	bool has_token = *channel->bearer_token_file;
	int length, err;

	if (!has_token && !*channel->basic_user)
		return 0;
	err = read_secret(has_token ? &target->token_file : &target->password_file, "",
			  target->token, why, size);
	if (err)
		return err;
	if (has_token) {
		snprintf(header, sizeof(header), "Bearer %s", target->token);
	} else {
		length = snprintf(plain, sizeof(plain), "%.250s:%s", channel->basic_user,
				  target->token);
		rk_base64_encode(header + 6, (const uint8_t *)plain, (size_t)length);
		explicit_bzero(plain, sizeof(plain));
	}
	err = rk_http_call_add_header(call, "Authorization", header);
	explicit_bzero(header, sizeof(header));
	if (err)
		snprintf(why, size, "what is in the file of its login cannot be in a header");
	return err;
}

static int add_headers(struct rk_notify_target *target, struct rk_http_call *call, char *why,
		       size_t size)
{
	if (rk_http_call_clear_headers(call) ||
	    rk_http_call_add_header(call, "Content-Type", "application/json") ||
	    rk_http_call_add_header(call, "User-Agent", USER_AGENT)) {
		snprintf(why, size, "out of memory");
		return -EINVAL;
	}
	if (*target->channel->headers_file &&
	    !rk_header_file_each(&target->headers_file, add_header, call)) {
		snprintf(why, size, "could not read its headers_file %s",
			 target->channel->headers_file);
		return -EINVAL;
	}
	return add_login(target, call, why, size);
}

int rk_notify_target_prepare(struct rk_notify_target *target, struct rk_http_call *call, char *why,
			     size_t size)
{
	const struct rk_alert_channel *channel = target->channel;
	const struct rk_http_tls tls = {
		.authorities = channel->certificate,
		.certificate = channel->client_certificate,
		.key = channel->client_key,
	};
	int err = read_url(target, why, size);

	if (!err && channel->kind == RK_CHANNEL_PAGERDUTY)
		err = read_secret(&target->key_file, channel->key, target->key, why, size);
	if (!err)
		err = add_headers(target, call, why, size);
	if (!err)
		rk_http_call_set_tls(call, &tls);
	return err ? -EINVAL : 0;
}

static void blot_word(char *text, const char *secret, size_t length)
{
	char *at = text;

	if (length < SECRET_MIN)
		return;
	while ((at = memmem(at, strlen(at), secret, length))) {
		memset(at, '*', 3);
		memmove(at + 3, at + length, strlen(at + length) + 1);
		at += 3;
	}
}

/* The path as a whole and its last piece: servers quote either. User and password, too. */
static void blot_url(char *text, const char *url, bool has_secret_path)
{
	const char *authority = strstr(url, "://"), *path, *last, *at;

	if (!authority)
		return;
	authority += 3;
	path = strpbrk(authority, "/?#");
	at = memrchr(authority, '@', path ? (size_t)(path - authority) : strlen(authority));
	if (at) {
		const char *colon = memchr(authority, ':', (size_t)(at - authority));

		blot_word(text, authority, (size_t)(at - authority));
		if (colon)
			blot_word(text, colon + 1, (size_t)(at - colon - 1));
	}
	if (!path || !has_secret_path)
		return;
	last = strrchr(path, '/');
	blot_word(text, path, strlen(path));
	if (last && strlen(last + 1) >= PIECE_MIN)
		blot_word(text, last + 1, strlen(last + 1));
}

char *rk_notify_target_blot(const struct rk_notify_target *target, char *text)
{
	rk_url_redact_text(text);
	/* Alertmanager's path is known to everybody. */
	blot_url(text, target->url, target->channel->kind != RK_CHANNEL_ALERTMANAGER);
	blot_word(text, target->key, strlen(target->key));
	blot_word(text, target->token, strlen(target->token));
	return text;
}

void rk_notify_target_finish(struct rk_notify_target *target)
{
	explicit_bzero(target->url, sizeof(target->url));
	explicit_bzero(target->key, sizeof(target->key));
	explicit_bzero(target->token, sizeof(target->token));
}
