/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/elf_file.c - headers, sections, DT_NEEDED and texts of a file, every offset checked.
 */
#include "tools/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const unsigned char *bytes;
	size_t size;
};

static const void *at(const struct image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

/* A string that ends inside the file. */
static const char *string_at(const struct image *image, uint64_t offset)
{
	const char *text = at(image, offset, 1);

	return text && memchr(text, '\0', image->size - offset) ? text : NULL;
}

static const ElfW(Phdr) * headers_of(const struct image *image, size_t *count)
{
	const ElfW(Ehdr) *elf = (const void *)image->bytes;

	*count = elf->e_phnum;
	if (elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff % _Alignof(ElfW(Phdr)))
		return NULL;
	return at(image, elf->e_phoff, *count * sizeof(ElfW(Phdr)));
}

static const ElfW(Phdr) * find_header(const struct image *image, uint32_t type)
{
	size_t count;
	const ElfW(Phdr) *header = headers_of(image, &count);

	for (size_t i = 0; header && i < count; i++) {
		if (header[i].p_type == type)
			return &header[i];
	}
	return NULL;
}

/* File offset of an address in memory; beyond the file when nothing is mapped there. */
static uint64_t offset_of(const struct image *image, uint64_t address)
{
	size_t count;
	const ElfW(Phdr) *header = headers_of(image, &count);

	for (size_t i = 0; header && i < count; i++) {
		if (header[i].p_type == PT_LOAD && address >= header[i].p_vaddr &&
		    address - header[i].p_vaddr < header[i].p_filesz)
			return address - header[i].p_vaddr + header[i].p_offset;
	}
	return UINT64_MAX;
}

static void note_needed(struct rk_elf_file *elf, const char *name)
{
	if (strncmp(name, "libasan.so", 10) == 0)
		snprintf(elf->asan, sizeof(elf->asan), "%s", name);
	else if (strncmp(name, "libtsan.so", 10) == 0)
		elf->has_tsan = true;
	else if (strncmp(name, "libcudart.so", 12) == 0)
		snprintf(elf->runtime, sizeof(elf->runtime), "%s", name);
	else if (strncmp(name, "libcuda.so", 10) == 0)
		elf->needs_driver = true;
}

static void read_needed(struct rk_elf_file *elf, const struct image *image)
{
	const ElfW(Phdr) *header = find_header(image, PT_DYNAMIC);
	const ElfW(Dyn) *dynamic = NULL;
	uint64_t strings = UINT64_MAX;
	size_t count = 0;

	if (header && header->p_offset % _Alignof(ElfW(Dyn)) == 0)
		dynamic = at(image, header->p_offset, header->p_filesz);
	if (dynamic)
		count = header->p_filesz / sizeof(*dynamic);
	for (size_t i = 0; i < count; i++) {
		if (dynamic[i].d_tag == DT_STRTAB)
			strings = offset_of(image, dynamic[i].d_un.d_ptr);
	}
	for (size_t i = 0; strings < image->size && i < count; i++) {
		const char *name = NULL;

		if (dynamic[i].d_tag == DT_NEEDED && dynamic[i].d_un.d_val < image->size)
			name = string_at(image, strings + dynamic[i].d_un.d_val);
		if (name)
			note_needed(elf, name);
	}
}

static bool has_section(const struct image *image, const char *wanted)
{
	const ElfW(Ehdr) *elf = (const void *)image->bytes;
	const ElfW(Shdr) *sections = NULL;
	uint64_t names;

	if (elf->e_shentsize == sizeof(*sections) && elf->e_shoff % _Alignof(ElfW(Shdr)) == 0)
		sections = at(image, elf->e_shoff, elf->e_shnum * sizeof(*sections));
	if (!sections || elf->e_shstrndx >= elf->e_shnum)
		return false;
	names = sections[elf->e_shstrndx].sh_offset;
	for (size_t i = 0; names < image->size && i < elf->e_shnum; i++) {
		const char *name = string_at(image, names + sections[i].sh_name);

		if (name && strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

/* Symbols may be stripped; texts that code refers to are not. */
static bool has_text(const struct image *image, const char *text)
{
	return memmem(image->bytes, image->size, text, strlen(text) + 1);
}

static void read_contents(struct rk_elf_file *elf, const struct image *image)
{
	elf->has_kernels = has_section(image, ".nv_fatbin");
	/* What it opens, and what it answers: its own names of errors. */
	elf->has_runtime = !*elf->runtime && has_text(image, "libcuda.so.1") &&
			   has_text(image, "cudaErrorMemoryAllocation");
	elf->has_asan = !*elf->asan && has_text(image, "__asan_init");
	elf->has_tsan |= has_text(image, "__tsan_init");
}

static bool is_native(const struct image *image)
{
	const ElfW(Ehdr) *elf = (const void *)image->bytes;
	const uint16_t order = 1;
	unsigned char little = *(const unsigned char *)&order;

	return image->size >= sizeof(*elf) &&
	       elf->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
	       elf->e_ident[EI_DATA] == (little ? ELFDATA2LSB : ELFDATA2MSB)
#if defined(__x86_64__)
	       && elf->e_machine == EM_X86_64
#elif defined(__aarch64__)
	       && elf->e_machine == EM_AARCH64
#endif
		;
}

static void read_image(struct rk_elf_file *elf, const struct image *image)
{
	const ElfW(Phdr) * header;
	const char *loader = NULL;

	if (image->size < EI_NIDENT || memcmp(image->bytes, ELFMAG, SELFMAG) != 0)
		return;
	elf->is_elf = true;
	elf->is_foreign = !is_native(image);
	if (image->size >= sizeof(ElfW(Ehdr)))
		elf->machine = ((const ElfW(Ehdr) *)image->bytes)->e_machine;
	if (elf->is_foreign)
		return;
	header = find_header(image, PT_INTERP);
	if (header)
		loader = string_at(image, header->p_offset);
	elf->is_static = !loader;
	if (loader)
		snprintf(elf->loader, sizeof(elf->loader), "%s", loader);
	read_needed(elf, image);
	read_contents(elf, image);
}

void rk_elf_file_read(struct rk_elf_file *elf, const char *path)
{
	struct image image = { 0 };
	struct stat st;
	void *bytes;
	int fd;

	memset(elf, 0, sizeof(*elf));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		image.size = (size_t)st.st_size;
		bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			image.bytes = bytes;
			read_image(elf, &image);
			munmap(bytes, image.size);
		}
	}
	close(fd);
}
