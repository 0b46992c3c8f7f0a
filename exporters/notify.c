/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify.c - one sender per channel, made when it is needed.
 */
#include "exporters/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/notify_sender.h"
#include "pipeline/alert/alert_channel.h"

struct rk_notify {
	const struct rk_net_host *host;
	struct rk_http *http;
	struct rk_alert_channels *channels;
	struct rk_notify_sender **senders; /* by channel; NULL = nothing was sent there yet */
	bool is_finished;
};

int rk_notify_create(struct rk_notify **out, const struct rk_net_host *host, struct rk_http *http)
{
	struct rk_notify *notify = calloc(1, sizeof(*notify));

	*out = NULL;
	if (!notify)
		return -ENOMEM;
	notify->host = host;
	notify->http = http;
	if (rk_alert_channels_create(&notify->channels, host->config) == 0)
		notify->senders = calloc(notify->channels->count + 1, sizeof(*notify->senders));
	if (!notify->senders) {
		rk_notify_destroy(notify);
		return -ENOMEM;
	}
	*out = notify;
	return 0;
}

void rk_notify_destroy(struct rk_notify *notify)
{
	if (!notify)
		return;
	for (size_t i = 0; notify->senders && i < notify->channels->count; i++)
		rk_notify_sender_destroy(notify->senders[i]);
	free(notify->senders);
	rk_alert_channels_destroy(notify->channels);
	free(notify);
}

/* Return: NULL where @channel is not for us, or without memory. */
static struct rk_notify_sender *open_sender(struct rk_notify *notify, uint32_t channel)
{
	const struct rk_alert_channel *row;

	if (channel >= notify->channels->count || notify->is_finished)
		return NULL;
	row = &notify->channels->rows[channel];
	if (!row->is_usable || !rk_channel_kind_is_net(row->kind))
		return NULL;
	if (!notify->senders[channel])
		rk_notify_sender_create(&notify->senders[channel], notify->host, notify->http, row);
	return notify->senders[channel];
}

void rk_notify_push(struct rk_notify *notify, const struct rk_alert_notice *notice)
{
	struct rk_notify_sender *sender = open_sender(notify, notice->channel);

	if (sender)
		rk_notify_sender_push(sender, notice);
}

uint64_t rk_notify_due_ns(const struct rk_notify *notify)
{
	uint64_t due = RK_NEVER;

	for (size_t i = 0; i < notify->channels->count; i++) {
		uint64_t at = RK_NEVER;

		if (notify->senders[i])
			at = rk_notify_sender_due_ns(notify->senders[i]);
		due = at < due ? at : due;
	}
	return due;
}

void rk_notify_run(struct rk_notify *notify, uint64_t now_ns)
{
	for (size_t i = 0; i < notify->channels->count; i++) {
		if (notify->senders[i])
			rk_notify_sender_run(notify->senders[i], now_ns);
	}
}

void rk_notify_finish(struct rk_notify *notify, uint64_t deadline_ns)
{
	for (size_t i = 0; i < notify->channels->count; i++) {
		if (notify->senders[i])
			rk_notify_sender_finish(notify->senders[i], deadline_ns);
	}
}

bool rk_notify_is_done(const struct rk_notify *notify)
{
	for (size_t i = 0; i < notify->channels->count; i++) {
		if (notify->senders[i] && !rk_notify_sender_is_done(notify->senders[i]))
			return false;
	}
	return true;
}

void rk_notify_abandon(struct rk_notify *notify)
{
	notify->is_finished = true;
	for (size_t i = 0; i < notify->channels->count; i++) {
		if (notify->senders[i])
			rk_notify_sender_abandon(notify->senders[i]);
	}
}

void rk_notify_tell_metrics(const struct rk_notify *notify)
{
	const struct rk_net_host *host = notify->host;

	for (size_t i = 0; host->set && i < notify->channels->count; i++) {
		const char *name = notify->channels->rows[i].name;
		struct rk_notify_stats stats;

		if (!notify->senders[i])
			continue;
		rk_notify_sender_get_stats(notify->senders[i], &stats);
		host->set(host->metrics, "rustkernel_notifications_sent_total", name,
			  (double)stats.sent);
		host->set(host->metrics, "rustkernel_notifications_failed_total", name,
			  (double)stats.failed);
	}
}

void rk_notify_get_answer(const struct rk_notify *notify, uint32_t channel,
			  struct rk_net_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (channel < notify->channels->count && notify->senders[channel])
		rk_notify_sender_get_answer(notify->senders[channel], answer);
}
