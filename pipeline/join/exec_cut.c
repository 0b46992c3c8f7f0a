/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/exec_cut.c - the open execution of every thread.
 */
#include "pipeline/join/exec_cut.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE RK_CORR_NONE
/* Threads that are known at the same time; later ones get no execution. */
#define THREADS_MAX  65536u
#define CONTEXTS_MAX 4096u
/* As many as an execution has stages, and some. */
#define LEFT_MAX 8u

/* An execution that a change of the trace context closed, while calls of it wait. */
struct left {
	uint64_t exec;	 /* 0 = none */
	uint64_t stream; /* handle, of all of its calls */
	uint32_t slot;	 /* its own as long as the state there has its number */
	uint16_t context;
	bool one_stream;
};

struct rk_exec_thread {
	uint32_t tid;
	uint32_t slot; /* of the open execution; RK_CORR_NONE = none */
	uint32_t calls;
	uint64_t start;	 /* ns; its first call */
	uint64_t last;	 /* ns; end of its newest call */
	uint64_t stream; /* handle of its first call */
	uint16_t context;
	bool one_stream, one_context;
	uint64_t aged; /* number of the last execution, when it was closed for its age */
	struct left left[LEFT_MAX]; /* the newest ones, in a ring */
	uint32_t next_left;
};

/* The newest synchronisation of a whole context, and the newest at the last collection. */
struct rk_exec_mark {
	uint64_t start, end, settled_start, settled_end; /* ns */
	uint32_t round; /* of draining in which it was seen */
};

int rk_exec_cut_init(struct rk_exec_cut *cut, rk_exec_close_fn close, void *data)
{
	memset(cut, 0, sizeof(*cut));
	cut->close = close;
	cut->data = data;
	cut->thread_limit = THREADS_MAX;
	cut->state_free = NONE;
	cut->round = 1;
	return rk_corr_index_init(&cut->by_tid);
}

void rk_exec_cut_finish(struct rk_exec_cut *cut)
{
	free(cut->threads);
	free(cut->states);
	free(cut->marks);
	rk_corr_index_finish(&cut->by_tid);
	memset(cut, 0, sizeof(*cut));
}

/* Doubles an array; false without memory. */
static bool array_grow(void **array, uint32_t *capacity, size_t size)
{
	uint32_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown = realloc(*array, wanted * size);

	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

static struct rk_exec_thread *thread_find(const struct rk_exec_cut *cut, uint32_t tid)
{
	uint32_t at;

	if (cut->last_thread && cut->last_tid == tid)
		return &cut->threads[cut->last_thread - 1];
	at = rk_corr_index_get(&cut->by_tid, tid);
	return at == NONE ? NULL : &cut->threads[at];
}

static struct rk_exec_thread *thread_get(struct rk_exec_cut *cut, uint32_t tid)
{
	struct rk_exec_thread *thread;

	if (cut->last_thread && cut->last_tid == tid)
		return &cut->threads[cut->last_thread - 1];
	thread = thread_find(cut, tid);
	if (thread) {
		cut->last_tid = tid;
		cut->last_thread = (uint32_t)(thread - cut->threads) + 1;
		return thread;
	}
	if (cut->thread_count == cut->thread_limit)
		return NULL;
	if (cut->thread_count == cut->thread_capacity &&
	    !array_grow((void **)&cut->threads, &cut->thread_capacity, sizeof(*cut->threads)))
		return NULL;
	if (rk_corr_index_put(&cut->by_tid, tid, cut->thread_count))
		return NULL;
	thread = &cut->threads[cut->thread_count++];
	memset(thread, 0, sizeof(*thread));
	thread->tid = tid;
	thread->slot = NONE;
	return thread;
}

static uint32_t state_take(struct rk_exec_cut *cut)
{
	uint32_t slot = cut->state_free;

	if (slot != NONE) {
		cut->state_free = cut->states[slot].next_free;
	} else {
		if (cut->state_count == cut->state_capacity &&
		    !array_grow((void **)&cut->states, &cut->state_capacity, sizeof(*cut->states)))
			return NONE;
		slot = cut->state_count++;
	}
	cut->states[slot] = (struct rk_exec_state){ .exec = ++cut->last_exec };
	return slot;
}

void rk_exec_cut_recycle(struct rk_exec_cut *cut, uint32_t slot)
{
	cut->states[slot].next_free = cut->state_free;
	cut->state_free = slot;
}

static void thread_close(struct rk_exec_cut *cut, struct rk_exec_thread *thread, uint64_t done_by,
			 enum rk_exec_close_reason reason)
{
	uint32_t slot = thread->slot;
	struct rk_exec_state *state;

	if (slot == NONE)
		return;
	state = &cut->states[slot];
	state->done_by = done_by;
	state->closed = true;
	thread->slot = NONE;
	cut->close(cut->data, state->exec, thread->tid, thread->calls, reason);
	if (!state->waiting)
		rk_exec_cut_recycle(cut, slot);
}

/* The mark of a context; NULL where none was set. */
static const struct rk_exec_mark *mark_of(const struct rk_exec_cut *cut, uint16_t context)
{
	return context < cut->mark_count ? &cut->marks[context] : NULL;
}

static void mark_set(struct rk_exec_cut *cut, const struct rk_exec_call *call)
{
	uint32_t wanted = cut->mark_count ? cut->mark_count : 16;
	struct rk_exec_mark *grown;

	if (call->context >= CONTEXTS_MAX)
		return;
	while (wanted <= call->context)
		wanted *= 2;
	if (wanted > cut->mark_count) {
		grown = realloc(cut->marks, wanted * sizeof(*grown));
		if (!grown)
			return;
		memset(grown + cut->mark_count, 0, (wanted - cut->mark_count) * sizeof(*grown));
		cut->marks = grown;
		cut->mark_count = wanted;
	}
	if (call->start > cut->marks[call->context].start) {
		cut->marks[call->context].start = call->start;
		cut->marks[call->context].end = call->end;
		cut->marks[call->context].round = cut->round;
	}
}

/* The mark that covers all of the thread's open execution; NULL if none does. */
static const struct rk_exec_mark *covering_mark(const struct rk_exec_cut *cut,
						const struct rk_exec_thread *thread)
{
	const struct rk_exec_mark *mark = mark_of(cut, thread->context);

	if (thread->slot == NONE || !thread->one_context || !mark || thread->last > mark->start)
		return NULL;
	return mark;
}

uint64_t rk_exec_cut_submit(struct rk_exec_cut *cut, const struct rk_exec_call *call,
			    uint32_t *slot)
{
	struct rk_exec_thread *thread = thread_get(cut, call->tid);
	const struct rk_exec_mark *mark;

	*slot = NONE;
	if (!thread)
		return 0;
	mark = covering_mark(cut, thread);
	if (mark && call->start >= mark->start)
		thread_close(cut, thread, mark->end, RK_CLOSE_SYNC);
	else if (thread->slot != NONE && call->start > thread->start + RK_EXEC_AGE_NS)
		thread_close(cut, thread, 0, RK_CLOSE_AGE);
	if (thread->slot == NONE) {
		thread->slot = state_take(cut);
		if (thread->slot == NONE)
			return 0;
		thread->calls = 0;
		thread->aged = 0;
		thread->start = call->start;
		thread->stream = call->stream;
		thread->context = call->context;
		thread->one_stream = true;
		thread->one_context = true;
	}
	if (++thread->calls >= RK_EXEC_CALLS_MAX)
		cut->has_full = true;
	thread->last = call->end;
	thread->one_stream = thread->one_stream && thread->stream == call->stream;
	thread->one_context = thread->one_context && thread->context == call->context;
	*slot = thread->slot;
	return cut->states[thread->slot].exec;
}

void rk_exec_cut_close_full(struct rk_exec_cut *cut, uint32_t tid)
{
	struct rk_exec_thread *thread = thread_find(cut, tid);

	cut->has_full = false;
	if (thread && thread->slot != NONE && thread->calls >= RK_EXEC_CALLS_MAX)
		thread_close(cut, thread, 0, RK_CLOSE_COUNT);
}

/* Whether the synchronisation waited for everything in the thread's open execution. */
static bool waits_for_all(const struct rk_exec_thread *thread, const struct rk_exec_call *call,
			  enum rk_sync_scope scope)
{
	if (!thread->one_context || thread->context != call->context)
		return false;
	if (scope == RK_SYNC_CONTEXT)
		return true;
	return (scope == RK_SYNC_STREAM || scope == RK_SYNC_STREAM_QUERY) && thread->one_stream &&
	       thread->stream == call->stream;
}

/* Keep in mind what the thread leaves, for a synchronisation that is still to come. */
static void note_left(struct rk_exec_cut *cut, struct rk_exec_thread *thread)
{
	const struct rk_exec_state *state = &cut->states[thread->slot];

	if (!state->waiting || !thread->one_context)
		return;
	thread->left[thread->next_left++ % LEFT_MAX] = (struct left){
		.exec = state->exec,
		.stream = thread->stream,
		.slot = thread->slot,
		.context = thread->context,
		.one_stream = thread->one_stream,
	};
}

void rk_exec_cut_leave(struct rk_exec_cut *cut, uint32_t tid)
{
	struct rk_exec_thread *thread = thread_find(cut, tid);

	if (thread)
		thread->aged = 0;
	if (!thread || thread->slot == NONE)
		return;
	note_left(cut, thread);
	thread_close(cut, thread, 0, RK_CLOSE_CONTEXT);
}

/* A synchronisation of one stream; those of a whole context leave a mark. */
static void complete_left(struct rk_exec_cut *cut, struct rk_exec_thread *thread,
			  const struct rk_exec_call *call)
{
	for (uint32_t i = 0; i < LEFT_MAX; i++) {
		struct left *left = &thread->left[i];
		struct rk_exec_state *state;

		if (!left->exec || !left->one_stream || left->stream != call->stream ||
		    left->context != call->context)
			continue;
		state = &cut->states[left->slot];
		if (state->exec == left->exec && !state->done_by)
			state->done_by = call->end;
		left->exec = 0;
	}
}

void rk_exec_cut_sync(struct rk_exec_cut *cut, const struct rk_exec_call *call,
		      enum rk_sync_scope scope)
{
	struct rk_exec_thread *thread = thread_find(cut, call->tid);
	bool is_query = scope == RK_SYNC_STREAM_QUERY || scope == RK_SYNC_EVENT_QUERY;

	if (scope == RK_SYNC_CONTEXT)
		mark_set(cut, call);
	if (thread && thread->next_left &&
	    (scope == RK_SYNC_STREAM || scope == RK_SYNC_STREAM_QUERY))
		complete_left(cut, thread, call);
	if (thread && thread->slot != NONE)
		thread_close(cut, thread, waits_for_all(thread, call, scope) ? call->end : 0,
			     is_query ? RK_CLOSE_QUERY : RK_CLOSE_SYNC);
	if (thread)
		thread->aged = 0;
}

uint64_t rk_exec_cut_current(const struct rk_exec_cut *cut, uint32_t tid)
{
	const struct rk_exec_thread *thread = thread_find(cut, tid);

	return thread && thread->slot != NONE ? cut->states[thread->slot].exec : 0;
}

uint64_t rk_exec_cut_aged(const struct rk_exec_cut *cut, uint32_t tid)
{
	const struct rk_exec_thread *thread = thread_find(cut, tid);

	return thread && thread->slot == NONE ? thread->aged : 0;
}

static void close_aged(struct rk_exec_cut *cut, struct rk_exec_thread *thread)
{
	thread->aged = cut->states[thread->slot].exec;
	thread_close(cut, thread, 0, RK_CLOSE_AGE);
}

void rk_exec_cut_tick(struct rk_exec_cut *cut, uint64_t now)
{
	for (uint32_t i = 0; i < cut->thread_count; i++) {
		struct rk_exec_thread *thread = &cut->threads[i];
		const struct rk_exec_mark *mark = covering_mark(cut, thread);

		if (thread->slot == NONE)
			continue;
		if (mark && mark->round != cut->round)
			thread_close(cut, thread, mark->end, RK_CLOSE_SYNC);
		else if (now > thread->start + RK_EXEC_AGE_NS)
			close_aged(cut, thread);
	}
	cut->round++;
}

void rk_exec_cut_thread_exit(struct rk_exec_cut *cut, uint32_t tid)
{
	struct rk_exec_thread *thread = thread_find(cut, tid);
	uint32_t last = cut->thread_count - 1;

	if (!thread)
		return;
	cut->last_thread = 0;
	thread_close(cut, thread, 0, RK_CLOSE_THREAD_EXIT);
	rk_corr_index_remove(&cut->by_tid, tid);
	if (thread != &cut->threads[last]) {
		*thread = cut->threads[last];
		rk_corr_index_put(&cut->by_tid, thread->tid, (uint32_t)(thread - cut->threads));
	}
	cut->thread_count = last;
}

void rk_exec_cut_end(struct rk_exec_cut *cut)
{
	for (uint32_t i = 0; i < cut->thread_count; i++)
		thread_close(cut, &cut->threads[i], 0, RK_CLOSE_END);
}

uint64_t rk_exec_cut_done_by(const struct rk_exec_cut *cut, uint32_t slot, uint16_t context,
			     uint64_t host_end)
{
	const struct rk_exec_mark *mark = mark_of(cut, context);

	if (slot != NONE && cut->states[slot].done_by)
		return cut->states[slot].done_by;
	if (mark && host_end <= mark->settled_start)
		return mark->settled_end;
	if (mark && host_end <= mark->start)
		return mark->end;
	return 0;
}

void rk_exec_cut_settle(struct rk_exec_cut *cut)
{
	for (uint32_t i = 0; i < cut->mark_count; i++) {
		cut->marks[i].settled_start = cut->marks[i].start;
		cut->marks[i].settled_end = cut->marks[i].end;
	}
}
