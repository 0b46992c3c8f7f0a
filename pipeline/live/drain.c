/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/drain.c - one round over all rings.
 */
#include "pipeline/live/drain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/process_id.h"
#include "core/sandbox.h"
#include "core/thread.h"

/* Slots are given back in portions, so that a producer finds room before a long drain ends. */
#define RELEASE_EVERY 256u
#define GPU_RELEASE_EVERY 64u
/* So many activities before its turn the call of one is fetched: a memory access's time. */
#define GPU_AHEAD 4u

/* A name is read again after this time, while its thread is at work: most are set after the
 * thread has begun. */
#define NAME_EVERY_NS	1000000000ull
#define NAME_SOON_NS	100000000ull /* after the first call: names are often given late */
#define NAMES_PER_ROUND 32u /* 10 us each; a thousand threads must not hold up the drain */

struct rk_drain_place {
	uint32_t generation;
	bool seen;	   /* this generation's thread was named */
	uint64_t named_ns; /* when its name was read */
	uint32_t lost_generation;
	uint64_t lost_other; /* of that generation, when it was last looked at */
};

void rk_drain_init(struct rk_drain *drain, struct rk_join *join, struct rk_ring *(*gpu_ring)(void))
{
	memset(drain, 0, sizeof(*drain));
	drain->join = join;
	drain->gpu_ring = gpu_ring;
}

void rk_drain_finish(struct rk_drain *drain)
{
	free(drain->places);
	memset(drain, 0, sizeof(*drain));
}

static struct rk_ring *gpu_ring_of(const struct rk_drain *drain)
{
	return drain->gpu_ring ? drain->gpu_ring() : NULL;
}

static struct rk_drain_place *place_get(struct rk_drain *drain, uint32_t index)
{
	uint32_t count = drain->place_count ? drain->place_count : 64;
	struct rk_drain_place *grown;

	if (index < drain->place_count)
		return &drain->places[index];
	while (count <= index)
		count *= 2;
	grown = realloc(drain->places, count * sizeof(*grown));
	if (!grown)
		return NULL;
	memset(grown + drain->place_count, 0, (count - drain->place_count) * sizeof(*grown));
	drain->places = grown;
	drain->place_count = count;
	return &grown[index];
}

/* The name that thread has now; false when it has ended or too many were read already. */
static bool read_name(struct rk_drain *drain, uint32_t tid, char name[32])
{
	char path[64], task[32];
	ssize_t length;
	int fd;

	if (!drain->names_left)
		return false;
	drain->names_left--;
	snprintf(task, sizeof(task), "task/%u/comm", tid);
	fd = rk_sandbox_open(rk_process_path(path, sizeof(path), task), O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	length = read(fd, name, 31);
	close(fd);
	if (length <= 0)
		return false;
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return true;
}

/* Before the records of the thread: what it called itself when it took the place, where a file may
 * be forbidden by now and it may have ended. What it calls itself since is seen later. */
static void note_thread(struct rk_drain *drain, uint32_t index, const struct rk_ring *ring)
{
	struct rk_drain_place *place = place_get(drain, index);
	uint32_t generation = atomic_load_explicit(&ring->generation, memory_order_relaxed);
	bool is_new = place && (!place->seen || place->generation != generation);
	char name[32];

	if (drain->is_quiet || !place || !ring->tid ||
	    (!is_new && drain->now < place->named_ns + NAME_EVERY_NS))
		return;
	place->seen = true;
	place->generation = generation;
	place->named_ns = drain->now;
	if (is_new) {
		rk_join_thread_name(drain->join, ring->tid, ring->thread_name);
		place->named_ns += NAME_SOON_NS - NAME_EVERY_NS;
	} else if (read_name(drain, ring->tid, name)) {
		rk_join_thread_name(drain->join, ring->tid, name);
	}
}

/* A thread that got no place of its own is known by its number alone. */
static void note_overflow_thread(struct rk_drain *drain, uint32_t tid)
{
	char name[32];

	if (!tid || tid == drain->overflow_tid)
		return;
	drain->overflow_tid = tid;
	if (!rk_join_has_thread_name(drain->join, tid) && read_name(drain, tid, name))
		rk_join_thread_name(drain->join, tid, name);
}

/*
 * Whether a record was lost since the ring was last looked at, launches aside. To be asked after
 * rk_ring_peek(): a record behind the gap was published after the loss was counted. A thread
 * that is new in its place may have the number of one that ended without a place.
 */
static bool has_gap(struct rk_drain *drain, uint32_t index, const struct rk_ring *ring)
{
	struct rk_drain_place *place = place_get(drain, index);
	uint32_t generation = atomic_load_explicit(&ring->generation, memory_order_relaxed);
	uint64_t lost = atomic_load_explicit(&ring->lost_other, memory_order_relaxed);
	uint64_t before;

	drain->losses = (uint32_t)lost;
	if (!place)
		return lost != 0;
	before = place->lost_generation == generation ? place->lost_other : 0;
	if (place->lost_generation != generation && ring->tid)
		rk_join_context_lost(drain->join, ring->tid);
	place->lost_generation = generation;
	place->lost_other = lost;
	return lost != before;
}

static void note_age(struct rk_drain *drain, const struct rk_record *record)
{
	uint64_t when;

	if (record->kind == RK_REC_TEXT)
		return;
	when = rk_clock_ns(record->kind < RK_REC_SPAN_BEGIN ? record->end : record->start);
	if (!drain->oldest || when < drain->oldest)
		drain->oldest = when;
}

static void take_host(struct rk_drain *drain, const struct rk_ring *ring,
		      const struct rk_record *record)
{
	uint32_t tid = record->flags & RK_REC_OVERFLOW ? record->tid_hint : ring->tid;

	if (record->flags & RK_REC_OVERFLOW)
		note_overflow_thread(drain, tid);
	rk_join_host(drain->join, tid, record);
}

/* The text records from slot @at on, @left slots at most, that hold @size bytes. */
static uint32_t take_text(struct rk_drain *drain, const struct rk_ring *ring, uint64_t at,
			  uint64_t left, uint32_t size)
{
	uint32_t slots = 0, taken = 0;

	if (size > RK_API_TEXT_MAX)
		size = RK_API_TEXT_MAX;
	while (taken < size && slots < left) {
		const struct rk_text_record *record = rk_ring_at(ring, at + slots);
		uint32_t bytes =
			size - taken < RK_TEXT_RECORD_BYTES ? size - taken : RK_TEXT_RECORD_BYTES;

		if (record->kind != RK_REC_TEXT)
			break;
		memcpy(drain->text + taken, record->head, sizeof(record->head));
		memcpy(drain->text + taken + sizeof(record->head), record->tail,
		       sizeof(record->tail));
		taken += bytes;
		slots++;
	}
	drain->text_bytes = taken;
	return slots;
}

/* A gap may lie behind a context, and have hidden the next one. Not behind one whose thread knew
 * of all that is missing; a thread that shares a ring does not know what the others lost. */
static bool is_believed(const struct rk_drain *drain, const struct rk_api_record *record)
{
	return record->kind != RK_REC_ATTACH || !drain->has_gap ||
	       (!(record->flags & RK_API_OVERFLOW) && record->tid_hint == drain->losses);
}

/* One record of the C API. Return: slots it takes. */
static uint64_t take_api(struct rk_drain *drain, const struct rk_ring *ring, uint64_t at,
			 uint64_t left)
{
	const struct rk_api_record *record = rk_ring_at(ring, at);
	bool shares_ring = record->flags & RK_API_OVERFLOW;
	uint32_t tid = shares_ring ? record->tid_hint : ring->tid;
	struct rk_join_text text = { 0 };
	uint64_t slots = 1;

	/* A text without its head: what it belongs to was nothing we know. */
	if (record->kind >= RK_REC_TEXT) {
		drain->broken++;
		return 1;
	}
	if (record->text_bytes) {
		slots += take_text(drain, ring, at + 1, left - 1, record->text_bytes);
		text = (struct rk_join_text){ drain->text, drain->text_bytes };
		drain->broken += drain->text_bytes < record->text_bytes;
	}
	if (shares_ring)
		note_overflow_thread(drain, tid);
	if (is_believed(drain, record))
		rk_join_api(drain->join, tid, record, &text);
	return slots;
}

static uint64_t drain_host_ring(struct rk_drain *drain, uint32_t index, struct rk_ring *ring)
{
	uint64_t count = rk_ring_peek(ring);
	uint64_t read = 0, slots;

	if (!count)
		return 0;
	note_thread(drain, index, ring);
	note_age(drain, rk_ring_at(ring, 0));
	drain->has_gap = has_gap(drain, index, ring);
	if (drain->has_gap)
		rk_join_context_lost(drain->join, ring->tid);
	if (count > drain->depth_max)
		drain->depth_max = count;
	for (uint64_t left = count; left; left -= slots) {
		const struct rk_record *record = rk_ring_at(ring, read);

		slots = 1;
		if (record->kind < RK_REC_SPAN_BEGIN)
			take_host(drain, ring, record);
		else
			slots = take_api(drain, ring, read, left);
		read += slots;
		if (read >= RELEASE_EVERY) {
			rk_ring_release(ring, read);
			read = 0;
		}
	}
	rk_ring_release(ring, read);
	return count;
}

static uint64_t drain_gpu_ring(struct rk_drain *drain, struct rk_ring *ring, uint64_t count)
{
	if (count > drain->depth_max)
		drain->depth_max = count;
	for (uint64_t i = 0, read = 0; i < count; i++) {
		if (i + GPU_AHEAD < count)
			rk_join_expect(drain->join, rk_ring_at(ring, read + GPU_AHEAD));
		rk_join_activity(drain->join, rk_ring_at(ring, read++));
		if (read == GPU_RELEASE_EVERY || i + 1 == count) {
			rk_ring_release(ring, read);
			read = 0;
		}
	}
	return count;
}

/* Acquire pairs with the release in rk_thread_withhold(): the calls are counted. */
static void add_withheld(const struct rk_ring *ring, struct rk_drain *sum)
{
	for (int w = 0; w < RK_WORK_COUNT; w++)
		sum->withheld[w] += atomic_load_explicit(&ring->withheld[w], memory_order_acquire);
	sum->withheld_other += atomic_load_explicit(&ring->withheld_other, memory_order_relaxed);
	sum->withheld_stacks += atomic_load_explicit(&ring->withheld_stacks, memory_order_relaxed);
}

static void add_counters(const struct rk_ring *ring, struct rk_drain *sum)
{
	add_withheld(ring, sum);
	for (int w = 0; w < RK_WORK_COUNT; w++) {
		/* Relaxed: each is one number, and the records it counts were read before. */
		sum->calls[w] += atomic_load_explicit(&ring->calls[w], memory_order_relaxed);
		sum->failed[w] += atomic_load_explicit(&ring->failed[w], memory_order_relaxed);
		sum->captured[w] += atomic_load_explicit(&ring->captured[w], memory_order_relaxed);
		sum->lost[w] += atomic_load_explicit(&ring->lost[w], memory_order_relaxed);
	}
	sum->lost_other += atomic_load_explicit(&ring->lost_other, memory_order_relaxed);
}

static uint64_t drain_place(struct rk_drain *drain, uint32_t index)
{
	struct rk_ring *ring = rk_thread_ring_at(index);
	uint64_t count;
	uint32_t state;

	if (!ring)
		return 0;
	/* Acquire, and before the drain: once retired nothing is added any more. */
	state = atomic_load_explicit(&ring->state, memory_order_acquire);
	count = drain_host_ring(drain, index, ring);
	if (state != RK_RING_RETIRED)
		return count;
	rk_join_thread_exit(drain->join, ring->tid);
	add_counters(ring, drain);
	rk_thread_ring_recycle(ring);
	return count;
}

uint64_t rk_drain_round(struct rk_drain *drain)
{
	struct rk_ring *gpu = gpu_ring_of(drain);
	uint64_t gpu_count = gpu ? rk_ring_peek(gpu) : 0;
	uint32_t places = rk_thread_ring_count();
	uint64_t taken = 0;

	drain->oldest = 0;
	drain->now = rk_clock_now();
	drain->names_left = NAMES_PER_ROUND;
	for (uint32_t i = 0; i < places; i++)
		taken += drain_place(drain, i);
	if (gpu_count)
		taken += drain_gpu_ring(drain, gpu, gpu_count);
	return taken;
}

void rk_drain_fill_ledger(const struct rk_drain *drain, struct rk_ledger *ledger)
{
	struct rk_drain sum = *drain;
	uint32_t places = rk_thread_ring_count();

	for (uint32_t i = 0; i < places; i++) {
		const struct rk_ring *ring = rk_thread_ring_at(i);

		if (ring && atomic_load(&ring->state) != RK_RING_FREE)
			add_counters(ring, &sum);
	}
	/* A ring gives all of a record or nothing; what is broken all the same is lost in it. */
	ledger->dropped[RK_LOSS_RING_FULL] += sum.lost_other + sum.broken;
	for (int w = 0; w < RK_WORK_COUNT; w++) {
		uint64_t known;

		ledger->calls[w] = sum.calls[w];
		ledger->failed[w] = sum.failed[w];
		ledger->captured[w] = sum.captured[w];
		ledger->lost[w] += sum.lost[w];
		ledger->withheld[w] = sum.withheld[w];
		ledger->dropped[RK_LOSS_RING_FULL] += sum.lost[w];
		known = ledger->joined[w] + ledger->open[w] + ledger->lost[w] + ledger->withheld[w];
		if (rk_ledger_submitted(ledger, (enum rk_work)w) > known)
			ledger->open[w] += rk_ledger_submitted(ledger, (enum rk_work)w) - known;
	}
	ledger->withheld_other = sum.withheld_other;
	ledger->withheld_stacks = sum.withheld_stacks;
}

uint64_t rk_drain_take_depth(struct rk_drain *drain)
{
	uint64_t depth = drain->depth_max;

	drain->depth_max = 0;
	return depth;
}
