/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_route.h - who is told of which alert, and how often.
 *
 * group_wait, group_interval and repeat_interval mean what they mean to Alertmanager; only their
 * defaults are those of one process, which has no thousand targets to wait for.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_ROUTE_H
#define RK_PIPELINE_ALERT_ALERT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/alert/alert_channel.h"

struct rk_alert_route {
	const struct rk_yaml_node *match; /* mapping of labels to globs; NULL = every alert */
	uint32_t *channels;		  /* indices in alerting.channels */
	size_t channel_count;
	bool goes_on; /* further routes are looked at as well */
};

struct rk_alert_routing {
	const struct rk_yaml_node *group_by; /* list of labels; NULL = by rule */
	uint64_t group_wait_ns;	    /* from the first alert of a group to its notice */
	uint64_t group_interval_ns; /* until the next one, if something has changed */
	uint64_t repeat_interval_ns; /* until it is told again unchanged */
	bool resolves_at_end;	     /* a clean end of the process resolves what fires */
	const char *silences_file;   /* "" = none */
	struct rk_alert_route *routes; /* the last one takes what no other took: all channels */
	size_t route_count;
};

/**
 * Read the rest of alerting. Channels that are not there are named once.
 *
 * Context: exporter or tools. Ownership: the caller, rk_alert_routing_finish(), in any case.
 * @config and @channels outlive it. Return: 0, -ENOMEM.
 */
int rk_alert_routing_init(struct rk_alert_routing *routing, const struct rk_config *config,
			  const struct rk_alert_channels *channels);
void rk_alert_routing_finish(struct rk_alert_routing *routing);

/**
 * Whether every member of @match fits the label of its name; "alertname" is the rule. A label
 * that is not there is "".
 *
 * Context: any.
 */
bool rk_alert_route_matches(const struct rk_yaml_node *match, const struct rk_alert *alert);

/**
 * Value of a label; that of "alertname" is the rule's name.
 *
 * Context: any. Return: "" when there is none.
 */
const char *rk_alert_route_label(const struct rk_alert *alert, const char *name);

#endif
