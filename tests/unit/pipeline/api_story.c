/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/api_story.c - telling, and writing down what came of it.
 */
#include "api_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"

static void append(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *out, size_t size, const char *format, ...)
{
	size_t used = strlen(out);
	va_list list;

	va_start(list, format);
	vsnprintf(out + used, size - used, format, list);
	va_end(list);
}

static void append_fields(char *out, size_t size, const uint8_t *fields, uint32_t bytes)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, fields, bytes);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT)
			append(out, size, "%s=%s;", field.key, field.text);
		else if (field.type == RK_FIELD_INTEGER)
			append(out, size, "%s=%" PRId64 ";", field.key, field.integer);
		else if (field.type == RK_FIELD_NUMBER)
			append(out, size, "%s=%g;", field.key, field.number);
		else if (field.type == RK_FIELD_BOOL)
			append(out, size, "%s=%s;", field.key, field.flag ? "true" : "false");
	}
	assert_ptr_equal(reader.at, reader.end);
}

static void copy_api(struct told_span *told, const struct rk_span_api *api)
{
	told->api = *api;
	snprintf(told->message, sizeof(told->message), "%s", api->message);
	append_fields(told->attributes, sizeof(told->attributes), api->fields, api->field_bytes);
	for (uint32_t i = 0; i < api->event_count; i++) {
		append(told->events, sizeof(told->events), "%s@%" PRIu64 "{", api->events[i].name,
		       api->events[i].unix_ns - (uint64_t)STORY_WALL);
		append_fields(told->events, sizeof(told->events), api->events[i].fields,
			      api->events[i].field_bytes);
		append(told->events, sizeof(told->events), "}");
	}
	for (uint32_t i = 0; i < api->link_count; i++) {
		append(told->links, sizeof(told->links), "%02x%02x/%02x:%s{",
		       api->links[i].trace_id[0], api->links[i].trace_id[15],
		       api->links[i].trace_flags, api->links[i].tracestate);
		append_fields(told->links, sizeof(told->links), api->links[i].fields,
			      api->links[i].field_bytes);
		append(told->links, sizeof(told->links), "}");
	}
}

static void digest(struct story *story, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		story->digest = (story->digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
}

static void digest_span(struct story *story, const struct rk_span *span)
{
	digest(story, &span->sequence, sizeof(span->sequence));
	digest(story, span->trace_id, sizeof(span->trace_id));
	digest(story, span->span_id, sizeof(span->span_id));
	digest(story, span->parent_id, sizeof(span->parent_id));
	digest(story, &span->start_unix_ns, 2 * sizeof(span->start_unix_ns));
	digest(story, span->name, strlen(span->name));
	digest(story, span->tracestate, strlen(span->tracestate));
	digest(story, &span->trace_flags, 1);
	if (span->api)
		digest(story, span->api->fields, span->api->field_bytes);
}

static void take(const struct rk_span *span, void *data)
{
	struct story *story = data;
	struct told_span *told;

	digest_span(story, span);
	if (story->is_counting_only) {
		story->count++;
		return;
	}
	if (story->count == story->capacity) {
		story->capacity = story->capacity ? 2 * story->capacity : 16;
		story->spans = realloc(story->spans, story->capacity * sizeof(*story->spans));
		assert_non_null(story->spans);
	}
	told = &story->spans[story->count++];
	memset(told, 0, sizeof(*told));
	told->span = *span;
	told->is_leaf = span->op;
	snprintf(told->name, sizeof(told->name), "%s", span->name);
	snprintf(told->kernel_id, sizeof(told->kernel_id), "%s", span->kernel_id);
	snprintf(told->domain, sizeof(told->domain), "%s", span->domain);
	snprintf(told->tracestate, sizeof(told->tracestate), "%s", span->tracestate);
	snprintf(told->error, sizeof(told->error), "%s", span->error);
	for (uint32_t i = 0; i < span->baggage_count; i++)
		append(told->baggage, sizeof(told->baggage), "%s=%s;", span->baggage[i].key,
		       span->baggage[i].value);
	if (span->api)
		copy_api(told, span->api);
}

void story_open(struct story *story)
{
	struct rk_op clock = { .kind = RK_OP_CLOCK };

	story->setup.config = &story->config;
	story->setup.seed = 42;
	story->setup.span = take;
	story->setup.data = story;
	assert_int_equal(rk_assembler_create(&story->assembler, &story->setup), 0);
	clock.clock.wall_offset_ns = STORY_WALL;
	rk_assembler_feed(story->assembler, &clock);
}

void story_close(struct story *story)
{
	rk_assembler_destroy(story->assembler);
	free(story->spans);
	story->spans = NULL;
	story->count = story->capacity = 0;
	story->ordinal = 0;
}

void story_feed(struct story *story, const struct rk_op *op)
{
	struct rk_op copy = *op;

	copy.ordinal = ++story->ordinal;
	rk_assembler_feed(story->assembler, &copy);
}

void story_tell(struct story *story, const struct story_op *said)
{
	struct rk_op op = said->op;
	uint8_t *text = malloc(said->fields.used + 1);

	assert_non_null(text);
	memcpy(text, said->text, said->fields.used);
	op.text = said->fields.used ? text : NULL;
	op.text_bytes = (uint32_t)said->fields.used;
	story_feed(story, &op);
	memset(text, '#', said->fields.used);
	free(text);
}

void story_tick(struct story *story, uint64_t now)
{
	struct rk_op op = { .kind = RK_OP_TICK, .start = now, .end = now };

	story_feed(story, &op);
}

const struct told_span *story_find(const struct story *story, const char *name)
{
	for (uint32_t i = 0; i < story->count; i++) {
		if (strcmp(story->spans[i].name, name) == 0)
			return &story->spans[i];
	}
	fail_msg("no span %s", name);
	return NULL;
}

struct rk_assembler_stats story_stats(const struct story *story)
{
	struct rk_assembler_stats stats;

	rk_assembler_get_stats(story->assembler, &stats);
	return stats;
}

static void start(struct story_op *said, enum rk_op_kind kind, uint64_t number, uint64_t at)
{
	memset(said, 0, sizeof(*said));
	said->op.kind = (uint8_t)kind;
	said->op.host_start = said->op.host_end = at;
	said->op.tid = 7;
	said->op.said.number = number;
	rk_fields_writer_init(&said->fields, said->text, sizeof(said->text));
}

static void put_id(uint8_t id[8], uint64_t number)
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		id[i] = (uint8_t)number;
}

void make_begin(struct story_op *said, uint64_t number, uint64_t parent, const char *name,
		uint64_t at)
{
	start(said, RK_OP_SPAN_BEGIN, number, at);
	said->op.said.trace_id[15] = 1;
	put_id(said->op.said.span_id, number);
	put_id(said->op.said.parent_id, parent);
	said->op.said.what = RK_SPAN_KIND_INTERNAL;
	said->op.said.trace_flags = 3;
	said->op.said.flags = parent ? 0 : RK_API_KERNEL;
	rk_fields_put_placed(&said->fields, name);
	rk_fields_put_placed(&said->fields, parent ? "" : "GraphAnalytics");
	rk_fields_put_placed(&said->fields, "ot=th:0,vendor=x");
	rk_fields_put_placed(&said->fields, "tenant_id=acme,secret=1");
}

void make_end(struct story_op *said, uint64_t number, uint64_t at, enum rk_span_status status,
	      const char *message)
{
	start(said, RK_OP_SPAN_END, number, at);
	said->op.said.what = (uint16_t)status;
	rk_fields_put_placed(&said->fields, message);
}

void put_text(struct story_op *said, const char *key, const char *value)
{
	struct rk_field field = { .key = key, .type = RK_FIELD_TEXT, .text = value };

	rk_fields_put(&said->fields, &field);
}

void make_attribute(struct story_op *said, uint64_t number, uint64_t at, const char *key,
		    const char *value)
{
	start(said, RK_OP_ATTRIBUTE, number, at);
	put_text(said, key, value);
}

void make_event(struct story_op *said, uint64_t number, uint64_t at, const char *name)
{
	start(said, RK_OP_SPAN_EVENT, number, at);
	rk_fields_put_placed(&said->fields, name);
}

void make_link(struct story_op *said, uint64_t number, uint64_t at)
{
	start(said, RK_OP_LINK, number, at);
	said->op.said.trace_id[0] = 0xab;
	said->op.said.trace_id[15] = 0xcd;
	put_id(said->op.said.span_id, 77);
	said->op.said.trace_flags = 1;
	rk_fields_put_placed(&said->fields, "other=1");
}

void make_context(struct story_op *said, uint64_t exec, uint64_t number, uint64_t at)
{
	start(said, RK_OP_CONTEXT, number, at);
	said->op.exec = exec;
	said->op.said.trace_id[15] = 1;
	put_id(said->op.said.span_id, number);
	said->op.said.trace_flags = 3;
	said->op.said.flags = RK_API_SPAN;
	rk_fields_put_placed(&said->fields, "ot=th:0,vendor=x");
	rk_fields_put_placed(&said->fields, "tenant_id=acme,secret=1");
}

struct rk_op make_work(enum rk_op_kind kind, uint64_t exec, uint64_t start_ns, uint64_t end_ns)
{
	struct rk_op op = {
		.kind = (uint8_t)kind,
		.exec = exec,
		.host_start = start_ns - 20,
		.host_end = start_ns - 10,
		.start = start_ns,
		.end = end_ns,
		.tid = 7,
		.flags = RK_OP_F_FIRST,
	};

	if (kind == RK_OP_KERNEL)
		op.name = rk_intern("_Z3addPfS_i");
	return op;
}

struct rk_op make_close(uint64_t exec, uint32_t calls)
{
	struct rk_op op = { .kind = RK_OP_EXEC_CLOSE, .exec = exec };

	op.close.ops = calls;
	op.close.reason = RK_CLOSE_CONTEXT;
	return op;
}
