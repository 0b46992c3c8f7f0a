/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_promql.h - the condition of a rule as an expression of Prometheus.
 */
#ifndef RK_TOOLS_ALERT_PROMQL_H
#define RK_TOOLS_ALERT_PROMQL_H

#include <stdint.h>
#include <stdio.h>

#include "pipeline/alert/alert_rule.h"

/**
 * Write the expression, every line behind @indent.
 *
 * Context: tools.
 */
void rk_alert_promql_write(FILE *out, const char *indent, const struct rk_alert_rule *rule);

/**
 * Where the expression says something else than the rule, as a comment; "" = nowhere.
 *
 * Context: tools. Return: a static string.
 */
const char *rk_alert_promql_difference(const struct rk_alert_rule *rule);

/**
 * "90s", "250ms": a duration that Prometheus reads.
 *
 * Context: tools. Return: @out.
 */
const char *rk_alert_promql_duration(char out[32], uint64_t ns);

#endif
