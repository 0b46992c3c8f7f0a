/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/recording.h - whether the process records, and how it comes to begin and to stop.
 *
 *        wanted                GPU times are there
 *   OFF ---------> STARTING -----------------------> ON      the gate opens, op RECORDING
 *    ^                                                |
 *    |  rings empty, GPU times gone                   | not wanted, gate closed, time is over
 *    +----------------------------- STOPPING <--------+      the gate is closed
 *          op RECORDING, file sealed
 * Where tracing has a budget, recording may be held: the gate lets calls that put work on a GPU be
 * counted as withheld, and everything else be told.
 * Any thread may say what is wanted, a signal handler too; rk-exporter makes it so. The last word
 * counts. Work that was submitted before a stop is told with it, joined or open.
 */
#ifndef RK_PIPELINE_LIVE_RECORDING_H
#define RK_PIPELINE_LIVE_RECORDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

enum rk_recording_state {
	RK_RECORDING_OFF,
	RK_RECORDING_STARTING,
	RK_RECORDING_ON,
	RK_RECORDING_STOPPING,
};

enum rk_recording_reason {
	RK_RECORDING_BY_START, /* with the program's first use of a GPU */
	RK_RECORDING_BY_CTL,
	RK_RECORDING_BY_SIGNAL,
	RK_RECORDING_BY_PROFILER,
	RK_RECORDING_BY_DELAY,
	RK_RECORDING_BY_DURATION,
	RK_RECORDING_BY_OVERHEAD, /* held */
	RK_RECORDING_REASON_COUNT
};

/* What beginning and stopping mean to the others; all on rk-exporter. */
struct rk_recording_setup {
	void (*gpu_on)(void); /* ask for GPU times; may be NULL, as the rest of these four */
	bool (*gpu_is_on)(void);  /* that has been done, well or badly */
	void (*gpu_watch)(void);  /* the gate is about to be closed */
	void (*gpu_off)(void);
	bool (*gpu_is_off)(void);
	void (*begin)(void *data); /* before the gate opens for the first time */
	/* it is open, or everything from before the stop is told */
	void (*tell)(bool is_on, enum rk_recording_reason reason, void *data);
	void *data;
};

struct rk_recording {
	struct rk_recording_setup setup;
	/* written by any thread */
	_Atomic uint32_t wanted; /* 1 = it is to be on; bit 0 alone, so that it can be toggled */
	_Atomic uint32_t reason; /* enum rk_recording_reason, of what was wanted last */
	_Atomic uint32_t is_cut; /* the gate was closed by who wanted that */
	_Atomic uint64_t for_ns; /* what begins next ends after this time; 0 = by itself never */
	/* written by rk-exporter; a futex for those who wait */
	_Atomic uint32_t state; /* enum rk_recording_state */
	_Atomic uint32_t is_counting; /* held: the gate lets calls be counted */
	/* rk-exporter's */
	enum rk_recording_reason stop_reason;
	uint64_t since_ns; /* of rk_clock: the state is what it is */
	uint64_t until_ns; /* 0 = until somebody says so */
	uint64_t delay_until_ns;
	uint64_t recorded_ns; /* in sessions that are over */
	uint32_t sessions;    /* begun so far */
	bool gpu_is_gone;     /* while stopping: and the rings were not looked at before */
	bool is_held;	      /* not to record for the sake of the budget */
	bool is_void;	      /* it was wanted and not wanted any more before it began */
};

/** start, ctl, signal... / off, starting, on, stopping. Context: any. */
const char *rk_recording_state_name(enum rk_recording_state state);
const char *rk_recording_reason_name(enum rk_recording_reason reason);

/**
 * Whether recording begins with the first use of a GPU.
 *
 * Context: any.
 */
static inline bool rk_recording_begins_now(const struct rk_config *config)
{
	return config->recording_start == RK_RECORDING_START_NOW && !config->recording_delay;
}

/**
 * What the configuration wants at first; ON where it begins now. The setup is the caller's.
 *
 * Context: init, before the thread rk-exporter is there.
 */
void rk_recording_init(struct rk_recording *recording, const struct rk_config *config);

/**
 * Say what is wanted, and that rk-exporter should look. What is submitted after a "no" is not
 * recorded any more. @for_ns: see there; only with @on.
 *
 * Context: any, signal handlers too. Preserves errno.
 */
void rk_recording_want(struct rk_recording *recording, bool on, enum rk_recording_reason reason,
		       uint64_t for_ns);

/** The other way round. Context: a signal handler. Preserves errno. */
void rk_recording_toggle(struct rk_recording *recording);

/** Hold recording, from the next step on / go on. Context: exporter. */
static inline void rk_recording_hold(struct rk_recording *recording, bool on)
{
	recording->is_held = on;
}

/**
 * Wait until it records, @timeout_ms at most.
 *
 * Context: app. Return: whether it does.
 */
bool rk_recording_wait(struct rk_recording *recording, uint32_t timeout_ms);

/**
 * One step, if one is due.
 *
 * @is_drained: the rings were empty when they were looked at after the step before.
 * Context: exporter, every round.
 */
void rk_recording_run(struct rk_recording *recording, uint64_t now, bool is_drained);

/**
 * When it begins or ends by itself. Context: exporter. Return: of rk_clock; UINT64_MAX = never.
 */
uint64_t rk_recording_due(const struct rk_recording *recording);

/** Time that was recorded so far. Context: exporter. */
uint64_t rk_recording_time(const struct rk_recording *recording, uint64_t now);

static inline bool rk_recording_is_wanted(const struct rk_recording *recording)
{
	return atomic_load(&recording->wanted);
}

static inline enum rk_recording_state rk_recording_state(const struct rk_recording *recording)
{
	return (enum rk_recording_state)atomic_load(&recording->state);
}

#endif
