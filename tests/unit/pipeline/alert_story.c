/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/alert_story.c - ops for the alert engine, and what it made of them.
 */
#include "alert_story.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/intern.h"

#define NS 1e9
/* The record clock does not begin at 0. */
#define START_S 50.0

static uint64_t record_ns(double seconds)
{
	return (uint64_t)((START_S + seconds) * NS + 0.5);
}

static double story_seconds(uint64_t unix_ns)
{
	return (double)(unix_ns - STORY_BASE_S * 1000000000ull) / NS;
}

static void note(struct story_event *event, uint64_t unix_ns, const struct rk_alert *alert)
{
	memset(event, 0, sizeof(*event));
	event->at = story_seconds(unix_ns);
	event->state = alert->state;
	event->value = alert->value;
	snprintf(event->rule, sizeof(event->rule), "%s", alert->rule);
	snprintf(event->summary, sizeof(event->summary), "%s", alert->summary);
	memcpy(event->fingerprint, alert->fingerprint, sizeof(event->fingerprint));
	memcpy(event->trace_id, alert->trace_id, sizeof(event->trace_id));
	snprintf(event->holders, sizeof(event->holders), "%s",
		 rk_alert_detail(alert, RK_ALERT_HOLDERS));
	snprintf(event->idle, sizeof(event->idle), "%s", rk_alert_detail(alert, RK_ALERT_IDLE));
	for (size_t i = 0; i < alert->label_count; i++) {
		size_t used = strlen(event->labels);

		snprintf(event->labels + used, sizeof(event->labels) - used, "%s%s=%s",
			 i ? "," : "", alert->labels[i].name, alert->labels[i].value);
	}
}

static void on_transition(void *data, uint64_t unix_ns, const struct rk_alert *alert)
{
	struct alert_story *story = data;

	if (alert->state == RK_ALERT_PENDING || story->transition_count == STORY_EVENTS)
		return;
	note(&story->transitions[story->transition_count++], unix_ns, alert);
}

static void on_notice(void *data, const struct rk_alert_notice *notice)
{
	struct alert_story *story = data;

	assert_true(notice->alert_count > 0);
	for (size_t i = 0; i < notice->alert_count && story->notice_count < STORY_EVENTS; i++) {
		struct story_event *event = &story->notices[story->notice_count++];

		note(event, notice->unix_ns, &notice->alerts[i]);
		event->channel = notice->channel;
		event->repeat = notice->repeat;
		event->of = notice->alert_count;
		memcpy(event->group, notice->group, sizeof(event->group));
	}
}

/* As the pipeline does it: who is asked knows the op before the engine does. */
void story_feed(struct alert_story *story, struct rk_op *op)
{
	rk_gpu_time_feed(&story->gpu, op);
	rk_memory_use_feed(story->memory, op);
	rk_alert_engine_feed(story->engine, op);
}

static void set_sources(struct alert_story *story)
{
	struct rk_alert_sources sources = { .gpu = &story->gpu };

	rk_gpu_time_init(&story->gpu, NULL, NULL);
	assert_int_equal(rk_memory_use_create(&story->memory), 0);
	sources.memory = story->memory;
	rk_alert_engine_set_sources(story->engine, &sources);
}

void story_start(struct alert_story *story, const char *yaml)
{
	char path[] = "/tmp/rk-test-alerts-XXXXXX", variable[64];
	char *envp[] = { variable, NULL };
	struct rk_op op;
	int fd = mkstemp(path);

	memset(story, 0, sizeof(*story));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	snprintf(variable, sizeof(variable), "RUSTKERNEL_CONFIG=%s", path);
	story->env = rk_env_create(envp);
	assert_non_null(story->env);
	assert_int_equal(rk_config_create(&story->config, story->env), 0);
	unlink(path);
	assert_int_equal(rk_alert_engine_create(&story->engine, story->config), 0);
	set_sources(story);
	if (!story->engine)
		return;
	rk_alert_engine_set_transition(story->engine, on_transition, story);
	rk_alert_engine_set_notify(story->engine, on_notice, story);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_CLOCK;
	op.start = op.end = record_ns(0);
	op.clock.wall_offset_ns = (int64_t)(STORY_BASE_S * 1000000000ull - record_ns(0));
	story_feed(story, &op);
	story->tick.kind = RK_OP_TICK;
	story_wait(story, 0);
}

void story_finish(struct alert_story *story)
{
	rk_alert_engine_destroy(story->engine);
	rk_gpu_time_finish(&story->gpu);
	rk_memory_use_destroy(story->memory);
	rk_config_destroy(story->config);
	rk_env_destroy(story->env);
}

void story_wait(struct alert_story *story, double seconds)
{
	uint32_t quarter = (uint32_t)(story->now * 4);

	do {
		story->now = quarter++ / 4.0;
		story->tick.start = story->tick.end = record_ns(story->now);
		story_feed(story, &story->tick);
	} while (story->now < seconds);
}

void story_end(struct alert_story *story)
{
	struct rk_op op = story->tick;

	op.kind = RK_OP_END;
	story_feed(story, &op);
}

void story_launch(struct alert_story *story, uint32_t device, double launch, double busy)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern("rank_a");
	op.device = device;
	op.host_start = record_ns(story->now);
	op.start = op.host_end = record_ns(story->now + launch);
	op.end = record_ns(story->now + launch + busy);
	story_feed(story, &op);
}

void story_run(struct alert_story *story, const char *name, uint32_t count, double ms)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern(name);
	op.end = record_ns(story->now);
	op.start = op.end - (uint64_t)(ms * 1e6 + 0.5);
	for (uint32_t i = 0; i < count; i++)
		story_feed(story, &op);
}

void story_fail(struct alert_story *story, const char *name, uint32_t count)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_ERROR;
	op.name = rk_intern(name);
	op.api = rk_intern("cuLaunchKernel");
	op.result = 1;
	for (uint32_t i = 0; i < count; i++)
		story_feed(story, &op);
}

void story_allocate(struct alert_story *story, uint32_t device, enum rk_pool pool, int64_t bytes)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = bytes > 0 ? RK_OP_ALLOC : RK_OP_FREE;
	op.device = device;
	op.api = rk_intern("cuMemAlloc_v2");
	op.tid = 7;
	op.memory.ptr = bytes > 0 ? ++story->allocations : 0;
	op.memory.pool = (uint8_t)pool;
	op.memory.bytes = (uint64_t)(bytes > 0 ? bytes : -bytes);
	story_feed(story, &op);
}

void story_define(struct alert_story *story, uint32_t number, uint8_t type, const char *name)
{
	struct rk_fields_writer writer;
	uint8_t text[256];
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, name);
	rk_fields_put_placed(&writer, "");
	rk_fields_put_placed(&writer, "");
	rk_fields_put_placed(&writer, "Made");
	op.kind = RK_OP_INSTRUMENT;
	op.instrument.number = number;
	op.instrument.type = type;
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	story_feed(story, &op);
}

void story_sample(struct alert_story *story, uint32_t number, double value, bool is_error)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SAMPLE;
	op.sample.number = number;
	op.sample.value = value;
	op.sample.what = is_error ? RK_SAMPLE_ERROR : RK_SAMPLE_VALUE;
	story_feed(story, &op);
}

static void expect(struct story_event *events, uint32_t *count, const char *rule,
		   enum rk_alert_state state, double at)
{
	if (!*count)
		fail_msg("nothing was told; expected %s %s at %g", rule, rk_alert_state_name(state),
			 at);
	if (strcmp(events->rule, rule) != 0 || events->state != state ||
	    fabs(events->at - at) > 1e-6)
		fail_msg("%s %s at %g: %s; expected %s %s at %g", events->rule,
			 rk_alert_state_name(events->state), events->at, events->summary, rule,
			 rk_alert_state_name(state), at);
	(*count)--;
	memmove(events, events + 1, *count * sizeof(*events));
}

void story_expect(struct alert_story *story, const char *rule, enum rk_alert_state state, double at)
{
	expect(story->transitions, &story->transition_count, rule, state, at);
}

void story_expect_notice(struct alert_story *story, const char *rule, enum rk_alert_state state,
			 double at)
{
	expect(story->notices, &story->notice_count, rule, state, at);
}

void story_expect_silence(struct alert_story *story)
{
	if (story->transition_count)
		fail_msg("%s %s at %g: %s", story->transitions[0].rule,
			 rk_alert_state_name(story->transitions[0].state), story->transitions[0].at,
			 story->transitions[0].summary);
	if (story->notice_count)
		fail_msg("notice: %s %s at %g", story->notices[0].rule,
			 rk_alert_state_name(story->notices[0].state), story->notices[0].at);
}
