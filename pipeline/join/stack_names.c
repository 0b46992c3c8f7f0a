/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/stack_names.c - what is known of stacks, modules and addresses.
 *
 * A stack keeps the number of a site for each of its frames: an address in a module. Sites are
 * named together, file by file, when a stack that has them is asked for. Bounded in everything;
 * what is beyond a bound is an unknown stack.
 */
#include "pipeline/join/stack_names.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "core/stack_pool.h"
#include "pipeline/join/elf_symbols.h"
#include "pipeline/join/handle_map.h"

#define MODULES_MAX 8192u
#define SITES_MAX   (1u << 18)
/* Symbol tables that are read between two ticks, after the first: a hundred stacks of a program
 * with a table of 20 MB must not hold up the thread that drains the rings. */
#define READ_MAX (16u << 20)

struct module {
	uint64_t start, end, offset;
	const char *path, *build_id; /* interned */
};

struct site {
	struct rk_stack_frame frame;
	uint32_t module; /* index + 1, 0 = none */
	bool is_named;
};

struct stack {
	uint32_t *sites;
	uint32_t count; /* 0 = unknown */
};

struct rk_stack_names {
	struct rk_stack_lines *lines; /* may be NULL */
	struct module *modules;	      /* as told: the last one counts where they overlap */
	uint32_t module_count, module_capacity;
	struct site *sites;
	uint32_t site_count, site_capacity;
	struct rk_handle_map by_address; /* address -> number of its newest site in .tag */
	struct stack *stacks;		 /* by number; NULL until the first one */
	uint64_t left;			 /* bytes that may be read before the next tick */
	bool is_live;
	struct rk_stack_frame frames[RK_STACK_DEPTH_MAX]; /* of the stack that was asked for */
};

int rk_stack_names_create(struct rk_stack_names **out, struct rk_stack_lines *lines)
{
	struct rk_stack_names *names = calloc(1, sizeof(*names));

	*out = names;
	if (!names) {
		if (lines)
			lines->destroy(lines);
		return -ENOMEM;
	}
	names->lines = lines;
	names->is_live = !lines;
	names->left = READ_MAX;
	rk_handle_map_init(&names->by_address, SITES_MAX);
	return 0;
}

void rk_stack_names_destroy(struct rk_stack_names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; names->stacks && i <= RK_STACK_IDS_MAX; i++)
		free(names->stacks[i].sites);
	free(names->stacks);
	free(names->sites);
	free(names->modules);
	rk_handle_map_finish(&names->by_address);
	if (names->lines)
		names->lines->destroy(names->lines);
	free(names);
}

/* Return: an array of at least @count + 1 items; NULL at the bound or without memory. */
static void *grow(void *items, uint32_t count, uint32_t *capacity, size_t item_bytes, uint32_t most)
{
	uint32_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return items;
	if (count >= most)
		return NULL;
	grown = realloc(items, wanted * item_bytes);
	if (grown)
		*capacity = wanted;
	return grown;
}

static int add_module(struct rk_stack_names *names, const struct rk_op *op)
{
	struct module module = { 0 };
	struct rk_fields_reader reader;
	struct rk_field field;
	struct module *grown;

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	module.path = rk_intern_get(rk_intern(rk_fields_next_placed(&reader)));
	module.build_id = rk_intern_get(rk_intern(rk_fields_next_placed(&reader)));
	while (rk_fields_next(&reader, &field)) {
		if (field.type != RK_FIELD_INTEGER)
			continue;
		if (strcmp(field.key, "start") == 0)
			module.start = (uint64_t)field.integer;
		else if (strcmp(field.key, "end") == 0)
			module.end = (uint64_t)field.integer;
		else if (strcmp(field.key, "offset") == 0)
			module.offset = (uint64_t)field.integer;
	}
	grown = grow(names->modules, names->module_count, &names->module_capacity, sizeof(module),
		     MODULES_MAX);
	if (!grown)
		return -ENOMEM;
	names->modules = grown;
	names->modules[names->module_count++] = module;
	return 0;
}

/* Return: index + 1, 0 = none. */
static uint32_t find_module(const struct rk_stack_names *names, uint64_t address)
{
	for (uint32_t i = names->module_count; i > 0; i--) {
		const struct module *module = &names->modules[i - 1];

		if (address >= module->start && address < module->end)
			return i;
	}
	return 0;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_cuda_file(const char *path)
{
	static const char *const files[] = { "libcuda.so", "libcudart.so", "libcupti.so" };
	const char *base = base_of(path);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strncmp(base, files[i], strlen(files[i])) == 0)
			return true;
	}
	return false;
}

/* cudart is linked into most programs. */
static bool is_cuda_function(const char *function)
{
	return strncmp(function, "cuda", 4) == 0 || strncmp(function, "__cuda", 6) == 0;
}

static uint32_t add_site(struct rk_stack_names *names, uint64_t address, uint32_t module)
{
	struct site *grown = grow(names->sites, names->site_count, &names->site_capacity,
				  sizeof(*grown), SITES_MAX);
	struct rk_stack_frame *frame;

	if (!grown)
		return UINT32_MAX;
	names->sites = grown;
	grown[names->site_count] = (struct site){ .module = module };
	frame = &grown[names->site_count].frame;
	*frame = (struct rk_stack_frame){
		.address = address, .module = "", .function = "", .file = ""
	};
	if (module) {
		const struct module *in = &names->modules[module - 1];

		frame->module = in->path;
		frame->offset = address - in->start + in->offset;
		frame->is_cuda = is_cuda_file(in->path);
	}
	return names->site_count++;
}

static uint32_t site_of(struct rk_stack_names *names, uint64_t address)
{
	/* The call is before the address that it returns to, and maybe at the end of the file. */
	uint32_t module = find_module(names, address - 1);
	struct rk_handle_slot *slot = rk_handle_map_put(&names->by_address, address);
	uint32_t site;

	if (slot && slot->value && names->sites[slot->tag].module == module)
		return slot->tag;
	site = add_site(names, address, module);
	if (slot && site != UINT32_MAX) {
		slot->tag = site;
		slot->value = 1;
	}
	return site;
}

static int add_stack(struct rk_stack_names *names, const struct rk_op *op)
{
	uint32_t count = op->text_bytes / (uint32_t)sizeof(uint64_t);
	struct stack *stack;
	uint32_t *sites;

	if (!op->stack || op->stack > RK_STACK_IDS_MAX || !count || count > RK_STACK_DEPTH_MAX)
		return 0;
	if (!names->stacks)
		names->stacks = calloc(RK_STACK_IDS_MAX + 1, sizeof(*names->stacks));
	sites = names->stacks ? malloc(count * sizeof(*sites)) : NULL;
	if (!sites)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t address;

		memcpy(&address, op->text + i * sizeof(address), sizeof(address));
		sites[i] = site_of(names, address);
		if (sites[i] == UINT32_MAX) {
			free(sites);
			return -ENOMEM;
		}
	}
	stack = &names->stacks[op->stack];
	free(stack->sites);
	*stack = (struct stack){ sites, count };
	return 0;
}

int rk_stack_names_feed(struct rk_stack_names *names, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_MODULE:
		return add_module(names, op);
	case RK_OP_STACK:
		return add_stack(names, op);
	case RK_OP_TICK:
		names->left = READ_MAX;
		return 0;
	default:
		return 0;
	}
}

static const char *demangle(uint32_t name)
{
	const char *mangled = rk_intern_get(name);
	char *plain = cplus_demangle(mangled, DMGL_ANSI | DMGL_AUTO);
	const char *function = plain ? rk_intern_get(rk_intern(plain)) : mangled;

	free(plain);
	return function;
}

static void take_answer(struct rk_stack_names *names, struct site *site,
			const struct rk_elf_query *query, bool is_right_file)
{
	struct rk_stack_frame *frame = &site->frame;

	site->is_named = true;
	if (query->name)
		frame->function = demangle(query->name);
	if (names->lines && is_right_file && query->address != UINT64_MAX)
		names->lines->find(names->lines, frame->module, query->address, frame);
	frame->is_cuda = frame->is_cuda || is_cuda_function(frame->function);
}

/* Every site of @stack in the file of @module that has no name yet. */
static void name_sites(struct rk_stack_names *names, const struct stack *stack, uint32_t module)
{
	const struct module *in = &names->modules[module - 1];
	struct rk_elf_query queries[RK_STACK_DEPTH_MAX];
	struct site *sites[RK_STACK_DEPTH_MAX];
	uint64_t bytes_read = 0;
	size_t count = 0;
	int err;

	for (uint32_t i = 0; i < stack->count; i++) {
		struct site *site = &names->sites[stack->sites[i]];

		if (site->is_named || site->module != module)
			continue;
		sites[count] = site;
		queries[count++] = (struct rk_elf_query){ .offset = site->frame.offset - 1 };
	}
	/* Later: it is still without a name then. */
	if (names->is_live && !names->left)
		return;
	err = rk_elf_symbols_find(in->path, in->build_id, queries, count, &bytes_read);
	names->left -= bytes_read < names->left ? bytes_read : names->left;
	for (size_t i = 0; i < count; i++)
		take_answer(names, sites[i], &queries[i], err == 0);
}

uint32_t rk_stack_names_get(struct rk_stack_names *names, uint32_t id,
			    const struct rk_stack_frame **frames)
{
	const struct stack *stack;

	if (!names || !names->stacks || !id || id > RK_STACK_IDS_MAX)
		return 0;
	stack = &names->stacks[id];
	for (uint32_t i = 0; i < stack->count; i++) {
		const struct site *site = &names->sites[stack->sites[i]];

		if (!site->is_named && site->module)
			name_sites(names, stack, site->module);
		names->frames[i] = site->frame;
	}
	*frames = names->frames;
	return stack->count;
}

const struct rk_stack_frame *rk_stack_names_first(const struct rk_stack_frame *frames,
						  uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!frames[i].is_cuda)
			return &frames[i];
	}
	return count ? frames : NULL;
}

const char *rk_stack_names_format(char *out, size_t size, const struct rk_stack_frame *frame)
{
	const char *module = base_of(frame->module);

	if (*frame->function && *frame->file)
		snprintf(out, size, "%s at %s:%u", frame->function, frame->file, frame->line);
	else if (*frame->function)
		snprintf(out, size, "%s in %s", frame->function, module);
	else if (*module)
		snprintf(out, size, "%s+0x%llx", module, (unsigned long long)frame->offset);
	else
		snprintf(out, size, "0x%llx", (unsigned long long)frame->address);
	return out;
}

const char *rk_stack_names_write(struct rk_stack_names *names, uint32_t id, char *out, size_t size)
{
	const struct rk_stack_frame *frames;
	uint32_t count = rk_stack_names_get(names, id, &frames);
	char line[1024];
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		size_t length = strlen(rk_stack_names_format(line, sizeof(line), &frames[i]));

		if (used + length + 2 > size)
			break;
		if (used)
			out[used++] = '\n';
		memcpy(out + used, line, length + 1);
		used += length;
	}
	return out;
}
