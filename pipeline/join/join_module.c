/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_module.c - which file a kernel comes from.
 *
 *   module or library -> its file -> told for each kernel that gets its name from there
 *
 * Most code is loaded from memory, where the runtime library finds what the compiler put into the
 * program and its libraries: then it is the file that is mapped there. The maps are read once for
 * a stretch of memory and not for every module in it, and again where libraries came and went.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/join_op.h"
#include "pipeline/join/module_map.h"

#define MODULES_MAX  65536u
#define TOLD_MAX     65536u
#define STRETCHES    64u
#define INFO_BYTES   4352u
#define LOOK_EVERY_NS 1000000000ull
#define NOT_IN_FILES "(memory)"

struct rk_join_modules {
	struct rk_handle_map files; /* module or library -> string of its file in .tag */
	struct rk_handle_map told;  /* pairs of strings: kernel and file */
	struct rk_mapped_stretch stretches[STRETCHES];
	uint32_t seen; /* stretches so far */
	uint64_t loads, looked_ns;
};

static struct rk_join_modules *modules_get(struct rk_join *join)
{
	if (join->modules)
		return join->modules;
	join->modules = calloc(1, sizeof(*join->modules));
	if (!join->modules)
		return NULL;
	rk_handle_map_init(&join->modules->files, MODULES_MAX);
	rk_handle_map_init(&join->modules->told, TOLD_MAX);
	return join->modules;
}

/* What is not remembered any more is read anew: all, where libraries came and went, and after a
 * while, because programs map other memory without a word. */
static void look_again(struct rk_join_modules *modules, uint64_t when)
{
	uint64_t loads = rk_module_map_loads();

	if (loads == modules->loads && when < modules->looked_ns + LOOK_EVERY_NS)
		return;
	modules->seen = 0;
	modules->loads = loads;
	modules->looked_ns = when;
}

static uint32_t file_at(struct rk_join_modules *modules, uint64_t address, uint64_t when)
{
	struct rk_mapped_stretch *stretch;

	look_again(modules, when);
	for (uint32_t i = 0; i < modules->seen && i < STRETCHES; i++) {
		stretch = &modules->stretches[i];
		if (address >= stretch->start && address < stretch->end)
			return stretch->path;
	}
	stretch = &modules->stretches[modules->seen % STRETCHES];
	if (!rk_module_map_find_stretch(address, stretch))
		return 0;
	modules->seen++;
	return stretch->path;
}

void rk_join_note_module(struct rk_join *join, const struct rk_record *record)
{
	struct rk_join_modules *modules = modules_get(join);
	const struct rk_handle_slot *library;
	struct rk_handle_slot *slot;
	uint32_t file = record->module.file;

	if (!modules)
		return;
	library = rk_handle_map_get(&modules->files, record->module.owner);
	if (record->module.image)
		file = file_at(modules, record->module.image, rk_clock_ns(record->start));
	else if (!file && library)
		file = library->tag;
	if (!file && record->module.image)
		file = rk_intern(NOT_IN_FILES);
	slot = file ? rk_handle_map_put(&modules->files, record->module.handle) : NULL;
	if (slot)
		slot->tag = file;
}

void rk_join_forget_module(struct rk_join *join, uint64_t handle)
{
	if (join->modules)
		rk_handle_map_remove(&join->modules->files, handle);
}

static void tell(struct rk_join *join, uint32_t kernel, uint32_t file, uint64_t when)
{
	const struct rk_field module = { .key = "module",
					 .type = RK_FIELD_TEXT,
					 .text = rk_intern_get(file) };
	struct rk_op *op = rk_join_start_op(join, RK_OP_KERNEL_INFO);
	struct rk_fields_writer fields;
	uint8_t text[INFO_BYTES];

	rk_fields_writer_init(&fields, text, sizeof(text));
	rk_fields_put(&fields, &module);
	op->name = kernel;
	op->host_start = when;
	op->text = text;
	op->text_bytes = (uint32_t)fields.used;
	rk_join_emit(join, op);
	op->text = NULL;
	op->text_bytes = 0;
}

static void tell_once(struct rk_join *join, uint32_t kernel, uint64_t owner, uint64_t when)
{
	struct rk_join_modules *modules = join->modules;
	const struct rk_handle_slot *file;
	struct rk_handle_slot *told;

	file = modules ? rk_handle_map_get(&modules->files, owner) : NULL;
	if (!file || !kernel)
		return;
	told = rk_handle_map_put(&modules->told, (uint64_t)kernel << 32 | file->tag);
	if (!told || told->tag)
		return;
	told->tag = 1;
	tell(join, kernel, file->tag, when);
}

void rk_join_tell_module(struct rk_join *join, const struct rk_record *record, uint64_t owner)
{
	if (!join->setup.is_quiet)
		tell_once(join, record->name.name, owner, rk_clock_ns(record->start));
}

void rk_join_begin(struct rk_join *join, uint64_t now)
{
	const struct rk_handle_map *names = &join->names;

	join->setup.is_quiet = false;
	for (uint32_t i = 0; names->slots && i <= names->mask; i++) {
		if (names->slots[i].key)
			tell_once(join, names->slots[i].tag, names->slots[i].value, now);
	}
}

void rk_join_destroy_modules(struct rk_join *join)
{
	if (!join->modules)
		return;
	rk_handle_map_finish(&join->modules->files);
	rk_handle_map_finish(&join->modules->told);
	free(join->modules);
	join->modules = NULL;
}
