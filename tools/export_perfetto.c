/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_perfetto.c - Perfetto's protobuf trace: track events.
 *
 *   Trace { packet* }      one sequence; the first packet clears its state and brings the names
 *                          of arguments and categories, names of slices come as they are needed
 *
 * The program is a process track with its threads; each GPU is a track with one below it per
 * stream. A flow leads from a call to the work it asked for. Times are those of our clock, which
 * a snapshot ties to UNIX time. What the host alone timed is shown as a call, never as work.
 *
 * Written directly: a packet has a dozen fields, and the schema is 600 KB. The tests read the
 * result with Perfetto's own descriptors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "tools/export.h"
#include "tools/export_lanes.h"
#include "tools/perfetto_packet.h"

enum { SLICE_BEGIN = 1, SLICE_END = 2 };
enum { CLOCK_REALTIME_ID = 1, CLOCK_BOOTTIME_ID = 6 };

/* What names a track: unique over all of them. */
#define PROCESS_TRACK	      1u
#define THREAD_TRACK(tid)     (1ull << 32 | (tid))
#define GPU_TRACK(device)     (2ull << 32 | (device))
#define STREAM_TRACK(number)  (3ull << 32 | (number))
#define RANGE_TRACK(number)   (4ull << 32 | (number))

enum category {
	CATEGORY_API = 1,
	CATEGORY_KERNEL,
	CATEGORY_MEMCPY,
	CATEGORY_MEMSET,
	CATEGORY_GRAPH,
	CATEGORY_RANGE,
	CATEGORY_COUNT
};
static const char *const categories[CATEGORY_COUNT] = { NULL,	  "cuda_api", "kernel", "memcpy",
							"memset", "graph",    "range" };

enum argument {
	ARGUMENT_CORRELATION = 1,
	ARGUMENT_STREAM,
	ARGUMENT_GRID,
	ARGUMENT_BLOCK,
	ARGUMENT_REGISTERS,
	ARGUMENT_SHARED,
	ARGUMENT_BYTES,
	ARGUMENT_RESULT,
	ARGUMENT_WORK,
	ARGUMENT_DOMAIN,
	ARGUMENT_GPU_NS,
	ARGUMENT_COUNT
};
static const char *const arguments[ARGUMENT_COUNT] = {
	NULL,
	"correlation",
	"stream",
	"grid",
	"block",
	"registers per thread",
	"shared memory",
	"bytes",
	"result",
	"work",
	"domain",
	"GPU busy ns",
};

struct perfetto {
	struct rk_export_lanes *streams, *threads, *ranges;
	uint64_t devices; /* bit: its track was told */
	uint8_t *told;	  /* by string: its name was told to the viewer */
	uint32_t told_count;
	struct rk_perfetto_packet packet;
};

static void put_entry(struct perfetto *p, unsigned field, uint64_t id, const char *name)
{
	uint8_t *entry = rk_perfetto_message_open(&p->packet, field);

	rk_perfetto_put_uint(&p->packet, ENTRY_ID, id);
	rk_perfetto_put_text(&p->packet, ENTRY_NAME, name);
	rk_perfetto_message_close(&p->packet, entry);
}

static void put_clock(struct perfetto *p, unsigned id, uint64_t ns)
{
	uint8_t *clock = rk_perfetto_message_open(&p->packet, CLOCKS_CLOCK);

	rk_perfetto_put_uint(&p->packet, CLOCK_ID, id);
	rk_perfetto_put_uint(&p->packet, CLOCK_TIMESTAMP, ns);
	rk_perfetto_message_close(&p->packet, clock);
}

static int write_first(struct rk_export *x)
{
	struct perfetto *p = x->state;
	uint8_t *packet = rk_perfetto_packet_open(&p->packet), *interned, *clocks;
	int err;

	interned = rk_perfetto_message_open(&p->packet, PACKET_INTERNED);
	for (unsigned i = 1; i < CATEGORY_COUNT; i++)
		put_entry(p, INTERNED_CATEGORIES, i, categories[i]);
	for (unsigned i = 1; i < ARGUMENT_COUNT; i++)
		put_entry(p, INTERNED_ARGUMENTS, i, arguments[i]);
	rk_perfetto_message_close(&p->packet, interned);
	err = rk_perfetto_packet_close(&p->packet, packet, x->output);
	if (err)
		return err;
	packet = rk_perfetto_packet_open(&p->packet);
	clocks = rk_perfetto_message_open(&p->packet, PACKET_CLOCKS);
	put_clock(p, CLOCK_BOOTTIME_ID, x->meta->start_ns);
	put_clock(p, CLOCK_REALTIME_ID, x->meta->start_wall_ns);
	rk_perfetto_message_close(&p->packet, clocks);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static int write_track(struct rk_export *x, uint64_t uuid, uint64_t parent, const char *name)
{
	struct perfetto *p = x->state;
	uint8_t *packet = rk_perfetto_packet_open(&p->packet),
		*descriptor = rk_perfetto_message_open(&p->packet, PACKET_DESCRIPTOR);

	rk_perfetto_put_uint(&p->packet, DESCRIPTOR_UUID, uuid);
	rk_perfetto_put_text(&p->packet, DESCRIPTOR_NAME, name);
	if (parent)
		rk_perfetto_put_uint(&p->packet, DESCRIPTOR_PARENT, parent);
	rk_perfetto_message_close(&p->packet, descriptor);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static int write_process(struct rk_export *x)
{
	struct perfetto *p = x->state;
	uint8_t *packet = rk_perfetto_packet_open(&p->packet),
		*descriptor = rk_perfetto_message_open(&p->packet, PACKET_DESCRIPTOR);
	uint8_t *process;

	rk_perfetto_put_uint(&p->packet, DESCRIPTOR_UUID, PROCESS_TRACK);
	process = rk_perfetto_message_open(&p->packet, DESCRIPTOR_PROCESS);
	rk_perfetto_put_uint(&p->packet, PROCESS_PID, x->meta->pid);
	rk_perfetto_put_text(&p->packet, PROCESS_NAME, x->meta->executable);
	rk_perfetto_message_close(&p->packet, process);
	rk_perfetto_message_close(&p->packet, descriptor);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static int write_thread(struct rk_export *x, uint32_t tid)
{
	struct perfetto *p = x->state;
	uint8_t *packet = rk_perfetto_packet_open(&p->packet),
		*descriptor = rk_perfetto_message_open(&p->packet, PACKET_DESCRIPTOR);
	uint8_t *thread;

	rk_perfetto_put_uint(&p->packet, DESCRIPTOR_UUID, THREAD_TRACK(tid));
	rk_perfetto_put_uint(&p->packet, DESCRIPTOR_PARENT, PROCESS_TRACK);
	thread = rk_perfetto_message_open(&p->packet, DESCRIPTOR_THREAD);
	rk_perfetto_put_uint(&p->packet, THREAD_PID, x->meta->pid);
	rk_perfetto_put_uint(&p->packet, THREAD_TID, tid);
	if (*rk_export_thread_name(x, tid))
		rk_perfetto_put_text(&p->packet, THREAD_NAME, rk_export_thread_name(x, tid));
	rk_perfetto_message_close(&p->packet, thread);
	rk_perfetto_message_close(&p->packet, descriptor);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static int tell_stream(struct rk_export *x, struct rk_export_lane *lane, const struct rk_op *op)
{
	struct perfetto *p = x->state;
	uint64_t bit = op->device < 64 ? 1ull << op->device : 0;
	char name[300];
	int err = 0;

	if (lane->is_told)
		return 0;
	lane->is_told = true;
	if (!(p->devices & bit)) {
		p->devices |= bit;
		snprintf(name, sizeof(name), "GPU %u %.200s", op->device,
			 rk_export_device_name(x, op->device));
		err = write_track(x, GPU_TRACK(op->device), 0, name);
	}
	snprintf(name, sizeof(name), lane->rank ? "stream %u (%u)" : "stream %u", op->stream,
		 lane->rank + 1);
	return err ? err : write_track(x, STREAM_TRACK(lane->number), GPU_TRACK(op->device), name);
}

/* A name may come behind the first call: then the track is told again. */
static int name_thread(struct rk_export *x, uint32_t tid)
{
	struct perfetto *p = x->state;
	struct rk_export_lane *lane = rk_export_lanes_take(p->threads, (uint64_t)tid + 1, 0, 0);

	if (!lane)
		return -ENOMEM;
	lane->is_told = true;
	return write_thread(x, tid);
}

static int tell_thread(struct rk_export *x, uint32_t tid)
{
	struct perfetto *p = x->state;
	struct rk_export_lane *lane = rk_export_lanes_take(p->threads, (uint64_t)tid + 1, 0, 0);

	if (!lane)
		return -ENOMEM;
	return lane->is_told ? 0 : name_thread(x, tid);
}

/* The number of a name; the packet under way brings it where it is new. */
static int name_in(struct perfetto *p, const char *name, uint32_t *id)
{
	uint8_t *interned;

	*id = rk_intern(*name ? name : "(unknown)");
	if (*id >= p->told_count) {
		uint32_t count = *id + 4096;
		uint8_t *told = realloc(p->told, count);

		if (!told)
			return -ENOMEM;
		memset(told + p->told_count, 0, count - p->told_count);
		p->told = told;
		p->told_count = count;
	}
	if (p->told[*id])
		return 0;
	p->told[*id] = true;
	interned = rk_perfetto_message_open(&p->packet, PACKET_INTERNED);
	put_entry(p, INTERNED_NAMES, *id, rk_intern_get(*id));
	rk_perfetto_message_close(&p->packet, interned);
	return 0;
}

static void put_argument(struct perfetto *p, enum argument name, uint64_t value)
{
	uint8_t *argument = rk_perfetto_message_open(&p->packet, EVENT_ARGUMENT);

	rk_perfetto_put_uint(&p->packet, ARGUMENT_NAME, name);
	rk_perfetto_put_uint(&p->packet, ARGUMENT_UINT, value);
	rk_perfetto_message_close(&p->packet, argument);
}

static void put_text_argument(struct perfetto *p, enum argument name, const char *text)
{
	uint8_t *argument = rk_perfetto_message_open(&p->packet, EVENT_ARGUMENT);

	rk_perfetto_put_uint(&p->packet, ARGUMENT_NAME, name);
	rk_perfetto_put_text(&p->packet, ARGUMENT_STRING, text);
	rk_perfetto_message_close(&p->packet, argument);
}

struct slice {
	uint64_t track, start_ns, end_ns;
	const char *name;
	enum category category;
	uint64_t flow; /* 0 = none */
	bool is_flow_end;
	const struct rk_op *op;	    /* or NULL */
	const struct rk_span *span; /* or NULL */
};

static void put_dims(struct perfetto *p, enum argument name, const uint32_t dims[3])
{
	char text[64];

	snprintf(text, sizeof(text), "%ux%ux%u", dims[0], dims[1], dims[2]);
	put_text_argument(p, name, text);
}

static void put_work_arguments(struct perfetto *p, const struct rk_op *op)
{
	put_argument(p, ARGUMENT_STREAM, op->stream);
	if (op->kind == RK_OP_KERNEL) {
		put_dims(p, ARGUMENT_GRID, op->kernel.grid);
		put_dims(p, ARGUMENT_BLOCK, op->kernel.block);
		put_argument(p, ARGUMENT_REGISTERS, op->kernel.registers);
		put_argument(p, ARGUMENT_SHARED,
			     op->kernel.static_shared_bytes + op->kernel.dynamic_shared_bytes);
	} else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET) {
		put_argument(p, ARGUMENT_BYTES, op->copy.bytes);
	}
}

static void put_arguments(struct rk_export *x, const struct slice *slice)
{
	struct perfetto *p = x->state;

	if (slice->span) {
		if (slice->span->api->is_range)
			put_text_argument(p, ARGUMENT_DOMAIN,
					  rk_export_range_domain(slice->span->api));
		put_argument(p, ARGUMENT_GPU_NS, slice->span->api->projection.busy_ns);
		return;
	}
	put_argument(p, ARGUMENT_CORRELATION, slice->op->correlation);
	if (slice->category != CATEGORY_API) {
		put_work_arguments(p, slice->op);
		return;
	}
	put_argument(p, ARGUMENT_RESULT, slice->op->result);
	if (rk_export_is_work(slice->op))
		put_text_argument(p, ARGUMENT_WORK, rk_export_name(x, slice->op));
	if (slice->op->kind == RK_OP_ALLOC || slice->op->kind == RK_OP_FREE)
		put_argument(p, ARGUMENT_BYTES, slice->op->memory.bytes);
}

static int write_slice_begin(struct rk_export *x, const struct slice *slice)
{
	struct perfetto *p = x->state;
	uint8_t *packet = rk_perfetto_packet_open(&p->packet), *event;
	uint32_t name;

	rk_perfetto_put_uint(&p->packet, PACKET_TIMESTAMP, slice->start_ns);
	if (name_in(p, slice->name, &name))
		return -ENOMEM;
	event = rk_perfetto_message_open(&p->packet, PACKET_EVENT);
	rk_perfetto_put_uint(&p->packet, EVENT_TYPE, SLICE_BEGIN);
	rk_perfetto_put_uint(&p->packet, EVENT_TRACK, slice->track);
	rk_perfetto_put_uint(&p->packet, EVENT_CATEGORY, slice->category);
	rk_perfetto_put_uint(&p->packet, EVENT_NAME, name);
	put_arguments(x, slice);
	if (slice->flow)
		rk_perfetto_put_fixed(&p->packet, slice->is_flow_end ? EVENT_FLOW_END : EVENT_FLOW,
				      slice->flow);
	rk_perfetto_message_close(&p->packet, event);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static int write_slice(struct rk_export *x, const struct slice *slice)
{
	struct perfetto *p = x->state;
	int err = write_slice_begin(x, slice);
	uint8_t *packet, *event;

	if (err)
		return err;
	packet = rk_perfetto_packet_open(&p->packet);
	rk_perfetto_put_uint(&p->packet, PACKET_TIMESTAMP, slice->end_ns);
	event = rk_perfetto_message_open(&p->packet, PACKET_EVENT);
	rk_perfetto_put_uint(&p->packet, EVENT_TYPE, SLICE_END);
	rk_perfetto_put_uint(&p->packet, EVENT_TRACK, slice->track);
	rk_perfetto_message_close(&p->packet, event);
	return rk_perfetto_packet_close(&p->packet, packet, x->output);
}

static enum category category_of(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL ? CATEGORY_KERNEL :
	       op->kind == RK_OP_MEMCPY ? CATEGORY_MEMCPY :
	       op->kind == RK_OP_MEMSET ? CATEGORY_MEMSET :
					  CATEGORY_GRAPH;
}

static int write_work(struct rk_export *x, const struct rk_op *op)
{
	struct perfetto *p = x->state;
	struct rk_export_lane *lane = rk_export_lanes_take(
		p->streams, ((uint64_t)op->device + 1) << 32 | op->stream, op->start, op->end);
	struct slice slice = { .start_ns = op->start,
			       .end_ns = op->end,
			       .name = rk_export_name(x, op),
			       .category = category_of(op),
			       .is_flow_end = true,
			       .op = op };
	int err = lane ? tell_stream(x, lane, op) : -ENOMEM;

	if (err)
		return err;
	slice.track = STREAM_TRACK(lane->number);
	slice.flow = rk_export_is_call(op) ? op->ordinal : 0;
	return write_slice(x, &slice);
}

static int write_call(struct rk_export *x, const struct rk_op *op, bool has_work)
{
	const struct slice slice = { .track = THREAD_TRACK(op->tid),
				     .start_ns = op->host_start,
				     .end_ns = op->host_end,
				     .name = rk_intern_get(op->api),
				     .category = CATEGORY_API,
				     .flow = has_work ? op->ordinal : 0,
				     .op = op };
	int err = tell_thread(x, op->tid);

	return err ? err : write_slice(x, &slice);
}

static int perfetto_op(struct rk_export *x, const struct rk_op *op)
{
	bool has_work = rk_export_is_work(op) && rk_export_has_gpu_time(op);
	int err = 0;

	if (op->kind == RK_OP_THREAD)
		return name_thread(x, op->tid);
	if (rk_export_is_call(op))
		err = write_call(x, op, has_work);
	if (!err && has_work)
		err = write_work(x, op);
	return err;
}

static int perfetto_span(struct rk_export *x, const struct rk_span *span)
{
	struct perfetto *p = x->state;
	struct slice slice = {
		.start_ns = span->start_unix_ns - (uint64_t)x->wall_offset_ns,
		.end_ns = span->end_unix_ns - (uint64_t)x->wall_offset_ns,
		.name = span->name,
		.category = CATEGORY_RANGE,
		.span = span,
	};
	struct rk_export_lane *lane = rk_export_lanes_take(p->ranges, (uint64_t)span->tid + 1,
							   slice.start_ns, slice.end_ns);
	char name[64];
	int err = 0;

	if (!lane)
		return -ENOMEM;
	slice.track = RANGE_TRACK(lane->number);
	if (!lane->is_told) {
		lane->is_told = true;
		snprintf(name, sizeof(name), "ranges of thread %u", span->tid);
		err = write_track(x, slice.track, PROCESS_TRACK, name);
	}
	return err ? err : write_slice(x, &slice);
}

static int perfetto_begin(struct rk_export *x)
{
	struct perfetto *p = calloc(1, sizeof(*p));
	int err;

	x->state = p;
	if (!p)
		return -ENOMEM;
	p->packet.buffer = (uint8_t *)x->line;
	p->streams = rk_export_lanes_create();
	p->threads = rk_export_lanes_create();
	p->ranges = rk_export_lanes_create();
	if (!p->streams || !p->threads || !p->ranges)
		return -ENOMEM;
	err = write_first(x);
	return err ? err : write_process(x);
}

static int perfetto_end(struct rk_export *x)
{
	struct perfetto *p = x->state;

	if (!p)
		return 0;
	rk_export_lanes_destroy(p->streams);
	rk_export_lanes_destroy(p->threads);
	rk_export_lanes_destroy(p->ranges);
	free(p->told);
	free(p);
	x->state = NULL;
	return rk_export_output_error(x->output);
}

const struct rk_export_format rk_export_perfetto = {
	.spans = RK_EXPORT_RANGES,
	.is_binary = true,
	.begin = perfetto_begin,
	.op = perfetto_op,
	.span = perfetto_span,
	.end = perfetto_end,
};
