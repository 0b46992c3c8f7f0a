/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/overhead.h - what tracing costs the program, and keeping that within its budget.
 *
 * Four times a second, where overhead.budget is set:
 *
 *               hooks: records x what one costs, stacks as measured
 *             + what CUPTI says it took                                       cost_ns
 *             + CPU time of rk-exporter and rk-cupti
 *     share = ----------------------------------------------------------- =  --------
 *             wall time x threads of the program that called the GPU in it    busy_ns
 *
 * at least one thread. What a hook costs is measured once, when the process starts: two clock
 * reads more in every launch would cost more than all the rest of it.
 *
 * A step that changes what CUPTI is asked for holds recording for some milliseconds: CUPTI is let
 * go and taken anew, and calls are counted meanwhile. The last step holds it until better times.
 */
#ifndef RK_PIPELINE_LIVE_OVERHEAD_H
#define RK_PIPELINE_LIVE_OVERHEAD_H

#include "core/ledger.h"
#include "core/op.h"
#include "pipeline/live/recording.h"
#include "pipeline/use/governor.h"

/* One in so many roots is sent where spans are sampled, of those that would have been. */
#define RK_OVERHEAD_SAMPLE_ONE_IN 10

/* The rest of the world; all but config may be NULL. */
struct rk_overhead_setup {
	const struct rk_config *config;	    /* borrowed for ever */
	double (*hook_ns)(void);	    /* what one record costs the thread that makes it */
	uint64_t (*gpu_overhead_ns)(void);  /* what CUPTI says it took, so far */
	/* the step is another one: what of it the next session of CUPTI is to know, and stacks */
	void (*limit)(enum rk_governor_step step);
	bool cannot_count; /* nothing sees calls while CUPTI is let go */
	/* traces that the program begins are sampled at this rate from now on */
	void (*follow_sampling)(double rate);
	/* put an op of the exporter's own into the sequence; its times are set there */
	void (*emit)(struct rk_op *op, void *data);
	void *data;
};

struct rk_overhead_place;

struct rk_overhead {
	struct rk_overhead_setup setup;
	struct rk_recording *recording;	  /* borrowed; NULL = no budget */
	struct rk_governor governor;
	double hook_ns;			  /* per record */
	struct rk_overhead_place *places; /* by place of the ring */
	uint32_t place_count;
	uint64_t last_ns, last_cpu_ns, last_cupti_ns;
	uint64_t hook_total_ns, cupti_total_ns, busy_total_ns; /* so far */
	uint32_t moves;	    /* steps made */
	double told_rate;   /* of the spans, by the last op; < 0 = as configured */
};

/**
 * Nothing is measured without a budget. @recording outlives it.
 *
 * Context: exporter.
 */
void rk_overhead_init(struct rk_overhead *overhead, const struct rk_overhead_setup *setup,
		      struct rk_recording *recording);
void rk_overhead_finish(struct rk_overhead *overhead);

/**
 * Something is recorded from now on: tell what it may cost.
 *
 * Context: exporter, once.
 */
void rk_overhead_begin(struct rk_overhead *overhead);

static inline bool rk_overhead_is_on(const struct rk_overhead *overhead)
{
	return overhead->recording != NULL;
}

/**
 * Whether a window is over / when it will be; UINT64_MAX = there is none.
 *
 * Context: exporter.
 */
bool rk_overhead_is_due(const struct rk_overhead *overhead, uint64_t now);
uint64_t rk_overhead_due(const struct rk_overhead *overhead);

/**
 * Measure a window and make the step that it asks for.
 *
 * @cpu_ns: of the tracer's threads, so far. @latest: the configuration, as reloaded.
 * Context: exporter, before rk_recording_run().
 */
void rk_overhead_run(struct rk_overhead *overhead, uint64_t now, uint64_t cpu_ns,
		     const struct rk_ledger *ledger, const struct rk_config *latest);

/**
 * What a tick tells of it.
 *
 * Context: exporter.
 */
void rk_overhead_fill(const struct rk_overhead *overhead, struct rk_op *tick);

#endif
