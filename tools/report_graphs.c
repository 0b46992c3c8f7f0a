/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_graphs.c - CUDA graphs: how often each ran, and which kernels its time went to.
 */
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/use/graph_use.h"
#include "tools/report_section.h"
#include "tools/tool.h"

#define NAME_WIDTH  100 /* of the text table; JSON and CSV have whole names */
#define KERNELS_MAX 10	/* of a graph in the text table */

struct report {
	struct rk_graph_use *use;
	size_t rows;
};

static const char *kernel_name(const struct rk_report_print *how, uint32_t mangled)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(how->setup->config, mangled);

	switch (how->setup->names) {
	case RK_NAMES_MANGLED:
		return rk_intern_get(name->mangled);
	case RK_NAMES_DEMANGLED:
		return rk_intern_get(name->demangled);
	default:
		return rk_intern_get(name->readable);
	}
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100 * (double)part / (double)whole : 0;
}

static void print_state(const struct rk_graph_row *row)
{
	if (row->instantiated_nodes)
		printf(", instantiated with %llu node%s",
		       (unsigned long long)row->instantiated_nodes,
		       row->instantiated_nodes == 1 ? "" : "s");
	else if (!row->instance && !row->from_device)
		printf(", instantiated before recording began");
	if (row->updates)
		printf(", %llu update%s", (unsigned long long)row->updates,
		       row->updates == 1 ? "" : "s");
	if (row->is_destroyed)
		printf(", destroyed");
}

static void print_times(const struct rk_graph_row *row)
{
	uint64_t timed = row->launches - row->without_time;
	char total[32], mean[32], busy[32];

	printf("  ");
	if (timed) {
		rk_tool_format_ns((double)row->total_ns, total);
		rk_tool_format_ns((double)row->total_ns / (double)timed, mean);
		printf("%s in all, %s each%s", total, mean,
		       row->host_time ? ", HOST TIME of the calls" : "");
	}
	if (row->nodes.ns) {
		rk_tool_format_ns((double)row->nodes.ns, busy);
		printf("%snodes %s", timed ? "; " : "", busy);
	}
	if (row->nodes.memcpys || row->nodes.memsets)
		printf("; %llu copies, %llu memsets", (unsigned long long)row->nodes.memcpys,
		       (unsigned long long)row->nodes.memsets);
	if (row->without_time)
		printf("; %llu without a usable time", (unsigned long long)row->without_time);
	putchar('\n');
}

static void print_kernels(const struct rk_report_print *how, const struct rk_graph_row *row)
{
	uint32_t shown = row->nodes.names < KERNELS_MAX ? row->nodes.names : KERNELS_MAX;

	if (shown)
		printf("%10s %10s %10s %10s  %s\n", "Time (%)", "Total", "Instances", "Avg",
		       "Name");
	for (uint32_t i = 0; i < shown; i++) {
		const struct rk_graph_node_use *kernel = &row->nodes.by_name[i];
		const char *whole = kernel_name(how, kernel->name);
		char total[32], mean[32], name[NAME_WIDTH + 1];

		rk_tool_format_ns((double)kernel->ns, total);
		rk_tool_format_ns((double)kernel->ns / (double)kernel->count, mean);
		rk_tool_printable(whole, name, sizeof(name));
		printf("%10.1f %10s %10llu %10s  %s%s\n", share(kernel->ns, row->nodes.kernel_ns),
		       total, (unsigned long long)kernel->count, mean, *name ? name : "(unknown)",
		       strlen(whole) > NAME_WIDTH ? "..." : "");
	}
	if (shown < row->nodes.names)
		printf("%10s and %u further kernels\n", "", row->nodes.names - shown);
}

static void print_text(const struct report *r, const struct rk_report_print *how)
{
	uint64_t all = rk_graph_use_kernel_ns(r->use);

	if (!r->rows) {
		printf("%s holds no launches of CUDA graphs\n", how->setup->file);
		return;
	}
	puts("CUDA graphs");
	for (size_t i = 0; i < r->rows; i++) {
		const struct rk_graph_row *row = rk_graph_use_get(r->use, i);
		char title[RK_GRAPH_TITLE_SIZE];

		rk_graph_row_title(row, title);
		printf("\n%s", title);
		if (row->nodes.kernel_ns)
			printf(", %.1f %% of the time of kernels",
			       share(row->nodes.kernel_ns, all));
		print_state(row);
		putchar('\n');
		print_times(row);
		print_kernels(how, row);
	}
}

static void print_json_kernels(const struct rk_report_print *how, const struct rk_graph_row *row)
{
	rk_json_open(how->json, "kernels_by_name", '[');
	for (uint32_t i = 0; i < row->nodes.names; i++) {
		const struct rk_graph_node_use *kernel = &row->nodes.by_name[i];

		rk_json_open(how->json, NULL, '{');
		rk_json_uint(how->json, "total_ns", kernel->ns);
		rk_json_uint(how->json, "instances", kernel->count);
		rk_json_string(how->json, "name", kernel_name(how, kernel->name));
		rk_json_close(how->json, '}');
	}
	rk_json_close(how->json, ']');
}

static void print_json_row(const struct rk_report_print *how, const struct rk_graph_row *row)
{
	struct rk_json *json = how->json;

	rk_json_open(json, NULL, '{');
	rk_json_uint(json, "graph_id", row->graph);
	rk_json_uint(json, "exec_handle", row->handle);
	rk_json_uint(json, "instance", row->instance);
	rk_json_uint(json, "instantiated_nodes", row->instantiated_nodes);
	rk_json_uint(json, "updates", row->updates);
	rk_json_bool(json, "destroyed", row->is_destroyed);
	rk_json_bool(json, "from_device", row->from_device);
	rk_json_uint(json, "launches", row->launches);
	rk_json_uint(json, "launches_as_a_whole", row->whole);
	rk_json_uint(json, "launches_without_time", row->without_time);
	rk_json_uint(json, "kernels", row->nodes.kernels);
	rk_json_uint(json, "kernels_min", row->launches ? row->min_kernels : 0);
	rk_json_uint(json, "kernels_max", row->max_kernels);
	rk_json_uint(json, "memcpys", row->nodes.memcpys);
	rk_json_uint(json, "memsets", row->nodes.memsets);
	rk_json_uint(json, "total_ns", row->total_ns);
	rk_json_uint(json, "nodes_ns", row->nodes.ns);
	rk_json_uint(json, "kernels_ns", row->nodes.kernel_ns);
	rk_json_string(json, "time_source", row->host_time ? "host" : "gpu");
	print_json_kernels(how, row);
	rk_json_close(json, '}');
}

static void print_json(const struct report *r, const struct rk_report_print *how)
{
	rk_json_open(how->json, "graphs_by_id", '[');
	for (size_t i = 0; i < r->rows; i++)
		print_json_row(how, rk_graph_use_get(r->use, i));
	rk_json_close(how->json, ']');
}

static void print_csv(const struct report *r, const struct rk_report_print *how)
{
	puts("Graph,Handle,Instance,Launches,Total Time (ns),Kernel Time (ns),Instances,Time Source,"
	     "Name");
	for (size_t i = 0; i < r->rows; i++) {
		const struct rk_graph_row *row = rk_graph_use_get(r->use, i);
		uint32_t lines = row->nodes.names ? row->nodes.names : 1;

		for (uint32_t k = 0; k < lines; k++) {
			static const struct rk_graph_node_use none;
			const struct rk_graph_node_use *kernel =
				row->nodes.names ? &row->nodes.by_name[k] : &none;

			printf("%u,%llu,%llu,%llu,%llu,%llu,%llu,%s,", row->graph,
			       (unsigned long long)row->handle, (unsigned long long)row->instance,
			       (unsigned long long)row->launches, (unsigned long long)row->total_ns,
			       (unsigned long long)kernel->ns, (unsigned long long)kernel->count,
			       row->host_time ? "host" : "gpu");
			rk_report_csv_text(kernel->name ? kernel_name(how, kernel->name) : "");
			putchar('\n');
		}
	}
}

static void *create(const struct rk_report_setup *setup)
{
	struct report *r = calloc(1, sizeof(*r));

	(void)setup;
	if (!r)
		return NULL;
	r->use = rk_graph_use_create(true);
	if (r->use)
		return r;
	free(r);
	return NULL;
}

static void destroy(void *self)
{
	struct report *r = self;

	if (!r)
		return;
	rk_graph_use_destroy(r->use);
	free(r);
}

static int push(void *self, const struct rk_op *op)
{
	struct report *r = self;

	return rk_graph_use_push(r->use, op);
}

static void print(void *self, const struct rk_report_print *how)
{
	struct report *r = self;

	r->rows = rk_graph_use_finish(r->use);
	if (how->style == RK_REPORT_TEXT)
		print_text(r, how);
	else if (how->style == RK_REPORT_JSON)
		print_json(r, how);
	else
		print_csv(r, how);
}

const struct rk_report_section rk_report_graphs = { create, destroy, push, print };
