/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_chrome.c - the trace event format of chrome://tracing, as JSON.
 *
 * The program is a process with its threads; each GPU is one more process, with a thread per
 * stream. An arrow leads from a call to the work it asked for. Times are us since a second before
 * the start of recording: what came before its start (see export.h) must not be negative for a
 * viewer. What the host alone timed is shown as a call, never as work of a GPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/intern.h"
#include "tools/export.h"
#include "tools/export_lanes.h"

/* Above every process id of Linux (2^22), so that nobody takes a GPU for a program. */
#define GPU_PID	  (1u << 23)
#define RANGE_TID (1u << 23)
#define LEAD_NS	  1000000000 /* the file is opened within milliseconds of the first call */

struct chrome {
	struct rk_export_lanes *streams, *threads, *ranges;
	bool has_event;
};

static void write_separator(struct rk_export *x)
{
	struct chrome *chrome = x->state;

	rk_export_output_text(x->output, chrome->has_event ? ",\n" : "\n");
	chrome->has_event = true;
}

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

static void begin_event(struct rk_export *x, struct rk_json_text *json, const char *phase,
			const char *name, uint32_t pid, uint32_t tid)
{
	write_separator(x);
	rk_export_json_begin(x, json);
	rk_json_text_string(json, "ph", phase);
	rk_json_text_string(json, "name", name);
	rk_json_text_uint(json, "pid", pid);
	rk_json_text_uint(json, "tid", tid);
}

/* @ns: rk_clock */
static void put_moment(struct rk_export *x, struct rk_json_text *json, uint64_t ns)
{
	int64_t since = rk_export_since_start(x, ns) + LEAD_NS;

	rk_json_text_double(json, "ts", (double)since / 1000);
}

static void put_times(struct rk_export *x, struct rk_json_text *json, uint64_t start, uint64_t end)
{
	put_moment(x, json, start);
	rk_json_text_double(json, "dur", us(end - start));
}

static int write_flow(struct rk_export *x, const struct rk_op *op, const char *phase, uint64_t ns,
		      uint32_t pid, uint32_t tid)
{
	struct rk_json_text json;

	begin_event(x, &json, phase, "launch", pid, tid);
	rk_json_text_string(&json, "cat", "launch");
	rk_json_text_uint(&json, "id", op->ordinal);
	put_moment(x, &json, ns);
	if (*phase == 'f')
		rk_json_text_string(&json, "bp", "e");
	return rk_export_json_write(x, &json, "");
}

static void put_dims(struct rk_json_text *json, const char *key, const uint32_t dims[3])
{
	rk_json_text_open(json, key, '[');
	for (int i = 0; i < 3; i++)
		rk_json_text_uint(json, NULL, dims[i]);
	rk_json_text_close(json, ']');
}

static void put_work_args(struct rk_json_text *json, const struct rk_op *op)
{
	rk_json_text_open(json, "args", '{');
	rk_json_text_uint(json, "device", op->device);
	rk_json_text_uint(json, "context", op->context);
	rk_json_text_uint(json, "stream", op->stream);
	rk_json_text_uint(json, "correlation", op->correlation);
	if (op->kind == RK_OP_KERNEL) {
		put_dims(json, "grid", op->kernel.grid);
		put_dims(json, "block", op->kernel.block);
		rk_json_text_uint(json, "registers per thread", op->kernel.registers);
		rk_json_text_uint(json, "shared memory",
				  op->kernel.static_shared_bytes + op->kernel.dynamic_shared_bytes);
		if (op->kernel.graph)
			rk_json_text_uint(json, "graph", op->kernel.graph);
	}
	if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET)
		rk_json_text_uint(json, "bytes", op->copy.bytes);
	rk_json_text_close(json, '}');
}

static int write_work(struct rk_export *x, const struct rk_op *op)
{
	struct chrome *chrome = x->state;
	struct rk_export_lane *lane;
	struct rk_json_text json;
	int err;

	lane = rk_export_lanes_take(chrome->streams, ((uint64_t)op->device + 1) << 32 | op->stream,
				    op->start, op->end);
	if (!lane)
		return -ENOMEM;
	begin_event(x, &json, "X", rk_export_name(x, op), GPU_PID + op->device, lane->number);
	rk_json_text_string(&json, "cat", rk_export_category(op));
	put_times(x, &json, op->start, op->end);
	put_work_args(&json, op);
	err = rk_export_json_write(x, &json, "");
	if (!err && rk_export_is_call(op))
		err = write_flow(x, op, "f", op->start, GPU_PID + op->device, lane->number);
	return err;
}

static int write_call(struct rk_export *x, const struct rk_op *op, bool has_work)
{
	struct chrome *chrome = x->state;
	struct rk_json_text json;
	int err;

	if (!rk_export_lanes_take(chrome->threads, (uint64_t)op->tid + 1, 0, 0))
		return -ENOMEM;
	begin_event(x, &json, "X", rk_intern_get(op->api), x->meta->pid, op->tid);
	rk_json_text_string(&json, "cat", "cuda_api");
	put_times(x, &json, op->host_start, op->host_end);
	rk_json_text_open(&json, "args", '{');
	rk_json_text_uint(&json, "correlation", op->correlation);
	rk_json_text_uint(&json, "result", op->result);
	if (rk_export_is_work(op))
		rk_json_text_string(&json, "work", rk_export_name(x, op));
	if (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE)
		rk_json_text_uint(&json, "bytes", op->memory.bytes);
	rk_json_text_close(&json, '}');
	err = rk_export_json_write(x, &json, "");
	if (!err && has_work)
		err = write_flow(x, op, "s", op->host_start, x->meta->pid, op->tid);
	return err;
}

static int chrome_op(struct rk_export *x, const struct rk_op *op)
{
	bool has_work = rk_export_is_work(op) && rk_export_has_gpu_time(op);
	int err = 0;

	if (rk_export_is_call(op))
		err = write_call(x, op, has_work);
	if (!err && has_work)
		err = write_work(x, op);
	return err;
}

static int chrome_span(struct rk_export *x, const struct rk_span *span)
{
	uint64_t start = span->start_unix_ns - (uint64_t)x->wall_offset_ns;
	uint64_t end = span->end_unix_ns - (uint64_t)x->wall_offset_ns;
	struct chrome *chrome = x->state;
	struct rk_export_lane *lane;
	struct rk_json_text json;

	lane = rk_export_lanes_take(chrome->ranges, (uint64_t)span->tid + 1, start, end);
	if (!lane)
		return -ENOMEM;
	begin_event(x, &json, "X", span->name, x->meta->pid, RANGE_TID + lane->number);
	rk_json_text_string(&json, "cat", span->api->is_range ? "nvtx" : "span");
	put_times(x, &json, start, end);
	rk_json_text_open(&json, "args", '{');
	if (span->api->is_range)
		rk_json_text_string(&json, "domain", rk_export_range_domain(span->api));
	rk_json_text_uint(&json, "GPU operations", span->api->projection.operations);
	rk_json_text_uint(&json, "GPU busy ns", span->api->projection.busy_ns);
	rk_json_text_close(&json, '}');
	return rk_export_json_write(x, &json, "");
}

static int chrome_begin(struct rk_export *x)
{
	struct chrome *chrome = calloc(1, sizeof(*chrome));
	struct rk_json_text json;

	x->state = chrome;
	if (!chrome)
		return -ENOMEM;
	chrome->streams = rk_export_lanes_create();
	chrome->threads = rk_export_lanes_create();
	chrome->ranges = rk_export_lanes_create();
	if (!chrome->streams || !chrome->threads || !chrome->ranges)
		return -ENOMEM;
	rk_export_output_text(x->output, "{\"displayTimeUnit\":\"ns\",\"otherData\":");
	rk_export_json_begin(x, &json);
	rk_json_text_string(&json, "producer", "rkpreload " RK_VERSION);
	rk_json_text_string(&json, "executable", x->meta->executable);
	rk_json_text_string(&json, "host", x->meta->host);
	rk_json_text_string(&json, "gpu_time_source", x->meta->gpu_time_source);
	rk_json_text_uint(&json, "zero_unix_ns", x->meta->start_wall_ns - LEAD_NS);
	return rk_export_json_write(x, &json, ",\"traceEvents\":[");
}

/* Names of processes and threads; @key: "name" of the argument. */
static int write_name(struct rk_export *x, const char *what, uint32_t pid, uint32_t tid,
		      const char *name)
{
	struct rk_json_text json;

	begin_event(x, &json, "M", what, pid, tid);
	rk_json_text_open(&json, "args", '{');
	rk_json_text_string(&json, "name", name);
	rk_json_text_close(&json, '}');
	return rk_export_json_write(x, &json, "");
}

static void write_stream_names(struct rk_export *x, struct chrome *chrome)
{
	struct rk_export_lane *lane;
	uint64_t devices = 0;
	char name[300];

	for (uint32_t i = 0; (lane = rk_export_lanes_get(chrome->streams, i)); i++) {
		uint32_t device = (uint32_t)(lane->key >> 32) - 1;

		snprintf(name, sizeof(name), lane->rank ? "stream %u (%u)" : "stream %u",
			 (uint32_t)lane->key, lane->rank + 1);
		write_name(x, "thread_name", GPU_PID + device, lane->number, name);
		if (device < 64 && devices >> device & 1)
			continue;
		devices |= device < 64 ? 1ull << device : 0;
		snprintf(name, sizeof(name), "GPU %u %.200s", device,
			 rk_export_device_name(x, device));
		write_name(x, "process_name", GPU_PID + device, 0, name);
	}
}

static void write_thread_names(struct rk_export *x, struct chrome *chrome)
{
	struct rk_export_lane *lane;
	char name[300];

	write_name(x, "process_name", x->meta->pid, 0, x->meta->executable);
	for (uint32_t i = 0; (lane = rk_export_lanes_get(chrome->threads, i)); i++) {
		uint32_t tid = (uint32_t)(lane->key - 1);

		if (*rk_export_thread_name(x, tid))
			write_name(x, "thread_name", x->meta->pid, tid,
				   rk_export_thread_name(x, tid));
	}
	for (uint32_t i = 0; (lane = rk_export_lanes_get(chrome->ranges, i)); i++) {
		snprintf(name, sizeof(name), "ranges of thread %u", (uint32_t)(lane->key - 1));
		write_name(x, "thread_name", x->meta->pid, RANGE_TID + lane->number, name);
	}
}

static int chrome_end(struct rk_export *x)
{
	struct chrome *chrome = x->state;
	int err = 0;

	if (!chrome)
		return 0;
	if (chrome->streams && chrome->threads && chrome->ranges) {
		write_stream_names(x, chrome);
		write_thread_names(x, chrome);
		rk_export_output_text(x->output, "\n]}\n");
		err = rk_export_output_error(x->output);
	}
	rk_export_lanes_destroy(chrome->streams);
	rk_export_lanes_destroy(chrome->threads);
	rk_export_lanes_destroy(chrome->ranges);
	free(chrome);
	x->state = NULL;
	return err;
}

const struct rk_export_format rk_export_chrome = {
	.spans = RK_EXPORT_RANGES,
	.begin = chrome_begin,
	.op = chrome_op,
	.span = chrome_span,
	.end = chrome_end,
};
