/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_sender.h - one signal to one destination: queue, retry, breaker, counts.
 *
 *            seal            accepted
 *   IDLE ----------> SENDING --------> IDLE (next batch)
 *     ^               |   |  refused
 *     |  time is up   |   +----------> IDLE, batch counted as rejected
 *     +-- BACKOFF <---+  come back later, no answer
 *           |
 *           +-- many in a row: the breaker opens, nothing is sent until its cool-down is over
 *
 * A batch has a fixed time from its first attempt, retries and the breaker's cool-down
 * included; then it is given up as retry_exhausted. Only the oldest batch has been tried, so
 * an outage costs one batch per attempt: those behind it wait, and when the queue is full the
 * newest are dropped as queue_full. One request at a time, so batches arrive in order. What
 * failed is logged when the state of the destination changes, never per batch.
 *
 * Knows no protocol: see otlp_transport.h.
 */
#ifndef RK_EXPORTERS_OTLP_SENDER_H
#define RK_EXPORTERS_OTLP_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ledger.h"
#include "exporters/otlp_queue.h"
#include "exporters/otlp_target.h"
#include "exporters/otlp_transport.h"
#include "pipeline/live/net_module.h"

#define RK_OTLP_REQUEST_MAX (64u << 20) /* bytes before compression; the OTLP limit */

struct rk_otlp_sender;

/* What was told about the places that signals go to: one that is down is one piece of news. */
struct rk_otlp_said {
	uint32_t count;
	struct {
		char place[160];
		int mood;
		uint64_t at_ns;
	} rows[RK_OTLP_SIGNAL_COUNT];
};

/* Another encoding of a request: bytes in *out (malloc), its length; negative on failure. */
typedef ptrdiff_t (*rk_otlp_recode_fn)(enum rk_otlp_signal signal, const uint8_t *request,
				       size_t length, char **out);

struct rk_otlp_sender_setup {
	const struct rk_net_host *host;	     /* borrowed; outlives this */
	const struct rk_otlp_target *target; /* borrowed until the call returns */
	struct rk_otlp_queue_setup queue;
	struct rk_otlp_said *said; /* shared by the signals; borrowed; may be NULL */
	rk_otlp_recode_fn recode;  /* NULL: requests go out as they are */
	/* a batch leaves the queue: accepted, refused, or (RK_OTLP_RETRY) given up; may be NULL */
	void (*settled)(void *data, const struct rk_otlp_batch *batch,
			enum rk_otlp_verdict verdict);
	void *data;
};

/* The wire ledger: eligible = sent + waiting + the sum of lost. */
struct rk_otlp_sender_stats {
	uint64_t eligible, sent, waiting;
	uint64_t lost[RK_LOSS_COUNT];
	uint64_t bytes_sent, requests, retries;
	bool is_connected;	/* the last request was answered with success */
	const char *last_error; /* "" = none yet; borrowed */
};

/**
 * Without a transport everything that is pushed is counted as rejected.
 *
 * Context: exporter. Ownership: the caller, rk_otlp_sender_destroy().
 * Return: 0; -ENOMEM.
 */
int rk_otlp_sender_create(struct rk_otlp_sender **out, const struct rk_otlp_sender_setup *setup);
void rk_otlp_sender_destroy(struct rk_otlp_sender *sender);

/**
 * Send by @transport, which was created with rk_otlp_sender_done() and this sender.
 *
 * Context: exporter. Ownership: @sender takes @transport.
 */
void rk_otlp_sender_attach(struct rk_otlp_sender *sender, struct rk_otlp_transport *transport);
void rk_otlp_sender_done(void *sender, const struct rk_otlp_outcome *outcome);

/**
 * The queue's functions of the same name, for an encoder that writes into it.
 *
 * Context: exporter. Return: as in otlp_queue.h.
 */
bool rk_otlp_sender_has_room(const struct rk_otlp_sender *sender, size_t bound);
uint8_t *rk_otlp_sender_reserve(struct rk_otlp_sender *sender, size_t bound, uint64_t now_ns);
void rk_otlp_sender_commit(struct rk_otlp_sender *sender, size_t bytes, uint64_t sequence);

/**
 * Whether whole requests may be put now. Those that wait are taken back first and settled as
 * given up, because the new ones say the same and more; one that is under way is not.
 *
 * Context: exporter.
 */
bool rk_otlp_sender_make_way(struct rk_otlp_sender *sender);

/**
 * Send a whole request of @items items; @ticket is found as batch->first when it is settled.
 *
 * Context: exporter. Ownership: the sender takes @request (malloc).
 * Return: false when it was dropped at once, which has been counted.
 */
bool rk_otlp_sender_put(struct rk_otlp_sender *sender, uint8_t *request, size_t length,
			uint64_t items, uint64_t ticket);

/**
 * When rk_otlp_sender_run() is due, doing what is due, and whether a request is under way.
 *
 * Context: exporter.
 */
bool rk_otlp_sender_is_sending(const struct rk_otlp_sender *sender);
uint64_t rk_otlp_sender_due_ns(const struct rk_otlp_sender *sender);
void rk_otlp_sender_run(struct rk_otlp_sender *sender, uint64_t now_ns);

/**
 * From now on everything is sent at once and nothing outlives @deadline_ns. A destination
 * that cannot be reached is given up at its next failure, an open breaker tried once more.
 *
 * Context: exporter.
 */
void rk_otlp_sender_finish(struct rk_otlp_sender *sender, uint64_t deadline_ns);
bool rk_otlp_sender_is_done(const struct rk_otlp_sender *sender);

/**
 * Give up what is left and count it.
 *
 * Context: exporter.
 */
void rk_otlp_sender_abandon(struct rk_otlp_sender *sender);

/**
 * Context: exporter.
 */
void rk_otlp_sender_get_stats(const struct rk_otlp_sender *sender,
			      struct rk_otlp_sender_stats *stats);

#endif
