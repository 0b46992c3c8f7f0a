/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1.h - the library's side of include/rustkernel.h.
 *
 * Stage 1 of the data path for what the program says: [call -> record] -> ring. A call is:
 * enter, fill a record and its text, push, leave. Enter says no as for a hook: from inside one,
 * from a thread of ours, in a process that does not record. The call that produces something is
 * consent: it starts tracing in a process that has not touched a GPU yet.
 *
 * Contexts work without recording too: what only passes through (extract, attach, inject) goes
 * on in a forked child and with the library switched off.
 */
#ifndef RK_INTERPOSE_API_V1_H
#define RK_INTERPOSE_API_V1_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/api_record.h"
#include "core/fields.h"

#define RUSTKERNEL_TYPES_ONLY
#include "include/rustkernel.h"

/* While it is built: what the pool gives is cut only when it is there. */
#define RK_API_V1_TEXT_BYTES (RK_API_TEXT_MAX + 1024u)

/* Of each thread; small, as all initial-exec storage. No destructor: it is plain data. */
struct rk_api_v1_thread {
	struct rk_context current;
	uint64_t random[4];
	uint32_t random_epoch; /* of the gate, for which random[] was seeded */
	uint32_t told_epoch;   /* of the gate, for which a ring was told of current */
	uint32_t told_losses;  /* of that ring, as of then */
	bool is_attach_due;    /* the ring does not know of current yet */
};

static_assert(sizeof(struct rk_api_v1_thread) <= 96, "initial-exec TLS stays small");

extern __thread struct rk_api_v1_thread rk_api_v1_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A record on its way, with its text. */
struct rk_api_v1_call {
	struct rk_api_record record;
	struct rk_fields_writer text;
	uint8_t bytes[RK_API_V1_TEXT_BYTES];
	int saved_errno;
};

/**
 * Begin a call that records; the gate is open then.
 *
 * Context: app. Return: false when nothing is to be recorded; nothing has to be undone.
 */
bool rk_api_v1_enter(struct rk_api_v1_call *call, enum rk_record_kind kind);

/**
 * Prepare another record of the same call, of now / of what happened at @ticks.
 *
 * Context: app, between enter and leave.
 */
void rk_api_v1_next(struct rk_api_v1_call *call, enum rk_record_kind kind);
void rk_api_v1_next_at(struct rk_api_v1_call *call, enum rk_record_kind kind, uint64_t ticks);

/**
 * Put the record and its text into the thread's ring, all of it or nothing; an ATTACH that is
 * due goes first. / Without that: for a record that says itself where it belongs.
 *
 * Context: app, between enter and leave. Return: false when it was lost, which is counted.
 */
bool rk_api_v1_push(struct rk_api_v1_call *call);
bool rk_api_v1_push_alone(struct rk_api_v1_call *call);

/**
 * End it. Restores errno.
 *
 * Context: app.
 */
void rk_api_v1_leave(struct rk_api_v1_call *call);

/**
 * Append pairs to the text of @call. Those without a key or with an unknown type are left out.
 *
 * Context: app.
 */
void rk_api_v1_put(struct rk_api_v1_call *call, const struct rk_attribute *attributes,
		   size_t count);

/**
 * Append tracestate and baggage of @texts, "" where there are none.
 *
 * Context: app.
 */
void rk_api_v1_put_texts(struct rk_api_v1_call *call, uint64_t texts);

/**
 * Make @context the current one of the calling thread. Its ring is told at once; where that
 * cannot be, with the thread's next record.
 *
 * @is_entered: between enter and leave.
 * Context: app. Starts nothing.
 */
void rk_api_v1_switch(const struct rk_context *context, bool is_entered);

/**
 * Tell the ring of the thread its context, if it does not know yet.
 *
 * Context: app, with the gate open and a depth above 0.
 */
void rk_api_v1_tell_context(void);

/**
 * The next 64 random bits of the calling thread.
 *
 * Context: app, between enter and leave. No system call but at the first use.
 */
uint64_t rk_api_v1_random(void);

/* The entries of the table, as include/rustkernel.h has them. Context: app. */
uint32_t rk_api_v1_metric_create(uint32_t type, const struct rk_metric_options *options);
void rk_api_v1_metric_record(uint32_t number, uint32_t what, double value);
void rk_api_v1_circuit_breaker_set(const char *name, uint32_t state);
uint32_t rk_api_v1_slo_check(const char *name, struct rk_slo_result *out);
void rk_api_v1_span_begin(struct rk_span *span, const struct rk_span_options *options);
void rk_api_v1_span_end(struct rk_span *span);
void rk_api_v1_span_set_attributes(const struct rk_span *span,
				   const struct rk_attribute *attributes, size_t count);
void rk_api_v1_span_add_event(const struct rk_span *span, const char *name,
			      const struct rk_attribute *attributes, size_t count);
void rk_api_v1_span_add_link(const struct rk_span *span, const struct rk_context *to,
			     const struct rk_attribute *attributes, size_t count);
void rk_api_v1_span_set_status(struct rk_span *span, uint32_t status, const char *message);
void rk_api_v1_span_context(const struct rk_span *span, struct rk_context *out);
void rk_api_v1_log(uint32_t level, const char *domain, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
void rk_api_v1_log_fields(uint32_t level, const char *domain, const char *message,
			  const struct rk_attribute *fields, size_t count);

#endif
