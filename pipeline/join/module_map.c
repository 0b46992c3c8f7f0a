/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/module_map.c - lines of /proc/self/maps, notes of ELF files in memory.
 */
#include "pipeline/join/module_map.h"
#include "core/sandbox.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/intern.h"

#define MODULES_MAX 4096u
#define HEADERS_MAX 64u /* program headers that are looked at */
#define NOTES_MAX   4096u
#define BUILD_ID_MAX ((RK_BUILD_ID_HEX - 1) / 2)

/* The stretch of a file that a line of the maps tells of. */
struct line {
	uint64_t start, end, offset;
	char permissions[5];
	const char *path;
};

struct scan {
	struct rk_module_map fresh;
	size_t capacity;
	int memory;		  /* descriptor of /proc/self/mem, or -1 */
	char first_path[4096];	  /* of the mapping with offset 0 that was met last */
	uint64_t first_start;
};

static bool parse_line(char *text, struct line *line)
{
	unsigned long long start, end, offset;
	int at = 0;

	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%llx-%llx %4s %llx %*s %*s %n", &start, &end, line->permissions, &offset,
		   &at) != 4 ||
	    !at)
		return false;
	*line = (struct line){ .start = start, .end = end, .offset = offset, .path = text + at };
	memcpy(line->permissions, strchr(text, ' ') + 1, 4);
	return line->path[0] == '/';
}

static bool read_memory(int memory, void *out, size_t size, uint64_t address)
{
	return memory >= 0 && pread(memory, out, size, (off_t)address) == (ssize_t)size;
}

static void write_hex(char *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void find_build_id(const uint8_t *notes, size_t size, char *out)
{
	ElfW(Nhdr) note;

	while (size >= sizeof(note)) {
		size_t name, whole;

		memcpy(&note, notes, sizeof(note));
		if (note.n_namesz > size || note.n_descsz > size)
			return;
		name = (note.n_namesz + 3) & ~(size_t)3;
		whole = sizeof(note) + name + ((note.n_descsz + 3) & ~(size_t)3);
		if (whole > size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + sizeof(note), "GNU", 4) == 0) {
			write_hex(out, notes + sizeof(note) + name,
				  note.n_descsz < BUILD_ID_MAX ? note.n_descsz : BUILD_ID_MAX);
			return;
		}
		notes += whole;
		size -= whole;
	}
}

/* The file's beginning lies at @start. */
static void read_build_id(int memory, uint64_t start, char *out)
{
	ElfW(Phdr) headers[HEADERS_MAX];
	ElfW(Ehdr) elf;
	uint8_t notes[NOTES_MAX];
	uint64_t bias = start;
	size_t count;

	if (!read_memory(memory, &elf, sizeof(elf), start) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_phentsize != sizeof(headers[0]))
		return;
	count = elf.e_phnum < HEADERS_MAX ? elf.e_phnum : HEADERS_MAX;
	if (!read_memory(memory, headers, count * sizeof(headers[0]), start + elf.e_phoff))
		return;
	for (size_t i = count; i-- > 0;) {
		if (headers[i].p_type == PT_LOAD)
			bias = start + headers[i].p_offset - headers[i].p_vaddr;
	}
	for (size_t i = 0; i < count && !*out; i++) {
		size_t size = headers[i].p_memsz < NOTES_MAX ? headers[i].p_memsz : NOTES_MAX;

		if (headers[i].p_type == PT_NOTE &&
		    read_memory(memory, notes, size, bias + headers[i].p_vaddr))
			find_build_id(notes, size, out);
	}
}

static bool grow(struct scan *scan)
{
	size_t capacity = scan->capacity ? scan->capacity * 2 : 64;
	struct rk_module *grown;

	if (scan->fresh.count < scan->capacity)
		return true;
	if (capacity > MODULES_MAX)
		return false;
	grown = realloc(scan->fresh.modules, capacity * sizeof(*grown));
	if (!grown)
		return false;
	scan->fresh.modules = grown;
	scan->capacity = capacity;
	return true;
}

static void add_module(struct scan *scan, const struct line *line)
{
	struct rk_module *module;
	char *path;

	if (!grow(scan) || !(path = strdup(line->path)))
		return;
	module = &scan->fresh.modules[scan->fresh.count++];
	*module = (struct rk_module){
		.start = line->start, .end = line->end, .offset = line->offset, .path = path
	};
	if (line->offset == 0)
		read_build_id(scan->memory, line->start, module->build_id);
	else if (scan->first_start && strcmp(scan->first_path, path) == 0)
		read_build_id(scan->memory, scan->first_start, module->build_id);
}

static void take_line(struct scan *scan, const struct line *line)
{
	if (line->offset == 0) {
		snprintf(scan->first_path, sizeof(scan->first_path), "%s", line->path);
		scan->first_start = line->start;
	}
	if (line->permissions[2] == 'x')
		add_module(scan, line);
}

static bool is_same(const struct rk_module *a, const struct rk_module *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       strcmp(a->path, b->path) == 0 && strcmp(a->build_id, b->build_id) == 0;
}

static void keep_told(struct rk_module_map *fresh, const struct rk_module_map *old)
{
	for (size_t i = 0; i < fresh->count; i++) {
		const struct rk_module *before = rk_module_map_find(old, fresh->modules[i].start);

		fresh->modules[i].is_told =
			before && before->is_told && is_same(before, &fresh->modules[i]);
	}
}

static int count_loads(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	*(uint64_t *)data = info->dlpi_adds + info->dlpi_subs;
	return 1; /* the same for all of them */
}

static void read_lines(struct scan *scan, FILE *maps)
{
	char *text = NULL;
	size_t size = 0;
	struct line line;

	while (getline(&text, &size, maps) > 0) {
		if (parse_line(text, &line))
			take_line(scan, &line);
	}
	free(text);
}

uint64_t rk_module_map_loads(void)
{
	uint64_t loads = 0;

	dl_iterate_phdr(count_loads, &loads);
	return loads;
}

bool rk_module_map_find_stretch(uint64_t address, struct rk_mapped_stretch *out)
{
	FILE *maps = rk_sandbox_fopen("/proc/self/maps", "re");
	bool is_found = false, is_file;
	char *text = NULL;
	size_t size = 0;
	struct line line;

	while (maps && !is_found && getline(&text, &size, maps) > 0) {
		line = (struct line){ .start = 0 };
		is_file = parse_line(text, &line);
		is_found = address >= line.start && address < line.end;
		if (is_found)
			*out = (struct rk_mapped_stretch){ .start = line.start,
							   .end = line.end,
							   .path = is_file ? rk_intern(line.path) :
									     0 };
	}
	free(text);
	if (maps)
		fclose(maps);
	return is_found;
}

bool rk_module_map_refresh(struct rk_module_map *map, bool force)
{
	struct scan scan = { .memory = -1 };
	FILE *maps;

	dl_iterate_phdr(count_loads, &scan.fresh.loads);
	if (!force && map->count && scan.fresh.loads == map->loads)
		return false;
	maps = rk_sandbox_fopen("/proc/self/maps", "re");
	if (!maps)
		return false;
	scan.memory = rk_sandbox_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
	read_lines(&scan, maps);
	fclose(maps);
	if (scan.memory >= 0)
		close(scan.memory);
	keep_told(&scan.fresh, map);
	rk_module_map_finish(map);
	*map = scan.fresh;
	return true;
}

void rk_module_map_finish(struct rk_module_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->modules[i].path);
	free(map->modules);
	memset(map, 0, sizeof(*map));
}

struct rk_module *rk_module_map_find(const struct rk_module_map *map, uint64_t address)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->modules[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->count && map->modules[low].start <= address ? &map->modules[low] : NULL;
}
