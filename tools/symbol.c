/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/symbol.c - lines of source by DWARF, read by libdw.
 */
#include "tools/symbol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"

#ifdef RK_HAVE_LIBDW
#include <elfutils/libdwfl.h>

#define FILES_MAX 64u /* that are open at the same time */

/* One file with its debug information. */
struct opened {
	const char *path; /* interned */
	Dwfl *dwfl;	  /* NULL = it has none */
	Dwfl_Module *module;
	GElf_Addr bias;
};

struct lines {
	struct rk_stack_lines base; /* first */
	struct opened files[FILES_MAX];
	size_t count;
};

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static void open_file(struct opened *file, const char *path)
{
	*file = (struct opened){ .path = path, .dwfl = dwfl_begin(&callbacks) };
	if (!file->dwfl)
		return;
	file->module = dwfl_report_offline(file->dwfl, path, path, -1);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (file->module && dwfl_module_getdwarf(file->module, &file->bias))
		return;
	dwfl_end(file->dwfl);
	file->dwfl = NULL;
}

static const struct opened *get_file(struct lines *lines, const char *path)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (lines->files[i].path == path)
			return &lines->files[i];
	}
	if (lines->count == FILES_MAX)
		dwfl_end(lines->files[--lines->count].dwfl);
	open_file(&lines->files[lines->count], path);
	return &lines->files[lines->count++];
}

/*
 * The line by each unit's own ranges: a file without a table of addresses (.debug_aranges, which
 * clang does not write unless told to) has no shorter way.
 */
static Dwarf_Line *search_units(Dwfl_Module *module, GElf_Addr address)
{
	Dwarf_Die *unit = NULL;
	Dwarf_Addr bias;

	while ((unit = dwfl_module_nextcu(module, unit, &bias))) {
		if (dwarf_haspc(unit, address - bias) == 1)
			return dwarf_getsrc_die(unit, address - bias);
	}
	return NULL;
}

/* Return: the source file, NULL where nothing tells it. */
static const char *find_line(Dwfl_Module *module, GElf_Addr address, int *number)
{
	Dwfl_Line *known = dwfl_module_getsrc(module, address);
	Dwarf_Line *searched;

	if (known)
		return dwfl_lineinfo(known, NULL, number, NULL, NULL, NULL);
	searched = search_units(module, address);
	if (!searched || dwarf_lineno(searched, number) != 0)
		return NULL;
	return dwarf_linesrc(searched, NULL, NULL);
}

/* @address is as the file counts; the module may count from elsewhere. */
static void find(struct rk_stack_lines *base, const char *path, uint64_t address,
		 struct rk_stack_frame *frame)
{
	const struct opened *file = get_file((struct lines *)base, path);
	GElf_Addr bias;
	const char *source;
	int number = 0;

	if (!file->dwfl || !dwfl_module_getelf(file->module, &bias))
		return;
	if (!*frame->function) {
		const char *name = dwfl_module_addrname(file->module, address + bias);

		if (name)
			frame->function = rk_intern_get(rk_intern(name));
	}
	source = find_line(file->module, address + bias, &number);
	if (!source || number <= 0)
		return;
	frame->file = rk_intern_get(rk_intern(source));
	frame->line = (uint32_t)number;
}

static void destroy(struct rk_stack_lines *base)
{
	struct lines *lines = (struct lines *)base;

	for (size_t i = 0; i < lines->count; i++)
		dwfl_end(lines->files[i].dwfl);
	free(lines);
}

static int create_lines(struct rk_stack_lines **out)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	*out = NULL;
	if (!lines)
		return -ENOMEM;
	lines->base = (struct rk_stack_lines){ find, destroy };
	*out = &lines->base;
	return 0;
}

bool rk_symbol_has_lines(void)
{
	return true;
}
#else
static void find(struct rk_stack_lines *lines, const char *path, uint64_t address,
		 struct rk_stack_frame *frame)
{
	(void)lines, (void)path, (void)address, (void)frame;
}

static void destroy(struct rk_stack_lines *lines)
{
	free(lines);
}

static int create_lines(struct rk_stack_lines **out)
{
	*out = malloc(sizeof(**out));
	if (!*out)
		return -ENOMEM;
	**out = (struct rk_stack_lines){ find, destroy };
	return 0;
}

bool rk_symbol_has_lines(void)
{
	return false;
}
#endif

int rk_symbol_names_create(struct rk_stack_names **out)
{
	struct rk_stack_lines *lines;
	int err = create_lines(&lines);

	*out = NULL;
	return err ? err : rk_stack_names_create(out, lines);
}
