/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/snapshot.c - waits, copies, ends the copy.
 */
#include "pipeline/live/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "trace/trace_name.h"
#include "trace/trace_writer.h"

/* A millisecond of copying or so, between two looks at the rings. */
#define PIECE_BYTES (1u << 20)
/* A flush of CUPTI takes a few ms; one that is stuck must not keep the file from whoever asks. */
#define PATIENCE_NS 500000000ull
#define EXTENSION   RK_TRACE_EXTENSION

static bool is_busy(const struct rk_snapshot *snapshot)
{
	return snapshot->state == RK_SNAPSHOT_WAITING || snapshot->state == RK_SNAPSHOT_COPYING;
}

/* train.4711.rkt.zst becomes train.4711.snapshot-1.rkt.zst. */
static bool name_beside(struct rk_snapshot *snapshot, const char *folder, const char *what,
			uint32_t number)
{
	const char *trace = snapshot->outputs->trace_path;
	size_t length = strlen(trace), tail = strlen(EXTENSION);
	bool is_whole = trace[0] == '/';
	int written;

	if (length > tail && strcmp(trace + length - tail, EXTENSION) == 0)
		length -= tail;
	written = snprintf(snapshot->path, sizeof(snapshot->path), "%s%s%.*s.%s-%u%s",
			   is_whole ? "" : folder, is_whole ? "" : "/", (int)length, trace, what,
			   number, EXTENSION);
	return written > 0 && (size_t)written < sizeof(snapshot->path);
}

static const char *why_not(const struct rk_snapshot *snapshot)
{
	if (is_busy(snapshot))
		return "a snapshot is being written already";
	if (snapshot->outputs->writer)
		return NULL;
	if (!snapshot->outputs->trace_path[0] && snapshot->outputs->has_begun)
		return "no trace file is written, of which a snapshot could be made; "
		       "RUSTKERNEL_TRACE_FILE=NAME gives the next run one";
	return "nothing has been recorded so far; rktrace ctl PID start begins";
}

static void start(struct rk_snapshot *snapshot, uint64_t now)
{
	snapshot->error[0] = '\0';
	snapshot->is_flushed = false;
	snapshot->patient_until_ns = now + PATIENCE_NS;
	snapshot->state = RK_SNAPSHOT_WAITING;
	if (snapshot->gpu_flush)
		snapshot->gpu_flush();
}

const char *rk_snapshot_begin(struct rk_snapshot *snapshot, const char *path, const char *folder,
			      uint64_t now)
{
	const char *reason = why_not(snapshot);

	if (reason)
		return reason;
	if (*path && *path != '/')
		return "the path of a snapshot begins with /";
	if (*path)
		snprintf(snapshot->path, sizeof(snapshot->path), "%s", path);
	else if (!name_beside(snapshot, folder, "snapshot", ++snapshot->count))
		return "the name of the trace file is too long; give another one with -o";
	start(snapshot, now);
	return NULL;
}

bool rk_snapshot_begin_alert(struct rk_snapshot *snapshot, uint32_t number, const char *folder,
			     uint64_t now)
{
	if (is_busy(snapshot))
		return false;
	if (!why_not(snapshot) && name_beside(snapshot, folder, "alert", number))
		start(snapshot, now);
	return true;
}

static void discard(struct rk_snapshot *snapshot)
{
	rk_trace_writer_discard(snapshot->copy);
	snapshot->copy = NULL;
	rk_trace_dump_finish(&snapshot->dump, true);
}

static void fail(struct rk_snapshot *snapshot, int err)
{
	discard(snapshot);
	snapshot->state = RK_SNAPSHOT_FAILED;
	snprintf(snapshot->error, sizeof(snapshot->error), "could not write the snapshot: %s",
		 err == -ENOSPC ? "the disk is nearly full" : rk_strerror(err));
	rk_log_warn("snapshot: could not write %s: %s", snapshot->path, rk_strerror(err));
}

/* What is being written becomes a part like the others, and whole. */
static void begin_dump(struct rk_snapshot *snapshot)
{
	int err;

	snapshot->turn(snapshot->data);
	err = rk_trace_parts_dump(snapshot->outputs->turns.parts, &snapshot->dump, snapshot->path);
	if (err)
		fail(snapshot, err);
	else
		snapshot->state = RK_SNAPSHOT_COPYING;
}

static void begin_copy(struct rk_snapshot *snapshot)
{
	int err;

	if (snapshot->outputs->turns.parts) {
		begin_dump(snapshot);
		return;
	}

	snapshot->tick(&snapshot->end, snapshot->data);
	err = rk_trace_writer_fork(&snapshot->copy, snapshot->outputs->writer, snapshot->path);
	if (err) {
		fail(snapshot, err);
		return;
	}
	snprintf(snapshot->path, sizeof(snapshot->path), "%s",
		 rk_trace_writer_path(snapshot->copy));
	snapshot->state = RK_SNAPSHOT_COPYING;
}

static void finish_copy(struct rk_snapshot *snapshot)
{
	int err;

	snapshot->state = RK_SNAPSHOT_DONE;
	rk_trace_dump_finish(&snapshot->dump, false);
	if (!snapshot->copy)
		return;
	err = rk_trace_writer_add(snapshot->copy, &snapshot->end);
	if (!err)
		err = rk_trace_writer_seal(snapshot->copy);
	if (err) {
		fail(snapshot, err);
		return;
	}
	rk_trace_writer_close(snapshot->copy);
	snapshot->copy = NULL;
}

static void wait_for_gpu(struct rk_snapshot *snapshot, uint64_t now)
{
	/* What CUPTI gave lies in a ring once it says so: one more look at the rings. */
	if (snapshot->is_flushed || now >= snapshot->patient_until_ns)
		begin_copy(snapshot);
	else
		snapshot->is_flushed = !snapshot->gpu_is_flushed || snapshot->gpu_is_flushed();
}

static int copy_more(struct rk_snapshot *snapshot)
{
	if (!snapshot->copy)
		return rk_trace_dump_run(&snapshot->dump, PIECE_BYTES);
	return rk_trace_writer_copy(snapshot->copy, snapshot->outputs->writer, PIECE_BYTES);
}

bool rk_snapshot_run(struct rk_snapshot *snapshot, uint64_t now)
{
	int more;

	if (snapshot->state == RK_SNAPSHOT_WAITING) {
		wait_for_gpu(snapshot, now);
	} else if (snapshot->state == RK_SNAPSHOT_COPYING) {
		more = copy_more(snapshot);
		if (more < 0)
			fail(snapshot, more);
		else if (!more)
			finish_copy(snapshot);
	}
	return is_busy(snapshot);
}

void rk_snapshot_stop(struct rk_snapshot *snapshot)
{
	discard(snapshot);
	snapshot->state = RK_SNAPSHOT_NONE;
}

void rk_snapshot_put(const struct rk_snapshot *snapshot, struct rk_json_text *reply)
{
	static const char *const names[] = {
		[RK_SNAPSHOT_WAITING] = "waiting",
		[RK_SNAPSHOT_COPYING] = "copying",
		[RK_SNAPSHOT_DONE] = "done",
		[RK_SNAPSHOT_FAILED] = "failed",
	};

	if (snapshot->state == RK_SNAPSHOT_NONE) {
		rk_json_text_null(reply, "snapshot");
		return;
	}
	rk_json_text_open(reply, "snapshot", '{');
	rk_json_text_string(reply, "state", names[snapshot->state]);
	rk_json_text_string(reply, "path", snapshot->path);
	rk_json_text_string(reply, "error", snapshot->error);
	rk_json_text_close(reply, '}');
}
