/* SPDX-License-Identifier: Apache-2.0
 *
 * core/resource.c - collect, merge and encode the resource attributes.
 */
#include "core/resource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/utf8.h"

#define ATTRIBUTES_MAX	   128	/* OpenTelemetry's default attribute limit */
#define COMMAND_LINE_BYTES 4096 /* longer command lines are cut */

struct attribute {
	char *key, *value; /* decoded */
};

struct resource {
	struct attribute at[ATTRIBUTES_MAX];
	size_t count;
	bool failed; /* no memory */
};

/* The last value of a key counts: keys of a resource are unique. */
static void set(struct resource *resource, const char *key, const char *value)
{
	struct attribute *slot = NULL;
	char *copy;

	for (size_t i = 0; i < resource->count && !slot; i++) {
		if (strcmp(resource->at[i].key, key) == 0)
			slot = &resource->at[i];
	}
	if (!slot && resource->count == ATTRIBUTES_MAX)
		return;
	copy = strdup(value);
	if (copy && !slot) {
		slot = &resource->at[resource->count];
		slot->key = strdup(key);
		slot->value = NULL;
		if (slot->key)
			resource->count++;
	}
	if (!copy || !slot->key) {
		free(copy);
		resource->failed = true;
		return;
	}
	rk_utf8_repair(copy, strlen(copy));
	free(slot->value);
	slot->value = copy;
}

static void set_visited(const char *key, const char *value, void *data)
{
	set(data, key, value);
}

static void add_executable(struct resource *resource)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char service[300];
	const char *name;

	if (length <= 0) {
		set(resource, "service.name", "unknown_service");
		return;
	}
	path[length] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(service, sizeof(service), "unknown_service:%.255s", name);
	set(resource, "service.name", service);
	set(resource, "process.executable.name", name);
	set(resource, "process.executable.path", path);
}

/* A random UUID, version 4. Without random bytes: time and pid, still unlike any other. */
static void add_instance_id(struct resource *resource)
{
	uint8_t b[16];
	char text[37];

	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b)) {
		uint64_t seed[2] = { rk_clock_ticks(), (uint64_t)getpid() << 32 ^ (uintptr_t)&b };

		for (int i = 0; i < 16; i++) {
			seed[i & 1] = (seed[i & 1] ^ seed[i & 1] >> 29) * 0xbf58476d1ce4e5b9u + 1;
			b[i] = (uint8_t)(seed[i & 1] >> 56);
		}
	}
	b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	set(resource, "service.instance.id", text);
}

static void add_command_line(struct resource *resource)
{
	char line[COMMAND_LINE_BYTES];
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t length;

	if (!file)
		return;
	length = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	while (length && line[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\0')
			line[i] = ' ';
	}
	line[length] = '\0';
	if (length)
		set(resource, "process.command_line", line);
}

static void add_host(struct resource *resource)
{
	struct utsname uts;

	set(resource, "os.type", "linux");
	if (uname(&uts))
		return;
	set(resource, "host.name", uts.nodename);
	if (strcmp(uts.machine, "x86_64") == 0)
		set(resource, "host.arch", "amd64");
	else if (strcmp(uts.machine, "aarch64") == 0)
		set(resource, "host.arch", "arm64");
	else
		set(resource, "host.arch", uts.machine);
}

static void add_ranks(struct resource *resource, const struct rk_env *env)
{
	static const char *const names[][2] = {
		{ "RANK", "rustkernel.rank" },
		{ "LOCAL_RANK", "rustkernel.local_rank" },
		{ "WORLD_SIZE", "rustkernel.world_size" },
	};

	for (size_t i = 0; env && i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = rk_env_get(env, names[i][0]);

		if (value)
			set(resource, names[i][1], value);
	}
}

static void add_configured(struct resource *resource, const struct rk_config *config)
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
		set(resource, "service.name", config->service_name);
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

static char *encode(const struct resource *resource)
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

char *rk_resource_create(const struct rk_config *config, const struct rk_env *env)
{
	struct resource resource = { .count = 0 };
	char *list = NULL;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	add_executable(&resource);
	add_instance_id(&resource);
	set(&resource, "process.pid", pid);
	if (config->process_command_args)
		add_command_line(&resource);
	add_host(&resource);
	add_ranks(&resource, env);
	add_configured(&resource, config);
	set(&resource, "telemetry.sdk.name", "rkpreload");
	set(&resource, "telemetry.sdk.language", "c");
	set(&resource, "telemetry.sdk.version", RK_VERSION);
	if (!resource.failed)
		list = encode(&resource);
	for (size_t i = 0; i < resource.count; i++) {
		free(resource.at[i].key);
		free(resource.at[i].value);
	}
	return list;
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
