/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_output.c - to the network, the log or a command.
 */
#include "pipeline/alert/alert_output.h"

#include "core/log.h"
#include "pipeline/alert/alert_engine.h"

/* The log has every transition; this channel says what was told, when and as what group. */
static void log_notice(const struct rk_alert_channel *channel, const struct rk_alert_notice *notice)
{
	for (size_t i = 0; i < notice->alert_count; i++) {
		const struct rk_alert *alert = &notice->alerts[i];

		if (!rk_alert_channel_takes(channel, alert))
			continue;
		rk_log(alert->state == RK_ALERT_FIRING ? RK_LOG_WARN : RK_LOG_INFO,
		       "alerts: notice to %s, %s %s%s: %s", channel->name, alert->rule,
		       rk_alert_state_name(alert->state), notice->repeat ? ", again" : "",
		       alert->summary);
	}
}

static void take_notice(void *data, const struct rk_alert_notice *notice)
{
	const struct rk_alert_output *output = data;
	const struct rk_alert_channel *channel;

	if (notice->channel >= output->channels->count)
		return;
	channel = &output->channels->rows[notice->channel];
	if (channel->kind == RK_CHANNEL_LOG)
		log_notice(channel, notice);
	else if (channel->kind == RK_CHANNEL_COMMAND && output->command)
		output->command(output->data, channel, notice);
	else if (rk_channel_kind_is_net(channel->kind) && output->net && output->net->notify)
		output->net->notify(output->net, notice);
}

static void leave_command(void *data, const struct rk_alert_channel *channel,
			  const struct rk_alert_notice *notice)
{
	(void)data;
	(void)channel;
	(void)notice;
}

void rk_alert_output_leave_commands(struct rk_alert_output *output)
{
	output->command = leave_command;
}

void rk_alert_output_connect(struct rk_alert_output *output, struct rk_alert_engine *engine)
{
	if (!engine)
		return;
	output->channels = rk_alert_engine_channels(engine);
	rk_alert_engine_set_notify(engine, take_notice, output);
	for (size_t i = 0; i < output->channels->count && !output->command; i++) {
		const struct rk_alert_channel *channel = &output->channels->rows[i];

		if (channel->kind == RK_CHANNEL_COMMAND && channel->is_usable)
			rk_log_warn(
				"alerts: the channel %s is not used: nothing is run inside a "
				"program; rktrace run and rktrace alert watch FILE run commands",
				channel->name);
	}
}
