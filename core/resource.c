/* SPDX-License-Identifier: Apache-2.0
 *
 * core/resource.c - collect, merge and encode the resource attributes.
 */
#include "core/resource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/resource_list.h"
#include "core/utf8.h"

/* The last value of a key counts: keys of a resource are unique. */
void rk_resource_list_set(struct rk_resource_list *list, const char *key, const char *value)
{
	size_t index = 0;
	char *copy;

	while (index < list->count && strcmp(list->at[index].key, key) != 0)
		index++;
	if (index == RK_RESOURCE_ATTRIBUTES_MAX)
		return;
	copy = strdup(value);
	if (copy && index == list->count) {
		list->at[index].value = NULL;
		list->at[index].key = strdup(key);
		if (list->at[index].key)
			list->count++;
	}
	if (!copy || index == list->count) {
		free(copy);
		list->failed = true;
		return;
	}
	rk_utf8_repair(copy, strlen(copy));
	free(list->at[index].value);
	list->at[index].value = copy;
}

static void set_visited(const char *key, const char *value, void *data)
{
	rk_resource_list_set(data, key, value);
}

static void add_configured(struct rk_resource_list *resource, const struct rk_config *config)
{
	const char *list = config->resource_attributes;

	if (list && *list) {
		int err = rk_resource_visit(list, set_visited, resource);

		if (err)
			rk_log_warn("resource: could not decode the resource attributes \"%s\": "
				    "expected k=v,k=v with ',' and '=' in values as %%2C and "
				    "%%3D; all of them are ignored",
				    list);
	}
	if (config->service_name && *config->service_name)
		rk_resource_list_set(resource, "service.name", config->service_name);
}

/* Unreserved characters of RFC 3986 and a few that never hurt in a list. */
static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("-._~/:@+", c));
}

static char *put_encoded(char *out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_plain(c)) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	return out;
}

static char *encode(const struct rk_resource_list *resource)
{
	size_t bytes = 1;
	char *list, *out;

	for (size_t i = 0; i < resource->count; i++)
		bytes += 3 * (strlen(resource->at[i].key) + strlen(resource->at[i].value)) + 2;
	list = malloc(bytes);
	if (!list)
		return NULL;
	out = list;
	for (size_t i = 0; i < resource->count; i++) {
		if (i)
			*out++ = ',';
		out = put_encoded(out, resource->at[i].key);
		*out++ = '=';
		out = put_encoded(out, resource->at[i].value);
	}
	*out = '\0';
	return list;
}

/* What this library is, not what somebody says it is. */
static void add_sdk(struct rk_resource_list *resource)
{
	rk_resource_list_set(resource, "telemetry.sdk.name", "rkpreload");
	rk_resource_list_set(resource, "telemetry.sdk.language", "c");
	rk_resource_list_set(resource, "telemetry.sdk.version", RK_VERSION);
}

/* Ownership: takes @resource. Return: as rk_resource_create(). */
static char *finish(struct rk_resource_list *resource)
{
	char *list = resource->failed ? NULL : encode(resource);

	for (size_t i = 0; i < resource->count; i++) {
		free(resource->at[i].key);
		free(resource->at[i].value);
	}
	free(resource);
	return list;
}

char *rk_resource_add_gpus(const char *resource, const struct rk_gpu_inventory *gpus)
{
	struct rk_resource_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	rk_resource_find_gpus(list, gpus);
	/* What was configured stays the stronger. */
	if (rk_resource_visit(resource, set_visited, list) == -ENOMEM)
		list->failed = true;
	return finish(list);
}

char *rk_resource_create(const struct rk_config *config, const struct rk_env *env,
			 const struct rk_gpu_inventory *gpus)
{
	struct rk_resource_list *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return NULL;
	rk_resource_find_process(resource, config->process_command_args);
	rk_resource_find_host(resource, env);
	rk_resource_find_gpus(resource, gpus);
	rk_resource_list_set(resource, "telemetry.distro.name", "rkpreload");
	rk_resource_list_set(resource, "telemetry.distro.version", RK_VERSION);
	add_configured(resource, config);
	add_sdk(resource);
	return finish(resource);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode [text, end) in place, blanks around it dropped; NULL when it is bad. */
static char *decode(char *text, char *end)
{
	char *start, *out;

	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	start = out = text;
	while (text < end) {
		unsigned char c = (unsigned char)*text++;

		if (c < 0x20 || c == 0x7f || c == '=')
			return NULL;
		if (c == '%') {
			int high = end - text < 2 ? -1 : hex_value(text[0]);
			int low = high < 0 ? -1 : hex_value(text[1]);

			if (low < 0 || (high == 0 && low == 0))
				return NULL;
			c = (unsigned char)(high << 4 | low);
			text += 2;
		}
		*out++ = (char)c;
	}
	for (size_t i = 0; i < (size_t)(out - start);) {
		size_t step = rk_utf8_sequence((uint8_t *)start + i, (size_t)(out - start) - i);

		if (!step)
			return NULL;
		i += step;
	}
	*out = '\0';
	return start;
}

/* One pass over a scratch copy of @list; decodes in place, which only ever shortens. */
static int visit_copy(char *copy, rk_resource_fn visit, void *data)
{
	char *next;

	for (char *item = copy; item; item = next) {
		char *comma = strchr(item, ',');
		char *end = comma ? comma : item + strlen(item);
		char *equals = memchr(item, '=', (size_t)(end - item));
		char *key, *value;

		next = comma ? comma + 1 : NULL;
		if (!equals)
			return -EINVAL;
		value = decode(equals + 1, end);
		key = decode(item, equals);
		if (!key || !value || !*key)
			return -EINVAL;
		if (visit)
			visit(key, value, data);
	}
	return 0;
}

int rk_resource_visit(const char *list, rk_resource_fn visit, void *data)
{
	int err = 0;

	if (!list || !*list)
		return 0;
	/* First pass without the visitor: all or nothing. */
	for (int pass = 0; pass < 2 && !err; pass++) {
		char *copy = strdup(list);

		if (!copy)
			return -ENOMEM;
		err = visit_copy(copy, pass ? visit : NULL, data);
		free(copy);
	}
	return err;
}
