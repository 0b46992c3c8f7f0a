/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/kernel_name.h - what people call a kernel.
 *
 *   mangled     _ZN3foo9transposeILi32EfEEvPT0_PKS1_
 *   demangled   void foo::transpose<32, float>(float*, float const*)
 *   readable    foo::transpose        templates, return type and arguments left out
 *
 * The readable name is the default kernel_id; `kernels:` rules match on it.
 */
#ifndef RK_PIPELINE_JOIN_KERNEL_NAME_H
#define RK_PIPELINE_JOIN_KERNEL_NAME_H

#include <stdint.h>

#include "core/config.h"

struct rk_kernel_name {
	uint32_t mangled, demangled, readable; /* strings */
	uint32_t kernel_id, domain;	       /* after the rules */
	uint32_t root;			       /* "kernel:<kernel_id>" */
	/* the text of four of them: what every span of a kernel tells */
	const char *demangled_text, *readable_text, *kernel_id_text, *domain_text;
};

/**
 * All names of the kernel whose mangled name is string @mangled. Cached per id; a name longer
 * than 64 KiB is kept mangled and cut in its readable form.
 *
 * Context: exporter or tools; one thread. Never fails: falls back to the mangled name.
 */
const struct rk_kernel_name *rk_kernel_name_get(const struct rk_config *config, uint32_t mangled);

#endif
