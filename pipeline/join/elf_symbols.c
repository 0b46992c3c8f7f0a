/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/elf_symbols.c - .symtab, else .dynsym, in one pass for all that is asked.
 *
 * A stripped library keeps only what it exports in .dynsym. Between two exported functions lie
 * others, so a name counts only up to the function's size.
 */
#include "pipeline/join/elf_symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/intern.h"
#include "core/sandbox.h"

#define SECTIONS_MAX (1u << 16)
#define HEADERS_MAX  256u
#define NOTES_MAX    (64u << 10)
#define PORTION	     1024u /* symbols that are read at once */
#define NAME_MAX_BYTES 4096u /* a longer one is cut, and so left as it is */

struct file {
	int fd;
	uint64_t size;
	uint64_t bytes_read;
	ElfW(Ehdr) elf;
	ElfW(Shdr) * sections;
	size_t section_count;
};

/* What is known of an answer: where its name stands. */
struct found {
	uint64_t name_at;
	uint64_t begin;
	bool is_found;
};

static bool read_at(struct file *file, void *out, size_t size, uint64_t offset)
{
	if (offset > file->size || size > file->size - offset)
		return false;
	file->bytes_read += size;
	return pread(file->fd, out, size, (off_t)offset) == (ssize_t)size;
}

static int open_file(struct file *file, const char *path)
{
	struct stat st;

	/* Not a device or a pipe that somebody left under that name. */
	file->fd = rk_sandbox_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (file->fd < 0)
		return -errno;
	if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return -ENOEXEC;
	file->size = (uint64_t)st.st_size;
	if (!read_at(file, &file->elf, sizeof(file->elf), 0) ||
	    memcmp(file->elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    file->elf.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return -ENOEXEC;
	return 0;
}

static int read_sections(struct file *file)
{
	size_t count = file->elf.e_shnum, bytes = count * sizeof(*file->sections);

	if (!count || count > SECTIONS_MAX || file->elf.e_shentsize != sizeof(*file->sections))
		return 0; /* without any: nothing has a name */
	file->sections = malloc(bytes);
	if (!file->sections)
		return -ENOMEM;
	if (!read_at(file, file->sections, bytes, file->elf.e_shoff))
		return -ENOEXEC;
	file->section_count = count;
	return 0;
}

/* Whether the notes hold @wanted, in hex. */
static bool notes_match(const uint8_t *notes, size_t size, const char *wanted)
{
	ElfW(Nhdr) note;
	char hex[3];

	while (size >= sizeof(note)) {
		size_t name, whole;
		const uint8_t *id;

		memcpy(&note, notes, sizeof(note));
		if (note.n_namesz > size || note.n_descsz > size)
			return false;
		name = (note.n_namesz + 3) & ~(size_t)3;
		whole = sizeof(note) + name + ((note.n_descsz + 3) & ~(size_t)3);
		if (whole > size)
			return false;
		id = notes + sizeof(note) + name;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + sizeof(note), "GNU", 4) == 0) {
			for (size_t i = 0; i < note.n_descsz && wanted[2 * i]; i++) {
				snprintf(hex, sizeof(hex), "%02x", id[i]);
				if (strncmp(hex, wanted + 2 * i, 2) != 0)
					return false;
			}
			return true;
		}
		notes += whole;
		size -= whole;
	}
	return false;
}

static bool read_headers(struct file *file, ElfW(Phdr) headers[HEADERS_MAX], size_t *count)
{
	*count = file->elf.e_phnum;
	return *count <= HEADERS_MAX && file->elf.e_phentsize == sizeof(headers[0]) &&
	       read_at(file, headers, *count * sizeof(headers[0]), file->elf.e_phoff);
}

static bool is_build(struct file *file, const ElfW(Phdr) * headers, size_t count,
		     const char *wanted)
{
	bool is_right = false;

	for (size_t i = 0; i < count && !is_right; i++) {
		uint8_t *notes;

		if (headers[i].p_type != PT_NOTE || headers[i].p_filesz > NOTES_MAX)
			continue;
		notes = malloc(headers[i].p_filesz + 1);
		is_right = notes &&
			   read_at(file, notes, headers[i].p_filesz, headers[i].p_offset) &&
			   notes_match(notes, headers[i].p_filesz, wanted);
		free(notes);
	}
	return is_right;
}

static uint64_t address_of(const ElfW(Phdr) * headers, size_t count, uint64_t offset)
{
	for (size_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_LOAD && offset >= headers[i].p_offset &&
		    offset - headers[i].p_offset < headers[i].p_filesz)
			return offset - headers[i].p_offset + headers[i].p_vaddr;
	}
	return UINT64_MAX;
}

static const ElfW(Shdr) * find_table(const struct file *file)
{
	const ElfW(Shdr) *exported = NULL;

	for (size_t i = 0; i < file->section_count; i++) {
		const ElfW(Shdr) *section = &file->sections[i];

		if (section->sh_entsize != sizeof(ElfW(Sym)) ||
		    section->sh_link >= file->section_count)
			continue;
		if (section->sh_type == SHT_SYMTAB)
			return section;
		if (section->sh_type == SHT_DYNSYM)
			exported = section;
	}
	return exported;
}

static void look_at(const ElfW(Sym) * symbol, const ElfW(Shdr) * strings,
		    const struct rk_elf_query *queries, struct found *found, size_t count)
{
	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_name >= strings->sh_size)
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t address = queries[i].address;

		if (address < symbol->st_value || address - symbol->st_value >= symbol->st_size)
			continue;
		/* Of several the one that begins last: a part of another one. */
		if (found[i].is_found && found[i].begin >= symbol->st_value)
			continue;
		found[i] = (struct found){ .name_at = strings->sh_offset + symbol->st_name,
					   .begin = symbol->st_value,
					   .is_found = true };
	}
}

static int read_table(struct file *file, const ElfW(Shdr) * table,
		      const struct rk_elf_query *queries, struct found *found, size_t count)
{
	const ElfW(Shdr) *strings = &file->sections[table->sh_link];
	uint64_t left = table->sh_size / sizeof(ElfW(Sym)), at = table->sh_offset;
	ElfW(Sym) *symbols = malloc(PORTION * sizeof(*symbols));
	int err = symbols ? 0 : -ENOMEM;

	while (left && !err) {
		size_t portion = left < PORTION ? (size_t)left : PORTION;

		if (!read_at(file, symbols, portion * sizeof(*symbols), at))
			err = -ENOEXEC;
		for (size_t i = 0; i < portion && !err; i++)
			look_at(&symbols[i], strings, queries, found, count);
		left -= portion;
		at += portion * sizeof(*symbols);
	}
	free(symbols);
	return err;
}

static uint32_t read_name(struct file *file, uint64_t at)
{
	char name[NAME_MAX_BYTES];
	uint64_t left = at < file->size ? file->size - at : 0;
	size_t size = left < sizeof(name) - 1 ? (size_t)left : sizeof(name) - 1;

	if (!read_at(file, name, size, at))
		return 0;
	name[size] = '\0';
	return rk_intern(name);
}

static int find_names(struct file *file, struct rk_elf_query *queries, size_t count)
{
	const ElfW(Shdr) *table = find_table(file);
	struct found *found = table ? calloc(count, sizeof(*found)) : NULL;
	int err;

	if (!table)
		return 0;
	if (!found)
		return -ENOMEM;
	err = read_table(file, table, queries, found, count);
	for (size_t i = 0; i < count && !err; i++) {
		if (!found[i].is_found)
			continue;
		queries[i].name = read_name(file, found[i].name_at);
		queries[i].begin = found[i].begin;
	}
	free(found);
	return err;
}

static int find_in_file(struct file *file, const char *path, const char *build_id,
			struct rk_elf_query *queries, size_t count)
{
	ElfW(Phdr) headers[HEADERS_MAX];
	size_t header_count;
	int err = open_file(file, path);

	if (err)
		return err;
	if (!read_headers(file, headers, &header_count))
		return -ENOEXEC;
	if (*build_id && !is_build(file, headers, header_count, build_id))
		return -ESTALE;
	for (size_t i = 0; i < count; i++)
		queries[i].address = address_of(headers, header_count, queries[i].offset);
	err = read_sections(file);
	return err ? err : find_names(file, queries, count);
}

int rk_elf_symbols_find(const char *path, const char *build_id, struct rk_elf_query *queries,
			size_t count, uint64_t *bytes_read)
{
	struct file file = { .fd = -1 };
	int err;

	for (size_t i = 0; i < count; i++) {
		queries[i].address = UINT64_MAX;
		queries[i].name = 0;
		queries[i].begin = 0;
	}
	err = find_in_file(&file, path, build_id, queries, count);
	free(file.sections);
	if (file.fd >= 0)
		close(file.fd);
	if (bytes_read)
		*bytes_read = file.bytes_read;
	return err;
}
