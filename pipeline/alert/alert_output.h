/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_output.h - a notice goes to the channel it is for.
 *
 * Inside a program there is no way to run a command: nothing of ours forks there. A channel that
 * wants one is refused with one line; `rktrace alert watch` and `rktrace run` have the way.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_OUTPUT_H
#define RK_PIPELINE_ALERT_ALERT_OUTPUT_H

#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"

struct rk_alert_engine;

struct rk_alert_output {
	const struct rk_alert_channels *channels; /* borrowed from the engine */
	struct rk_net *net;			  /* borrowed; may be NULL */
	/* NULL = commands are refused */
	void (*command)(void *data, const struct rk_alert_channel *channel,
			const struct rk_alert_notice *notice);
	void *data;
};

/* Variable: process id of a launcher that runs the commands for its child. */
#define RK_ALERT_COMMANDS_BY "RK_ALERT_COMMANDS_BY"

/**
 * Somebody else runs the commands: they are not refused, and nothing is done about them.
 *
 * Context: the feeding thread, before connect.
 */
void rk_alert_output_leave_commands(struct rk_alert_output *output);

/**
 * Tell @engine where its notices go, and people what cannot be told. The rest of @output is set.
 *
 * Context: the feeding thread. @engine may be NULL; @output outlives it.
 */
void rk_alert_output_connect(struct rk_alert_output *output, struct rk_alert_engine *engine);

#endif
