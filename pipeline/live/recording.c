/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/recording.c - the four states.
 */
#include "pipeline/live/recording.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"

#define NS_PER_MS 1000000ull
#define WAIT_NS	  (20 * NS_PER_MS) /* between two looks at whether waiting is still worth it */

const char *rk_recording_reason_name(enum rk_recording_reason reason)
{
	static const char *const names[RK_RECORDING_REASON_COUNT] = {
		[RK_RECORDING_BY_START] = "start",	 [RK_RECORDING_BY_CTL] = "ctl",
		[RK_RECORDING_BY_SIGNAL] = "signal",	 [RK_RECORDING_BY_PROFILER] = "profiler",
		[RK_RECORDING_BY_DELAY] = "delay",	 [RK_RECORDING_BY_DURATION] = "duration",
		[RK_RECORDING_BY_OVERHEAD] = "overhead",
	};

	return names[reason];
}

const char *rk_recording_state_name(enum rk_recording_state state)
{
	static const char *const names[] = {
		[RK_RECORDING_OFF] = "off",
		[RK_RECORDING_STARTING] = "starting",
		[RK_RECORDING_ON] = "on",
		[RK_RECORDING_STOPPING] = "stopping",
	};

	return names[state];
}

void rk_recording_init(struct rk_recording *recording, const struct rk_config *config)
{
	bool is_on = rk_recording_begins_now(config);
	uint64_t now = rk_clock_now();

	memset(recording, 0, sizeof(*recording));
	recording->since_ns = now;
	if (config->recording_delay)
		recording->delay_until_ns = now + config->recording_delay;
	if (is_on && config->recording_duration)
		recording->until_ns = now + config->recording_duration;
	recording->sessions = is_on;
	atomic_store(&recording->wanted, is_on);
	atomic_store(&recording->for_ns, config->recording_duration);
	atomic_store(&recording->state, is_on ? RK_RECORDING_ON : RK_RECORDING_OFF);
}

/* At once, and not in the next round: what the program does next is not recorded. */
static void cut(struct rk_recording *recording)
{
	if (rk_recording_state(recording) != RK_RECORDING_ON)
		return;
	if (recording->setup.gpu_watch)
		recording->setup.gpu_watch();
	rk_thread_rest();
	atomic_store(&recording->is_cut, 1);
}

void rk_recording_want(struct rk_recording *recording, bool on, enum rk_recording_reason reason,
		       uint64_t for_ns)
{
	if (on)
		atomic_store(&recording->for_ns, for_ns);
	atomic_store(&recording->reason, reason);
	atomic_store(&recording->wanted, on);
	if (!on)
		cut(recording);
	rk_thread_wake();
}

void rk_recording_toggle(struct rk_recording *recording)
{
	atomic_store(&recording->for_ns, 0);
	atomic_store(&recording->reason, RK_RECORDING_BY_SIGNAL);
	if (atomic_fetch_xor(&recording->wanted, 1))
		cut(recording);
	rk_thread_wake();
}

bool rk_recording_wait(struct rk_recording *recording, uint32_t timeout_ms)
{
	const struct timespec step = { .tv_nsec = WAIT_NS };
	uint64_t until = rk_clock_now() + timeout_ms * NS_PER_MS;
	int saved_errno = errno;
	uint32_t state;

	while (((state = atomic_load(&recording->state)) != RK_RECORDING_ON ||
		atomic_load(&recording->is_cut)) &&
	       atomic_load(&recording->wanted) && !atomic_load(&recording->is_counting) &&
	       rk_clock_now() < until)
		syscall(SYS_futex, &recording->state, FUTEX_WAIT_PRIVATE, state, &step, NULL, 0);
	errno = saved_errno;
	return state == RK_RECORDING_ON && !atomic_load(&recording->is_cut);
}

static void set_state(struct rk_recording *recording, enum rk_recording_state state, uint64_t now)
{
	recording->since_ns = now;
	atomic_store(&recording->state, state);
	syscall(SYS_futex, &recording->state, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void start(struct rk_recording *recording, uint64_t now)
{
	recording->delay_until_ns = 0;
	if (recording->setup.gpu_on)
		recording->setup.gpu_on();
	set_state(recording, RK_RECORDING_STARTING, now);
}

/* Of what is done now. */
static enum rk_recording_reason reason_of(const struct rk_recording *recording)
{
	return recording->is_counting ? RK_RECORDING_BY_OVERHEAD :
					(enum rk_recording_reason)atomic_load(&recording->reason);
}

static void finish_start(struct rk_recording *recording)
{
	uint64_t for_ns = atomic_load(&recording->for_ns);
	uint64_t now;

	if (!recording->sessions)
		recording->setup.begin(recording->setup.data);
	recording->sessions += !recording->is_counting;
	atomic_store(&recording->is_cut, 0);
	rk_thread_open_gate();
	now = rk_clock_now();
	if (!recording->is_counting)
		recording->until_ns = for_ns ? now + for_ns : 0;
	recording->setup.tell(true, reason_of(recording), recording->setup.data);
	atomic_store(&recording->is_counting, 0);
	set_state(recording, RK_RECORDING_ON, now);
}

static void stop(struct rk_recording *recording, uint64_t now)
{
	atomic_store(&recording->is_counting,
		     atomic_load(&recording->wanted) && !atomic_load(&recording->is_cut));
	recording->stop_reason = reason_of(recording);
	recording->recorded_ns += now - recording->since_ns;
	recording->is_void = false;
	if (recording->setup.gpu_watch)
		recording->setup.gpu_watch();
	if (recording->is_counting)
		rk_thread_count_only(true);
	else
		rk_thread_rest();
	if (recording->setup.gpu_off)
		recording->setup.gpu_off();
	recording->gpu_is_gone = false;
	set_state(recording, RK_RECORDING_STOPPING, now);
}

static void finish_stop(struct rk_recording *recording, uint64_t now)
{
	if (!recording->is_void)
		recording->setup.tell(false, recording->stop_reason, recording->setup.data);
	set_state(recording, RK_RECORDING_OFF, now);
}

/* Not wanted any more when it could begin. */
static void give_up_start(struct rk_recording *recording, uint64_t now)
{
	recording->is_void = true;
	recording->gpu_is_gone = false;
	if (recording->setup.gpu_off)
		recording->setup.gpu_off();
	set_state(recording, RK_RECORDING_STOPPING, now);
}

/* What was to begin or to end by itself. */
static void look_at_time(struct rk_recording *recording, enum rk_recording_state state,
			 uint64_t now)
{
	if (state == RK_RECORDING_OFF && recording->delay_until_ns &&
	    now >= recording->delay_until_ns) {
		recording->delay_until_ns = 0;
		atomic_store(&recording->reason, RK_RECORDING_BY_DELAY);
		atomic_store(&recording->wanted, 1);
	} else if ((state == RK_RECORDING_ON || recording->is_counting) && recording->until_ns &&
		   now >= recording->until_ns) {
		recording->until_ns = 0;
		atomic_store(&recording->reason, RK_RECORDING_BY_DURATION);
		atomic_store(&recording->wanted, 0);
	}
}

/* Somebody stopped while it was held: from now on nothing is counted either. */
static void stop_counting(struct rk_recording *recording)
{
	rk_thread_rest();
	atomic_store(&recording->is_counting, 0);
	recording->setup.tell(false, reason_of(recording), recording->setup.data);
}

static void look_at_rest(struct rk_recording *recording, uint64_t now)
{
	bool is_wanted = atomic_load(&recording->wanted);

	if (!is_wanted && recording->is_counting)
		stop_counting(recording);
	/* Held, and not counting: it has been stopped and started since. First it begins. */
	if (is_wanted && !(recording->is_held && recording->is_counting))
		start(recording, now);
}

static bool is_asked(bool (*fn)(void))
{
	return !fn || fn();
}

void rk_recording_run(struct rk_recording *recording, uint64_t now, bool is_drained)
{
	enum rk_recording_state state = rk_recording_state(recording);

	look_at_time(recording, state, now);
	switch (state) {
	case RK_RECORDING_OFF:
		look_at_rest(recording, now);
		break;
	case RK_RECORDING_STARTING:
		if (!is_asked(recording->setup.gpu_is_on))
			break;
		if (atomic_load(&recording->wanted))
			finish_start(recording);
		else
			give_up_start(recording, now);
		break;
	case RK_RECORDING_ON:
		if (!atomic_load(&recording->wanted) || atomic_load(&recording->is_cut) ||
		    recording->is_held)
			stop(recording, now);
		break;
	case RK_RECORDING_STOPPING:
		/* Held, the rings never run dry: what lay in them then has been taken since. */
		if (recording->gpu_is_gone && (is_drained || recording->is_counting))
			finish_stop(recording, now);
		/* What CUPTI gave last lies in a ring now. */
		recording->gpu_is_gone = is_asked(recording->setup.gpu_is_off);
		break;
	}
}

uint64_t rk_recording_due(const struct rk_recording *recording)
{
	bool is_on = rk_recording_state(recording) == RK_RECORDING_ON || recording->is_counting;
	uint64_t due = is_on ? recording->until_ns : recording->delay_until_ns;

	return due ? due : UINT64_MAX;
}

uint64_t rk_recording_time(const struct rk_recording *recording, uint64_t now)
{
	bool is_on = rk_recording_state(recording) == RK_RECORDING_ON;

	return recording->recorded_ns +
	       (is_on && now > recording->since_ns ? now - recording->since_ns : 0);
}
