/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/target_info.c - resource attributes as labels.
 *
 * The rules are OpenTelemetry's: what may not stand in a label name becomes '_', runs of it
 * one; keys that come out the same share a label, their values joined by ';' in the order of
 * the keys.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/resource.h"
#include "pipeline/metrics/metrics_state.h"

#define ATTRIBUTES_MAX 256

struct attribute {
	char *key, *label, *value;
};

struct attributes {
	struct attribute at[ATTRIBUTES_MAX];
	size_t count;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Ownership: the caller, free(). Return: NULL without memory. */
static char *label_name(const char *key)
{
	char *label = malloc(strlen(key) + 2), *out = label;

	if (!label)
		return NULL;
	if (*key >= '0' && *key <= '9')
		*out++ = '_';
	for (; *key; key++) {
		char c = is_letter(*key) || (*key >= '0' && *key <= '9') ? *key : '_';

		if (c != '_' || out == label || out[-1] != '_')
			*out++ = c;
	}
	*out = '\0';
	return label;
}

static void take(const char *key, const char *value, void *data)
{
	struct attributes *list = data;
	struct attribute *a = &list->at[list->count];

	if (list->count == ATTRIBUTES_MAX)
		return;
	*a = (struct attribute){ strdup(key), label_name(key), strdup(value) };
	if (a->key && a->label && a->value) {
		list->count++;
		return;
	}
	free(a->key);
	free(a->label);
	free(a->value);
}

static int compare(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	int order = strcmp(x->label, y->label);

	return order ? order : strcmp(x->key, y->key);
}

static void put_value(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
}

/* Sorted: equal labels stand next to each other, in the order of their keys. */
static void put_labels(FILE *out, const struct attributes *list)
{
	for (size_t i = 0; i < list->count; i++) {
		bool is_same = i && strcmp(list->at[i].label, list->at[i - 1].label) == 0;

		if (is_same)
			fputc(';', out);
		else
			fprintf(out, "%s%s=\"", i ? "\"," : "", list->at[i].label);
		put_value(out, list->at[i].value);
	}
	fputc('"', out);
}

static void list_free(struct attributes *list)
{
	for (size_t i = 0; list && i < list->count; i++) {
		free(list->at[i].key);
		free(list->at[i].label);
		free(list->at[i].value);
	}
	free(list);
}

/* Half a set of labels would make the whole exposition invalid. Return: NULL without memory. */
static char *format_labels(const struct attributes *list)
{
	char *labels = NULL;
	bool is_whole;
	size_t length;
	FILE *out = open_memstream(&labels, &length);

	if (!out)
		return NULL;
	put_labels(out, list);
	is_whole = !ferror(out);
	if (fclose(out) == 0 && is_whole)
		return labels;
	free(labels);
	return NULL;
}

void rk_metrics_set_resource(struct rk_metrics *metrics, const char *resource)
{
	struct attributes *list = calloc(1, sizeof(*list));

	free(metrics->target_labels);
	metrics->target_labels = NULL;
	if (list && resource && *resource)
		rk_resource_visit(resource, take, list);
	if (list && list->count) {
		qsort(list->at, list->count, sizeof(list->at[0]), compare);
		metrics->target_labels = format_labels(list);
	}
	list_free(list);
}
