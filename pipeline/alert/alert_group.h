/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_group.h - alerts that are told together.
 *
 *   alert fires -> route -> group of its route and labels -> group_wait -> notice
 *                                                        -> group_interval -> notice, if changed
 *                                                        -> repeat_interval -> told again
 *
 * What was never told as firing is never told as resolved.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_GROUP_H
#define RK_PIPELINE_ALERT_ALERT_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/alert/alert_route.h"
#include "pipeline/alert/alert_series.h"
#include "pipeline/alert/alert_silence.h"

struct rk_alert_member {
	struct rk_alert_series *series; /* borrowed from the watcher */
	bool is_told;
};

struct rk_alert_group {
	char key[33];
	size_t route;
	uint64_t due_ns;  /* next look at it */
	uint64_t told_ns; /* 0 = never */
	uint32_t repeat;
	struct rk_alert_member *members;
	size_t count, capacity;
};

struct rk_alert_groups {
	const struct rk_alert_routing *routing;
	const struct rk_alert_silences *silences;
	struct rk_alert_group *groups;
	size_t count, capacity;
	rk_alert_notify_fn notify; /* may be NULL */
	void *data;
	uint64_t lost; /* alerts that found no memory */
};

/**
 * @series fires: put it into the group of every route that takes it.
 *
 * Context: the feeding thread.
 */
void rk_alert_groups_add(struct rk_alert_groups *groups, struct rk_alert_series *series,
			 uint64_t now);

/**
 * Tell what is due, or with @everything all that has not been told.
 *
 * Context: the feeding thread.
 */
void rk_alert_groups_tell(struct rk_alert_groups *groups, uint64_t now, uint64_t unix_ns,
			  bool everything);

/**
 * Context: exporter or tools. What was not told is not told.
 */
void rk_alert_groups_finish(struct rk_alert_groups *groups);

#endif
