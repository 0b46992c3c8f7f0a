/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_names.c - tables with an index by string, or by hash.
 */
#include "tools/html_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/kernel_name.h"

#define NAMES_MAX  1000000u
#define SHAPES_MAX 65536u

/* Room for one more of @size bytes. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return items;
	grown = realloc(items, wanted * size);
	if (grown)
		*capacity = wanted;
	return grown;
}

static struct rk_html_name *add_name(struct rk_html_names *names, uint32_t shown, uint32_t full)
{
	struct rk_html_name *grown =
		grow(names->names, names->count, &names->capacity, sizeof(*grown));

	if (!grown)
		return NULL;
	names->names = grown;
	grown[names->count] = (struct rk_html_name){ .shown = shown, .full = full };
	return &grown[names->count++];
}

static struct rk_html_shape *add_shape(struct rk_html_names *names,
				       const struct rk_html_shape *shape)
{
	struct rk_html_shape *grown =
		grow(names->shapes, names->shape_count, &names->shape_capacity, sizeof(*grown));

	if (!grown)
		return NULL;
	names->shapes = grown;
	grown[names->shape_count] = *shape;
	return &grown[names->shape_count++];
}

int rk_html_names_init(struct rk_html_names *names, const struct rk_config *config)
{
	const struct rk_html_shape none = { 0 };
	uint32_t empty = rk_intern("");

	*names = (struct rk_html_names){ .config = config };
	rk_handle_map_init(&names->index, NAMES_MAX);
	rk_handle_map_init(&names->shape_index, SHAPES_MAX);
	return add_name(names, empty, empty) && add_shape(names, &none) ? 0 : -ENOMEM;
}

void rk_html_names_finish(struct rk_html_names *names)
{
	free(names->names);
	free(names->shapes);
	rk_handle_map_finish(&names->index);
	rk_handle_map_finish(&names->shape_index);
}

uint32_t rk_html_names_put(struct rk_html_names *names, const char *text)
{
	uint32_t string = *text ? rk_intern(text) : 0;
	struct rk_handle_slot *slot = string ? rk_handle_map_put(&names->index, string) : NULL;

	if (slot && !slot->tag && add_name(names, string, string))
		slot->tag = (uint32_t)names->count - 1;
	return slot ? slot->tag : 0;
}

uint32_t rk_html_names_put_kernel(struct rk_html_names *names, uint32_t string)
{
	const struct rk_kernel_name *name;
	struct rk_handle_slot *slot;

	if (!string || !*rk_intern_get(string))
		return rk_html_names_put(names, "(unknown kernel)");
	slot = rk_handle_map_put(&names->index, 1ull << 32 | string);
	if (slot && slot->tag)
		return slot->tag;
	name = rk_kernel_name_get(names->config, string);
	if (slot && add_name(names, name->readable, name->demangled))
		slot->tag = (uint32_t)names->count - 1;
	return slot ? slot->tag : 0;
}

void rk_html_names_count(struct rk_html_names *names, uint32_t name, uint8_t kind, uint64_t ns)
{
	struct rk_html_name *row = &names->names[name];

	row->kind = kind;
	row->total_ns += ns;
	if (!row->count++ || ns < row->min_ns)
		row->min_ns = ns;
	if (ns > row->max_ns)
		row->max_ns = ns;
}

static uint64_t hash_of(const struct rk_html_shape *shape)
{
	const uint32_t *words = (const uint32_t *)shape;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(*shape) / sizeof(*words); i++)
		hash = (hash ^ words[i]) * 0x100000001b3u;
	return hash ? hash : 1;
}

uint32_t rk_html_names_shape(struct rk_html_names *names, const struct rk_op *op)
{
	struct rk_html_shape shape = { .registers = op->kernel.registers,
				       .static_bytes = op->kernel.static_shared_bytes,
				       .dynamic_bytes = op->kernel.dynamic_shared_bytes,
				       .local_bytes = op->kernel.local_bytes_per_thread };
	struct rk_handle_slot *slot;

	memcpy(shape.grid, op->kernel.grid, sizeof(shape.grid));
	memcpy(shape.block, op->kernel.block, sizeof(shape.block));
	slot = rk_handle_map_put(&names->shape_index, hash_of(&shape));
	if (!slot)
		return 0;
	/* Two shapes of one hash: the second one is told nowhere, rather than the first one. */
	if (slot->tag)
		return memcmp(&names->shapes[slot->tag], &shape, sizeof(shape)) ? 0 : slot->tag;
	if (add_shape(names, &shape))
		slot->tag = (uint32_t)names->shape_count - 1;
	return slot->tag;
}
