/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_envelope.c - resource, scope and their lengths.
 */
#include "exporters/otlp_envelope.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/resource.h"
#include "exporters/protobuf.h"

#define SCOPE_NAME "rkpreload"
/* The conventions whose names the resource and thread.id follow. */
#define SCHEMA_URL	"https://opentelemetry.io/schemas/1.26.0"
#define LENGTH_BYTES	11 /* a tag of one byte and the longest varint */
#define ATTRIBUTE_BYTES 40 /* tags and lengths of one attribute, generously */

static bool is_integer(const char *key, const char *value)
{
	static const char *const keys[] = { "process.pid", "process.parent_pid", "rustkernel.rank",
					    "rustkernel.local_rank", "rustkernel.world_size" };
	size_t length = strlen(value);

	if (length == 0 || length > 18 || strspn(value, "0123456789") != length)
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

/* Resource.attributes, field 1. @data: the write position. */
static void put_attribute(const char *key, const char *value, void *data)
{
	uint8_t **at = data, *p = *at;
	size_t key_length = strlen(key), length = strlen(value), any;
	uint64_t number = 0;
	bool integer = is_integer(key, value);

	if (integer) {
		number = strtoull(value, NULL, 10);
		any = 1 + rk_protobuf_varint_size(number);
	} else {
		any = 1 + rk_protobuf_varint_size(length) + length;
	}
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, 1 + rk_protobuf_varint_size(key_length) + key_length + 1 +
					      rk_protobuf_varint_size(any) + any);
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, key_length);
	p = rk_protobuf_put_text(p, key, key_length);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, any);
	if (integer) {
		*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
		p = rk_protobuf_put_varint(p, number);
	} else {
		*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
		p = rk_protobuf_put_varint(p, length);
		p = rk_protobuf_put_text(p, value, length);
	}
	*at = p;
}

static uint8_t *put_field(uint8_t *p, unsigned field, const void *bytes, size_t length)
{
	*p++ = RK_PROTOBUF_TAG(field, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	return rk_protobuf_put_bytes(p, bytes, length);
}

static int build_resource(struct rk_otlp_envelope *envelope, const char *list)
{
	size_t attributes = 1, bound;
	uint8_t *body, *end;

	for (const char *c = list; *c; c++)
		attributes += *c == ',';
	bound = strlen(list) + attributes * ATTRIBUTE_BYTES;
	body = end = malloc(bound);
	envelope->resource = malloc(bound + LENGTH_BYTES);
	if (!body || !envelope->resource) {
		free(body);
		return -ENOMEM;
	}
	if (rk_resource_visit(list, put_attribute, &end))
		end = body;
	envelope->resource_length =
		(size_t)(put_field(envelope->resource, 1, body, (size_t)(end - body)) -
			 envelope->resource);
	free(body);
	return 0;
}

static int build_scope(struct rk_otlp_envelope *envelope)
{
	uint8_t body[64 + sizeof(RK_VERSION)];
	uint8_t *p = put_field(body, 1, SCOPE_NAME, sizeof(SCOPE_NAME) - 1);

	p = put_field(p, 2, RK_VERSION, sizeof(RK_VERSION) - 1);
	envelope->scope = malloc(sizeof(body) + LENGTH_BYTES);
	envelope->schema = malloc(sizeof(SCHEMA_URL) + LENGTH_BYTES);
	if (!envelope->scope || !envelope->schema)
		return -ENOMEM;
	envelope->scope_length =
		(size_t)(put_field(envelope->scope, 1, body, (size_t)(p - body)) - envelope->scope);
	envelope->schema_length =
		(size_t)(put_field(envelope->schema, 3, SCHEMA_URL, sizeof(SCHEMA_URL) - 1) -
			 envelope->schema);
	return 0;
}

int rk_otlp_envelope_init(struct rk_otlp_envelope *envelope, const char *resource)
{
	int err;

	memset(envelope, 0, sizeof(*envelope));
	err = build_resource(envelope, resource ? resource : "");
	if (!err)
		err = build_scope(envelope);
	if (err)
		rk_otlp_envelope_finish(envelope);
	return err;
}

void rk_otlp_envelope_finish(struct rk_otlp_envelope *envelope)
{
	free(envelope->resource);
	free(envelope->scope);
	free(envelope->schema);
	memset(envelope, 0, sizeof(*envelope));
}

size_t rk_otlp_envelope_front(const struct rk_otlp_envelope *envelope)
{
	return envelope->resource_length + envelope->scope_length + 2 * LENGTH_BYTES;
}

size_t rk_otlp_envelope_back(const struct rk_otlp_envelope *envelope)
{
	return envelope->schema_length;
}

uint8_t *rk_otlp_envelope_close(const struct rk_otlp_envelope *envelope, uint8_t *items,
				size_t length, size_t *total)
{
	size_t scoped = envelope->scope_length + length;
	size_t scoped_field = 1 + rk_protobuf_varint_size(scoped) + scoped;
	size_t resource = envelope->resource_length + scoped_field + envelope->schema_length;
	size_t front = 1 + rk_protobuf_varint_size(resource) + envelope->resource_length +
		       scoped_field - length;
	uint8_t *request = items - front, *p = request;

	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, resource);
	p = rk_protobuf_put_bytes(p, envelope->resource, envelope->resource_length);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, scoped);
	rk_protobuf_put_bytes(p, envelope->scope, envelope->scope_length);
	rk_protobuf_put_bytes(items + length, envelope->schema, envelope->schema_length);
	*total = front + length + envelope->schema_length;
	return request;
}
