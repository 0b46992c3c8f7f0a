/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_export.h - `rktrace alert export`: our rules as rules of Prometheus.
 */
#ifndef RK_TOOLS_ALERT_EXPORT_H
#define RK_TOOLS_ALERT_EXPORT_H

#include <stdio.h>

#include "pipeline/alert/alert_rule.h"

/**
 * Write alerting rules over the families of pipeline/metrics/metrics.def. What a rule of Prometheus
 * cannot say stands in a comment above it.
 *
 * Context: tools.
 */
void rk_alert_export_write(FILE *out, const struct rk_alert_rules *rules);

/**
 * The action of the verb. @argv: what stands behind "alert export".
 *
 * Context: tools. Return: status of the verb; 65 when a rule had to be left out.
 */
int rk_alert_export(int argc, char **argv);

#endif
