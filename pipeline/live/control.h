/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control.h - questions from outside, by a unix socket: <pid>.sock of the run-time
 * folder.
 *
 *   client: status\n          server: {"pid":4711,...}\n, and the end
 *
 * One line of request, one JSON object in reply. Served by the thread rk-exporter between its
 * rounds: nothing here waits, and a client that is slow, silent or sends rubbish costs a place
 * of few for a few seconds. Only the user of the process and root are answered.
 */
#ifndef RK_PIPELINE_LIVE_CONTROL_H
#define RK_PIPELINE_LIVE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/env.h"
#include "core/json_text.h"

struct rk_control;

/* What can be asked. The reply is an object that is open already; @argument is what follows the
 * verb and a space, "" = nothing. */
struct rk_control_verb {
	const char *name;
	bool takes_argument;
	void (*answer)(struct rk_json_text *reply, const char *argument, void *data);
};

struct rk_control_setup {
	const struct rk_env *env; /* XDG_RUNTIME_DIR; may be NULL */
	const struct rk_control_verb *verbs; /* ends with a name NULL; outlives this */
	void *data;
};

/**
 * Listen, and clear away what killed processes have left behind.
 *
 * Context: exporter, with a descriptor table of its own. Ownership: the caller, close().
 * Return: 0; -ENOMEM; another -errno, which has then been said.
 */
int rk_control_open(struct rk_control **out, const struct rk_control_setup *setup);

/**
 * Remove the socket and drop whoever is connected.
 *
 * Context: exporter.
 */
void rk_control_close(struct rk_control *control);

/**
 * Take new clients, read, answer, write: as much as can be done without waiting.
 *
 * @now_ns: of any clock that does not go back, the same in every call.
 * Context: exporter, every round.
 */
void rk_control_run(struct rk_control *control, uint64_t now_ns);

/**
 * Whether somebody is connected, so that the next round should not be far away.
 *
 * Context: exporter.
 */
bool rk_control_is_busy(const struct rk_control *control);

#endif
