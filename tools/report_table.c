/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_table.c - rows in an array, found by an open-addressed index.
 */
#include "tools/report_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/activity.h"
#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/kernel_name.h"

#define MODULES_MAX 65536u

struct rk_report_table {
	const struct rk_config *config; /* borrowed; outlives the table */
	enum rk_report_names names;
	enum rk_report_by by;
	struct rk_report_row *rows;
	size_t count, room;
	uint32_t *index; /* row + 1; 0 = free. Twice as many slots as rows at least */
	size_t slots;
	unsigned shift; /* leaves a number below .slots */
	uint64_t timeless;
	struct rk_handle_map modules; /* mangled name -> tag: file, a string */
};

struct rk_report_table *rk_report_table_create(const struct rk_config *config,
					       enum rk_report_names names, enum rk_report_by by)
{
	struct rk_report_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->config = config;
	table->names = names;
	table->by = by;
	rk_handle_map_init(&table->modules, MODULES_MAX);
	return table;
}

void rk_report_table_destroy(struct rk_report_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		rk_distribution_finish(&table->rows[i].ns);
	free(table->rows);
	free(table->index);
	rk_handle_map_finish(&table->modules);
	free(table);
}

static uint32_t kernel_name(const struct rk_report_table *table, uint32_t mangled)
{
	const struct rk_kernel_name *name;

	if (table->names == RK_NAMES_MANGLED)
		return mangled;
	name = rk_kernel_name_get(table->config, mangled);
	return table->names == RK_NAMES_DEMANGLED ? name->demangled : name->readable;
}

const char *rk_report_copy_name(uint8_t kind)
{
	static const char *const names[] = {
		[RK_COPY_UNKNOWN] = "[CUDA memcpy]",
		[RK_COPY_HTOD] = "[CUDA memcpy Host-to-Device]",
		[RK_COPY_DTOH] = "[CUDA memcpy Device-to-Host]",
		[RK_COPY_HTOA] = "[CUDA memcpy Host-to-Array]",
		[RK_COPY_ATOH] = "[CUDA memcpy Array-to-Host]",
		[RK_COPY_ATOA] = "[CUDA memcpy Array-to-Array]",
		[RK_COPY_ATOD] = "[CUDA memcpy Array-to-Device]",
		[RK_COPY_DTOA] = "[CUDA memcpy Device-to-Array]",
		[RK_COPY_DTOD] = "[CUDA memcpy Device-to-Device]",
		[RK_COPY_HTOH] = "[CUDA memcpy Host-to-Host]",
		[RK_COPY_PTOP] = "[CUDA memcpy Peer-to-Peer]",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : names[RK_COPY_UNKNOWN];
}

/* What tells rows apart, and what one op adds. Not a row: those are large. */
struct key {
	uint8_t group;
	bool host_time;
	uint32_t name, device, lane;
	uint64_t bytes;
};

static void set_place(const struct rk_report_table *table, const struct rk_op *op, struct key *row)
{
	if (table->by == RK_BY_DEVICE || table->by == RK_BY_STREAM)
		row->device = op->device;
	if (table->by == RK_BY_STREAM)
		row->lane = op->stream;
	if (table->by == RK_BY_THREAD)
		row->lane = op->tid;
}

/* Where @op belongs. Returns false for operations that are no work on a GPU. */
static bool classify(const struct rk_report_table *table, const struct rk_op *op, struct key *row)
{
	char graph[48];

	row->host_time = op->flags & RK_OP_F_HOST_TIME;
	set_place(table, op, row);
	switch (op->kind) {
	case RK_OP_KERNEL:
		row->group = RK_REPORT_KERNELS;
		row->name = kernel_name(table, op->name);
		return true;
	case RK_OP_MEMCPY:
		row->group = RK_REPORT_MEMORY;
		row->name = rk_intern(rk_report_copy_name(op->copy.copy_kind));
		row->bytes = op->copy.bytes;
		return true;
	case RK_OP_MEMSET:
		row->group = RK_REPORT_MEMORY;
		row->name = rk_intern("[CUDA memset]");
		row->bytes = op->copy.bytes;
		return true;
	case RK_OP_GRAPH:
		/* Traced by node: its kernels are in the table already. */
		if (op->graph.nodes)
			return false;
		snprintf(graph, sizeof(graph), "[CUDA graph %u]", op->graph.graph);
		row->group = RK_REPORT_GRAPHS;
		row->name = rk_intern(graph);
		return true;
	default:
		return false;
	}
}

/* A key in two words, which stay in registers: a field just written and read again as part of a
 * wider one would stall every op. */
static inline uint64_t what_of(uint32_t name, uint8_t group, bool host_time)
{
	return (uint64_t)name << 8 | (uint64_t)group << 1 | host_time;
}

static inline uint64_t place_of(uint32_t device, uint32_t lane)
{
	return (uint64_t)device << 32 | lane;
}

static inline size_t slot_of(const struct rk_report_table *table, uint64_t what, uint64_t place)
{
	uint64_t key = what ^ place * 0xbf58476d1ce4e5b9u;

	/* The top bits: names of a program are numbers in a row, which this spreads evenly. */
	return (size_t)(key * 0x9e3779b97f4a7c15u >> table->shift);
}

static void insert(struct rk_report_table *table, size_t row)
{
	const struct rk_report_row *r = &table->rows[row];
	size_t slot = slot_of(table, what_of(r->name, r->group, r->host_time),
			      place_of(r->device, r->lane));

	while (table->index[slot])
		slot = (slot + 1) & (table->slots - 1);
	table->index[slot] = (uint32_t)row + 1;
}

static int grow(struct rk_report_table *table)
{
	size_t room = table->room ? 2 * table->room : 64;
	struct rk_report_row *rows = realloc(table->rows, room * sizeof(*rows));
	uint32_t *index;

	if (!rows)
		return -ENOMEM;
	table->rows = rows;
	index = calloc(2 * room, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(table->index);
	table->index = index;
	table->slots = 2 * room;
	table->shift = (unsigned)__builtin_clzll(table->slots) + 1;
	table->room = room;
	for (size_t i = 0; i < table->count; i++)
		insert(table, i);
	return 0;
}

static struct rk_report_row *find(struct rk_report_table *table, const struct key *like)
{
	uint64_t what = what_of(like->name, like->group, like->host_time);
	uint64_t place = place_of(like->device, like->lane);
	size_t slot;

	if (table->count == table->room && grow(table))
		return NULL;
	for (slot = slot_of(table, what, place); table->index[slot];
	     slot = (slot + 1) & (table->slots - 1)) {
		struct rk_report_row *row = &table->rows[table->index[slot] - 1];

		if (what_of(row->name, row->group, row->host_time) == what &&
		    place_of(row->device, row->lane) == place)
			return row;
	}
	table->rows[table->count] = (struct rk_report_row){ .group = like->group,
							    .host_time = like->host_time,
							    .name = like->name,
							    .device = like->device,
							    .lane = like->lane };
	insert(table, table->count);
	return &table->rows[table->count++];
}

static void note_module(struct rk_report_table *table, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&table->modules, op->name);

	if (slot)
		slot->tag = rk_intern(rk_fields_find_text(op->text, op->text_bytes, "module"));
}

static void add_module(const struct rk_report_table *table, struct rk_report_row *row,
		       uint32_t mangled)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&table->modules, mangled);

	for (int i = 0; slot && i < RK_REPORT_MODULES; i++) {
		if (row->modules[i] == slot->tag)
			return;
		if (!row->modules[i]) {
			row->modules[i] = slot->tag;
			return;
		}
	}
}

int rk_report_table_push(struct rk_report_table *table, const struct rk_op *op)
{
	struct key like = { 0 };
	struct rk_report_row *row;

	if (op->kind == RK_OP_KERNEL_INFO)
		note_module(table, op);
	if (!classify(table, op, &like))
		return 0;
	if (op->flags & (RK_OP_F_OPEN | RK_OP_F_INVALID_TIME) || !op->end || op->end < op->start) {
		table->timeless++;
		return 0;
	}
	row = find(table, &like);
	if (!row)
		return -ENOMEM;
	row->bytes += like.bytes;
	if (op->kind == RK_OP_KERNEL && table->modules.count)
		add_module(table, row, op->name);
	return rk_distribution_push(&row->ns, op->end - op->start);
}

static int compare(const void *a, const void *b)
{
	const struct rk_report_row *x = a, *y = b;

	if (x->group != y->group)
		return x->group - y->group;
	if (x->host_time != y->host_time)
		return x->host_time - y->host_time;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	if (x->ns.total != y->ns.total)
		return x->ns.total < y->ns.total ? 1 : -1;
	return x->name < y->name ? -1 : x->name > y->name;
}

size_t rk_report_table_sort(struct rk_report_table *table)
{
	if (table->count)
		qsort(table->rows, table->count, sizeof(*table->rows), compare);
	return table->count;
}

struct rk_report_row *rk_report_table_get(struct rk_report_table *table, size_t index)
{
	return &table->rows[index];
}

uint64_t rk_report_table_timeless(const struct rk_report_table *table)
{
	return table->timeless;
}
