/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_point.c - protobuf-c messages on the stack, packed and forgotten.
 */
#include "exporters/otlp_metrics_point.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "exporters/proto/schemas.h"
#include "exporters/protobuf.h"

#define TAG_BYTES     11 /* a tag of one byte and the longest varint */
#define EXEMPLARS_MAX (RK_CONFIG_BOUNDS_MAX + 1)
#define FIRST_BYTES   65536

#define DATA_POINTS_FIELD 1
#define METRICS_FIELD	  2

/* The generated names are long. */
#define METRICS(name)	 Opentelemetry__Proto__Metrics__V1__##name
#define METRICS_(name)	 opentelemetry__proto__metrics__v1__##name
#define METRICS_ID(name) OPENTELEMETRY__PROTO__METRICS__V1__##name
#define COMMON(name)	 Opentelemetry__Proto__Common__V1__##name
#define COMMON_(name)	 opentelemetry__proto__common__v1__##name
#define COMMON_ID(name)	 OPENTELEMETRY__PROTO__COMMON__V1__##name

struct attributes {
	COMMON(KeyValue) pairs[RK_LABELS_MAX], *list[RK_LABELS_MAX];
	COMMON(AnyValue) values[RK_LABELS_MAX];
	size_t count;
};

struct exemplars {
	METRICS(Exemplar) at[EXEMPLARS_MAX], *list[EXEMPLARS_MAX];
	size_t count;
};

int rk_otlp_bytes_reserve(struct rk_otlp_bytes *buffer, size_t more)
{
	size_t wanted = buffer->capacity ? buffer->capacity : FIRST_BYTES;
	uint8_t *grown;

	while (wanted - buffer->used < more)
		wanted *= 2;
	if (wanted == buffer->capacity)
		return 0;
	grown = realloc(buffer->bytes, wanted);
	if (!grown)
		return -ENOMEM;
	buffer->bytes = grown;
	buffer->capacity = wanted;
	return 0;
}

/* Append @message as a field of one tag byte. */
static int append(struct rk_otlp_bytes *out, unsigned field, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *p;

	if (rk_otlp_bytes_reserve(out, TAG_BYTES + length))
		return -ENOMEM;
	p = out->bytes + out->used;
	*p++ = RK_PROTOBUF_TAG(field, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p += protobuf_c_message_pack(message, p);
	out->used = (size_t)(p - out->bytes);
	return 0;
}

static void cut_end(char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	if (length > tail && strcmp(name + length - tail, end) == 0)
		name[length - tail] = '\0';
}

void rk_otlp_metric_name_get(struct rk_otlp_metric_name *name,
			     const struct rk_metric_family *family)
{
	/* The words that Prometheus makes of these units, and appends where they are missing. */
	static const char *const units[][3] = {
		{ "seconds", "_seconds", "s" },	  { "bytes", "_bytes", "By" },
		{ "ratio", "_ratio", "1" },	  { "joules", "_joules", "J" },
		{ "celsius", "_celsius", "Cel" }, { "watts", "_watts", "W" },
	};

	snprintf(name->name, sizeof(name->name), "%s", family->name);
	name->unit = "";
	if (family->type == RK_METRIC_COUNTER)
		cut_end(name->name, "_total");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(name->name);

		if (strcmp(family->unit, units[i][0]) != 0)
			continue;
		cut_end(name->name, units[i][1]);
		/* A unit that the name does not end in would be appended to it. */
		if (strlen(name->name) < length)
			name->unit = units[i][2];
	}
}

static void fill_attributes(struct attributes *attributes, const struct rk_otlp_point *point)
{
	const char *value = point->labels;
	size_t n = 0;

	for (size_t i = 0; i < RK_LABELS_MAX && (value ? !!point->family->labels[i] : !i); i++) {
		COMMON_(key_value__init)(&attributes->pairs[n]);
		COMMON_(any_value__init)(&attributes->values[n]);
		attributes->pairs[n].value = &attributes->values[n];
		attributes->list[n] = &attributes->pairs[n];
		if (value) {
			/* protobuf-c does not write to what it packs. */
			attributes->pairs[n].key = (char *)(uintptr_t)point->family->labels[i];
			attributes->values[n].value_case = COMMON_ID(ANY_VALUE__VALUE_STRING_VALUE);
			attributes->values[n].string_value = (char *)(uintptr_t)value;
			n += *value != '\0'; /* an empty label is none */
			value += strlen(value) + 1;
		} else {
			attributes->pairs[n].key = (char *)(uintptr_t) "otel.metric.overflow";
			attributes->values[n].value_case = COMMON_ID(ANY_VALUE__VALUE_BOOL_VALUE);
			attributes->values[n].bool_value = 1;
			n++;
		}
	}
	attributes->count = n;
}

/* Examples of the time that the point covers, at most @max of them. */
static void fill_exemplars(struct exemplars *exemplars, const struct rk_otlp_point *point,
			   size_t max)
{
	const struct rk_histogram_view *view = point->view;

	exemplars->count = 0;
	if (!point->has_exemplars || !view->exemplars)
		return;
	for (size_t i = 0; i <= view->bound_count && exemplars->count < max; i++) {
		const struct rk_exemplar *from = &view->exemplars[i];
		METRICS(Exemplar) *to = &exemplars->at[exemplars->count];

		if (from->unix_ns <= point->start_ns || from->unix_ns > point->time_ns)
			continue;
		METRICS_(exemplar__init)(to);
		to->time_unix_nano = from->unix_ns;
		to->trace_id = (ProtobufCBinaryData){ sizeof(from->trace_id),
						      (uint8_t *)(uintptr_t)from->trace_id };
		to->span_id = (ProtobufCBinaryData){ sizeof(from->span_id),
						     (uint8_t *)(uintptr_t)from->span_id };
		to->value_case = METRICS_ID(EXEMPLAR__VALUE_AS_DOUBLE);
		to->as_double = from->value;
		exemplars->list[exemplars->count++] = to;
	}
}

static int append_number(struct rk_otlp_bytes *out, const struct rk_otlp_point *point,
			 struct attributes *attributes)
{
	METRICS(NumberDataPoint) message;

	METRICS_(number_data_point__init)(&message);
	message.n_attributes = attributes->count;
	message.attributes = attributes->list;
	message.start_time_unix_nano = point->start_ns;
	message.time_unix_nano = point->time_ns;
	message.value_case = METRICS_ID(NUMBER_DATA_POINT__VALUE_AS_DOUBLE);
	message.as_double = point->value->number;
	return append(out, DATA_POINTS_FIELD, &message.base);
}

static int append_explicit(struct rk_otlp_bytes *out, const struct rk_otlp_point *point,
			   struct attributes *attributes)
{
	const struct rk_otlp_value *value = point->value;
	struct exemplars exemplars;
	METRICS(HistogramDataPoint) message;

	fill_exemplars(&exemplars, point, EXEMPLARS_MAX);
	METRICS_(histogram_data_point__init)(&message);
	message.n_attributes = attributes->count;
	message.attributes = attributes->list;
	message.start_time_unix_nano = point->start_ns;
	message.time_unix_nano = point->time_ns;
	message.count = value->count;
	message.sum_presence_case = METRICS_ID(HISTOGRAM_DATA_POINT__SUM_PRESENCE_SUM);
	message.sum = value->sum;
	message.n_bucket_counts = value->bucket_count;
	message.bucket_counts = value->buckets;
	message.n_explicit_bounds = point->view->bound_count;
	message.explicit_bounds = (double *)(uintptr_t)point->view->bounds;
	message.n_exemplars = exemplars.count;
	message.exemplars = exemplars.list;
	if (value->has_min)
		message.min_presence_case = METRICS_ID(HISTOGRAM_DATA_POINT__MIN_PRESENCE_MIN);
	if (value->has_max)
		message.max_presence_case = METRICS_ID(HISTOGRAM_DATA_POINT__MAX_PRESENCE_MAX);
	message.min = value->min;
	message.max = value->max;
	return append(out, DATA_POINTS_FIELD, &message.base);
}

static int append_exponential(struct rk_otlp_bytes *out, const struct rk_otlp_point *point,
			      struct attributes *attributes)
{
	METRICS(ExponentialHistogramDataPoint__Buckets) positive;
	struct rk_otlp_value *value = point->value;
	struct exemplars exemplars;
	METRICS(ExponentialHistogramDataPoint) message;

	rk_otlp_value_fit(value, RK_OTLP_BUCKETS_MAX);
	fill_exemplars(&exemplars, point, RK_OTLP_EXEMPLARS_MAX);
	METRICS_(exponential_histogram_data_point__init)(&message);
	METRICS_(exponential_histogram_data_point__buckets__init)(&positive);
	positive.offset = value->first;
	positive.n_bucket_counts = value->bucket_count;
	positive.bucket_counts = value->buckets;
	message.n_attributes = attributes->count;
	message.attributes = attributes->list;
	message.start_time_unix_nano = point->start_ns;
	message.time_unix_nano = point->time_ns;
	message.count = value->count;
	message.sum_presence_case = METRICS_ID(EXPONENTIAL_HISTOGRAM_DATA_POINT__SUM_PRESENCE_SUM);
	message.sum = value->sum;
	message.scale = value->scale;
	/* What lies in no bucket was zero. */
	message.zero_count = value->count;
	for (size_t i = 0; i < value->bucket_count; i++)
		message.zero_count -= value->buckets[i];
	message.positive = &positive;
	message.n_exemplars = exemplars.count;
	message.exemplars = exemplars.list;
	if (value->has_min)
		message.min_presence_case =
			METRICS_ID(EXPONENTIAL_HISTOGRAM_DATA_POINT__MIN_PRESENCE_MIN);
	if (value->has_max)
		message.max_presence_case =
			METRICS_ID(EXPONENTIAL_HISTOGRAM_DATA_POINT__MAX_PRESENCE_MAX);
	message.min = value->min;
	message.max = value->max;
	return append(out, DATA_POINTS_FIELD, &message.base);
}

int rk_otlp_point_append(struct rk_otlp_bytes *out, const struct rk_otlp_point *point)
{
	struct attributes attributes;

	fill_attributes(&attributes, point);
	if (point->family->type != RK_METRIC_HISTOGRAM)
		return append_number(out, point, &attributes);
	if (point->is_exponential)
		return append_exponential(out, point, &attributes);
	return append_explicit(out, point, &attributes);
}

/* The fields behind the points, which all kinds of metric share but the gauge. */
static size_t pack_tail(uint8_t *out, const struct rk_metric_family *family, bool is_delta)
{
	METRICS(Sum) sum;

	if (family->type == RK_METRIC_GAUGE)
		return 0;
	METRICS_(sum__init)(&sum);
	sum.aggregation_temporality =
		is_delta ? METRICS_ID(AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_DELTA) :
			   METRICS_ID(AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE);
	sum.is_monotonic = family->type == RK_METRIC_COUNTER;
	return METRICS_(sum__pack)(&sum, out);
}

static unsigned data_field(const struct rk_metric_family *family, bool is_exponential)
{
	if (family->type == RK_METRIC_GAUGE)
		return METRICS_ID(METRIC__DATA_GAUGE);
	if (family->type == RK_METRIC_COUNTER)
		return METRICS_ID(METRIC__DATA_SUM);
	return is_exponential ? METRICS_ID(METRIC__DATA_EXPONENTIAL_HISTOGRAM) :
				METRICS_ID(METRIC__DATA_HISTOGRAM);
}

int rk_otlp_metric_append(struct rk_otlp_bytes *out, const struct rk_metric_family *family,
			  bool is_exponential, bool is_delta, const struct rk_otlp_bytes *points)
{
	METRICS(Metric) metric;
	struct rk_otlp_metric_name name;
	uint8_t tail[16], *p;
	size_t tail_length = pack_tail(tail, family, is_delta);
	size_t data = points->used + tail_length, head, length;

	rk_otlp_metric_name_get(&name, family);
	METRICS_(metric__init)(&metric);
	metric.name = name.name;
	metric.description = (char *)(uintptr_t)family->help;
	metric.unit = (char *)(uintptr_t)name.unit;
	head = METRICS_(metric__get_packed_size)(&metric);
	length = head + 1 + rk_protobuf_varint_size(data) + data;
	if (rk_otlp_bytes_reserve(out, length + TAG_BYTES))
		return -ENOMEM;
	p = out->bytes + out->used;
	*p++ = RK_PROTOBUF_TAG(METRICS_FIELD, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p += METRICS_(metric__pack)(&metric, p);
	*p++ = RK_PROTOBUF_TAG(data_field(family, is_exponential), RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, data);
	p = rk_protobuf_put_bytes(p, points->bytes, points->used);
	p = rk_protobuf_put_bytes(p, tail, tail_length);
	out->used = (size_t)(p - out->bytes);
	return 0;
}
