/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_channel.h - the rows of alerting.channels, ready to be used.
 *
 *   channels:
 *     - slack: { webhook_url_file: /run/secrets/slack, channel: "#gpu", min_severity: warning }
 *     - pagerduty: { name: oncall, service_key_file: /run/secrets/pd, severities: [page] }
 *
 * What is wrong with a row was named with its line when the file was read; here such a row is
 * only marked as one that cannot be used, so that the others keep their numbers.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_CHANNEL_H
#define RK_PIPELINE_ALERT_ALERT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/alert/alert_notice.h"

enum rk_channel_kind {
	RK_CHANNEL_SLACK,
	RK_CHANNEL_PAGERDUTY,
	RK_CHANNEL_WEBHOOK,
	RK_CHANNEL_ALERTMANAGER,
	RK_CHANNEL_LOG,
	RK_CHANNEL_COMMAND,
	RK_CHANNEL_KIND_COUNT
};

/* Strings are borrowed from the configuration, "" = not given. */
struct rk_alert_channel {
	enum rk_channel_kind kind;
	char name[64];	     /* unique; where none was given that of the kind */
	uint32_t line;	     /* in the file */
	bool is_usable;	     /* false: something that it needs is missing or wrong */
	uint32_t severities; /* one bit per enum rk_severity */
	bool sends_resolved;
	/* of the network */
	const char *url;      /* a secret with Slack and webhook; may hold a password */
	const char *url_file; /* of a file that holds it */
	const char *key, *key_file;		 /* PagerDuty: the integration key */
	const char *channel, *username, *icon;	 /* Slack: where, as whom, :emoji: or a URL */
	const char *method;			 /* webhook: POST or PUT */
	const char *link; /* a page about the program, to be put into messages */
	const char *headers_file;		 /* as tracing.otlp.headers_file */
	const char *basic_user, *basic_password_file, *bearer_token_file; /* Alertmanager */
	const char *certificate, *client_certificate, *client_key;	  /* as tracing.otlp.* */
	uint64_t timeout_ns;   /* of one request */
	uint64_t resend_ns;    /* Alertmanager: what fires is told again this often */
	uint64_t retry_for_ns; /* a notice is given up at this age */
	const struct rk_yaml_node *argv; /* command: a list of texts */
};

struct rk_alert_channels {
	struct rk_alert_channel *rows; /* as many and in the order of alerting.channels */
	size_t count;
};

/**
 * Read the rows of @config, which outlives them.
 *
 * Context: exporter or tools. Ownership: the caller, rk_alert_channels_destroy().
 * Return: 0; -ENOMEM. No channel at all is not an error.
 */
int rk_alert_channels_create(struct rk_alert_channels **out, const struct rk_config *config);
void rk_alert_channels_destroy(struct rk_alert_channels *channels);

/**
 * The channel called @name, "#3" the third.
 *
 * Context: any. Return: NULL when there is none.
 */
const struct rk_alert_channel *rk_alert_channels_find(const struct rk_alert_channels *channels,
						      const char *name);

/**
 * Whether @channel is told of @alert: its severity, and what is over only where it is wanted.
 *
 * Context: any.
 */
bool rk_alert_channel_takes(const struct rk_alert_channel *channel, const struct rk_alert *alert);

/**
 * "slack", "pagerduty", "webhook", "alertmanager", "log", "command": the key in the file.
 *
 * Context: any. Return: static strings.
 */
const char *rk_channel_kind_name(enum rk_channel_kind kind);

/**
 * Whether channels of @kind are librknet's, and whether @config has one that is.
 *
 * Context: any.
 */
bool rk_channel_kind_is_net(enum rk_channel_kind kind);
bool rk_alert_channels_need_net(const struct rk_config *config);

#endif
