/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/stack_names.h - call stacks as people read them: function, file and line.
 *
 *   op STACK, MODULE -> [addresses and files] --asked for the first time--> names, kept
 *
 * Live on rk-exporter and on a file alike; nothing is looked up before somebody asks. Functions
 * come from the symbol tables of the files that stacks point into, and only from a file that still
 * is the one that was mapped then (its build id): otherwise a frame has a module and an offset,
 * and never the name of something else. Lines are somebody else's: see rk_stack_lines.
 */
#ifndef RK_PIPELINE_JOIN_STACK_NAMES_H
#define RK_PIPELINE_JOIN_STACK_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

/* One frame. Texts are interned, and "" where nothing is known. */
struct rk_stack_frame {
	uint64_t address;     /* where it returns to */
	uint64_t offset;      /* the same in the file .module */
	const char *module;   /* path */
	const char *function; /* demangled, without arguments */
	const char *file;     /* of the source */
	uint32_t line;	      /* 0 = unknown */
	bool is_cuda;	      /* of CUDA's own libraries, not the program's */
};

/* Who knows lines, by debug information. */
struct rk_stack_lines {
	/* Fill .file and .line, and .function where that is "". @path has been found to be the
	 * right file; @address as it is in there. */
	void (*find)(struct rk_stack_lines *lines, const char *path, uint64_t address,
		     struct rk_stack_frame *frame);
	void (*destroy)(struct rk_stack_lines *lines);
};

struct rk_stack_names;

/**
 * @lines may be NULL: there will be no lines.
 *
 * Context: exporter or tools; one thread, like everything here.
 * Ownership: the caller, rk_stack_names_destroy(); @lines goes with it, also when this fails.
 * Return: 0, -ENOMEM.
 */
int rk_stack_names_create(struct rk_stack_names **out, struct rk_stack_lines *lines);
void rk_stack_names_destroy(struct rk_stack_names *names);

/**
 * Take what @op tells of stacks (STACK, MODULE); every other kind is passed over.
 *
 * Context: as above. Return: 0, -ENOMEM: that stack stays unknown.
 */
int rk_stack_names_feed(struct rk_stack_names *names, const struct rk_op *op);

/**
 * Whether the feed has a use for @op: nearly none is worth a call.
 *
 * Context: any.
 */
static inline bool rk_stack_names_wants(const struct rk_op *op)
{
	return op->kind == RK_OP_STACK || op->kind == RK_OP_MODULE || op->kind == RK_OP_TICK;
}

/**
 * The frames of rk_op.stack @id, innermost first.
 *
 * Context: as above; may read files, once for every new address. Ownership: *@frames is borrowed
 * until the next feed or get. @names may be NULL.
 * Return: how many; 0 for 0 and for an unknown stack.
 */
uint32_t rk_stack_names_get(struct rk_stack_names *names, uint32_t id,
			    const struct rk_stack_frame **frames);

/**
 * The innermost frame that is the program's own, else the innermost one.
 *
 * Context: any. Return: NULL when @count is 0.
 */
const struct rk_stack_frame *rk_stack_names_first(const struct rk_stack_frame *frames,
						  uint32_t count);

/**
 * One frame as text: "train_step at train.cc:42", "train_step in libtrain.so",
 * "libtrain.so+0x1a2b", "0x7f0012345678".
 *
 * Context: any. Return: @out.
 */
const char *rk_stack_names_format(char *out, size_t size, const struct rk_stack_frame *frame);

/**
 * A whole stack as text, a line per frame, cut at a line's end where it does not fit.
 *
 * Context: as rk_stack_names_get(). Return: @out; "" for an unknown stack.
 */
const char *rk_stack_names_write(struct rk_stack_names *names, uint32_t id, char *out, size_t size);

#endif
