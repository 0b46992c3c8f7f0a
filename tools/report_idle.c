/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_idle.c - what each GPU did with its time, and the longest idle periods.
 *
 * An idle period is shown with what ended it: the kernel or copy that ran next, and the thread
 * that submitted it. Whoever wants the period gone has to look there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/use/gpu_time.h"
#include "tools/report_section.h"
#include "tools/tool.h"

#define GAPS_MAX    20
#define NAME_WIDTH  60
#define THREADS_MAX 65536u

struct gap {
	struct rk_gpu_gap gap;
	struct rk_gpu_piece next; /* kind RK_OP_NONE and no start: the recording ended */
};

struct idle {
	const struct rk_report_setup *setup;
	struct rk_gpu_time time;
	struct rk_handle_map threads; /* tid -> tag: name */
	struct gap gaps[GAPS_MAX];    /* longest first */
	uint32_t count;
	uint64_t gpu_dropped, invalid;
};

static uint64_t length_of(const struct gap *gap)
{
	return gap->gap.end - gap->gap.start;
}

static void note_gap(const struct rk_gpu_gap *found, void *data)
{
	struct idle *idle = data;
	struct gap gap = { .gap = *found };
	uint32_t at = idle->count;

	if (found->ended_by)
		gap.next = *found->ended_by;
	if (at == GAPS_MAX && length_of(&idle->gaps[at - 1]) >= length_of(&gap))
		return;
	if (at == GAPS_MAX)
		at--;
	else
		idle->count++;
	for (; at && length_of(&idle->gaps[at - 1]) < length_of(&gap); at--)
		idle->gaps[at] = idle->gaps[at - 1];
	idle->gaps[at] = gap;
}

static void *create(const struct rk_report_setup *setup)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return NULL;
	idle->setup = setup;
	rk_gpu_time_init(&idle->time, note_gap, idle);
	rk_handle_map_init(&idle->threads, THREADS_MAX);
	return idle;
}

static void destroy(void *self)
{
	struct idle *idle = self;

	if (!idle)
		return;
	rk_gpu_time_finish(&idle->time);
	rk_handle_map_finish(&idle->threads);
	free(idle);
}

static int push(void *self, const struct rk_op *op)
{
	struct idle *idle = self;
	struct rk_handle_slot *slot;

	rk_gpu_time_feed(&idle->time, op);
	if (op->kind == RK_OP_THREAD) {
		slot = rk_handle_map_put(&idle->threads, op->tid);
		if (slot)
			slot->tag = op->name;
	} else if (op->kind == RK_OP_TICK || op->kind == RK_OP_END) {
		idle->gpu_dropped = op->tick.ledger.gpu_dropped;
		idle->invalid = op->tick.ledger.gpu_invalid;
	}
	return idle->time.short_of_memory ? -ENOMEM : 0;
}

/* What ended it, in the names that were asked for. */
static const char *next_name(const struct idle *idle, const struct gap *gap)
{
	const struct rk_gpu_piece *next = &gap->next;
	const struct rk_kernel_name *name;

	switch (next->kind) {
	case RK_OP_NONE:
		return "";
	case RK_OP_MEMCPY:
		return rk_report_copy_name(next->copy_kind);
	case RK_OP_MEMSET:
		return "[CUDA memset]";
	case RK_OP_GRAPH:
		return "[CUDA graph]";
	default:
		break;
	}
	if (idle->setup->names == RK_NAMES_MANGLED)
		return rk_intern_get(next->name);
	name = rk_kernel_name_get(idle->setup->config, next->name);
	return rk_intern_get(idle->setup->names == RK_NAMES_DEMANGLED ? name->demangled :
									name->readable);
}

static const char *thread_name(struct idle *idle, uint32_t tid)
{
	struct rk_handle_slot *slot = rk_handle_map_get(&idle->threads, tid);

	return slot ? rk_intern_get(slot->tag) : "";
}

static uint64_t sum_of(const struct rk_gpu_split *split)
{
	uint64_t sum = 0;

	for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
		sum += split->ns[state];
	return sum;
}

static double share(const struct rk_gpu_split *split, int state)
{
	uint64_t sum = sum_of(split);

	return sum ? 100 * (double)split->ns[state] / (double)sum : 0;
}

static void print_text_device(uint32_t device, const struct rk_gpu_split *split)
{
	static const char *const titles[RK_GPU_STATE_COUNT] = {
		[RK_GPU_BUSY] = "busy: a kernel runs",
		[RK_GPU_COPYING] = "copying: a copy or memset, no kernel",
		[RK_GPU_LAUNCH_BOUND] = "launch-bound: idle, the next launch is late",
		[RK_GPU_WAITING] = "waiting: idle, work or a thread waits",
		[RK_GPU_NONE] = "no work: idle, nothing is submitted",
		[RK_GPU_UNKNOWN] = "unknown: no GPU times",
	};
	char ns[32];

	printf("GPU %u, wall time %s\n", device, rk_tool_format_ns((double)sum_of(split), ns));
	printf("%8s %10s  %s\n", "Time (%)", "Total", "State");
	for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
		if (state == RK_GPU_UNKNOWN && !split->ns[state])
			continue;
		printf("%8.1f %10s  %s\n", share(split, state),
		       rk_tool_format_ns((double)split->ns[state], ns), titles[state]);
	}
	if (split->late_ns)
		printf("%s of work came too late to be counted\n",
		       rk_tool_format_ns((double)split->late_ns, ns));
	putchar('\n');
}

static void print_text_gap(struct idle *idle, const struct gap *gap)
{
	const uint64_t *ns = gap->gap.ns;
	char cells[5][32], name[NAME_WIDTH + 1], thread[32];
	const char *whole = next_name(idle, gap);

	rk_tool_format_ns((double)length_of(gap), cells[0]);
	rk_tool_format_ns((double)(gap->gap.start - idle->time.first), cells[1]);
	rk_tool_format_ns((double)ns[RK_GPU_LAUNCH_BOUND], cells[2]);
	rk_tool_format_ns((double)ns[RK_GPU_WAITING], cells[3]);
	rk_tool_format_ns((double)ns[RK_GPU_NONE], cells[4]);
	rk_tool_printable(whole, name, sizeof(name));
	rk_tool_printable(thread_name(idle, gap->next.tid), thread, sizeof(thread));
	printf("%10s %10s %12s %10s %10s %6u  ", cells[0], cells[1], cells[2], cells[3], cells[4],
	       gap->gap.device);
	if (gap->next.kind == RK_OP_NONE)
		puts("(the end of the recording)");
	else
		printf("%s%s, thread %u%s%s\n", *name ? name : "(unknown)",
		       strlen(whole) > NAME_WIDTH ? "..." : "", gap->next.tid, *thread ? " " : "",
		       thread);
}

static void print_text(struct idle *idle)
{
	struct rk_gpu_split split;
	uint32_t devices = 0;

	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(&idle->time, i, &split))
			continue;
		print_text_device(i, &split);
		devices++;
	}
	if (!devices) {
		printf("%s has no work with a GPU time: nothing tells when a GPU was idle\n",
		       idle->setup->file);
		return;
	}
	puts("Longest idle periods");
	printf("%10s %10s %12s %10s %10s %6s  %s\n", "Length", "Begins at", "Launch-bound",
	       "Waiting", "No work", "GPU", "Ended by");
	for (uint32_t i = 0; i < idle->count; i++)
		print_text_gap(idle, &idle->gaps[i]);
	if (idle->gpu_dropped || idle->invalid)
		printf("\n%llu GPU records were lost and %llu had no usable time: there was less "
		       "idle time than this\n",
		       (unsigned long long)idle->gpu_dropped, (unsigned long long)idle->invalid);
}

static void print_json_states(struct rk_json *json, const uint64_t *ns)
{
	for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_ns",
			 rk_gpu_time_state_name((enum rk_gpu_state)state));
		rk_json_uint(json, key, ns[state]);
	}
}

static void print_json_gap(struct idle *idle, const struct gap *gap, struct rk_json *json)
{
	rk_json_open(json, NULL, '{');
	rk_json_uint(json, "device", gap->gap.device);
	rk_json_uint(json, "start_ns", gap->gap.start - idle->time.first);
	rk_json_uint(json, "length_ns", length_of(gap));
	print_json_states(json, gap->gap.ns);
	if (gap->next.kind == RK_OP_NONE) {
		rk_json_null(json, "ended_by");
	} else {
		rk_json_string(json, "ended_by", next_name(idle, gap));
		rk_json_uint(json, "thread_id", gap->next.tid);
		rk_json_string(json, "thread_name", thread_name(idle, gap->next.tid));
	}
	rk_json_close(json, '}');
}

static void print_json(struct idle *idle, struct rk_json *json)
{
	struct rk_gpu_split split;

	rk_json_open(json, "idle", '{');
	rk_json_open(json, "devices", '[');
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(&idle->time, i, &split))
			continue;
		rk_json_open(json, NULL, '{');
		rk_json_uint(json, "device", i);
		rk_json_uint(json, "wall_ns", sum_of(&split));
		print_json_states(json, split.ns);
		rk_json_uint(json, "late_ns", split.late_ns);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
	rk_json_open(json, "longest", '[');
	for (uint32_t i = 0; i < idle->count; i++)
		print_json_gap(idle, &idle->gaps[i], json);
	rk_json_close(json, ']');
	rk_json_close(json, '}');
}

static void print_csv(struct idle *idle)
{
	struct rk_gpu_split split;

	puts("Device,State,Time (ns),Time (%)");
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(&idle->time, i, &split))
			continue;
		for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
			printf("%u,%s,%llu,", i, rk_gpu_time_state_name((enum rk_gpu_state)state),
			       (unsigned long long)split.ns[state]);
			rk_report_csv_number(share(&split, state));
			putchar('\n');
		}
	}
}

static void print(void *self, const struct rk_report_print *how)
{
	struct idle *idle = self;

	rk_gpu_time_end(&idle->time);
	if (how->style == RK_REPORT_TEXT)
		print_text(idle);
	else if (how->style == RK_REPORT_JSON)
		print_json(idle, how->json);
	else
		print_csv(idle);
}

const struct rk_report_section rk_report_idle = { create, destroy, push, print };
