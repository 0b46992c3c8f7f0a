/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_rule.h - alerting.rules, ready to be evaluated.
 *
 * What is wrong with a rule was named with its line when the file was read; here such a rule is
 * left out, and the others work.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_RULE_H
#define RK_PIPELINE_ALERT_ALERT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/alert/alert_notice.h"

enum rk_condition_kind {
	RK_CONDITION_LATENCY,
	RK_CONDITION_ERROR_RATE,
	RK_CONDITION_RATE_BELOW,
	RK_CONDITION_RATE_ABOVE,
	RK_CONDITION_MEMORY,
	RK_CONDITION_MEMORY_GROWTH,
	RK_CONDITION_BREAKER,
	RK_CONDITION_BURN_RATE,
	RK_CONDITION_NO_EXECUTIONS,
	RK_CONDITION_IN_FLIGHT,
	RK_CONDITION_LOSSES,
	RK_CONDITION_GPU_IDLE,
	RK_CONDITION_COUNT
};

struct rk_alert_condition {
	enum rk_condition_kind kind;
	double threshold; /* in the unit of the kind: s, ratio, 1/s, bytes, times */
	double resolve;	  /* a firing alert ends here; = threshold where none is given */
	double quantile;  /* LATENCY: 0..1 */
	uint64_t window_ns;	  /* BURN_RATE: the long one; NO_EXECUTIONS: how long */
	uint64_t short_window_ns; /* BURN_RATE */
	/* globs, "*" where none is given */
	const char *pool, *device; /* MEMORY, MEMORY_GROWTH; device: GPU_IDLE, too */
	const char *name;	   /* BREAKER */
	const char *slo, *target;  /* BURN_RATE */
	const char *reason;	   /* LOSSES */
	const char *gpu_state;	   /* GPU_IDLE: no glob */
	uint32_t gpu_states;	   /* of that name: bits of enum rk_gpu_state */
};

/* Which of the labels of executions tell alerts apart. */
enum rk_alert_by {
	RK_BY_KERNEL = 1 << 0,
	RK_BY_DOMAIN = 1 << 1,
	RK_BY_DEVICE = 1 << 2,
	RK_BY_ALL = 7,
};

/* Strings and nodes are borrowed from the configuration. */
struct rk_alert_rule {
	const char *name;
	uint32_t line;
	enum rk_severity severity;
	struct rk_alert_condition condition;
	uint64_t for_ns;    /* the condition must have held so long */
	uint64_t keep_ns;   /* and must have been over so long */
	uint64_t repeat_ns; /* 0 = alerting.repeat_interval */
	uint32_t by;	    /* RK_BY_* */
	/* lists of globs; NULL = all */
	const struct rk_yaml_node *kernels, *domains, *devices;
	const struct rk_yaml_node *labels; /* mapping; may be NULL */
	const char *summary, *description; /* templates; "" = none */
};

struct rk_alert_rules {
	struct rk_alert_rule *rows;
	size_t count;
	uint32_t left_out;
};

/**
 * Read the rules of @config, which outlives them. One that is left out is named once.
 *
 * Context: exporter or tools. Ownership: the caller, rk_alert_rules_destroy().
 * Return: 0; -ENOMEM. No rule at all is not an error.
 */
int rk_alert_rules_create(struct rk_alert_rules **out, const struct rk_config *config);
void rk_alert_rules_destroy(struct rk_alert_rules *rules);

/**
 * Whether an execution is one of those that @rule is about.
 *
 * Context: any.
 */
bool rk_alert_rule_takes(const struct rk_alert_rule *rule, const char *kernel_id,
			 const char *domain, const char *device);

/**
 * "latency_exceeds"... as in the file; the unit of its value; whether it is about executions, so
 * that kernels, domains and devices choose among them; about memory; about a GPU that does little.
 *
 * Context: any. Return: static strings.
 */
const char *rk_condition_name(enum rk_condition_kind kind);
const char *rk_condition_unit(enum rk_condition_kind kind);
bool rk_condition_is_of_executions(enum rk_condition_kind kind);
bool rk_condition_is_of_memory(enum rk_condition_kind kind);
bool rk_condition_is_of_idleness(enum rk_condition_kind kind);

/**
 * Whether the alert fires when the value falls below the threshold.
 *
 * Context: any.
 */
static inline bool rk_condition_is_lower_bound(enum rk_condition_kind kind)
{
	return kind == RK_CONDITION_RATE_BELOW;
}

#endif
