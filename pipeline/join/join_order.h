/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_order.h - what waited for what, by the events of the program.
 *
 *   stream A   work a --- cuEventRecord(e)
 *   stream B                  cuStreamWaitEvent(e) --- work b        b depends on a
 *
 * Told as an op right before that of b, as soon as the GPU record of b comes. Nothing is
 * guessed: where the event was recorded again, or its work is not known (any more), nothing is
 * told. The implicit order of the legacy default stream is not told either, nor what lies in
 * graphs. Costs nothing in a program that records no events.
 *
 * Who ends a wait for memory (cuStreamWaitValue32() and the like) is nowhere to be seen: only that
 * the stream waited, from that call to the start of what is behind it, is told, as an RK_OP_SYNC.
 */
#ifndef RK_PIPELINE_JOIN_JOIN_ORDER_H
#define RK_PIPELINE_JOIN_JOIN_ORDER_H

#include "core/op.h"
#include "core/record.h"
#include "pipeline/join/call_table.h"

struct rk_join;
struct rk_join_order; /* NULL in the join until the first event is recorded */

/**
 * An event was made, recorded, waited for or destroyed by thread @tid, or a stream made to wait for
 * memory.
 *
 * Context: exporter. May allocate; without memory nothing is told.
 */
void rk_join_order_event(struct rk_join *join, uint32_t tid, const struct rk_record *record);

/**
 * @call was submitted and waits for its GPU record. / A GPU record of it came, and its op, @work,
 * is told next. / The stream of @call is another one from now on.
 *
 * Context: exporter, only where there is an order.
 */
void rk_join_order_submit(struct rk_join *join, struct rk_call *call);
void rk_join_order_tell(struct rk_join *join, const struct rk_call *call, const struct rk_op *work);
void rk_join_order_forget(struct rk_join *join, const struct rk_call *call);

/* Context: exporter. */
void rk_join_order_destroy(struct rk_join_order *order);

#endif
