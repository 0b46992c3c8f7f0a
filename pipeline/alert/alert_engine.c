/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_engine.c - states, and who hears of them.
 */
#include "pipeline/alert/alert_engine.h"

#include <errno.h>
#include <stdlib.h>

#include "core/log.h"
#include "pipeline/alert/alert_group.h"
#include "pipeline/alert/alert_route.h"
#include "pipeline/alert/alert_silence.h"
#include "pipeline/alert/alert_text.h"

struct rk_alert_engine {
	struct rk_alert_rules *rules;
	struct rk_alert_channels *channels;
	struct rk_alert_routing routing;
	struct rk_alert_silences silences;
	struct rk_alert_watcher watcher;
	struct rk_alert_groups groups;
	rk_alert_transition_fn transition;
	void *transition_data;
	int64_t wall_offset_ns;
	uint64_t now; /* of the last tick; 0 = none yet */
};

static void log_transition(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	enum rk_log_level level = RK_LOG_DEBUG;

	(void)data;
	(void)unix_ns;
	if (alert->state == RK_ALERT_FIRING)
		level = alert->severity >= RK_SEVERITY_CRITICAL ? RK_LOG_ERROR : RK_LOG_WARN;
	else if (alert->state == RK_ALERT_RESOLVED)
		level = RK_LOG_INFO;
	rk_log(level, "alerts: %s is %s (%s): %s", alert->rule, rk_alert_state_name(alert->state),
	       rk_severity_name(alert->severity), alert->summary);
}

int rk_alert_engine_create(struct rk_alert_engine **out, const struct rk_config *config)
{
	struct rk_alert_engine *engine;
	int err;

	*out = NULL;
	if (!config->alerting)
		return 0;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	engine->transition = log_transition;
	err = rk_alert_rules_create(&engine->rules, config);
	if (!err && !engine->rules->count) {
		rk_alert_engine_destroy(engine);
		return 0;
	}
	if (!err)
		err = rk_alert_channels_create(&engine->channels, config);
	if (!err)
		err = rk_alert_routing_init(&engine->routing, config, engine->channels);
	if (!err)
		err = rk_alert_watcher_init(&engine->watcher, config, engine->rules);
	if (err) {
		rk_alert_engine_destroy(engine);
		return err;
	}
	rk_alert_silences_init(&engine->silences, engine->routing.silences_file);
	engine->groups.routing = &engine->routing;
	engine->groups.silences = &engine->silences;
	*out = engine;
	return 0;
}

void rk_alert_engine_destroy(struct rk_alert_engine *engine)
{
	if (!engine)
		return;
	rk_alert_groups_finish(&engine->groups);
	rk_alert_watcher_finish(&engine->watcher);
	rk_alert_silences_finish(&engine->silences);
	rk_alert_routing_finish(&engine->routing);
	rk_alert_channels_destroy(engine->channels);
	rk_alert_rules_destroy(engine->rules);
	free(engine);
}

void rk_alert_engine_set_notify(struct rk_alert_engine *engine, rk_alert_notify_fn notify,
				void *data)
{
	engine->groups.notify = notify;
	engine->groups.data = data;
}

void rk_alert_engine_set_transition(struct rk_alert_engine *engine, rk_alert_transition_fn fn,
				    void *data)
{
	engine->transition = fn;
	engine->transition_data = data;
}

void rk_alert_engine_set_slos(struct rk_alert_engine *engine, const struct rk_alert_slos *slos)
{
	engine->watcher.slos = *slos;
}

void rk_alert_engine_set_sources(struct rk_alert_engine *engine,
				 const struct rk_alert_sources *sources)
{
	if (engine)
		engine->watcher.facts.sources = *sources;
}

static uint64_t unix_now(const struct rk_alert_engine *engine)
{
	return engine->now + (uint64_t)engine->wall_offset_ns;
}

static void tell(struct rk_alert_engine *engine, const struct rk_alert_series *series,
		 enum rk_alert_state state)
{
	struct rk_alert_text text;

	rk_alert_text_fill(&text, series, state);
	engine->transition(engine->transition_data, unix_now(engine), &text.alert);
}

static void begin(struct rk_alert_engine *engine, struct rk_alert_series *series)
{
	series->state = RK_ALERT_PENDING;
	series->true_since = engine->now;
	series->quiet_since = 0;
	series->started_unix_ns = unix_now(engine);
	series->ended_unix_ns = 0;
	tell(engine, series, RK_ALERT_PENDING);
}

static void fire(struct rk_alert_engine *engine, struct rk_alert_series *series)
{
	series->state = RK_ALERT_FIRING;
	tell(engine, series, RK_ALERT_FIRING);
	rk_alert_groups_add(&engine->groups, series, engine->now);
}

static void resolve(struct rk_alert_engine *engine, struct rk_alert_series *series)
{
	series->state = RK_ALERT_RESOLVED;
	series->ended_unix_ns = unix_now(engine);
	tell(engine, series, RK_ALERT_RESOLVED);
}

static void step_firing(struct rk_alert_engine *engine, struct rk_alert_series *series,
			enum rk_alert_look look)
{
	if (look != RK_LOOK_NOT) {
		series->quiet_since = 0;
		return;
	}
	if (!series->quiet_since)
		series->quiet_since = engine->now;
	if (engine->now - series->quiet_since >= series->rule->keep_ns)
		resolve(engine, series);
}

static void step(struct rk_alert_engine *engine, struct rk_alert_series *series,
		 enum rk_alert_look look)
{
	if (series->state == RK_ALERT_FIRING) {
		step_firing(engine, series, look);
		return;
	}
	if (look != RK_LOOK_TRUE) {
		if (series->state == RK_ALERT_PENDING)
			series->state = RK_ALERT_INACTIVE;
		return;
	}
	if (series->state != RK_ALERT_PENDING)
		begin(engine, series);
	if (engine->now - series->true_since >= series->rule->for_ns)
		fire(engine, series);
}

/* Every series of every rule. */
static void each_series(const struct rk_alert_engine *engine,
			void (*visit)(struct rk_alert_engine *engine,
				      struct rk_alert_series *series))
{
	for (size_t r = 0; r < engine->rules->count; r++) {
		const struct rk_series_list *list = &engine->watcher.watches[r].list;

		for (uint32_t s = 0; s < list->count; s++) {
			struct rk_alert_series *series = list->items[s];

			if (series->rule)
				visit((struct rk_alert_engine *)engine, series);
		}
	}
}

static void look_at(struct rk_alert_engine *engine, struct rk_alert_series *series)
{
	step(engine, series,
	     rk_alert_series_look(series, &engine->watcher.scale, engine->watcher.now));
}

static void end_series(struct rk_alert_engine *engine, struct rk_alert_series *series)
{
	if (series->state == RK_ALERT_PENDING)
		series->state = RK_ALERT_INACTIVE;
	if (series->state != RK_ALERT_FIRING)
		return;
	series->has_ended = true;
	resolve(engine, series);
}

static void pass_time(struct rk_alert_engine *engine, uint64_t now)
{
	/* A clock that was set back in a damaged file must not undo anything. */
	if (now > engine->now)
		engine->now = now;
	rk_alert_watcher_advance(&engine->watcher, engine->now);
	rk_alert_silences_refresh(&engine->silences);
	each_series(engine, look_at);
	rk_alert_groups_tell(&engine->groups, engine->now, unix_now(engine), false);
}

/* The beginning is told before the end, also where both wait for their group. */
static void end(struct rk_alert_engine *engine)
{
	rk_alert_groups_tell(&engine->groups, engine->now, unix_now(engine), true);
	if (!engine->routing.resolves_at_end)
		return;
	each_series(engine, end_series);
	rk_alert_groups_tell(&engine->groups, engine->now, unix_now(engine), true);
}

void rk_alert_engine_feed(struct rk_alert_engine *engine, const struct rk_op *op)
{
	if (!engine)
		return;
	/* The first time that is told is when there began to be something to watch. */
	if (!engine->now && (op->kind == RK_OP_CLOCK || op->kind == RK_OP_TICK)) {
		engine->now = op->start;
		rk_alert_watcher_advance(&engine->watcher, op->start);
	}
	rk_alert_watcher_feed(&engine->watcher, op);
	if (op->kind == RK_OP_CLOCK)
		engine->wall_offset_ns = op->clock.wall_offset_ns;
	if (op->kind == RK_OP_TICK || op->kind == RK_OP_END)
		pass_time(engine, op->start);
	if (op->kind == RK_OP_END)
		end(engine);
}

void rk_alert_engine_note_span(struct rk_alert_engine *engine, const struct rk_span *span)
{
	if (engine)
		rk_alert_watcher_note_span(&engine->watcher, span);
}

void rk_alert_engine_finish(struct rk_alert_engine *engine)
{
	if (engine)
		rk_alert_groups_tell(&engine->groups, engine->now, unix_now(engine), true);
}

const struct rk_alert_channels *rk_alert_engine_channels(const struct rk_alert_engine *engine)
{
	return engine->channels;
}

void rk_alert_engine_get_stats(const struct rk_alert_engine *engine, struct rk_alert_stats *stats)
{
	*stats = (struct rk_alert_stats){ .lost = engine->watcher.lost + engine->groups.lost };
	for (size_t r = 0; r < engine->rules->count; r++) {
		const struct rk_series_list *list = &engine->watcher.watches[r].list;

		stats->series += list->count;
		stats->folded += list->folded;
		for (uint32_t s = 0; s < list->count; s++) {
			const struct rk_alert_series *series = list->items[s];

			stats->firing += series->state == RK_ALERT_FIRING;
			stats->pending += series->state == RK_ALERT_PENDING;
		}
	}
}

bool rk_alert_engine_count(const struct rk_alert_engine *engine, size_t index,
			   struct rk_alert_count *out)
{
	const struct rk_series_list *list;

	if (!engine || index >= engine->rules->count)
		return false;
	list = &engine->watcher.watches[index].list;
	*out = (struct rk_alert_count){ .rule = engine->rules->rows[index].name,
					.severity = engine->rules->rows[index].severity };
	for (uint32_t s = 0; s < list->count; s++) {
		const struct rk_alert_series *series = list->items[s];

		out->pending += series->state == RK_ALERT_PENDING;
		out->firing += series->state == RK_ALERT_FIRING;
	}
	return true;
}

void rk_alert_engine_visit(const struct rk_alert_engine *engine,
			   void (*visit)(const struct rk_alert *alert, void *data), void *data)
{
	struct rk_alert_text text;

	for (size_t r = 0; r < engine->rules->count; r++) {
		const struct rk_series_list *list = &engine->watcher.watches[r].list;

		for (uint32_t s = 0; s < list->count; s++) {
			const struct rk_alert_series *series = list->items[s];

			if (series->state != RK_ALERT_FIRING && series->state != RK_ALERT_PENDING)
				continue;
			rk_alert_text_fill(&text, series, series->state);
			visit(&text.alert, data);
		}
	}
}
