/* SPDX-License-Identifier: Apache-2.0
 *
 * core/thread.h - the per-thread state of an application thread, and the gate.
 *
 * One small initial-exec POD block without a destructor (a bigger one fails when the library
 * is dlopened, a global-dynamic one costs 3.5 ns a call). "The thread is dead" is a state:
 * thread-specific-data destructors of the program may still call CUDA after ours ran; such
 * calls go to the shared overflow ring.
 *
 * The fields of rk_thread_self hold only while their epoch equals the gate's: otherwise (a new
 * thread, a new session, or a child that started anew) rk_thread_ring_slow() sets them up.
 */
#ifndef RK_CORE_THREAD_H
#define RK_CORE_THREAD_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/ring.h"
#include "core/thread_gate.h"

enum rk_thread_state {
	RK_THREAD_NEW, /* no ring yet */
	RK_THREAD_LIVE,
	RK_THREAD_DEAD, /* after our destructor: the overflow ring */
	RK_THREAD_OURS, /* a thread of the tracer: never records */
};

struct rk_thread {
	struct rk_ring *ring; /* may be NULL */
	uint32_t depth;	      /* > 0 inside a hook or inside our own code */
	uint32_t correlation; /* written by the CUPTI callback on this thread */
	uint32_t tid;
	uint16_t context; /* index of the current context + 1 */
	uint8_t state;	  /* enum rk_thread_state */
	uint8_t reserved;
	uint32_t epoch; /* value of the gate for which the fields above hold */
	uint32_t stack_countdown; /* calls until one's stack is taken; see interpose/stack.h */
};

static_assert(sizeof(struct rk_thread) <= 128, "initial-exec TLS stays small");

extern __thread struct rk_thread rk_thread_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/**
 * Set up the gate page, the ring registry and the thread exit key. Idempotent per process;
 * in a forked child it abandons what was inherited and starts anew.
 *
 * @ring_bytes: size of one thread's ring (64 KiB to 1 MiB, rounded down to a power of two).
 * @max_rings: bound on rings that exist at the same time.
 *
 * Context: init; the start path, one thread at a time.
 * Return: 0, -ENOMEM, -EAGAIN (no thread-specific-data key left).
 */
int rk_thread_init(uint64_t ring_bytes, uint32_t max_rings);

/**
 * The ring of the calling thread, taken from the registry at the first call.
 *
 * Context: app. Does not lock; may mmap once per thread.
 * Return: NULL when the thread is dead or no ring can be had: use rk_thread_push_overflow().
 */
struct rk_ring *rk_thread_ring_slow(void);

/**
 * Append @rec to the shared overflow ring (several producers, a lock that is tried a bounded
 * number of times) and count it in that ring's ledger columns: the caller counts nothing.
 *
 * Context: app. Sets RK_REC_OVERFLOW and tid_hint on its copy.
 * Return: false if it was busy or full; the loss has then been counted.
 */
bool rk_thread_push_overflow(const struct rk_record *rec);

/* The same for a record and those that belong to it, all of them or none. Context: app. */
bool rk_thread_push_overflow_run(const struct rk_record *records, uint32_t count);

/**
 * Count a successful call that is on purpose not recorded. @ring: the thread's; NULL = it has none.
 *
 * Context: app. Does not lock.
 */
void rk_thread_withhold(struct rk_ring *ring, const struct rk_record *rec);

/**
 * Mark the calling thread as one of the tracer's own: hooks on it pass through for ever. / Sleep
 * for ever: were it to end, what the libraries it used do at the end of a thread would run
 * beside the program's exit handlers, among them those of the same libraries.
 *
 * Context: a tracer thread, at its start / instead of returning.
 */
void rk_thread_mark_own(void);
_Noreturn void rk_thread_park(void);

/**
 * Number of ring places in the registry, and one of them. Places are never moved or freed.
 *
 * Context: exporter.
 * Return: NULL for a place that was never used. The overflow ring is place 0.
 */
uint32_t rk_thread_ring_count(void);
struct rk_ring *rk_thread_ring_at(uint32_t index);

/**
 * Put a RETIRED and empty ring back into the pool. Its counters are zeroed: read them first.
 *
 * Context: exporter.
 */
void rk_thread_ring_recycle(struct rk_ring *ring);

/**
 * Wait until rk_thread_wake() or @timeout_ms. / Wake who waits. A futex: no descriptor, no lock.
 *
 * Context: exporter / app.
 */
void rk_thread_wait(uint32_t timeout_ms);
void rk_thread_wake(void);

#endif
