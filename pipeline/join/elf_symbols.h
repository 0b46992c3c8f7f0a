/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/elf_symbols.h - which function of an ELF file an offset lies in.
 *
 * The file is read in portions and never mapped: a file that is cut short while it is mapped kills
 * the process that looks. Nothing of the table is kept, as one can be bigger than all of ours; ask
 * for many offsets at once.
 */
#ifndef RK_PIPELINE_JOIN_ELF_SYMBOLS_H
#define RK_PIPELINE_JOIN_ELF_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct rk_elf_query {
	uint64_t offset;  /* in the file; in */
	uint64_t address; /* as the file counts; out; UINT64_MAX = nothing is loaded from there */
	uint32_t name;	  /* string: as the linker sees it; out; 0 = unknown */
	uint64_t begin;	  /* out: where that function begins */
};

/**
 * @build_id: in hex; "" = any. @bytes_read gets what was read, may be NULL.
 *
 * Context: exporter or tools.
 * Return: 0; -ENOENT and the like; -ESTALE when it is another file than @build_id says; -ENOEXEC
 * when it makes no sense; -ENOMEM.
 */
int rk_elf_symbols_find(const char *path, const char *build_id, struct rk_elf_query *queries,
			size_t count, uint64_t *bytes_read);

#endif
