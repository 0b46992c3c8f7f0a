/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_sender.c - the state machine of one channel.
 */
#include "exporters/notify_sender.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "exporters/backoff.h"
#include "exporters/guard.h"
#include "exporters/notify_format.h"
#include "exporters/notify_queue.h"
#include "exporters/notify_target.h"
#include "exporters/otlp_reply.h"

#define MS		 1000000ull /* ns */
#define S		 (1000 * MS)
#define BACKOFF_FIRST_NS (500 * MS)
#define BACKOFF_MAX_NS	 (30 * S)
#define BACKOFF_EXIT_NS	 (100 * MS) /* at exit there are 2 s in all */
#define PARK_MAX_NS	 (300 * S)  /* a longer Retry-After is not believed */
#define LOG_PAUSE_NS	 (30 * S)   /* the same trouble is not told again within */
#define BODY_FIRST_BYTES (64u << 10)
#define BODY_MAX_BYTES	 (4u << 20)

/* What was last said about the channel. */
enum mood { MOOD_NEW, MOOD_OK, MOOD_RETRYING, MOOD_GAVE_UP, MOOD_REFUSED };

struct rk_notify_sender {
	const struct rk_net_host *host;
	const struct rk_alert_channel *channel;
	struct rk_http_call *call;
	struct rk_notify_target target;
	struct rk_guard guard;
	bool has_guard; /* its name needs the host, which may stand in a file */
	struct rk_backoff backoff;
	struct rk_notify_queue queue;
	struct rk_notify_notice *standing; /* Alertmanager: what is firing; NULL = nothing */
	uint64_t resend_ns;		   /* when it is told again */
	char *body;			   /* of the request under way */
	size_t body_size;
	uint64_t not_before_ns, started_ns, now_ns;
	bool must_wait; /* not_before_ns is what the receiver asked for */
	bool was_tried; /* the request that is next is a retry */
	bool is_finishing;
	uint64_t finish_ns;
	enum mood mood;
	uint64_t logged_ns;
	struct rk_notify_stats stats;
	struct rk_net_answer answer;
	char last_error[448];
};

static const rk_notify_format_fn formats[] = {
	[RK_CHANNEL_SLACK] = rk_notify_slack,
	[RK_CHANNEL_PAGERDUTY] = rk_notify_pagerduty,
	[RK_CHANNEL_WEBHOOK] = rk_notify_webhook,
	[RK_CHANNEL_ALERTMANAGER] = rk_notify_alertmanager,
};

/* Tell that the channel is in another state now. */
static void change_mood(struct rk_notify_sender *sender, enum mood mood, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void change_mood(struct rk_notify_sender *sender, enum mood mood, const char *format, ...)
{
	bool is_bad = mood == MOOD_GAVE_UP || mood == MOOD_REFUSED;
	bool is_news = sender->mood != mood;
	char text[768];
	va_list args;

	sender->mood = mood;
	if (is_bad && (is_news || sender->now_ns - sender->logged_ns >= LOG_PAUSE_NS))
		sender->logged_ns = sender->now_ns;
	else if (is_bad || !is_news)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rk_log(is_bad ? RK_LOG_WARN : RK_LOG_INFO, "alerts: channel %s (%s) %s",
	       sender->channel->name, sender->target.shown, text);
}

static void pop_head(struct rk_notify_sender *sender, bool is_sent)
{
	sender->was_tried = false;
	rk_notify_queue_pop(&sender->queue, is_sent);
}

static void drop_all(struct rk_notify_sender *sender)
{
	uint64_t before = sender->queue.failed;

	while (sender->queue.head)
		pop_head(sender, false);
	if (sender->queue.failed > before)
		change_mood(sender, MOOD_GAVE_UP, "does not answer: %s; %llu notices are given up",
			    sender->last_error,
			    (unsigned long long)(sender->queue.failed - before));
}

/* One request is through with, for good or ill. An event of PagerDuty is about one alert, every
 * other request about the whole notice. Return: whether the notice is through with, too. */
static bool end_request(struct rk_notify_sender *sender)
{
	rk_backoff_reset(&sender->backoff);
	sender->was_tried = false;
	return sender->channel->kind != RK_CHANNEL_PAGERDUTY ||
	       !rk_notify_queue_next_alert(&sender->queue);
}

static void on_sent(struct rk_notify_sender *sender)
{
	change_mood(sender, MOOD_OK, "takes notices");
	if (end_request(sender))
		pop_head(sender, true);
}

static void on_refused(struct rk_notify_sender *sender)
{
	change_mood(sender, MOOD_REFUSED, "refuses a notice: %s; it is given up",
		    sender->last_error);
	if (end_request(sender))
		pop_head(sender, false);
}

/* At the end there is no second chance for who cannot be reached. */
static bool is_hopeless(const struct rk_notify_sender *sender, bool is_unreachable)
{
	return sender->is_finishing && (is_unreachable || rk_guard_is_open(&sender->guard));
}

static uint64_t give_up_ns(const struct rk_notify_sender *sender)
{
	uint64_t at = sender->queue.head->arrived_ns + sender->channel->retry_for_ns;

	return sender->is_finishing && sender->finish_ns < at ? sender->finish_ns : at;
}

static void give_up_head(struct rk_notify_sender *sender)
{
	if (sender->is_finishing) {
		drop_all(sender);
		return;
	}
	change_mood(sender, MOOD_GAVE_UP, "does not answer: %s; a notice is given up after %llu s",
		    sender->last_error, (unsigned long long)(sender->channel->retry_for_ns / S));
	pop_head(sender, false);
}

static void try_again(struct rk_notify_sender *sender, bool is_unreachable,
		      const uint64_t *asked_ns)
{
	uint64_t ceiling_ns = sender->is_finishing ? BACKOFF_EXIT_NS : BACKOFF_MAX_NS;

	if (is_hopeless(sender, is_unreachable)) {
		drop_all(sender);
		return;
	}
	sender->must_wait = asked_ns != NULL;
	sender->was_tried = true;
	sender->not_before_ns =
		sender->now_ns + rk_backoff_next(&sender->backoff, ceiling_ns, asked_ns);
	if (sender->not_before_ns >= give_up_ns(sender)) {
		give_up_head(sender);
		return;
	}
	change_mood(sender, sender->mood == MOOD_GAVE_UP ? MOOD_GAVE_UP : MOOD_RETRYING,
		    "does not answer: %s; trying again", sender->last_error);
}

/* The first line of what was answered, without anything secret. */
static void describe(struct rk_notify_sender *sender, const struct rk_http_reply *reply)
{
	const uint8_t *end = reply->length ? memchr(reply->body, '\n', reply->length) : NULL;
	size_t length = end ? (size_t)(end - reply->body) : reply->length;
	char line[sizeof(sender->answer.text)];

	if (reply->status)
		rk_otlp_reply_quote(line, sizeof(line), reply->body, length);
	else
		snprintf(line, sizeof(line), "%s", reply->why);
	rk_notify_target_blot(&sender->target, line);
	if (reply->status)
		snprintf(sender->last_error, sizeof(sender->last_error), "HTTP %d%s%.400s",
			 reply->status, line[0] ? ": " : "", line);
	else
		snprintf(sender->last_error, sizeof(sender->last_error), "%.440s", line);
	sender->answer.status = reply->status;
	memcpy(sender->answer.text, line, sizeof(line));
}

static void note_answer(struct rk_notify_sender *sender, bool is_accepted)
{
	sender->answer.count++;
	sender->answer.is_accepted = is_accepted;
	sender->answer.took_ns = sender->now_ns - sender->started_ns;
}

static void on_done(void *data, const struct rk_http_reply *reply)
{
	struct rk_notify_sender *sender = data;
	bool is_accepted = reply->status >= 200 && reply->status < 300;
	bool is_refused = !is_accepted && reply->status && reply->status < 500 &&
			  reply->status != 408 && reply->status != 429;
	uint64_t asked_ns = 0;

	sender->now_ns = rk_loop_now();
	sender->queue.is_under_way = false;
	describe(sender, reply);
	note_answer(sender, is_accepted);
	/* A refusal is an answer: somebody is there, who does not like what we sent. */
	rk_guard_note(&sender->guard, is_accepted || is_refused, sender->now_ns);
	if (reply->has_retry_after)
		asked_ns = reply->retry_after_s < PARK_MAX_NS / S ? reply->retry_after_s * S :
								    PARK_MAX_NS;
	if (is_accepted)
		on_sent(sender);
	else if (is_refused || reply->is_too_large)
		on_refused(sender);
	else
		try_again(sender, reply->is_unreachable, reply->has_retry_after ? &asked_ns : NULL);
}

/* Bytes of sender->body; 0 without memory or when it is too large for anybody. */
static size_t make_body(struct rk_notify_sender *sender)
{
	struct timespec now;
	struct rk_notify_format_input input = {
		.told = sender->queue.head,
		.alert = sender->queue.alert,
		.channel = sender->channel,
		.source = sender->host->instance ? sender->host->instance : "",
		.service = sender->host->config->service_name,
		.key = sender->target.key,
	};
	size_t length = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	input.now_unix_ns = (uint64_t)now.tv_sec * S + (uint64_t)now.tv_nsec;
	if (sender->body)
		length = formats[sender->channel->kind](&input, sender->body, sender->body_size);
	while (!length && sender->body_size < BODY_MAX_BYTES) {
		size_t size = sender->body_size ? sender->body_size * 2 : BODY_FIRST_BYTES;

		free(sender->body);
		sender->body = malloc(size);
		sender->body_size = sender->body ? size : 0;
		if (!sender->body)
			return 0;
		length = formats[sender->channel->kind](&input, sender->body, size);
	}
	return length;
}

static uint32_t timeout_ms(const struct rk_notify_sender *sender)
{
	uint64_t ns = sender->channel->timeout_ns;

	if (sender->is_finishing && sender->finish_ns < sender->now_ns + ns)
		ns = sender->finish_ns > sender->now_ns ? sender->finish_ns - sender->now_ns : 0;
	return ns < MS ? 1 : (uint32_t)(ns / MS);
}

/* Nothing was sent and nobody asked: a file may be there the next time. */
static void fail_here(struct rk_notify_sender *sender, const char *why)
{
	snprintf(sender->last_error, sizeof(sender->last_error), "%s", why);
	rk_notify_target_blot(&sender->target, sender->last_error);
	snprintf(sender->answer.text, sizeof(sender->answer.text), "%.250s", sender->last_error);
	sender->answer.status = 0;
	note_answer(sender, false);
	try_again(sender, true, NULL);
}

static void init_guard(struct rk_notify_sender *sender)
{
	char what[80];

	if (sender->has_guard)
		return;
	snprintf(what, sizeof(what), "alerts/%s", sender->channel->name);
	rk_guard_init(&sender->guard, sender->host, what, sender->target.url);
	sender->has_guard = true;
}

static void send_head(struct rk_notify_sender *sender)
{
	struct rk_http_request request = {
		.method = sender->channel->method,
		.url = sender->target.url,
		.timeout_ms = timeout_ms(sender),
	};
	char why[256];

	sender->started_ns = sender->now_ns;
	if (rk_notify_target_prepare(&sender->target, sender->call, why, sizeof(why))) {
		fail_here(sender, why);
		return;
	}
	init_guard(sender);
	if (!rk_guard_allows(&sender->guard, sender->now_ns))
		return;
	request.length = make_body(sender);
	request.body = sender->body;
	sender->stats.requests++;
	sender->stats.retries += sender->was_tried;
	sender->stats.bytes_sent += request.length;
	if (!request.length || rk_http_call_start(sender->call, &request))
		fail_here(sender, "no memory for the request");
	else
		sender->queue.is_under_way = true;
}

static bool is_sending(const struct rk_notify_sender *sender)
{
	return rk_http_call_is_active(sender->call);
}

/* Whether what stands has to be told again by us, and when. */
static uint64_t resend_due_ns(const struct rk_notify_sender *sender)
{
	return sender->standing && !sender->queue.head && !sender->is_finishing ?
		       sender->resend_ns :
		       RK_NEVER;
}

uint64_t rk_notify_sender_due_ns(const struct rk_notify_sender *sender)
{
	uint64_t due;

	if (is_sending(sender))
		return RK_NEVER;
	if (!sender->queue.head)
		return resend_due_ns(sender);
	due = sender->has_guard ? rk_guard_due_ns(&sender->guard) : 0;
	if (due < sender->not_before_ns)
		due = sender->not_before_ns;
	return give_up_ns(sender) < due ? give_up_ns(sender) : due;
}

static void resend(struct rk_notify_sender *sender)
{
	struct rk_notify_notice *again =
		rk_notify_notice_copy_firing(&sender->standing->notice, sender->channel);

	sender->resend_ns = sender->now_ns + sender->channel->resend_ns;
	if (again)
		rk_notify_queue_push_again(&sender->queue, again, sender->now_ns);
}

void rk_notify_sender_run(struct rk_notify_sender *sender, uint64_t now_ns)
{
	sender->now_ns = now_ns;
	if (is_sending(sender))
		return;
	if (resend_due_ns(sender) <= now_ns)
		resend(sender);
	if (sender->queue.head && now_ns >= give_up_ns(sender))
		give_up_head(sender);
	if (sender->queue.head && now_ns >= sender->not_before_ns &&
	    (!sender->has_guard || now_ns >= rk_guard_due_ns(&sender->guard)))
		send_head(sender);
}

/* What fires, of all groups: older news of the same alert is overruled. */
static void note_standing(struct rk_notify_sender *sender, const struct rk_alert_notice *notice)
{
	struct rk_notify_notice *merged, *firing;

	if (sender->channel->kind != RK_CHANNEL_ALERTMANAGER || !sender->host->live)
		return;
	merged = rk_notify_notice_copy(notice, NULL, sender->standing, 0);
	if (!merged)
		return;
	firing = rk_notify_notice_copy_firing(&merged->notice, sender->channel);
	free(merged);
	free(sender->standing);
	sender->standing = firing;
	sender->resend_ns = sender->now_ns + sender->channel->resend_ns;
}

void rk_notify_sender_push(struct rk_notify_sender *sender, const struct rk_alert_notice *notice)
{
	sender->now_ns = rk_loop_now();
	if (!rk_notify_queue_push(&sender->queue, notice, sender->now_ns))
		change_mood(sender, MOOD_GAVE_UP,
			    "is too slow: more than %u notices wait; the oldest is given up",
			    RK_NOTIFY_WAITING_MAX);
	note_standing(sender, notice);
}

void rk_notify_sender_finish(struct rk_notify_sender *sender, uint64_t deadline_ns)
{
	sender->now_ns = rk_loop_now();
	sender->is_finishing = true;
	sender->finish_ns = deadline_ns;
	if (!sender->must_wait)
		sender->not_before_ns = 0;
	if (!sender->queue.head || is_sending(sender))
		return;
	if (sender->has_guard && rk_guard_is_open(&sender->guard))
		rk_guard_probe(&sender->guard);
}

bool rk_notify_sender_is_done(const struct rk_notify_sender *sender)
{
	return !sender->queue.head;
}

void rk_notify_sender_abandon(struct rk_notify_sender *sender)
{
	sender->now_ns = rk_loop_now();
	rk_http_call_cancel(sender->call);
	if (!sender->queue.head)
		return;
	if (!sender->last_error[0])
		snprintf(sender->last_error, sizeof(sender->last_error), "no answer in time");
	drop_all(sender);
}

void rk_notify_sender_get_stats(const struct rk_notify_sender *sender,
				struct rk_notify_stats *stats)
{
	*stats = sender->stats;
	stats->offered = sender->queue.offered;
	stats->sent = sender->queue.sent;
	stats->replaced = sender->queue.replaced;
	stats->failed = sender->queue.failed;
}

void rk_notify_sender_get_answer(const struct rk_notify_sender *sender,
				 struct rk_net_answer *answer)
{
	*answer = sender->answer;
	snprintf(answer->place, sizeof(answer->place), "%s", sender->target.shown);
}

int rk_notify_sender_create(struct rk_notify_sender **out, const struct rk_net_host *host,
			    struct rk_http *http, const struct rk_alert_channel *channel)
{
	struct rk_notify_sender *sender = calloc(1, sizeof(*sender));

	*out = NULL;
	if (!sender)
		return -ENOMEM;
	sender->host = host;
	sender->channel = channel;
	sender->queue.channel = channel;
	rk_notify_target_init(&sender->target, channel);
	rk_backoff_init(&sender->backoff, BACKOFF_FIRST_NS, BACKOFF_MAX_NS, PARK_MAX_NS);
	if (rk_http_call_create(&sender->call, http, on_done, sender)) {
		rk_notify_sender_destroy(sender);
		return -ENOMEM;
	}
	*out = sender;
	return 0;
}

void rk_notify_sender_destroy(struct rk_notify_sender *sender)
{
	if (!sender)
		return;
	rk_http_call_destroy(sender->call);
	rk_notify_queue_finish(&sender->queue);
	free(sender->standing);
	if (sender->body)
		explicit_bzero(sender->body, sender->body_size); /* the key was in it */
	free(sender->body);
	rk_notify_target_finish(&sender->target);
	free(sender);
}
