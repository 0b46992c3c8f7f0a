/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_errors.c - the section --errors: calls that failed, by function and error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/join/fault.h"
#include "tools/report_section.h"
#include "tools/tool.h"

#define ROWS_MAX 4096u /* functions times errors; there are 600 and 100 */

struct row {
	uint64_t count, first_ns; /* ns of rk_clock */
	uint32_t api, result;
	uint32_t message; /* string; of the first one */
	bool is_question;
};

struct errors {
	const struct rk_config *config;
	struct row *rows;
	uint32_t count;
	uint64_t start_ns; /* earliest time seen */
	struct rk_fault fault;
};

static void *create(const struct rk_report_setup *setup)
{
	struct errors *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->config = setup->config;
	e->rows = calloc(ROWS_MAX, sizeof(*e->rows));
	if (e->rows)
		return e;
	free(e);
	return NULL;
}

static void destroy(void *self)
{
	struct errors *e = self;

	if (!e)
		return;
	free(e->rows);
	free(e);
}

static struct row *row_get(struct errors *e, const struct rk_op *op)
{
	struct row *row;

	for (uint32_t i = 0; i < e->count; i++) {
		if (e->rows[i].api == op->api && e->rows[i].result == op->result)
			return &e->rows[i];
	}
	if (e->count == ROWS_MAX)
		return NULL;
	row = &e->rows[e->count++];
	*row = (struct row){ .api = op->api,
			     .result = op->result,
			     .first_ns = op->host_start,
			     .is_question = op->flags & RK_OP_F_QUESTION };
	row->message = rk_fault_message(&e->fault, e->config, op);
	return row;
}

static int push(void *self, const struct rk_op *op)
{
	struct errors *e = self;
	struct row *row;

	if (op->host_start && (!e->start_ns || op->host_start < e->start_ns))
		e->start_ns = op->host_start;
	if (op->kind == RK_OP_IN_FLIGHT)
		rk_fault_note(&e->fault, op);
	if (op->kind != RK_OP_ERROR)
		return 0;
	row = row_get(e, op);
	if (!row)
		return -ENOMEM;
	row->count++;
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left->first_ns < right->first_ns ? -1 : left->first_ns > right->first_ns;
}

static uint64_t since_start(const struct errors *e, const struct row *row)
{
	return row->first_ns - e->start_ns;
}

static void print_text(const struct errors *e)
{
	puts(e->count ? "CUDA calls that failed" : "No CUDA call failed");
	if (e->count)
		printf("%10s %10s  %s\n", "Count", "First at", "Error");
	for (uint32_t i = 0; i < e->count; i++) {
		const struct row *row = &e->rows[i];
		char at[32], shown[512];

		rk_tool_format_ns((double)since_start(e, row), at);
		rk_tool_printable(rk_intern_get(row->message), shown, sizeof(shown));
		printf("%10llu %10s  %s%s\n", (unsigned long long)row->count, at, shown,
		       row->is_question ? " [asked only]" : "");
	}
}

static void print_json(const struct errors *e, struct rk_json *json)
{
	rk_json_open(json, "errors", '[');
	for (uint32_t i = 0; i < e->count; i++) {
		const struct row *row = &e->rows[i];

		rk_json_open(json, NULL, '{');
		rk_json_string(json, "api", rk_intern_get(row->api));
		rk_json_string(json, "error", rk_cuda_result_name(row->result));
		rk_json_uint(json, "result", row->result);
		rk_json_uint(json, "count", row->count);
		rk_json_uint(json, "first_ns", since_start(e, row));
		rk_json_bool(json, "question", row->is_question);
		rk_json_string(json, "message", rk_intern_get(row->message));
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void print_csv(const struct errors *e)
{
	puts("Count,First (ns),API,Error,Result,Question,Message");
	for (uint32_t i = 0; i < e->count; i++) {
		const struct row *row = &e->rows[i];

		printf("%llu,%llu,%s,%s,%u,%d,", (unsigned long long)row->count,
		       (unsigned long long)since_start(e, row), rk_intern_get(row->api),
		       rk_cuda_result_name(row->result), row->result, row->is_question);
		rk_report_csv_text(rk_intern_get(row->message));
		putchar('\n');
	}
}

static void print(void *self, const struct rk_report_print *how)
{
	struct errors *e = self;

	qsort(e->rows, e->count, sizeof(*e->rows), by_count);
	if (how->style == RK_REPORT_TEXT)
		print_text(e);
	else if (how->style == RK_REPORT_JSON)
		print_json(e, how->json);
	else
		print_csv(e);
}

const struct rk_report_section rk_report_errors = { create, destroy, push, print };
