/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_session.c - the whole of cupti/ against a libcupti that does as
 * it is told.
 *
 * There is one CUPTI per process, so every case is a process of its own: the test forks, the
 * child starts, works, stops and leaves with 0 or with the line that was not as expected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cupti.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/activity.h"
#include "core/clock.h"
#include "core/intern.h"
#include "core/ledger.h"
#include "core/thread.h"
#include "cupti/cupti.h"
#include "cupti/cupti_share.h"
#include "fake_cupti.h"

#define CBID_LAUNCH 307 /* cuLaunchKernel */
#define CBID_GRAPH  514 /* cuGraphLaunch */
#define KERNEL	    CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static struct fake_cupti *fake;
static struct rk_config config;
static struct rk_activity seen[20000];
static uint32_t seen_count;
static uint64_t dropped[RK_LOSS_COUNT];
static uint64_t marked_ns;

/* ---- in the child ---- */

static void load(const char *library)
{
	struct fake_cupti *(*get)(void);
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	CHECK(handle != NULL);
	*(void **)&get = dlsym(handle, "fake_cupti");
	CHECK(get != NULL);
	fake = get();
}

static void prepare(void)
{
	load(FAKE_CUPTI);
	rk_clock_mark();
	rk_clock_init();
	config.cupti_enabled = true;
	config.cupti_library = "";
	config.cupti_buffer_size = 65536;
	config.cupti_buffers = 4;
	config.cupti_flush_interval = 5000000;
}

/* Takes what is in the ring; FLUSHED and DROPPED are summed up, the rest kept. */
static void drain(void)
{
	struct rk_ring *ring = rk_cupti_ring();
	uint64_t count = rk_ring_peek(ring);

	for (uint64_t i = 0; i < count; i++) {
		const struct rk_activity *activity = rk_ring_at(ring, i);

		if (activity->kind == RK_ACT_FLUSHED) {
			CHECK(activity->start >= marked_ns);
			marked_ns = activity->start;
		} else if (activity->kind == RK_ACT_DROPPED) {
			dropped[activity->value] += activity->bytes;
		} else if (activity->kind != RK_ACT_LEFT && seen_count < 20000) {
			seen[seen_count++] = *activity;
		}
	}
	rk_ring_release(ring, count);
}

static void drain_until(uint32_t wanted)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000 && seen_count < wanted; i++) {
		drain();
		nanosleep(&pause, NULL);
	}
	CHECK(seen_count == wanted);
}

static void rest(int ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < ms; i++)
		nanosleep(&pause, NULL);
}

static uint32_t submit(uint64_t start, uint64_t end)
{
	const struct fake_work work = {
		.kind = KERNEL, .start = start, .end = end, .stream = 7, .name = "saxpy"
	};

	uint32_t correlation;

	/* As in a hook: what no hook sees is left out when a session begins. */
	rk_thread_self.depth = 1;
	rk_thread_self.correlation = 0;
	correlation = fake->submit(CBID_LAUNCH, &work, 1);
	rk_thread_self.depth = 0;
	return correlation;
}

static enum rk_cupti_state state_now(void)
{
	struct rk_cupti_info info;

	rk_cupti_get_info(&info);
	CHECK((info.state == RK_CUPTI_ACTIVE) == rk_cupti_is_active());
	CHECK((info.state == RK_CUPTI_ACTIVE) == (info.reason[0] == '\0'));
	return info.state;
}

static bool reason_has(const char *words)
{
	struct rk_cupti_info info;

	rk_cupti_get_info(&info);
	if (!strstr(info.reason, words))
		fprintf(stderr, "the reason is: %s\n", info.reason);
	return strstr(info.reason, words) != NULL;
}

static void finish(void)
{
	CHECK(rk_cupti_stop(2000) == 0);
	drain();
	CHECK(fake->violations == 0);
	CHECK(fake->dirty == 0);
}

static void normal(void)
{
	const struct fake_work others[] = {
		{ .kind = CUPTI_ACTIVITY_KIND_MEMCPY, .start = 20, .end = 30 },
		{ .kind = CUPTI_ACTIVITY_KIND_MEMSET, .start = 30, .end = 40 },
	};
	uint32_t ids[100];
	uint64_t before;
	struct rk_cupti_info info;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(state_now() == RK_CUPTI_ACTIVE);
	CHECK(rk_cupti_start(&config, NULL) == 0); /* once is enough */
	CHECK(fake->clock_before_kinds && fake->zeroed_promised && fake->system_threads);
	CHECK(fake->callbacks > 100);
	CHECK(fake->enabled ==
	      (1u << KERNEL | 1u << CUPTI_ACTIVITY_KIND_MEMCPY | 1u << CUPTI_ACTIVITY_KIND_MEMCPY2 |
	       1u << CUPTI_ACTIVITY_KIND_MEMSET));
	before = rk_clock_now();
	CHECK(before <= fake->now() && fake->now() <= rk_clock_now());
	for (uint32_t i = 0; i < 100; i++) {
		ids[i] = submit(1000 + i, 2000 + i);
		CHECK(rk_thread_self.correlation == ids[i]);
	}
	drain_until(100);
	for (uint32_t i = 0; i < 100; i++) {
		CHECK(seen[i].kind == RK_ACT_KERNEL && seen[i].correlation == ids[i]);
		CHECK(seen[i].start == 1000 + i && seen[i].end == 2000 + i);
		CHECK(seen[i].stream == 7 && seen[i].grid[0] == 7 && seen[i].block[0] == 64);
		CHECK(seen[i].registers == 33 && seen[i].dynamic_shared_bytes == 512);
		CHECK(strcmp(rk_intern_get(seen[i].name), "saxpy") == 0);
	}
	fake->submit(276, others, 2); /* one call, two records */
	drain_until(102);
	CHECK(seen[100].kind == RK_ACT_MEMCPY && seen[100].copy_kind == RK_COPY_HTOD);
	CHECK(seen[101].kind == RK_ACT_MEMSET && seen[101].value == 0xab);
	CHECK(seen[100].correlation == seen[101].correlation);
	finish();
	rk_cupti_get_info(&info);
	CHECK(info.version == 130001 && info.own_clock && info.open == 0);
	CHECK(info.overhead_ns > 0 && info.buffers_peak > 0 && strstr(info.path, "cupti"));
	CHECK(info.activities == (1u << RK_ACT_KERNEL | 1u << RK_ACT_MEMCPY | 1u << RK_ACT_MEMSET));
	CHECK(dropped[RK_LOSS_CUPTI_DROPPED] == 0 && dropped[RK_LOSS_RING_FULL] == 0);
}

static void version(uint32_t number)
{
	prepare();
	fake->version = number;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	for (uint32_t i = 0; i < 700; i++) /* several buffers */
		submit(10 + i, 20 + i);
	drain_until(700);
	for (uint32_t i = 0; i < 700; i++)
		CHECK(seen[i].registers == 33 && seen[i].end - seen[i].start == 10 &&
		      strcmp(rk_intern_get(seen[i].name), "saxpy") == 0);
	finish();
}

static void version_4(void)
{
	version(12);
}
static void version_5(void)
{
	version(14);
}
static void version_6(void)
{
	version(16);
}
static void version_7(void)
{
	version(17);
}
static void version_8(void)
{
	version(18);
}
static void version_9(void)
{
	version(28);
}
static void version_10(void)
{
	version(130001);
}
static void version_future(void)
{
	version(150000);
}

static void too_old(void)
{
	prepare();
	fake->version = 9;
	CHECK(rk_cupti_start(&config, NULL) == -ENOENT);
	CHECK(state_now() == RK_CUPTI_MISSING);
	CHECK(reason_has("API version 9"));
	CHECK(rk_cupti_ring() == NULL);
}

static void refused_kernels_fall_back(void)
{
	const struct fake_work work = {
		.kind = CUPTI_ACTIVITY_KIND_KERNEL, .start = 5, .end = 6, .name = "serial"
	};

	prepare();
	fake->refused_kind[KERNEL] = CUPTI_ERROR_NOT_COMPATIBLE;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(fake->enabled & 1u << CUPTI_ACTIVITY_KIND_KERNEL);
	fake->submit(CBID_LAUNCH, &work, 1);
	drain_until(1);
	CHECK(seen[0].kind == RK_ACT_KERNEL);
	finish();
}

static void refused_copies_degrade_alone(void)
{
	struct rk_cupti_info info;

	prepare();
	fake->refused_kind[CUPTI_ACTIVITY_KIND_MEMCPY] = CUPTI_ERROR_INVALID_KIND;
	fake->refused_kind[CUPTI_ACTIVITY_KIND_MEMCPY2] = CUPTI_ERROR_INVALID_KIND;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(!(fake->enabled & 1u << CUPTI_ACTIVITY_KIND_KERNEL));
	rk_cupti_get_info(&info);
	CHECK(info.activities == (1u << RK_ACT_KERNEL | 1u << RK_ACT_MEMSET));
	CHECK(info.facts.missing == (RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES));
	CHECK(rk_cupti_missing() == info.facts.missing);
	submit(1, 2);
	drain_until(1);
	finish();
}

#define COPIES                                                                                     \
	(1u << CUPTI_ACTIVITY_KIND_MEMCPY | 1u << CUPTI_ACTIVITY_KIND_MEMCPY2 |                    \
	 1u << CUPTI_ACTIVITY_KIND_MEMSET)

static void let_go_and_take_anew(bool whole_graphs, bool kernels_only)
{
	rk_cupti_rest();
	while (!rk_cupti_is_resting())
		rest(1);
	rk_cupti_set_limits(whole_graphs, kernels_only);
	rk_cupti_resume(NULL);
	while (!rk_cupti_is_resumed())
		rest(1);
}

/* Of a session that asks for less: nobody refused it, and calls of that kind get no record. */
static void limits(void)
{
	const uint64_t graphs = 1ull << CUPTI_ACTIVITY_KIND_GRAPH_TRACE;
	struct rk_cupti_info info;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK((fake->enabled & COPIES) == COPIES && !(fake->enabled & graphs));
	let_go_and_take_anew(true, true);
	CHECK(fake->enabled & 1u << KERNEL && fake->enabled & graphs);
	CHECK(!(fake->enabled & COPIES));
	rk_cupti_get_info(&info);
	CHECK(info.state == RK_CUPTI_ACTIVE && info.facts.missing == 0);
	CHECK(rk_cupti_missing() == (RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES | RK_GPU_NO_MEMSETS));
	let_go_and_take_anew(false, false);
	CHECK((fake->enabled & COPIES) == COPIES && !(fake->enabled & graphs));
	CHECK(rk_cupti_missing() == 0);
	finish();
}

static void its_cost_is_asked_for_with_a_budget(void)
{
	const uint32_t overhead = 1u << CUPTI_ACTIVITY_KIND_OVERHEAD;

	prepare();
	config.overhead_budget = 0.02;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(fake->enabled & overhead);
	let_go_and_take_anew(false, true);
	CHECK(fake->enabled & overhead);
	finish();
}

static void nobody_asks_for_its_cost(void)
{
	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(!(fake->enabled & 1u << CUPTI_ACTIVITY_KIND_OVERHEAD));
	finish();
}

/* It is no work: without any other kind there is nothing to record. */
static void its_cost_alone_is_no_session(void)
{
	prepare();
	config.overhead_budget = 0.02;
	for (int kind = 1; kind < 64; kind++) {
		if (kind != CUPTI_ACTIVITY_KIND_OVERHEAD)
			fake->refused_kind[kind] = CUPTI_ERROR_INVALID_KIND;
	}
	CHECK(rk_cupti_start(&config, NULL) == -EACCES);
	CHECK(state_now() == RK_CUPTI_REFUSED);
}

static void refused_all_kernels(void)
{
	const struct fake_work work = { .kind = CUPTI_ACTIVITY_KIND_MEMSET, .start = 5, .end = 6 };

	prepare();
	fake->refused_kind[KERNEL] = CUPTI_ERROR_NOT_COMPATIBLE;
	fake->refused_kind[CUPTI_ACTIVITY_KIND_KERNEL] = CUPTI_ERROR_NOT_COMPATIBLE;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(state_now() == RK_CUPTI_ACTIVE);
	CHECK(rk_cupti_missing() == RK_GPU_NO_KERNELS);
	fake->submit(CBID_LAUNCH, &work, 1);
	drain_until(1);
	CHECK(seen[0].kind == RK_ACT_MEMSET);
	finish();
}

static void refused_everything(void)
{
	prepare();
	for (size_t i = 0; i < sizeof(fake->refused_kind) / sizeof(fake->refused_kind[0]); i++)
		fake->refused_kind[i] = CUPTI_ERROR_NOT_COMPATIBLE;
	CHECK(rk_cupti_start(&config, NULL) == -EACCES);
	CHECK(state_now() == RK_CUPTI_REFUSED);
	CHECK(reason_has("every kind of records") && reason_has("14"));
	CHECK(!fake->subscribed && fake->enabled == 0);
}

static void refused_subscribe(void)
{
	prepare();
	fake->subscribe_result = CUPTI_ERROR_INSUFFICIENT_PRIVILEGES;
	CHECK(rk_cupti_start(&config, NULL) == -EACCES);
	CHECK(state_now() == RK_CUPTI_REFUSED);
	CHECK(reason_has("subscription") && reason_has("35"));
	CHECK(rk_cupti_stop(100) == 0);
}

static void refused_buffers(void)
{
	prepare();
	fake->register_result = CUPTI_ERROR_UNKNOWN;
	CHECK(rk_cupti_start(&config, NULL) == -EACCES);
	CHECK(state_now() == RK_CUPTI_REFUSED && reason_has("999"));
	CHECK(!fake->subscribed);
}

static void occupied_then_free(void)
{
	prepare();
	fake->subscribe_result = CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
	CHECK(rk_cupti_start(&config, NULL) == -EBUSY);
	CHECK(state_now() == RK_CUPTI_OCCUPIED);
	CHECK(reason_has("another tool") && reason_has("MULTIPLE_SUBSCRIBERS"));
	rk_cupti_return(1000); /* still there */
	CHECK(state_now() == RK_CUPTI_OCCUPIED);
	fake->subscribe_result = 0;
	rk_cupti_return(1000);
	CHECK(state_now() == RK_CUPTI_ACTIVE);
	submit(1, 2);
	drain_until(1);
	finish();
}

static void another_tool(void)
{
	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(1, 2);
	submit(3, 0); /* still running when the other tool comes */
	rk_cupti_yield("a tool");
	CHECK(state_now() == RK_CUPTI_OCCUPIED && !fake->subscribed && !fake->enabled);
	drain();
	CHECK(seen_count == 1);
	CHECK(submit(5, 6) != 0 && rk_thread_self.correlation == 0);
	rk_cupti_return(1000);
	CHECK(state_now() == RK_CUPTI_ACTIVE && fake->subscribed);
	submit(7, 8);
	drain_until(2);
	CHECK(seen[1].start == 7);
	finish();
}

static void old_library(void)
{
	uint64_t start, wall;
	struct timespec ts;
	struct rk_cupti_info info;

	load(FAKE_CUPTI_OLD);
	rk_clock_mark();
	rk_clock_init();
	config.cupti_enabled = true;
	config.cupti_library = "";
	config.cupti_flush_interval = 5000000;
	fake->version = 13;
	fake->newest_cbid = 600;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(fake->callbacks > 50 && fake->callbacks < 117);
	/* CUPTI's own clock is UNIX time; ours comes out. */
	start = rk_clock_now();
	clock_gettime(CLOCK_REALTIME, &ts);
	wall = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	submit(wall, wall + 500);
	drain_until(1);
	CHECK(seen[0].end - seen[0].start == 500);
	CHECK(seen[0].start + 20000000 > start && seen[0].start < start + 20000000);
	rk_cupti_get_info(&info);
	CHECK(!info.own_clock);
	finish();
}

static void broken_library(void)
{
	load(FAKE_CUPTI_BROKEN);
	config.cupti_enabled = true;
	config.cupti_library = "";
	CHECK(rk_cupti_start(&config, NULL) == -ENOENT);
	CHECK(state_now() == RK_CUPTI_MISSING && reason_has("cuptiActivityFlushAll"));
}

static void no_library(void)
{
	config.cupti_enabled = true;
	config.cupti_library = "/nowhere/libcupti.so.13";
	CHECK(rk_cupti_start(&config, NULL) == -ENOENT);
	CHECK(state_now() == RK_CUPTI_MISSING && reason_has("/nowhere/libcupti.so.13"));
	CHECK(rk_cupti_stop(10) == 0);
	rk_cupti_flush();
	rk_cupti_yield("a tool");
	rk_cupti_return(1000);
	CHECK(rk_cupti_ring() == NULL);
}

static void by_configuration(void)
{
	struct rk_cupti_info info;

	rk_clock_mark();
	rk_clock_init();
	config.cupti_enabled = true;
	config.cupti_library = FAKE_CUPTI;
	config.cupti_flush_interval = 5000000;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	rk_cupti_get_info(&info);
	CHECK(strcmp(info.path, FAKE_CUPTI) == 0);
	CHECK(rk_cupti_stop(1000) == 0);
}

static void switched_off(void)
{
	prepare();
	config.cupti_enabled = false;
	CHECK(rk_cupti_start(&config, NULL) != 0);
	CHECK(state_now() == RK_CUPTI_OFF && !fake->subscribed);
}

static void dropped_records(void)
{
	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(1, 2);
	fake->dropped = 42;
	drain_until(1);
	finish();
	CHECK(dropped[RK_LOSS_CUPTI_DROPPED] == 42);
}

static void invalid_times(void)
{
	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(0, 5);
	submit(9, 5);
	submit(5, 9);
	drain_until(3);
	CHECK(seen[0].flags & RK_ACT_INVALID_TIME && seen[1].flags & RK_ACT_INVALID_TIME);
	CHECK(!(seen[2].flags & RK_ACT_INVALID_TIME));
	finish();
}

/* A buffer with an unfinished record is withheld: the mark must not pass it. */
static void withheld(void)
{
	struct rk_cupti_info info;
	uint64_t before;
	uint32_t id;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(1, 2);
	drain_until(1);
	rest(30);
	before = rk_clock_now();
	submit(3, 4);
	id = submit(5, 0);
	rest(50);
	drain();
	CHECK(seen_count == 1);
	CHECK(marked_ns > 0 && marked_ns < rk_clock_now() - 40000000 && marked_ns >= before);
	fake->finish(id, 6);
	drain_until(3);
	rest(30);
	drain();
	CHECK(marked_ns > before + 50000000);
	/* And one that never ends. */
	submit(7, 8);
	submit(9, 0);
	rest(20);
	finish();
	CHECK(seen_count == 4 && seen[3].start == 7);
	CHECK(fake->forced_flushes == 1);
	rk_cupti_get_info(&info);
	CHECK(info.open == 1);
}

static void idle_costs_no_flush(void)
{
	uint32_t flushes;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(1, 2);
	drain_until(1);
	rest(60);
	flushes = fake->flushes;
	rest(60);
	CHECK(fake->flushes == flushes);
	submit(3, 4);
	drain_until(2);
	CHECK(fake->flushes > flushes);
	finish();
}

static void whole_graphs(void)
{
	const struct fake_work work = { .kind = CUPTI_ACTIVITY_KIND_GRAPH_TRACE,
					.start = 4,
					.end = 9 };

	prepare();
	config.graph_trace = RK_GRAPH_GRAPH;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	fake->submit(CBID_GRAPH, &work, 1);
	drain_until(1);
	CHECK(seen[0].kind == RK_ACT_GRAPH && seen[0].graph == 5 && seen[0].end == 9);
	finish();
}

/* The drain thread is gone: what does not fit is counted, and the end is not delayed. */
static void full_ring(void)
{
	uint64_t total = 0;
	uint64_t begun;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	for (int i = 0; i < 70000; i++)
		submit(1, 2);
	begun = rk_clock_now();
	CHECK(rk_cupti_stop(5000) == 0);
	CHECK(rk_clock_now() - begun < 3000000000u);
	total = rk_ring_peek(rk_cupti_ring());
	CHECK(total == 65536);
	CHECK(fake->violations == 0);
}

static void lost_are_told(void)
{
	uint64_t records = 0;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	for (int i = 0; i < 70000; i++)
		submit(1, 2);
	rest(400);
	for (int i = 0; i < 300 && records + dropped[RK_LOSS_RING_FULL] < 70000; i++) {
		struct rk_ring *ring = rk_cupti_ring();

		records -= seen_count;
		records += rk_ring_peek(ring);
		for (uint64_t k = 0; k < rk_ring_peek(ring); k++) {
			const struct rk_activity *activity = rk_ring_at(ring, k);

			if (activity->kind == RK_ACT_DROPPED) {
				dropped[activity->value] += activity->bytes;
				records--;
			} else if (activity->kind == RK_ACT_FLUSHED) {
				records--;
			}
		}
		rk_ring_release(ring, rk_ring_peek(ring));
		rest(5);
	}
	CHECK(dropped[RK_LOSS_RING_FULL] > 0);
	CHECK(records + dropped[RK_LOSS_RING_FULL] == 70000);
	finish();
}

static void *storm(void *argument)
{
	uint32_t *wrong = argument;

	for (int i = 0; i < 2000; i++) {
		uint32_t id = submit(10, 20);

		if (rk_thread_self.correlation != id)
			++*wrong;
	}
	return NULL;
}

static void several_threads(void)
{
	static uint8_t hit[8001];
	pthread_t threads[4];
	uint32_t wrong[4] = { 0 };

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, storm, &wrong[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	drain_until(8000);
	for (uint32_t i = 0; i < 8000; i++)
		CHECK(seen[i].correlation <= 8000 && !hit[seen[i].correlation]++);
	CHECK(wrong[0] + wrong[1] + wrong[2] + wrong[3] == 0);
	finish();
}

static uint32_t told_records, told_result;
static uint64_t told_ticks;

static void on_api(uint32_t cbid, const char *function, const void *params, uint32_t result,
		   uint32_t correlation, uint64_t start_ticks)
{
	(void)params;
	(void)result;
	CHECK(cbid == CBID_LAUNCH && strcmp(function, "fake") == 0);
	CHECK(correlation == rk_thread_self.correlation);
	told_records++;
	told_result = result;
	told_ticks = start_ticks;
}

static void host_records(void)
{
	uint64_t before;

	prepare();
	rk_cupti_set_api_fn(on_api);
	CHECK(rk_cupti_start(&config, NULL) == 0);
	CHECK(fake->callbacks > 130);
	before = rk_clock_ticks();
	submit(1, 2);
	CHECK(told_records == 1 && told_result == 0);
	CHECK(told_ticks >= before && told_ticks <= rk_clock_ticks());
	rk_cupti_set_api_fn(NULL);
	submit(3, 4);
	CHECK(told_records == 1);
	drain_until(2);
	finish();
}

/* More is out than can be healthy: collection goes off, is counted, and comes back. */
static void reserve_runs_low(void)
{
	uint32_t submitted = 0;
	struct rk_cupti_info info;

	prepare();
	config.cupti_buffer_size = 1u << 20;
	fake->short_buffers = true;
	CHECK(rk_cupti_start(&config, NULL) == 0);
	/* A record without an end in each buffer: all are withheld. */
	while (fake->enabled && submitted < 3000) {
		submit(1, 0);
		submitted++;
		if (submitted > 256)
			rest(1);
	}
	CHECK(fake->enabled == 0);
	for (int i = 0; i < 50; i++)
		submit(1, 2);
	rest(30);
	drain();
	CHECK(dropped[RK_LOSS_LIMIT] >= 50);
	rk_cupti_get_info(&info);
	CHECK(info.buffers_peak > 256 && info.buffers_peak < 1024);
	CHECK(rk_cupti_stop(10000) == 0);
	CHECK(fake->violations == 0);
}

/* A forked child has no thread of ours and no buffers: nothing may break, and it may start. */
static void forked(void)
{
	int status = 0;
	pid_t pid;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	submit(1, 2);
	drain_until(1);
	pid = fork();
	if (pid == 0) {
		submit(3, 4);
		CHECK(rk_cupti_stop(100) == 0);
		fake->subscribed = false;
#ifndef __SANITIZE_THREAD__ /* which cannot have threads in a forked child */
		CHECK(rk_cupti_start(&config, NULL) == 0);
		CHECK(rk_cupti_is_active());
		CHECK(rk_cupti_stop(1000) == 0);
#endif
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	submit(5, 6);
	drain_until(2);
	finish();
}

static void signals_and_name(void)
{
	char path[64], text[64] = "";
	bool found = false;

	prepare();
	CHECK(rk_cupti_start(&config, NULL) == 0);
	rest(10);
	for (int tid = getpid(); tid < getpid() + 50 && !found; tid++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
		file = fopen(path, "r");
		if (!file)
			continue;
		found = fgets(text, sizeof(text), file) && strcmp(text, "rk-cupti\n") == 0;
		fclose(file);
		if (!found)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
		file = fopen(path, "r");
		CHECK(file != NULL);
		while (fgets(text, sizeof(text), file))
			if (strncmp(text, "SigBlk:", 7) == 0)
				CHECK(strncmp(text + 8, "fffffffe7ffbfeff", 16) == 0);
		fclose(file);
	}
	CHECK(found);
	finish();
}

/* ---- in the parent ---- */

static void in_child(void **state)
{
	void (*run)(void) = (void (*)(void)) * state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CASE(fn)                                                                                   \
	{                                                                                          \
#fn, in_child, NULL, NULL, (void *)(fn)                                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(normal),
		CASE(version_4),
		CASE(version_5),
		CASE(version_6),
		CASE(version_7),
		CASE(version_8),
		CASE(version_9),
		CASE(version_10),
		CASE(version_future),
		CASE(too_old),
		CASE(refused_kernels_fall_back),
		CASE(refused_copies_degrade_alone),
		CASE(limits),
		CASE(its_cost_is_asked_for_with_a_budget),
		CASE(nobody_asks_for_its_cost),
		CASE(its_cost_alone_is_no_session),
		CASE(refused_all_kernels),
		CASE(refused_everything),
		CASE(refused_subscribe),
		CASE(refused_buffers),
		CASE(occupied_then_free),
		CASE(another_tool),
		CASE(old_library),
		CASE(broken_library),
		CASE(no_library),
		CASE(by_configuration),
		CASE(switched_off),
		CASE(dropped_records),
		CASE(invalid_times),
		CASE(withheld),
		CASE(idle_costs_no_flush),
		CASE(whole_graphs),
		CASE(full_ring),
		CASE(lost_are_told),
		CASE(several_threads),
		CASE(host_records),
		CASE(reserve_runs_low),
		CASE(forked),
		CASE(signals_and_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
