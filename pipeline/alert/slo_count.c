/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_count.c - executions of one SLO, counted by the time they ended.
 */
#include "pipeline/alert/slo_count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A GPU record comes this much later than it ended, at most: it waits in CUPTI's buffer. */
#define LATE_NS	 5000000000ull
#define FUZZ	 1e-9 /* 0.01 * 100 may come out a hair below 1 */
#define NS_PER_S 1e9

int rk_slo_count_init(struct rk_slo_count *count, uint64_t window_ns)
{
	memset(count, 0, sizeof(*count));
	count->slot_ns = window_ns / RK_SLO_WINDOW_SLOTS;
	count->minutes = calloc(RK_SLO_MINUTES, sizeof(*count->minutes));
	count->slots = calloc(RK_SLO_WINDOW_SLOTS, sizeof(*count->slots));
	return count->minutes && count->slots ? 0 : -ENOMEM;
}

void rk_slo_count_finish(struct rk_slo_count *count)
{
	free(count->minutes);
	free(count->slots);
	memset(count, 0, sizeof(*count));
}

void rk_slo_count_reset(struct rk_slo_count *count)
{
	memset(count->minutes, 0, RK_SLO_MINUTES * sizeof(*count->minutes));
	memset(count->slots, 0, RK_SLO_WINDOW_SLOTS * sizeof(*count->slots));
	count->first_ns = 0;
}

/* Empty the slots between the newest one and the one of @now, at most all @count of them. */
static void move_on(uint64_t *newest, uint64_t now, void *slots, size_t size, uint64_t count)
{
	uint64_t number = *newest + 1;

	if (now <= *newest)
		return;
	if (now - *newest >= count)
		number = now - count + 1;
	for (; number <= now; number++)
		memset((char *)slots + number % count * size, 0, size);
	*newest = now;
}

void rk_slo_count_advance(struct rk_slo_count *count, uint64_t now_ns)
{
	uint64_t minute = now_ns / RK_SLO_MINUTE_NS;

	move_on(&count->newest_minute, minute, count->minutes, sizeof(*count->minutes),
		RK_SLO_MINUTES);
	move_on(&count->newest_slot, now_ns / count->slot_ns, count->slots, sizeof(*count->slots),
		RK_SLO_WINDOW_SLOTS);
	if (count->unjudged + RK_SLO_MINUTES <= minute)
		count->unjudged = minute - RK_SLO_MINUTES + 1;
}

static struct rk_slo_minute *minute_at(const struct rk_slo_count *count, uint64_t number)
{
	if (number > count->newest_minute || number + RK_SLO_MINUTES <= count->newest_minute)
		return NULL;
	return &count->minutes[number % RK_SLO_MINUTES];
}

static struct rk_slo_slot *slot_at(const struct rk_slo_count *count, uint64_t ns)
{
	uint64_t number = ns / count->slot_ns;

	if (number > count->newest_slot || number + RK_SLO_WINDOW_SLOTS <= count->newest_slot)
		return NULL;
	return &count->slots[number % RK_SLO_WINDOW_SLOTS];
}

static void count_event(struct rk_slo_counts *counts, const struct rk_slo_spec *spec,
			const struct rk_slo_event *event)
{
	uint32_t latency = 0;

	counts->executions++;
	counts->errors += event->failed;
	if (!event->is_timed)
		return;
	counts->timed++;
	for (uint32_t i = 0; i < spec->target_count; i++) {
		if (spec->targets[i].measure != RK_SLO_LATENCY)
			continue;
		counts->slow[latency] += event->duration_ns > spec->targets[i].limit_ns;
		counts->risky[latency++] += event->duration_ns > spec->targets[i].risk_ns;
	}
}

void rk_slo_count_add(struct rk_slo_count *count, const struct rk_slo_spec *spec,
		      const struct rk_histogram_scale *scale, const struct rk_slo_event *event)
{
	struct rk_slo_minute *minute = minute_at(count, event->end_ns / RK_SLO_MINUTE_NS);
	struct rk_slo_slot *slot = slot_at(count, event->end_ns);
	uint64_t start =
		event->end_ns -
		(event->is_timed && event->duration_ns < event->end_ns ? event->duration_ns : 0);

	if (!count->first_ns ||
	    (minute && !minute->is_judged && event->end_ns / RK_SLO_MINUTE_NS < count->unjudged))
		count->unjudged = event->end_ns / RK_SLO_MINUTE_NS;
	if (!count->first_ns || start < count->first_ns)
		count->first_ns = start;
	if (minute)
		count_event(&minute->counts, spec, event);
	if (!slot)
		return;
	count_event(&slot->counts, spec, event);
	if (event->is_timed) {
		uint32_t at = rk_histogram_bucket(scale, event->duration_ns);

		slot->buckets[at < RK_HISTOGRAM_EXP_COUNT ? at : RK_HISTOGRAM_EXP_COUNT - 1]++;
		if (event->duration_ns > slot->longest_ns)
			slot->longest_ns = event->duration_ns;
	}
}

/* Whether one minute meets every target but availability, which is about minutes. */
static bool is_good(const struct rk_slo_counts *counts, const struct rk_slo_spec *spec,
		    bool is_whole)
{
	uint32_t latency = 0;

	for (uint32_t i = 0; i < spec->target_count; i++) {
		const struct rk_slo_target *target = &spec->targets[i];
		double good = (double)(counts->executions - counts->errors);
		double minute = (double)RK_SLO_MINUTE_NS / NS_PER_S;

		if (target->measure == RK_SLO_LATENCY &&
		    (double)counts->slow[latency++] >
			    target->allowed * (double)counts->timed + FUZZ)
			return false;
		if (target->measure == RK_SLO_ERROR_RATE &&
		    (double)counts->errors > target->allowed * (double)counts->executions + FUZZ)
			return false;
		if (target->measure == RK_SLO_THROUGHPUT && is_whole &&
		    good < target->wanted * minute - FUZZ)
			return false;
	}
	/* With nothing else to meet, a minute is good when nothing failed in it. */
	return spec->target_count > 1 || !counts->errors;
}

static void judge_minute(struct rk_slo_count *count, const struct rk_slo_spec *spec,
			 uint64_t number, bool is_over)
{
	struct rk_slo_minute *minute = minute_at(count, number);
	struct rk_slo_slot *slot = slot_at(count, number * RK_SLO_MINUTE_NS);
	bool is_whole = is_over && number * RK_SLO_MINUTE_NS >= count->first_ns, is_bad;

	if (!minute || minute->is_judged || !minute->counts.executions)
		return;
	is_bad = !is_good(&minute->counts, spec, is_whole);
	minute->is_judged = true;
	minute->counts.minutes = 1;
	minute->counts.bad_minutes = is_bad;
	/* The slot of its first moment may just have gone. */
	if (!slot)
		return;
	slot->counts.minutes++;
	slot->counts.bad_minutes += is_bad;
}

void rk_slo_count_judge(struct rk_slo_count *count, const struct rk_slo_spec *spec, uint64_t now_ns,
			bool is_end)
{
	uint64_t late = is_end ? 0 : LATE_NS;

	if (!count->first_ns)
		return;
	while ((count->unjudged + 1) * RK_SLO_MINUTE_NS + late <= now_ns)
		judge_minute(count, spec, count->unjudged++, true);
	while (is_end && count->unjudged <= count->newest_minute)
		judge_minute(count, spec, count->unjudged++, false);
}

static void add_counts(struct rk_slo_counts *sum, const struct rk_slo_counts *more)
{
	sum->executions += more->executions;
	sum->errors += more->errors;
	sum->timed += more->timed;
	for (uint32_t i = 0; i < RK_SLO_LATENCIES; i++) {
		sum->slow[i] += more->slow[i];
		sum->risky[i] += more->risky[i];
	}
	sum->minutes += more->minutes;
	sum->bad_minutes += more->bad_minutes;
}

void rk_slo_count_sum_minutes(const struct rk_slo_count *count, uint64_t minutes,
			      struct rk_slo_counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	if (minutes > RK_SLO_MINUTES)
		minutes = RK_SLO_MINUTES;
	for (uint64_t i = 0; i < minutes && i <= count->newest_minute; i++)
		add_counts(sum,
			   &count->minutes[(count->newest_minute - i) % RK_SLO_MINUTES].counts);
}

void rk_slo_count_sum_window(const struct rk_slo_count *count, struct rk_slo_counts *sum,
			     struct rk_histogram *histogram)
{
	memset(sum, 0, sizeof(*sum));
	if (histogram)
		memset(histogram, 0, sizeof(*histogram));
	for (uint32_t s = 0; s < RK_SLO_WINDOW_SLOTS; s++) {
		const struct rk_slo_slot *slot = &count->slots[s];

		add_counts(sum, &slot->counts);
		if (!histogram || !slot->counts.timed)
			continue;
		histogram->count += slot->counts.timed;
		if (slot->longest_ns > histogram->max)
			histogram->max = slot->longest_ns;
		for (uint32_t i = 0; i < RK_HISTOGRAM_EXP_COUNT; i++)
			histogram->exponential[i] += slot->buckets[i];
	}
}
