/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/verdict.c - sums over ops, and the dozen lines.
 */
#include "pipeline/use/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/human_units.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/join/late_facts.h"
#include "pipeline/use/gpu_time.h"
#include "pipeline/use/graph_use.h"
#include "pipeline/use/memory_text.h"
#include "pipeline/use/overhead_text.h"
#include "pipeline/use/recorded_time.h"

#define NAMES_MAX   65536u
#define TOP	    5
#define NAME_WIDTH  60
#define TIME_LINE_MAX 400

struct kernel_sum {
	uint32_t name; /* string: readable */
	uint64_t count, total_ns;
};

struct rk_verdict {
	struct rk_sink sink; /* first: the sink is the verdict */
	struct rk_graph_use *graphs;
	const struct rk_config *config;
	const char *host_time_reason;
	struct rk_gpu_facts gpu;
	const struct rk_gpu_time *gpu_time; /* borrowed; NULL = not known */
	struct rk_handle_map index;		   /* readable name -> tag: place + 1 */
	struct kernel_sum *kernels;
	uint32_t kernel_count, kernel_capacity;
	uint64_t kernel_ops, host_kernels, copies, copy_bytes, memsets;
	uint64_t first_ns, last_ns;
	const struct rk_memory_use *memory; /* borrowed; NULL = not known */
	struct rk_recorded_time recorded;
	struct rk_overhead_told overhead;
	struct rk_ledger ledger;
	struct rk_net_signal_stats spans; /* on the wire; eligible 0 = nothing to tell */
	uint64_t cpu_ns;
};

static struct kernel_sum *sum_get(struct rk_verdict *v, uint32_t name)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&v->index, name);
	uint32_t capacity = v->kernel_capacity ? v->kernel_capacity * 2 : 64;
	struct kernel_sum *grown;

	if (!slot)
		return NULL;
	if (slot->tag)
		return &v->kernels[slot->tag - 1];
	if (v->kernel_count == v->kernel_capacity) {
		grown = realloc(v->kernels, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		v->kernels = grown;
		v->kernel_capacity = capacity;
	}
	slot->tag = ++v->kernel_count;
	v->kernels[slot->tag - 1] = (struct kernel_sum){ .name = name };
	return &v->kernels[slot->tag - 1];
}

static void take_kernel(struct rk_verdict *v, const struct rk_op *op)
{
	struct kernel_sum *sum;

	if (op->flags & RK_OP_F_OPEN)
		return;
	v->kernel_ops++;
	v->host_kernels += op->flags & RK_OP_F_HOST_TIME ? 1 : 0;
	sum = sum_get(v, rk_kernel_name_get(v->config, op->name)->readable);
	if (sum) {
		sum->count++;
		if (!(op->flags & RK_OP_F_INVALID_TIME))
			sum->total_ns += op->end - op->start;
	}
}

static void take_copy(struct rk_verdict *v, const struct rk_op *op)
{
	if (op->flags & RK_OP_F_OPEN)
		return;
	if (op->kind == RK_OP_MEMSET)
		v->memsets++;
	else
		v->copies++;
	if (op->kind == RK_OP_MEMCPY)
		v->copy_bytes += op->copy.bytes;
}

static void note_time(struct rk_verdict *v, uint64_t first, uint64_t last)
{
	if (first && (!v->first_ns || first < v->first_ns))
		v->first_ns = first;
	if (last > v->last_ns)
		v->last_ns = last;
}

static void take_settings(struct rk_verdict *v, const struct rk_op *op)
{
	struct rk_late_facts facts;

	if (rk_late_facts_read(&facts, op))
		v->gpu = facts.gpu;
}

static void take_op(struct rk_sink *sink, const struct rk_op *op)
{
	struct rk_verdict *v = (struct rk_verdict *)sink;

	/* What the program says is no GPU work: it makes the run no longer. */
	if (op->kind < RK_OP_SPAN_BEGIN)
		note_time(v, op->host_start ? op->host_start : op->start,
			  op->end > op->host_end ? op->end : op->host_end);
	rk_recorded_time_feed(&v->recorded, op);
	rk_overhead_told_feed(&v->overhead, op);
	rk_graph_use_push(v->graphs, op);
	switch (op->kind) {
	case RK_OP_KERNEL:
		take_kernel(v, op);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		take_copy(v, op);
		break;
	case RK_OP_SETTINGS:
		take_settings(v, op);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		v->ledger = op->tick.ledger;
		v->cpu_ns = op->tick.cpu_ns;
		break;
	default:
		break;
	}
}

int rk_verdict_create(struct rk_verdict **out, const struct rk_config *config)
{
	struct rk_verdict *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v)
		return -ENOMEM;
	v->graphs = rk_graph_use_create(false);
	if (!v->graphs) {
		free(v);
		return -ENOMEM;
	}
	*out = v;
	v->config = config;
	v->sink.name = "verdict";
	v->sink.op = take_op;
	v->host_time_reason = "";
	rk_handle_map_init(&v->index, NAMES_MAX);
	return 0;
}

void rk_verdict_destroy(struct rk_verdict *v)
{
	if (!v)
		return;
	rk_graph_use_destroy(v->graphs);
	free(v->kernels);
	rk_handle_map_finish(&v->index);
	free(v);
}

struct rk_sink *rk_verdict_sink(struct rk_verdict *v)
{
	return &v->sink;
}

void rk_verdict_set_host_time_reason(struct rk_verdict *v, const char *reason)
{
	v->host_time_reason = reason ? reason : "";
}

void rk_verdict_set_gpu_time(struct rk_verdict *v, const struct rk_gpu_time *gpu_time)
{
	v->gpu_time = gpu_time;
}

void rk_verdict_set_memory(struct rk_verdict *v, const struct rk_memory_use *memory)
{
	v->memory = memory;
}

void rk_verdict_set_wire(struct rk_verdict *v, const struct rk_net_signal_stats *spans)
{
	v->spans = *spans;
}

struct page {
	char *out;
	size_t size;
	size_t used; /* as snprintf: may exceed size */
};

static void print(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct page *page, const char *format, ...)
{
	size_t at = page->used < page->size ? page->used : page->size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(page->out + at, page->size - at, format, args);
	va_end(args);
	if (length > 0)
		page->used += (size_t)length;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static double share(const struct rk_gpu_split *split, enum rk_gpu_state state)
{
	uint64_t sum = 0;

	for (int i = 0; i < RK_GPU_STATE_COUNT; i++)
		sum += split->ns[i];
	return percent((double)split->ns[state], (double)sum);
}

/* The states sum to 100 %, over all devices that had work. */
static void print_split(struct page *page, const struct rk_verdict *v)
{
	struct rk_gpu_split split = { 0 };
	uint32_t devices = v->gpu_time ? rk_gpu_time_get_all(v->gpu_time, &split) : 0;
	double busy = share(&split, RK_GPU_BUSY), copying = share(&split, RK_GPU_COPYING);
	double unknown = share(&split, RK_GPU_UNKNOWN);

	if (!devices) {
		print(page, "no work on a GPU\n");
		return;
	}
	print(page, "GPU busy %.1f %%", busy);
	if (devices > 1)
		print(page, " of %u devices", devices);
	print(page, ", copying %.1f %%", copying);
	if (unknown > 0)
		print(page, ", unknown %.1f %%", unknown);
	print(page, ", idle %.1f %%: launch-bound %.1f, waiting %.1f, no work %.1f\n",
	      100 - busy - copying - unknown, share(&split, RK_GPU_LAUNCH_BOUND),
	      share(&split, RK_GPU_WAITING), share(&split, RK_GPU_NONE));
}

static bool has_host_time_only(const struct rk_verdict *v)
{
	return v->kernel_ops && v->host_kernels == v->kernel_ops;
}

/* CUPTI was let go when recording stopped: what it had told before is the GPU's. */
static bool is_at_rest(const struct rk_verdict *v)
{
	return v->kernel_ops > v->host_kernels && v->recorded.parts && !v->recorded.since_ns;
}

/* Why times are not, or not all, the GPU's: whatever is true of most of them. "" = they are. */
static const char *time_line(const struct rk_verdict *v, char out[TIME_LINE_MAX])
{
	char note[RK_GPU_NOTE_MAX];

	out[0] = '\0';
	rk_late_facts_note(&v->gpu, note);
	if (note[0] && !(v->host_time_reason[0] && has_host_time_only(v)))
		snprintf(out, TIME_LINE_MAX, "not all times are the GPU's: %s", note);
	else if (v->host_time_reason[0] && !is_at_rest(v))
		snprintf(out, TIME_LINE_MAX, "no GPU time, times are those of the calls: %s",
			 v->host_time_reason);
	return out;
}

/* In the head's own line: a dozen is what there is. */
static void print_recorded(struct page *page, const struct rk_verdict *v)
{
	char recorded[RK_HUMAN_MAX], wall[RK_HUMAN_MAX];

	if (!rk_recorded_time_has_gap(&v->recorded))
		return;
	print(page, "recorded %s of %s in %u part%s, ",
	      rk_human_time(recorded, rk_recorded_time_sum(&v->recorded)),
	      rk_human_time(wall, rk_recorded_time_wall(&v->recorded)), v->recorded.parts,
	      v->recorded.parts == 1 ? "" : "s");
}

static void print_head(struct page *page, const struct rk_verdict *v, const char *program)
{
	uint64_t wall = v->last_ns - v->first_ns;
	char text[RK_HUMAN_MAX];

	print(page, "rkpreload: %s: %swall time %s, ", program,
	      v->recorded.is_complete ? "ended early, nothing it committed is lost, " : "",
	      rk_human_time(text, wall));
	print_recorded(page, v);
	if (has_host_time_only(v))
		print(page, "GPU busy unknown (host time only)\n");
	else
		print_split(page, v);
}

static const char *memory_line(const struct rk_verdict *v, char out[RK_MEMORY_LINE_MAX])
{
	return v->memory ? rk_memory_text_line(v->memory, out) : "";
}

static int compare_total(const void *a, const void *b)
{
	const struct kernel_sum *x = a;
	const struct kernel_sum *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return strcmp(rk_intern_get(x->name), rk_intern_get(y->name));
}

static void print_kernels(struct page *page, const struct rk_verdict *v, uint32_t top)
{
	struct kernel_sum *sorted = calloc(v->kernel_count + 1, sizeof(*sorted));
	uint64_t total = 0;
	char sum[RK_HUMAN_MAX];
	char average[RK_HUMAN_MAX];

	if (!sorted || !v->kernel_count) {
		free(sorted);
		return;
	}
	memcpy(sorted, v->kernels, v->kernel_count * sizeof(*sorted));
	qsort(sorted, v->kernel_count, sizeof(*sorted), compare_total);
	for (uint32_t i = 0; i < v->kernel_count; i++)
		total += sorted[i].total_ns;
	print(page, "  Time %%      Total     Count        Avg  Kernel\n");
	for (uint32_t i = 0; i < v->kernel_count && i < top; i++) {
		const struct kernel_sum *k = &sorted[i];

		print(page, "  %6.1f %10s %9llu %10s  %.*s\n",
		      percent((double)k->total_ns, (double)total), rk_human_time(sum, k->total_ns),
		      (unsigned long long)k->count,
		      rk_human_time(average, k->count ? k->total_ns / k->count : 0), NAME_WIDTH,
		      rk_intern_get(k->name));
	}
	free(sorted);
}

/* The graph that most of the time of kernels went to; NULL when none did. */
static const struct rk_graph_row *main_graph(const struct rk_verdict *v)
{
	const struct rk_graph_row *row = rk_graph_use_top(v->graphs);

	return row && 2 * row->nodes.kernel_ns > rk_graph_use_kernel_ns(v->graphs) ? row : NULL;
}

static void print_graph(struct page *page, const struct rk_verdict *v)
{
	const struct rk_graph_row *row = main_graph(v);
	char title[RK_GRAPH_TITLE_SIZE];

	if (!row)
		return;
	rk_graph_row_title(row, title);
	print(page, "  %s, %.1f %% of the time of kernels\n", title,
	      percent((double)row->nodes.kernel_ns, (double)rk_graph_use_kernel_ns(v->graphs)));
}

static void print_counts(struct page *page, const struct rk_verdict *v)
{
	char bytes[RK_HUMAN_MAX];
	char line[RK_MEMORY_LINE_MAX];

	print(page, "  %llu kernels (%u name%s), %llu copies (%s), %llu memsets\n",
	      (unsigned long long)v->kernel_ops, v->kernel_count, v->kernel_count == 1 ? "" : "s",
	      (unsigned long long)v->copies, rk_human_bytes(bytes, v->copy_bytes),
	      (unsigned long long)v->memsets);
	if (memory_line(v, line)[0])
		print(page, "  %s\n", line);
}

static void print_losses(struct page *page, const struct rk_verdict *v)
{
	const struct rk_ledger *ledger = &v->ledger;
	uint64_t submitted = rk_ledger_submitted(ledger, RK_WORK_LAUNCH);
	uint64_t open = 0;
	const char *separator = "";

	for (int w = 0; w < RK_WORK_COUNT; w++)
		open += ledger->open[w];
	print(page, "  losses: ");
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		if (!ledger->dropped[i])
			continue;
		print(page, "%s%llu %s", separator[0] ? separator : "!! ",
		      (unsigned long long)ledger->dropped[i], rk_loss_name((enum rk_loss)i));
		separator = ", ";
	}
	print(page, "%s (%llu of %llu launches complete", separator[0] ? "" : "none",
	      (unsigned long long)ledger->joined[RK_WORK_LAUNCH], (unsigned long long)submitted);
	if (ledger->joined[RK_WORK_GRAPH_LAUNCH])
		print(page, ", %llu graph launches",
		      (unsigned long long)ledger->joined[RK_WORK_GRAPH_LAUNCH]);
	if (open)
		print(page, ", %llu calls OPEN", (unsigned long long)open);
	if (ledger->gpu_orphan)
		print(page, ", %llu orphans", (unsigned long long)ledger->gpu_orphan);
	print(page, ")\n");
}

static void print_wire(struct page *page, const struct rk_verdict *v)
{
	if (!v->spans.eligible)
		return;
	print(page, "  %llu of %llu spans sent", (unsigned long long)v->spans.sent,
	      (unsigned long long)v->spans.eligible);
	if (v->spans.sampled_out)
		print(page, ", %llu sampled out", (unsigned long long)v->spans.sampled_out);
	if (v->spans.queued)
		print(page, ", %llu on their way", (unsigned long long)v->spans.queued);
	if (v->spans.dropped)
		print(page, ", !! %llu dropped", (unsigned long long)v->spans.dropped);
	print(page, "\n");
}

int rk_verdict_format(const struct rk_verdict *v, const char *program, const char *path, char *out,
		      size_t size)
{
	uint32_t top = TOP;
	struct page page = { .out = out, .size = size };
	uint64_t wall = v->last_ns - v->first_ns;
	char line[RK_MEMORY_LINE_MAX], times[TIME_LINE_MAX], budget[RK_OVERHEAD_LINE_MAX];
	char text[RK_HUMAN_MAX];

	if (size)
		out[0] = '\0';
	print_head(&page, v, program);
	/* A dozen lines in all: what is said besides takes the place of kernels. */
	if (time_line(v, times)[0] && memory_line(v, line)[0])
		top--;
	if (main_graph(v))
		top--;
	if (v->spans.eligible)
		top--;
	if (v->overhead.lowest != RK_STEP_FULL && top > 1)
		top--;
	print_kernels(&page, v, top);
	print_graph(&page, v);
	print_counts(&page, v);
	print_losses(&page, v);
	print_wire(&page, v);
	print(&page,
	      "  tracing took %s of CPU time beside the program (%.2f %% of the wall time)\n",
	      rk_human_time(text, v->cpu_ns), percent((double)v->cpu_ns, (double)wall));
	if (rk_overhead_told_line(&v->overhead, &v->ledger, budget)[0])
		print(&page, "  %s\n", budget);
	if (times[0])
		print(&page, "  %s\n", times);
	if (path[0])
		print(&page, "  next: rktrace report %s\n", path);
	return (int)page.used;
}
