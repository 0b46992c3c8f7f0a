/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/metrics_schedule.c - due times around the encoder of metrics.
 */
#include "exporters/metrics_schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "core/log.h"
#include "exporters/loop.h"
#include "exporters/otlp_metrics.h"

struct rk_metrics_schedule {
	struct rk_otlp_metrics *encoder;
	struct rk_otlp_sender *sender; /* borrowed */
	uint64_t interval_ns, due_ns;
	bool is_finishing;
	bool said_no_memory;
};

static uint64_t unix_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int rk_metrics_schedule_create(struct rk_metrics_schedule **out, const struct rk_net_host *host,
			       struct rk_otlp_sender *sender)
{
	struct rk_metrics_schedule *schedule = calloc(1, sizeof(*schedule));
	/* The registry is opened together with the wires, before anything is counted. */
	struct rk_otlp_metrics_setup setup = {
		.config = host->config,
		.registry = host->metrics,
		.visit = host->visit,
		.resource = host->resource,
		.start_unix_ns = unix_now(),
	};
	int err;

	*out = NULL;
	if (!schedule)
		return -ENOMEM;
	err = rk_otlp_metrics_create(&schedule->encoder, &setup);
	if (err) {
		free(schedule);
		return err;
	}
	schedule->sender = sender;
	schedule->interval_ns = host->config->metrics_interval;
	schedule->due_ns = rk_loop_now() + schedule->interval_ns;
	*out = schedule;
	return 0;
}

void rk_metrics_schedule_destroy(struct rk_metrics_schedule *schedule)
{
	if (!schedule)
		return;
	rk_otlp_metrics_destroy(schedule->encoder);
	free(schedule);
}

void rk_metrics_schedule_settle(struct rk_metrics_schedule *schedule,
				const struct rk_otlp_batch *batch, enum rk_otlp_verdict verdict)
{
	rk_otlp_metrics_settle(schedule->encoder, (uint32_t)batch->first, verdict);
}

static void emit(const struct rk_otlp_metrics_request *request, void *data)
{
	struct rk_metrics_schedule *schedule = data;

	if (!rk_otlp_sender_put(schedule->sender, request->bytes, request->length, request->points,
				request->ticket))
		rk_otlp_metrics_settle(schedule->encoder, request->ticket, RK_OTLP_RETRY);
}

/* Return: false while an earlier one is under way. */
static bool export_now(struct rk_metrics_schedule *schedule)
{
	ptrdiff_t count;

	if (!rk_otlp_sender_make_way(schedule->sender))
		return false;
	count = rk_otlp_metrics_collect(schedule->encoder, unix_now(), emit, schedule);
	if (count == -ENOMEM && !schedule->said_no_memory) {
		schedule->said_no_memory = true;
		rk_log_warn("otlp: could not encode the metrics: %s; they are tried again with the "
			    "next export",
			    rk_strerror(ENOMEM));
	}
	return true;
}

uint64_t rk_metrics_schedule_due_ns(const struct rk_metrics_schedule *schedule)
{
	/* What is under way wakes the loop by itself. */
	return rk_otlp_sender_is_sending(schedule->sender) ? RK_NEVER : schedule->due_ns;
}

void rk_metrics_schedule_run(struct rk_metrics_schedule *schedule, uint64_t now_ns)
{
	if (now_ns < schedule->due_ns || schedule->due_ns == RK_NEVER || !export_now(schedule))
		return;
	schedule->due_ns += schedule->interval_ns;
	if (schedule->due_ns <= now_ns)
		schedule->due_ns = now_ns + schedule->interval_ns;
	if (schedule->is_finishing)
		schedule->due_ns = RK_NEVER;
}

void rk_metrics_schedule_finish(struct rk_metrics_schedule *schedule)
{
	schedule->is_finishing = true;
	schedule->due_ns = 0;
	rk_metrics_schedule_run(schedule, rk_loop_now());
}

bool rk_metrics_schedule_is_done(const struct rk_metrics_schedule *schedule)
{
	return schedule->is_finishing && schedule->due_ns == RK_NEVER;
}

uint64_t rk_metrics_schedule_left_out(const struct rk_metrics_schedule *schedule)
{
	return rk_otlp_metrics_left_out(schedule->encoder);
}
