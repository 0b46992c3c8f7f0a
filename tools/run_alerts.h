/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/run_alerts.h - `rktrace run` runs the commands that alerts of its program ask for.
 *
 * Nothing of ours starts a process inside a program. Here, beside it, its trace file is followed
 * as `rktrace alert watch` follows one, for channels of the kind command only: the program
 * itself tells the others, and says in its log what happens.
 */
#ifndef RK_TOOLS_RUN_ALERTS_H
#define RK_TOOLS_RUN_ALERTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/config.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/pipeline.h"
#include "trace/trace_reader.h"

struct rk_run_alerts {
	const struct rk_config *config; /* borrowed; as the program reads it */
	const char *trace_file;		/* of the program; borrowed */
	struct rk_alert_channels *channels;
	struct rk_trace_reader *reader; /* NULL = there is no file yet */
	struct rk_pipeline *pipeline;
	bool is_over;	/* the file can say no more */
	uint64_t by_ns; /* when the last command has to be over; 0 = the program still runs */
	uint32_t left_out; /* notices that were not told for that */
};

/**
 * Whether @config has rules, and a command channel to be told of them.
 *
 * Context: tools.
 */
bool rk_run_alerts_are_wanted(const struct rk_config *config);

/**
 * Prepare a zeroed object.
 *
 * Context: tools. Ownership: rk_run_alerts_finish(), in any case. Return: 0, -ENOMEM.
 */
int rk_run_alerts_init(struct rk_run_alerts *alerts, const struct rk_config *config,
		       const char *trace_file);
void rk_run_alerts_finish(struct rk_run_alerts *alerts);

/**
 * Look at what the program @pid has written since, and run what is to be run.
 *
 * @data: struct rk_run_alerts. Context: tools, while the program runs.
 */
void rk_run_alerts_look(void *data, pid_t pid);

/**
 * The program has ended: look at the rest. All commands together get the time that the most
 * patient channel has.
 *
 * Context: tools.
 */
void rk_run_alerts_end(struct rk_run_alerts *alerts, pid_t pid);

#endif
