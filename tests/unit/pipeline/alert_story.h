/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/alert_story.h - an alert engine, fed by a made-up run.
 *
 * Time is told in seconds from the start of the story; UNIX time is BASE seconds more.
 */
#ifndef RK_TEST_ALERT_STORY_H
#define RK_TEST_ALERT_STORY_H

#include "op_log.h"

#include "pipeline/alert/alert_engine.h"

#define STORY_BASE_S 1700000000u
#define STORY_EVENTS 256u

/* One transition or one alert in a notice. */
struct story_event {
	double at; /* seconds of the story */
	enum rk_alert_state state;
	char rule[64], summary[256], labels[256], fingerprint[33], group[33];
	uint32_t channel, repeat;
	size_t of; /* alerts in the notice */
	double value;
	uint8_t trace_id[16];
	char holders[512], idle[RK_ALERT_IDLE_BYTES];
};

struct alert_story {
	struct rk_env *env;
	struct rk_config *config;
	struct rk_alert_engine *engine; /* NULL: no usable rule */
	struct rk_gpu_time gpu;
	struct rk_memory_use *memory;
	double now;
	uint64_t allocations;
	struct rk_op tick;
	struct story_event transitions[STORY_EVENTS], notices[STORY_EVENTS];
	uint32_t transition_count, notice_count;
};

/* @yaml: the whole file. */
void story_start(struct alert_story *story, const char *yaml);
void story_finish(struct alert_story *story);

/* Ticks four times a second until @seconds. */
void story_wait(struct alert_story *story, double seconds);
void story_end(struct alert_story *story);
void story_feed(struct alert_story *story, struct rk_op *op);

/* For @launch seconds from now on the program is in the call, then for @busy the kernel runs. */
void story_launch(struct alert_story *story, uint32_t device, double launch, double busy);

/* @count kernels of @name that took @ms; failed launches; bytes allocated or freed. */
void story_run(struct alert_story *story, const char *name, uint32_t count, double ms);
void story_fail(struct alert_story *story, const char *name, uint32_t count);
void story_allocate(struct alert_story *story, uint32_t device, enum rk_pool pool, int64_t bytes);
void story_define(struct alert_story *story, uint32_t number, uint8_t type, const char *name);
void story_sample(struct alert_story *story, uint32_t number, double value, bool is_error);

/* That the next transition that was not asked for yet came so; INACTIVE: that none is left. */
void story_expect(struct alert_story *story, const char *rule, enum rk_alert_state state,
		  double at);
void story_expect_notice(struct alert_story *story, const char *rule, enum rk_alert_state state,
			 double at);
void story_expect_silence(struct alert_story *story);

#endif
