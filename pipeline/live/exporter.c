/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/exporter.c - the thread rk-exporter and its loop.
 *
 *   start -> own descriptor table -> first record -> open outputs -> rounds ... -> stop
 *
 * A round: drain, let time pass in the join, tick and seal when due, look after sockets, wait.
 * How long it waits follows the load: a full ring is at least 4 ms away, an idle program is
 * woken five times a second.
 */
#include "pipeline/live/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/clock.h"
#include "core/fields.h"
#include "core/instrument.h"
#include "core/log.h"
#include "core/own_threads.h"
#include "core/sandbox.h"
#include "core/stack_pool.h"
#include "core/text_pool.h"
#include "core/thread.h"
#include "pipeline/join/late_facts.h"
#include "pipeline/live/apart.h"
#include "pipeline/live/drain.h"
#include "pipeline/live/live_control.h"
#include "pipeline/live/outputs.h"
#include "pipeline/live/overhead.h"

#define STOP_SHARE_PERCENT 95 /* of the exiting thread's patience */
#define NS_PER_MS	   1000000ull
#define NS_PER_S	   1000000000ull

#define BUSY_WAIT_MS	   8   /* a 512 KiB ring fills in 8 ms at a million launches a second */
#define STORM_WAIT_MS	   2   /* a ring says that it is half full once per look at its tail */
#define STORM_RECORDS	   1024 /* in one round: an eighth of that ring, which may be full soon */
#define IDLE_WAIT_MS	   200 /* and is woken early when a ring is half full */
#define SOCKET_WAIT_MS	   20  /* with sockets open: nobody wakes us for them during the wait */
#define TICK_EVERY_NS	   (250 * NS_PER_MS)
#define LOOK_EVERY_NS 1000000000ull /* a file of /proc: 10 us */
#define IDLE_TICK_EVERY_NS (10 * NS_PER_S)
/* Rules are looked at with every tick. With the idle wait on top this is less than a second. */
#define ALERT_TICK_EVERY_NS (750 * NS_PER_MS)
#define CLOCK_EVERY_NS	   (10 * NS_PER_S)
#define START_TIMEOUT_MS   1000
#define RECORDING_BYTES	   64 /* two words */
#define STACK_BYTES	   (2u << 20)
#define ORPHAN_END_NS	 (10 * NS_PER_S) /* nobody waits for it, and nothing is added any more */
/* At the end: rounds until the rings stay empty, and part of the time for them. */
#define LAST_ROUNDS_MAX 1000

enum exporter_state { NOT_STARTED, STARTING, RUNNING, DONE };

struct exporter {
	struct rk_exporter_setup setup;
	struct rk_outputs outputs;
	struct rk_live_control live;
	struct rk_apart *apart; /* on the stack of the thread */
	struct rk_recording recording;
	struct rk_snapshot snapshot;
	struct rk_overhead overhead;
	struct rk_join *join;
	bool has_late_gpus;
	struct rk_gpu_facts told_facts; /* of those that the outputs know */
	bool had_gpu_time;
	struct rk_drain drain;
	struct rk_op op; /* ticks, clock, end */
	uint64_t started_ns, last_tick_ns, last_clock_ns;
	uint64_t ops_at_tick;
	uint64_t ops; /* emitted so far */
	uint64_t lag_ns;
	uint64_t refused_before; /* by the API, in the recording before: that of a parent, too */
	int statm_fd;
	uint32_t wait_ms;
	uint64_t cpu_before_ns; /* spent before the thread that serves now */
	bool has_begun; /* there is something to tell: recording has begun at least once */
	pid_t pid;
	/* written by any thread */
	_Atomic uint32_t state; /* futex */
	_Atomic uint32_t stop;
	_Atomic uint32_t publish;
	_Atomic uint64_t stop_by_ns; /* of rk_clock */
	uint64_t last_look_ns; /* when it was asked whose threads are left */
	bool has_left;	       /* the process is being ended */
};

/* Never freed: threads that are still in a hook at exit may look at it. */
static struct exporter exporter;

static void set_state(enum exporter_state state)
{
	atomic_store(&exporter.state, state);
	syscall(SYS_futex, &exporter.state, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* Wait until the state is at least @wanted. Return: whether it is. */
static bool wait_for_state(enum exporter_state wanted, uint32_t timeout_ms)
{
	uint64_t until = rk_clock_now() + timeout_ms * NS_PER_MS;
	uint32_t state;

	while ((state = atomic_load(&exporter.state)) < wanted) {
		uint64_t now = rk_clock_now();
		uint64_t left = until > now ? until - now : 0;
		struct timespec timeout = { .tv_sec = (time_t)(left / NS_PER_S),
					    .tv_nsec = (long)(left % NS_PER_S) };

		if (!left)
			return false;
		syscall(SYS_futex, &exporter.state, FUTEX_WAIT_PRIVATE, state, &timeout, NULL, 0);
	}
	return true;
}

static void take_op(const struct rk_op *op, void *data)
{
	struct exporter *e = data;

	e->ops++;
	rk_outputs_take(&e->outputs, op);
}

static struct rk_op *start_own_op(struct exporter *e, enum rk_op_kind kind, uint64_t now)
{
	memset(&e->op, 0, sizeof(e->op));
	e->op.kind = (uint8_t)kind;
	e->op.start = e->op.end = now;
	return &e->op;
}

static void tell_clock(struct exporter *e, uint64_t now)
{
	struct rk_op *op = start_own_op(e, RK_OP_CLOCK, now);

	op->clock.wall_offset_ns = rk_clock_wall_offset(&op->clock.uncertainty_ns);
	rk_join_emit(e->join, op);
	e->last_clock_ns = now;
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t own_cpu_ns(const struct exporter *e)
{
	uint64_t gpu = e->setup.gpu_cpu_ns ? e->setup.gpu_cpu_ns() : 0;

	return gpu + e->cpu_before_ns + thread_cpu_ns();
}

static uint64_t resident_bytes(const struct exporter *e)
{
	unsigned long long pages = 0;
	char text[128];
	ssize_t length = e->statm_fd < 0 ? 0 : pread(e->statm_fd, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return 0;
	text[length] = '\0';
	if (sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What could not even be put into a record: definitions, texts and stacks without a place. */
static uint64_t refused_by_api(void)
{
	return rk_instrument_refused() + rk_text_pool_lost() + rk_stack_pool_refused();
}

static void fill_ledger(struct exporter *e, struct rk_ledger *ledger)
{
	rk_join_get_ledger(e->join, ledger);
	rk_drain_fill_ledger(&e->drain, ledger);
	ledger->dropped[RK_LOSS_DISK] += e->outputs.file_lost;
	ledger->dropped[RK_LOSS_LIMIT] += refused_by_api() - e->refused_before;
	ledger->unwrapped = e->setup.unwrapped ? e->setup.unwrapped() : 0;
}

static void measure(struct rk_control_status *status, void *data)
{
	struct exporter *e = data;

	fill_ledger(e, &status->ledger);
	status->cpu_ns = own_cpu_ns(e);
	status->rss_bytes = resident_bytes(e);
}

static void emit_own(struct rk_op *op, void *data)
{
	struct exporter *e = data;

	op->start = op->end = rk_clock_now();
	rk_join_emit(e->join, op);
}

static void tell_tick(struct exporter *e, enum rk_op_kind kind, uint64_t now)
{
	struct rk_op *op;

	rk_outputs_note_own(&e->outputs);
	op = start_own_op(e, kind, now);
	fill_ledger(e, &op->tick.ledger);
	op->tick.cpu_ns = own_cpu_ns(e);
	op->tick.rss_bytes = resident_bytes(e);
	op->tick.ring_depth_max = rk_drain_take_depth(&e->drain);
	op->tick.lag_ns = e->lag_ns;
	rk_overhead_fill(&e->overhead, op);
	rk_join_get_active(e->join, op->tick.active);
	rk_join_emit(e->join, op);
	e->last_tick_ns = now;
	e->ops_at_tick = e->ops;
	e->lag_ns = 0;
}

static bool has_gpu_time(const struct exporter *e)
{
	return e->setup.gpu_time && e->setup.gpu_time();
}

static void read_facts(const struct exporter *e, struct rk_gpu_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	if (e->setup.gpu_facts)
		e->setup.gpu_facts(facts);
}

static uint32_t cuda_version(const struct exporter *e)
{
	const struct rk_gpu_inventory *late = e->has_late_gpus ? e->setup.late_gpus() : NULL;

	return late ? late->cuda_version : e->setup.gpus.cuda_version;
}

/* What the file and the destinations were told without. @resource: "" = as it was. */
static void tell_facts(struct exporter *e, const struct rk_gpu_facts *gpu, const char *resource,
		       uint64_t now)
{
	const struct rk_exporter_setup *setup = &e->setup;
	bool gpu_time = has_gpu_time(e);
	struct rk_op *op = start_own_op(e, RK_OP_SETTINGS, now);
	const struct rk_late_facts facts = {
		.cupti_version = setup->late_cupti_version ? setup->late_cupti_version() :
							     setup->cupti_version,
		.cuda_version = cuda_version(e),
		/* "host" means that no time is the GPU's, and not that none is any more. */
		.gpu_time_source = gpu_time || e->had_gpu_time ? "cupti" : "host",
		.host_time_reason =
			gpu_time || !setup->gpu_time_reason ? "" : setup->gpu_time_reason(),
		.resource = resource,
		.gpu = *gpu,
	};
	uint8_t text[RK_API_TEXT_MAX];
	struct rk_fields_writer writer;

	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_late_facts_pack(&facts, &writer);
	op->text = text;
	op->text_bytes = (uint32_t)writer.used;
	rk_join_emit(e->join, op);
	e->told_facts = *gpu;
}

static void tell_all_facts(struct exporter *e, uint64_t now)
{
	struct rk_gpu_facts facts;

	if (!e->setup.gpu_facts)
		return;
	read_facts(e, &facts);
	tell_facts(e, &facts, "", now);
}

/* At the end, and now and then: a file that is cut short knows nearly all of it. */
static void tell_changed_facts(struct exporter *e, uint64_t now)
{
	struct rk_gpu_facts facts;

	read_facts(e, &facts);
	if (memcmp(&facts, &e->told_facts, sizeof(facts)) != 0)
		tell_facts(e, &facts, "", now);
}

/* For a file that ends here, while everything else goes on. */
static void tick_for_snapshot(struct rk_op *end, void *data)
{
	struct exporter *e = data;

	tell_changed_facts(e, rk_clock_now());
	tell_tick(e, RK_OP_TICK, rk_clock_now());
	*end = e->op;
	end->kind = RK_OP_END;
	end->ordinal++;
}

/* The part ends with a tick, and the next one begins with it: so it says what was before. A clock
 * is told for it, too, that it need not begin with one of the past. */
static void turn(void *data)
{
	struct exporter *e = data;

	tell_changed_facts(e, rk_clock_now());
	tell_clock(e, rk_clock_now());
	tell_tick(e, RK_OP_TICK, rk_clock_now());
	rk_outputs_turn(&e->outputs, &e->op);
}

/* Nothing is told before: what a dormant process leaves is no file. */
static void begin(void *data)
{
	struct exporter *e = data;
	uint64_t now = rk_clock_now();

	rk_outputs_begin(&e->outputs);
	tell_clock(e, now);
	rk_join_tell_gpus(e->join, &e->setup.gpus, now);
	rk_join_begin(e->join, now);
	if (!e->setup.gpu_is_due || !e->setup.gpu_is_due())
		tell_all_facts(e, now);
	rk_overhead_begin(&e->overhead);
	e->has_begun = true;
	e->drain.is_quiet = false;
}

static void emit_recording(struct exporter *e, const char *what, const char *reason)
{
	uint8_t text[RECORDING_BYTES];
	struct rk_fields_writer writer;
	struct rk_op *op;

	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, what);
	rk_fields_put_placed(&writer, reason);
	op = start_own_op(e, RK_OP_RECORDING, rk_clock_now());
	op->text = text;
	op->text_bytes = (uint32_t)writer.used;
	rk_join_emit(e->join, op);
}

/* The time between a stop and a start is a gap, and says why it is one. */
static void tell_recording(bool is_on, enum rk_recording_reason reason, void *data)
{
	struct exporter *e = data;

	e->outputs.is_recording = is_on || reason == RK_RECORDING_BY_OVERHEAD; /* as it is wanted */
	if (is_on)
		rk_join_wake(e->join);
	else if (reason == RK_RECORDING_BY_OVERHEAD)
		rk_join_hold(e->join);
	else
		rk_join_rest(e->join);
	emit_recording(e, is_on ? "started" : "stopped", rk_recording_reason_name(reason));
	tell_tick(e, RK_OP_TICK, rk_clock_now());
	rk_outputs_seal(&e->outputs, UINT64_MAX);
	rk_log_info("recording: %s (%s)", is_on ? "started" : "stopped",
		    rk_recording_reason_name(reason));
}

static bool open_outputs(struct exporter *e)
{
	struct rk_join_setup setup = {
		.api_names = e->setup.api_names,
		.api_count = e->setup.api_count,
		.emit = take_op,
		.data = e,
		.is_quiet = true,
	};

	if (rk_join_create(&e->join, &setup)) {
		rk_log_error("exporter: could not create the join: %s", rk_strerror(ENOMEM));
		return false;
	}
	rk_drain_init(&e->drain, e->join, e->setup.gpu_ring);
	e->drain.is_quiet = true;
	if (rk_recording_state(&e->recording) == RK_RECORDING_ON)
		begin(e);
	rk_live_control_open(&e->live);
	return true;
}

static void tell_late_gpus(struct exporter *e, uint64_t now)
{
	const struct rk_gpu_inventory *gpus;
	struct rk_gpu_facts facts;

	if (e->has_late_gpus || !e->setup.late_gpus)
		return;
	gpus = e->setup.late_gpus();
	if (!gpus)
		return;
	rk_join_tell_gpus(e->join, gpus, now);
	e->has_late_gpus = true;
	read_facts(e, &facts);
	tell_facts(e, &facts, rk_outputs_add_gpus(&e->outputs, gpus), now);
}

static void follow_gpu_time(struct exporter *e)
{
	if (rk_recording_state(&e->recording) != RK_RECORDING_ON)
		return;
	if (e->setup.gpu_missing)
		rk_join_set_missing(e->join, e->setup.gpu_missing());
	rk_join_set_gpu_time(e->join, has_gpu_time(e));
	e->had_gpu_time = e->had_gpu_time || has_gpu_time(e);
}

static uint64_t drain_once(struct exporter *e, uint64_t now)
{
	uint64_t taken;

	if (e->has_begun)
		tell_late_gpus(e, now);
	follow_gpu_time(e);
	taken = rk_drain_round(&e->drain);
	if (e->drain.oldest && now > e->drain.oldest && now - e->drain.oldest > e->lag_ns)
		e->lag_ns = now - e->drain.oldest;
	/* Taken before the round: what was drained in it is never older than the join's time. */
	rk_join_tick(e->join, now);
	return taken;
}

static uint64_t tick_every_ns(const struct exporter *e)
{
	if (e->ops != e->ops_at_tick || rk_outputs_are_waiting(&e->outputs))
		return TICK_EVERY_NS;
	return rk_outputs_has_alerts(&e->outputs) ? ALERT_TICK_EVERY_NS : IDLE_TICK_EVERY_NS;
}

static void do_what_is_due(struct exporter *e, uint64_t now)
{
	if (e->has_begun && now >= e->last_clock_ns + CLOCK_EVERY_NS) {
		tell_clock(e, now);
		tell_changed_facts(e, now);
	}
	if (e->has_begun && now >= e->last_tick_ns + tick_every_ns(e)) {
		tell_tick(e, RK_OP_TICK, now);
		rk_own_files_check(&e->outputs.files);
	}
	rk_outputs_seal(&e->outputs, atomic_exchange(&e->publish, 0) ? UINT64_MAX : now);
	if (rk_outputs_is_turn_due(&e->outputs, now))
		turn(e);
	if (e->outputs.turns.wants_dump)
		e->outputs.turns.wants_dump = !rk_snapshot_begin_alert(
			&e->snapshot, e->outputs.turns.dumps, e->live.folder, now);
}

/* Not beyond @due. */
static uint32_t limit_wait(uint32_t most_ms, uint64_t due)
{
	uint64_t now = rk_clock_now();
	uint64_t left_ms = due > now ? (due - now) / NS_PER_MS : 0;

	return left_ms < most_ms ? (uint32_t)left_ms + 1 : most_ms;
}

static uint32_t limit_ms(uint32_t ms, uint32_t most)
{
	return ms < most ? ms : most;
}

/* Sockets cannot be waited for together with the futex: a little of each. */
static void wait_some(struct exporter *e, uint64_t taken)
{
	struct rk_net *net = e->outputs.net;
	uint32_t most = IDLE_WAIT_MS;

	if (taken > STORM_RECORDS)
		e->wait_ms = STORM_WAIT_MS;
	else if (taken)
		e->wait_ms = limit_ms(2 * e->wait_ms, BUSY_WAIT_MS);
	else if (e->wait_ms < IDLE_WAIT_MS)
		e->wait_ms *= 2;
	rk_outputs_send_events(&e->outputs);
	if (net) {
		bool is_busy = net->is_busy && net->is_busy(net);

		if (is_busy)
			most = SOCKET_WAIT_MS;
		rk_outputs_poll_net(&e->outputs, is_busy ? (taken ? 1 : BUSY_WAIT_MS) : 0);
	}
	if (rk_live_control_run(&e->live))
		most = SOCKET_WAIT_MS;
	if (rk_recording_state(&e->recording) == RK_RECORDING_STOPPING)
		most = BUSY_WAIT_MS;
	most = limit_wait(most, rk_recording_due(&e->recording));
	most = limit_wait(most, rk_overhead_due(&e->overhead));
	if (e->wait_ms > most)
		e->wait_ms = most;
	if (!atomic_load(&e->stop) && !atomic_load(&e->publish))
		rk_thread_wait(e->wait_ms);
}

static bool is_over(struct exporter *e)
{
	return atomic_load(&e->stop) || rk_apart_is_orphan(e->apart);
}

/* The program has ended but for its exit handlers, which wait for us to end. */
static void look_who_is_left(struct exporter *e, uint64_t now)
{
	if (now < e->last_look_ns + LOOK_EVERY_NS || e->has_left || rk_sandbox_was_entered())
		return;
	e->last_look_ns = now;
	e->has_left = rk_own_threads_are_left();
	if (e->has_left && !rk_apart_leave(e->apart))
		rk_own_threads_leave();
}

static void watch_overhead(struct exporter *e, uint64_t now)
{
	struct rk_ledger ledger;

	if (!rk_overhead_is_due(&e->overhead, now))
		return;
	fill_ledger(e, &ledger);
	rk_overhead_run(&e->overhead, now, own_cpu_ns(e), &ledger,
			rk_live_control_config(&e->live));
}

/* Until the end, or until it has to go on in the program. Return: whether it is the end. */
static bool run_rounds(struct exporter *e)
{
	while (!is_over(e)) {
		uint64_t now = rk_clock_now();
		uint64_t taken = drain_once(e, now);

		e->outputs.ticked_ns = now;
		do_what_is_due(e, now);
		look_who_is_left(e, now);
		watch_overhead(e, now);
		rk_recording_run(&e->recording, now, !taken);
		if (rk_snapshot_run(&e->snapshot, now))
			e->wait_ms = 1;
		wait_some(e, taken);
		if (rk_apart_must_return(e->apart))
			return false;
	}
	return true;
}

static void tell_end(struct exporter *e)
{
	uint64_t now;

	rk_join_finish(e->join);
	now = rk_clock_now();
	tell_changed_facts(e, now);
	/* There is no end where the program did not come to one; but nothing is missing. */
	if (e->apart->is_orphan)
		emit_recording(e, "ended", "");
	tell_tick(e, RK_OP_TICK, now);
	if (!e->apart->is_orphan)
		tell_tick(e, RK_OP_END, now);
	rk_outputs_seal(&e->outputs, UINT64_MAX);
}

/* Everything that threads have committed, the end, all of it sealed; then the network's share,
 * and the index of the file last, so that it knows what has arrived. */
static void run_end(struct exporter *e)
{
	uint64_t now = rk_clock_now();
	uint64_t by = e->apart->is_orphan ? now + ORPHAN_END_NS : atomic_load(&e->stop_by_ns);

	rk_live_control_close(&e->live);
	rk_snapshot_stop(&e->snapshot);
	for (int i = 0; i < LAST_ROUNDS_MAX && now < by; i++) {
		if (!drain_once(e, now))
			break;
		now = rk_clock_now();
	}
	if (e->has_begun)
		tell_end(e);
	now = rk_clock_now();
	rk_outputs_finish_net(&e->outputs, by > now ? (uint32_t)((by - now) / NS_PER_MS) : 0);
	/* It tells what was sent. Of a program that did not end by itself the launcher does. */
	if (e->has_begun && (!e->apart->is_orphan || e->outputs.summary_path[0]))
		rk_outputs_tell_verdict(&e->outputs);
	rk_outputs_close_file(&e->outputs);
}

static void init_overhead(struct exporter *e)
{
	const struct rk_overhead_setup setup = {
		.config = e->setup.config,
		.hook_ns = e->setup.hook_ns,
		.gpu_overhead_ns = e->setup.gpu_overhead_ns,
		.limit = e->setup.limit,
		.cannot_count = e->setup.cannot_count,
		.follow_sampling = e->setup.follow_sampling,
		.emit = emit_own,
		.data = e,
	};

	rk_overhead_init(&e->overhead, &setup, &e->recording);
}

/* Return: false when nothing can be recorded. */
static bool prepare(struct exporter *e)
{
	bool is_open;

	rk_sandbox_settle_malloc();
	rk_outputs_init(&e->outputs, &e->setup);
	e->snapshot = (struct rk_snapshot){
		.outputs = &e->outputs,
		.gpu_flush = e->setup.gpu_flush,
		.gpu_is_flushed = e->setup.gpu_is_flushed,
		.tick = tick_for_snapshot,
		.turn = turn,
		.data = e,
	};
	e->live = (struct rk_live_control){ .recording = &e->recording,
					    .overhead = &e->overhead,
					    .snapshot = &e->snapshot,
					    .measure = measure,
					    .emit = emit_own,
					    .data = e };
	rk_live_control_init(&e->live, &e->outputs);
	/* All of it now, while the call that creates the first context waits, and not when rings
	 * fill, or when the program has forbidden it, as it may from that call on. */
	if (rk_net_is_wanted(e->setup.config))
		rk_net_prepare(e->setup.env, e->setup.library_dir);
	rk_outputs_open(&e->outputs);
	init_overhead(e);
	e->statm_fd = rk_sandbox_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	e->started_ns = rk_clock_now();
	e->outputs.ticked_ns = e->started_ns;
	is_open = open_outputs(e);
	set_state(RUNNING);
	return is_open;
}

/* Return: false when it has to go on elsewhere, by another call. */
static bool serve(void *data)
{
	struct exporter *e = data;

	if (!e->started_ns && !prepare(e)) {
		rk_outputs_close_events(&e->outputs);
		return true;
	}
	if (!run_rounds(e)) {
		e->cpu_before_ns += thread_cpu_ns();
		return false;
	}
	run_end(e);
	rk_outputs_close_events(&e->outputs);
	return true;
}

/* Below the launcher, and where the file is all there is to be: what a network's threads do
 * cannot be taken back into the program. */
static bool is_to_be_apart(const struct exporter *e)
{
	return e->outputs.files.is_own && !rk_net_is_wanted(e->setup.config) &&
	       rk_apart_is_wanted(e->setup.env);
}

static bool serve_apart(void *data)
{
	bool is_over = serve(data);

	if (is_over)
		set_state(DONE);
	return is_over;
}

static void *exporter_main(void *data)
{
	struct exporter *e = data;
	struct rk_apart apart = { .serve = serve_apart, .data = e };
	enum rk_apart_result result = RK_APART_REFUSED;

	e->apart = &apart;
	rk_thread_mark_own();
	pthread_setname_np(pthread_self(), "rk-exporter");
	rk_own_files_take(&e->outputs.files);
	if (is_to_be_apart(e))
		result = rk_apart_run(e->apart, e->setup.env,
				      e->setup.rseq_offset ? e->setup.rseq_offset() : NULL);
	if (result == RK_APART_REFUSED || result == RK_APART_CAME_BACK) {
		serve(e);
	} else if (result == RK_APART_KILLED) {
		rk_thread_close_gate();
		rk_log_error("exporter: its process was ended: nothing is recorded any more");
	}
	if (result != RK_APART_ENDED) /* it has said so; another may have been started since */
		set_state(DONE);
	rk_thread_park();
}

/* Also in a forked child, where the parent's state came along; it is left alone there. */
static void reset(const struct rk_exporter_setup *setup)
{
	/* What was refused before anything was recorded belongs to the first recording. */
	uint64_t refused_before = exporter.pid ? refused_by_api() : 0;

	if (exporter.pid == getpid() && atomic_load(&exporter.state) == DONE) {
		/* librknet may still hold on to the metrics. */
		if (!exporter.outputs.net)
			rk_outputs_finish(&exporter.outputs);
		rk_live_control_finish(&exporter.live);
		rk_overhead_finish(&exporter.overhead);
		rk_join_destroy(exporter.join);
		rk_drain_finish(&exporter.drain);
	}
	memset(&exporter, 0, sizeof(exporter));
	exporter.setup = *setup;
	exporter.drain.gpu_ring = setup->gpu_ring;
	rk_recording_init(&exporter.recording, setup->config);
	exporter.recording.setup = setup->recording;
	exporter.recording.setup.begin = begin;
	exporter.recording.setup.tell = tell_recording;
	exporter.recording.setup.data = &exporter;
	exporter.refused_before = refused_before;
	exporter.statm_fd = -1;
	exporter.wait_ms = BUSY_WAIT_MS;
	exporter.pid = getpid();
	atomic_store(&exporter.state, STARTING);
}

int rk_exporter_start(const struct rk_exporter_setup *setup)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int err;

	if (exporter.pid == getpid() && atomic_load(&exporter.state) != NOT_STARTED &&
	    atomic_load(&exporter.state) != DONE)
		return 0;
	reset(setup);
	err = pthread_attr_init(&attributes);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* The new thread inherits the mask: no signal of the program is ever taken by it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attributes, exporter_main, &exporter);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (err) {
		atomic_store(&exporter.state, NOT_STARTED);
		rk_log_warn("exporter: could not start the thread: %s", rk_strerror(err));
		return -err;
	}
	wait_for_state(RUNNING, START_TIMEOUT_MS);
	return 0;
}

int rk_exporter_stop(uint32_t timeout_ms)
{
	if (exporter.pid != getpid() || atomic_load(&exporter.state) == NOT_STARTED)
		return 0;
	/* The thread gives up a little before its caller does: what it has to say must get out. */
	atomic_store(&exporter.stop_by_ns,
		     rk_clock_now() + timeout_ms * NS_PER_MS * STOP_SHARE_PERCENT / 100);
	atomic_store(&exporter.stop, 1);
	rk_thread_wake();
	return wait_for_state(DONE, timeout_ms) ? 0 : -ETIMEDOUT;
}

static bool is_running(void)
{
	return exporter.pid == getpid() && atomic_load(&exporter.state) == RUNNING;
}

void rk_exporter_want(bool on, enum rk_recording_reason reason)
{
	if (is_running())
		rk_recording_want(&exporter.recording, on, reason, 0);
}

void rk_exporter_toggle(void)
{
	if (is_running())
		rk_recording_toggle(&exporter.recording);
}

bool rk_exporter_wait_recording(uint32_t timeout_ms)
{
	return is_running() && rk_recording_wait(&exporter.recording, timeout_ms);
}

void rk_exporter_publish(void)
{
	atomic_store(&exporter.publish, 1);
	rk_thread_wake();
}
