/* SPDX-License-Identifier: Apache-2.0
 */
#include "otlp_span_oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/utf8.h"
#include "exporters/proto/schemas.h"

#define ATTRIBUTES_MAX 400
#define ARENA_BYTES    (8u << 20)
#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))

typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;
typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Trace__V1__Span__Event Event;
typedef Opentelemetry__Proto__Trace__V1__Span__Link Link;
typedef Opentelemetry__Proto__Trace__V1__Status Status;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;

struct list {
	struct oracle *oracle;
	KeyValue **items;
	size_t count;
	uint32_t limit, dropped;
};

static void *take(struct oracle *oracle, size_t size)
{
	void *memory = oracle->arena + oracle->used;

	oracle->used += (size + 15) & ~(size_t)15;
	if (oracle->used > oracle->size)
		abort();
	return memory;
}

/* Valid UTF-8 of at most @characters. */
static char *clean(struct oracle *oracle, const char *text, uint32_t characters)
{
	size_t length;
	char *copy;

	if (oracle->is_clean)
		return (char *)text;
	length = strlen(text);
	copy = take(oracle, length + 1);
	memcpy(copy, text, length + 1);
	rk_utf8_repair(copy, length);
	for (char *c = copy; *c; c++) {
		if (((uint8_t)*c & 0xc0) == 0x80)
			continue;
		if (!characters--) {
			*c = '\0';
			break;
		}
	}
	return copy;
}

static AnyValue *add(struct list *list, const char *key)
{
	KeyValue *pair;
	AnyValue *value;

	if (list->count == list->limit) {
		list->dropped++;
		return NULL;
	}
	pair = take(list->oracle, sizeof(*pair));
	value = take(list->oracle, sizeof(*value));
	opentelemetry__proto__common__v1__key_value__init(pair);
	opentelemetry__proto__common__v1__any_value__init(value);
	pair->key = (char *)key;
	pair->value = value;
	list->items[list->count++] = pair;
	return value;
}

static void add_int(struct list *list, const char *key, uint64_t number)
{
	AnyValue *value = add(list, key);

	if (!value)
		return;
	value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
	value->int_value = (int64_t)number;
}

static void add_true(struct list *list, const char *key)
{
	AnyValue *value = add(list, key);

	if (!value)
		return;
	value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
	value->bool_value = 1;
}

static void add_text(struct list *list, const char *key, const char *text)
{
	AnyValue *value;

	if (!text || !*text)
		return;
	value = add(list, key);
	if (!value)
		return;
	value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	value->string_value = clean(list->oracle, text, list->oracle->limits.characters);
}

/* Names of kernels are cut at 8 KiB. */
static void add_name(struct list *list, const char *key, const char *text)
{
	static char cut[8193];

	if (!text || strlen(text) < sizeof(cut)) {
		add_text(list, key, text);
		return;
	}
	memcpy(cut, text, sizeof(cut) - 1);
	for (char *end = cut + sizeof(cut) - 1; ((unsigned char)text[end - cut] & 0xc0) == 0x80;)
		*--end = '\0';
	add_text(list, key, cut);
}

static void add_extent(struct list *list, const char *key, const uint32_t *extent)
{
	char *text = take(list->oracle, 40);

	snprintf(text, 40, "%u,%u,%u", extent[0], extent[1], extent[2]);
	add_text(list, key, text);
}

static void add_kernel(struct list *list, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	add_extent(list, "rustkernel.grid", op->kernel.grid);
	add_extent(list, "rustkernel.block", op->kernel.block);
	if (op->kernel.graph)
		add_int(list, "rustkernel.graph.id", op->kernel.graph);
	if (!(op->flags & RK_OP_F_HOST_TIME)) {
		add_int(list, "rustkernel.registers", op->kernel.registers);
		add_int(list, "rustkernel.shared_memory_bytes",
			(uint64_t)op->kernel.static_shared_bytes + op->kernel.dynamic_shared_bytes);
	}
	add_name(list, "rustkernel.kernel.mangled_name", rk_intern_get(op->name));
	add_name(list, "rustkernel.kernel.demangled_name", span->demangled);
	add_text(list, "rustkernel.kernel.module", span->module);
}

static void add_copy(struct list *list, const struct rk_op *op)
{
	if (op->kind == RK_OP_MEMCPY)
		add_text(list, "rustkernel.copy_kind", rk_otlp_span_copy_name(op->copy.copy_kind));
	else
		add_int(list, "rustkernel.memset_value", op->copy.value);
	if (op->copy.copy_kind == 10)
		add_int(list, "rustkernel.peer_device", op->copy.peer_device);
	if (op->copy.graph)
		add_int(list, "rustkernel.graph.id", op->copy.graph);
}

static void add_wait(struct list *list, const struct rk_op *op)
{
	static const char *const scopes[] = { "context", "stream", "event" };

	if (op->sync.scope < 3)
		add_text(list, "rustkernel.wait.scope", scopes[op->sync.scope]);
}

static void add_op(struct list *list, const struct rk_span *span)
{
	const struct rk_op *op = span->op;

	add_int(list, "rustkernel.device", op->device);
	if (op->kind != RK_OP_SYNC || (op->sync.scope == 1 && op->stream))
		add_int(list, "rustkernel.stream", op->stream);
	if (op->kind == RK_OP_KERNEL)
		add_kernel(list, span);
	else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET)
		add_copy(list, op);
	else if (op->kind == RK_OP_GRAPH && op->graph.graph)
		add_int(list, "rustkernel.graph.id", op->graph.graph);
	else if (op->kind == RK_OP_SYNC)
		add_wait(list, op);
	add_text(list, "rustkernel.api", rk_intern_get(op->api));
	if (op->flags & RK_OP_F_ORPHAN)
		add_true(list, "rustkernel.orphan");
	if (op->flags & RK_OP_F_OPEN)
		add_true(list, "rustkernel.open");
	if (op->flags & RK_OP_F_INVALID_TIME)
		add_true(list, "rustkernel.invalid_time");
}

static void add_field(struct list *list, const struct rk_field *field)
{
	AnyValue *value = add(list, clean(list->oracle, field->key, UINT32_MAX));

	if (!value)
		return;
	switch (field->type) {
	case RK_FIELD_INTEGER:
		value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
		value->int_value = field->integer;
		break;
	case RK_FIELD_NUMBER:
		value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
		value->double_value = field->number;
		break;
	case RK_FIELD_BOOL:
		value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
		value->bool_value = field->flag;
		break;
	default:
		value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
		value->string_value =
			clean(list->oracle, field->text, list->oracle->limits.characters);
	}
}

static bool is_own_key(const char *key)
{
	static const char *const keys[] = {
#define RK_KEY(name, text) text,
#include "exporters/otlp_span_keys.def"
#undef RK_KEY
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

/* What the program told. A span's own list may not have our keys. */
static void add_fields(struct list *list, const uint8_t *fields, uint32_t bytes, bool is_span)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, fields, bytes);
	while (rk_fields_next(&reader, &field)) {
		if (is_span && is_own_key(field.key))
			list->dropped++;
		else
			add_field(list, &field);
	}
}

static bool is_told(const struct rk_span_api *api, const char *key)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, api->fields, api->field_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (strcmp(field.key, key) == 0)
			return true;
	}
	return false;
}

static void add_baggage(struct list *list, const struct rk_span *span)
{
	for (uint32_t i = 0; i < span->baggage_count; i++) {
		const struct rk_baggage_entry *entry = &span->baggage[i];
		bool is_again = false;

		for (uint32_t k = i + 1; k < span->baggage_count; k++)
			is_again = is_again || strcmp(entry->key, span->baggage[k].key) == 0;
		is_again = is_again || (span->api && is_told(span->api, entry->key));
		if (*entry->key && !is_again && !is_own_key(entry->key))
			add_text(list, clean(list->oracle, entry->key, UINT32_MAX), entry->value);
	}
}

static void add_transfer(struct list *list, const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	uint64_t bytes = op->copy.bytes;

	add_int(list, "rustkernel.bytes", bytes);
	if (!span->host_time && op->end > op->start && bytes < 18446744074)
		add_int(list, "rustkernel.bytes_per_second",
			1000000000 * bytes / (op->end - op->start));
	else if (!span->host_time && op->end > op->start)
		add_int(list, "rustkernel.bytes_per_second",
			bytes / (op->end - op->start) * 1000000000);
	if (op->flags & RK_OP_F_FIRST && op->host_start && op->host_start <= op->host_end)
		add_int(list, "rustkernel.host_blocked_ns", op->host_end - op->host_start);
}

static void add_graph(struct list *list, const struct rk_op *op)
{
	bool is_copy = op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET;

	if (op->kind == RK_OP_KERNEL && op->kernel.graph_node)
		add_int(list, "rustkernel.graph.node_id", op->kernel.graph_node);
	if (is_copy && op->copy.graph_node)
		add_int(list, "rustkernel.graph.node_id", op->copy.graph_node);
	if (op->kind == RK_OP_GRAPH && op->graph.launch)
		add_int(list, "rustkernel.graph.launch", op->graph.launch);
	if (op->kind == RK_OP_GRAPH && op->graph.nodes) {
		add_int(list, "rustkernel.graph.node_count", op->graph.nodes);
		add_int(list, "rustkernel.graph.kernel_count", op->graph.kernels);
	}
}

static void add_numbers(struct list *list, const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	bool is_copy = op && (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET);

	if (span->shape == RK_SPAN_ROOT) {
		add_int(list, "rustkernel.ops", span->ops);
		add_int(list, "rustkernel.kernels", span->kernels);
		add_int(list, "rustkernel.gpu_ns", span->gpu_ns);
	}
	if (op && op->correlation)
		add_int(list, "rustkernel.correlation_id", op->correlation);
	if (op && op->kind == RK_OP_KERNEL && !(op->flags & RK_OP_F_HOST_TIME))
		add_int(list, "rustkernel.queue_ns", span->queue_ns);
	if (is_copy)
		add_transfer(list, span);
	if (op)
		add_graph(list, op);
}

static void add_attributes(struct list *list, const struct rk_span *span)
{
	add_text(list, "rustkernel.kernel_id", span->kernel_id);
	add_text(list, "rustkernel.domain", span->domain);
	add_text(list, "rustkernel.time_source", span->host_time ? "host" : "gpu");
	if (span->tid)
		add_int(list, "thread.id", span->tid);
	add_text(list, "thread.name", span->thread_name);
	if (span->op)
		add_op(list, span);
	if (span->kept)
		add_text(list, "rustkernel.kept", span->kept == RK_KEPT_SLOW ? "slow" : "error");
	if (span->api && span->api->is_unfinished)
		add_true(list, "rustkernel.unfinished");
	add_baggage(list, span);
	add_numbers(list, span);
	if (!span->api)
		return;
	add_fields(list, span->api->fields, span->api->field_bytes, true);
	list->dropped += span->api->dropped_attributes;
}

static void set_status(struct oracle *oracle, Span *message, const char *error)
{
	Status *status = take(oracle, sizeof(*status));

	opentelemetry__proto__trace__v1__status__init(status);
	status->code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
	status->message = clean(oracle, error, UINT32_MAX);
	message->status = status;
}

static Event *exception(struct oracle *oracle, const struct rk_span *span)
{
	struct list list = { .oracle = oracle, .limit = oracle->limits.event_attributes };
	size_t size = strlen(span->error) + 32;
	Event *event = take(oracle, sizeof(*event));
	char *text = take(oracle, size);

	list.items = take(oracle, 2 * sizeof(KeyValue *));
	snprintf(text, size, "CUDA call failed: %s", span->error);
	if (span->error_message && *span->error_message)
		text = (char *)(uintptr_t)span->error_message;
	opentelemetry__proto__trace__v1__span__event__init(event);
	event->time_unix_nano = span->end_unix_ns;
	event->name = (char *)"exception";
	add_text(&list, "exception.type", span->error);
	add_text(&list, "exception.message", text);
	event->attributes = list.items;
	event->n_attributes = list.count;
	event->dropped_attributes_count = list.dropped;
	return event;
}

static Event *told_event(struct oracle *oracle, const struct rk_span_event *told)
{
	struct list list = { .oracle = oracle, .limit = oracle->limits.event_attributes };
	Event *event = take(oracle, sizeof(*event));

	list.items = take(oracle, ATTRIBUTES_MAX * sizeof(KeyValue *));
	opentelemetry__proto__trace__v1__span__event__init(event);
	event->time_unix_nano = told->unix_ns;
	event->name = clean(oracle, told->name, UINT32_MAX);
	add_fields(&list, told->fields, told->field_bytes, false);
	event->attributes = list.items;
	event->n_attributes = list.count;
	event->dropped_attributes_count = list.dropped;
	return event;
}

static void set_events(struct oracle *oracle, Span *message, const struct rk_span *span)
{
	uint32_t told = span->api ? span->api->event_count : 0;

	message->events = take(oracle, (told + 1) * sizeof(*message->events));
	message->dropped_events_count = span->api ? span->api->dropped_events : 0;
	for (uint32_t i = 0; i < told; i++) {
		if (message->n_events < oracle->limits.events)
			message->events[message->n_events++] =
				told_event(oracle, &span->api->events[i]);
		else
			message->dropped_events_count++;
	}
	if (!*span->error)
		return;
	if (message->n_events < oracle->limits.events)
		message->events[message->n_events++] = exception(oracle, span);
	else
		message->dropped_events_count++;
}

static Link *told_link(struct oracle *oracle, const struct rk_span_link *told)
{
	struct list list = { .oracle = oracle, .limit = oracle->limits.link_attributes };
	Link *link = take(oracle, sizeof(*link));

	list.items = take(oracle, ATTRIBUTES_MAX * sizeof(KeyValue *));
	opentelemetry__proto__trace__v1__span__link__init(link);
	link->trace_id = (ProtobufCBinaryData){ 16, (uint8_t *)told->trace_id };
	link->span_id = (ProtobufCBinaryData){ 8, (uint8_t *)told->span_id };
	link->trace_state = clean(oracle, told->tracestate, UINT32_MAX);
	link->flags = told->trace_flags;
	add_fields(&list, told->fields, told->field_bytes, false);
	link->attributes = list.items;
	link->n_attributes = list.count;
	link->dropped_attributes_count = list.dropped;
	return link;
}

static void set_told(struct oracle *oracle, Span *message, const struct rk_span_api *api)
{
	static const char nothing[] = "";
	Status *status = take(oracle, sizeof(*status));

	message->kind = api->kind >= 1 && api->kind <= 5 ? (int)api->kind : 1;
	message->links = take(oracle, (api->link_count + 1) * sizeof(*message->links));
	message->dropped_links_count = api->dropped_links;
	for (uint32_t i = 0; i < api->link_count; i++) {
		if (message->n_links < oracle->limits.links)
			message->links[message->n_links++] = told_link(oracle, &api->links[i]);
		else
			message->dropped_links_count++;
	}
	if (api->status != 1 && api->status != 2)
		return;
	opentelemetry__proto__trace__v1__status__init(status);
	status->code = (int)api->status;
	status->message = clean(oracle, api->status == 2 ? api->message : nothing, UINT32_MAX);
	message->status = status;
}

static Link *put_link(struct oracle *oracle, Span *message, const uint8_t *trace_id,
		      const uint8_t *span_id)
{
	Link *link = take(oracle, sizeof(*link));

	opentelemetry__proto__trace__v1__span__link__init(link);
	link->trace_id = (ProtobufCBinaryData){ 16, (uint8_t *)trace_id };
	link->span_id = (ProtobufCBinaryData){ 8, (uint8_t *)span_id };
	if (message->n_links < oracle->limits.links)
		message->links[message->n_links++] = link;
	else
		message->dropped_links_count++;
	return link;
}

static void put_wait(struct oracle *oracle, Span *message, const struct rk_span_wait *wait)
{
	struct list list = { .oracle = oracle, .limit = oracle->limits.link_attributes };
	Link *link = put_link(oracle, message, wait->trace_id, wait->span_id);

	list.items = take(oracle, ATTRIBUTES_MAX * sizeof(KeyValue *));
	link->flags = 0x100u | wait->flags;
	add_text(&list, "rustkernel.dependency", "event");
	link->attributes = list.items;
	link->n_attributes = list.count;
	link->dropped_attributes_count = list.dropped;
}

static void set_links(struct oracle *oracle, Span *message, const struct rk_span *span)
{
	static const uint8_t none[16];

	message->links = take(oracle, (1 + RK_SPAN_WAITS_MAX) * sizeof(*message->links));
	message->dropped_links_count = span->waits_left_out;
	if (memcmp(span->link_trace_id, none, 16) != 0)
		put_link(oracle, message, span->link_trace_id, span->link_span_id)->flags =
			0x300u | span->trace_flags;
	for (uint32_t i = 0; i < span->wait_count; i++)
		put_wait(oracle, message, &span->waits[i]);
}

static void set_rare(struct oracle *oracle, Span *message, const struct rk_span *span)
{
	set_events(oracle, message, span);
	if (span->api) {
		set_told(oracle, message, span->api);
		return;
	}
	if (*span->error)
		set_status(oracle, message,
			   span->error_message && *span->error_message ? span->error_message :
									 span->error);
	set_links(oracle, message, span);
}

void oracle_init(struct oracle *oracle, const struct rk_otlp_span_limits *limits)
{
	memset(oracle, 0, sizeof(*oracle));
	oracle->limits = *limits;
	oracle->size = ARENA_BYTES;
	oracle->arena = malloc(oracle->size);
	if (!oracle->arena)
		abort();
}

void oracle_finish(struct oracle *oracle)
{
	free(oracle->arena);
}

size_t oracle_encode(struct oracle *oracle, uint8_t *out, const struct rk_span *span)
{
	static const uint8_t none[8];
	struct list list = { .oracle = oracle, .limit = oracle->limits.attributes };
	Span message = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT, *spans[1] = { &message };
	ScopeSpans scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;

	oracle->used = 0;
	list.items = take(oracle, ATTRIBUTES_MAX * sizeof(KeyValue *));
	message.trace_id = (ProtobufCBinaryData){ 16, (uint8_t *)span->trace_id };
	message.span_id = (ProtobufCBinaryData){ 8, (uint8_t *)span->span_id };
	message.trace_state = clean(oracle, span->tracestate, UINT32_MAX);
	if (memcmp(span->parent_id, none, 8) != 0)
		message.parent_span_id = (ProtobufCBinaryData){ 8, (uint8_t *)span->parent_id };
	message.flags = 0x100u | (span->parent_is_remote ? 0x200u : 0) | span->trace_flags;
	message.name = clean(oracle, *span->name ? span->name : "unknown", UINT32_MAX);
	message.kind = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_INTERNAL;
	message.start_time_unix_nano = span->start_unix_ns;
	message.end_time_unix_nano = span->end_unix_ns;
	add_attributes(&list, span);
	message.attributes = list.items;
	message.n_attributes = list.count;
	message.dropped_attributes_count = list.dropped;
	set_rare(oracle, &message, span);
	scope.spans = spans;
	scope.n_spans = 1;
	return opentelemetry__proto__trace__v1__scope_spans__pack(&scope, out);
}
