/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/prometheus_target.h - resource attributes as the labels of target_info.
 *
 * The rules are OpenTelemetry's and those of the text exposition: what may not stand in a label
 * name becomes '_', a run of it one; keys that come out the same share a label, their values
 * joined by ';' in the order of the keys.
 */
#ifndef RK_EXPORTERS_PROMETHEUS_TARGET_H
#define RK_EXPORTERS_PROMETHEUS_TARGET_H

#include <stddef.h>

struct rk_prometheus_label {
	char *key, *label, *value;
};

struct rk_prometheus_target {
	struct rk_prometheus_label *at; /* sorted by label */
	size_t count, capacity;
	int err;
};

/**
 * @resource: the list of core/resource.h. One that cannot be decoded has no labels.
 *
 * Context: exporter. Ownership: the caller, rk_prometheus_target_destroy().
 * Return: 0; -ENOMEM and NULL.
 */
int rk_prometheus_target_create(struct rk_prometheus_target **out, const char *resource);
void rk_prometheus_target_destroy(struct rk_prometheus_target *target);

#endif
