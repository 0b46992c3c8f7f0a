/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_parts.h - what the files of the join do for each other.
 */
#ifndef RK_PIPELINE_JOIN_JOIN_PARTS_H
#define RK_PIPELINE_JOIN_JOIN_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/activity.h"
#include "core/ledger.h"
#include "core/op.h"
#include "core/record.h"

struct rk_call;
struct rk_join;

/**
 * Parts of join.c that the other files use: the ways a call ends (host time alone, open, all
 * records seen, out of the table); whether CUPTI refuses the record of such a call for certain,
 * or may do so; the number of its stream; a context by its index.
 *
 * Context: exporter.
 */
void rk_join_complete_without_record(struct rk_join *join, struct rk_call *call);
void rk_join_tell_open(struct rk_join *join, struct rk_call *call);
void rk_join_retire(struct rk_join *join, struct rk_call *call);
void rk_join_leave(struct rk_join *join, struct rk_call *call);
bool rk_join_gets_no_record(const struct rk_join *join, uint8_t kind, uint16_t api);
bool rk_join_may_lack_record(const struct rk_join *join, const struct rk_call *call);
void rk_join_finish_call(struct rk_join *join, struct rk_call *call);
uint32_t rk_join_stream_id(struct rk_join *join, const struct rk_call *call);
struct rk_join_context *rk_join_context_get(struct rk_join *join, uint16_t context);

/**
 * Parts of join_api.c: say in which context an execution that was just opened runs; a thread
 * ended; all ended.
 *
 * Context: exporter.
 */
void rk_join_tell_context(struct rk_join *join, uint64_t exec, uint32_t tid, uint64_t when);
void rk_join_forget_context(struct rk_join *join, uint32_t tid);
void rk_join_forget_contexts(struct rk_join *join);

/**
 * Parts of join_gpu.c: a record and its call, whether they can belong together, a record
 * without a call, and a call that is drained only when CUPTI was let go after it.
 *
 * Context: exporter.
 */
void rk_join_match(struct rk_join *join, struct rk_call *call, const struct rk_activity *activity);
void rk_join_settle_late(struct rk_join *join, uint32_t correlation);
bool rk_join_belongs(const struct rk_call *call, const struct rk_activity *activity);
void rk_join_orphan(struct rk_join *join, const struct rk_activity *activity);

/**
 * By when the call's GPU work was complete, as far as synchronisations tell; 0 = unknown.
 *
 * Context: exporter.
 */
uint64_t rk_join_complete_by(const struct rk_join *join, const struct rk_call *call);

/**
 * Part of join_rest.c: what came late, while nothing is recorded, is told when it has waited.
 *
 * Context: exporter.
 */
void rk_join_look_at_rest(struct rk_join *join, uint64_t now);

/**
 * Part of join_graph.c: a graph was instantiated, updated or destroyed / a kernel handle got its
 * name, or the code behind handles was unloaded.
 *
 * Context: exporter.
 */
void rk_join_tell_graph(struct rk_join *join, uint32_t tid, const struct rk_record *record);
void rk_join_note_name(struct rk_join *join, const struct rk_record *record);

/**
 * Parts of join_module.c: code was loaded, or unloaded / a kernel got its name from the module or
 * library @owner: its file is told where that is news.
 *
 * Context: exporter.
 */
void rk_join_note_module(struct rk_join *join, const struct rk_record *record);
void rk_join_forget_module(struct rk_join *join, uint64_t handle);
void rk_join_tell_module(struct rk_join *join, const struct rk_record *record, uint64_t owner);
void rk_join_destroy_modules(struct rk_join *join);

/**
 * Parts of join_flight.c: tell the launches that became old, some of them at a time; those under
 * way in a context that has just faulted, the first time.
 *
 * Context: exporter.
 */
void rk_join_tell_in_flight(struct rk_join *join);
void rk_join_tell_suspects(struct rk_join *join, uint16_t context);

/**
 * Parts of join_stack.c: the next host record has this stack, which is told if it was not yet; see
 * whether what is at an address has changed; the end.
 *
 * Context: exporter.
 */
void rk_join_take_stack(struct rk_join *join, const struct rk_record *record);
void rk_join_look_at_modules(struct rk_join *join);
void rk_join_forget_stacks(struct rk_join *join);

/**
 * Part of join_host.c: an op with what every host record says.
 *
 * Context: exporter. Ownership: borrowed until the next one is started.
 */
struct rk_op *rk_join_start_host_op(struct rk_join *join, uint32_t tid,
				    const struct rk_record *record, enum rk_op_kind kind);

/**
 * Parts of join_memory.c: memory is taken, refused or given back; a stream is made or
 * gone; a context takes its memory with it; time passes; the end.
 *
 * Context: exporter.
 */
void rk_join_take_memory(struct rk_join *join, uint32_t tid, const struct rk_record *record);
void rk_join_note_memory_stream(struct rk_join *join, const struct rk_record *record);
void rk_join_forget_context_memory(struct rk_join *join, uint32_t tid,
				   const struct rk_record *record);
void rk_join_look_at_memory(struct rk_join *join, uint64_t now);
void rk_join_finish_memory(struct rk_join *join);
void rk_join_forget_memory(struct rk_join *join);

#endif
