/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/prometheus_protobuf.c - series -> io.prometheus.client.MetricFamily.
 *
 * Each series is packed as it is visited; only the bytes of the open family wait for its length.
 */
#include "exporters/prometheus_protobuf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/utf8.h"
#include "exporters/otlp_metrics_point.h"
#include "exporters/prometheus_target.h"
#include "exporters/proto/schemas.h"
#include "exporters/protobuf.h"

#define CLASSIC_MAX (RK_CONFIG_BOUNDS_MAX + 1)
#define VARINT_MAX  10
#define ID_HEX	    33 /* 16 bytes and a NUL */

#define METRIC_FIELD 4
#define UNIT_FIELD   5

/* What Prometheus has for histograms that come from OpenTelemetry. */
#define ZERO_THRESHOLD	   1e-128
#define SCHEMA_MIN	   (-4)
#define SCHEMA_MAX	   8
#define GAP_MAX		   2 /* empty buckets that cost less than a new span */
#define TARGET_INFO_HELP "The resource attributes of this process."
#define REPLACEMENT	 "\xef\xbf\xbd" /* U+FFFD, for what is no UTF-8, as in the text */

/* The generated names are long. */
#define CLIENT(name)	Io__Prometheus__Client__##name
#define CLIENT_(name)	io__prometheus__client__##name
#define CLIENT_ID(name) IO__PROMETHEUS__CLIENT__##name

/* A native histogram in the form of the wire; grown as needed, kept for the next one. */
struct native {
	CLIENT(BucketSpan) * spans, **span_list;
	int64_t *deltas;
	size_t span_count, delta_count, capacity;
};

struct exemplar {
	CLIENT(Exemplar) message;
	CLIENT(LabelPair) pairs[2], *pair_list[2];
	Google__Protobuf__Timestamp time;
	char trace_id[ID_HEX], span_id[ID_HEX];
};

struct classic {
	CLIENT(Bucket) buckets[CLASSIC_MAX], *list[CLASSIC_MAX];
	struct exemplar exemplars[CLASSIC_MAX];
	CLIENT(Exemplar) * exemplar_list[CLASSIC_MAX];
	size_t count, exemplar_count;
};

struct render {
	int err;
	struct rk_otlp_bytes out, family_bytes;
	const struct rk_metric_family *family;
	struct rk_otlp_bytes label_text;
	struct native native;
	struct classic classic;
};

static int append_metric(struct render *render, const CLIENT(Metric) * metric)
{
	struct rk_otlp_bytes *to = &render->family_bytes;
	size_t length = CLIENT_(metric__get_packed_size)(metric);
	uint8_t *p;

	if (rk_otlp_bytes_reserve(to, 1 + VARINT_MAX + length))
		return -ENOMEM;
	p = to->bytes + to->used;
	*p++ = RK_PROTOBUF_TAG(METRIC_FIELD, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	p += CLIENT_(metric__pack)(metric, p);
	to->used = (size_t)(p - to->bytes);
	return 0;
}

/* Write the family around the metrics collected for it, and forget them. */
static int append_family(struct render *render, const struct rk_metric_family *family)
{
	static const CLIENT(MetricType) types[] = {
		[RK_METRIC_COUNTER] = CLIENT_ID(METRIC_TYPE__COUNTER),
		[RK_METRIC_GAUGE] = CLIENT_ID(METRIC_TYPE__GAUGE),
		[RK_METRIC_HISTOGRAM] = CLIENT_ID(METRIC_TYPE__HISTOGRAM),
	};
	struct rk_otlp_bytes *metrics = &render->family_bytes, *out = &render->out;
	size_t unit = strlen(family->unit), head, length;
	CLIENT(MetricFamily) message;
	uint8_t *p;

	CLIENT_(metric_family__init)(&message);
	message.name = (char *)(uintptr_t)family->name;
	message.help = (char *)(uintptr_t)family->help;
	message.has_type = 1;
	message.type = types[family->type];
	head = CLIENT_(metric_family__get_packed_size)(&message);
	length = head + metrics->used;
	if (unit)
		length += 1 + rk_protobuf_varint_size(unit) + unit;
	if (rk_otlp_bytes_reserve(out, VARINT_MAX + length))
		return -ENOMEM;
	p = rk_protobuf_put_varint(out->bytes + out->used, length);
	p += CLIENT_(metric_family__pack)(&message, p);
	p = rk_protobuf_put_bytes(p, metrics->bytes, metrics->used);
	if (unit) {
		*p++ = RK_PROTOBUF_TAG(UNIT_FIELD, RK_PROTOBUF_BYTES);
		p = rk_protobuf_put_varint(p, unit);
		p = rk_protobuf_put_bytes(p, family->unit, unit);
	}
	out->used = (size_t)(p - out->bytes);
	metrics->used = 0;
	return 0;
}

static void put_hex(char *out, const uint8_t *bytes, size_t count)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

static void fill_exemplar(struct exemplar *to, const struct rk_exemplar *from)
{
	static char *const names[] = { (char *)"trace_id", (char *)"span_id" };

	CLIENT_(exemplar__init)(&to->message);
	put_hex(to->trace_id, from->trace_id, sizeof(from->trace_id));
	put_hex(to->span_id, from->span_id, sizeof(from->span_id));
	for (int i = 0; i < 2; i++) {
		CLIENT_(label_pair__init)(&to->pairs[i]);
		to->pairs[i].name = names[i];
		to->pair_list[i] = &to->pairs[i];
	}
	to->pairs[0].value = to->trace_id;
	to->pairs[1].value = to->span_id;
	google__protobuf__timestamp__init(&to->time);
	to->time.seconds = (int64_t)(from->unix_ns / 1000000000u);
	to->time.nanos = (int32_t)(from->unix_ns % 1000000000u);
	to->message.n_label = 2;
	to->message.label = to->pair_list;
	to->message.has_value = 1;
	to->message.value = from->value;
	to->message.timestamp = &to->time;
}

static void fill_classic(struct classic *classic, const struct rk_histogram_view *view)
{
	uint64_t total = 0;

	classic->count = view->bound_count + 1;
	classic->exemplar_count = 0;
	for (size_t i = 0; i < classic->count; i++) {
		CLIENT(Bucket) *bucket = &classic->buckets[i];

		total += view->buckets[i];
		CLIENT_(bucket__init)(bucket);
		bucket->has_cumulative_count = 1;
		bucket->cumulative_count = total;
		bucket->has_upper_bound = 1;
		bucket->upper_bound = i < view->bound_count ? view->bounds[i] : (double)INFINITY;
		classic->list[i] = bucket;
		if (view->exemplars && view->exemplars[i].unix_ns) {
			struct exemplar *exemplar = &classic->exemplars[i];

			fill_exemplar(exemplar, &view->exemplars[i]);
			bucket->exemplar = &exemplar->message;
			classic->exemplar_list[classic->exemplar_count++] = &exemplar->message;
		}
	}
}

static int reserve_native(struct native *native, size_t buckets)
{
	void *spans, *list, *deltas;

	if (buckets <= native->capacity)
		return 0;
	spans = realloc(native->spans, buckets * sizeof(*native->spans));
	native->spans = spans ? spans : native->spans;
	list = realloc(native->span_list, buckets * sizeof(CLIENT(BucketSpan) *));
	native->span_list = list ? list : native->span_list;
	deltas = realloc(native->deltas, buckets * sizeof(*native->deltas));
	native->deltas = deltas ? deltas : native->deltas;
	if (!spans || !list || !deltas)
		return -ENOMEM;
	native->capacity = buckets;
	return 0;
}

static CLIENT(BucketSpan) * new_span(struct native *native, int64_t offset)
{
	CLIENT(BucketSpan) *span = &native->spans[native->span_count];

	CLIENT_(bucket_span__init)(span);
	span->has_offset = span->has_length = 1;
	span->offset = (int32_t)offset;
	native->span_list[native->span_count++] = span;
	return span;
}

/*
 * Spans of buckets and the differences of their counts. OpenTelemetry names a bucket by its
 * lower bound, Prometheus by its upper one: index i there is i + 1 here.
 */
static int fill_native(struct native *native, const struct rk_histogram_view *view)
{
	CLIENT(BucketSpan) *span = NULL;
	int64_t next = 0, before = 0; /* index behind the last bucket; its count */

	if (reserve_native(native, view->exponential_count + 1))
		return -ENOMEM;
	native->span_count = native->delta_count = 0;
	for (size_t i = 0; i < view->exponential_count; i++) {
		int64_t index = view->exponential_first + (int64_t)i + 1;
		int64_t count = (int64_t)view->exponential[i];

		if (!count)
			continue;
		if (!span || index - next > GAP_MAX) {
			span = new_span(native, index - next);
			next = index;
		}
		for (; next < index; next++, span->length++, before = 0)
			native->deltas[native->delta_count++] = -before;
		native->deltas[native->delta_count++] = count - before;
		span->length++;
		before = count;
		next = index + 1;
	}
	/* One span of nothing says that it is native all the same. */
	if (!span)
		new_span(native, 0);
	return 0;
}

static int fill_histogram(struct render *render, CLIENT(Histogram) * message,
			  const struct rk_histogram_view *view)
{
	struct native *native = &render->native;
	struct classic *classic = &render->classic;

	CLIENT_(histogram__init)(message);
	message->has_sample_count = message->has_sample_sum = 1;
	message->sample_count = view->count;
	message->sample_sum = view->sum;
	fill_classic(classic, view);
	message->n_bucket = classic->count;
	message->bucket = classic->list;
	if (!view->exponential || view->scale < SCHEMA_MIN || view->scale > SCHEMA_MAX)
		return 0;
	if (fill_native(native, view))
		return -ENOMEM;
	message->has_schema = message->has_zero_threshold = message->has_zero_count = 1;
	message->schema = view->scale;
	message->zero_threshold = ZERO_THRESHOLD;
	message->zero_count = view->count;
	for (size_t i = 0; i < view->exponential_count; i++)
		message->zero_count -= view->exponential[i];
	message->n_positive_span = native->span_count;
	message->positive_span = native->span_list;
	message->n_positive_delta = native->delta_count;
	message->positive_delta = native->deltas;
	message->n_exemplars = classic->exemplar_count;
	message->exemplars = classic->exemplar_list;
	return 0;
}

/* A copy that is valid UTF-8, in memory that has been reserved for replacing every byte. */
static char *copy_text(struct rk_otlp_bytes *to, const char *text)
{
	size_t length = strlen(text);
	char *copy = (char *)to->bytes + to->used, *out = copy;

	for (size_t at = 0; at < length;) {
		size_t step = rk_utf8_sequence((const uint8_t *)text + at, length - at);
		size_t bytes = step ? step : sizeof(REPLACEMENT) - 1;

		memcpy(out, step ? text + at : REPLACEMENT, bytes);
		out += bytes;
		at += step ? step : 1;
	}
	*out++ = '\0';
	to->used += (size_t)(out - copy);
	return copy;
}

static int put_point(struct render *render, const struct rk_metric_point *point)
{
	CLIENT(LabelPair) pairs[RK_LABELS_MAX], *list[RK_LABELS_MAX];
	CLIENT(Counter) counter;
	CLIENT(Gauge) gauge;
	CLIENT(Histogram) histogram;
	CLIENT(Metric) metric;
	size_t bytes = 1;

	CLIENT_(metric__init)(&metric);
	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++)
		bytes += (point->values[i] ? 3 * strlen(point->values[i]) : 0) + 1;
	render->label_text.used = 0;
	if (rk_otlp_bytes_reserve(&render->label_text, bytes))
		return -ENOMEM;
	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++) {
		if (!point->values[i])
			continue;
		CLIENT_(label_pair__init)(&pairs[i]);
		pairs[i].name = (char *)(uintptr_t)point->family->labels[i];
		pairs[i].value = copy_text(&render->label_text, point->values[i]);
		list[metric.n_label++] = &pairs[i];
	}
	metric.label = list;
	if (point->family->type == RK_METRIC_HISTOGRAM) {
		if (fill_histogram(render, &histogram, &point->histogram))
			return -ENOMEM;
		metric.histogram = &histogram;
	} else if (point->family->type == RK_METRIC_COUNTER) {
		CLIENT_(counter__init)(&counter);
		counter.has_value = 1;
		counter.value = point->value;
		metric.counter = &counter;
	} else {
		CLIENT_(gauge__init)(&gauge);
		gauge.has_value = 1;
		gauge.value = point->value;
		metric.gauge = &gauge;
	}
	return append_metric(render, &metric);
}

static void visit_point(const struct rk_metric_point *point, void *data)
{
	struct render *render = data;

	if (!render->err && render->family && render->family != point->family)
		render->err = append_family(render, render->family);
	render->family = point->family;
	if (!render->err)
		render->err = put_point(render, point);
}

static int put_target_info(struct render *render, const char *resource)
{
	static const struct rk_metric_family family = {
		.name = "target_info", .unit = "", .help = TARGET_INFO_HELP, .type = RK_METRIC_GAUGE
	};
	struct rk_prometheus_target *target;
	CLIENT(LabelPair) *pairs = NULL, **list = NULL;
	CLIENT(Metric) metric;
	CLIENT(Gauge) gauge;
	int err = rk_prometheus_target_create(&target, resource);

	if (err || !target->count)
		goto out;
	pairs = calloc(target->count, sizeof(*pairs));
	list = calloc(target->count, sizeof(CLIENT(LabelPair) *));
	err = pairs && list ? 0 : -ENOMEM;
	if (err)
		goto out;
	for (size_t i = 0; i < target->count; i++) {
		CLIENT_(label_pair__init)(&pairs[i]);
		pairs[i].name = target->at[i].label;
		pairs[i].value = target->at[i].value;
		list[i] = &pairs[i];
	}
	CLIENT_(metric__init)(&metric);
	CLIENT_(gauge__init)(&gauge);
	gauge.has_value = 1;
	gauge.value = 1;
	metric.gauge = &gauge;
	metric.n_label = target->count;
	metric.label = list;
	err = append_metric(render, &metric);
	if (!err)
		err = append_family(render, &family);
out:
	free(list);
	free(pairs);
	rk_prometheus_target_destroy(target);
	return err;
}

ptrdiff_t rk_prometheus_protobuf_render(
	void (*visit)(const struct rk_metrics *metrics, bool include_runtime,
		      void (*fn)(const struct rk_metric_point *point, void *data), void *data),
	const struct rk_metrics *metrics, bool include_runtime, const char *resource, uint8_t **out)
{
	struct render *render = calloc(1, sizeof(*render));
	ptrdiff_t length = -ENOMEM;

	*out = NULL;
	if (!render)
		return -ENOMEM;
	render->err = rk_otlp_bytes_reserve(&render->out, 1);
	if (!render->err && resource && *resource)
		render->err = put_target_info(render, resource);
	visit(metrics, include_runtime, visit_point, render);
	if (!render->err && render->family)
		render->err = append_family(render, render->family);
	if (!render->err) {
		*out = render->out.bytes;
		length = (ptrdiff_t)render->out.used;
	} else {
		free(render->out.bytes);
	}
	free(render->family_bytes.bytes);
	free(render->label_text.bytes);
	free(render->native.spans);
	free(render->native.span_list);
	free(render->native.deltas);
	free(render);
	return length;
}
