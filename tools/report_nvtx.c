/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_nvtx.c - ranges of NVTX by domain and name: time on the host, and on the GPU.
 *
 * The ranges are those that the spans are made of, by the same code: what a range waited for, and
 * which work counts for it, is as in a trace. Ranges lie within each other, so the times of rows
 * do not add up to anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/span/assembler.h"
#include "tools/distribution.h"
#include "tools/report_section.h"
#include "tools/tool.h"

#define NAME_WIDTH 80
#define ROWS_MAX   1000000u

struct row {
	uint32_t domain, name;	     /* strings */
	struct rk_distribution host; /* ns of finished ranges */
	uint64_t projected_ns, busy_ns, operations;
	uint64_t with_gpu, unfinished; /* ranges */
};

struct nvtx {
	const struct rk_report_setup *setup;
	struct rk_config config; /* everything is kept, whatever was sent */
	struct rk_assembler *assembler;
	struct rk_handle_map index; /* domain and name -> tag: place + 1 */
	struct row *rows;
	uint32_t count, capacity;
	bool is_short; /* of memory */
};

static struct row *row_add(struct nvtx *nvtx, uint32_t domain, uint32_t name)
{
	uint32_t capacity = nvtx->capacity ? nvtx->capacity * 2 : 64;
	struct row *rows;

	if (nvtx->count == nvtx->capacity) {
		rows = realloc(nvtx->rows, capacity * sizeof(*rows));
		if (!rows)
			return NULL;
		nvtx->rows = rows;
		nvtx->capacity = capacity;
	}
	nvtx->rows[nvtx->count] = (struct row){ .domain = domain, .name = name };
	return &nvtx->rows[nvtx->count++];
}

static struct row *row_get(struct nvtx *nvtx, uint32_t domain, uint32_t name)
{
	struct rk_handle_slot *slot =
		rk_handle_map_put(&nvtx->index, (uint64_t)domain << 32 | name);
	struct row *row;

	if (!slot)
		return NULL;
	if (slot->tag)
		return &nvtx->rows[slot->tag - 1];
	row = row_add(nvtx, domain, name);
	if (row)
		slot->tag = nvtx->count;
	return row;
}

static const char *domain_of(const struct rk_span_api *api)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, api->fields, api->field_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT && strcmp(field.key, "nvtx.domain") == 0)
			return field.text;
	}
	return "";
}

/* A range without an end has no length that anybody knows. */
static void take_span(const struct rk_span *span, void *data)
{
	const struct rk_span_api *api = span->api;
	struct nvtx *nvtx = data;
	struct row *row;

	if (!api || !api->is_range)
		return;
	row = row_get(nvtx, rk_intern(domain_of(api)), rk_intern(span->name));
	if (!row || (!api->is_unfinished &&
		     rk_distribution_push(&row->host, span->end_unix_ns - span->start_unix_ns))) {
		nvtx->is_short = true;
		return;
	}
	row->unfinished += api->is_unfinished;
	row->with_gpu += api->projection.operations > 0;
	row->operations += api->projection.operations;
	row->busy_ns += api->projection.busy_ns;
	row->projected_ns += api->projection.end_unix_ns - api->projection.start_unix_ns;
}

static void destroy(void *self)
{
	struct nvtx *nvtx = self;

	if (!nvtx)
		return;
	rk_assembler_destroy(nvtx->assembler);
	for (uint32_t i = 0; i < nvtx->count; i++)
		rk_distribution_finish(&nvtx->rows[i].host);
	rk_handle_map_finish(&nvtx->index);
	free(nvtx->rows);
	free(nvtx);
}

static void *create(const struct rk_report_setup *setup)
{
	struct nvtx *nvtx = calloc(1, sizeof(*nvtx));
	struct rk_assembler_setup assembler = { .span = take_span, .data = nvtx };

	if (!nvtx)
		return NULL;
	nvtx->setup = setup;
	nvtx->config = *setup->config;
	nvtx->config.tracing_sampling_rate = 1;
	nvtx->config.tracing_max_spans_per_second = 0;
	assembler.config = &nvtx->config;
	rk_handle_map_init(&nvtx->index, ROWS_MAX);
	if (!rk_assembler_create(&nvtx->assembler, &assembler))
		return nvtx;
	destroy(nvtx);
	return NULL;
}

static int push(void *self, const struct rk_op *op)
{
	struct nvtx *nvtx = self;

	rk_assembler_feed(nvtx->assembler, op);
	return nvtx->is_short ? -ENOMEM : 0;
}

/* Those with most time on the GPU first, then those with most on the host. */
static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order;

	if (x->projected_ns != y->projected_ns)
		return x->projected_ns < y->projected_ns ? 1 : -1;
	if (x->host.total != y->host.total)
		return x->host.total < y->host.total ? 1 : -1;
	order = strcmp(rk_intern_get(x->domain), rk_intern_get(y->domain));
	return order ? order : strcmp(rk_intern_get(x->name), rk_intern_get(y->name));
}

static uint64_t ranges_of(const struct row *row)
{
	return row->host.count + row->unfinished;
}

static void print_text_row(struct row *row)
{
	char cells[7][32], name[NAME_WIDTH + 1], domain[NAME_WIDTH + 1];
	const char *whole = rk_intern_get(row->name);
	bool has_gpu = row->with_gpu, has_end = row->host.count;

	rk_tool_format_ns((double)row->projected_ns, cells[0]);
	rk_tool_format_ns((double)row->busy_ns, cells[1]);
	rk_tool_format_ns((double)row->host.total, cells[2]);
	rk_tool_format_ns(row->host.mean, cells[3]);
	rk_tool_format_ns(rk_distribution_get_median(&row->host), cells[4]);
	rk_tool_format_ns((double)row->host.min, cells[5]);
	rk_tool_format_ns((double)row->host.max, cells[6]);
	rk_tool_printable(whole, name, sizeof(name));
	rk_tool_printable(rk_intern_get(row->domain), domain, sizeof(domain));
	printf("%10s %10s %10llu %10s %10llu %10s %10s %10s %10s  %s%s%s%s\n",
	       has_gpu ? cells[0] : "-", has_gpu ? cells[1] : "-",
	       (unsigned long long)row->operations, has_end ? cells[2] : "-",
	       (unsigned long long)ranges_of(row), has_end ? cells[3] : "-",
	       has_end ? cells[4] : "-", has_end ? cells[5] : "-", has_end ? cells[6] : "-", domain,
	       *domain ? ":" : "", name, strlen(whole) > NAME_WIDTH ? "..." : "");
}

static void print_text(struct nvtx *nvtx, const struct rk_report_print *print)
{
	uint64_t unfinished = 0;

	if (!nvtx->count) {
		printf("%s holds no NVTX ranges\n", print->setup->file);
		return;
	}
	puts("NVTX ranges: work on the GPU that was submitted in them, and their time on the host");
	printf("%10s %10s %10s %10s %10s %10s %10s %10s %10s  %s\n", "GPU Proj", "GPU Busy",
	       "GPU Ops", "Total", "Instances", "Avg", "Med", "Min", "Max", "Range");
	for (uint32_t i = 0; i < nvtx->count; i++) {
		print_text_row(&nvtx->rows[i]);
		unfinished += nvtx->rows[i].unfinished;
	}
	if (unfinished)
		printf("\nRanges without an end: %llu. They are counted, and have no time on the "
		       "host.\n",
		       (unsigned long long)unfinished);
}

static void print_json(struct nvtx *nvtx, struct rk_json *json)
{
	rk_json_open(json, "nvtx", '[');
	for (uint32_t i = 0; i < nvtx->count; i++) {
		struct row *row = &nvtx->rows[i];

		rk_json_open(json, NULL, '{');
		rk_json_string(json, "domain", rk_intern_get(row->domain));
		rk_json_string(json, "name", rk_intern_get(row->name));
		rk_json_uint(json, "instances", ranges_of(row));
		rk_json_uint(json, "unfinished", row->unfinished);
		rk_json_uint(json, "total_ns", row->host.total);
		rk_json_double(json, "avg_ns", row->host.mean);
		rk_json_double(json, "med_ns", rk_distribution_get_median(&row->host));
		rk_json_uint(json, "min_ns", row->host.min);
		rk_json_uint(json, "max_ns", row->host.max);
		rk_json_double(json, "stddev_ns", rk_distribution_get_stddev(&row->host));
		rk_json_uint(json, "with_gpu_work", row->with_gpu);
		rk_json_uint(json, "gpu_operations", row->operations);
		rk_json_uint(json, "gpu_projected_ns", row->projected_ns);
		rk_json_uint(json, "gpu_busy_ns", row->busy_ns);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void print_csv(struct nvtx *nvtx)
{
	puts("GPU Proj Time (ns),GPU Busy Time (ns),GPU Ops,Total Time (ns),Instances,Avg (ns),"
	     "Med (ns),Min (ns),Max (ns),StdDev (ns),Unfinished,Domain,Range");
	for (uint32_t i = 0; i < nvtx->count; i++) {
		struct row *row = &nvtx->rows[i];

		printf("%llu,%llu,%llu,%llu,%llu,", (unsigned long long)row->projected_ns,
		       (unsigned long long)row->busy_ns, (unsigned long long)row->operations,
		       (unsigned long long)row->host.total, (unsigned long long)ranges_of(row));
		rk_report_csv_number(row->host.mean);
		putchar(',');
		rk_report_csv_number(rk_distribution_get_median(&row->host));
		printf(",%llu,%llu,", (unsigned long long)row->host.min,
		       (unsigned long long)row->host.max);
		rk_report_csv_number(rk_distribution_get_stddev(&row->host));
		printf(",%llu,", (unsigned long long)row->unfinished);
		rk_report_csv_text(rk_intern_get(row->domain));
		putchar(',');
		rk_report_csv_text(rk_intern_get(row->name));
		putchar('\n');
	}
}

static void print(void *self, const struct rk_report_print *how)
{
	struct nvtx *nvtx = self;

	rk_assembler_finish(nvtx->assembler); /* a file may have no end */
	if (nvtx->count)
		qsort(nvtx->rows, nvtx->count, sizeof(*nvtx->rows), compare);
	if (how->style == RK_REPORT_TEXT)
		print_text(nvtx, how);
	else if (how->style == RK_REPORT_JSON)
		print_json(nvtx, how->json);
	else
		print_csv(nvtx);
}

const struct rk_report_section rk_report_nvtx = { create, destroy, push, print };
