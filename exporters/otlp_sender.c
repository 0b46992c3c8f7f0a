/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_sender.c - the state machine of one destination.
 */
#include "exporters/otlp_sender.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "exporters/backoff.h"
#include "exporters/guard.h"
#include "exporters/gzip.h"
#include "exporters/loop.h"
#include "exporters/url.h"

#define MS		1000000ull /* ns */
#define BACKOFF_FIRST_NS (250 * MS)
#define BACKOFF_MAX_NS	(5000 * MS)
#define BACKOFF_EXIT_NS (100 * MS)   /* at exit there are 2 s in all */
#define PARK_MAX_NS	(60000 * MS) /* a longer Retry-After is not believed */
#define LOG_PAUSE_NS	(30000 * MS) /* the same trouble is not told again within */
#define FLUSH_BYTES_MIN 4096u
#define FLUSH_BYTES_MAX ((4u << 20) - (128u << 10)) /* receivers take 4 MiB by default */

/* What was last said about the destination. */
enum mood { MOOD_NEW, MOOD_OK, MOOD_RETRYING, MOOD_GAVE_UP, MOOD_REJECTED };

struct rk_otlp_sender {
	struct rk_otlp_queue *queue;
	struct rk_gzip *gzip;		     /* NULL = not compressed */
	struct rk_otlp_transport *transport; /* NULL = the destination cannot work */
	struct rk_otlp_sender_setup setup;   /* its target is not kept */
	enum rk_otlp_signal signal;
	struct rk_guard guard;
	uint64_t timeout_ns; /* of one batch; 0 = none */

	bool has_deadline;	/* the head was tried */
	uint64_t deadline_ns;	/* of the head */
	uint64_t not_before_ns; /* of the next attempt */
	struct rk_backoff backoff;
	bool must_wait; /* not_before_ns is what the server asked for */
	bool is_finishing;
	uint64_t finish_ns;
	uint64_t now_ns; /* of the current round */

	enum mood mood;
	uint64_t logged_ns;
	bool was_connected, said_message, said_too_large;
	struct rk_otlp_sender_stats stats;
	char place[160]; /* host:port */
	char last_error[448];
};

static const char *items_name(const struct rk_otlp_sender *sender)
{
	static const char *const names[] = {
		[RK_OTLP_TRACES] = "spans",
		[RK_OTLP_METRICS] = "metric points",
		[RK_OTLP_LOGS] = "log records",
	};

	return names[sender->signal];
}

static const char *shown_url(const struct rk_otlp_sender *sender)
{
	return sender->transport ? sender->transport->shown_url : "";
}

/* Whether another signal has just told the same of the same place. */
static bool was_said(struct rk_otlp_sender *sender, enum mood mood)
{
	struct rk_otlp_said *said = sender->setup.said;
	uint32_t i;

	for (i = 0; said && i < said->count; i++) {
		if (strcmp(said->rows[i].place, sender->place) == 0)
			break;
	}
	if (!said || i == RK_OTLP_SIGNAL_COUNT)
		return false;
	if (i < said->count && said->rows[i].mood == (int)mood &&
	    sender->now_ns - said->rows[i].at_ns < LOG_PAUSE_NS)
		return true;
	if (i == said->count)
		said->count++;
	snprintf(said->rows[i].place, sizeof(said->rows[i].place), "%s", sender->place);
	said->rows[i].mood = (int)mood;
	said->rows[i].at_ns = sender->now_ns;
	return false;
}

/* Tell that the destination is in another state now; @text names it. */
static void change_mood(struct rk_otlp_sender *sender, enum mood mood, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void change_mood(struct rk_otlp_sender *sender, enum mood mood, const char *format, ...)
{
	bool is_bad = mood == MOOD_GAVE_UP || mood == MOOD_REJECTED;
	bool is_news = sender->mood != mood;
	enum rk_log_level level = RK_LOG_INFO;
	char text[896];
	va_list args;

	sender->mood = mood;
	if (!is_news)
		return;
	if (is_bad) {
		if (sender->logged_ns && sender->now_ns - sender->logged_ns < LOG_PAUSE_NS)
			return;
		sender->logged_ns = sender->now_ns;
		if (mood == MOOD_REJECTED || !was_said(sender, mood))
			level = RK_LOG_WARN;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rk_log(level, "otlp: %s", text);
}

static void set_error(struct rk_otlp_sender *sender, const char *text)
{
	snprintf(sender->last_error, sizeof(sender->last_error), "%s", text);
	sender->stats.is_connected = false;
}

static void tell_settled(struct rk_otlp_sender *sender, enum rk_otlp_verdict verdict)
{
	if (sender->setup.settled)
		sender->setup.settled(sender->setup.data, rk_otlp_queue_head(sender->queue),
				      verdict);
}

/* The head leaves the queue; the next one starts afresh. */
static void pop_head(struct rk_otlp_sender *sender, enum rk_otlp_verdict verdict)
{
	tell_settled(sender, verdict);
	rk_otlp_queue_pop(sender->queue);
	sender->has_deadline = false;
}

static void drop_head(struct rk_otlp_sender *sender, enum rk_loss reason)
{
	sender->stats.lost[reason] += rk_otlp_queue_head(sender->queue)->items;
	pop_head(sender, reason == RK_LOSS_RETRY_EXHAUSTED ? RK_OTLP_RETRY : RK_OTLP_REJECTED);
}

static void drop_all(struct rk_otlp_sender *sender)
{
	uint64_t before = sender->stats.lost[RK_LOSS_RETRY_EXHAUSTED];

	rk_otlp_queue_seal(sender->queue);
	while (rk_otlp_queue_head(sender->queue))
		drop_head(sender, RK_LOSS_RETRY_EXHAUSTED);
	change_mood(sender, MOOD_GAVE_UP, "could not send to %s: %s; %llu %s are given up",
		    shown_url(sender), sender->last_error,
		    (unsigned long long)(sender->stats.lost[RK_LOSS_RETRY_EXHAUSTED] - before),
		    items_name(sender));
}

static void give_up_head(struct rk_otlp_sender *sender)
{
	/* What comes behind has no more time than it had. */
	if (sender->is_finishing) {
		drop_all(sender);
		return;
	}
	change_mood(sender, MOOD_GAVE_UP,
		    "could not send to %s: %s; %s are given up after %llu ms and counted as "
		    "retry_exhausted",
		    shown_url(sender), sender->last_error, items_name(sender),
		    (unsigned long long)(sender->timeout_ns / MS));
	drop_head(sender, RK_LOSS_RETRY_EXHAUSTED);
}

static void on_sent(struct rk_otlp_sender *sender, const struct rk_otlp_outcome *outcome)
{
	uint64_t items = rk_otlp_queue_head(sender->queue)->items;
	uint64_t rejected = outcome->rejected < items ? outcome->rejected : items;
	const char *message = outcome->message ? outcome->message : "";

	sender->stats.sent += items - rejected;
	sender->stats.lost[RK_LOSS_REJECTED] += rejected;
	if (rejected) {
		set_error(sender, message[0] ? message : "partial success");
		change_mood(sender, MOOD_REJECTED, "%s refused %llu of %llu %s of a batch: %s",
			    shown_url(sender), (unsigned long long)rejected,
			    (unsigned long long)items, items_name(sender), sender->last_error);
	} else {
		change_mood(sender, MOOD_OK, "%s accepts %s", shown_url(sender),
			    items_name(sender));
	}
	sender->stats.is_connected = true;
	sender->was_connected = true;
	rk_backoff_reset(&sender->backoff);
	if (!rejected && message[0] && !sender->said_message) {
		sender->said_message = true;
		rk_log_warn("otlp: %s accepted the %s and says: %s", shown_url(sender),
			    items_name(sender), message);
	}
	pop_head(sender, RK_OTLP_SENT);
}

static void on_rejected(struct rk_otlp_sender *sender)
{
	rk_backoff_reset(&sender->backoff);
	change_mood(sender, MOOD_REJECTED,
		    "%s refuses the %s: %s; they are dropped and counted as rejected",
		    shown_url(sender), items_name(sender), sender->last_error);
	drop_head(sender, RK_LOSS_REJECTED);
}

static uint64_t choose_wait(struct rk_otlp_sender *sender, const struct rk_otlp_outcome *outcome)
{
	sender->must_wait = outcome->has_delay;
	return rk_backoff_next(&sender->backoff,
			       sender->is_finishing ? BACKOFF_EXIT_NS : BACKOFF_MAX_NS,
			       outcome->has_delay ? &outcome->delay_ns : NULL);
}

/* At the end there is no second chance for who cannot be reached. */
static bool is_hopeless(const struct rk_otlp_sender *sender, const struct rk_otlp_outcome *outcome)
{
	if (!sender->is_finishing)
		return false;
	if (rk_guard_is_open(&sender->guard))
		return true;
	return outcome->is_unreachable && (sender->setup.host->live || !sender->was_connected);
}

static void on_retry(struct rk_otlp_sender *sender, const struct rk_otlp_outcome *outcome)
{
	uint64_t wait;

	if (is_hopeless(sender, outcome)) {
		drop_all(sender);
		return;
	}
	wait = choose_wait(sender, outcome);
	sender->not_before_ns = sender->now_ns + wait;
	if (sender->not_before_ns >= sender->deadline_ns) {
		give_up_head(sender);
		return;
	}
	change_mood(sender, sender->mood == MOOD_GAVE_UP ? MOOD_GAVE_UP : MOOD_RETRYING,
		    "could not send to %s: %s; trying again", shown_url(sender),
		    sender->last_error);
}

void rk_otlp_sender_done(void *data, const struct rk_otlp_outcome *outcome)
{
	struct rk_otlp_sender *sender = data;

	sender->now_ns = rk_loop_now();
	if (outcome->verdict != RK_OTLP_SENT)
		set_error(sender, outcome->message && outcome->message[0] ? outcome->message :
									    "no reason was given");
	/* A refusal is an answer: the destination works, what we sent does not please it. */
	rk_guard_note(&sender->guard, outcome->verdict != RK_OTLP_RETRY, sender->now_ns);
	switch (outcome->verdict) {
	case RK_OTLP_SENT:
		on_sent(sender, outcome);
		break;
	case RK_OTLP_RETRY:
		on_retry(sender, outcome);
		break;
	case RK_OTLP_REJECTED:
		on_rejected(sender);
		break;
	}
}

/* Return: false when the head cannot be sent as it is and was dropped. */
static bool prepare_head(struct rk_otlp_sender *sender)
{
	const struct rk_otlp_batch *batch = rk_otlp_queue_head(sender->queue);
	char *recoded = NULL;
	ptrdiff_t length;

	if (sender->setup.recode) {
		length =
			sender->setup.recode(sender->signal, batch->bytes, batch->length, &recoded);
		if (length < 0) {
			set_error(sender, "the request could not be encoded");
			drop_head(sender, RK_LOSS_LIMIT);
			return false;
		}
		rk_otlp_queue_replace_head(sender->queue, (uint8_t *)recoded, (size_t)length);
	}
	if (batch->length > RK_OTLP_REQUEST_MAX) {
		if (!sender->said_too_large)
			rk_log_warn("otlp: could not send %zu bytes to %s in one request: the "
				    "limit is %u; they are counted as too_large",
				    batch->length, shown_url(sender), RK_OTLP_REQUEST_MAX);
		sender->said_too_large = true;
		drop_head(sender, RK_LOSS_TOO_LARGE);
		return false;
	}
	if (sender->gzip)
		rk_otlp_queue_compress_head(sender->queue, sender->gzip);
	return true;
}

static void send_head(struct rk_otlp_sender *sender)
{
	const struct rk_otlp_batch *batch;
	struct rk_otlp_payload payload = { 0 };
	uint64_t left_ns;

	if (sender->has_deadline) {
		sender->stats.retries++;
	} else {
		if (!prepare_head(sender))
			return;
		sender->has_deadline = true;
		sender->deadline_ns =
			sender->timeout_ns ? sender->now_ns + sender->timeout_ns : RK_NEVER;
	}
	if (sender->is_finishing && sender->deadline_ns > sender->finish_ns)
		sender->deadline_ns = sender->finish_ns;
	left_ns = sender->deadline_ns > sender->now_ns ? sender->deadline_ns - sender->now_ns : MS;
	if (sender->deadline_ns != RK_NEVER)
		payload.timeout_ms = (uint32_t)(left_ns / MS < 1 ? 1 : left_ns / MS);
	batch = rk_otlp_queue_head(sender->queue);
	payload.bytes = batch->bytes;
	payload.length = batch->length;
	payload.is_gzip = batch->is_gzip;
	sender->stats.requests++;
	sender->stats.bytes_sent += batch->length;
	if (sender->transport->start(sender->transport, &payload)) {
		set_error(sender, "the request could not be started");
		drop_head(sender, RK_LOSS_RETRY_EXHAUSTED);
	}
}

bool rk_otlp_sender_is_sending(const struct rk_otlp_sender *sender)
{
	return sender->transport && sender->transport->is_active(sender->transport);
}

uint64_t rk_otlp_sender_due_ns(const struct rk_otlp_sender *sender)
{
	uint64_t due;

	if (rk_otlp_sender_is_sending(sender) || !sender->transport)
		return RK_NEVER;
	if (!rk_otlp_queue_head(sender->queue))
		return rk_otlp_queue_due_ns(sender->queue);
	due = rk_guard_due_ns(&sender->guard);
	if (due < sender->not_before_ns)
		due = sender->not_before_ns;
	return sender->has_deadline && sender->deadline_ns < due ? sender->deadline_ns : due;
}

void rk_otlp_sender_run(struct rk_otlp_sender *sender, uint64_t now_ns)
{
	sender->now_ns = now_ns;
	if (!sender->transport || rk_otlp_sender_is_sending(sender))
		return;
	if (sender->is_finishing || rk_otlp_queue_due_ns(sender->queue) <= now_ns)
		rk_otlp_queue_seal(sender->queue);
	if (!rk_otlp_queue_head(sender->queue))
		return;
	if (sender->has_deadline && now_ns >= sender->deadline_ns)
		give_up_head(sender);
	if (rk_otlp_queue_head(sender->queue) && now_ns >= sender->not_before_ns &&
	    rk_guard_allows(&sender->guard, now_ns))
		send_head(sender);
}

bool rk_otlp_sender_has_room(const struct rk_otlp_sender *sender, size_t bound)
{
	return !sender->transport || rk_otlp_queue_has_room(sender->queue, bound);
}

uint8_t *rk_otlp_sender_reserve(struct rk_otlp_sender *sender, size_t bound, uint64_t now_ns)
{
	if (sender->transport)
		return rk_otlp_queue_reserve(sender->queue, bound, now_ns);
	rk_otlp_queue_refuse(sender->queue, 1);
	sender->stats.lost[RK_LOSS_REJECTED]++;
	return NULL;
}

void rk_otlp_sender_commit(struct rk_otlp_sender *sender, size_t bytes, uint64_t sequence)
{
	rk_otlp_queue_commit(sender->queue, bytes, sequence);
}

bool rk_otlp_sender_make_way(struct rk_otlp_sender *sender)
{
	if (rk_otlp_sender_is_sending(sender))
		return false;
	while (rk_otlp_queue_head(sender->queue)) {
		tell_settled(sender, RK_OTLP_RETRY);
		rk_otlp_queue_withdraw(sender->queue);
	}
	sender->has_deadline = false;
	return true;
}

bool rk_otlp_sender_put(struct rk_otlp_sender *sender, uint8_t *request, size_t length,
			uint64_t items, uint64_t ticket)
{
	if (sender->transport)
		return rk_otlp_queue_put(sender->queue, request, length, items, ticket);
	free(request);
	rk_otlp_queue_refuse(sender->queue, items);
	sender->stats.lost[RK_LOSS_REJECTED] += items;
	return false;
}

void rk_otlp_sender_finish(struct rk_otlp_sender *sender, uint64_t deadline_ns)
{
	sender->now_ns = rk_loop_now();
	sender->is_finishing = true;
	sender->finish_ns = deadline_ns;
	if (!sender->must_wait)
		sender->not_before_ns = 0;
	rk_otlp_queue_seal(sender->queue);
	if (rk_otlp_sender_is_sending(sender) || !rk_otlp_queue_head(sender->queue))
		return;
	/* The server asked for more time than there is. */
	if (sender->not_before_ns >= deadline_ns)
		drop_all(sender);
	else if (rk_guard_is_open(&sender->guard))
		rk_guard_probe(&sender->guard);
}

bool rk_otlp_sender_is_done(const struct rk_otlp_sender *sender)
{
	if (rk_otlp_sender_is_sending(sender))
		return false;
	return rk_otlp_queue_get_counts(sender->queue)->waiting == 0;
}

void rk_otlp_sender_abandon(struct rk_otlp_sender *sender)
{
	sender->now_ns = rk_loop_now();
	if (sender->transport)
		sender->transport->cancel(sender->transport);
	if (rk_otlp_sender_is_done(sender))
		return;
	if (!sender->last_error[0])
		set_error(sender, "no answer in time");
	drop_all(sender);
}

void rk_otlp_sender_get_stats(const struct rk_otlp_sender *sender,
			      struct rk_otlp_sender_stats *stats)
{
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(sender->queue);

	*stats = sender->stats;
	stats->eligible = counts->eligible;
	stats->waiting = counts->waiting;
	stats->lost[RK_LOSS_QUEUE_FULL] += counts->queue_full;
	stats->lost[RK_LOSS_TOO_LARGE] += counts->too_large;
	stats->lost[RK_LOSS_LIMIT] += counts->limit;
	stats->last_error = sender->last_error;
}

void rk_otlp_sender_attach(struct rk_otlp_sender *sender, struct rk_otlp_transport *transport)
{
	sender->transport = transport;
}

int rk_otlp_sender_create(struct rk_otlp_sender **out, const struct rk_otlp_sender_setup *setup)
{
	struct rk_otlp_sender *sender = calloc(1, sizeof(*sender));
	struct rk_otlp_queue_setup queue = setup->queue;
	char what[32];
	int err;

	*out = NULL;
	if (!sender)
		return -ENOMEM;
	sender->setup = *setup;
	sender->setup.target = NULL;
	sender->signal = setup->target->signal;
	sender->timeout_ns = setup->target->timeout_ns;
	rk_backoff_init(&sender->backoff, BACKOFF_FIRST_NS, BACKOFF_MAX_NS, PARK_MAX_NS);
	if (queue.flush_bytes > queue.queue_bytes)
		queue.flush_bytes = queue.queue_bytes;
	if (queue.flush_bytes > FLUSH_BYTES_MAX)
		queue.flush_bytes = FLUSH_BYTES_MAX;
	if (queue.flush_bytes < FLUSH_BYTES_MIN)
		queue.flush_bytes = FLUSH_BYTES_MIN;
	err = rk_otlp_queue_create(&sender->queue, &queue);
	if (err) {
		rk_otlp_sender_destroy(sender);
		return err;
	}
	if (setup->target->compression == RK_COMPRESSION_GZIP)
		sender->gzip = rk_gzip_create();
	rk_url_place(setup->target->endpoint, sender->place, sizeof(sender->place));
	snprintf(what, sizeof(what), "otlp/%s", rk_otlp_signal_name(sender->signal));
	rk_guard_init(&sender->guard, setup->host, what, setup->target->endpoint);
	*out = sender;
	return 0;
}

void rk_otlp_sender_destroy(struct rk_otlp_sender *sender)
{
	if (!sender)
		return;
	if (sender->transport)
		sender->transport->destroy(sender->transport);
	rk_otlp_queue_destroy(sender->queue);
	rk_gzip_destroy(sender->gzip);
	free(sender);
}
