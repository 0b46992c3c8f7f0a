/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/snapshot.h - a second trace file of everything so far, while recording goes on.
 *
 *   asked -> WAITING for what CUPTI holds -> COPYING, a piece a round -> DONE or FAILED
 *
 * Made of the trace file itself, whose frames are whole: so it is as complete as that one, and
 * costs the drain no more than a piece of a millisecond at a time. Of a file in parts the part
 * that is written ends for it, and every part gets a second name.
 */
#ifndef RK_PIPELINE_LIVE_SNAPSHOT_H
#define RK_PIPELINE_LIVE_SNAPSHOT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/json_text.h"
#include "core/op.h"
#include "pipeline/live/outputs.h"

enum rk_snapshot_state {
	RK_SNAPSHOT_NONE, /* nobody has asked for one */
	RK_SNAPSHOT_WAITING,
	RK_SNAPSHOT_COPYING,
	RK_SNAPSHOT_DONE,
	RK_SNAPSHOT_FAILED,
};

struct rk_snapshot {
	/* set by the owner */
	struct rk_outputs *outputs;    /* borrowed; outlives this */
	void (*gpu_flush)(void);       /* ask for GPU records that are complete; may be NULL */
	bool (*gpu_is_flushed)(void);  /* may be NULL */
	/* put a tick into the sequence, and fill the op that would follow were this the end */
	void (*tick)(struct rk_op *end, void *data);
	void (*turn)(void *data); /* begin the next part, where the file has parts */
	void *data;
	/* our own */
	enum rk_snapshot_state state;
	uint32_t count; /* asked for without a name so far */
	bool is_flushed; /* and the rings were not looked at before */
	uint64_t patient_until_ns;
	struct rk_trace_writer *copy; /* NULL = none is being written */
	struct rk_trace_dump dump; /* where the file has parts */
	struct rk_op end;
	char path[PATH_MAX];
	char error[256];
};

/**
 * Begin one.
 *
 * @path: absolute; "" = beside the trace file, which lies in @folder unless it has a path.
 * Context: exporter. Return: NULL, or why not, for people.
 */
const char *rk_snapshot_begin(struct rk_snapshot *snapshot, const char *path, const char *folder,
			      uint64_t now);

/**
 * Begin one beside the trace file that is called alert-@number.
 *
 * Context: exporter. Return: false where another one is under way: later, then.
 */
bool rk_snapshot_begin_alert(struct rk_snapshot *snapshot, uint32_t number, const char *folder,
			     uint64_t now);

/**
 * Go on with it.
 *
 * Context: exporter, every round, after the rings were looked at.
 * Return: whether there is more to do soon.
 */
bool rk_snapshot_run(struct rk_snapshot *snapshot, uint64_t now);

/**
 * The process ends: what is not complete goes.
 *
 * Context: exporter.
 */
void rk_snapshot_stop(struct rk_snapshot *snapshot);

/**
 * A member "snapshot" of @reply: state, path, error; null where none was asked for.
 *
 * Context: exporter.
 */
void rk_snapshot_put(const struct rk_snapshot *snapshot, struct rk_json_text *reply);

#endif
