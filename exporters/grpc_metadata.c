/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_metadata.c - names and values, one pair of strings each.
 */
#include "exporters/grpc_metadata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "exporters/base64.h"
#include "exporters/header_list.h"

struct item {
	char *name, *value; /* value is wiped before it is freed */
};

struct rk_grpc_metadata {
	const char *list; /* borrowed */
	struct rk_secret_file file;
	struct item items[RK_GRPC_METADATA_MAX];
	size_t count;
};

static void clear(struct rk_grpc_metadata *metadata)
{
	for (size_t i = 0; i < metadata->count; i++) {
		struct item *item = &metadata->items[i];

		free(item->name);
		explicit_bzero(item->value, strlen(item->value));
		free(item->value);
	}
	metadata->count = 0;
}

/* Of HTTP, of gRPC, or ours. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = {
		"connection",
		"content-encoding",
		"content-length",
		"content-type",
		"host",
		"keep-alive",
		"proxy-connection",
		"te",
		"trailer",
		"upgrade",
		"user-agent",
		"transfer-encoding",
		"proxy-authorization",
	};

	if (strncmp(name, "grpc-", 5) == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Lower case in place. Return: false for what gRPC does not allow in a key. */
static bool lower_name(char *name)
{
	if (!*name)
		return false;
	for (; *name; name++) {
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name + 'a' - 'A');
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
		      strchr("_-.", *name)))
			return false;
	}
	return true;
}

static bool is_text(const char *value)
{
	for (; *value; value++) {
		if (*value < ' ' || *value > '~')
			return false;
	}
	return true;
}

static char *make_value(const char *name, const char *value)
{
	size_t name_length = strlen(name), length = strlen(value);
	char *text;

	if (name_length < 4 || strcmp(name + name_length - 4, "-bin") != 0)
		return strdup(value);
	text = malloc(RK_BASE64_SIZE(length));
	if (text)
		rk_base64_encode(text, (const uint8_t *)value, length);
	return text;
}

static int add(void *data, const char *name, const char *value)
{
	struct rk_grpc_metadata *metadata = data;
	struct item *item = &metadata->items[metadata->count];
	size_t length = strlen(name);
	bool is_binary = length > 4 && strcmp(name + length - 4, "-bin") == 0;

	if (metadata->count == RK_GRPC_METADATA_MAX || (!is_binary && !is_text(value)))
		return -EINVAL;
	item->name = strdup(name);
	if (!item->name || !lower_name(item->name) || is_reserved(item->name)) {
		free(item->name);
		return -EINVAL;
	}
	item->value = make_value(item->name, value);
	if (!item->value) {
		free(item->name);
		return -ENOMEM;
	}
	metadata->count++;
	return 0;
}

static void read_all(struct rk_grpc_metadata *metadata)
{
	clear(metadata);
	if (*metadata->list)
		rk_header_list_each(metadata->list, "the headers", add, metadata);
	if (*metadata->file.path)
		rk_header_file_each(&metadata->file, add, metadata);
}

int rk_grpc_metadata_create(struct rk_grpc_metadata **out, const struct rk_otlp_target *target)
{
	struct rk_grpc_metadata *metadata = calloc(1, sizeof(*metadata));

	*out = metadata;
	if (!metadata)
		return -ENOMEM;
	metadata->list = target->headers;
	metadata->file.path = target->headers_file;
	metadata->file.what = "the file of headers";
	read_all(metadata);
	return 0;
}

void rk_grpc_metadata_destroy(struct rk_grpc_metadata *metadata)
{
	if (!metadata)
		return;
	clear(metadata);
	free(metadata);
}

void rk_grpc_metadata_refresh(struct rk_grpc_metadata *metadata)
{
	if (*metadata->file.path && rk_secret_file_has_changed(&metadata->file))
		read_all(metadata);
}

size_t rk_grpc_metadata_get(const struct rk_grpc_metadata *metadata, nghttp2_nv *headers)
{
	for (size_t i = 0; i < metadata->count; i++) {
		const struct item *item = &metadata->items[i];

		headers[i] = (nghttp2_nv){
			.name = (uint8_t *)item->name,
			.value = (uint8_t *)item->value,
			.namelen = strlen(item->name),
			.valuelen = strlen(item->value),
		};
	}
	return metadata->count;
}
