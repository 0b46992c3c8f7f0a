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
#include <unistd.h>

#include "core/activity.h"
#include "core/log.h"
#include "core/thread.h"
#include "cupti/cupti_buffers.h"
#include "cupti/cupti_library.h"
#include "cupti/cupti_names.h"
#include "cupti/cupti_session.h"
#include "cupti/cupti_thread.h"

/* 7 MiB: a second of 65,000 kernels, while CUPTI's buffers hold what is beyond. */
#define RING_SLOTS 65536
/* Activity memory out at the same time, above which collection is switched off: far more
 * than any number of threads needs, far less than hurts the program. */
#define RESERVE_BYTES (256u << 20)
/* For the flush before another tool may go on: it would rather start late than not at all. */
#define YIELD_TIMEOUT_MS 1000

static struct {
	int pid;    /* that started it; a forked child starts anew */
	int result; /* of the start */
	_Atomic bool active;
	_Atomic bool running; /* the thread exists */
	struct rk_ring *_Atomic shared_ring;
	struct rk_ring ring;
	struct rk_cupti_buffers buffers;
	struct rk_cupti_names names;
	struct rk_cupti_session session;
	struct rk_cupti_thread thread;
} self;

/* Never held around a call of CUPTI. */
static pthread_mutex_t info_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	enum rk_cupti_state state;
	char reason[160];
	bool own_clock;
	uint32_t activities;
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
	default:
		return RK_CUPTI_REFUSED;
	}
}

static void tell(enum rk_cupti_state state, const char *reason)
{
	pthread_mutex_lock(&info_lock);
	told.state = state;
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
	told.own_clock = self.session.own_clock;
	told.activities = state == RK_CUPTI_ACTIVE ? self.session.activities : 0;
	pthread_mutex_unlock(&info_lock);
	atomic_store(&self.active, state == RK_CUPTI_ACTIVE);
}

/* On rk-cupti, when the session was let go or taken back. */
static void session_changed(int err, const char *reason)
{
	tell(state_of(err), reason);
	if (err)
		rk_log_info("cupti: host time only: %s", reason);
	else
		rk_log_info("cupti: GPU time again");
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

static void fill_thread(const struct rk_config *config)
{
	self.thread.session = &self.session;
	self.thread.buffers = &self.buffers;
	self.thread.ring = &self.ring;
	self.thread.names = &self.names;
	self.thread.interval_ns = config->cupti_flush_interval;
	if (self.thread.interval_ns < 1000000)
		self.thread.interval_ns = 1000000;
	self.thread.changed = session_changed;
}

static int start(const struct rk_config *config, char *reason, size_t size)
{
	int opened, err;

	err = rk_cupti_library_open(&self.session.library, config->cupti_library, reason, size);
	if (err)
		return err;
	if (init_memory(config)) {
		snprintf(reason, size, "no memory for activity buffers");
		return -ENOMEM;
	}
	self.session.buffers = &self.buffers;
	self.session.wake = wake;
	self.session.whole_graphs = config->graph_trace == RK_GRAPH_GRAPH;
	fill_thread(config);
	opened = rk_cupti_session_open(&self.session, reason, size);
	if (opened && opened != -EBUSY)
		return opened;
	/* Occupied: the thread waits for rk_cupti_return(). */
	err = rk_cupti_thread_start(&self.thread, opened == 0);
	if (err) {
		rk_cupti_session_close(&self.session);
		snprintf(reason, size, "could not start a thread: %s", rk_strerror(err));
		return -ENOMEM;
	}
	atomic_store(&self.running, true);
	atomic_store(&self.shared_ring, &self.ring);
	return opened;
}

int rk_cupti_start(const struct rk_config *config)
{
	char reason[160] = "";

	if (self.pid == getpid())
		return self.result;
	if (self.pid) {
		/* The parent's: its thread and its buffers are not in this process. */
		memset(&self, 0, sizeof(self));
		pthread_mutex_init(&info_lock, NULL);
	}
	self.pid = getpid();
	if (!config->cupti_enabled) {
		self.result = -ENOENT;
		tell(RK_CUPTI_OFF, "switched off by cupti.enabled");
		return self.result;
	}
	rk_thread_self.depth++;
	self.result = start(config, reason, sizeof(reason));
	rk_thread_self.depth--;
	tell(state_of(self.result), reason);
	if (self.result)
		rk_log_warn("cupti: no GPU time, host time only: %s", reason);
	return self.result;
}

static bool is_running(void)
{
	return atomic_load(&self.running) && self.pid == getpid();
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

void rk_cupti_flush(void)
{
	if (is_running())
		rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_FLUSH, 0);
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
	pthread_mutex_unlock(&info_lock);
	info->version = self.session.library.version;
	memcpy(info->path, self.session.library.path, sizeof(info->path));
	info->overhead_ns = atomic_load(&self.thread.cpu_ns);
	info->buffers_peak = atomic_load(&self.buffers.peak);
	info->open = atomic_load(&self.thread.open);
}

bool rk_cupti_is_active(void)
{
	return atomic_load_explicit(&self.active, memory_order_relaxed);
}

void rk_cupti_set_api_fn(rk_cupti_api_fn fn)
{
	rk_cupti_session_set_api_fn(fn);
}

void rk_cupti_yield(void)
{
	if (is_running() && rk_cupti_is_active())
		rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_YIELD, YIELD_TIMEOUT_MS);
}

void rk_cupti_return(void)
{
	if (is_running() && !rk_cupti_is_active())
		rk_cupti_thread_request(&self.thread, RK_CUPTI_DO_RETURN, YIELD_TIMEOUT_MS);
}

void rk_cupti_forget_names(void)
{
	rk_cupti_names_forget(&self.names);
}
