/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_result.c - counts become verdicts.
 *
 * A target allows a share of what it judges to be bad: 1 in 100 for a p99. By the nearest rank
 * the 99th percentile of n values is above the threshold exactly when more than n/100 of them
 * are, so the verdict needs no percentile.
 */
#include <math.h>
#include <string.h>

#include "pipeline/alert/slo_state.h"

#define NS_PER_S	 1e9
#define FUZZ		 1e-9 /* 0.01 * 100 may come out a hair below 1 */
#define AT_RISK		 0.1  /* share of the target that is left */
#define LEAST_EXECUTIONS 10u
#define LEAST_NS	 1000000000ull /* of which a throughput can be told */

static const uint64_t burn_minutes[RK_SLO_BURNS] = {
	[RK_SLO_BURN_5M] = 5,
	[RK_SLO_BURN_30M] = 30,
	[RK_SLO_BURN_1H] = 60,
	[RK_SLO_BURN_6H] = 360,
};

/* What a target judges, and how much of it was bad. */
struct share {
	uint64_t count, bad, risky;
};

static struct share share_of(const struct rk_slo_counts *counts, const struct rk_slo_target *target,
			     uint32_t latency)
{
	switch (target->measure) {
	case RK_SLO_LATENCY:
		return (struct share){ counts->timed, counts->slow[latency],
				       counts->risky[latency] };
	case RK_SLO_ERROR_RATE:
		return (struct share){ counts->executions, counts->errors, counts->errors };
	case RK_SLO_AVAILABILITY:
		return (struct share){ counts->minutes, counts->bad_minutes, counts->bad_minutes };
	case RK_SLO_THROUGHPUT:
		break;
	}
	return (struct share){ counts->executions - counts->errors, 0, 0 };
}

/* Number of @target among the latencies of its SLO. */
static uint32_t latency_of(const struct rk_slo_spec *spec, const struct rk_slo_target *target)
{
	uint32_t latency = 0;

	for (const struct rk_slo_target *t = spec->targets; t < target; t++)
		latency += t->measure == RK_SLO_LATENCY;
	return latency;
}

/* A percentile says something about the slowest only when there are some. */
static uint64_t needed_by(const struct rk_slo_spec *spec, const struct rk_slo_target *target)
{
	/* 1 / (1 - 0.99) comes out a hair above or below 100. */
	uint64_t beyond = (uint64_t)(1 / (1 - target->quantile) + 0.5);

	if (target->measure == RK_SLO_AVAILABILITY)
		return 1;
	if (spec->least)
		return spec->least;
	if (target->measure == RK_SLO_THROUGHPUT)
		return 0;
	return beyond > LEAST_EXECUTIONS ? beyond : LEAST_EXECUTIONS;
}

static bool is_exceeded(uint64_t bad, double allowed, uint64_t count)
{
	return (double)bad > allowed * (double)count + FUZZ;
}

/* Share of what may be bad that is left. Where nothing may be, every one counts as much. */
static double left_of(const struct share *share, double allowed)
{
	double room = allowed * (double)share->count;

	if (!share->bad)
		return 1;
	return room > FUZZ ? 1 - (double)share->bad / room : -(double)share->bad;
}

static double burn_of(const struct rk_slo_one *one, const struct rk_slo_target *target,
		      uint64_t minutes)
{
	struct rk_slo_counts counts;
	struct share share;

	if (isnan(target->allowed))
		return (double)NAN;
	rk_slo_count_sum_minutes(&one->count, minutes, &counts);
	share = share_of(&counts, target, latency_of(&one->spec, target));
	if (!share.bad)
		return 0;
	return (double)share.bad / (double)share.count /
	       (target->allowed > FUZZ ? target->allowed : FUZZ);
}

/*
 * The upper end of the bucket that holds the percentile, at most 9.1 % above it; on the side of
 * the threshold where the percentile is known to be.
 */
static double percentile(const struct rk_slo *slo, const struct rk_slo_target *target,
			 const struct rk_histogram *histogram, const struct share *share)
{
	uint64_t ns = rk_histogram_quantile(histogram, &slo->scale, target->quantile);

	if (!is_exceeded(share->bad, target->allowed, share->count) && ns > target->limit_ns)
		ns = target->limit_ns;
	if (!is_exceeded(share->risky, target->allowed, share->count) && ns > target->risk_ns)
		ns = target->risk_ns;
	return (double)ns / NS_PER_S;
}

static void judge_throughput(const struct rk_slo *slo, const struct rk_slo_one *one,
			     struct rk_slo_result *result)
{
	uint64_t since = one->count.first_ns;
	uint64_t first =
		one->count.newest_slot + 1 > RK_SLO_WINDOW_SLOTS ?
			(one->count.newest_slot + 1 - RK_SLO_WINDOW_SLOTS) * one->count.slot_ns :
			0;
	uint64_t elapsed;

	if (since < first)
		since = first;
	elapsed = slo->now_ns > since ? slo->now_ns - since : 0;
	if (!one->count.first_ns || elapsed < LEAST_NS || result->count < result->needed)
		return;
	result->measured = (double)result->count / ((double)elapsed / NS_PER_S);
	result->headroom = result->measured / result->wanted - 1;
	result->compliance = result->headroom < 0 ? 1 + result->headroom : 1;
	result->state = result->headroom < 0	   ? RK_SLO_VIOLATED :
			result->headroom < AT_RISK ? RK_SLO_AT_RISK :
						     RK_SLO_MET;
}

static void judge_share(const struct rk_slo *slo, const struct rk_slo_target *target,
			const struct rk_histogram *histogram, const struct share *share,
			struct rk_slo_result *result)
{
	bool is_latency = target->measure == RK_SLO_LATENCY, is_risky;
	uint64_t count = share->count > result->needed ? share->count : result->needed;

	if (!share->count)
		return;
	result->compliance = 1 - (double)share->bad / (double)share->count;
	result->budget_left = result->headroom = left_of(share, target->allowed);
	result->measured = target->measure == RK_SLO_ERROR_RATE ?
				   (double)share->bad / (double)share->count :
				   result->compliance;
	if (is_latency) {
		result->measured = percentile(slo, target, histogram, share);
		result->headroom = 1 - result->measured / result->wanted;
	}
	is_risky = is_latency ? is_exceeded(share->risky, target->allowed, share->count) :
				result->headroom < AT_RISK;
	/* More bad ones than enough executions would have been allowed: no more are needed. */
	if (is_exceeded(share->bad, target->allowed, count))
		result->state = RK_SLO_VIOLATED;
	else if (share->count >= result->needed)
		result->state = is_risky ? RK_SLO_AT_RISK : RK_SLO_MET;
}

static void judge(const struct rk_slo *slo, const struct rk_slo_one *one,
		  const struct rk_slo_target *target, struct rk_slo_result *result)
{
	static const char *const units[] = { [RK_SLO_LATENCY] = "s",
					     [RK_SLO_ERROR_RATE] = "ratio",
					     [RK_SLO_THROUGHPUT] = "1/s",
					     [RK_SLO_AVAILABILITY] = "ratio" };
	struct rk_histogram histogram;
	struct rk_slo_counts counts;
	struct share share;

	rk_slo_count_sum_window(&one->count, &counts,
				target->measure == RK_SLO_LATENCY ? &histogram : NULL);
	share = share_of(&counts, target, latency_of(&one->spec, target));
	*result = (struct rk_slo_result){
		.slo = one->spec.name,
		.target = target->name,
		.unit = units[target->measure],
		.wanted = target->wanted,
		.measured = (double)NAN,
		.state = RK_SLO_NO_DATA,
		.count = share.count,
		.needed = needed_by(&one->spec, target),
		.compliance = (double)NAN,
		.headroom = (double)NAN,
		.budget_left = (double)NAN,
	};
	for (int i = 0; i < RK_SLO_BURNS; i++)
		result->burn[i] = burn_of(one, target, burn_minutes[i]);
	if (target->measure == RK_SLO_THROUGHPUT)
		judge_throughput(slo, one, result);
	else
		judge_share(slo, target, &histogram, &share, result);
}

bool rk_slo_result_get(const struct rk_slo *slo, size_t index, struct rk_slo_result *out)
{
	for (uint32_t i = 0; slo && i < slo->count; i++) {
		const struct rk_slo_one *one = &slo->at[i];

		if (index < one->spec.target_count) {
			judge(slo, one, &one->spec.targets[index], out);
			return true;
		}
		index -= one->spec.target_count;
	}
	return false;
}

const char *rk_slo_state_name(enum rk_slo_state state)
{
	static const char *const names[] = { [RK_SLO_NO_DATA] = "too little data",
					     [RK_SLO_MET] = "met",
					     [RK_SLO_AT_RISK] = "at risk",
					     [RK_SLO_VIOLATED] = "violated" };

	return names[state];
}

static double burn_of_target(const struct rk_slo_one *one, const char *target, uint64_t minutes)
{
	double worst = (double)NAN;

	for (uint32_t i = 0; i < one->spec.target_count; i++) {
		const struct rk_slo_target *t = &one->spec.targets[i];
		double burn;

		if (target && strcmp(target, t->name) != 0)
			continue;
		burn = burn_of(one, t, minutes);
		if (!(burn <= worst) && !isnan(burn))
			worst = burn;
	}
	return worst;
}

double rk_slo_burn_rate(const struct rk_slo *slo, const char *name, const char *target,
			uint64_t window_ns)
{
	uint64_t minutes = (window_ns + RK_SLO_MINUTE_NS - 1) / RK_SLO_MINUTE_NS;

	for (uint32_t i = 0; slo && i < slo->count; i++) {
		if (strcmp(slo->at[i].spec.name, name) == 0)
			return burn_of_target(&slo->at[i], target, minutes);
	}
	return (double)NAN;
}
