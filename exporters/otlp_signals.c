/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_signals.c - a sender per signal, and what feeds it.
 */
#include "exporters/otlp_signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace_context.h"
#include "exporters/grpc.h"
#include "exporters/metrics_schedule.h"
#include "exporters/otlp_http.h"
#include "exporters/otlp_json.h"
#include "exporters/otlp_logs.h"
#include "exporters/otlp_sender.h"
#include "exporters/otlp_span.h"
#include "exporters/otlp_target.h"

#define LOG_QUEUE_BYTES (2u << 20)
#define LOG_FLUSH_BYTES (256u << 10)

_Static_assert((int)RK_OTLP_TRACES == (int)RK_NET_TRACES &&
		       (int)RK_OTLP_METRICS == (int)RK_NET_METRICS &&
		       (int)RK_OTLP_LOGS == (int)RK_NET_LOGS,
	       "one numbering of the signals");

struct signal {
	struct rk_otlp_signals *all;
	struct rk_otlp_sender *sender; /* NULL = not configured */
	struct rk_otlp_target target;
	char place[320]; /* the destination, for acknowledgements */
};

struct rk_otlp_signals {
	struct rk_otlp_signals_setup setup;
	struct signal signals[RK_OTLP_SIGNAL_COUNT];
	struct rk_grpc *grpc;		      /* NULL where nothing goes by gRPC */
	struct rk_otlp_said said;
	struct rk_metrics_schedule *metrics;  /* may be NULL */
	struct rk_otlp_span_encoder *encoder; /* NULL = no spans are sent */
	uint64_t sampled_out;		     /* spans */
	bool is_finished;     /* nothing is taken any more */
};

static bool is_wanted(struct rk_otlp_target *target, const struct rk_config *config,
		      enum rk_otlp_signal signal, bool live)
{
	/* A replay sends what it reads; how the metrics stand now is no news of then. */
	return rk_otlp_target_get(target, config, signal) && (live || signal != RK_OTLP_METRICS);
}

bool rk_otlp_signals_are_wanted(const struct rk_config *config, bool live)
{
	struct rk_otlp_target target;

	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		if (is_wanted(&target, config, (enum rk_otlp_signal)i, live))
			return true;
	}
	return false;
}

bool rk_otlp_signals_need_http(const struct rk_config *config, bool live)
{
	struct rk_otlp_target target;

	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		if (is_wanted(&target, config, (enum rk_otlp_signal)i, live) &&
		    target.protocol != RK_PROTOCOL_GRPC)
			return true;
	}
	return false;
}

static void on_settled(void *data, const struct rk_otlp_batch *batch, enum rk_otlp_verdict verdict)
{
	struct signal *signal = data;
	const struct rk_net_host *host = signal->all->setup.host;

	if (signal->all->metrics && signal->target.signal == RK_OTLP_METRICS)
		rk_metrics_schedule_settle(signal->all->metrics, batch, verdict);
	/* What a partial success refused is never sent again: it has reached its end, too. */
	if (signal->target.signal == RK_OTLP_TRACES && verdict == RK_OTLP_SENT &&
	    host->acknowledge && batch->first)
		host->acknowledge(host->acknowledge_data, signal->place, batch->first, batch->last);
}

static void choose_queue(struct rk_otlp_queue_setup *queue, const struct rk_net_host *host,
			 enum rk_otlp_signal signal)
{
	const struct rk_config *config = host->config;

	memset(queue, 0, sizeof(*queue));
	queue->resource = host->resource;
	queue->queue_bytes = config->tracing_otlp_queue_size;
	switch (signal) {
	case RK_OTLP_TRACES:
		queue->flush_bytes = config->tracing_otlp_flush_size;
		queue->flush_ns = config->tracing_otlp_flush_interval;
		queue->queue_items = config->tracing_otlp_max_queue_spans;
		queue->batch_items = config->tracing_otlp_max_batch_spans;
		break;
	case RK_OTLP_LOGS:
		queue->queue_bytes = LOG_QUEUE_BYTES;
		queue->flush_bytes = LOG_FLUSH_BYTES;
		queue->flush_ns = config->logging_otlp_flush_interval;
		queue->queue_items = config->logging_otlp_max_queue_records;
		queue->batch_items = config->logging_otlp_max_batch_records;
		break;
	default: /* whole requests are put */
		break;
	}
}

static int open_transport(struct signal *signal, const struct rk_otlp_signals_setup *setup)
{
	const struct rk_otlp_target *target = &signal->target;
	struct rk_otlp_transport *transport;
	int err = 0;

	if (target->protocol == RK_PROTOCOL_GRPC) {
		if (!signal->all->grpc)
			err = rk_grpc_open(&signal->all->grpc, setup->loop, setup->proxy);
		if (!err)
			err = rk_grpc_transport_create(&transport, signal->all->grpc, target,
						       rk_otlp_sender_done, signal->sender);
	} else {
		err = rk_otlp_http_create(&transport, setup->http, target, rk_otlp_sender_done,
					  signal->sender);
	}
	if (err)
		return err == -ENOMEM ? err : 0;
	snprintf(signal->place, sizeof(signal->place), "%s", transport->shown_url);
	rk_otlp_sender_attach(signal->sender, transport);
	return 0;
}

static int open_signal(struct rk_otlp_signals *signals, enum rk_otlp_signal which)
{
	struct signal *signal = &signals->signals[which];
	struct rk_otlp_sender_setup sender = {
		.host = signals->setup.host,
		.target = &signal->target,
		.said = &signals->said,
		.settled = on_settled,
		.data = signal,
	};
	int err;

	signal->all = signals;
	if (!is_wanted(&signal->target, sender.host->config, which, sender.host->live))
		return 0;
	if (signal->target.protocol == RK_PROTOCOL_HTTP_JSON)
		sender.recode = rk_otlp_json_encode;
	choose_queue(&sender.queue, sender.host, which);
	err = rk_otlp_sender_create(&signal->sender, &sender);
	if (!err)
		err = open_transport(signal, &signals->setup);
	if (!err && which == RK_OTLP_TRACES)
		err = rk_otlp_span_encoder_create(&signals->encoder, sender.host->config);
	if (!err && which == RK_OTLP_METRICS && sender.host->visit)
		err = rk_metrics_schedule_create(&signals->metrics, sender.host, signal->sender);
	return err;
}

int rk_otlp_signals_create(struct rk_otlp_signals **out, const struct rk_otlp_signals_setup *setup)
{
	struct rk_otlp_signals *signals = calloc(1, sizeof(*signals));
	int err = 0;

	*out = NULL;
	if (!signals)
		return -ENOMEM;
	signals->setup = *setup;
	for (int i = 0; !err && i < RK_OTLP_SIGNAL_COUNT; i++)
		err = open_signal(signals, (enum rk_otlp_signal)i);
	if (err) {
		rk_otlp_signals_destroy(signals);
		return err;
	}
	*out = signals;
	return 0;
}

void rk_otlp_signals_destroy(struct rk_otlp_signals *signals)
{
	if (!signals)
		return;
	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++)
		rk_otlp_sender_destroy(signals->signals[i].sender);
	rk_grpc_close(signals->grpc, signals->setup.host->live);
	rk_metrics_schedule_destroy(signals->metrics);
	rk_otlp_span_encoder_destroy(signals->encoder);
	free(signals);
}

bool rk_otlp_signals_has_room(const struct rk_otlp_signals *signals, const struct rk_span *span)
{
	const struct rk_otlp_sender *sender = signals->signals[RK_OTLP_TRACES].sender;

	return !sender ||
	       rk_otlp_sender_has_room(sender, rk_otlp_span_encoder_bound(signals->encoder, span));
}

void rk_otlp_signals_push_span(struct rk_otlp_signals *signals, const struct rk_span *span)
{
	struct rk_otlp_sender *sender = signals->signals[RK_OTLP_TRACES].sender;
	uint8_t *room;

	if (!sender || signals->is_finished)
		return;
	/* Decided per execution, by trace id and by the rate limit: see the pipeline. */
	if (!(span->trace_flags & RK_TRACE_FLAG_SAMPLED)) {
		signals->sampled_out++;
		return;
	}
	room = rk_otlp_sender_reserve(sender, rk_otlp_span_encoder_bound(signals->encoder, span),
				      rk_loop_now_coarse());
	if (room)
		rk_otlp_sender_commit(sender,
				      rk_otlp_span_encoder_encode(signals->encoder, room, span),
				      span->sequence);
}

void rk_otlp_signals_push_log(struct rk_otlp_signals *signals, const struct rk_log_event *event)
{
	struct rk_otlp_sender *sender = signals->signals[RK_OTLP_LOGS].sender;
	uint8_t *room;

	if (!sender || signals->is_finished)
		return;
	room = rk_otlp_sender_reserve(sender, rk_otlp_log_bound(event), rk_loop_now());
	if (room)
		rk_otlp_sender_commit(
			sender, rk_otlp_log_encode(room, event, signals->setup.host->config), 0);
}

uint64_t rk_otlp_signals_due_ns(const struct rk_otlp_signals *signals)
{
	uint64_t due = signals->metrics ? rk_metrics_schedule_due_ns(signals->metrics) : RK_NEVER;

	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		const struct rk_otlp_sender *sender = signals->signals[i].sender;
		uint64_t at = sender ? rk_otlp_sender_due_ns(sender) : RK_NEVER;

		due = at < due ? at : due;
	}
	if (signals->grpc && rk_grpc_due_ns(signals->grpc) < due)
		due = rk_grpc_due_ns(signals->grpc);
	return due;
}

void rk_otlp_signals_run(struct rk_otlp_signals *signals, uint64_t now_ns)
{
	if (signals->grpc)
		rk_grpc_run(signals->grpc, now_ns);
	if (signals->metrics)
		rk_metrics_schedule_run(signals->metrics, now_ns);
	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		if (signals->signals[i].sender)
			rk_otlp_sender_run(signals->signals[i].sender, now_ns);
	}
}

bool rk_otlp_signals_are_busy(const struct rk_otlp_signals *signals)
{
	return signals->grpc && rk_grpc_is_busy(signals->grpc);
}

void rk_otlp_signals_finish(struct rk_otlp_signals *signals, uint64_t deadline_ns)
{
	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		if (signals->signals[i].sender && i != RK_OTLP_METRICS)
			rk_otlp_sender_finish(signals->signals[i].sender, deadline_ns);
	}
}

void rk_otlp_signals_finish_metrics(struct rk_otlp_signals *signals, uint64_t deadline_ns)
{
	struct rk_otlp_sender *sender = signals->signals[RK_OTLP_METRICS].sender;

	if (signals->metrics)
		rk_metrics_schedule_finish(signals->metrics);
	if (sender)
		rk_otlp_sender_finish(sender, deadline_ns);
}

static bool is_done(const struct signal *signal)
{
	return !signal->sender || rk_otlp_sender_is_done(signal->sender);
}

bool rk_otlp_signals_are_done(const struct rk_otlp_signals *signals)
{
	return is_done(&signals->signals[RK_OTLP_TRACES]) &&
	       is_done(&signals->signals[RK_OTLP_LOGS]);
}

bool rk_otlp_signals_metrics_are_done(const struct rk_otlp_signals *signals)
{
	return is_done(&signals->signals[RK_OTLP_METRICS]) &&
	       (!signals->metrics || rk_metrics_schedule_is_done(signals->metrics));
}

void rk_otlp_signals_abandon(struct rk_otlp_signals *signals)
{
	signals->is_finished = true;
	for (int i = 0; i < RK_OTLP_SIGNAL_COUNT; i++) {
		if (signals->signals[i].sender)
			rk_otlp_sender_abandon(signals->signals[i].sender);
	}
}

/* Points that were never put into a request. */
static void add_left_out(struct rk_net_signal_stats *row,
			 const struct rk_metrics_schedule *schedule)
{
	uint64_t left_out = rk_metrics_schedule_left_out(schedule);

	row->eligible += left_out;
	row->dropped += left_out;
	row->lost[RK_LOSS_TOO_LARGE] += left_out;
}

static void fill_row(struct rk_net_signal_stats *row, const struct rk_otlp_sender_stats *sender)
{
	row->eligible = sender->eligible;
	row->sent = sender->sent;
	row->queued = sender->waiting;
	for (int reason = 0; reason < RK_LOSS_COUNT; reason++) {
		row->lost[reason] = sender->lost[reason];
		row->dropped += sender->lost[reason];
	}
	row->bytes_sent = sender->bytes_sent;
	row->requests = sender->requests;
	row->retries = sender->retries;
	row->connected = sender->is_connected;
}

void rk_otlp_signals_get_stats(const struct rk_otlp_signals *signals, struct rk_net_stats *stats)
{
	struct rk_net_signal_stats *spans = &stats->signals[RK_NET_TRACES];

	for (int i = 0; signals && i < RK_OTLP_SIGNAL_COUNT; i++) {
		struct rk_net_signal_stats *row = &stats->signals[i];
		struct rk_otlp_sender_stats sender;

		if (!signals->signals[i].sender)
			continue;
		rk_otlp_sender_get_stats(signals->signals[i].sender, &sender);
		fill_row(row, &sender);
		stats->bytes_sent += row->bytes_sent;
		stats->requests += row->requests;
		stats->retries += row->retries;
		stats->connected |= row->connected;
		if (!stats->last_error[0])
			snprintf(stats->last_error, sizeof(stats->last_error), "%s",
				 sender.last_error);
	}
	if (signals && signals->metrics)
		add_left_out(&stats->signals[RK_NET_METRICS], signals->metrics);
	if (signals) {
		spans->sampled_out = signals->sampled_out;
		spans->eligible += signals->sampled_out;
	}
	stats->eligible = spans->eligible;
	stats->sampled_out = spans->sampled_out;
	stats->sent = spans->sent;
	stats->queued = spans->queued;
	stats->dropped = spans->dropped;
	memcpy(stats->lost, spans->lost, sizeof(stats->lost));
}
