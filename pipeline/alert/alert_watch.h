/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_watch.h - ops become what the series of each rule count.
 *
 * When something counts is told by the ticks between the ops, as a scrape would see it, and not
 * by the times in an op: a kernel counts when it is known to be complete.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_WATCH_H
#define RK_PIPELINE_ALERT_ALERT_WATCH_H

#include "core/ledger.h"
#include "core/op.h"
#include "pipeline/alert/alert_open.h"
#include "pipeline/alert/alert_series.h"
#include "pipeline/alert/slo.h"
#include "pipeline/span/span.h"

/* Launches that are open for long at the same time; more are counted, not watched. */
#define RK_ALERT_OPEN_MAX 256u

/* One rule and its series. */
struct rk_alert_watch {
	const struct rk_alert_rule *rule;
	struct rk_series_list list; /* of struct rk_alert_series, capped */
	struct rk_handle_map seen;  /* key of an execution -> its series, or none of ours */
};

/* What the program measures itself, as its definition said. */
struct rk_alert_instrument {
	uint32_t name, domain; /* strings */
	uint8_t type;	       /* enum rk_instrument_type */
};

/* How burn rates are asked for: the functions of pipeline/alert/slo.h, or a test's. */
struct rk_alert_slos {
	const struct rk_slo *slo; /* borrowed */
	bool (*get)(const struct rk_slo *slo, size_t index, struct rk_slo_result *out);
	double (*burn_rate)(const struct rk_slo *slo, const char *name, const char *target,
			    uint64_t window_ns);
};

struct rk_alert_watcher {
	const struct rk_config *config;
	const struct rk_alert_rules *rules;
	struct rk_alert_watch *watches; /* one per rule */
	struct rk_histogram_scale scale;
	struct rk_handle_map threads;	  /* tid -> tag: name, a string */
	struct rk_handle_map instruments; /* number -> place + 1 in instrument */
	struct rk_alert_instrument *instrument;
	uint32_t instrument_count;
	struct rk_alert_facts facts;
	bool tells_idleness; /* some rule does */
	struct rk_alert_open open[RK_ALERT_OPEN_MAX];
	uint32_t open_count;
	uint64_t dropped[RK_LOSS_COUNT]; /* as the last tick said */
	uint64_t now;			 /* of the last tick */
	uint64_t lost;			 /* what found no room */
	struct rk_alert_slos slos;
};

/**
 * Context: exporter or tools. Return: 0, -ENOMEM; finish in any case.
 */
int rk_alert_watcher_init(struct rk_alert_watcher *watcher, const struct rk_config *config,
			  const struct rk_alert_rules *rules);
void rk_alert_watcher_finish(struct rk_alert_watcher *watcher);

/**
 * Count one op. / Keep the slowest of the sampled spans as an example.
 *
 * Context: the feeding thread.
 */
void rk_alert_watcher_feed(struct rk_alert_watcher *watcher, const struct rk_op *op);
void rk_alert_watcher_note_span(struct rk_alert_watcher *watcher, const struct rk_span *span);

/**
 * The labels of a series that has none. / Whether a rule's filters take what has these.
 *
 * Context: any.
 */
struct rk_alert_key rk_alert_no_labels(void);
bool rk_alert_watch_takes(const struct rk_alert_rule *rule, uint32_t kernel_id, uint32_t domain,
			  uint32_t device);

/**
 * The series @number of a rule, made with the labels @key where it is new. Beyond the cap one
 * series, with the label "other", stands for all that come.
 *
 * Context: the feeding thread. Return: NULL when memory is short, which is counted.
 */
struct rk_alert_series *rk_alert_watch_series(struct rk_alert_watcher *watcher,
					      struct rk_alert_watch *watch, uint64_t number,
					      const struct rk_alert_key *key);

/**
 * It is @now: bring what no op carries up to date, before the series are looked at.
 *
 * Context: the feeding thread.
 */
void rk_alert_watcher_advance(struct rk_alert_watcher *watcher, uint64_t now);

#endif
