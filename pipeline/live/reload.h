/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/reload.h - read the settings again while running.
 *
 * The configuration a process started with is borrowed by everybody for ever and never changes.
 * A reload reads the file anew, beside the variables as they were, into a configuration of its
 * own; what can change while running is told to those who act on it, the rest is named as
 * needing a restart. A setting that is wrong in the file keeps the value it had.
 */
#ifndef RK_PIPELINE_LIVE_RELOAD_H
#define RK_PIPELINE_LIVE_RELOAD_H

#include <stdbool.h>

#include "core/config_change.h"
#include "core/json_text.h"

struct rk_reload;

/* Who acts on it. Rows and sections that are not named here need a restart. */
struct rk_reload_target {
	const enum rk_config_id *rows;
	size_t row_count;
	bool sections[RK_SECTION_COUNT];
	/* The changed[] of the rows; whatever else @latest holds must not be looked at. It stays
	 * until the next call has returned. */
	void (*apply)(const struct rk_config *latest, const bool *changed, void *data);
	void *data;
};

/**
 * @config, @env: what the process started with; outlive this. @target is copied.
 *
 * Context: exporter, at its start: a relative path of the file means the folder of that moment.
 * Return: 0, -ENOMEM.
 */
int rk_reload_create(struct rk_reload **out, const struct rk_config *config,
		     const struct rk_env *env, const struct rk_reload_target *target);
void rk_reload_destroy(struct rk_reload *reload);

/**
 * Read, compare, apply. The reply says what was applied, what needs a restart and what is wrong.
 *
 * Context: exporter.
 */
void rk_reload_run(struct rk_reload *reload, struct rk_json_text *reply);

/**
 * The settings in force, as far as they can change.
 *
 * Context: exporter. Ownership: borrowed until the next run.
 */
const struct rk_config *rk_reload_config(const struct rk_reload *reload);

#endif
