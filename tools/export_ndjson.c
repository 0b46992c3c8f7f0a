/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_ndjson.c - everything that has a meaning outside of the file, a JSON object a line.
 *
 * docs/export_ndjson.schema.json says what the objects hold. The first line describes the file;
 * "type" tells the others apart. Times are ns since the start of recording.
 */
#include <errno.h>

#include "core/intern.h"
#include "core/record.h"
#include "tools/export.h"

static int ndjson_begin(struct rk_export *x)
{
	struct rk_json_text json;

	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "type", "trace");
	rk_json_text_uint(&json, "schema", 1);
	rk_json_text_string(&json, "executable", x->meta->executable);
	rk_json_text_string(&json, "host", x->meta->host);
	rk_json_text_uint(&json, "pid", x->meta->pid);
	rk_json_text_uint(&json, "start_unix_ns", x->meta->start_wall_ns);
	rk_json_text_string(&json, "gpu_time_source", x->meta->gpu_time_source);
	rk_json_text_string(&json, "rkpreload_version", x->meta->version);
	return rk_export_json_write(x, &json, "\n");
}

static const char *type_of(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		return "kernel";
	case RK_OP_MEMCPY:
		return "memcpy";
	case RK_OP_MEMSET:
		return "memset";
	case RK_OP_GRAPH:
		return "graph";
	case RK_OP_ALLOC:
		return "alloc";
	case RK_OP_FREE:
		return "free";
	case RK_OP_SYNC:
		return "sync";
	case RK_OP_ERROR:
		return "error";
	default:
		return NULL;
	}
}

static void put_dims(struct rk_json_text *json, const char *key, const uint32_t dims[3])
{
	rk_json_text_open(json, key, '[');
	for (int i = 0; i < 3; i++)
		rk_json_text_uint(json, NULL, dims[i]);
	rk_json_text_close(json, ']');
}

static void put_kernel(struct rk_json_text *json, const struct rk_op *op)
{
	put_dims(json, "grid", op->kernel.grid);
	put_dims(json, "block", op->kernel.block);
	rk_json_text_uint(json, "registers", op->kernel.registers);
	rk_json_text_uint(json, "static_shared_bytes", op->kernel.static_shared_bytes);
	rk_json_text_uint(json, "dynamic_shared_bytes", op->kernel.dynamic_shared_bytes);
	if (op->kernel.graph) {
		rk_json_text_uint(json, "graph", op->kernel.graph);
		rk_json_text_uint(json, "graph_node", op->kernel.graph_node);
	}
}

static void put_memory(struct rk_json_text *json, const struct rk_op *op)
{
	static const char *const pools[RK_POOL_COUNT] = { "device", "managed", "pinned", "async",
							  "array",  "vmm",     "user" };

	rk_json_text_uint(json, "address", op->memory.ptr);
	rk_json_text_uint(json, "bytes", op->memory.bytes);
	if (op->memory.pool < RK_POOL_COUNT)
		rk_json_text_string(json, "pool", pools[op->memory.pool]);
}

static void put_special(struct rk_json_text *json, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		put_kernel(json, op);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		rk_json_text_uint(json, "bytes", op->copy.bytes);
		if (op->copy.graph)
			rk_json_text_uint(json, "graph", op->copy.graph);
		break;
	case RK_OP_GRAPH:
		rk_json_text_uint(json, "graph", op->graph.graph);
		rk_json_text_uint(json, "nodes", op->graph.nodes);
		break;
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		put_memory(json, op);
		break;
	default:
		break;
	}
}

/* The call; of several records of one call each says so. */
static void put_call(struct rk_export *x, struct rk_json_text *json, const struct rk_op *op)
{
	if (op->api)
		rk_json_text_string(json, "api", rk_intern_get(op->api));
	if (op->host_start) {
		rk_json_text_int(json, "call_start_ns", rk_export_since_start(x, op->host_start));
		rk_json_text_int(json, "call_end_ns", rk_export_since_start(x, op->host_end));
	}
	if (op->tid)
		rk_json_text_uint(json, "thread", op->tid);
	if (op->correlation)
		rk_json_text_uint(json, "correlation", op->correlation);
	rk_json_text_uint(json, "result", op->result);
	rk_json_text_bool(json, "first_of_call", rk_export_is_call(op));
}

static void put_work(struct rk_export *x, struct rk_json_text *json, const struct rk_op *op)
{
	rk_json_text_uint(json, "device", op->device);
	rk_json_text_uint(json, "context", op->context);
	rk_json_text_uint(json, "stream", op->stream);
	if (!rk_export_has_time(op))
		return;
	rk_json_text_int(json, "start_ns", rk_export_since_start(x, op->start));
	rk_json_text_uint(json, "duration_ns", op->end - op->start);
	rk_json_text_string(json, "time_source", op->flags & RK_OP_F_HOST_TIME ? "host" : "gpu");
}

static int write_device(struct rk_export *x, const struct rk_op *op)
{
	struct rk_json_text json;

	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "type", "device");
	rk_json_text_uint(&json, "device", op->device);
	rk_json_text_string(&json, "name", rk_intern_get(op->name));
	rk_json_text_uint(&json, "memory_bytes", op->device_info.memory_bytes);
	return rk_export_json_write(x, &json, "\n");
}

static int write_thread(struct rk_export *x, const struct rk_op *op)
{
	struct rk_json_text json;

	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "type", "thread");
	rk_json_text_uint(&json, "thread", op->tid);
	rk_json_text_string(&json, "name", rk_intern_get(op->name));
	return rk_export_json_write(x, &json, "\n");
}

static int ndjson_op(struct rk_export *x, const struct rk_op *op)
{
	const char *type = type_of(op);
	struct rk_json_text json;

	if (op->kind == RK_OP_DEVICE)
		return write_device(x, op);
	if (op->kind == RK_OP_THREAD)
		return write_thread(x, op);
	if (!type)
		return 0;
	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "type", type);
	rk_json_text_string(&json, "name", rk_export_name(x, op));
	if (op->kind <= RK_OP_GRAPH)
		put_work(x, &json, op);
	put_special(&json, op);
	put_call(x, &json, op);
	return rk_export_json_write(x, &json, "\n");
}

static int ndjson_span(struct rk_export *x, const struct rk_span *span)
{
	struct rk_json_text json;

	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "type", span->api->is_range ? "range" : "span");
	rk_json_text_string(&json, "name", span->name);
	if (span->api->is_range)
		rk_json_text_string(&json, "domain", rk_export_range_domain(span->api));
	rk_json_text_int(&json, "start_ns", rk_export_unix_since_start(x, span->start_unix_ns));
	rk_json_text_uint(&json, "duration_ns", span->end_unix_ns - span->start_unix_ns);
	rk_json_text_bool(&json, "unfinished", span->api->is_unfinished);
	if (span->tid)
		rk_json_text_uint(&json, "thread", span->tid);
	rk_json_text_uint(&json, "gpu_operations", span->api->projection.operations);
	rk_json_text_uint(&json, "gpu_busy_ns", span->api->projection.busy_ns);
	return rk_export_json_write(x, &json, "\n");
}

static int ndjson_end(struct rk_export *x)
{
	return rk_export_output_error(x->output);
}

const struct rk_export_format rk_export_ndjson = {
	.spans = RK_EXPORT_RANGES,
	.begin = ndjson_begin,
	.op = ndjson_op,
	.span = ndjson_span,
	.end = ndjson_end,
};
