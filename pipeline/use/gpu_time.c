/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time.c - which device had what, and when it is old enough to be summed up.
 */
#include "pipeline/use/gpu_time.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/use/gpu_time_device.h"
#include "pipeline/use/overhead_text.h"
#include "pipeline/use/recorded_time.h"

#define NO_GPU_TIME (RK_OP_F_OPEN | RK_OP_F_HOST_TIME | RK_OP_F_INVALID_TIME)

const char *rk_gpu_time_state_name(enum rk_gpu_state state)
{
	static const char *const names[RK_GPU_STATE_COUNT] = {
		[RK_GPU_BUSY] = "busy",
		[RK_GPU_COPYING] = "copying",
		[RK_GPU_LAUNCH_BOUND] = "launch_bound",
		[RK_GPU_WAITING] = "waiting",
		[RK_GPU_NONE] = "none",
		[RK_GPU_UNKNOWN] = "unknown",
	};

	return names[state];
}

void rk_gpu_time_init(struct rk_gpu_time *time, rk_gpu_gap_fn gap, void *data)
{
	memset(time, 0, sizeof(*time));
	time->gap = gap;
	time->data = data;
}

void rk_gpu_time_finish(struct rk_gpu_time *time)
{
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++)
		rk_gpu_device_destroy(time->devices[i]);
	memset(time->devices, 0, sizeof(time->devices));
}

static struct rk_gpu_device *device_get(struct rk_gpu_time *time, uint32_t number)
{
	struct rk_gpu_device **device;

	if (number >= RK_GPU_TIME_DEVICES)
		number = RK_GPU_TIME_DEVICES - 1;
	device = &time->devices[number];
	if (!*device && !time->is_resting && rk_gpu_device_create(device, number, time))
		time->short_of_memory++;
	return *device;
}

/* What the program says by the C API is no GPU work: it makes the recording no longer. */
static void note_time(struct rk_gpu_time *time, const struct rk_op *op)
{
	uint64_t first = op->host_start ? op->host_start : op->start;
	uint64_t last = op->end > op->host_end ? op->end : op->host_end;

	if (op->kind >= RK_OP_SPAN_BEGIN)
		return;
	if (first && !time->is_summing && (!time->first || first < time->first))
		time->first = first;
	if (last > time->last)
		time->last = last;
}

static struct rk_gpu_piece piece_of(const struct rk_op *op)
{
	bool is_copy = op->kind == RK_OP_MEMCPY;

	return (struct rk_gpu_piece){ .start = op->start,
				      .end = op->end,
				      .host_start = op->host_start,
				      .host_end = op->host_end,
				      .exec = op->exec,
				      .tid = op->tid,
				      .name = op->name,
				      .kind = op->kind,
				      .copy_kind = is_copy ? op->copy.copy_kind : 0 };
}

static void push_wait(struct rk_gpu_device *device, uint64_t start, uint64_t end)
{
	struct rk_gpu_piece wait = { .start = start, .end = end, .kind = RK_OP_SYNC };

	if (start && end > start)
		rk_gpu_device_push(device, &wait);
}

/* Work whose GPU time is not known: from its call on, until GPU times come again. */
static void push_without_time(struct rk_gpu_device *device, const struct rk_op *op)
{
	struct rk_gpu_piece marker = piece_of(op);

	marker.start = op->host_start;
	marker.end = op->host_end > op->host_start ? op->host_end : op->host_start;
	marker.kind = RK_OP_NONE;
	if (op->host_start)
		rk_gpu_device_push(device, &marker);
}

/* Of which device a launch is, is known for certain only now. */
static void land(struct rk_gpu_time *time, uint32_t correlation)
{
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (time->devices[i])
			rk_gpu_device_land(time->devices[i], correlation);
	}
}

/* Copies that the driver makes itself never have a GPU time. */
static void feed_timeless(struct rk_gpu_device *device, const struct rk_op *op)
{
	if (op->flags & RK_OP_F_OPEN)
		rk_gpu_device_note_open(device, op->host_end);
	else if (op->kind == RK_OP_KERNEL || op->kind == RK_OP_GRAPH)
		push_without_time(device, op);
}

static void feed_piece(struct rk_gpu_device *device, const struct rk_op *op)
{
	struct rk_gpu_piece piece = piece_of(op);

	rk_gpu_device_push(device, &piece);
}

static void feed_work(struct rk_gpu_time *time, const struct rk_op *op)
{
	struct rk_gpu_device *device = device_get(time, op->device);

	if (!device)
		return;
	if (time->in_flight)
		land(time, op->correlation);
	if ((op->flags & NO_GPU_TIME) || !op->end || op->end < op->start) {
		feed_timeless(device, op);
		return;
	}
	feed_piece(device, op);
	/* The copy is done and the call has not returned: the thread waits. */
	if (!(op->flags & RK_OP_F_ASYNC) && op->kind == RK_OP_MEMCPY && op->host_end > op->end)
		push_wait(device, op->end > op->host_start ? op->end : op->host_start,
			  op->host_end);
}

static void sum_up(struct rk_gpu_time *time, uint64_t now)
{
	uint64_t until = now > RK_GPU_TIME_HORIZON_NS ? now - RK_GPU_TIME_HORIZON_NS : 0;

	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES && !time->is_resting; i++) {
		if (time->devices[i])
			rk_gpu_device_sum_up(time->devices[i], until);
	}
}

static void sum_up_all(struct rk_gpu_time *time)
{
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (time->devices[i])
			rk_gpu_device_end(time->devices[i]);
	}
}

/* All that is known to have been before it was told before. */
static void end_part(struct rk_gpu_time *time)
{
	if (time->is_resting)
		return;
	sum_up_all(time);
	if (time->first)
		time->parts_ns += time->last - rk_gpu_time_part_start(time);
	time->is_summing = true;
	time->is_resting = true;
}

/* The first part begins with what comes first. */
static void begin_part(struct rk_gpu_time *time, uint64_t now)
{
	if (!time->is_resting)
		return;
	time->is_resting = false;
	time->has_no_copies = time->next_has_no_copies;
	time->part_first = now > time->last ? now : time->last;
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (time->devices[i])
			rk_gpu_device_begin_part(time->devices[i]);
	}
}

static void feed_recording(struct rk_gpu_time *time, const struct rk_op *op)
{
	if (rk_recorded_time_is_stop(op)) {
		time->last = op->end > time->last ? op->end : time->last;
		end_part(time);
	} else if (rk_recorded_time_is_start(op)) {
		begin_part(time, op->start);
	}
}

/* It comes before the part in which it holds. */
static void feed_step(struct rk_gpu_time *time, const struct rk_op *op)
{
	struct rk_overhead_step step;

	if (rk_overhead_text_read(&step, op))
		time->next_has_no_copies = step.step >= RK_STEP_KERNELS_ONLY;
}

/* Of a thread, or of a stream for memory. An answer to a question is none. */
static bool is_wait(const struct rk_op *op)
{
	return op->sync.scope <= RK_SYNC_EVENT || op->sync.scope == RK_SYNC_MEMORY;
}

/* As nearly always: its device is known, its time as well, and nothing is waited for. */
static struct rk_gpu_device *plain_device(struct rk_gpu_time *time, const struct rk_op *op)
{
	if (op->device >= RK_GPU_TIME_DEVICES || time->in_flight || (op->flags & NO_GPU_TIME) ||
	    op->end <= op->start)
		return NULL;
	return time->devices[op->device];
}

static void feed_kernel(struct rk_gpu_time *time, const struct rk_op *op)
{
	struct rk_gpu_device *device = plain_device(time, op);

	if (!device)
		feed_work(time, op);
	else if (!rk_gpu_device_cover(device, op))
		feed_piece(device, op);
}

void rk_gpu_time_feed(struct rk_gpu_time *time, const struct rk_op *op)
{
	struct rk_gpu_device *device;

	if (time->has_ended)
		return;
	note_time(time, op);
	switch (op->kind) {
	case RK_OP_GRAPH:
		if (op->graph.nodes) /* told by its nodes */
			break;
		feed_work(time, op);
		break;
	case RK_OP_KERNEL:
		feed_kernel(time, op);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		feed_work(time, op);
		break;
	case RK_OP_SYNC:
		device = is_wait(op) ? device_get(time, op->device) : NULL;
		if (device)
			push_wait(device, op->host_start, op->host_end);
		break;
	case RK_OP_IN_FLIGHT:
		device = device_get(time, op->device);
		if (device)
			rk_gpu_device_take_off(device, op->correlation, op->host_start);
		break;
	case RK_OP_TICK:
		sum_up(time, op->end);
		break;
	case RK_OP_SETTINGS:
		feed_step(time, op);
		break;
	case RK_OP_RECORDING:
		feed_recording(time, op);
		break;
	case RK_OP_END:
		rk_gpu_time_end(time);
		break;
	default:
		break;
	}
}

void rk_gpu_time_end(struct rk_gpu_time *time)
{
	if (time->has_ended)
		return;
	end_part(time);
	time->has_ended = true;
}

bool rk_gpu_time_get(const struct rk_gpu_time *time, uint32_t device, struct rk_gpu_split *split)
{
	memset(split, 0, sizeof(*split));
	return device < RK_GPU_TIME_DEVICES && time->devices[device] &&
	       rk_gpu_device_get(time->devices[device], split);
}

uint32_t rk_gpu_time_get_all(const struct rk_gpu_time *time, struct rk_gpu_split *sum)
{
	struct rk_gpu_split one;
	uint32_t devices = 0;

	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(time, i, &one))
			continue;
		devices++;
		sum->late_ns += one.late_ns;
		for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
			sum->ns[state] += one.ns[state];
	}
	return devices;
}
