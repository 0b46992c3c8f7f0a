/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_user.c - counters, gauges and histograms that the program defines
 * itself.
 *
 * The ops may come from a file: nothing of them is trusted.
 */
#include "pipeline/metrics/metrics_user.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "core/log.h"
#include "pipeline/metrics/metric_name.h"

#define LABEL_TEXT_MAX 1024u /* of one value; longer ones are cut */
#define KEY_BYTES      8192u

/* A definition, read. */
struct definition {
	enum rk_metric_type type;
	const char *said; /* the name as the program said it */
	const char *help;
	char name[RK_METRIC_NAME_BYTES], unit[RK_METRIC_UNIT_BYTES];
	char labels[RK_LABELS_MAX][RK_METRIC_NAME_BYTES];
	const char *values[RK_LABELS_MAX]; /* parts of the op's text */
	uint32_t label_count;
	const struct rk_op_instrument *instrument;
};

void rk_metrics_user_finish(struct rk_user_metrics *user)
{
	for (uint32_t f = 0; f < user->family_count; f++) {
		struct rk_user_family *family = user->families[f];

		for (uint32_t i = 0; i < family->series.count; i++) {
			struct rk_user_series *series = family->series.items[i];

			free(series->texts);
			free(series->buckets);
		}
		rk_series_list_finish(&family->series);
		free(family->texts);
		free(family);
	}
	free(user->families);
	free(user->targets);
	memset(user, 0, sizeof(*user));
}

/* The domain is a label like any other, where there is one; of two with one name the last. */
static void add_label(struct definition *definition, const char *key, const char *value)
{
	char name[RK_METRIC_NAME_BYTES];
	uint32_t at = 0;

	if (!rk_metric_name_label(key, name))
		return;
	while (at < definition->label_count && strcmp(definition->labels[at], name) != 0)
		at++;
	if (at == RK_LABELS_MAX)
		return;
	memcpy(definition->labels[at], name, sizeof(name));
	definition->values[at] = *value ? value : NULL;
	definition->label_count += at == definition->label_count;
}

/* Return: false for what is no usable definition of one of our three types. */
static bool read_definition(struct definition *definition, const struct rk_op *op)
{
	static const enum rk_metric_type types[] = {
		[RK_INSTRUMENT_COUNTER] = RK_METRIC_COUNTER,
		[RK_INSTRUMENT_GAUGE] = RK_METRIC_GAUGE,
		[RK_INSTRUMENT_HISTOGRAM] = RK_METRIC_HISTOGRAM,
	};
	struct rk_fields_reader reader;
	struct rk_field field;
	const char *unit;

	memset(definition, 0, sizeof(*definition));
	definition->instrument = &op->instrument;
	definition->type = types[op->instrument.type];
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	definition->said = rk_fields_next_placed(&reader);
	unit = rk_fields_next_placed(&reader);
	definition->help = rk_fields_next_placed(&reader);
	if (!*definition->help)
		definition->help = "A metric of the program.";
	add_label(definition, "domain", rk_fields_next_placed(&reader));
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT)
			add_label(definition, field.key, field.text);
	}
	return rk_metric_name_make(definition->type, definition->said, unit, definition->name,
				   definition->unit);
}

static void refuse(struct rk_user_metrics *user, const char *said, const char *why)
{
	user->refused_instruments++;
	rk_log_warn("metrics: could not add the metric \"%.100s\" of the program: %s", said, why);
}

/* The family with this name; @clash: another one that its samples could be mistaken for. */
static struct rk_user_family *find_family(const struct rk_user_metrics *user,
					  const struct definition *definition, const char **clash)
{
	const struct rk_metric_family wanted = { .name = definition->name,
						 .type = (uint8_t)definition->type };

	*clash = strcmp(definition->name, "target") == 0 ? "target_info" : NULL;
	for (size_t i = 0; i < rk_metrics_family_count() && !*clash; i++) {
		if (rk_metric_name_clashes(rk_metrics_family(i), &wanted))
			*clash = rk_metrics_family(i)->name;
	}
	for (uint32_t i = 0; i < user->family_count && !*clash; i++) {
		struct rk_user_family *family = user->families[i];

		if (strcmp(family->family.name, definition->name) == 0 &&
		    family->family.type == definition->type)
			return family;
		if (rk_metric_name_clashes(&family->family, &wanted))
			*clash = family->family.name;
	}
	return NULL;
}

/* One block for all strings of a family. */
static bool copy_texts(struct rk_user_family *family, const struct definition *definition)
{
	size_t help = strlen(definition->help) + 1, unit = strlen(definition->unit) + 1;
	size_t name = strlen(definition->name) + 1, total = help + unit + name;
	char *at;

	for (uint32_t i = 0; i < definition->label_count; i++)
		total += strlen(definition->labels[i]) + 1;
	at = family->texts = malloc(total);
	if (!at)
		return false;
	family->family.name = memcpy(at, definition->name, name);
	family->family.unit = memcpy(at += name, definition->unit, unit);
	family->family.help = memcpy(at += unit, definition->help, help);
	at += help;
	for (uint32_t i = 0; i < definition->label_count; i++) {
		size_t length = strlen(definition->labels[i]) + 1;

		family->family.labels[i] = memcpy(at, definition->labels[i], length);
		at += length;
	}
	return true;
}

/* Its own bounds as far as they rise; without any those of the durations. */
static void set_bounds(struct rk_user_family *family, const struct rk_config *config,
		       const struct rk_op_instrument *instrument)
{
	uint32_t count = instrument->bound_count;

	for (uint32_t i = 0; i < count && i < RK_INSTRUMENT_BOUNDS; i++) {
		double bound = instrument->bounds[i];
		uint32_t n = family->bound_count;

		if (isfinite(bound) && (!n || bound > family->bounds[n - 1]))
			family->bounds[family->bound_count++] = bound;
	}
	if (family->bound_count)
		return;
	family->bound_count = config->metrics_histogram_buckets.count;
	memcpy(family->bounds, config->metrics_histogram_buckets.at,
	       family->bound_count * sizeof(family->bounds[0]));
}

static struct rk_user_family *add_family(struct rk_user_metrics *user,
					 const struct definition *definition)
{
	struct rk_user_family **grown, *family;

	grown = realloc(user->families, (user->family_count + 1) * sizeof(struct rk_user_family *));
	if (!grown)
		return NULL;
	user->families = grown;
	family = calloc(1, sizeof(*family));
	if (!family || !copy_texts(family, definition)) {
		free(family);
		return NULL;
	}
	family->family.type = (uint8_t)definition->type;
	family->family.explicit_only = true;
	if (definition->type == RK_METRIC_HISTOGRAM)
		set_bounds(family, user->config, definition->instrument);
	rk_series_list_init(&family->series, sizeof(struct rk_user_series), 1,
			    (uint32_t)user->config->metrics_max_series);
	user->families[user->family_count++] = family;
	return family;
}

/* Place of a label in the family; RK_LABELS_MAX = it is none of its labels. */
static uint32_t label_place(const struct rk_user_family *family, const char *label)
{
	uint32_t at = 0;

	while (at < RK_LABELS_MAX && family->family.labels[at] &&
	       strcmp(family->family.labels[at], label) != 0)
		at++;
	return at < RK_LABELS_MAX && family->family.labels[at] ? at : RK_LABELS_MAX;
}

/* The values in the family's order; absent ones are left NULL. Return: false: one has no place. */
static bool order_values(const struct rk_user_family *family, const struct definition *definition,
			 const char *values[RK_LABELS_MAX])
{
	for (uint32_t i = 0; i < RK_LABELS_MAX; i++)
		values[i] = NULL;
	for (uint32_t i = 0; i < definition->label_count; i++) {
		uint32_t at = label_place(family, definition->labels[i]);

		if (at < RK_LABELS_MAX)
			values[at] = definition->values[i];
		else if (definition->values[i])
			return false;
	}
	return true;
}

/* Length and text of each value: no two sets have the same. */
static uint64_t key_of(const char *const values[RK_LABELS_MAX])
{
	char key[KEY_BYTES];
	size_t used = 0;

	for (uint32_t i = 0; i < RK_LABELS_MAX; i++) {
		size_t length = values[i] ? strnlen(values[i], LABEL_TEXT_MAX) : 0;

		if (sizeof(key) - used < length + 16)
			break;
		used += (size_t)snprintf(key + used, sizeof(key) - used, "%zu:%.*s", length,
					 (int)length, values[i] ? values[i] : "");
	}
	return rk_intern_bytes(key, used);
}

static bool copy_values(struct rk_user_series *series, const char *const values[RK_LABELS_MAX])
{
	size_t total = 1;
	char *at;

	for (uint32_t i = 0; i < RK_LABELS_MAX; i++)
		total += values[i] ? strnlen(values[i], LABEL_TEXT_MAX) + 1 : 0;
	at = series->texts = malloc(total);
	for (uint32_t i = 0; at && i < RK_LABELS_MAX; i++) {
		size_t length = values[i] ? strnlen(values[i], LABEL_TEXT_MAX) : 0;

		if (!values[i])
			continue;
		series->values[i] = memcpy(at, values[i], length);
		at[length] = '\0';
		at += length + 1;
	}
	return at;
}

static struct rk_user_series *get_series(struct rk_user_metrics *user,
					 struct rk_user_family *family,
					 const char *const values[RK_LABELS_MAX])
{
	struct rk_user_series *series = rk_series_list_get(&family->series, key_of(values), 0);

	if (series && !series->texts && !series->series.is_other && !copy_values(series, values))
		series = NULL;
	if (series && !series->buckets && family->family.type == RK_METRIC_HISTOGRAM) {
		series->buckets = calloc(family->bound_count + 1, sizeof(*series->buckets));
		series = series->buckets ? series : NULL;
	}
	user->short_of_memory += !series;
	return series;
}

static bool reserve_target(struct rk_user_metrics *user, uint32_t number)
{
	uint32_t wanted = user->target_count ? user->target_count : 64;
	struct rk_user_target *grown;

	if (!number || number > RK_INSTRUMENTS_MAX)
		return false;
	while (wanted < number)
		wanted *= 2;
	if (wanted == user->target_count)
		return true;
	grown = realloc(user->targets, wanted * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + user->target_count, 0, (wanted - user->target_count) * sizeof(*grown));
	user->targets = grown;
	user->target_count = wanted;
	return true;
}

void rk_metrics_user_define(struct rk_user_metrics *user, const struct rk_op *op)
{
	const char *values[RK_LABELS_MAX], *clash;
	struct definition definition;
	struct rk_user_family *family;
	char why[RK_METRIC_NAME_BYTES + 64];

	if (!reserve_target(user, op->instrument.number))
		return;
	user->targets[op->instrument.number - 1] = (struct rk_user_target){ NULL, NULL };
	if (!read_definition(&definition, op)) {
		refuse(user, definition.said, "its name has no letter or digit");
		return;
	}
	family = find_family(user, &definition, &clash);
	if (clash) {
		snprintf(why, sizeof(why), "it would be mistaken for %s", clash);
		refuse(user, definition.said, why);
		return;
	}
	if (!family && user->family_count == RK_USER_FAMILIES_MAX) {
		refuse(user, definition.said, "there are 1024 of them");
		return;
	}
	family = family ? family : add_family(user, &definition);
	if (!family) {
		user->short_of_memory++;
		return;
	}
	if (!order_values(family, &definition, values)) {
		refuse(user, definition.said, "it has a label that its first definition has not");
		return;
	}
	user->targets[op->instrument.number - 1] =
		(struct rk_user_target){ family, get_series(user, family, values) };
}

static uint32_t bucket_of(const struct rk_user_family *family, double value)
{
	uint32_t low = 0, high = family->bound_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (value <= family->bounds[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void observe(const struct rk_user_family *family, struct rk_user_series *series,
		    double value)
{
	series->buckets[bucket_of(family, value)]++;
	series->sum += value;
	if (!series->count || value < series->min)
		series->min = value;
	if (!series->count || value > series->max)
		series->max = value;
	series->count++;
}

/* A sum that falls or is no number is of no use to anybody, for ever: not by one value. */
static bool is_usable(const struct rk_user_family *family, const struct rk_op_sample *sample)
{
	if (family->family.type == RK_METRIC_GAUGE)
		return sample->what == RK_SAMPLE_VALUE || isfinite(sample->value);
	return isfinite(sample->value) && sample->value >= 0;
}

void rk_metrics_user_sample(struct rk_user_metrics *user, const struct rk_op_sample *sample)
{
	struct rk_user_target *target = sample->number && sample->number <= user->target_count ?
						&user->targets[sample->number - 1] :
						NULL;

	if (!target || !target->series || !is_usable(target->family, sample)) {
		user->refused_samples++;
		return;
	}
	if (target->family->family.type == RK_METRIC_HISTOGRAM)
		observe(target->family, target->series, sample->value);
	else if (target->family->family.type == RK_METRIC_GAUGE && sample->what == RK_SAMPLE_VALUE)
		target->series->value = sample->value;
	else
		target->series->value += sample->value;
}

static void fill_point(struct rk_metric_point *point, const struct rk_user_family *family,
		       const struct rk_user_series *series)
{
	point->family = &family->family;
	for (uint32_t i = 0; i < RK_LABELS_MAX; i++)
		point->values[i] = series->series.is_other ? "other" : series->values[i];
	point->value = series->value;
	if (family->family.type == RK_METRIC_HISTOGRAM)
		point->histogram = (struct rk_histogram_view){
			.count = series->count,
			.sum = series->sum,
			.min = series->min,
			.max = series->max,
			.bounds = family->bounds,
			.buckets = series->buckets,
			.bound_count = family->bound_count,
		};
}

void rk_metrics_user_visit(const struct rk_user_metrics *user,
			   void (*visit)(const struct rk_metric_point *point, void *data),
			   void *data)
{
	for (uint32_t f = 0; f < user->family_count; f++) {
		const struct rk_user_family *family = user->families[f];

		for (uint32_t i = 0; i < family->series.count; i++) {
			const struct rk_user_series *series = family->series.items[i];
			struct rk_metric_point point = { 0 };

			/* Half made, for want of memory. */
			if ((!series->texts && !series->series.is_other) ||
			    (family->family.type == RK_METRIC_HISTOGRAM && !series->buckets))
				continue;
			fill_point(&point, family, series);
			visit(&point, data);
		}
	}
}

uint64_t rk_metrics_user_folded(const struct rk_user_metrics *user)
{
	uint64_t folded = 0;

	for (uint32_t f = 0; f < user->family_count; f++)
		folded += user->families[f]->series.folded;
	return folded;
}
