/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/graph_use.c - rows by graph, launches under way by call.
 */
#include "pipeline/use/graph_use.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/handle_map.h"

#define ROWS_MAX     4096u /* what comes later is one row */
#define LAUNCHES_MAX (1u << 16)
#define NONE	     UINT32_MAX

/* A launch whose own op has not come yet. */
struct launch {
	uint64_t key; /* 0 = free place */
	uint32_t graph;
	uint32_t next; /* free */
	uint64_t start, end;
	struct rk_graph_nodes nodes;
};

/* The graph that has a handle now. */
struct instance {
	uint64_t number, nodes, updates;
	bool is_destroyed;
};

struct rk_graph_use {
	bool has_names;
	uint64_t kernel_ns;
	struct rk_graph_row *rows;
	uint32_t row_count, row_room;
	struct rk_handle_map row_index; /* hash of graph, handle, instance -> place */
	struct launch *launches;
	uint32_t launch_room, free_first;
	struct rk_handle_map launch_index;
	struct rk_handle_map handles; /* handle -> place */
	struct instance *instances;
	uint32_t instance_count, instance_room;
	uint32_t launchers[2]; /* strings */
};

struct rk_graph_use *rk_graph_use_create(bool names)
{
	struct rk_graph_use *use = calloc(1, sizeof(*use));

	if (!use)
		return NULL;
	use->has_names = names;
	use->free_first = NONE;
	use->launchers[0] = rk_intern("cuGraphLaunch");
	use->launchers[1] = rk_intern("cuGraphLaunch_ptsz");
	rk_handle_map_init(&use->row_index, ROWS_MAX);
	rk_handle_map_init(&use->launch_index, LAUNCHES_MAX);
	rk_handle_map_init(&use->handles, LAUNCHES_MAX);
	return use;
}

void rk_graph_use_destroy(struct rk_graph_use *use)
{
	if (!use)
		return;
	for (uint32_t i = 0; i < use->row_count; i++)
		free(use->rows[i].nodes.by_name);
	for (uint32_t i = 0; i < use->launch_room; i++)
		free(use->launches[i].nodes.by_name);
	free(use->rows);
	free(use->launches);
	free(use->instances);
	rk_handle_map_finish(&use->row_index);
	rk_handle_map_finish(&use->launch_index);
	rk_handle_map_finish(&use->handles);
	free(use);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0x9e3779b97f4a7c15ull) * 0xd1342543de82ef95ull;

	x ^= x >> 32;
	return x ? x : 1;
}

static int add_name(struct rk_graph_nodes *nodes, uint32_t name, uint64_t count, uint64_t ns)
{
	/* A graph repeats its kernels in one order: the next one is the likely one. */
	for (uint32_t i = 0; i < nodes->names; i++) {
		uint32_t at = nodes->newest + 1 + i;

		at -= at >= nodes->names ? nodes->names : 0;
		if (nodes->by_name[at].name != name)
			continue;
		nodes->by_name[at].count += count;
		nodes->by_name[at].ns += ns;
		nodes->newest = at;
		return 0;
	}
	if (nodes->names == nodes->room) {
		uint32_t room = nodes->room ? nodes->room * 2 : 8;
		void *grown = realloc(nodes->by_name, room * sizeof(*nodes->by_name));

		if (!grown)
			return -ENOMEM;
		nodes->by_name = grown;
		nodes->room = room;
	}
	nodes->newest = nodes->names++;
	nodes->by_name[nodes->newest] = (struct rk_graph_node_use){ name, count, ns };
	return 0;
}

static uint64_t gpu_ns(const struct rk_op *op)
{
	if (op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN | RK_OP_F_INVALID_TIME) ||
	    op->end < op->start)
		return 0;
	return op->end - op->start;
}

static int add_node(const struct rk_graph_use *use, struct rk_graph_nodes *nodes,
		    const struct rk_op *op)
{
	uint64_t ns = gpu_ns(op);

	nodes->ns += ns;
	if (op->kind == RK_OP_MEMCPY)
		nodes->memcpys++;
	else if (op->kind == RK_OP_MEMSET)
		nodes->memsets++;
	if (op->kind != RK_OP_KERNEL)
		return 0;
	nodes->kernels++;
	nodes->kernel_ns += ns;
	return use->has_names ? add_name(nodes, op->name, 1, ns) : 0;
}

static int add_nodes(struct rk_graph_nodes *to, const struct rk_graph_nodes *from)
{
	int err = 0;

	to->kernels += from->kernels;
	to->memcpys += from->memcpys;
	to->memsets += from->memsets;
	to->ns += from->ns;
	to->kernel_ns += from->kernel_ns;
	for (uint32_t i = 0; !err && i < from->names; i++)
		err = add_name(to, from->by_name[i].name, from->by_name[i].count,
			       from->by_name[i].ns);
	return err;
}

static bool rows_grow(struct rk_graph_use *use)
{
	uint32_t room = use->row_room ? use->row_room * 2 : 16;
	struct rk_graph_row *rows = realloc(use->rows, room * sizeof(*rows));

	if (!rows)
		return false;
	use->rows = rows;
	use->row_room = room;
	return true;
}

static struct rk_graph_row *row_get(struct rk_graph_use *use, const struct rk_graph_row *like)
{
	uint64_t key = mix(mix(mix(like->graph, like->handle), like->instance), like->from_device);
	struct rk_handle_slot *slot = rk_handle_map_get(&use->row_index, key);

	if (slot)
		return &use->rows[slot->tag];
	if (use->row_count == ROWS_MAX)
		return &use->rows[ROWS_MAX - 1];
	if (use->row_count == use->row_room && !rows_grow(use))
		return NULL;
	slot = rk_handle_map_put(&use->row_index, key);
	if (!slot)
		return NULL;
	slot->tag = use->row_count;
	use->rows[use->row_count] = *like;
	use->rows[use->row_count].min_kernels = UINT64_MAX;
	return &use->rows[use->row_count++];
}

static bool launches_grow(struct rk_graph_use *use)
{
	uint32_t room = use->launch_room ? use->launch_room * 2 : 16;
	struct launch *launches;

	if (room > LAUNCHES_MAX)
		return false;
	launches = realloc(use->launches, room * sizeof(*launches));
	if (!launches)
		return false;
	memset(launches + use->launch_room, 0, (room - use->launch_room) * sizeof(*launches));
	for (uint32_t i = room; i-- > use->launch_room;) {
		launches[i].next = use->free_first;
		use->free_first = i;
	}
	use->launches = launches;
	use->launch_room = room;
	return true;
}

static uint64_t launch_key(const struct rk_op *op)
{
	return mix(op->host_start, op->correlation);
}

static uint32_t graph_of(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL ? op->kernel.graph : op->copy.graph;
}

static struct launch *launch_get(struct rk_graph_use *use, const struct rk_op *node)
{
	uint64_t key = launch_key(node);
	struct rk_handle_slot *slot = rk_handle_map_get(&use->launch_index, key);
	struct launch *launch;

	if (slot)
		return &use->launches[slot->tag];
	if (use->free_first == NONE && !launches_grow(use))
		return NULL;
	slot = rk_handle_map_put(&use->launch_index, key);
	if (!slot)
		return NULL;
	slot->tag = use->free_first;
	launch = &use->launches[slot->tag];
	use->free_first = launch->next;
	launch->key = key;
	launch->graph = graph_of(node);
	return launch;
}

static void launch_forget(struct rk_graph_use *use, struct launch *launch)
{
	rk_handle_map_remove(&use->launch_index, launch->key);
	free(launch->nodes.by_name);
	memset(launch, 0, sizeof(*launch));
	launch->next = use->free_first;
	use->free_first = (uint32_t)(launch - use->launches);
}

/* The newest graph with this id, for a launch that never told its handle. */
static struct rk_graph_row *row_of_graph(struct rk_graph_use *use, uint32_t graph)
{
	const struct rk_graph_row like = { .graph = graph };

	for (uint32_t i = use->row_count; i-- > 0;) {
		if (use->rows[i].graph == graph && !use->rows[i].from_device)
			return &use->rows[i];
	}
	return row_get(use, &like);
}

static int push_node(struct rk_graph_use *use, const struct rk_op *op)
{
	struct rk_graph_row like = { .graph = graph_of(op), .from_device = true };
	struct rk_graph_row *row;
	struct launch *launch;

	if (op->flags & RK_OP_F_ORPHAN) {
		row = like.graph ? row_get(use, &like) : NULL;
		return row ? add_node(use, &row->nodes, op) : 0;
	}
	if (!op->api || (op->api != use->launchers[0] && op->api != use->launchers[1]))
		return 0;
	launch = launch_get(use, op);
	if (!launch) {
		row = row_of_graph(use, like.graph);
		return row ? add_node(use, &row->nodes, op) : -ENOMEM;
	}
	if (gpu_ns(op) && (!launch->start || op->start < launch->start))
		launch->start = op->start;
	if (gpu_ns(op) && op->end > launch->end)
		launch->end = op->end;
	return add_node(use, &launch->nodes, op);
}

static struct instance *instance_get(struct rk_graph_use *use, uint64_t handle)
{
	struct rk_handle_slot *slot = rk_handle_map_get(&use->handles, handle);

	return slot ? &use->instances[slot->tag] : NULL;
}

static struct instance *instance_make(struct rk_graph_use *use, uint64_t handle)
{
	struct instance *instance = instance_get(use, handle);
	struct rk_handle_slot *slot;

	if (instance)
		return instance;
	if (use->instance_count == use->instance_room) {
		uint32_t room = use->instance_room ? use->instance_room * 2 : 16;
		void *grown = realloc(use->instances, room * sizeof(*use->instances));

		if (!grown)
			return NULL;
		use->instances = grown;
		use->instance_room = room;
	}
	slot = rk_handle_map_put(&use->handles, handle);
	if (!slot)
		return NULL;
	slot->tag = use->instance_count;
	instance = &use->instances[use->instance_count++];
	memset(instance, 0, sizeof(*instance));
	return instance;
}

/* What a GRAPH_INFO says. */
struct info {
	uint64_t handle, nodes;
	char what; /* i(nstantiated), u(pdated), d(estroyed) */
};

static struct info read_info(const struct rk_op *op)
{
	struct rk_fields_reader reader;
	struct info info = { 0 };
	struct rk_field field;

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT && strcmp(field.key, "what") == 0)
			info.what = field.text[0];
		else if (field.type != RK_FIELD_INTEGER)
			continue;
		else if (strcmp(field.key, "exec") == 0)
			info.handle = (uint64_t)field.integer;
		else if (strcmp(field.key, "nodes") == 0)
			info.nodes = (uint64_t)field.integer;
	}
	return info;
}

static void tell_row(struct rk_graph_use *use, uint64_t handle, const struct instance *instance)
{
	for (uint32_t i = use->row_count; i-- > 0;) {
		struct rk_graph_row *row = &use->rows[i];

		if (row->handle != handle || row->instance != instance->number)
			continue;
		row->updates = instance->updates;
		row->is_destroyed = instance->is_destroyed;
		return;
	}
}

static int push_info(struct rk_graph_use *use, const struct rk_op *op)
{
	struct info info = read_info(op);
	struct instance *instance;

	if (!info.handle)
		return 0;
	instance = instance_make(use, info.handle);
	if (!instance)
		return -ENOMEM;
	if (info.what == 'i') {
		*instance =
			(struct instance){ .number = instance->number + 1, .nodes = info.nodes };
		return 0;
	}
	instance->updates += info.what == 'u';
	instance->is_destroyed = info.what == 'd';
	tell_row(use, info.handle, instance);
	return 0;
}

static void count_launch(struct rk_graph_row *row, const struct rk_graph_nodes *nodes)
{
	row->launches++;
	if (nodes->kernels < row->min_kernels)
		row->min_kernels = nodes->kernels;
	if (nodes->kernels > row->max_kernels)
		row->max_kernels = nodes->kernels;
}

static void add_time(struct rk_graph_row *row, const struct rk_op *op)
{
	if (op->flags & (RK_OP_F_OPEN | RK_OP_F_INVALID_TIME) || !op->end || op->end < op->start) {
		row->without_time++;
		return;
	}
	row->host_time = row->host_time || op->flags & RK_OP_F_HOST_TIME;
	row->total_ns += op->end - op->start;
}

static int push_launch(struct rk_graph_use *use, const struct rk_op *op)
{
	static const struct rk_graph_nodes none;
	const struct instance *instance = instance_get(use, op->graph.exec_handle);
	struct rk_handle_slot *slot = rk_handle_map_get(&use->launch_index, launch_key(op));
	struct launch *launch = slot ? &use->launches[slot->tag] : NULL;
	struct rk_graph_row like = { .graph = op->graph.graph, .handle = op->graph.exec_handle };
	struct rk_graph_row *row;
	int err;

	if (instance) {
		like.instance = instance->number;
		like.instantiated_nodes = instance->nodes;
		like.updates = instance->updates;
		like.is_destroyed = instance->is_destroyed;
	}
	row = row_get(use, &like);
	if (!row)
		return -ENOMEM;
	count_launch(row, launch ? &launch->nodes : &none);
	row->whole += !launch;
	add_time(row, op);
	if (!launch)
		return 0;
	err = add_nodes(&row->nodes, &launch->nodes);
	launch_forget(use, launch);
	return err;
}

int rk_graph_use_push(struct rk_graph_use *use, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		use->kernel_ns += gpu_ns(op);
		return push_node(use, op);
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		return push_node(use, op);
	case RK_OP_GRAPH:
		return push_launch(use, op);
	case RK_OP_GRAPH_INFO:
		return push_info(use, op);
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	const struct rk_graph_row *x = a, *y = b;

	if (x->nodes.ns != y->nodes.ns)
		return x->nodes.ns < y->nodes.ns ? 1 : -1;
	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	if (x->graph != y->graph)
		return x->graph < y->graph ? -1 : 1;
	return x->instance < y->instance ? -1 : x->instance > y->instance;
}

static int compare_names(const void *a, const void *b)
{
	const struct rk_graph_node_use *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return strcmp(rk_intern_get(x->name), rk_intern_get(y->name));
}

size_t rk_graph_use_finish(struct rk_graph_use *use)
{
	for (uint32_t i = 0; i < use->launch_room; i++) {
		struct launch *launch = &use->launches[i];
		struct rk_graph_row *row;

		row = launch->key ? row_of_graph(use, launch->graph) : NULL;
		if (!row)
			continue;
		count_launch(row, &launch->nodes);
		row->total_ns += launch->end - launch->start;
		add_nodes(&row->nodes, &launch->nodes);
		launch_forget(use, launch);
	}
	rk_handle_map_finish(&use->row_index);
	rk_handle_map_init(&use->row_index, ROWS_MAX);
	for (uint32_t i = 0; i < use->row_count; i++) {
		struct rk_graph_nodes *nodes = &use->rows[i].nodes;

		nodes->newest = 0;
		if (nodes->names)
			qsort(nodes->by_name, nodes->names, sizeof(*nodes->by_name), compare_names);
	}
	if (use->row_count)
		qsort(use->rows, use->row_count, sizeof(*use->rows), compare);
	return use->row_count;
}

const struct rk_graph_row *rk_graph_use_get(const struct rk_graph_use *use, size_t index)
{
	return &use->rows[index];
}

const struct rk_graph_row *rk_graph_use_top(const struct rk_graph_use *use)
{
	const struct rk_graph_row *top = NULL;

	for (uint32_t i = 0; i < use->row_count; i++) {
		if (!top || use->rows[i].nodes.kernel_ns > top->nodes.kernel_ns)
			top = &use->rows[i];
	}
	return top;
}

uint64_t rk_graph_use_kernel_ns(const struct rk_graph_use *use)
{
	return use->kernel_ns;
}

/* 1049 -> 1,049 */
static void group_digits(uint64_t value, char text[32])
{
	char plain[24];
	int length = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)value);
	int out = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = plain[i];
	}
	text[out] = '\0';
}

static void name_graph(const struct rk_graph_row *row, char name[64])
{
	int used = row->graph ?
			   snprintf(name, 64, "graph %u", row->graph) :
			   snprintf(name, 64, "graph at 0x%llx", (unsigned long long)row->handle);

	if (row->instance > 1)
		snprintf(name + used, 64 - (size_t)used, " (number %llu at its handle)",
			 (unsigned long long)row->instance);
}

static const char *plural(uint64_t count, const char *ending)
{
	return count == 1 ? "" : ending;
}

void rk_graph_row_title(const struct rk_graph_row *row, char title[RK_GRAPH_TITLE_SIZE])
{
	char name[64], launches[32], least[32], most[32];
	const char *es = plural(row->launches, "es");

	name_graph(row, name);
	group_digits(row->launches, launches);
	group_digits(row->min_kernels, least);
	group_digits(row->from_device ? row->nodes.kernels : row->max_kernels, most);
	if (row->from_device)
		snprintf(title, RK_GRAPH_TITLE_SIZE,
			 "%s: %s kernel%s that no call of the host launched", name, most,
			 plural(row->nodes.kernels, "s"));
	else if (row->whole == row->launches)
		snprintf(title, RK_GRAPH_TITLE_SIZE, "%s: %s launch%s", name, launches, es);
	else if (row->min_kernels == row->max_kernels)
		snprintf(title, RK_GRAPH_TITLE_SIZE, "%s: %s launch%s x %s kernel%s", name,
			 launches, es, most, plural(row->max_kernels, "s"));
	else
		snprintf(title, RK_GRAPH_TITLE_SIZE, "%s: %s launch%s x %s to %s kernels", name,
			 launches, es, least, most);
}
