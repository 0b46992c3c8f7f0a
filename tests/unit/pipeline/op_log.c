/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/op_log.c - collecting, and making records.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/config_row.h"
#include "core/intern.h"
#include "trace/trace_said.h"

const char *const test_api_names[API_COUNT] = {
	[API_LAUNCH] = "cuLaunchKernel",
	[API_COPY_IN] = "cuMemcpyHtoD_v2",
	[API_COPY_IN_ASYNC] = "cuMemcpyHtoDAsync_v2",
	[API_COPY_OUT] = "cuMemcpyDtoH_v2",
	[API_COPY] = "cuMemcpy",
	[API_SET_ASYNC] = "cuMemsetD8Async",
	[API_GRAPH] = "cuGraphLaunch",
	[API_SYNC] = "cuCtxSynchronize",
	[API_ALLOC] = "cuMemAlloc_v2",
	[API_FREE] = "cuMemFree_v2",
};

static void *grow(void *array, uint32_t *capacity, uint32_t count, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 256;
	array = realloc(array, *capacity * size);
	assert_non_null(array);
	return array;
}

void op_log_take(const struct rk_op *op, void *data)
{
	struct op_log *log = data;

	log->ops = grow(log->ops, &log->capacity, log->count, sizeof(*log->ops));
	log->ops[log->count] = *op;
	if (rk_trace_has_text(op->kind) && op->text) {
		uint8_t *copy = malloc(op->text_bytes);

		assert_non_null(copy);
		log->ops[log->count].text = memcpy(copy, op->text, op->text_bytes);
	}
	log->count++;
}

void op_log_finish(struct op_log *log)
{
	for (uint32_t i = 0; i < log->count; i++) {
		if (rk_trace_has_text(log->ops[i].kind))
			free((void *)(uintptr_t)log->ops[i].text);
	}
	free(log->ops);
	memset(log, 0, sizeof(*log));
}

uint32_t op_log_count(const struct op_log *log, enum rk_op_kind kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < log->count; i++)
		count += log->ops[i].kind == kind;
	return count;
}

const struct rk_op *op_log_get(const struct op_log *log, enum rk_op_kind kind, uint32_t n)
{
	for (uint32_t i = 0; i < log->count; i++) {
		if (log->ops[i].kind == kind && !n--)
			return &log->ops[i];
	}
	fail_msg("no such op of kind %d", (int)kind);
	return NULL;
}

static const struct rk_span_wait *waits_copy(const struct rk_span *span)
{
	struct rk_span_wait *copy;

	if (!span->wait_count)
		return NULL;
	copy = calloc(span->wait_count, sizeof(*copy));
	assert_non_null(copy);
	memcpy(copy, span->waits, span->wait_count * sizeof(*copy));
	return copy;
}

static void span_log_take(struct rk_sink *sink, const struct rk_span *span)
{
	struct span_log *log = (struct span_log *)sink;

	log->spans = grow(log->spans, &log->capacity, log->count, sizeof(*log->spans));
	log->spans[log->count] = *span;
	log->spans[log->count].waits = waits_copy(span);
	log->spans[log->count++].op = NULL;
}

void span_log_init(struct span_log *log)
{
	memset(log, 0, sizeof(*log));
	log->sink.name = "log";
	log->sink.span = span_log_take;
}

void span_log_finish(struct span_log *log)
{
	for (uint32_t i = 0; i < log->count; i++)
		free((void *)log->spans[i].waits);
	free(log->spans);
	memset(log, 0, sizeof(*log));
}

uint32_t span_log_count(const struct span_log *log, enum rk_span_shape shape)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < log->count; i++)
		count += log->spans[i].shape == shape;
	return count;
}

const struct rk_span *span_log_get(const struct span_log *log, enum rk_span_shape shape, uint32_t n)
{
	for (uint32_t i = 0; i < log->count; i++) {
		if (log->spans[i].shape == shape && !n--)
			return &log->spans[i];
	}
	fail_msg("no such span of shape %d", (int)shape);
	return NULL;
}

void test_config_init(struct rk_config *config)
{
	static const double bounds[] = { 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4,
					 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.1,  1,	   10 };

	memset(config, 0, sizeof(*config));
	for (int i = 0; i < RK_CONFIG_COUNT; i++) {
		const struct rk_config_row *row = rk_config_row((enum rk_config_id)i);

		if (row->kind == RK_TYPE_STRING || row->kind == RK_TYPE_SECRET)
			*(const char **)((char *)config + row->offset) = "";
	}
	config->traceparent = config->tracestate = config->baggage = "";
	config->metrics_top_k = 200;
	config->metrics_include_kernel_stats = true;
	config->tracing_propagators = "tracecontext,baggage";
	config->tracing_sampler = RK_SAMPLER_PARENT_RATIO;
	config->tracing_sampling_rate = 1;
	config->metrics_histogram_buckets.count = sizeof(bounds) / sizeof(bounds[0]);
	memcpy(config->metrics_histogram_buckets.at, bounds, sizeof(bounds));
}

static struct rk_record record_of(enum rk_record_kind kind, enum test_api api, uint32_t correlation,
				  uint64_t start)
{
	struct rk_record record;

	memset(&record, 0, sizeof(record));
	record.kind = (uint8_t)kind;
	record.api = (uint16_t)api;
	record.correlation = correlation;
	record.start = start;
	record.end = start + 10;
	record.context = 1;
	return record;
}

struct rk_record make_launch(uint32_t correlation, uint64_t start, uint64_t function)
{
	struct rk_record record = record_of(RK_REC_LAUNCH, API_LAUNCH, correlation, start);

	record.flags = RK_REC_ASYNC;
	record.launch.function = function;
	record.launch.stream = 0x1000;
	record.launch.grid_x = 7;
	record.launch.grid_y = record.launch.grid_z = 1;
	record.launch.block[0] = 32;
	record.launch.block[1] = record.launch.block[2] = 1;
	return record;
}

struct rk_record make_copy(enum test_api api, uint32_t correlation, uint64_t start, uint64_t bytes)
{
	struct rk_record record = record_of(api == API_SET_ASYNC ? RK_REC_MEMSET : RK_REC_MEMCPY,
					    api, correlation, start);

	if (api == API_COPY_IN_ASYNC || api == API_SET_ASYNC)
		record.flags = RK_REC_ASYNC;
	if (api == API_SET_ASYNC) {
		record.set.bytes = bytes;
		record.set.stream = 0x1000;
	} else {
		record.copy.bytes = bytes;
		record.copy.stream = api == API_COPY_IN_ASYNC ? 0x1000 : 0;
	}
	return record;
}

struct rk_record make_graph(uint32_t correlation, uint64_t start)
{
	struct rk_record record = record_of(RK_REC_GRAPH_LAUNCH, API_GRAPH, correlation, start);

	record.flags = RK_REC_ASYNC;
	record.graph.exec = 0x9000;
	record.graph.stream = 0x1000;
	return record;
}

struct rk_record make_sync(enum rk_sync_scope scope, uint64_t start, uint64_t object)
{
	struct rk_record record = record_of(RK_REC_SYNC, API_SYNC, 0, start);

	record.end = start + 100;
	record.sync.scope = (uint8_t)scope;
	record.sync.object = object;
	return record;
}

struct rk_record make_memory(enum rk_record_kind kind, uint64_t ptr, uint64_t bytes,
			     enum rk_pool pool)
{
	struct rk_record record =
		record_of(kind, kind == RK_REC_ALLOC ? API_ALLOC : API_FREE, 0, 1);

	record.mem.ptr = ptr;
	record.mem.bytes = bytes;
	record.mem.pool = (uint8_t)pool;
	return record;
}

struct rk_activity make_activity(enum rk_activity_kind kind, uint32_t correlation, uint64_t start,
				 uint64_t end)
{
	struct rk_activity activity;

	memset(&activity, 0, sizeof(activity));
	activity.kind = (uint8_t)kind;
	activity.correlation = correlation;
	activity.start = start;
	activity.end = end;
	activity.stream = 13;
	activity.context = 1;
	if (kind == RK_ACT_KERNEL)
		activity.name = rk_intern("_Z3addPfS_i");
	return activity;
}

struct rk_activity make_flushed(uint64_t watermark)
{
	return make_activity(RK_ACT_FLUSHED, 0, watermark, 0);
}

struct rk_join *make_join(struct op_log *log, uint32_t max_pending)
{
	struct rk_join_setup setup = { .api_names = test_api_names,
				       .api_count = API_COUNT,
				       .emit = op_log_take,
				       .data = log,
				       .max_pending = max_pending };
	struct rk_join *join;

	memset(log, 0, sizeof(*log));
	assert_int_equal(rk_join_create(&join, &setup), 0);
	rk_join_set_gpu_time(join, true);
	return join;
}
