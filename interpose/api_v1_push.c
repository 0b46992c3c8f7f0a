/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_push.c - one call of the API: from its thread into its thread's ring.
 *
 * The depth of the hooks is raised meanwhile: a CUDA call in a signal handler must not push into
 * a ring that is being written.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "core/clock.h"
#include "core/ring_run.h"
#include "core/text_pool.h"
#include "core/thread.h"
#include "interpose/api_v1.h"
#include "interpose/api_v1_context.h"
#include "interpose/hook.h"
#include "interpose/start.h"

#define FIRST_PART offsetof(struct rk_text_record, kind) /* bytes before its kind */

static_assert(FIRST_PART + sizeof(((struct rk_text_record *)0)->tail) == RK_TEXT_RECORD_BYTES,
	      "a text record is full but for its kind");

__thread struct rk_api_v1_thread rk_api_v1_self __attribute__((tls_model("initial-exec")));

static void init_record(struct rk_api_v1_call *call, enum rk_record_kind kind, uint64_t ticks)
{
	memset(&call->record, 0, sizeof(call->record));
	call->record.kind = (uint8_t)kind;
	call->record.time = ticks;
	rk_fields_writer_init(&call->text, call->bytes, RK_API_TEXT_MAX);
}

bool rk_api_v1_enter(struct rk_api_v1_call *call, enum rk_record_kind kind)
{
	struct rk_thread *self = &rk_thread_self;

	if (self->depth > 0)
		return false;
	if (__builtin_expect(!rk_thread_gate_is_open(), 0) &&
	    (!atomic_load_explicit(&rk_start_is_possible, memory_order_relaxed) ||
	     !rk_start_on_said()))
		return false;
	self->depth = 1;
	call->saved_errno = errno;
	init_record(call, kind, rk_clock_ticks());
	return true;
}

void rk_api_v1_next(struct rk_api_v1_call *call, enum rk_record_kind kind)
{
	init_record(call, kind, rk_clock_ticks());
}

void rk_api_v1_next_at(struct rk_api_v1_call *call, enum rk_record_kind kind, uint64_t ticks)
{
	init_record(call, kind, ticks);
}

void rk_api_v1_leave(struct rk_api_v1_call *call)
{
	rk_thread_self.depth = 0;
	errno = call->saved_errno;
}

static void fill_text(struct rk_text_record *out, const uint8_t *text, size_t length)
{
	size_t first = length < FIRST_PART ? length : FIRST_PART;

	memset(out, 0, sizeof(*out));
	memcpy(out->head, text, first);
	out->kind = RK_REC_TEXT;
	memcpy(out->tail, text + first, length - first);
}

static uint32_t slots_of(const struct rk_api_record *record)
{
	return 1 + (record->text_bytes + RK_TEXT_RECORD_BYTES - 1) / RK_TEXT_RECORD_BYTES;
}

/* The @i-th slot of a call. */
static void fill_slot(void *slot, const struct rk_api_record *record, const uint8_t *text,
		      uint32_t i)
{
	size_t begin = (size_t)(i - 1) * RK_TEXT_RECORD_BYTES;
	size_t left = record->text_bytes - begin;

	if (i == 0)
		memcpy(slot, record, sizeof(*record));
	else
		fill_text(slot, text + begin,
			  left < RK_TEXT_RECORD_BYTES ? left : RK_TEXT_RECORD_BYTES);
}

static bool push_own(struct rk_ring *ring, const struct rk_api_record *record, const uint8_t *text)
{
	uint32_t count = slots_of(record);

	if (!rk_ring_run_fits(ring, count)) {
		rk_ring_count(&ring->lost_other);
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		fill_slot(rk_ring_run_slot(ring, i), record, text, i);
	if (rk_ring_run_commit(ring, count))
		rk_thread_wake();
	return true;
}

/* Of a thread without a ring: one that is ending, or one too many. */
static bool push_shared(const struct rk_api_record *record, const uint8_t *text)
{
	struct rk_record slots[1 + RK_API_TEXT_MAX / RK_TEXT_RECORD_BYTES + 1];
	uint32_t count = slots_of(record);

	for (uint32_t i = 0; i < count; i++)
		fill_slot(&slots[i], record, text, i);
	return rk_thread_push_overflow_run(slots, count);
}

static bool push(const struct rk_api_record *record, const uint8_t *text)
{
	uint32_t gate = rk_thread_gate();
	struct rk_ring *ring = rk_thread_self.ring;

	/* Closed meanwhile: the process is exiting. */
	if (gate == 0)
		return false;
	if (rk_thread_self.epoch != gate)
		ring = rk_thread_ring_slow(); /* preserves errno, as waking does */
	return ring ? push_own(ring, record, text) : push_shared(record, text);
}

/* Records of this thread that found its ring full; 0 without a ring of its own. */
static uint32_t losses(void)
{
	const struct rk_thread *self = &rk_thread_self;

	return self->ring && self->epoch == rk_thread_epoch() ?
		       (uint32_t)atomic_load_explicit(&self->ring->lost_other,
						      memory_order_relaxed) :
		       0;
}

/*
 * Tell the ring in which context the thread is, and how many losses that makes up for: who reads
 * the ring believes no context from before a gap.
 */
__attribute__((noinline)) static void push_attach(void)
{
	const struct rk_context *context = &rk_api_v1_self.current;
	struct rk_api_v1_thread *self = &rk_api_v1_self;
	struct rk_api_v1_call call;

	init_record(&call, RK_REC_ATTACH, rk_clock_ticks());
	self->told_epoch = rk_thread_gate();
	self->told_losses = losses();
	call.record.tid_hint = self->told_losses;
	call.record.number = context->number;
	call.record.trace_flags = context->trace_flags;
	if (context->flags & RK_CONTEXT_REMOTE)
		call.record.flags |= RK_API_REMOTE;
	if (context->flags & RK_CONTEXT_SPAN)
		call.record.flags |= RK_API_SPAN;
	memcpy(call.record.ids.trace, context->trace_id, sizeof(context->trace_id));
	memcpy(call.record.ids.span, context->span_id, sizeof(context->span_id));
	if (context->texts)
		rk_api_v1_put_texts(&call, context->texts);
	if (call.text.is_cut)
		call.record.flags |= RK_API_CUT;
	call.record.text_bytes = (uint32_t)call.text.used;
	self->is_attach_due = !push(&call.record, call.bytes);
}

/* Whether the ring may have missed something since it was told, or is another one. The hooks
 * leave no word of what they lose but its number, and pay nothing for this. */
static bool is_in_doubt(const struct rk_api_v1_thread *self)
{
	return (self->told_epoch != rk_thread_gate() || self->told_losses != losses()) &&
	       rk_api_v1_has_trace(&self->current);
}

void rk_api_v1_tell_context(void)
{
	if (rk_api_v1_self.is_attach_due || is_in_doubt(&rk_api_v1_self))
		push_attach();
}

bool rk_api_v1_push(struct rk_api_v1_call *call)
{
	rk_api_v1_tell_context();
	return rk_api_v1_push_alone(call);
}

bool rk_api_v1_push_alone(struct rk_api_v1_call *call)
{
	if (call->text.is_cut)
		call->record.flags |= RK_API_CUT;
	call->record.text_bytes = (uint32_t)call->text.used;
	return push(&call->record, call->bytes);
}

static bool is_same(const struct rk_context *a, const struct rk_context *b)
{
	return memcmp(a->span_id, b->span_id, sizeof(a->span_id)) == 0 &&
	       memcmp(a->trace_id, b->trace_id, sizeof(a->trace_id)) == 0 &&
	       a->number == b->number && a->texts == b->texts && a->flags == b->flags &&
	       a->trace_flags == b->trace_flags;
}

void rk_api_v1_switch(const struct rk_context *context, bool is_entered)
{
	struct rk_api_v1_thread *self = &rk_api_v1_self;

	if (!is_same(&self->current, context)) {
		self->current = *context;
		self->is_attach_due = true;
	}
	if (!is_entered && (rk_thread_self.depth > 0 || !rk_thread_gate_is_open()))
		return;
	rk_thread_self.depth++;
	rk_api_v1_tell_context();
	rk_thread_self.depth--;
}

void rk_api_v1_put(struct rk_api_v1_call *call, const struct rk_attribute *attributes, size_t count)
{
	for (size_t i = 0; attributes && i < count; i++) {
		const struct rk_attribute *from = &attributes[i];
		struct rk_field field = { .key = from->key };

		if (!from->key || !*from->key)
			continue;
		field.type = (enum rk_field_type)from->type;
		if (from->type == RK_ATTRIBUTE_TEXT)
			field.text = from->value.text;
		else if (from->type == RK_ATTRIBUTE_INTEGER)
			field.integer = from->value.integer;
		else if (from->type == RK_ATTRIBUTE_NUMBER)
			field.number = from->value.number;
		else if (from->type == RK_ATTRIBUTE_BOOL)
			field.flag = from->value.flag;
		else
			continue;
		rk_fields_put(&call->text, &field);
	}
}

/* A text that went too far is left out: half a baggage says something else. */
void rk_api_v1_put_texts(struct rk_api_v1_call *call, uint64_t texts)
{
	struct rk_fields_writer *text = &call->text;
	size_t length =
		rk_text_pool_get(texts, call->bytes + text->used, sizeof(call->bytes) - text->used);

	if (length && length <= text->size - text->used) {
		text->used += length;
		return;
	}
	text->is_cut = text->is_cut || texts;
	rk_fields_put_placed(text, "");
	rk_fields_put_placed(text, "");
}

static uint64_t rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

/* xoshiro256++ of Blackman and Vigna: 256 bits of state, so threads never meet. */
static uint64_t next_random(uint64_t s[4])
{
	uint64_t result = rotate(s[0] + s[3], 23) + s[0];
	uint64_t moved = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= moved;
	s[3] = rotate(s[3], 45);
	return result;
}

static void seed(uint64_t s[4])
{
	if (getrandom(s, 4 * sizeof(*s), GRND_NONBLOCK) == 4 * (ssize_t)sizeof(*s))
		return;
	/* Before the kernel has randomness: unlike any other thread at any other time at least. */
	s[0] = rk_clock_counter() | 1;
	s[1] = (uint64_t)(uintptr_t)s;
	s[2] = (uint64_t)rk_thread_self.tid << 32 | (uint32_t)rk_clock_ticks();
	for (int i = 0; i < 16; i++)
		next_random(s);
}

uint64_t rk_api_v1_random(void)
{
	struct rk_api_v1_thread *self = &rk_api_v1_self;
	uint32_t gate = rk_thread_gate();

	/* No thread has a seed for a gate that was not open before: nor in a child that starts. */
	if (self->random_epoch != gate) {
		self->random_epoch = gate;
		seed(self->random);
	}
	return next_random(self->random);
}
