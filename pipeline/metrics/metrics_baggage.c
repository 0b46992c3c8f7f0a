/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_baggage.c - baggage entries that were chosen to be labels of kernels.
 *
 * An execution is not forgotten when it is closed, because its last kernels may come after that:
 * its place is taken by the one that is RK_BAGGAGE_EXECS later.
 */
#include "pipeline/metrics/metrics_baggage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/baggage.h"
#include "core/fields.h"
#include "core/log.h"
#include "pipeline/metrics/metric_name.h"
#include "pipeline/metrics/series_list.h"

#define VALUE_MAX 256u /* bytes of a value; longer ones are cut */

/* The values of one baggage, being collected. */
struct values {
	const struct rk_metrics_baggage *baggage;
	char texts[RK_BAGGAGE_LABELS_MAX][VALUE_MAX + 1];
	bool has[RK_BAGGAGE_LABELS_MAX];
};

static bool is_among(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

static int add_label(struct rk_metrics_baggage *baggage, const char *key, size_t length,
		     const char *const *taken)
{
	char name[RK_METRIC_NAME_BYTES];
	char *copy = strndup(key, length);

	if (!copy)
		return -ENOMEM;
	if (baggage->count == RK_BAGGAGE_LABELS_MAX || !rk_metric_name_label(copy, name) ||
	    is_among(name, taken)) {
		rk_log_warn("metrics: could not make a label of the baggage entry %.100s: %s", copy,
			    baggage->count == RK_BAGGAGE_LABELS_MAX ?
				    "there are eight" :
				    "the name is none for a label, or is one of ours");
		free(copy);
		return 0;
	}
	baggage->keys[baggage->count] = copy;
	baggage->names[baggage->count] = strdup(name);
	return baggage->names[baggage->count++] ? 0 : -ENOMEM;
}

int rk_metrics_baggage_init(struct rk_metrics_baggage *baggage, const struct rk_config *config,
			    const char *const *taken)
{
	const char *at = config->metrics_baggage_labels ? config->metrics_baggage_labels : "";
	int err = 0;

	memset(baggage, 0, sizeof(*baggage));
	while (*(at += strspn(at, ", \t")) && !err) {
		size_t length = strcspn(at, ", \t");

		err = add_label(baggage, at, length, taken);
		at += length;
	}
	if (err || !baggage->count)
		return err;
	rk_handle_map_init(&baggage->index, config->metrics_max_series ?
						    (uint32_t)config->metrics_max_series :
						    RK_SERIES_MAX);
	baggage->execs = calloc(RK_BAGGAGE_EXECS, sizeof(*baggage->execs));
	return baggage->execs ? 0 : -ENOMEM;
}

void rk_metrics_baggage_finish(struct rk_metrics_baggage *baggage)
{
	for (uint32_t i = 0; i < baggage->count; i++) {
		free(baggage->keys[i]);
		free(baggage->names[i]);
	}
	for (uint32_t i = 0; i < baggage->set_count; i++)
		free(baggage->sets[i].texts);
	free(baggage->sets);
	free(baggage->execs);
	rk_handle_map_finish(&baggage->index);
	memset(baggage, 0, sizeof(*baggage));
}

static void note_member(void *data, const char *key, size_t length, const char *value)
{
	struct values *values = data;
	const struct rk_metrics_baggage *baggage = values->baggage;

	for (uint32_t i = 0; i < baggage->count; i++) {
		size_t bytes = strnlen(value, VALUE_MAX);

		if (strlen(baggage->keys[i]) != length ||
		    memcmp(baggage->keys[i], key, length) != 0)
			continue;
		memcpy(values->texts[i], value, bytes);
		values->texts[i][bytes] = '\0';
		values->has[i] = bytes;
	}
}

static bool is_same(const struct values *values, const struct rk_baggage_set *set)
{
	for (uint32_t i = 0; i < values->baggage->count; i++) {
		const char *value = set->values[i];

		if (values->has[i] != (value != NULL) ||
		    (value && strcmp(values->texts[i], value) != 0))
			return false;
	}
	return true;
}

/* FNV-1a over the values with their ends. */
static uint64_t hash_of(const struct values *values)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (uint32_t i = 0; i < values->baggage->count; i++) {
		const char *c = values->has[i] ? values->texts[i] : "";

		do {
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
		} while (*c++);
	}
	return hash ? hash : 1;
}

/* Return: its number; RK_BAGGAGE_SET_OTHER without memory. */
static uint32_t add_set(struct rk_metrics_baggage *baggage, const struct values *values)
{
	struct rk_baggage_set set = { .texts = calloc(baggage->count, sizeof(values->texts[0])) };
	uint32_t capacity = baggage->set_capacity ? baggage->set_capacity * 2 : 16;
	struct rk_baggage_set *grown;

	if (!set.texts)
		return RK_BAGGAGE_SET_OTHER;
	if (baggage->set_count == baggage->set_capacity) {
		grown = realloc(baggage->sets, capacity * sizeof(*grown));
		if (!grown) {
			free(set.texts);
			return RK_BAGGAGE_SET_OTHER;
		}
		baggage->sets = grown;
		baggage->set_capacity = capacity;
	}
	for (uint32_t i = 0; i < baggage->count; i++) {
		char *text = set.texts + i * sizeof(values->texts[0]);

		if (!values->has[i])
			continue;
		memcpy(text, values->texts[i], sizeof(values->texts[0]));
		set.values[i] = text;
	}
	baggage->sets[baggage->set_count] = set;
	return RK_BAGGAGE_SET_OTHER + ++baggage->set_count;
}

static uint32_t set_of(struct rk_metrics_baggage *baggage, const char *text)
{
	struct values values = { .baggage = baggage };
	struct rk_handle_slot *slot;
	bool any = false;

	rk_baggage_parse(text, note_member, &values);
	for (uint32_t i = 0; i < baggage->count; i++)
		any |= values.has[i];
	if (!any)
		return RK_BAGGAGE_SET_NONE;
	slot = rk_handle_map_put(&baggage->index, hash_of(&values));
	if (!slot)
		return RK_BAGGAGE_SET_OTHER;
	if (!slot->tag)
		slot->tag = add_set(baggage, &values);
	if (slot->tag == RK_BAGGAGE_SET_OTHER ||
	    is_same(&values, &baggage->sets[slot->tag - RK_BAGGAGE_SET_OTHER - 1]))
		return slot->tag;
	return RK_BAGGAGE_SET_OTHER; /* another one with the same hash */
}

void rk_metrics_baggage_set_process(struct rk_metrics_baggage *baggage, const char *text)
{
	if (baggage->count && text)
		baggage->process_set = set_of(baggage, text);
}

void rk_metrics_baggage_feed(struct rk_metrics_baggage *baggage, const struct rk_op *op)
{
	struct rk_fields_reader reader;
	struct rk_exec_set *slot;

	if (!baggage->count || !op->exec)
		return;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	rk_fields_next_placed(&reader); /* tracestate */
	slot = &baggage->execs[op->exec % RK_BAGGAGE_EXECS];
	slot->set = set_of(baggage, rk_fields_next_placed(&reader));
	slot->exec = op->exec;
}

const char *rk_metrics_baggage_value(const struct rk_metrics_baggage *baggage, uint32_t set,
				     uint32_t label)
{
	if (set == RK_BAGGAGE_SET_NONE)
		return NULL;
	return set == RK_BAGGAGE_SET_OTHER ?
		       "other" :
		       baggage->sets[set - RK_BAGGAGE_SET_OTHER - 1].values[label];
}
