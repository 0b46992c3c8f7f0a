/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti.c - the door: start, stop, step aside, tell.
 *
 * There is one CUPTI per process and so one of everything here, in zero-initialised memory
 * whose pages cost nothing until a GPU is used.
 */
#include "cupti/cupti.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/activity.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/own_threads.h"
#include "core/process_id.h"
#include "core/thread.h"
#include "cupti/cupti_buffers.h"
#include "cupti/cupti_library.h"
#include "cupti/cupti_names.h"
#include "cupti/cupti_session.h"
#include "cupti/cupti_share.h"
#include "cupti/cupti_thread.h"
#include "cupti/cupti_unrecorded.h"

/* 7 MiB: a second of 65,000 kernels, while CUPTI's buffers hold what is beyond. */
#define RING_SLOTS 65536
/* Activity memory out at the same time, above which collection is switched off: far more
 * than any number of threads needs, far less than hurts the program. */
#define RESERVE_BYTES (256u << 20)
/* For the flush before another tool may go on: it would rather start late than not at all. */
#define YIELD_TIMEOUT_MS 1000
/* CUPTI has begun anew inside one of its own callbacks: let that return first. */
#define RETURN_DELAY_MS 100
/* For the other tool's buffers, a few ms each: beyond a second they do not come. */
#define RETURN_TRIES 200
/* Changes of hands that are logged: a tool that comes and goes must not fill a log. */
#define LOGGED_CHANGES 10

static struct {
	_Atomic int pid; /* that started it; a forked child starts anew */
	int result; /* of the start */
	_Atomic bool active;
	_Atomic bool running;  /* the thread exists */
	_Atomic bool starting; /* until there is a thread that can let go */
	_Atomic bool settled;  /* we have let go, and nobody asked us to return */
	_Atomic bool held;     /* by another tool, as far as we were told */
	_Atomic uint32_t missing; /* bits of enum rk_gpu_missing */
	_Atomic bool whole_graphs, kernels_only; /* limits of the next session */
	_Atomic uint32_t patience;		  /* tries left to see them come back */
	uint32_t changes;      /* of hands; rk-cupti's only */
	uint32_t told_missing; /* the user knows; of who opens the session */
	const struct rk_config *config; /* borrowed for ever */
	bool has_memory;		/* of the thread that opens */
	struct rk_ring *_Atomic shared_ring;
	struct rk_ring ring;
	struct rk_cupti_buffers buffers;
	struct rk_cupti_names names;
	struct rk_cupti_session session;
	struct rk_cupti_thread thread;
} self;

/* In this process or in one that it was forked from: it will be here, too. */
static _Atomic bool has_company;

/* Of other tools: the same functions in every process. */
static uint32_t (*_Atomic strangers_lent)(void); /* may be NULL */
static bool (*_Atomic strangers_hold)(void);	 /* may be NULL */

/* Never held around a call of CUPTI. */
static pthread_mutex_t info_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	enum rk_cupti_state state;
	char reason[160];
	uint64_t occupied_ns; /* since when another tool has held CUPTI; 0 = it does not */
	struct rk_gpu_facts facts;
	bool own_clock;
	uint32_t activities;
	uint32_t version;
	char path[256];
} told; /* guarded by info_lock */

static enum rk_cupti_state state_of(int err)
{
	switch (err) {
	case 0:
		return RK_CUPTI_ACTIVE;
	case -ENOENT:
		return RK_CUPTI_MISSING;
	case -EBUSY:
		return RK_CUPTI_OCCUPIED;
	case -ECANCELED:
		return RK_CUPTI_OFF;
	default:
		return RK_CUPTI_REFUSED;
	}
}

/* Of host time for the sake of another tool, what has passed. The lock is held. */
static void note_occupied(bool is_occupied)
{
	uint64_t now = rk_clock_now();

	if (told.occupied_ns)
		told.facts.host_time_ns += now - told.occupied_ns;
	told.occupied_ns = is_occupied ? now : 0;
}

/* What a session leaves is known on: calls of its time may be looked at later. */
static void note_session(void)
{
	const struct rk_cupti_session *session = &self.session;

	told.facts.missing = session->missing;
	told.facts.device_buffer_bytes = session->settings.buffer_bytes;
	told.facts.device_buffer_limit = session->settings.buffer_limit;
	atomic_store(&self.missing, session->missing | session->left_out);
}

static void tell(enum rk_cupti_state state, const char *reason)
{
	pthread_mutex_lock(&info_lock);
	note_occupied(state == RK_CUPTI_OCCUPIED);
	if (state == RK_CUPTI_ACTIVE)
		note_session();
	told.state = state;
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
	told.own_clock = self.session.settings.own_clock;
	told.version = self.session.library.version;
	memcpy(told.path, self.session.library.path, sizeof(told.path));
	told.activities = state == RK_CUPTI_ACTIVE ? self.session.activities : 0;
	pthread_mutex_unlock(&info_lock);
	atomic_store(&self.active, state == RK_CUPTI_ACTIVE);
}

static void set_holder(const char *holder)
{
	pthread_mutex_lock(&info_lock);
	snprintf(told.facts.holder, sizeof(told.facts.holder), "%s", holder);
	pthread_mutex_unlock(&info_lock);
}

static void describe_holder(char *reason, size_t size)
{
	pthread_mutex_lock(&info_lock);
	if (told.facts.holder[0])
		snprintf(reason, size, "another tool (%s) in this process uses CUPTI",
			 told.facts.holder);
	else
		snprintf(reason, size, "another tool in this process uses CUPTI");
	pthread_mutex_unlock(&info_lock);
}

/* The first change is news, those that follow are known to who looks for them. */
static void log_change(int err, const char *reason)
{
	uint32_t change;

	if (err == -ECANCELED) {
		rk_log_debug("cupti: let go: %s", reason);
		return;
	}
	change = ++self.changes;
	if (change > LOGGED_CHANGES)
		return;
	if (err && change == 1)
		rk_log_warn("cupti: host time only: %s", reason);
	else if (err)
		rk_log_info("cupti: host time only: %s", reason);
	else
		rk_log_info("cupti: GPU time again");
	if (change == LOGGED_CHANGES)
		rk_log_info("cupti: it keeps changing hands; no further change is logged");
}

/* Once: which kinds of work have no GPU time although others have. */
static void log_missing(void)
{
	uint32_t missing = self.session.missing;
	char what[RK_GPU_MISSING_MAX];

	if (!(missing & ~self.told_missing))
		return;
	self.told_missing |= missing;
	rk_log_warn("cupti: %s: CUPTI refused %s", rk_gpu_missing_describe(missing, what),
		    self.session.refusals);
}

/* On rk-cupti, when the session was let go or taken back. */
static void session_changed(int err, const char *reason)
{
	bool was_active = rk_cupti_is_active();
	char holder[160];

	if (err == -EBUSY && !*reason) {
		describe_holder(holder, sizeof(holder));
		reason = holder;
	}
	tell(state_of(err), reason);
	atomic_store(&self.settled, err != 0);
	if (err || !was_active)
		log_change(err, reason);
	if (!err)
		log_missing();
}

static void wake(void)
{
	rk_cupti_thread_wake(&self.thread);
}

static int init_ring(void)
{
	size_t bytes = RING_SLOTS * sizeof(struct rk_activity);
	void *slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (slots == MAP_FAILED)
		return -ENOMEM;
	madvise(slots, bytes, MADV_DONTFORK);
	rk_ring_init(&self.ring, slots, RING_SLOTS, sizeof(struct rk_activity));
	return 0;
}

static int init_memory(const struct rk_config *config)
{
	size_t size = config->cupti_buffer_size;
	uint32_t count = (uint32_t)config->cupti_buffers;

	if (size < 65536)
		size = 65536; /* a default flush withholds whole buffers: not too large, but */
	if (size > RESERVE_BYTES / 4)
		size = RESERVE_BYTES / 4;
	if (count < 2)
		count = 2;
	if (count > RESERVE_BYTES / size)
		count = (uint32_t)(RESERVE_BYTES / size);
	if (rk_cupti_buffers_init(&self.buffers, count, size, (uint32_t)(RESERVE_BYTES / size)))
		return -ENOMEM;
	return init_ring();
}

/* Library and memory, once. Return: 0; -ENOENT, -EACCES, -ENOMEM. */
static int open_library(char *reason, size_t size)
{
	const struct rk_config *config = self.config;
	int err;

	if (self.has_memory)
		return 0;
	err = rk_cupti_library_open(&self.session.library, config->cupti_library, reason, size);
	if (err)
		return err;
	if (init_memory(config)) {
		snprintf(reason, size, "no memory for activity buffers");
		return -ENOMEM;
	}
	self.has_memory = true;
	self.session.buffers = &self.buffers;
	self.session.wake = wake;
	self.session.is_measured = config->overhead_budget > 0;
	atomic_store(&self.shared_ring, &self.ring);
	return 0;
}

/*
 * The other tool has left, but work of its time may still run, and be written into its buffers.
 * Nothing of it is forced out: it would come without an end. Rather GPU time comes later.
 */
static bool strangers_are_back(void)
{
	uint32_t (*lent)(void) = atomic_load(&strangers_lent);

	if (!lent || !lent())
		return true;
	rk_cupti_session_flush(&self.session, false);
	if (!lent())
		return true;
	if (self.patience)
		self.patience--;
	return self.patience == 0;
}

/*
 * Not while another tool has it: it may have registered its buffers and not subscribed. Its books
 * are asked as well: a tool may come in the very moment in which another one has left. Whose call
 * begins after this look waits until we are done, and have let go again.
 */
static bool is_held(void)
{
	bool (*hold)(void) = atomic_load(&strangers_hold);

	return atomic_load(&self.held) || (hold && hold());
}

static int take_session(char *reason, size_t size)
{
	if (is_held()) {
		describe_holder(reason, size);
		return -EBUSY;
	}
	if (!strangers_are_back())
		return -EAGAIN;
	self.session.has_company = atomic_load(&has_company);
	self.session.whole_graphs =
		self.config->graph_trace == RK_GRAPH_GRAPH || atomic_load(&self.whole_graphs);
	self.session.kernels_only = atomic_load(&self.kernels_only);
	return rk_cupti_session_open(&self.session, reason, size);
}

/* On rk-cupti, while calls go on that nobody records. */
static int open_session(char *reason, size_t size)
{
	int err = open_library(reason, size);

	if (err)
		return err;
	rk_cupti_unrecorded_begin();
	self.session.is_watched = true;
	return take_session(reason, size);
}

/* @opened: whether the session is open. */
static int start_thread(bool opened)
{
	const struct rk_config *config = self.config;
	int err;

	self.thread.session = &self.session;
	self.thread.buffers = &self.buffers;
	self.thread.ring = &self.ring;
	self.thread.names = &self.names;
	self.thread.interval_ns = config->cupti_flush_interval;
	if (self.thread.interval_ns < 1000000)
		self.thread.interval_ns = 1000000;
	self.thread.connect = open_session;
	self.thread.changed = session_changed;
	err = rk_cupti_thread_start(&self.thread, opened);
	if (!err)
		atomic_store(&self.running, true);
	return err;
}

static void hold(const char *holder)
{
	if (!holder)
		return;
	set_holder(holder);
	atomic_store(&has_company, true);
	atomic_store(&self.held, true);
}

static int start(const char *holder, char *reason, size_t size)
{
	int opened;
	int err = open_library(reason, size);

	if (err)
		return err;
	hold(holder);
	opened = take_session(reason, size);
	if (opened && opened != -EBUSY)
		return opened;
	/* Occupied: the thread waits for rk_cupti_return(). */
	err = start_thread(opened == 0);
	if (err) {
		rk_cupti_session_close(&self.session);
		snprintf(reason, size, "could not start a thread: %s", rk_strerror(err));
		return -ENOMEM;
	}
	return opened;
}

static void begin_process(const struct rk_config *config)
{
	if (self.pid) {
		/* The parent's: its thread and its buffers are not in this process. */
		memset(&self, 0, sizeof(self));
		pthread_mutex_init(&info_lock, NULL);
	}
	memset(&told, 0, sizeof(told));
	self.config = config;
	atomic_store(&self.starting, true);
	self.pid = rk_process_id();
}

/* From now on another tool's call finds something that can let go. */
static void end_start(enum rk_cupti_state state, const char *reason)
{
	tell(state, reason);
	atomic_store(&self.starting, false);
}

int rk_cupti_start(const struct rk_config *config, const char *holder)
{
	char reason[160] = "";
	bool is_single;

	if (self.pid == rk_process_id())
		return self.result;
	begin_process(config);
	if (!config->cupti_enabled) {
		self.result = -ENOENT;
		end_start(RK_CUPTI_OFF, "switched off by cupti.enabled");
		return self.result;
	}
	rk_thread_self.depth++;
	is_single = rk_own_threads_is_single();
	self.result = start(holder, reason, sizeof(reason));
	if (is_single)
		rk_own_threads_note_new();
	rk_thread_self.depth--;
	if (self.result)
		rk_log_warn("cupti: no GPU time, host time only: %s", reason);
	else
		log_missing();
	end_start(state_of(self.result), reason);
	return self.result;
}

int rk_cupti_start_resting(const struct rk_config *config)
{
	int err;

	if (self.pid == rk_process_id())
		return 0;
	begin_process(config);
	end_start(RK_CUPTI_OFF, config->cupti_enabled ? "nothing is recorded so far" :
							"switched off by cupti.enabled");
	if (!config->cupti_enabled)
		return 0;
	self.thread.resting = true;
	err = start_thread(false);
	if (err)
		tell(RK_CUPTI_REFUSED, "could not start a thread");
	return err ? -ENOMEM : 0;
}

static bool is_running(void)
{
	return atomic_load(&self.running) && self.pid == rk_process_id();
}

int rk_cupti_stop(uint32_t timeout_ms)
{
	int err;

	if (!is_running())
		return 0;
	err = rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_STOP, timeout_ms ? timeout_ms : 1);
	if (err)
		atomic_store(&self.thread.abandoned, true);
	atomic_store(&self.running, false);
	return err;
}

static void request(uint32_t command)
{
	if (is_running())
		rk_cupti_thread_request(&self.thread, command, 0);
}

static bool is_done(uint32_t command)
{
	return !is_running() || rk_cupti_thread_is_done(&self.thread, command);
}

void rk_cupti_resume(const char *holder)
{
	hold(holder);
	request(RK_CUPTI_DO_START);
}

void rk_cupti_rest(void)
{
	request(RK_CUPTI_DO_REST);
}

bool rk_cupti_is_resumed(void)
{
	return is_done(RK_CUPTI_DO_START);
}

bool rk_cupti_is_resting(void)
{
	return is_done(RK_CUPTI_DO_REST);
}

void rk_cupti_set_limits(bool whole_graphs, bool kernels_only)
{
	atomic_store(&self.whole_graphs, whole_graphs);
	atomic_store(&self.kernels_only, kernels_only);
}

void rk_cupti_watch(void)
{
	rk_cupti_session_watch_stop();
}

void rk_cupti_flush(void)
{
	if (is_running())
		rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_FLUSH, 0);
}

bool rk_cupti_is_flushed(void)
{
	return is_done(RK_CUPTI_DO_FLUSH);
}

struct rk_ring *rk_cupti_ring(void)
{
	return atomic_load(&self.shared_ring);
}

void rk_cupti_get_info(struct rk_cupti_info *info)
{
	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(&info_lock);
	info->state = told.state;
	memcpy(info->reason, told.reason, sizeof(info->reason));
	info->own_clock = told.own_clock;
	info->activities = told.activities;
	info->version = told.version;
	memcpy(info->path, told.path, sizeof(info->path));
	info->facts = told.facts;
	if (told.occupied_ns)
		info->facts.host_time_ns += rk_clock_now() - told.occupied_ns;
	pthread_mutex_unlock(&info_lock);
	info->overhead_ns = atomic_load(&self.thread.cpu_ns);
	info->cupti_ns = atomic_load(&self.thread.overhead_ns);
	info->buffers_peak = atomic_load(&self.buffers.peak);
	info->open = atomic_load(&self.thread.open);
}

bool rk_cupti_is_active(void)
{
	return atomic_load_explicit(&self.active, memory_order_relaxed);
}

uint32_t rk_cupti_missing(void)
{
	return atomic_load_explicit(&self.missing, memory_order_relaxed);
}

void rk_cupti_set_api_fn(rk_cupti_api_fn fn)
{
	rk_cupti_session_set_api_fn(fn);
}

/* A tool that comes while we start waits until there is something that can let go. */
static void wait_for_start(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < YIELD_TIMEOUT_MS && atomic_load(&self.starting); i++)
		nanosleep(&pause, NULL);
}

void rk_cupti_yield(const char *holder)
{
	if (self.pid != rk_process_id())
		return;
	wait_for_start();
	atomic_store(&has_company, true);
	set_holder(holder);
	atomic_store(&self.held, true);
	if (!is_running() || atomic_load(&self.settled))
		return;
	rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_YIELD, YIELD_TIMEOUT_MS);
}

void rk_cupti_return(uint32_t wait_ms)
{
	if (self.pid != rk_process_id())
		return;
	atomic_store(&self.held, false);
	if (!is_running())
		return;
	self.patience = RETURN_TRIES;
	atomic_store(&self.settled, false);
	if (wait_ms)
		rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_RETURN, wait_ms);
	else
		rk_cupti_thread_return_later(&self.thread, RETURN_DELAY_MS);
}

void rk_cupti_set_strangers(rk_cupti_buffer_fn give_back, uint32_t (*lent)(void),
			    bool (*holds)(void))
{
	rk_cupti_session_set_stranger_fn(give_back);
	atomic_store(&strangers_lent, lent);
	atomic_store(&strangers_hold, holds);
}

bool rk_cupti_take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t valid)
{
	if (!is_running() || !rk_cupti_buffers_push(&self.buffers, buffer, valid, context, stream))
		return false;
	wake();
	return true;
}

void rk_cupti_forget_names(void)
{
	rk_cupti_names_forget(&self.names);
}
