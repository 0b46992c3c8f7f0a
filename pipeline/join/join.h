/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join.h - host records and GPU activities become ops.
 *
 * Host records come in order per thread; activities come late and in any order. A host
 * record waits in a table keyed by correlation id; an activity that finds it becomes an op.
 * One call may own many activities (graphs, batches, pageable copies). An activity without
 * a host record waits a grace time and then becomes an orphan. In host-time mode every
 * record becomes an op by itself.
 *
 * The join also cuts executions: it sees host records in each thread's order, so it gives
 * every op the number of its execution and says when one is closed.
 */
#ifndef RK_PIPELINE_JOIN_JOIN_H
#define RK_PIPELINE_JOIN_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/activity.h"
#include "core/api_record.h"
#include "core/gpu_inventory.h"
#include "core/op.h"
#include "core/record.h"

struct rk_join;

/* Receives ops; ordinals are set. */
typedef void (*rk_op_fn)(const struct rk_op *op, void *data);

/* Enum rk_api of a record -> the CUDA function's name. */
struct rk_join_setup {
	const char *const *api_names;
	uint32_t api_count;
	rk_op_fn emit;
	void *data;
	uint32_t max_pending; /* host records and activities that wait, each; 0 = default */
	bool is_quiet; /* nobody listens before rk_join_begin(); names are noted all the same */
};

/**
 * Context: exporter; one thread, like everything here. Ownership: the caller.
 * Return: 0, -ENOMEM.
 */
int rk_join_create(struct rk_join **out, const struct rk_join_setup *setup);
void rk_join_destroy(struct rk_join *join);

/**
 * Whether GPU records will come; it may change while running. / What comes without them all the
 * same: bits of enum rk_gpu_missing. Calls without a record complete by themselves.
 *
 * Context: exporter. The second is cheap where nothing has changed.
 */
void rk_join_set_gpu_time(struct rk_join *join, bool gpu_time);
void rk_join_set_missing(struct rk_join *join, uint32_t missing);

/**
 * One host record of thread @tid, in that thread's order.
 *
 * Context: exporter.
 */
void rk_join_host(struct rk_join *join, uint32_t tid, const struct rk_record *record);

/* Packed fields; borrowed until the call returns. */
struct rk_join_text {
	const uint8_t *bytes; /* NULL when there are none */
	uint32_t size;
};

/**
 * One record of the C API of thread @tid, in that thread's order among its host records.
 *
 * Context: exporter.
 */
void rk_join_api(struct rk_join *join, uint32_t tid, const struct rk_api_record *record,
		 const struct rk_join_text *text);

/**
 * Records of thread @tid, or of any that shares a ring (0), were lost: which context its work
 * runs in is not known until it says so again.
 *
 * Context: exporter.
 */
void rk_join_context_lost(struct rk_join *join, uint32_t tid);

/**
 * The thread of @tid ended: its execution closes. / It has this name: told when it is a new
 * one, without control characters and broken UTF-8; "" is ignored.
 *
 * Context: exporter.
 */
void rk_join_thread_exit(struct rk_join *join, uint32_t tid);
void rk_join_thread_name(struct rk_join *join, uint32_t tid, const char *name);

/* Whether a name was told for @tid. Context: exporter. */
bool rk_join_has_thread_name(const struct rk_join *join, uint32_t tid);

/**
 * One GPU activity, in any order. / It comes soon: what it meets is brought nearer.
 *
 * Context: exporter.
 */
void rk_join_activity(struct rk_join *join, const struct rk_activity *activity);
void rk_join_expect(const struct rk_join *join, const struct rk_activity *activity);

/**
 * Time passes: orphans and done entries leave the tables, old executions close. / Emit what is
 * left: open calls, orphans, execution ends. Then only rk_join_emit().
 *
 * @now: ns of rk_clock.
 * Context: exporter, once per round of draining / at the end.
 */
void rk_join_tick(struct rk_join *join, uint64_t now);
void rk_join_finish(struct rk_join *join);

/**
 * One op for each GPU that is described. / What was noted of kernels while nobody listened.
 *
 * Context: exporter, before the first record.
 */
void rk_join_tell_gpus(struct rk_join *join, const struct rk_gpu_inventory *gpus, uint64_t now);
void rk_join_begin(struct rk_join *join, uint64_t now);

/**
 * Give @op its ordinal and pass it on (ticks, clock, the end).
 *
 * Context: exporter.
 */
void rk_join_emit(struct rk_join *join, struct rk_op *op);

/**
 * Recording has stopped, CUPTI was let go, the rings are empty / it goes on. Calls that come
 * while it rests are those that were under way. Held, the program is not out of sight: what is
 * known of its memory stays true.
 * Context: exporter.
 */
void rk_join_rest(struct rk_join *join);
void rk_join_hold(struct rk_join *join);
void rk_join_wake(struct rk_join *join);

/**
 * Fill the joined/open/lost and GPU fields of @ledger: host calls are the caller's to fill. /
 * Kernels that were launched and not seen complete, by device.
 *
 * Context: exporter.
 */
void rk_join_get_ledger(const struct rk_join *join, struct rk_ledger *ledger);
void rk_join_get_active(const struct rk_join *join, uint64_t active[RK_ACTIVE_DEVICES]);

#endif
