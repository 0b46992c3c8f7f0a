/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_thread.c - the loop of rk-cupti.
 */
#include "cupti/cupti_thread.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/clock.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/thread.h"
#include "cupti/cupti_unrecorded.h"

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u

/* cuptiActivityFlushAll() runs on it; glibc takes the program's static TLS from it, too. */
#define STACK_BYTES   (512u * 1024u)
#define TELL_PAUSES_NS (60ull * NS_PER_S)
#define UP_TIMEOUT_NS                                                                              \
	(1ull * NS_PER_S) /* that its start takes on a machine that is out of breath */
/* The drain thread reads every few ms; beyond this it is not coming back soon. */
#define RING_WAIT_MS 200
/* CUPTI's worker may lag behind a submission: flush on for a round after the last one. */
#define QUIET_ROUNDS 2
/* For kernels that run when CUPTI is let go: most are shorter, and who waits does not notice. */
#define REST_WAIT_MS 50
#define RETRY_MS     5 /* while another tool's buffers are out */
#define REST_NS	     (3600ull * NS_PER_S)
#define WATCH_NS     (1ull * NS_PER_S)

static uint64_t monotonic_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(timeout_ns / NS_PER_S),
			       .tv_nsec = (long)(timeout_ns % NS_PER_S) };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &ts, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void rk_cupti_thread_wake(struct rk_cupti_thread *thread)
{
	atomic_fetch_add(&thread->word, 1);
	if (atomic_load(&thread->waiting))
		futex_wake(&thread->word);
}

int rk_cupti_thread_request(struct rk_cupti_thread *thread, uint32_t command, uint32_t timeout_ms)
{
	uint64_t deadline = monotonic_ns(CLOCK_MONOTONIC) + (uint64_t)timeout_ms * NS_PER_MS;

	atomic_fetch_and(&thread->done, ~command);
	/* The other tool's next call counts, not that it had left before. */
	if (command == RK_CUPTI_DO_YIELD) {
		atomic_store(&thread->return_ns, 0);
		atomic_fetch_and(&thread->commands, ~(uint32_t)RK_CUPTI_DO_RETURN);
	}
	atomic_fetch_or(&thread->commands, command);
	rk_cupti_thread_wake(thread);
	while (timeout_ms) {
		uint32_t done = atomic_load(&thread->done);
		uint64_t now = monotonic_ns(CLOCK_MONOTONIC);

		if (done & command)
			return 0;
		if (now >= deadline)
			return -ETIMEDOUT;
		futex_wait(&thread->done, done, deadline - now);
	}
	return 0;
}

void rk_cupti_thread_return_later(struct rk_cupti_thread *thread, uint32_t delay_ms)
{
	atomic_store(&thread->return_ns,
		     monotonic_ns(CLOCK_MONOTONIC) + (uint64_t)delay_ms * NS_PER_MS);
	rk_cupti_thread_wake(thread);
}

bool rk_cupti_thread_is_done(const struct rk_cupti_thread *thread, uint32_t command)
{
	return (atomic_load(&thread->done) & command) == command;
}

/* ---- into the ring ---- */

static struct rk_activity *reserve(struct rk_cupti_thread *thread)
{
	const struct timespec pause = { .tv_nsec = NS_PER_MS };
	struct rk_activity *slot = rk_ring_reserve(thread->ring);

	for (int i = 0; !slot && !thread->stalled && i < RING_WAIT_MS; i++) {
		rk_thread_wake();
		nanosleep(&pause, NULL);
		slot = rk_ring_reserve(thread->ring);
	}
	thread->stalled = !slot;
	return slot;
}

static void push(struct rk_cupti_thread *thread, const struct rk_activity *activity)
{
	struct rk_activity *slot = reserve(thread);

	if (!slot) {
		thread->lost++;
		return;
	}
	memcpy(slot, activity, sizeof(*slot));
	if (rk_ring_commit(thread->ring))
		rk_thread_wake();
}

static void push_decoded(const struct rk_activity *activity, void *data)
{
	/* Submitted while the gate was closed: nobody recorded the call, so it did not happen. */
	if (!rk_cupti_unrecorded_has(activity->correlation))
		push(data, activity);
}

static void push_dropped(struct rk_cupti_thread *thread, uint64_t count, enum rk_loss loss)
{
	struct rk_activity dropped = { .kind = RK_ACT_DROPPED, .bytes = count, .value = loss };

	if (count)
		push(thread, &dropped);
}

static void push_lost(struct rk_cupti_thread *thread)
{
	uint64_t lost = thread->lost;

	if (!lost || !rk_ring_reserve(thread->ring))
		return;
	thread->lost = 0;
	push_dropped(thread, lost, RK_LOSS_RING_FULL);
}

/* @begun: when the flush began. */
static void push_mark(struct rk_cupti_thread *thread, uint64_t begun)
{
	struct rk_activity mark = { .kind = RK_ACT_FLUSHED };
	uint64_t oldest = rk_cupti_buffers_oldest(thread->buffers);

	mark.start = begun < oldest ? begun : oldest;
	if (mark.start < thread->flushed_ns)
		mark.start = thread->flushed_ns;
	thread->flushed_ns = mark.start;
	/* A mark is not worth waiting for, nor a loss: the next one says more. */
	if (rk_ring_reserve(thread->ring))
		push(thread, &mark);
}

/* ---- out of CUPTI ---- */

/* Buffers may come back late, from a session of the other kind. */
static void choose_layouts(struct rk_cupti_thread *thread, bool is_reported)
{
	struct rk_cupti_session *session = thread->session;
	struct rk_cupti_decoder *decoder = &thread->decoder;

	if (is_reported) {
		decoder->next = NULL;
		rk_cupti_reported_get(&session->reported, &decoder->layouts);
	} else {
		decoder->next = session->library.cuptiActivityGetNextRecord;
		rk_cupti_layout_select(&decoder->layouts, session->library.version);
	}
}

static void decode_complete(struct rk_cupti_thread *thread, bool forced)
{
	struct rk_cupti_decoder *decoder = &thread->decoder;
	struct rk_cupti_buffer *buffer = rk_cupti_buffers_take(thread->buffers);

	if (buffer && !thread->session->settings.own_clock)
		decoder->offset_ns = rk_clock_wall_offset(NULL);
	decoder->forced = forced;
	while (buffer) {
		struct rk_cupti_buffer *next = rk_cupti_buffers_next(thread->buffers, buffer);
		void *context = buffer->context;
		uint32_t stream = buffer->stream;

		choose_layouts(thread, context == &rk_cupti_session_reports);
		rk_cupti_decode_buffer(decoder, atomic_load(&buffer->data), buffer->valid);
		rk_cupti_buffers_put(thread->buffers, buffer);
		/* Since CUDA 6 all buffers are global; a queue that is named is asked. */
		if ((context && context != &rk_cupti_session_reports) || stream)
			push_dropped(thread,
				     rk_cupti_session_take_dropped(thread->session, context,
								   stream),
				     RK_LOSS_CUPTI_DROPPED);
		buffer = next;
	}
	if (thread->active && rk_cupti_session_note_unreadable(thread->session))
		thread->changed(0, "");
	atomic_store(&thread->open, decoder->open);
	atomic_store(&thread->malformed, decoder->malformed);
	atomic_store(&thread->overhead_ns, decoder->overhead_ns);
}

static void collect(struct rk_cupti_thread *thread, bool forced)
{
	if (atomic_load(&thread->abandoned))
		rk_thread_park();
	rk_cupti_session_flush(thread->session, forced);
	atomic_fetch_add(&thread->flushes, 1);
	decode_complete(thread, forced);
	push_dropped(thread, rk_cupti_session_take_dropped(thread->session, NULL, 0),
		     RK_LOSS_CUPTI_DROPPED);
}

/* Nothing submitted and no buffer out: CUPTI has nothing for us. */
static bool is_idle(struct rk_cupti_thread *thread)
{
	if (rk_cupti_session_take_touched())
		thread->quiet = 0;
	else if (thread->quiet < QUIET_ROUNDS)
		thread->quiet++;
	return thread->quiet >= QUIET_ROUNDS &&
	       rk_cupti_buffers_oldest(thread->buffers) == UINT64_MAX;
}

static void flush_round(struct rk_cupti_thread *thread)
{
	uint64_t begun = rk_clock_now();

	if (!is_idle(thread))
		collect(thread, false);
	push_dropped(thread, rk_cupti_session_take_skipped(), RK_LOSS_LIMIT);
	push_lost(thread);
	push_mark(thread, begun);
}

/* First what is complete, so that only what really runs comes back without an end. */
static void flush_forced(struct rk_cupti_thread *thread)
{
	uint64_t begun = rk_clock_now();

	collect(thread, false);
	collect(thread, true);
	push_dropped(thread, rk_cupti_session_take_skipped(), RK_LOSS_LIMIT);
	push_lost(thread);
	push_mark(thread, begun);
}

/*
 * The kinds are off: wait for what still runs, but not long, as a tool may be waiting for us. A
 * forced flush is the last resort. It gives away other tools' running work as well, with no end.
 */
static void collect_rest(struct rk_cupti_thread *thread)
{
	const struct timespec pause = { .tv_nsec = NS_PER_MS };

	for (int i = 0; i < REST_WAIT_MS; i++) {
		collect(thread, false);
		if (rk_cupti_buffers_oldest(thread->buffers) == UINT64_MAX)
			break;
		nanosleep(&pause, NULL);
	}
	if (rk_cupti_buffers_oldest(thread->buffers) != UINT64_MAX)
		collect(thread, true);
	push_dropped(thread, rk_cupti_session_take_skipped(), RK_LOSS_LIMIT);
	push_lost(thread);
}

/* Where threads come by the thousand it happens several times a second. */
static void tell_pause(struct rk_cupti_thread *thread)
{
	uint64_t now = monotonic_ns(CLOCK_MONOTONIC);

	thread->pauses++;
	thread->pause_is_told =
		thread->pauses == 1 || now >= thread->pauses_told_ns + TELL_PAUSES_NS;
	if (!thread->pause_is_told)
		return;
	thread->pauses_told_ns = now;
	rk_log_warn("cupti: %u activity buffers are out; GPU records are off until they come back; "
		    "so far that was so %" PRIu64 " times, and is said once a minute",
		    atomic_load(&thread->buffers->in_use), thread->pauses);
}

static void watch_reserve(struct rk_cupti_thread *thread)
{
	bool low = rk_cupti_buffers_are_low(thread->buffers);

	if (low && !thread->paused) {
		tell_pause(thread);
		rk_cupti_session_pause(thread->session);
		thread->paused = true;
		collect(thread, false);
	} else if (!low && thread->paused) {
		thread->paused = false;
		rk_cupti_session_resume(thread->session);
		if (thread->pause_is_told)
			rk_log_warn("cupti: GPU records are on again");
	}
}

/* ---- the loop ---- */

/* In the ring behind every record of the session: for what waits, none will come any more. */
static void push_left(struct rk_cupti_thread *thread)
{
	struct rk_activity left = { .kind = RK_ACT_LEFT, .start = rk_clock_now() };

	push(thread, &left);
}

static void close_session(struct rk_cupti_thread *thread, int err, const char *reason)
{
	if (thread->active) {
		rk_cupti_session_mute(thread->session);
		collect_rest(thread);
		rk_cupti_session_close(thread->session);
		/* What came back while CUPTI let go. */
		decode_complete(thread, true);
		push_left(thread);
	}
	thread->active = false;
	thread->paused = false;
	thread->changed(err, reason);
}

static void set_decoder(struct rk_cupti_thread *thread)
{
	thread->decoder.names = thread->names;
	thread->decoder.emit = push_decoded;
	thread->decoder.data = thread;
}

static void open_session(struct rk_cupti_thread *thread)
{
	char reason[160] = "";
	int err;

	if (thread->active || thread->resting)
		return;
	err = thread->connect(reason, sizeof(reason));
	if (err == -EAGAIN) {
		rk_cupti_thread_return_later(thread, RETRY_MS);
		return;
	}
	thread->active = err == 0;
	if (thread->active)
		set_decoder(thread);
	thread->quiet = 0;
	thread->recorded_since = 0;
	thread->is_settled = false;
	thread->changed(err, reason);
}

/* Who was inside the driver when the gate opened has left it long before this is over. Then those
 * that have just begun are seen for as long again. */
static void watch_start(struct rk_cupti_thread *thread)
{
	uint64_t now = rk_clock_now();

	if (!thread->session->is_watched || !rk_thread_gate_is_open() || rk_thread_gate_counts())
		return;
	if (!thread->recorded_since) {
		thread->recorded_since = now;
	} else if (!thread->is_settled && now > thread->recorded_since + WATCH_NS) {
		rk_cupti_unrecorded_settle();
		thread->is_settled = true;
	} else if (now > thread->recorded_since + 2 * WATCH_NS) {
		rk_cupti_session_end_start();
	}
}

static void rest_or_start(struct rk_cupti_thread *thread, uint32_t commands)
{
	if (commands & RK_CUPTI_DO_REST) {
		thread->resting = true;
		close_session(thread, -ECANCELED, "nothing is recorded at the moment");
	}
	if (commands & RK_CUPTI_DO_START) {
		thread->resting = false;
		open_session(thread);
	}
}

static bool carry_out(struct rk_cupti_thread *thread, uint32_t commands)
{
	rest_or_start(thread, commands);
	if (commands & RK_CUPTI_DO_YIELD && thread->active)
		close_session(thread, -EBUSY, "");
	else if (commands & RK_CUPTI_DO_RETURN)
		open_session(thread);
	if (commands & RK_CUPTI_DO_STOP && thread->active) {
		flush_forced(thread);
		/* Nobody takes buffers back from now on. */
		rk_cupti_session_pause(thread->session);
	} else if (commands & RK_CUPTI_DO_FLUSH && thread->active)
		flush_round(thread);
	atomic_store(&thread->cpu_ns, monotonic_ns(CLOCK_THREAD_CPUTIME_ID));
	if (commands) {
		atomic_fetch_or(&thread->done, commands);
		futex_wake(&thread->done);
	}
	/* rk-exporter has asked for these and looks whenever it goes round. */
	if (commands & (RK_CUPTI_DO_REST | RK_CUPTI_DO_START))
		rk_thread_wake();
	return !(commands & RK_CUPTI_DO_STOP);
}

/* Until someone wakes us or @deadline. */
static void sleep_until(struct rk_cupti_thread *thread, uint32_t seen, uint64_t deadline)
{
	uint64_t now = monotonic_ns(CLOCK_MONOTONIC);

	if (now >= deadline)
		return;
	/* Before the futex looks at the word: who bumps it afterwards sees that we wait. */
	atomic_store(&thread->waiting, 1);
	futex_wait(&thread->word, seen, deadline - now);
	atomic_store(&thread->waiting, 0);
}

/* RK_CUPTI_DO_RETURN when it is due, once. */
static uint32_t take_due_return(struct rk_cupti_thread *thread)
{
	uint64_t due = atomic_load(&thread->return_ns);

	if (!due || monotonic_ns(CLOCK_MONOTONIC) < due ||
	    !atomic_compare_exchange_strong(&thread->return_ns, &due, 0))
		return 0;
	return RK_CUPTI_DO_RETURN;
}

static uint64_t next_wakeup(struct rk_cupti_thread *thread, uint64_t deadline)
{
	uint64_t due = atomic_load(&thread->return_ns);

	return due && due < deadline ? due : deadline;
}

/* There is nothing to flush in a rest: who ends it wakes us. */
static uint64_t next_deadline(const struct rk_cupti_thread *thread)
{
	return monotonic_ns(CLOCK_MONOTONIC) + (thread->resting ? REST_NS : thread->interval_ns);
}

static void *run(void *argument)
{
	struct rk_cupti_thread *thread = argument;
	uint64_t deadline = next_deadline(thread);
	uint32_t seen = 0;
	uint32_t commands;

	rk_thread_mark_own();
	atomic_store(&thread->is_up, 1);
	futex_wake(&thread->is_up);
	do {
		/* What is bumped after this look ends the next sleep at once. */
		sleep_until(thread, seen, next_wakeup(thread, deadline));
		seen = atomic_load(&thread->word);
		commands = take_due_return(thread) | atomic_exchange(&thread->commands, 0);
		/* Buffers of ours may come back when CUPTI is another tool's already. */
		decode_complete(thread, false);
		if (thread->active) {
			watch_reserve(thread);
			watch_start(thread);
		}
		if (monotonic_ns(CLOCK_MONOTONIC) >= deadline) {
			deadline = next_deadline(thread);
			commands |= RK_CUPTI_DO_FLUSH;
		}
		if (commands & RK_CUPTI_DO_START)
			deadline = 0; /* of the rest */
	} while (carry_out(thread, commands));
	rk_thread_park();
}

static int create(struct rk_cupti_thread *thread, size_t stack_bytes)
{
	pthread_attr_t attributes;
	pthread_t id;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (stack_bytes)
		pthread_attr_setstacksize(&attributes, stack_bytes);
	err = pthread_create(&id, &attributes, run, thread);
	if (!err)
		pthread_setname_np(id, "rk-cupti");
	pthread_attr_destroy(&attributes);
	return err;
}

int rk_cupti_thread_start(struct rk_cupti_thread *thread, bool active)
{
	sigset_t all, before;
	int err;

	thread->active = active;
	if (active)
		set_decoder(thread);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = create(thread, STACK_BYTES);
	if (err == EINVAL)
		err = create(thread, 0); /* the program's static TLS needs more */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* From when this call returns on, the program may forbid all its threads to open a file. */
	if (!err && !atomic_load(&thread->is_up))
		futex_wait(&thread->is_up, 0, UP_TIMEOUT_NS);
	return -err;
}
