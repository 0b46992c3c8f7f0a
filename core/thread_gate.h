/* SPDX-License-Identifier: Apache-2.0
 *
 * core/thread_gate.h - whether this process records: the word that every hook reads first.
 *
 * It lies on a page with MADV_WIPEONFORK: the epoch while we record, zero while we rest, and zero
 * by itself in a forked child, so that no inherited state is ever looked at there. An epoch is a
 * process in its upper half, and in its lower one a session, the time from one opening of the
 * gate to its closing.
 */
#ifndef RK_CORE_THREAD_GATE_H
#define RK_CORE_THREAD_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t rk_gate_word;
typedef _Atomic(rk_gate_word *) rk_gate_pointer;

/* The gate: 0 = pass through. Points to a wiped-on-fork page once recording starts; the word
 * behind it is the epoch even while we rest. */
extern rk_gate_pointer rk_gate __attribute__((visibility("hidden")));

/* Acquire pairs with the release of its mapping; whoever has the page before sees it closed. */
static inline rk_gate_word *rk_thread_gate_page(void)
{
	return atomic_load_explicit(&rk_gate, memory_order_acquire);
}

/**
 * The gate: the epoch while this process records, 0 when it does not (a forked child).
 *
 * Context: any. One load.
 */
static inline uint32_t rk_thread_gate(void)
{
	/* Acquire pairs with the release in rk_thread_open_gate(): rings are ready. */
	return atomic_load_explicit(rk_thread_gate_page(), memory_order_acquire);
}

/**
 * The epoch of this process, whether it records now or rests; 0 = it does neither. For hooks
 * that were under way when the gate was closed, and for what must be known after a rest.
 *
 * Context: any.
 */
static inline uint32_t rk_thread_epoch(void)
{
	/* Acquire pairs with the releases in rk_thread_open_gate() and rk_thread_rest(). */
	return atomic_load_explicit(rk_thread_gate_page() + 1, memory_order_acquire);
}

/**
 * Whether this process records right now.
 *
 * Context: any.
 */
static inline bool rk_thread_gate_is_open(void)
{
	return rk_thread_gate() != 0;
}

/**
 * Whether calls that put work on a GPU are counted and nothing else is done with them, as are
 * waits and events: see rk_thread_count_only(). All other hooks record.
 *
 * Context: any.
 */
static inline bool rk_thread_gate_counts(void)
{
	uint32_t gate = rk_thread_gate();

	return gate && gate != rk_thread_epoch();
}

/**
 * Let the gate be no thread's epoch, so that every hook takes its slow path, which asks
 * rk_thread_gate_counts() / no longer. What is closed stays closed.
 *
 * Context: exporter.
 */
void rk_thread_count_only(bool on);

/**
 * Let hooks record, in a new session / make them pass through for a while / for ever.
 *
 * Context: any; one thread opens. Rest and close do not wait for hooks that are under way: those
 *          still find their ring after a rest, and not after a close.
 */
void rk_thread_open_gate(void);
void rk_thread_rest(void);
void rk_thread_close_gate(void);

/**
 * @fn: called on each thread that records for the first time in a session, from then on; its
 * ring is there, unless it gets none. What a thread knew of itself may have changed.
 *
 * Context: any, before the gate opens. @fn: app, inside a hook.
 */
void rk_thread_set_session_fn(void (*fn)(void));

#endif
