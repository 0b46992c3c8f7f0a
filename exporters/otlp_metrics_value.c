/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_value.c - copies, sums and differences of what was counted.
 */
#include "exporters/otlp_metrics_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rk_otlp_value_borrow(struct rk_otlp_value *value, const struct rk_metric_point *point,
			  bool is_exponential)
{
	const struct rk_histogram_view *view = &point->histogram;

	memset(value, 0, sizeof(*value));
	if (point->family->type != RK_METRIC_HISTOGRAM) {
		value->number = point->value;
		return;
	}
	value->count = view->count;
	value->sum = view->sum;
	value->min = view->min;
	value->max = view->max;
	value->has_min = value->has_max = view->count != 0;
	if (is_exponential) {
		value->scale = view->scale;
		value->first = view->exponential_first;
		value->buckets = (uint64_t *)(uintptr_t)view->exponential;
		value->bucket_count = view->exponential_count;
	} else {
		value->buckets = (uint64_t *)(uintptr_t)view->buckets;
		value->bucket_count = view->bound_count + 1;
	}
}

static int reserve(struct rk_otlp_value *value, size_t count)
{
	uint64_t *grown;

	if (count <= value->capacity || !count)
		return 0;
	grown = realloc(value->capacity ? value->buckets : NULL, count * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	value->buckets = grown;
	value->capacity = count;
	return 0;
}

int rk_otlp_value_copy(struct rk_otlp_value *to, const struct rk_otlp_value *from)
{
	uint64_t *buckets;
	size_t capacity;

	if (reserve(to, from->bucket_count))
		return -ENOMEM;
	buckets = to->buckets;
	capacity = to->capacity;
	*to = *from;
	to->buckets = buckets;
	to->capacity = capacity;
	if (from->bucket_count)
		memcpy(buckets, from->buckets, from->bucket_count * sizeof(*buckets));
	return 0;
}

void rk_otlp_value_finish(struct rk_otlp_value *value)
{
	if (value->capacity)
		free(value->buckets);
	memset(value, 0, sizeof(*value));
}

/* Make room in @value for the indexes of @other, too. */
static int widen(struct rk_otlp_value *value, const struct rk_otlp_value *other)
{
	int end = value->first + (int)value->bucket_count;
	int other_end = other->first + (int)other->bucket_count;
	int first = value->first < other->first ? value->first : other->first;
	size_t before = (size_t)(value->first - first);
	size_t count = (size_t)((end > other_end ? end : other_end) - first);

	if (reserve(value, count))
		return -ENOMEM;
	memmove(value->buckets + before, value->buckets,
		value->bucket_count * sizeof(*value->buckets));
	memset(value->buckets, 0, before * sizeof(*value->buckets));
	memset(value->buckets + before + value->bucket_count, 0,
	       (count - before - value->bucket_count) * sizeof(*value->buckets));
	value->first = first;
	value->bucket_count = count;
	return 0;
}

int rk_otlp_value_add(struct rk_otlp_value *to, const struct rk_otlp_value *from)
{
	if (!to->count && !to->bucket_count) {
		double number = to->number;

		if (rk_otlp_value_copy(to, from))
			return -ENOMEM;
		to->number += number;
		return 0;
	}
	if (from->bucket_count && widen(to, from))
		return -ENOMEM;
	for (size_t i = 0; i < from->bucket_count; i++)
		to->buckets[(size_t)(from->first - to->first) + i] += from->buckets[i];
	to->number += from->number;
	to->count += from->count;
	to->sum += from->sum;
	if (from->has_min && (!to->has_min || from->min < to->min))
		to->min = from->min;
	if (from->has_max && (!to->has_max || from->max > to->max))
		to->max = from->max;
	to->has_min |= from->has_min;
	to->has_max |= from->has_max;
	return 0;
}

static bool began_again(const struct rk_otlp_value *now, const struct rk_otlp_value *before)
{
	return now->number < before->number || now->count < before->count;
}

int rk_otlp_value_subtract(struct rk_otlp_value *to, const struct rk_otlp_value *now,
			   const struct rk_otlp_value *before)
{
	if (rk_otlp_value_copy(to, now))
		return -ENOMEM;
	if (began_again(now, before))
		return 0;
	to->number -= before->number;
	to->count -= before->count;
	to->sum -= before->sum;
	to->has_min = to->count && (!before->count || now->min < before->min);
	to->has_max = to->count && (!before->count || now->max > before->max);
	for (size_t i = 0; i < before->bucket_count; i++) {
		int at = before->first + (int)i - to->first;

		if (at >= 0 && at < (int)to->bucket_count)
			to->buckets[at] -= before->buckets[i];
	}
	return 0;
}

/* Index i and i + 1 of an even i become one: the halves of a bucket of the next scale. */
static void halve_scale(struct rk_otlp_value *value)
{
	int first = value->first >> 1;
	size_t count = (size_t)(((value->first + (int)value->bucket_count - 1) >> 1) - first) + 1;

	for (size_t i = 0; i < value->bucket_count; i++) {
		size_t at = (size_t)(((value->first + (int)i) >> 1) - first);
		uint64_t moved = value->buckets[i];

		value->buckets[i] = 0;
		value->buckets[at] += moved;
	}
	value->first = first;
	value->bucket_count = count;
	value->scale--;
}

void rk_otlp_value_fit(struct rk_otlp_value *value, size_t max)
{
	size_t skipped = 0;

	while (value->bucket_count && !value->buckets[value->bucket_count - 1])
		value->bucket_count--;
	while (skipped < value->bucket_count && !value->buckets[skipped])
		skipped++;
	value->bucket_count -= skipped;
	value->first = value->bucket_count ? value->first + (int)skipped : 0;
	if (skipped)
		memmove(value->buckets, value->buckets + skipped,
			value->bucket_count * sizeof(*value->buckets));
	while (value->bucket_count > max)
		halve_scale(value);
}
