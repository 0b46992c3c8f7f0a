/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_series.c - a hash table of series.
 */
#include "exporters/otlp_metrics_series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256u /* a power of two, as all that follow */

static void series_destroy(struct rk_otlp_series *series)
{
	if (!series)
		return;
	rk_otlp_value_finish(&series->reached);
	rk_otlp_value_finish(&series->sent);
	free(series->labels);
	free(series);
}

void rk_otlp_series_finish(struct rk_otlp_series_table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		series_destroy(table->items[i]);
	free(table->items);
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

static uint64_t hash_of(const struct rk_metric_family *family, const char *labels, size_t bytes)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uintptr_t)family;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (uint8_t)labels[i]) * 0x100000001b3u;
	/* The overflow has no labels: not those of a family that has none. */
	hash = (hash ^ (labels != NULL)) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static bool is_same(const struct rk_otlp_series *series, const struct rk_metric_family *family,
		    const char *labels, size_t bytes)
{
	if (series->family != family || series->label_bytes != bytes || !series->labels != !labels)
		return false;
	return !bytes || memcmp(series->labels, labels, bytes) == 0;
}

struct rk_otlp_series *rk_otlp_series_find(const struct rk_otlp_series_table *table,
					   const struct rk_metric_family *family,
					   const char *labels, size_t label_bytes)
{
	uint64_t hash = hash_of(family, labels, label_bytes);

	if (!table->slot_count)
		return NULL;
	for (uint32_t at = (uint32_t)hash;; at++) {
		uint32_t index = table->slots[at & (table->slot_count - 1)];

		if (!index)
			return NULL;
		if (table->items[index - 1]->hash == hash &&
		    is_same(table->items[index - 1], family, labels, label_bytes))
			return table->items[index - 1];
	}
}

static void put_slot(struct rk_otlp_series_table *table, uint64_t hash, uint32_t index)
{
	uint32_t at = (uint32_t)hash;

	while (table->slots[at & (table->slot_count - 1)])
		at++;
	table->slots[at & (table->slot_count - 1)] = index + 1;
}

/* Room for one more: half of the slots stay free. */
static int grow(struct rk_otlp_series_table *table)
{
	uint32_t slot_count = table->slot_count ? table->slot_count * 2 : FIRST_SLOTS;
	struct rk_otlp_series **items;
	uint32_t *slots;

	if (table->count < table->capacity)
		return 0;
	items = realloc(table->items, slot_count / 2 * sizeof(struct rk_otlp_series *));
	if (!items)
		return -ENOMEM;
	table->items = items;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	table->capacity = slot_count / 2;
	for (uint32_t i = 0; i < table->count; i++)
		put_slot(table, items[i]->hash, i);
	return 0;
}

struct rk_otlp_series *rk_otlp_series_add(struct rk_otlp_series_table *table,
					  const struct rk_metric_family *family, const char *labels,
					  size_t label_bytes)
{
	struct rk_otlp_series *series;

	if (grow(table))
		return NULL;
	series = calloc(1, sizeof(*series));
	if (!series)
		return NULL;
	if (labels) {
		/* A family without labels has no bytes, but a place for them. */
		series->labels = malloc(label_bytes + 1);
		if (!series->labels) {
			free(series);
			return NULL;
		}
		memcpy(series->labels, labels, label_bytes);
		series->label_bytes = label_bytes;
	}
	series->family = family;
	series->hash = hash_of(family, labels, label_bytes);
	put_slot(table, series->hash, table->count);
	table->items[table->count++] = series;
	return series;
}

void rk_otlp_series_settle(struct rk_otlp_series_table *table, uint32_t ticket,
			   enum rk_otlp_verdict verdict)
{
	for (uint32_t i = 0; ticket && i < table->count; i++) {
		struct rk_otlp_series *series = table->items[i];

		if (series->ticket != ticket)
			continue;
		series->ticket = 0;
		if (verdict != RK_OTLP_RETRY) {
			struct rk_otlp_value spare = series->reached;

			series->reached = series->sent;
			series->reached_ns = series->sent_ns;
			series->sent = spare;
		}
		rk_otlp_value_finish(&series->sent);
	}
}
