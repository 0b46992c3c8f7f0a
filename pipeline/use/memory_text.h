/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/memory_text.h - what is known of memory, in sentences.
 */
#ifndef RK_PIPELINE_USE_MEMORY_TEXT_H
#define RK_PIPELINE_USE_MEMORY_TEXT_H

#include <stddef.h>

#include "pipeline/join/stack_names.h"
#include "pipeline/use/memory_use.h"

#define RK_MEMORY_LINE_MAX  256u
#define RK_MEMORY_WHERE_MAX 256u
#define RK_MEMORY_TOLD	    5u /* top holders in a message */

/**
 * The verdict's line: peak, what was never freed, temporary ones.
 *
 * Context: exporter or tools. Return: @out; "" when no memory was ever asked for.
 */
const char *rk_memory_text_line(const struct rk_memory_use *use, char out[RK_MEMORY_LINE_MAX]);

/**
 * Where a holder took its memory: the frame of its stack that is the program's own, else the
 * CUDA function and the thread; "other".
 *
 * @names: NULL = stacks have no names here.
 * Context: as above; may read symbol tables. Return: @out.
 */
const char *rk_memory_text_where(const struct rk_memory_holder *holder,
				 struct rk_stack_names *names, char out[RK_MEMORY_WHERE_MAX]);

/**
 * Who holds most of @space now, a line each.
 *
 * @names: as above. Context: as above. Return: length, as snprintf.
 */
size_t rk_memory_text_holders(const struct rk_memory_use *use, const struct rk_memory_space *space,
			      struct rk_stack_names *names, char *out, size_t size);

/**
 * Of an ALLOC that was refused, or another call that failed because memory was out: what was
 * asked for, where that is known, what is held, and by whom. One line.
 *
 * @op: the ALLOC or ERROR, fed just now. Context: as above. Return: length, as snprintf.
 */
size_t rk_memory_text_refused(const struct rk_memory_use *use, struct rk_stack_names *names,
			      const struct rk_op *op, char *out, size_t size);

#endif
