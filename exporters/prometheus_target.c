/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/prometheus_target.c - decode, rename, sort, join.
 */
#include "exporters/prometheus_target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/resource.h"

static void label_free(struct rk_prometheus_label *label)
{
	free(label->key);
	free(label->label);
	free(label->value);
}

/* Not isalnum(): that depends on the locale of the program. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/* Ownership: the caller, free(). Return: NULL without memory. */
static char *label_name(const char *key)
{
	char *name = malloc(strlen(key) + 2), *out = name;

	if (!name)
		return NULL;
	if (is_digit(*key))
		*out++ = '_';
	for (; *key; key++) {
		if (is_plain(*key))
			*out++ = *key;
		else if (out == name || out[-1] != '_')
			*out++ = '_';
	}
	*out = '\0';
	return name;
}

static void take(const char *key, const char *value, void *data)
{
	struct rk_prometheus_target *target = data;
	size_t capacity = target->capacity ? target->capacity * 2 : 32;
	struct rk_prometheus_label *label, *grown;

	if (target->err)
		return;
	if (target->count == target->capacity) {
		grown = realloc(target->at, capacity * sizeof(*grown));
		if (!grown) {
			target->err = -ENOMEM;
			return;
		}
		target->at = grown;
		target->capacity = capacity;
	}
	label = &target->at[target->count++];
	*label = (struct rk_prometheus_label){ strdup(key), label_name(key), strdup(value) };
	if (!label->key || !label->label || !label->value)
		target->err = -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	const struct rk_prometheus_label *x = a, *y = b;
	int order = strcmp(x->label, y->label);

	return order ? order : strcmp(x->key, y->key);
}

static int join_value(struct rk_prometheus_label *label, const char *value)
{
	size_t before = strlen(label->value), length = strlen(value);
	char *joined = realloc(label->value, before + length + 2);

	if (!joined)
		return -ENOMEM;
	joined[before] = ';';
	memcpy(joined + before + 1, value, length + 1);
	label->value = joined;
	return 0;
}

/* Sorted: equal labels stand next to each other, in the order of their keys. */
static int join(struct rk_prometheus_target *target)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < target->count; i++) {
		struct rk_prometheus_label *label = &target->at[i];

		if (!kept || strcmp(target->at[kept - 1].label, label->label) != 0) {
			target->at[kept++] = *label;
			continue;
		}
		if (join_value(&target->at[kept - 1], label->value))
			err = -ENOMEM;
		label_free(label);
	}
	target->count = kept;
	return err;
}

int rk_prometheus_target_create(struct rk_prometheus_target **out, const char *resource)
{
	struct rk_prometheus_target *target = calloc(1, sizeof(*target));
	int err;

	*out = NULL;
	if (!target)
		return -ENOMEM;
	err = rk_resource_visit(resource, take, target);
	if (err == -ENOMEM || target->err) {
		rk_prometheus_target_destroy(target);
		return -ENOMEM;
	}
	if (target->count)
		qsort(target->at, target->count, sizeof(target->at[0]), compare);
	if (join(target)) {
		rk_prometheus_target_destroy(target);
		return -ENOMEM;
	}
	*out = target;
	return 0;
}

void rk_prometheus_target_destroy(struct rk_prometheus_target *target)
{
	if (!target)
		return;
	for (size_t i = 0; i < target->count; i++)
		label_free(&target->at[i]);
	free(target->at);
	free(target);
}
