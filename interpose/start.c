/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/start.c - the one state of the process.
 */
#include "interpose/start.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/thread.h"
#include "interpose/lookup.h"
#include "interpose/preload.h"

enum start_state { WAITING, IDLE, STARTING, STARTED, STOPPED, INERT };

/* A start takes CUPTI's initialisation, a second at worst; beyond this a caller goes on
 * unrecorded, because whoever starts may be waiting for a lock that the caller holds. */
#define WAIT_STEPS   50
#define WAIT_STEP_MS 100

_Atomic bool rk_start_is_possible;
static _Atomic uint32_t state = WAITING;
static _Atomic pid_t armed_pid;
static _Atomic pid_t start_pid;
static _Atomic uint32_t exit_registered;
static _Atomic bool interposed;
static _Atomic bool injected;

enum gpu_state { GPU_NOT_DUE, GPU_DUE, GPU_STARTING };
_Atomic uint32_t rk_start_gpu_is_due = GPU_NOT_DUE; /* enum gpu_state */

void rk_start_allow(void)
{
	uint32_t expected = WAITING;

	if (atomic_compare_exchange_strong(&state, &expected, IDLE))
		atomic_store(&rk_start_is_possible, true);
}

void rk_start_forbid(void)
{
	atomic_store(&rk_start_is_possible, false);
	atomic_store(&state, INERT);
}

void rk_start_arm(void)
{
	atomic_store(&armed_pid, getpid());
}

bool rk_start_is_own_process(void)
{
	return atomic_load(&start_pid) == getpid();
}

bool rk_start_is_injected(void)
{
	return atomic_load(&injected);
}

void rk_start_mark_interposed(void)
{
	atomic_store_explicit(&interposed, true, memory_order_relaxed);
}

/* Asking for devices, letting go and tidying up start nothing. */
static bool is_starter(enum rk_api api)
{
	switch (rk_api_families[api]) {
	case RK_FAMILY_INIT:
	case RK_FAMILY_LOOKUP:
	case RK_FAMILY_WATCH:
		return false;
	case RK_FAMILY_CONTEXT:
		return rk_start_creates_context(api);
	case RK_FAMILY_NAMES:
		/* A library needs no context: having it is not using a GPU. */
		return api != RK_API_cuModuleUnload && api != RK_API_cuLibraryUnload &&
		       api != RK_API_cuLibraryLoadData && api != RK_API_cuLibraryLoadFromFile;
	default:
		return true;
	}
}

static void handle_exit(void)
{
	uint32_t expected = STARTED;
	int saved_errno = errno;

	if (!rk_start_is_own_process() ||
	    !atomic_compare_exchange_strong(&state, &expected, STOPPED))
		return;
	rk_thread_self.depth++;
	atomic_store(&rk_start_is_possible, false);
	rk_thread_close_gate();
	rk_preload_stop();
	rk_thread_self.depth--;
	errno = saved_errno;
}

static void handle_quick_exit(void *data)
{
	(void)data;
	if (rk_start_is_own_process() && atomic_load(&state) == STARTED)
		rk_preload_publish();
}

/* What at_quick_exit() does, which is linked in and would ask for this as if every libc had it. */
int __cxa_at_quick_exit(void (*function)(void *data), void *library) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

static void register_handlers(void)
{
	atexit(handle_exit);
	if (__cxa_at_quick_exit)
		__cxa_at_quick_exit(handle_quick_exit, __dso_handle);
}

static void register_exit(void)
{
	if (!atomic_exchange(&exit_registered, 1))
		register_handlers();
}

void rk_start_context_created(void)
{
	if (atomic_load(&state) == STARTED && !atomic_load(&exit_registered))
		register_exit();
}

static void set_and_wake(_Atomic uint32_t *word, uint32_t next)
{
	atomic_store(word, next);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
	struct timespec timeout = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (int i = 0; i < WAIT_STEPS && atomic_load(word) == value; i++)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &timeout, NULL, 0);
}

static void set_state(enum start_state next)
{
	/* Once started it is the gate alone that counts. */
	if (next == INERT || next == STARTED)
		atomic_store(&rk_start_is_possible, false);
	set_and_wake(&state, next);
}

/* The calling thread has just moved the state to STARTING. */
static bool run_start(bool gpu_too)
{
	bool started;

	atomic_store(&start_pid, getpid());
	atomic_store(&exit_registered, 0);
	/* Before the gate opens, so that no context is created in between. */
	atomic_store(&rk_start_gpu_is_due,
		     gpu_too || rk_start_is_injected() ? GPU_NOT_DUE : GPU_DUE);
	rk_thread_self.depth++;
	started = rk_preload_start(gpu_too) == 0;
	if (started && rk_preload_records_now())
		rk_thread_open_gate();
	else if (started)
		rk_thread_rest();
	rk_thread_self.depth--;
	set_state(started ? STARTED : INERT);
	return started;
}

void rk_start_gpu(void)
{
	uint32_t seen = GPU_DUE;
	int saved_errno = errno;

	if (rk_thread_self.depth > 0)
		return;
	if (atomic_compare_exchange_strong(&rk_start_gpu_is_due, &seen, GPU_STARTING)) {
		rk_thread_self.depth++;
		rk_preload_start_gpu();
		rk_thread_self.depth--;
		set_and_wake(&rk_start_gpu_is_due, GPU_NOT_DUE);
	} else if (seen == GPU_STARTING) {
		wait_while(&rk_start_gpu_is_due, GPU_STARTING);
	}
	errno = saved_errno;
}

static bool wait_for_start(void)
{
	if (!rk_start_is_own_process()) {
		rk_start_forbid(); /* forked while another thread was starting */
		return false;
	}
	wait_while(&state, STARTING);
	return rk_thread_gate_is_open();
}

static bool start_or_wait(bool gpu_too)
{
	uint32_t seen = IDLE;
	bool open = false;

	if (atomic_compare_exchange_strong(&state, &seen, STARTING))
		open = run_start(gpu_too);
	else if (seen == STARTING)
		open = wait_for_start();
	else if (seen == STARTED && !rk_start_is_own_process())
		rk_start_forbid();
	else
		open = rk_thread_gate_is_open();
	return open;
}

bool rk_start_on_call(enum rk_api api)
{
	uint32_t now = atomic_load_explicit(&state, memory_order_relaxed);
	int saved_errno = errno;
	pid_t armed;
	bool open;

	if (now == INERT || now == WAITING || now == STOPPED || rk_thread_self.depth > 0)
		return false;
	if (now == IDLE) {
		/* The parent's cuInit() is not worth anything here. */
		armed = atomic_load(&armed_pid);
		if (!is_starter(api) || (armed && armed != getpid()) || !rk_lookup_has_driver())
			return false;
	}
	open = start_or_wait(true);
	/* A context of which we saw nothing is there already. */
	if (open && now == IDLE && rk_api_families[api] != RK_FAMILY_CONTEXT)
		register_exit();
	errno = saved_errno;
	return open;
}

bool rk_start_may_record(void)
{
	uint32_t now = atomic_load(&state);

	return rk_thread_epoch() || now == WAITING || now == IDLE ||
	       (now == STARTING && rk_start_is_own_process());
}

bool rk_start_on_said(void)
{
	uint32_t now = atomic_load_explicit(&state, memory_order_relaxed);
	int saved_errno = errno;
	bool open;

	if (now == INERT || now == WAITING || now == STOPPED || rk_thread_self.depth > 0)
		return false;
	open = start_or_wait(false);
	/* A process without a GPU ends here. With one, a context registers ours again, so that it
	 * comes before the driver's. */
	if (open && now == IDLE)
		register_handlers();
	errno = saved_errno;
	return open;
}

bool rk_start_prepare(void)
{
	bool prepared;

	if (atomic_load(&state) != IDLE || atomic_load(&interposed))
		return false;
	atomic_store(&injected, true);
	rk_thread_self.depth++;
	prepared = rk_preload_prepare() == 0;
	if (prepared)
		rk_preload_start_gpu();
	rk_thread_self.depth--;
	return prepared;
}

bool rk_start_now(void)
{
	int saved_errno = errno;
	uint32_t now = atomic_load(&state);
	bool open = (now == IDLE || now == STARTING) && start_or_wait(true);

	if (open)
		register_exit();
	errno = saved_errno;
	return open;
}
