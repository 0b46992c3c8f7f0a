/* SPDX-License-Identifier: Apache-2.0
 *
 * core/thread.c - the gate, the registry of rings, and the wake-up of the drain thread.
 *
 * Rings live in 4 MiB segments of anonymous memory that are never moved or unmapped, and that
 * a forked child does not inherit (MADV_DONTFORK): the child must not touch an inherited ring,
 * and the closed gate keeps it from doing so.
 *
 *   places[0]      the overflow ring, shared by threads that have no ring of their own
 *   places[1..n]   one ring per thread; ACTIVE -> RETIRED (thread ended) -> FREE (drained)
 */
#include "core/thread.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/own_threads.h"
#include "core/race_check.h"
#include "core/ring_run.h"

#define PLACES_MAX     4097u	  /* ring.threads at most, and the overflow ring */
#define SEGMENT_BYTES  (4u << 20) /* several rings per mapping, one per huge range */
#define RING_BYTES_MIN (64u << 10)
#define RING_BYTES_MAX (1u << 20) /* beyond 1 MiB the L2 misses double the hook's cost */
#define OVERFLOW_SPINS 32 /* tries before the processor is offered to somebody else */
#define OVERFLOW_TRIES 48
#define NS_PER_MS      1000000
#define SESSION_BITS   16 /* who slept through 65,535 of them does not see the difference */
#define SESSION_MASK   ((1u << SESSION_BITS) - 1)

__thread struct rk_thread rk_thread_self __attribute__((tls_model("initial-exec")));

static _Atomic uint32_t closed_gate[2];
rk_gate_pointer rk_gate = closed_gate;
static void (*_Atomic session_fn)(void); /* may be NULL */

static struct {
	pid_t pid;	/* process in which the rest is valid */
	uint32_t epoch; /* of the process, its session 0; unlike any other process's before fork */
	_Atomic uint32_t sessions; /* that were opened so far */
	uint64_t ring_bytes;
	uint32_t max_places;
	pthread_key_t key;
	bool has_key;
	_Atomic uint32_t place_count;
	_Atomic uint32_t free_count; /* a hint: rings that may be taken again */
	struct rk_ring *_Atomic places[PLACES_MAX];
	_Atomic(uint8_t *) segment;
	_Atomic uint64_t segment_used; /* offset in the segment, monotonic */
	_Atomic uint32_t segment_lock; /* held while a segment is being mapped */
	_Atomic uint32_t overflow_lock;
} registry;

static _Atomic uint32_t wake_word;
static uint32_t wake_seen; /* by the drain thread only: wakes up to here are served */
static _Atomic uint32_t is_waiting;

/* Memory that the drain thread and hooks share; not inherited by a child. */
static void *map_private(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_DONTFORK);
	return memory;
}

/* Header and slots of one ring, in whole pages. */
static size_t ring_footprint(void)
{
	return 4096 + registry.ring_bytes;
}

/*
 * A piece of the current segment. The lock is only tried: who does not get it maps a ring of
 * its own, so that no application thread ever waits for another one here.
 */
static void *take_memory(size_t bytes)
{
	void *piece = NULL;
	uint8_t *segment;
	uint64_t used;

	if (atomic_exchange_explicit(&registry.segment_lock, 1, memory_order_acquire))
		return map_private(bytes);
	segment = atomic_load(&registry.segment);
	used = atomic_load(&registry.segment_used);
	if (!segment || used + bytes > SEGMENT_BYTES) {
		segment = map_private(SEGMENT_BYTES);
		used = 0;
		if (segment)
			atomic_store(&registry.segment, segment);
	}
	if (segment) {
		piece = segment + used;
		atomic_store(&registry.segment_used, used + bytes);
	}
	/* Release pairs with the acquire above: the offset is written. */
	atomic_store_explicit(&registry.segment_lock, 0, memory_order_release);
	return piece ? piece : map_private(bytes);
}

static struct rk_ring *create_ring(void)
{
	uint8_t *memory = take_memory(ring_footprint());

	if (!memory)
		return NULL;
	rk_ring_init((struct rk_ring *)memory, memory + 4096,
		     registry.ring_bytes / sizeof(struct rk_record), sizeof(struct rk_record));
	return (struct rk_ring *)memory;
}

static struct rk_ring *take_free_ring(void)
{
	uint32_t count = atomic_load(&registry.place_count);

	if (atomic_load(&registry.free_count) == 0)
		return NULL;
	for (uint32_t i = 1; i < count; i++) {
		struct rk_ring *ring = atomic_load(&registry.places[i]);
		uint32_t expected = RK_RING_FREE;

		if (ring &&
		    atomic_compare_exchange_strong(&ring->state, &expected, RK_RING_ACTIVE)) {
			atomic_fetch_sub(&registry.free_count, 1);
			return ring;
		}
	}
	return NULL;
}

static struct rk_ring *add_ring(void)
{
	uint32_t place = atomic_fetch_add(&registry.place_count, 1);
	struct rk_ring *ring;

	if (place >= registry.max_places) {
		atomic_fetch_sub(&registry.place_count, 1);
		return NULL;
	}
	ring = create_ring();
	if (!ring)
		return NULL; /* the place stays empty, which readers expect */
	atomic_store(&ring->state, RK_RING_ACTIVE);
	atomic_store(&registry.places[place], ring);
	return ring;
}

static void name_ring(struct rk_ring *ring, uint32_t tid)
{
	ring->tid = tid;
	if (prctl(PR_GET_NAME, ring->thread_name) != 0)
		ring->thread_name[0] = '\0';
	ring->thread_name[sizeof(ring->thread_name) - 1] = '\0';
	atomic_fetch_add(&ring->generation, 1);
}

static bool is_of_process(uint32_t epoch)
{
	return epoch >> SESSION_BITS == registry.epoch >> SESSION_BITS;
}

/* Runs among the thread's own destructors: hooks may still be called after it. */
static void handle_thread_exit(void *value)
{
	struct rk_thread *self = &rk_thread_self;

	(void)value;
	if (!is_of_process(self->epoch) || self->state != RK_THREAD_LIVE)
		return;
	self->state = RK_THREAD_DEAD;
	if (self->ring)
		/* Release: the drain thread sees every record before it sees RETIRED. */
		atomic_store_explicit(&self->ring->state, RK_RING_RETIRED, memory_order_release);
	self->ring = NULL;
}

/* The calling thread has no place in this process so far. */
static void enter_process(struct rk_thread *self)
{
	self->tid = (uint32_t)syscall(SYS_gettid);
	self->ring = take_free_ring();
	if (!self->ring)
		self->ring = add_ring();
	if (self->ring)
		name_ring(self->ring, self->tid);
	self->state = RK_THREAD_LIVE;
	pthread_setspecific(registry.key, self);
}

struct rk_ring *rk_thread_ring_slow(void)
{
	struct rk_thread *self = &rk_thread_self;
	uint32_t epoch = rk_thread_epoch();
	bool is_known = is_of_process(self->epoch);
	void (*fn)(void) = atomic_load(&session_fn);
	int saved_errno = errno;

	if (self->state == RK_THREAD_OURS || epoch == 0)
		return NULL;
	if (self->epoch == epoch)
		return self->ring;
	self->epoch = epoch;
	if (!is_known)
		enter_process(self);
	if (fn)
		fn();
	errno = saved_errno;
	return self->ring;
}

static void add_shared(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* The ledger columns of the overflow ring have several writers, hence atomic additions. */
static void count_shared(struct rk_ring *ring, const struct rk_record *rec, bool pushed)
{
	int work = rk_ledger_work(rec->kind);

	if (work < 0) {
		if (!pushed)
			add_shared(&ring->lost_other);
		return;
	}
	add_shared(&ring->calls[work]);
	if (rec->result != 0)
		add_shared(&ring->failed[work]);
	else if (rec->flags & RK_REC_CAPTURED)
		add_shared(&ring->captured[work]);
	else if (!pushed)
		add_shared(&ring->lost[work]);
}

/*
 * Bounded: some hundred nanoseconds of spinning, then the processor is offered to the owner, who
 * must have been preempted in the few instructions it holds the lock for.
 */
static bool take_overflow_lock(void)
{
	for (int i = 0; i < OVERFLOW_TRIES; i++) {
		if (!atomic_exchange_explicit(&registry.overflow_lock, 1, memory_order_acquire))
			return true;
		if (i >= OVERFLOW_SPINS)
			sched_yield();
	}
	return false;
}

/* Return: false when it was busy or full; nothing has been written then. */
static bool push_shared(struct rk_ring *ring, const struct rk_record *records, uint32_t count)
{
	bool fits = false;

	if (!take_overflow_lock())
		return false;
	fits = rk_ring_run_fits(ring, count);
	if (fits) {
		struct rk_record *first = rk_ring_run_slot(ring, 0);

		for (uint32_t i = 0; i < count; i++)
			*(struct rk_record *)rk_ring_run_slot(ring, i) = records[i];
		first->flags |= RK_REC_OVERFLOW;
		first->tid_hint = rk_thread_self.tid;
		rk_ring_run_commit(ring, count);
	}
	/* Release pairs with the acquire above: the next producer sees our head. */
	atomic_store_explicit(&registry.overflow_lock, 0, memory_order_release);
	return fits;
}

bool rk_thread_push_overflow(const struct rk_record *rec)
{
	return rk_thread_push_overflow_run(rec, 1);
}

bool rk_thread_push_overflow_run(const struct rk_record *records, uint32_t count)
{
	struct rk_ring *ring = atomic_load(&registry.places[0]);
	bool pushed = ring && push_shared(ring, records, count);

	if (ring)
		count_shared(ring, records, pushed);
	return pushed;
}

/* After the call, so that who reads both in the other order never sees more of these. */
static void add_withheld(_Atomic uint64_t *counter, bool is_shared)
{
	if (is_shared)
		add_shared(counter);
	else
		atomic_store_explicit(counter, atomic_load(counter) + 1, memory_order_release);
}

void rk_thread_withhold(struct rk_ring *ring, const struct rk_record *rec)
{
	bool is_shared = !ring;
	int work = rk_ledger_work(rec->kind);

	if (is_shared)
		ring = atomic_load(&registry.places[0]);
	if (!ring)
		return;
	if (work < 0) {
		add_withheld(&ring->withheld_other, is_shared);
		return;
	}
	add_withheld(&ring->calls[work], is_shared);
	add_withheld(&ring->withheld[work], is_shared);
}

static uint64_t round_ring_bytes(uint64_t bytes)
{
	uint64_t rounded = RING_BYTES_MIN;

	while (rounded * 2 <= bytes && rounded < RING_BYTES_MAX)
		rounded *= 2;
	return rounded;
}

static int map_gate(void)
{
	rk_gate_word *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	if (madvise((void *)page, 4096, MADV_WIPEONFORK) != 0) {
		munmap((void *)page, 4096);
		return -ENOMEM;
	}
	atomic_store_explicit(&rk_gate, page, memory_order_release);
	return 0;
}

int rk_thread_init(uint64_t ring_bytes, uint32_t max_rings)
{
	int err;

	if (registry.pid == getpid())
		return 0;
	if (!registry.has_key && pthread_key_create(&registry.key, handle_thread_exit) != 0)
		return -EAGAIN;
	registry.has_key = true;
	err = map_gate();
	if (err)
		return err;
	/* In a forked child these are the parent's: its memory is not even mapped here. */
	for (uint32_t i = 0; i < PLACES_MAX; i++)
		atomic_store(&registry.places[i], (struct rk_ring *)NULL);
	atomic_store(&registry.segment, (uint8_t *)NULL);
	atomic_store(&registry.segment_lock, 0);
	atomic_store(&registry.overflow_lock, 0);
	atomic_store(&registry.free_count, 0);
	registry.ring_bytes = round_ring_bytes(ring_bytes);
	registry.max_places = max_rings >= PLACES_MAX ? PLACES_MAX : max_rings + 1;
	registry.epoch += 1u << SESSION_BITS;
	atomic_store(&registry.sessions, 0);
	atomic_store(&session_fn, (void (*)(void))NULL);
	atomic_store(&registry.places[0], create_ring());
	atomic_store(&registry.place_count, 1);
	if (!atomic_load(&registry.places[0]))
		return -ENOMEM;
	atomic_store(&atomic_load(&registry.places[0])->state, RK_RING_ACTIVE);
	registry.pid = getpid();
	return 0;
}

void rk_thread_open_gate(void)
{
	uint32_t session = atomic_fetch_add(&registry.sessions, 1);
	uint32_t epoch = registry.epoch | (session & SESSION_MASK);

	/* Releases pair with the acquires in rk_thread_epoch() and rk_thread_gate(): the registry
	 * is ready, and who finds the gate open finds its epoch. */
	atomic_store_explicit(rk_thread_gate_page() + 1, epoch, memory_order_release);
	atomic_store_explicit(rk_thread_gate_page(), epoch, memory_order_release);
}

void rk_thread_rest(void)
{
	if (!rk_thread_epoch())
		atomic_store_explicit(rk_thread_gate_page() + 1, registry.epoch | SESSION_MASK,
				      memory_order_release);
	atomic_store_explicit(rk_thread_gate_page(), 0, memory_order_release);
}

void rk_thread_count_only(bool on)
{
	rk_gate_word *page = rk_thread_gate_page();
	uint32_t epoch = atomic_load(page + 1);
	uint32_t expected = on ? epoch : ~epoch;

	/* Whoever closes it meanwhile has the last word. */
	atomic_compare_exchange_strong(page, &expected, on ? ~epoch : epoch);
}

void rk_thread_close_gate(void)
{
	atomic_store_explicit(rk_thread_gate_page(), 0, memory_order_release);
	atomic_store_explicit(rk_thread_gate_page() + 1, 0, memory_order_release);
}

void rk_thread_set_session_fn(void (*fn)(void))
{
	atomic_store(&session_fn, fn);
}

void rk_thread_mark_own(void)
{
	rk_thread_self.state = RK_THREAD_OURS;
	rk_thread_self.depth = 1;
	rk_thread_self.epoch = registry.epoch;
	rk_thread_self.tid = (uint32_t)syscall(SYS_gettid);
	rk_own_threads_add();
	rk_race_check_pause();
}

_Noreturn void rk_thread_park(void)
{
	for (;;)
		pause();
}

uint32_t rk_thread_ring_count(void)
{
	uint32_t count = atomic_load(&registry.place_count);

	return count < registry.max_places ? count : registry.max_places;
}

struct rk_ring *rk_thread_ring_at(uint32_t index)
{
	return index < PLACES_MAX ? atomic_load(&registry.places[index]) : NULL;
}

void rk_thread_ring_recycle(struct rk_ring *ring)
{
	for (int w = 0; w < RK_WORK_COUNT; w++) {
		atomic_store(&ring->calls[w], 0);
		atomic_store(&ring->failed[w], 0);
		atomic_store(&ring->captured[w], 0);
		atomic_store(&ring->lost[w], 0);
		atomic_store(&ring->withheld[w], 0);
	}
	atomic_store(&ring->lost_other, 0);
	atomic_store(&ring->withheld_other, 0);
	atomic_store(&ring->withheld_stacks, 0);
	atomic_store(&ring->stack_ticks, 0);
	/* Sequentially consistent: the next owner sees zeroed counters. */
	atomic_store(&ring->state, RK_RING_FREE);
	atomic_fetch_add(&registry.free_count, 1);
}

void rk_thread_wait(uint32_t timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * NS_PER_MS,
	};

	/* A wake between two waits ends the next one at once. */
	atomic_store(&is_waiting, 1);
	if (atomic_load(&wake_word) == wake_seen)
		syscall(SYS_futex, &wake_word, FUTEX_WAIT_PRIVATE, wake_seen, &timeout, NULL, 0);
	atomic_store(&is_waiting, 0);
	wake_seen = atomic_load(&wake_word);
}

void rk_thread_wake(void)
{
	int saved_errno = errno;

	atomic_fetch_add(&wake_word, 1);
	if (atomic_load(&is_waiting))
		syscall(SYS_futex, &wake_word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	errno = saved_errno;
}
