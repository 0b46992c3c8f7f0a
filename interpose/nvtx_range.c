/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_range.c - from a call of NVTX to the records of a span.
 */
#include "interpose/nvtx_range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/ring.h"
#include "core/ring_run.h"
#include "core/thread.h"
#include "interpose/api_v1_context.h"
#include "interpose/nvtx_shared.h"
#include "interpose/start.h"

/* What the program gets as the id of a started range: no number that it makes up is one. */
#define ID_MARK	  (UINT64_C(0x4e56) << 48)
#define ID_NUMBER ((UINT64_C(1) << 48) - 1)

#define UNNAMED "(unnamed)"

/* Ranges that come faster than they can be taken away must not push out what runs on the GPU. */
#define BEGIN_SHARE 4 /* of the ring, 1/4 stays free of begins and marks */
#define END_SHARE   8 /* and 1/8 of ends, so that ranges that began can end */

/* Only where something is kept: in a process that records, or still may. */
static bool enter(int *saved_errno)
{
	if (rk_thread_self.depth > 0 || (!rk_thread_gate_is_open() && !rk_start_may_record()))
		return false;
	rk_thread_self.depth = 1;
	*saved_errno = errno;
	rk_nvtx_range_settle();
	return true;
}

static void leave(int saved_errno)
{
	rk_thread_self.depth = 0;
	errno = saved_errno;
}

static void put_text(struct rk_fields_writer *writer, const char *key, const char *text)
{
	struct rk_field field = { .key = key, .type = RK_FIELD_TEXT, .text = text };

	rk_fields_put(writer, &field);
}

static void put_attributes(struct rk_fields_writer *writer, const struct rk_nvtx_event *event)
{
	char number[16];
	const char *category;

	if (event->domain)
		put_text(writer, "nvtx.domain", rk_nvtx_domain_name(event->domain));
	if (event->category) {
		category = rk_nvtx_category_name(event->domain, event->category);
		snprintf(number, sizeof(number), "%u", event->category);
		put_text(writer, "nvtx.category", *category ? category : number);
	}
	if (event->payload.key)
		rk_fields_put(writer, &event->payload);
}

static void put_name(struct rk_fields_writer *writer, const struct rk_nvtx_event *event)
{
	bool has_name = event->message && *event->message;

	rk_fields_put_placed(writer, has_name ? event->message : UNNAMED);
}

/* What stands between name and attributes of a span. */
static void put_middle(struct rk_api_v1_call *call, const struct rk_context *context)
{
	rk_fields_put_placed(&call->text, "");
	rk_api_v1_put_texts(call, context->texts);
}

static void begin_record(struct rk_api_v1_call *call, const struct rk_nvtx_open *open,
			 const struct rk_context *parent)
{
	struct rk_api_record *record = &call->record;

	rk_api_v1_next_at(call, RK_REC_SPAN_BEGIN, open->time);
	rk_api_v1_set_ids(record, &open->context);
	record->what = RK_SPAN_KIND_INTERNAL;
	record->flags |= RK_API_NVTX;
	memcpy(record->ids.parent, parent->span_id, sizeof(record->ids.parent));
	if (parent->flags & RK_CONTEXT_REMOTE)
		record->flags |= RK_API_REMOTE;
}

/* Of this thread; NULL when it has none. */
static struct rk_ring *own_ring(void)
{
	const struct rk_thread *self = &rk_thread_self;
	uint32_t gate = rk_thread_gate();

	return gate && self->epoch == gate ? self->ring : rk_thread_ring_slow();
}

static bool push_sparing(struct rk_api_v1_call *call, uint32_t share)
{
	struct rk_ring *ring = own_ring();

	if (!ring || rk_ring_run_fits(ring, ring->mask / share))
		return rk_api_v1_push_alone(call);
	rk_ring_count(&ring->lost_other);
	return false;
}

static void push_begin(struct rk_api_v1_call *call, struct rk_nvtx_open *open)
{
	if (push_sparing(call, BEGIN_SHARE)) {
		open->state = RK_NVTX_TOLD;
		rk_nvtx_shared_tell(open->shared, rk_thread_self.ring);
	} else {
		open->state = RK_NVTX_LOST;
		open->context = open->previous;
	}
}

/*
 * The ring hears of it with the thread's next launch, because most ranges see none: forgetting
 * the tail leads that past rk_api_v1_tell_context().
 */
static void switch_to(const struct rk_context *context)
{
	struct rk_ring *ring = rk_thread_gate_is_open() ? own_ring() : NULL;

	rk_api_v1_switch(context, false);
	if (ring)
		rk_ring_forget_tail(ring);
}

static void tell_new(struct rk_nvtx_open *open, const struct rk_nvtx_event *event)
{
	struct rk_context parent = open->previous;
	struct rk_api_v1_call call;

	rk_api_v1_make_context(&parent, &open->context, open->number);
	begin_record(&call, open, &parent);
	put_name(&call.text, event);
	put_middle(&call, &open->context);
	put_attributes(&call.text, event);
	push_begin(&call, open);
	if (open->state == RK_NVTX_TOLD)
		switch_to(&open->context);
}

static void put_bytes(struct rk_fields_writer *writer, const uint8_t *bytes, uint32_t count)
{
	if (count > writer->size - writer->used) {
		writer->is_cut = true;
		return;
	}
	memcpy(writer->out + writer->used, bytes, count);
	writer->used += count;
}

static void tell_kept(struct rk_nvtx_open *open)
{
	const uint8_t *text = rk_nvtx_self.text + open->text_at;
	struct rk_context parent = open->previous;
	struct rk_api_v1_call call;

	rk_api_v1_make_context(&parent, &open->context, open->number);
	begin_record(&call, open, &parent);
	if (open->text_bytes)
		put_bytes(&call.text, text, open->name_bytes);
	else
		rk_fields_put_placed(&call.text, UNNAMED);
	put_middle(&call, &open->context);
	if (open->text_bytes)
		put_bytes(&call.text, text + open->name_bytes, open->text_bytes - open->name_bytes);
	push_begin(&call, open);
}

/* For when recording begins. Without room the range keeps its place and has no name. */
static void keep_text(struct rk_nvtx_open *open, const struct rk_nvtx_event *event)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;
	uint8_t bytes[RK_API_V1_TEXT_BYTES], *room;
	struct rk_fields_writer writer;
	uint32_t name_bytes;

	self->untold++;
	rk_fields_writer_init(&writer, bytes, RK_API_TEXT_MAX);
	put_name(&writer, event);
	name_bytes = (uint32_t)writer.used;
	put_attributes(&writer, event);
	room = rk_nvtx_stack_reserve_text((uint32_t)writer.used);
	if (!room)
		return;
	memcpy(room, bytes, writer.used);
	open->name_bytes = name_bytes;
	open->text_bytes = (uint32_t)writer.used;
	self->text_used += open->text_bytes;
}

static bool is_same(const struct rk_context *a, const struct rk_context *b)
{
	return a->number == b->number && memcmp(a->span_id, b->span_id, sizeof(a->span_id)) == 0 &&
	       memcmp(a->trace_id, b->trace_id, sizeof(a->trace_id)) == 0;
}

/*
 * While nothing was told no range changed the context of the thread: those that were opened in
 * the same one lie within each other.
 */
static void tell_untold(struct rk_nvtx_stack *self)
{
	static const struct rk_context none;
	struct rk_context around = none, last = none;
	bool is_chain = false;

	for (uint32_t i = 0; i < self->count; i++) {
		struct rk_nvtx_open *open = &self->open[i];
		struct rk_context before = open->previous;

		if (open->state != RK_NVTX_UNTOLD) {
			is_chain = false;
			continue;
		}
		if (is_chain && is_same(&before, &around))
			open->previous = last;
		tell_kept(open);
		open->text_bytes = 0;
		is_chain = true;
		around = before;
		last = open->context;
	}
	self->untold = self->text_used = 0;
	if (is_chain && is_same(&rk_api_v1_self.current, &around))
		switch_to(&last);
}

/* Whether the thread works in the range, and not in something within it. */
static bool is_current(const struct rk_nvtx_open *open)
{
	return open->state == RK_NVTX_TOLD && rk_api_v1_self.current.flags & RK_CONTEXT_SPAN &&
	       rk_api_v1_self.current.number == open->context.number;
}

static void remove_at(uint32_t at)
{
	const struct rk_nvtx_open *open = &rk_nvtx_self.open[at];
	struct rk_context previous = open->previous;
	bool was_current = is_current(open);

	rk_nvtx_shared_give_back(open->shared);
	rk_nvtx_stack_remove(at);
	if (was_current)
		switch_to(&previous);
}

static void remove_ended(struct rk_nvtx_stack *self)
{
	for (uint32_t i = self->count; i-- > 0;) {
		if (self->open[i].is_started && rk_nvtx_shared_is_over(self->open[i].shared))
			remove_at(i);
	}
}

static void push_thread_name(uint32_t tid, const char *name)
{
	struct rk_api_v1_call call;

	rk_api_v1_next(&call, RK_REC_THREAD_NAME);
	call.record.number = tid;
	rk_fields_put_placed(&call.text, name);
	rk_api_v1_push_alone(&call);
}

static void tell_name(void)
{
	const char *name;

	rk_thread_ring_slow(); /* the thread learns its own number there */
	name = rk_nvtx_thread_take(rk_thread_self.tid);
	if (*name)
		push_thread_name(rk_thread_self.tid, name);
}

void rk_nvtx_range_settle(void)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;

	if (!rk_thread_gate_is_open())
		return;
	if (self->started && atomic_load(&rk_nvtx_shared_ends))
		remove_ended(self);
	if (self->untold)
		tell_untold(self);
	if (rk_nvtx_thread_is_named())
		tell_name();
}

void rk_nvtx_range_recheck(void)
{
	struct rk_ring *ring;

	if (!rk_nvtx_self.started || !atomic_load(&rk_nvtx_shared_ends))
		return;
	ring = rk_thread_ring_slow();
	if (ring)
		rk_ring_forget_tail(ring);
}

static int level_in(const struct rk_nvtx_domain *domain)
{
	int64_t at = rk_nvtx_stack_find_pushed(domain);

	return (at < 0 ? 0 : rk_nvtx_self.open[at].level + 1) + (int)rk_nvtx_self.beyond;
}

static void open_range(struct rk_nvtx_open *open, const struct rk_nvtx_event *event)
{
	open->time = rk_clock_ticks();
	open->number = rk_api_v1_take_number();
	open->previous = rk_api_v1_self.current;
	open->domain = event->domain;
	if (open->is_started) {
		rk_nvtx_self.started++;
		open->shared = rk_nvtx_shared_take(open->number);
	}
	if (rk_thread_gate_is_open())
		tell_new(open, event);
	else
		keep_text(open, event);
}

int rk_nvtx_range_push(const struct rk_nvtx_event *event)
{
	struct rk_nvtx_open *open;
	int saved_errno, level;

	if (!enter(&saved_errno))
		return RK_NVTX_NOT_TRACKED;
	level = level_in(event->domain);
	open = rk_nvtx_stack_push();
	if (open) {
		open->level = level;
		open_range(open, event);
	} else {
		rk_nvtx_self.beyond++;
	}
	leave(saved_errno);
	return level;
}

/* @open is NULL where only its number is known. */
static void say_end(const struct rk_nvtx_open *open, uint64_t number)
{
	struct rk_api_v1_call call;

	rk_api_v1_next(&call, RK_REC_SPAN_END);
	if (open)
		rk_api_v1_set_ids(&call.record, &open->context);
	call.record.number = number;
	push_sparing(&call, END_SHARE);
}

static void close_at(int64_t at)
{
	const struct rk_nvtx_open *open = &rk_nvtx_self.open[at];

	if (open->state == RK_NVTX_TOLD && rk_thread_gate_is_open())
		say_end(open, open->number);
	remove_at((uint32_t)at);
}

int rk_nvtx_range_pop(const struct rk_nvtx_domain *domain)
{
	int saved_errno, level = RK_NVTX_UNBALANCED;
	int64_t at;

	if (!enter(&saved_errno))
		return RK_NVTX_NOT_TRACKED;
	if (rk_nvtx_self.beyond) {
		level = level_in(domain) - 1;
		rk_nvtx_self.beyond--;
	} else {
		at = rk_nvtx_stack_find_pushed(domain);
		if (at >= 0) {
			level = rk_nvtx_self.open[at].level;
			close_at(at);
		}
	}
	leave(saved_errno);
	return level;
}

uint64_t rk_nvtx_range_start(const struct rk_nvtx_event *event)
{
	struct rk_nvtx_open *open;
	uint64_t id = 0;
	int saved_errno;

	if (!enter(&saved_errno))
		return 0;
	open = rk_nvtx_stack_push();
	if (open) {
		open->is_started = true;
		open_range(open, event);
		id = ID_MARK | (open->number & ID_NUMBER);
	}
	leave(saved_errno);
	return id;
}

/* Of another thread, which hears of it before it records anything else. */
static void end_elsewhere(uint64_t number)
{
	enum rk_nvtx_share share = rk_nvtx_shared_end(number);

	if (share != RK_NVTX_SHARE_UNTOLD && rk_thread_gate_is_open())
		say_end(NULL, number);
}

void rk_nvtx_range_end(uint64_t id)
{
	uint64_t number = id & ID_NUMBER;
	int saved_errno;
	int64_t at;

	if ((id & ~ID_NUMBER) != ID_MARK || !number || !enter(&saved_errno))
		return;
	at = rk_nvtx_stack_find_started(number);
	if (at >= 0)
		close_at(at);
	else
		end_elsewhere(number);
	leave(saved_errno);
}

static void mark_in(const struct rk_context *span, const struct rk_nvtx_event *event)
{
	struct rk_api_v1_call call;

	rk_api_v1_next(&call, RK_REC_SPAN_EVENT);
	rk_api_v1_set_ids(&call.record, span);
	put_name(&call.text, event);
	put_attributes(&call.text, event);
	push_sparing(&call, BEGIN_SHARE);
}

/* There is nothing it could be an event of. */
static void mark_alone(const struct rk_nvtx_event *event)
{
	struct rk_nvtx_open open = { .previous = rk_api_v1_self.current };
	struct rk_context parent = open.previous;
	struct rk_api_v1_call call;

	open.time = rk_clock_ticks();
	open.number = rk_api_v1_take_number();
	rk_api_v1_make_context(&parent, &open.context, open.number);
	begin_record(&call, &open, &parent);
	put_name(&call.text, event);
	put_middle(&call, &open.context);
	put_attributes(&call.text, event);
	if (!push_sparing(&call, BEGIN_SHARE))
		return;
	rk_api_v1_next_at(&call, RK_REC_SPAN_END, open.time);
	rk_api_v1_set_ids(&call.record, &open.context);
	rk_api_v1_push_alone(&call);
}

void rk_nvtx_range_mark(const struct rk_nvtx_event *event)
{
	const struct rk_context *current = &rk_api_v1_self.current;
	int saved_errno;

	if (!rk_thread_gate_is_open() || !enter(&saved_errno))
		return;
	if (current->flags & RK_CONTEXT_SPAN)
		mark_in(current, event);
	else
		mark_alone(event);
	leave(saved_errno);
}

void rk_nvtx_range_name_thread(uint32_t tid, const char *name)
{
	int saved_errno;

	if (!name || !*name || !tid || !enter(&saved_errno))
		return;
	if (rk_thread_gate_is_open())
		push_thread_name(tid, name);
	else
		rk_nvtx_thread_set(tid, name);
	leave(saved_errno);
}

/* Nobody can pop it any more. */
static void say_abandoned(const struct rk_nvtx_open *open)
{
	const struct rk_field field = { .key = "nvtx.open_at_thread_end",
					.type = RK_FIELD_BOOL,
					.flag = true };
	struct rk_api_v1_call call;

	rk_api_v1_next(&call, RK_REC_ATTRIBUTE);
	rk_api_v1_set_ids(&call.record, &open->context);
	rk_fields_put(&call.text, &field);
	rk_api_v1_push_alone(&call);
	say_end(open, open->number);
}

/* Ranges that were not told by now saw nothing of the GPU. */
void rk_nvtx_range_end_thread(void)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;
	bool records = rk_thread_self.depth == 0 && rk_thread_gate_is_open();
	int saved_errno = errno;

	rk_thread_self.depth++;
	for (uint32_t i = self->count; i-- > 0;) {
		const struct rk_nvtx_open *open = &self->open[i];

		if (records && !open->is_started && open->state == RK_NVTX_TOLD)
			say_abandoned(open);
		rk_nvtx_shared_give_back(open->shared);
	}
	rk_thread_self.depth--;
	errno = saved_errno;
}
