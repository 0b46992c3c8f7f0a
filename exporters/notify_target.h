/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_target.h - where one channel leads, and what may be said about it.
 *
 * Secrets are read when they are used: a webhook or a key that is replaced works from the next
 * request on. Everything that is shown has passed rk_notify_target_blot().
 */
#ifndef RK_EXPORTERS_NOTIFY_TARGET_H
#define RK_EXPORTERS_NOTIFY_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "exporters/http.h"
#include "exporters/secret_file.h"
#include "pipeline/alert/alert_channel.h"

#define RK_NOTIFY_SECRET_MAX 2048u /* bytes of a URL, a key or a token */

struct rk_notify_target {
	const struct rk_alert_channel *channel; /* borrowed; outlives this */
	struct rk_secret_file url_file, key_file, headers_file, password_file, token_file;
	char what[5][96]; /* how messages name the files */
	char url[RK_NOTIFY_SECRET_MAX];
	char key[RK_NOTIFY_SECRET_MAX];
	char token[RK_NOTIFY_SECRET_MAX]; /* or password */
	char shown[192]; /* scheme, host and port: all that is not secret */
};

/**
 * Nothing is read yet.
 *
 * Context: exporter.
 */
void rk_notify_target_init(struct rk_notify_target *target, const struct rk_alert_channel *channel);

/**
 * Read what is secret and put the headers of the next request on @call.
 *
 * @why: what is missing, for a log line.
 * Context: exporter; while no request is under way. Return: 0; -EINVAL, and @why says it.
 */
int rk_notify_target_prepare(struct rk_notify_target *target, struct rk_http_call *call, char *why,
			     size_t size);

/**
 * Make @text fit to be shown: every secret in it, and the path of every URL, becomes "***".
 *
 * Context: exporter. Return: @text.
 */
char *rk_notify_target_blot(const struct rk_notify_target *target, char *text);

/**
 * Overwrite what was read.
 *
 * Context: exporter.
 */
void rk_notify_target_finish(struct rk_notify_target *target);

#endif
