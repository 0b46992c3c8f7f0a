/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/libc_symbol.c - reads libc's tables of symbols.
 *
 * The list of loaded objects only grows at its end and libc stays near its head, so walking it
 * without the loader's lock is safe. Comparisons are spelled out and uninstrumented: this runs
 * before a sanitizer's own library is ready.
 *
 * Everything here that not every libc has is a weak reference: a strong one, or the need of
 * glibc's loader that a strong one brings along, ends a program of another libc at its start.
 */
#include "interpose/libc_symbol.h"

#include <elf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSION_HIDDEN 0x8000 /* an old version, kept for programs that name it */

#pragma weak _r_debug
#pragma weak gnu_get_libc_version

/* The same in musl, whose list of objects begins with the same five words each. */
extern struct r_debug *_dl_debug_addr __attribute__((weak));

struct symbols {
	uintptr_t base;
	const ElfW(Sym) * table;
	const char *strings;
	const uint32_t *gnu_hash;
	const uint16_t *versions; /* may be NULL */
};

static RK_RAW bool is_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static RK_RAW const char *base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

/* The loader relocates these pointers in place, except where the section is read-only. */
static RK_RAW uintptr_t to_address(uintptr_t base, uintptr_t value)
{
	return value < base ? base + value : value;
}

static RK_RAW bool read_tables(const struct link_map *map, struct symbols *out)
{
	out->base = map->l_addr;
	out->table = NULL;
	out->strings = NULL;
	out->gnu_hash = NULL;
	out->versions = NULL;
	for (const ElfW(Dyn) *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		uintptr_t address = to_address(out->base, dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			out->table = (const ElfW(Sym) *)address;
		else if (dyn->d_tag == DT_STRTAB)
			out->strings = (const char *)address;
		else if (dyn->d_tag == DT_GNU_HASH)
			out->gnu_hash = (const uint32_t *)address;
		else if (dyn->d_tag == DT_VERSYM)
			out->versions = (const uint16_t *)address;
	}
	return out->table && out->strings && out->gnu_hash;
}

static RK_RAW uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

static RK_RAW void *find_in(const struct symbols *symbols, const char *name)
{
	const uint32_t *header = symbols->gnu_hash;
	uint32_t bucket_count = header[0];
	uint32_t first = header[1];
	uint32_t bloom_words = header[2];
	const uint32_t *buckets = header + 4 + bloom_words * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *chain = buckets + bucket_count;
	uint32_t hash = gnu_hash(name);
	uint32_t i = bucket_count ? buckets[hash % bucket_count] : 0;

	if (i < first)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *symbol = &symbols->table[i];
		bool is_old = symbols->versions && (symbols->versions[i] & VERSION_HIDDEN);

		if ((chain[i - first] | 1) == (hash | 1) && !is_old &&
		    symbol->st_shndx != SHN_UNDEF &&
		    is_equal(symbols->strings + symbol->st_name, name))
			return (void *)(symbols->base + symbol->st_value);
		if (chain[i - first] & 1) /* end of the chain */
			return NULL;
	}
}

static RK_RAW bool begins_with(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix) {
		text++;
		prefix++;
	}
	return !*prefix;
}

/* musl is one file, its loader, which goes by the name that the program gives for it. */
static RK_RAW bool is_libc(const char *path)
{
	const char *name = base_name(path);

	return is_equal(name, "libc.so.6") || begins_with(name, "ld-musl-") ||
	       is_equal(name, "libc.so") || begins_with(name, "libc.musl-");
}

static RK_RAW const struct link_map *first_object(void)
{
	if (&_r_debug)
		return _r_debug.r_map;
	return &_dl_debug_addr && _dl_debug_addr ? _dl_debug_addr->r_map : NULL;
}

RK_RAW bool rk_libc_symbol_is_glibc(void)
{
	return gnu_get_libc_version != NULL;
}

RK_RAW void *rk_libc_symbol_find(const char *name)
{
	struct symbols symbols;

	for (const struct link_map *map = first_object(); map; map = map->l_next)
		if (map->l_name && is_libc(map->l_name))
			return read_tables(map, &symbols) ? find_in(&symbols, name) : NULL;
	return NULL;
}
