/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_slow.c - histories of kernels.
 */
#include "pipeline/span/assembler_slow.h"

#include <stdlib.h>
#include <string.h>

#include "core/number.h"

static double parse_quantile(const char *text)
{
	const char *end;
	double percent;

	if (!text || (*text != 'p' && *text != 'P') || !rk_number_parse(text + 1, &percent, &end) ||
	    *end || percent <= 0 || percent >= 100)
		return 0;
	return percent / 100;
}

void rk_slow_init(struct rk_slow *slow, const char *quantile)
{
	memset(slow, 0, sizeof(*slow));
	slow->quantile = parse_quantile(quantile);
	rk_handle_map_init(&slow->index, RK_SLOW_KERNELS_MAX);
	rk_histogram_scale_init_exponential(&slow->scale);
}

void rk_slow_finish(struct rk_slow *slow)
{
	for (uint32_t i = 0; i < slow->count; i++)
		free(slow->histories[i]);
	free(slow->histories);
	rk_handle_map_finish(&slow->index);
}

static struct rk_slow_history *history_add(struct rk_slow *slow, uint64_t key)
{
	struct rk_slow_history *history;
	struct rk_handle_slot *slot;

	if (slow->count == slow->capacity) {
		uint32_t capacity = slow->capacity ? 2 * slow->capacity : 64;
		void *grown = realloc(slow->histories, capacity * sizeof(*slow->histories));

		if (!grown)
			return NULL;
		slow->histories = grown;
		slow->capacity = capacity;
	}
	history = calloc(1, sizeof(*history));
	if (!history)
		return NULL;
	slot = rk_handle_map_put(&slow->index, key);
	if (!slot) {
		free(history);
		return NULL;
	}
	history->limit_ns = UINT64_MAX;
	history->count_due = RK_SLOW_VALUES_MIN;
	slow->histories[slow->count] = history;
	slot->tag = ++slow->count;
	return history;
}

static struct rk_slow_history *history_get(struct rk_slow *slow, uint32_t name, uint32_t device)
{
	uint64_t key = (uint64_t)name << 32 | device;
	struct rk_handle_slot *slot = rk_handle_map_get(&slow->index, key);

	if (slot)
		return slow->histories[slot->tag - 1];
	return slow->count < RK_SLOW_KERNELS_MAX ? history_add(slow, key) : NULL;
}

static void halve(struct rk_slow_history *history)
{
	history->count = 0;
	for (uint32_t i = 0; i < RK_HISTOGRAM_EXP_COUNT; i++) {
		/* Rounded up: the slowest one must not be the first to be forgotten. */
		history->buckets[i] = (history->buckets[i] + 1) / 2;
		history->count += history->buckets[i];
	}
}

static void update_limit(struct rk_slow *slow, struct rk_slow_history *history)
{
	double wanted = slow->quantile * history->count;
	uint64_t seen = 0;
	uint32_t at = 0;

	if (history->count >= RK_SLOW_VALUES_MAX)
		halve(history);
	wanted = slow->quantile * history->count;
	while (at < RK_HISTOGRAM_EXP_COUNT - 1) {
		seen += history->buckets[at];
		if ((double)seen >= wanted)
			break;
		at++;
	}
	history->limit_ns =
		slow->scale.bounds[at] < history->max_ns ? slow->scale.bounds[at] : history->max_ns;
	/* A sixteenth more values: seldom enough to cost little, often enough to follow. */
	history->count_due = history->count + (history->count >> 4) + 1;
}

bool rk_slow_judge(struct rk_slow *slow, uint32_t name, uint32_t device, uint64_t duration_ns)
{
	struct rk_slow_history *history = name ? history_get(slow, name, device) : NULL;
	uint32_t at;
	bool is_slow;

	if (!history) {
		slow->unjudged++;
		return false;
	}
	is_slow = duration_ns > history->limit_ns;
	at = rk_histogram_bucket(&slow->scale, duration_ns);
	history->buckets[at < RK_HISTOGRAM_EXP_COUNT ? at : RK_HISTOGRAM_EXP_COUNT - 1]++;
	if (duration_ns > history->max_ns)
		history->max_ns = duration_ns;
	if (++history->count >= history->count_due)
		update_limit(slow, history);
	return is_slow;
}
