/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo.c - ops become executions of SLOs.
 *
 * Which SLOs a kernel belongs to is looked up once per kernel; after that an execution costs the
 * counting.
 */
#include "pipeline/alert/slo.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/glob.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/yaml_tree.h"
#include "pipeline/alert/slo_state.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/metrics/metrics_feed.h"

#define KERNELS_MAX	 65536u
#define POST_INTERVAL_NS 1000000000ull
#define SECONDS_MAX	 1e9 /* what the program may say an execution took: 31 years */
#define NS_PER_S	 1e9

static bool is_known(const struct rk_slo *slo, const char *name)
{
	for (uint32_t i = 0; i < slo->count; i++) {
		if (strcmp(slo->at[i].spec.name, name) == 0)
			return true;
	}
	return false;
}

/* Return: 0; 1: it cannot be used, which has been told; -ENOMEM. */
static int add_spec(struct rk_slo *slo, const struct rk_yaml_node *node)
{
	struct rk_slo_one *one = &slo->at[slo->count];

	if (slo->count == RK_SLO_MAX) {
		rk_log_warn("config: %s:%u: more than %u SLOs; the rest is left out",
			    slo->config->file, node->line, RK_SLO_MAX);
		return 1;
	}
	if (!rk_slo_spec_read(&one->spec, slo->config, node))
		return 1;
	if (is_known(slo, one->spec.name)) {
		rk_log_warn("config: %s:%u: a second slo \"%s\"; give each a name of its own",
			    slo->config->file, node->line, one->spec.name);
		return 1;
	}
	one->takes_api = one->spec.source == RK_SLO_SOURCE_API;
	slo->count++;
	return rk_slo_count_init(&one->count, one->spec.window_ns);
}

int rk_slo_create(struct rk_slo **out, const struct rk_config *config, uint32_t *mistakes)
{
	uint32_t refused = 0;
	struct rk_slo *slo;
	int err = 0;

	*out = NULL;
	if (mistakes)
		*mistakes = 0;
	if (!config->slo)
		return 0;
	slo = calloc(1, sizeof(*slo));
	if (!slo)
		return -ENOMEM;
	slo->config = config;
	rk_histogram_scale_init_exponential(&slo->scale);
	rk_handle_map_init(&slo->kernels, KERNELS_MAX);
	slo->at = calloc(RK_SLO_MAX, sizeof(*slo->at));
	if (!slo->at)
		err = -ENOMEM;
	for (const struct rk_yaml_node *n = config->slo->first; n && err >= 0; n = n->next) {
		err = add_spec(slo, n);
		refused += err > 0;
	}
	if (mistakes)
		*mistakes = refused;
	if (err < 0 || !slo->count) {
		rk_slo_destroy(slo);
		return err < 0 ? err : 0;
	}
	*out = slo;
	return 0;
}

void rk_slo_destroy(struct rk_slo *slo)
{
	if (!slo)
		return;
	for (uint32_t i = 0; i < slo->count; i++)
		rk_slo_count_finish(&slo->at[i].count);
	rk_handle_map_finish(&slo->kernels);
	free(slo->at);
	free(slo);
}

static uint64_t match(const struct rk_slo *slo, const char *kernel_id, const char *domain)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < slo->count; i++) {
		const struct rk_slo_spec *spec = &slo->at[i].spec;

		if ((!*spec->kernel || rk_glob_matches(spec->kernel, kernel_id)) &&
		    (!*spec->domain || strcmp(spec->domain, domain) == 0))
			mask |= 1ull << i;
	}
	return mask;
}

static uint64_t match_kernel(struct rk_slo *slo, uint32_t mangled)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(slo->config, mangled);
	uint64_t key = ((uint64_t)name->kernel_id << 32 | name->domain) + 1;
	struct rk_handle_slot *slot = rk_handle_map_put(&slo->kernels, key);

	if (slot && slot->tag)
		return slot->value;
	if (slot) {
		slot->tag = 1;
		slot->value =
			match(slo, rk_intern_get(name->kernel_id), rk_intern_get(name->domain));
		return slot->value;
	}
	return match(slo, rk_intern_get(name->kernel_id), rk_intern_get(name->domain));
}

static void advance(struct rk_slo *slo, uint64_t now_ns)
{
	if (now_ns <= slo->now_ns)
		return;
	slo->now_ns = now_ns;
	for (uint32_t i = 0; i < slo->count; i++) {
		struct rk_slo_one *one = &slo->at[i];

		/* Before slots are used again: the minutes that are in them must have counted. */
		rk_slo_count_judge(&one->count, &one->spec, now_ns, false);
		rk_slo_count_advance(&one->count, now_ns);
	}
}

static void count_event(struct rk_slo *slo, uint64_t mask, bool is_api,
			const struct rk_slo_event *event)
{
	advance(slo, event->end_ns);
	for (uint32_t i = 0; mask; i++, mask >>= 1) {
		struct rk_slo_one *one = &slo->at[i];

		if (mask & 1 && one->takes_api == is_api)
			rk_slo_count_add(&one->count, &one->spec, &slo->scale, event);
	}
}

/* Times of calls are no durations of kernels: without the GPU's no latency can be judged. */
static void feed_kernel(struct rk_slo *slo, const struct rk_op *op)
{
	const uint8_t useless = RK_OP_F_INVALID_TIME | RK_OP_F_HOST_TIME;
	struct rk_slo_event event = {
		.end_ns = op->end ? op->end : op->host_end,
		.duration_ns = op->end - op->start,
		.is_timed = !(op->flags & useless) && op->end && op->end >= op->start,
	};

	if (!(op->flags & RK_OP_F_OPEN))
		count_event(slo, match_kernel(slo, op->name), false, &event);
}

static void feed_failed_launch(struct rk_slo *slo, const struct rk_op *op)
{
	const struct rk_slo_event event = {
		.end_ns = op->host_end ? op->host_end : op->end,
		.failed = true,
	};

	count_event(slo, match_kernel(slo, op->name), false, &event);
}

static void feed_instrument(struct rk_slo *slo, const struct rk_op *op)
{
	uint32_t number = op->instrument.number;
	struct rk_fields_reader reader;
	const char *name, *domain;
	uint64_t mask;

	if (op->instrument.type != RK_INSTRUMENT_EXECUTION || !number ||
	    number > RK_INSTRUMENTS_MAX)
		return;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	name = rk_fields_next_placed(&reader);
	rk_fields_next_placed(&reader); /* unit */
	rk_fields_next_placed(&reader); /* help */
	domain = rk_fields_next_placed(&reader);
	mask = match(slo, name, *domain ? domain : "unknown");
	slo->recorded[number - 1] = mask;
	for (uint32_t i = 0; mask; i++, mask >>= 1) {
		struct rk_slo_one *one = &slo->at[i];

		if (!(mask & 1) || one->takes_api || one->spec.source != RK_SLO_SOURCE_AUTO)
			continue;
		one->takes_api = true;
		rk_slo_count_reset(&one->count);
	}
}

static void feed_sample(struct rk_slo *slo, const struct rk_op *op)
{
	const struct rk_op_sample *sample = &op->sample;
	uint64_t mask = sample->number && sample->number <= RK_INSTRUMENTS_MAX ?
				slo->recorded[sample->number - 1] :
				0;
	struct rk_slo_event event = {
		.end_ns = op->host_start,
		.is_timed = true,
		.failed = sample->what == RK_SAMPLE_ERROR,
	};

	if (!mask || !(sample->value >= 0 && sample->value <= SECONDS_MAX))
		return;
	event.duration_ns = (uint64_t)(sample->value * NS_PER_S + 0.5);
	count_event(slo, mask, true, &event);
}

void rk_slo_set_change(struct rk_slo *slo, rk_slo_change_fn change, void *data)
{
	if (!slo)
		return;
	slo->change = change;
	slo->change_data = data;
}

static void tell_change(const struct rk_slo *slo, uint8_t *told, const struct rk_slo_result *result)
{
	enum rk_slo_state was = *told == RK_SLO_NO_DATA ? RK_SLO_MET : (enum rk_slo_state) * told;

	if (result->state == RK_SLO_NO_DATA)
		return;
	*told = (uint8_t)result->state;
	if (slo->change && result->state != was)
		slo->change(slo->change_data, slo->now_ns, result, was);
}

static void post(struct rk_slo *slo)
{
	struct rk_slo_result result;

	for (size_t i = 0; rk_slo_result_get(slo, i, &result); i++) {
		bool is_bad = result.state == RK_SLO_VIOLATED;
		struct rk_slo_notice notice = {
			.state = result.state,
			.headroom = isnan(result.headroom) ? 0 : result.headroom,
			.budget_left = isnan(result.budget_left) ? !is_bad : result.budget_left,
		};

		snprintf(notice.slo, sizeof(notice.slo), "%s", result.slo);
		snprintf(notice.target, sizeof(notice.target), "%s", result.target);
		rk_slo_board_post(&notice);
		tell_change(slo, &slo->told[i], &result);
	}
}

static void feed_tick(struct rk_slo *slo, const struct rk_op *op)
{
	uint64_t now = op->end ? op->end : op->host_start;

	advance(slo, now);
	if (op->kind == RK_OP_END) {
		rk_slo_finish(slo);
	} else if (slo->now_ns - slo->posted_ns >= POST_INTERVAL_NS) {
		slo->posted_ns = slo->now_ns;
		post(slo);
	}
}

void rk_slo_feed(struct rk_slo *slo, const struct rk_op *op)
{
	if (!slo)
		return;
	switch (op->kind) {
	case RK_OP_KERNEL:
		feed_kernel(slo, op);
		break;
	case RK_OP_ERROR:
		if (rk_metrics_is_failed_launch(op))
			feed_failed_launch(slo, op);
		break;
	case RK_OP_INSTRUMENT:
		feed_instrument(slo, op);
		break;
	case RK_OP_SAMPLE:
		feed_sample(slo, op);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		feed_tick(slo, op);
		break;
	default:
		break;
	}
}

void rk_slo_finish(struct rk_slo *slo)
{
	if (!slo)
		return;
	for (uint32_t i = 0; i < slo->count; i++)
		rk_slo_count_judge(&slo->at[i].count, &slo->at[i].spec, slo->now_ns, true);
	post(slo);
}
