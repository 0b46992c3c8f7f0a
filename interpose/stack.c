/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/stack.c - libunwind, and the record of a stack.
 *
 * unw_backtrace() keeps what it learnt of a place in a cache of the thread: 130 ns for 16 frames.
 * The first time it reads unwind tables, under locks of its own and the loader's, with signals
 * blocked. It does not allocate from the program's heap.
 */
#include "interpose/stack.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/race_check.h"
#include "core/ring_run.h"
#include "core/stack_pool.h"
#include "interpose/hook_push.h"

#define LIBRARY	   "libunwind.so.8"
/* Of ours on top of the program's; there may be more where CUPTI calls us, and fewer of theirs. */
#define OWN_FRAMES 3

static_assert(sizeof(void *) == sizeof(uint64_t), "an address is a word of a stack");

bool rk_stack_is_on;

/* immutable after start */
static struct {
	int (*backtrace)(void **frames, int size);
	uint32_t every; /* launches; 0 = none of them */
	uint32_t depth;
	uintptr_t own_start, own_end; /* our code */
} setup;

static _Atomic bool is_paused;
static bool is_measured; /* immutable after start */

void rk_stack_pause(bool on)
{
	atomic_store_explicit(&is_paused, on, memory_order_relaxed);
}

void rk_stack_measure(bool on)
{
	is_measured = on;
}

static int find_own_code(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t wanted = (uintptr_t)data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD || wanted < start ||
		    wanted - start >= header->p_memsz)
			continue;
		setup.own_start = start;
		setup.own_end = start + header->p_memsz;
		return 1;
	}
	return 0;
}

static bool is_own(uint64_t address)
{
	return address >= setup.own_start && address < setup.own_end;
}

/* Return: how many frames of the program there are from *@first on. */
static inline uint32_t capture(void *raw[OWN_FRAMES + RK_STACK_DEPTH_MAX], const uint64_t **first)
{
	int count = setup.backtrace(raw, (int)(setup.depth + OWN_FRAMES)), at = 0;

	while (at < count && is_own((uintptr_t)raw[at]))
		at++;
	/* The outermost one may be a zero. */
	while (count > at && !raw[count - 1])
		count--;
	*first = (const uint64_t *)(void *)(raw + at);
	return (uint32_t)(count - at) < setup.depth ? (uint32_t)(count - at) : setup.depth;
}

static bool open_library(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		rk_log_warn("stacks: could not open " LIBRARY ", so no call stacks are taken: %s",
			    dlerror());
		return false;
	}
	*(void **)&setup.backtrace = dlsym(library, "unw_backtrace");
	if (!setup.backtrace)
		rk_log_warn("stacks: " LIBRARY
			    " has no unw_backtrace, so no call stacks are taken");
	return setup.backtrace != NULL;
}

void rk_stack_start(const struct rk_config *config)
{
	void *raw[OWN_FRAMES + RK_STACK_DEPTH_MAX];
	const uint64_t *frames;

	rk_stack_is_on = false;
	if (config->stacks_mode == RK_STACKS_OFF)
		return;
	/* What libunwind remembers in a thread is given back under a lock, in the last round of
	 * destructors: behind ThreadSanitizer's own, after which it crashes on a lock. */
	if (rk_race_check_is_there()) {
		rk_log_warn("stacks: the program was built with ThreadSanitizer, whose threads "
			    "libunwind would crash, so no call stacks are taken");
		return;
	}
	if (!setup.backtrace && !open_library())
		return;
	setup.every = config->stacks_mode == RK_STACKS_ALL ? 1 :
		      config->stacks_mode == RK_STACKS_SAMPLED ?
							     (uint32_t)config->stacks_sample_every :
							     0;
	setup.depth = (uint32_t)config->stacks_max_depth;
	dl_iterate_phdr(find_own_code, (void *)(uintptr_t)rk_stack_start);
	capture(raw, &frames);
	rk_stack_is_on = true;
}

static bool is_counted_kind(uint8_t kind)
{
	return kind == RK_REC_LAUNCH || kind == RK_REC_GRAPH_LAUNCH || kind == RK_REC_MEMCPY ||
	       kind == RK_REC_MEMSET || kind == RK_REC_FREE;
}

/* Return: whether it is the n-th one of the thread, or the first: that comes here by itself, and no
 * count stands at anything yet. */
static bool is_sampled(struct rk_thread *self, const struct rk_record *rec, bool counted)
{
	bool is_new = !counted && (!self->stack_countdown || self->stack_countdown > setup.every);

	if (!is_counted_kind(rec->kind)) {
		if (is_new)
			self->stack_countdown = 1;
		return false;
	}
	if (!counted && !is_new)
		self->stack_countdown--;
	if (self->stack_countdown && !is_new)
		return false;
	self->stack_countdown = setup.every;
	return setup.every != 0;
}

static bool is_due(const struct rk_record *rec, bool counted)
{
	struct rk_thread *self = &rk_thread_self;

	/* A thread that is ending has given back what libunwind remembers in it. */
	if (!rk_stack_is_on || self->state != RK_THREAD_LIVE)
		return false;
	return is_sampled(self, rec, counted) || rec->kind == RK_REC_ALLOC || rec->result != 0;
}

/* Return: the stack's number, 0 = none. Preserves errno. Inline, or it would be one more frame. */
static inline __attribute__((always_inline)) uint32_t take(struct rk_ring *ring)
{
	void *raw[OWN_FRAMES + RK_STACK_DEPTH_MAX];
	uint64_t began = is_measured ? rk_clock_ticks() : 0;
	const uint64_t *frames;
	int saved_errno = errno;
	uint32_t count = capture(raw, &frames);
	uint32_t id = count ? rk_stack_pool_put(frames, count) : 0;

	errno = saved_errno;
	if (is_measured)
		rk_ring_add(&ring->stack_ticks, rk_clock_ticks() - began);
	return id;
}

bool rk_stack_push(struct rk_ring *ring, const struct rk_record *rec, bool counted)
{
	struct rk_record *slot;
	uint32_t id;

	if (!is_due(rec, counted))
		return false;
	if (atomic_load_explicit(&is_paused, memory_order_relaxed)) {
		rk_ring_count(&ring->withheld_stacks);
		return false;
	}
	/* Where there is one slot left the call is worth more than its stack. */
	if (!rk_ring_run_fits(ring, 2))
		return false;
	id = take(ring);
	if (!id)
		return false;
	slot = rk_ring_run_slot(ring, 0);
	*slot = (struct rk_record){ .start = rec->start,
				    .end = rec->end,
				    .api = rec->api,
				    .kind = RK_REC_STACK,
				    .context = rec->context,
				    .stack = { id } };
	*(struct rk_record *)rk_ring_run_slot(ring, 1) = *rec;
	rk_hook_count(ring, rec, true);
	if (rk_ring_run_commit(ring, 2))
		rk_thread_wake();
	return true;
}
