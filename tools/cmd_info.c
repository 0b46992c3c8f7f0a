/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_info.c - `rktrace info`: what a file holds, whether it is whole, what it lacks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/config.h"
#include "core/gpu_inventory.h"
#include "core/intern.h"
#include "core/resource.h"
#include "pipeline/join/late_facts.h"
#include "pipeline/use/overhead_text.h"
#include "pipeline/use/recorded_time.h"
#include "tools/cmd_info.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/trace_pass.h"

static const char verb[] = "info";

struct facts {
	const char *file;
	const struct rk_trace_meta *meta;
	struct rk_trace_meta latest; /* with what came late; its texts are in late_text */
	uint8_t *late_text;
	struct rk_late_facts late;
	bool has_late;
	struct rk_trace_info info;
	struct rk_ledger ledger;	/* of the last tick */
	struct rk_ledger before;	/* of the tick a part begins with */
	uint64_t part_ordinal;		/* of the first op that is the file's own; 0 = all are */
	uint64_t launches, graph_launches, open, orphans; /* as the operations show them */
	uint64_t kernels, memcpys, memsets, allocs;
	uint64_t spans; /* of operations, with GPU time or without */
	uint64_t said_spans, said_samples, said_logs; /* by the program */
	uint64_t first_ns, last_ns;	/* rk_clock */
	struct rk_recorded_time recorded;
	struct rk_overhead_told overhead;
	struct rk_gpu_inventory gpus;	/* by number; those the file describes */
};

static void count_gpu_record(struct facts *f, const struct rk_op *op)
{
	f->spans++;
	if (op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN))
		return;
	f->kernels += op->kind == RK_OP_KERNEL;
	f->memcpys += op->kind == RK_OP_MEMCPY;
	f->memsets += op->kind == RK_OP_MEMSET;
}

static void note_gpu(struct facts *f, const struct rk_op *op)
{
	struct rk_gpu *gpu;

	if (op->device >= RK_GPU_MAX)
		return;
	gpu = &f->gpus.at[op->device];
	if (op->device >= f->gpus.described)
		f->gpus.described = op->device + 1;
	snprintf(gpu->name, sizeof(gpu->name), "%s", rk_intern_get(op->name));
	memcpy(gpu->uuid, op->device_info.uuid, sizeof(gpu->uuid));
	gpu->memory_bytes = op->device_info.memory_bytes;
	gpu->major = op->device_info.major;
	gpu->minor = op->device_info.minor;
}

/* The op's text is gone with the next one. */
static void note_late_facts(struct facts *f, const struct rk_op *op)
{
	struct rk_late_facts late;
	struct rk_op copy = *op;

	if (!rk_late_facts_read(&late, op))
		return;
	free(f->late_text);
	f->late_text = malloc(op->text_bytes);
	f->has_late = f->late_text;
	if (!f->has_late)
		return;
	memcpy(f->late_text, op->text, op->text_bytes);
	copy.text = f->late_text;
	rk_late_facts_read(&f->late, &copy);
}

/* What the file begins with, and what was found out afterwards. */
static void describe(struct facts *f, const struct rk_trace_meta *meta)
{
	f->meta = meta;
	if (!meta || !f->has_late)
		return;
	f->latest = *meta;
	f->latest.cupti_version = f->late.cupti_version;
	f->latest.cuda_version = f->late.cuda_version;
	f->latest.gpu_time_source = f->late.gpu_time_source;
	f->latest.host_time_reason = f->late.host_time_reason;
	if (*f->late.resource)
		f->latest.resource = f->late.resource;
	f->meta = &f->latest;
}

static void count(struct facts *f, const struct rk_op *op)
{
	bool first = op->flags & (RK_OP_F_FIRST | RK_OP_F_HOST_TIME | RK_OP_F_OPEN);

	rk_recorded_time_feed(&f->recorded, op);
	rk_overhead_told_feed(&f->overhead, op);
	switch (op->kind) {
	case RK_OP_KERNEL:
		f->launches += first && !op->kernel.graph && !(op->flags & RK_OP_F_ORPHAN);
		__attribute__((fallthrough));
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		count_gpu_record(f, op);
		f->open += !!(op->flags & RK_OP_F_OPEN);
		f->orphans += !!(op->flags & RK_OP_F_ORPHAN);
		break;
	case RK_OP_GRAPH:
		f->graph_launches++;
		break;
	case RK_OP_ALLOC:
		f->allocs += !(op->flags & RK_OP_F_OPEN);
		break;
	case RK_OP_SPAN_BEGIN:
		f->said_spans++;
		break;
	case RK_OP_SAMPLE:
		f->said_samples++;
		break;
	case RK_OP_LOG:
		f->said_logs++;
		break;
	case RK_OP_DEVICE:
		note_gpu(f, op);
		break;
	case RK_OP_SETTINGS:
		note_late_facts(f, op);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		f->ledger = op->tick.ledger;
		if (op->ordinal < f->part_ordinal)
			f->before = op->tick.ledger;
		break;
	default:
		break;
	}
	if (op->ordinal < f->part_ordinal)
		return; /* a definition of earlier times */
	if (op->host_start && (!f->first_ns || op->host_start < f->first_ns))
		f->first_ns = op->host_start;
	if (op->host_start > f->last_ns)
		f->last_ns = op->host_start;
	if (op->end > f->last_ns)
		f->last_ns = op->end;
}

/*
 * The ledger has the last word; only where the file ends before the tick that would have
 * told, the operations know more.
 */
static uint64_t at_least(uint64_t ledger, uint64_t seen, const struct facts *f)
{
	return f->info.clean_end || ledger > seen ? ledger : seen;
}

static uint64_t sum(const uint64_t *by_work)
{
	uint64_t total = 0;

	for (int i = 0; i < RK_WORK_COUNT; i++)
		total += by_work[i];
	return total;
}

/* What was submitted since the file began. */
static uint64_t submitted(const struct facts *f, enum rk_work work)
{
	return rk_ledger_submitted(&f->ledger, work) - rk_ledger_submitted(&f->before, work);
}

static uint64_t calls(const struct facts *f)
{
	return sum(f->ledger.calls) - sum(f->before.calls);
}

static void settle(struct facts *f)
{
	const struct rk_ledger *l = &f->ledger;

	f->launches = at_least(submitted(f, RK_WORK_LAUNCH), f->launches, f);
	f->graph_launches = at_least(submitted(f, RK_WORK_GRAPH_LAUNCH), f->graph_launches, f);
	f->open = at_least(sum(l->open), f->open, f);
	f->orphans = at_least(l->gpu_orphan - f->before.gpu_orphan, f->orphans, f);
}

static double bytes_per_span(const struct facts *f)
{
	return f->spans ? (double)f->info.sealed_bytes / (double)f->spans : 0;
}

static void put_gpus_json(struct rk_json *json, const struct facts *f)
{
	rk_json_open(json, "gpus", '[');
	for (uint32_t i = 0; i < f->gpus.described; i++) {
		const struct rk_gpu *gpu = &f->gpus.at[i];
		char uuid[RK_GPU_UUID_SIZE], capability[24];

		rk_gpu_format_uuid(gpu->name, gpu->uuid, uuid);
		snprintf(capability, sizeof(capability), "%u.%u", gpu->major, gpu->minor);
		rk_json_open(json, NULL, '{');
		rk_json_uint(json, "device", i);
		rk_json_string(json, "name", gpu->name);
		rk_json_string(json, "uuid", uuid);
		rk_json_uint(json, "memory_bytes", gpu->memory_bytes);
		rk_json_string(json, "compute_capability", capability);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void put_attribute(const char *key, const char *value, void *data)
{
	rk_json_string(data, key, value);
}

static void put_resource_json(struct rk_json *json, const struct facts *f)
{
	rk_json_open(json, "resource", '{');
	rk_resource_visit(f->meta->resource, put_attribute, json);
	rk_json_close(json, '}');
}

static void put_missing_json(struct rk_json *json, uint32_t missing)
{
	rk_json_open(json, "gpu_time_missing", '[');
	for (unsigned bit = 0; rk_gpu_missing_name(bit); bit++)
		if (missing & 1u << bit)
			rk_json_string(json, NULL, rk_gpu_missing_name(bit));
	rk_json_close(json, ']');
}

static void put_gpu_facts_json(struct rk_json *json, const struct rk_gpu_facts *gpu)
{
	char note[RK_GPU_NOTE_MAX];

	rk_json_string(json, "gpu_time_note", rk_late_facts_note(gpu, note));
	put_missing_json(json, gpu->missing);
	rk_json_uint(json, "host_time_ns", gpu->host_time_ns);
	rk_json_string(json, "host_time_holder", gpu->holder);
	rk_json_open(json, "cupti_device_buffers", '{');
	rk_json_uint(json, "bytes", gpu->device_buffer_bytes);
	rk_json_uint(json, "limit", gpu->device_buffer_limit);
	rk_json_uint(json, "most_bytes_per_context",
		     gpu->device_buffer_bytes * gpu->device_buffer_limit);
	rk_json_close(json, '}');
}

/* Both sums of the last tick: what a file that ends uncleanly holds may be more. */
static void put_ledger_json(struct rk_json *json, const struct rk_ledger *l)
{
	const struct {
		const char *name;
		const uint64_t *by_work;
	} columns[] = {
		{ "calls", l->calls },	     { "failed", l->failed }, { "captured", l->captured },
		{ "joined", l->joined },     { "open", l->open },     { "lost", l->lost },
		{ "withheld", l->withheld },
	};
	const char *broken = rk_ledger_check(l);

	rk_json_open(json, "ledger", '{');
	for (int w = 0; w < RK_WORK_COUNT; w++) {
		rk_json_open(json, rk_work_name((enum rk_work)w), '{');
		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
			rk_json_uint(json, columns[i].name, columns[i].by_work[w]);
		rk_json_close(json, '}');
	}
	rk_json_open(json, "gpu", '{');
	rk_json_uint(json, "kernels", l->gpu_kernels);
	rk_json_uint(json, "memcpys", l->gpu_memcpys);
	rk_json_uint(json, "memsets", l->gpu_memsets);
	rk_json_uint(json, "graphs", l->gpu_graphs);
	rk_json_uint(json, "joined", l->gpu_joined);
	rk_json_uint(json, "orphan", l->gpu_orphan);
	rk_json_uint(json, "invalid_time", l->gpu_invalid);
	rk_json_uint(json, "dropped", l->gpu_dropped);
	rk_json_close(json, '}');
	rk_json_bool(json, "closes", !broken);
	if (broken)
		rk_json_string(json, "broken", broken);
	rk_json_close(json, '}');
}

/* Where there was a budget: what tracing cost, and what was left out for its sake. */
static void put_overhead_json(struct rk_json *json, const struct facts *f)
{
	const struct rk_overhead_told *told = &f->overhead;

	if (!told->is_governed && !told->down) {
		rk_json_null(json, "overhead");
		return;
	}
	rk_json_open(json, "overhead", '{');
	rk_json_double(json, "share",
		       told->busy_ns ? (double)told->cost_ns / (double)told->busy_ns : 0);
	rk_json_double(json, "budget", told->last.budget);
	rk_json_string(json, "step", rk_governor_step_name(told->last.step));
	rk_json_string(json, "lowest", rk_governor_step_name(told->lowest));
	rk_json_uint(json, "steps_down", told->down);
	rk_json_uint(json, "steps_up", told->up);
	rk_json_uint(json, "withheld_other", f->ledger.withheld_other);
	rk_json_uint(json, "withheld_stacks", f->ledger.withheld_stacks);
	rk_json_close(json, '}');
}

/* What is in earlier parts, or was in those that are deleted. */
static void put_before_json(struct rk_json *json, const struct rk_trace_meta *meta)
{
	rk_json_open(json, "before", '{');
	rk_json_uint(json, "operations", meta->part_ordinal ? meta->part_ordinal - 1 : 0);
	rk_json_uint(json, "kernels", meta->part_kernels);
	rk_json_uint(json, "memcpys", meta->part_memcpys);
	rk_json_uint(json, "memsets", meta->part_memsets);
	rk_json_close(json, '}');
}

static void put_json(struct rk_json *json, const struct facts *f)
{
	rk_json_uint(json, "calls", at_least(calls(f), f->launches, f));
	rk_json_uint(json, "launches", f->launches);
	rk_json_uint(json, "graph_launches", f->graph_launches);
	rk_json_uint(json, "kernels", f->kernels);
	rk_json_uint(json, "memcpys", f->memcpys);
	rk_json_uint(json, "memsets", f->memsets);
	rk_json_uint(json, "allocs", f->allocs);
	rk_json_uint(json, "open", f->open);
	rk_json_uint(json, "orphans", f->orphans);
	rk_json_uint(json, "unwrapped", f->ledger.unwrapped);
	rk_json_open(json, "dropped", '{');
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		if (f->ledger.dropped[i])
			rk_json_uint(json, rk_loss_name((enum rk_loss)i), f->ledger.dropped[i]);
	}
	rk_json_close(json, '}');
	put_ledger_json(json, &f->ledger);
	put_before_json(json, f->meta);
	rk_json_bool(json, "clean_exit", f->info.clean_end);
	rk_json_uint(json, "sealed_bytes", f->info.sealed_bytes);
	rk_json_uint(json, "last_record_ns", f->info.last_record_ns);
	rk_json_uint(json, "loss_bound_ns", f->recorded.is_complete ? 0 : f->meta->loss_bound_ns);
	rk_json_uint(json, "wall_ns", rk_recorded_time_wall(&f->recorded));
	rk_json_uint(json, "recorded_ns", rk_recorded_time_sum(&f->recorded));
	rk_json_uint(json, "recorded_parts", f->recorded.parts);
	rk_json_string(json, "gpu_time_source", f->meta->gpu_time_source);
	put_gpu_facts_json(json, &f->late.gpu);
	put_overhead_json(json, f);
	rk_json_double(json, "bytes_per_span", bytes_per_span(f));
	put_gpus_json(json, f);
	put_resource_json(json, f);
}

static void print_json(const struct facts *f)
{
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	put_json(&json, f);
	rk_json_close(&json, '}');
}

static const char *format_time(uint64_t unix_ns, char out[64])
{
	time_t seconds = (time_t)(unix_ns / 1000000000u);
	char date[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 64, "%s.%09lluZ", date, (unsigned long long)(unix_ns % 1000000000u));
	return out;
}

static void print_gpus(const struct facts *f)
{
	for (uint32_t i = 0; i < f->gpus.described; i++) {
		const struct rk_gpu *gpu = &f->gpus.at[i];
		char uuid[RK_GPU_UUID_SIZE], bytes[32], name[256];

		rk_gpu_format_uuid(gpu->name, gpu->uuid, uuid);
		printf("  GPU %-8u%s, %s, compute capability %u.%u, %s\n", i,
		       rk_tool_printable(gpu->name, name, sizeof(name)),
		       rk_tool_format_bytes((double)gpu->memory_bytes, bytes), gpu->major,
		       gpu->minor, *uuid ? uuid : "no UUID");
	}
}

static void print_device_buffers(const struct rk_gpu_facts *gpu)
{
	char each[32], sum[32];

	if (!gpu->device_buffer_bytes || !gpu->device_buffer_limit)
		return;
	printf("  GPU memory  CUPTI takes %s a context at most: %llu buffers of %s\n",
	       rk_tool_format_bytes(
		       (double)gpu->device_buffer_bytes * (double)gpu->device_buffer_limit, sum),
	       (unsigned long long)gpu->device_buffer_limit,
	       rk_tool_format_bytes((double)gpu->device_buffer_bytes, each));
}

static void print_gaps(const struct rk_recorded_time *time)
{
	char recorded[32], wall[32];

	if (rk_recorded_time_has_gap(time))
		printf("  with gaps   %s of %s, in %u part%s\n",
		       rk_tool_format_ns((double)rk_recorded_time_sum(time), recorded),
		       rk_tool_format_ns((double)rk_recorded_time_wall(time), wall), time->parts,
		       time->parts == 1 ? "" : "s");
}

static void print_program(const struct facts *f)
{
	const struct rk_trace_meta *m = f->meta;
	char text[RK_GPU_NOTE_MAX], note[RK_GPU_NOTE_MAX], start[64], span[32];

	printf("%s\n  program     %s, pid %u", f->file,
	       rk_tool_printable(m->executable, text, sizeof(text)), m->pid);
	printf(", host %s\n", rk_tool_printable(m->host, text, sizeof(text)));
	printf("  recorded    %s, %s\n", format_time(m->start_wall_ns, start),
	       rk_tool_format_ns(f->first_ns && f->last_ns > f->first_ns ?
					 (double)(f->last_ns - f->first_ns) :
					 0,
				 span));
	print_gaps(&f->recorded);
	printf("  by          rkpreload %s, CUDA driver API %u, CUPTI API %u\n",
	       rk_tool_printable(m->version, text, sizeof(text)), m->cuda_version,
	       m->cupti_version);
	printf("  GPU time    %s", m->gpu_time_source);
	if (*rk_late_facts_note(&f->late.gpu, note))
		printf(", %s", rk_tool_printable(note, text, sizeof(text)));
	else if (*m->host_time_reason)
		printf(": %s", rk_tool_printable(m->host_time_reason, text, sizeof(text)));
	putchar('\n');
	print_device_buffers(&f->late.gpu);
}

static void print_losses(const struct facts *f)
{
	bool any = false;

	printf("  losses      %llu open, %llu orphans", (unsigned long long)f->open,
	       (unsigned long long)f->orphans);
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		if (!f->ledger.dropped[i])
			continue;
		printf("%s%s %llu", any ? ", " : ", dropped: ", rk_loss_name((enum rk_loss)i),
		       (unsigned long long)f->ledger.dropped[i]);
		any = true;
	}
	puts(any ? "" : ", nothing dropped");
}

static void print_overhead(const struct facts *f)
{
	char line[RK_OVERHEAD_LINE_MAX];

	if (rk_overhead_told_line(&f->overhead, &f->ledger, line)[0])
		printf("  left out    %s\n", line);
}

static void print_before(const struct rk_trace_meta *m)
{
	if (m->part_ordinal <= 1)
		return;
	printf("  before      %llu operations, %llu kernels, %llu copies, %llu memsets: in earlier "
	       "parts, or deleted with them\n",
	       (unsigned long long)m->part_ordinal - 1, (unsigned long long)m->part_kernels,
	       (unsigned long long)m->part_memcpys, (unsigned long long)m->part_memsets);
}

static void print_text(const struct facts *f)
{
	char last[64], bytes[32], bound[32];

	print_program(f);
	print_gpus(f);
	printf("  launches    %llu (and %llu of graphs)\n", (unsigned long long)f->launches,
	       (unsigned long long)f->graph_launches);
	printf("  GPU records %llu kernels, %llu copies, %llu memsets; %llu allocations\n",
	       (unsigned long long)f->kernels, (unsigned long long)f->memcpys,
	       (unsigned long long)f->memsets, (unsigned long long)f->allocs);
	if (f->said_spans || f->said_samples || f->said_logs)
		printf("  by the API  %llu spans, %llu samples, %llu log lines\n",
		       (unsigned long long)f->said_spans, (unsigned long long)f->said_samples,
		       (unsigned long long)f->said_logs);
	print_losses(f);
	print_overhead(f);
	print_before(f->meta);
	printf("  size        %s sealed, %.1f bytes per span\n",
	       rk_tool_format_bytes((double)f->info.sealed_bytes, bytes), bytes_per_span(f));
	if (f->info.clean_end) {
		printf("  end         clean\n");
		return;
	}
	if (f->recorded.is_complete) {
		printf("  end         UNCLEAN: the program was killed, or ended by _exit or exec\n"
		       "  lost        nothing that was committed\n");
		return;
	}
	printf("  end         UNCLEAN: the program was killed, or the file was cut\n");
	if (f->info.last_record_ns)
		printf("  last record %s\n", format_time(f->info.last_record_ns, last));
	printf("  lost        at most the last %s before the end%s\n",
	       rk_tool_format_ns((double)f->meta->loss_bound_ns, bound),
	       f->info.truncated ? ", bytes behind the last whole frame included" : "");
}

/* Returns a status; the pass stays open because the strings of meta are its reader's. */
static int read_facts(struct facts *f, struct rk_trace_pass **pass)
{
	struct rk_op op;
	int err, status;

	status = rk_trace_pass_open(pass, verb, f->file, NULL);
	if (status)
		return status;
	f->part_ordinal = rk_trace_reader_meta(rk_trace_pass_reader(*pass))->part_ordinal;
	while ((err = rk_trace_pass_next(*pass, &op)) > 0)
		count(f, &op);
	describe(f, rk_trace_reader_meta(rk_trace_pass_reader(*pass)));
	rk_trace_reader_get_info(rk_trace_pass_reader(*pass), &f->info);
	settle(f);
	return rk_trace_pass_end(*pass, err);
}

int rk_cmd_info_put_json(struct rk_json *json, const char *file)
{
	struct rk_trace_pass *pass = NULL;
	struct facts f = { .file = file };
	int status = read_facts(&f, &pass);

	if (f.meta)
		put_json(json, &f);
	rk_trace_pass_close(pass);
	free(f.late_text);
	return status;
}

int rk_cmd_info(int argc, char **argv)
{
	bool as_json = false;
	const struct rk_option options[] = {
		{ "json", 0, NULL, "print JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	struct rk_trace_pass *pass = NULL;
	struct facts f = { 0 };
	int status;

	status = rk_options_parse_file(options, verb, argc, argv, &f.file);
	if (status != RK_OPTIONS_PARSED)
		return status;
	status = read_facts(&f, &pass);
	if (f.meta) {
		if (as_json)
			print_json(&f);
		else
			print_text(&f);
	}
	rk_trace_pass_close(pass);
	free(f.late_text);
	return rk_tool_finish(status, verb);
}
