/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_series.h - what one rule measures for one set of labels, and its state.
 *
 *   inactive --true--> pending --for_duration--> firing --over, keep_firing_for--> resolved
 *       ^                 |                        ^ |                                |
 *       +-----not true----+                        +-+ true, or not below `resolve`   |
 *       +--------------------------- told once ---------------------------------------+
 */
#ifndef RK_PIPELINE_ALERT_ALERT_SERIES_H
#define RK_PIPELINE_ALERT_ALERT_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/alert/alert_facts.h"
#include "pipeline/alert/alert_rule.h"
#include "pipeline/alert/alert_window.h"
#include "pipeline/metrics/series_list.h"

#define RK_ALERT_NO_DEVICE 0x3ffffu

/* Whose executions; what a program times itself is never added to what the GPU was seen doing. */
enum rk_alert_source { RK_ALERT_GPU, RK_ALERT_HOST, RK_ALERT_API };

/* Labels; what does not belong to the condition is 0, RK_ALERT_NO_DEVICE or NULL. */
struct rk_alert_key {
	uint32_t kernel_id, domain; /* strings */
	uint32_t device;
	uint32_t breaker;	     /* string */
	uint32_t stream, tid, thread; /* IN_FLIGHT; thread: its name, a string */
	bool has_stream;
	const char *source, *pool, *reason; /* static */
	const char *slo, *target;	    /* borrowed from the SLO engine */
	const char *gpu_state;		    /* borrowed from the rule */
};

/* A slow execution of late. */
struct rk_alert_example {
	uint8_t trace_id[16], span_id[8];
	uint64_t ns, at; /* at = 0: none */
};

/* What a look at a series says. */
enum rk_alert_look {
	RK_LOOK_NOT,	 /* the condition does not hold */
	RK_LOOK_BETWEEN, /* nor has it got as good as `resolve` asks */
	RK_LOOK_TRUE,
};

struct rk_alert_series {
	struct rk_series series; /* first, for rk_series_list */
	const struct rk_alert_rule *rule;
	struct rk_alert_key key;
	uint64_t since; /* first seen, ns of the records */
	/* what is measured, as the condition needs it */
	struct rk_alert_window window;
	struct rk_alert_durations *durations; /* LATENCY */
	struct rk_alert_past *past;	      /* MEMORY_GROWTH */
	struct rk_alert_example example;
	struct rk_alert_idle *idle;	      /* GPU_IDLE */
	const struct rk_alert_facts *facts;   /* borrowed from the watcher */
	int64_t bytes;	       /* MEMORY, MEMORY_GROWTH */
	double gauge;	       /* BREAKER, BURN_RATE, GPU_IDLE; NO_EXECUTIONS, IN_FLIGHT: seconds */
	uint64_t last_ns;      /* NO_EXECUTIONS: of the last one */
	uint32_t grid[3];      /* IN_FLIGHT: of the launch that is open for longest */
	uint32_t stack;	       /* string: where that was launched; 0 = unknown */
	/* the alert */
	enum rk_alert_state state;
	double value;	       /* at the last look that counted */
	uint64_t true_since;   /* ns of the records; pending and firing */
	uint64_t quiet_since;  /* firing, but the condition is over; 0 = it is not */
	uint64_t started_unix_ns, ended_unix_ns;
	bool has_ended; /* resolved because the process ended */
};

/**
 * Look whether the condition holds now, and note its value.
 *
 * @scale: exponential, for the percentile that is shown.
 * Context: the feeding thread.
 */
enum rk_alert_look rk_alert_series_look(struct rk_alert_series *series,
					const struct rk_histogram_scale *scale, uint64_t now);

/**
 * Prepare a zeroed series.
 *
 * Context: the feeding thread. Return: false without memory.
 */
bool rk_alert_series_init(struct rk_alert_series *series, const struct rk_alert_rule *rule,
			  const struct rk_alert_key *key, uint64_t now);
void rk_alert_series_finish(struct rk_alert_series *series);

#endif
