/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_engine.h - ops in; alerts out.
 *
 *   op -> watcher -> series ------look, every tick------> state -> transition -> groups -> notices
 *
 * Time is that of the ticks among the ops: replaying a file gives the transitions of its live
 * run at the same record times. Nothing here looks at a clock.
 *
 * An end that the program reached (RK_OP_END) resolves what fires, saying so, because nobody
 * will be there to do it later; a file that merely stops resolves nothing.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_ENGINE_H
#define RK_PIPELINE_ALERT_ALERT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/alert/alert_notice.h"
#include "pipeline/alert/alert_rule.h"
#include "pipeline/alert/alert_watch.h"
#include "pipeline/span/span.h"

struct rk_alert_engine;

/* One alert has come into another state; @alert is borrowed until the function returns. */
typedef void (*rk_alert_transition_fn)(void *data, uint64_t unix_ns, const struct rk_alert *alert);

struct rk_alert_stats {
	uint64_t firing, pending; /* now */
	uint64_t series;	  /* sets of labels that are watched */
	uint64_t folded;	  /* sets of labels that share "other", beyond metrics.top_k */
	uint64_t lost;		  /* what no memory was left for */
};

/**
 * @out: NULL when @config has no rule that can be used.
 * Context: exporter or tools. Ownership: the caller, rk_alert_engine_destroy(); @config outlives
 * it. Return: 0, -ENOMEM.
 */
int rk_alert_engine_create(struct rk_alert_engine **out, const struct rk_config *config);
void rk_alert_engine_destroy(struct rk_alert_engine *engine);

/**
 * Who is told, once for every channel of a route. / Who hears of every transition; by default
 * the log: WARN, or ERROR from critical on, when an alert fires, INFO when it is resolved.
 *
 * Context: the feeding thread, before the first op.
 */
void rk_alert_engine_set_notify(struct rk_alert_engine *engine, rk_alert_notify_fn notify,
				void *data);
void rk_alert_engine_set_transition(struct rk_alert_engine *engine, rk_alert_transition_fn fn,
				    void *data);

/**
 * Where burn rates come from. Called before the SLO engine of the pipeline goes.
 *
 * Context: the feeding thread.
 */
void rk_alert_engine_set_slos(struct rk_alert_engine *engine, const struct rk_alert_slos *slos);

/**
 * Who knows what belongs to alerts beside their sentences. @engine may be NULL.
 *
 * Context: the feeding thread, before the first op. What is in @sources outlives the last op.
 */
void rk_alert_engine_set_sources(struct rk_alert_engine *engine,
				 const struct rk_alert_sources *sources);

/**
 * Take one op, or a finished span as an example of what it timed. @engine may be NULL.
 *
 * Context: the feeding thread.
 */
void rk_alert_engine_feed(struct rk_alert_engine *engine, const struct rk_op *op);
void rk_alert_engine_note_span(struct rk_alert_engine *engine, const struct rk_span *span);

/**
 * No more ops will come, and there was no end: tell what waits for its group.
 *
 * Context: the feeding thread.
 */
void rk_alert_engine_finish(struct rk_alert_engine *engine);

/**
 * The channels, for who sends notices; and numbers about the engine.
 *
 * Context: the feeding thread. Ownership: borrowed until destroy.
 */
const struct rk_alert_channels *rk_alert_engine_channels(const struct rk_alert_engine *engine);
void rk_alert_engine_get_stats(const struct rk_alert_engine *engine, struct rk_alert_stats *stats);

/* How many alerts of one rule are in each state, now. */
struct rk_alert_count {
	const char *rule; /* borrowed until the rules are read again */
	enum rk_severity severity;
	uint64_t pending, firing;
};

/**
 * The counts of rule @index, 0, 1, 2... @engine may be NULL.
 *
 * Context: the feeding thread. Return: false behind the last one.
 */
bool rk_alert_engine_count(const struct rk_alert_engine *engine, size_t index,
			   struct rk_alert_count *out);

/**
 * Call @visit for every alert that is pending or firing.
 *
 * Context: the feeding thread.
 */
void rk_alert_engine_visit(const struct rk_alert_engine *engine,
			   void (*visit)(const struct rk_alert *alert, void *data), void *data);

#endif
