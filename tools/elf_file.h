/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/elf_file.h - what kind of program a file is, as far as preloading is concerned.
 */
#ifndef RK_TOOLS_ELF_FILE_H
#define RK_TOOLS_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct rk_elf_file {
	bool is_elf;		/* false: a script, or anything else */
	bool is_foreign;	/* another word size, byte order or machine */
	bool is_static;		/* no loader: nothing can be preloaded */
	bool has_kernels;	/* for the GPU: a section that nvcc makes */
	bool has_runtime;	/* NVIDIA's runtime is linked in */
	bool has_tsan;		/* built with ThreadSanitizer */
	bool has_asan;		/* AddressSanitizer is linked in */
	bool needs_driver;	/* libcuda.so.1, by name */
	uint16_t machine;	/* e_machine, of a foreign one too */
	char runtime[64];	/* the libcudart it needs; "" = none */
	char loader[128];	/* its PT_INTERP */
	char asan[64];		/* the libasan it needs; "" = none */
};

/**
 * Look at @path. A file that cannot be read or makes no sense is no ELF file.
 *
 * Context: tools.
 */
void rk_elf_file_read(struct rk_elf_file *elf, const char *path);

#endif
