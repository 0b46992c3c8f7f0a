/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export.h - a trace file in the formats of others: what a format is, and what it is given.
 *
 * The file is read once, front to back, and nothing of it is kept: a format writes what an op says
 * and forgets it. Only names, and what is added up on purpose (folded stacks), stay.
 */
#ifndef RK_TOOLS_EXPORT_H
#define RK_TOOLS_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/json_text.h"
#include "core/op.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/span/span.h"
#include "tools/export_output.h"
#include "trace/trace_writer.h"

#define RK_EXPORT_DEVICES 64
/* Room for a line with a name of the greatest length a file holds, every byte of it escaped. */
#define RK_EXPORT_LINE ((256u << 10) * 6 + (16u << 10))

struct rk_export {
	const struct rk_config *config;
	const struct rk_trace_meta *meta; /* borrowed from the reader */
	struct rk_export_output *output;  /* of the part that is being written */
	const char *path;		  /* its name while it is written; NULL = standard output */
	int64_t wall_offset_ns;		  /* UNIX time - rk_clock, as far as was read */
	const char *devices[RK_EXPORT_DEVICES]; /* names; NULL = not told */
	struct rk_handle_map threads;	  /* tid -> tag: string */
	char *line;			  /* RK_EXPORT_LINE bytes for whoever writes */
	bool whole_names;		  /* --demangled */
	void *state;			  /* of the format, in the part that is being written */
};

#define RK_EXPORT_TOLD -1000

/* What spans a format is given besides ops. */
enum rk_export_spans { RK_EXPORT_NO_SPANS, RK_EXPORT_RANGES, RK_EXPORT_ALL_SPANS };

struct rk_export_format {
	enum rk_export_spans spans;
	bool is_binary;	  /* not for a terminal */
	bool is_database; /* opens .path itself; there is no output */
	bool is_sum;	  /* added up over all of the file: cannot be split */
	/* A part of the output begins / takes an op or a span / ends. A later part is given the
	 * devices and threads again. Return: 0, -errno; RK_EXPORT_TOLD after it was said on
	 * stderr. end() also frees what begin() took. */
	int (*begin)(struct rk_export *x);
	int (*op)(struct rk_export *x, const struct rk_op *op);	      /* may be NULL */
	int (*span)(struct rk_export *x, const struct rk_span *span); /* may be NULL */
	int (*end)(struct rk_export *x);
	uint64_t (*size)(struct rk_export *x); /* bytes so far; NULL: those of the output */
};

#define RK_EXPORT_FORMAT(variable, name, ending, help) \
	extern const struct rk_export_format rk_export_##variable;
#include "tools/export_formats.def"
#undef RK_EXPORT_FORMAT

/**
 * Whether work has a time of the GPU / a time of the GPU or of the host.
 *
 * Context: tools.
 */
static inline bool rk_export_has_gpu_time(const struct rk_op *op)
{
	const unsigned without = RK_OP_F_OPEN | RK_OP_F_INVALID_TIME | RK_OP_F_HOST_TIME;

	return !(op->flags & without) && op->end && op->end >= op->start;
}

static inline bool rk_export_has_time(const struct rk_op *op)
{
	return !(op->flags & (RK_OP_F_OPEN | RK_OP_F_INVALID_TIME)) && op->end &&
	       op->end >= op->start;
}

/**
 * Whether @op is work on a GPU; a graph that was traced by its nodes is not, its nodes are.
 *
 * Context: tools.
 */
bool rk_export_is_work(const struct rk_op *op);

/**
 * Whether @op tells of a call, and is the one of its ops that does.
 *
 * Context: tools.
 */
bool rk_export_is_call(const struct rk_op *op);

/**
 * What people call the work: the kernel's name, "[CUDA memcpy Host-to-Device]" as nsys does.
 *
 * Context: tools. Return: "" where nothing is known. Ownership: borrowed for ever.
 */
const char *rk_export_name(const struct rk_export *x, const struct rk_op *op);

/**
 * "kernel", "memcpy", "memset", "graph".
 *
 * Context: any.
 */
const char *rk_export_category(const struct rk_op *op);

/**
 * ns since the start of recording. Negative for what the program did while its file was opened.
 *
 * Context: any.
 */
int64_t rk_export_since_start(const struct rk_export *x, uint64_t ns);

/**
 * The same of a time of a span, which is UNIX time.
 *
 * Context: any.
 */
int64_t rk_export_unix_since_start(const struct rk_export *x, uint64_t unix_ns);

/**
 * Name of a GPU / of a thread.
 *
 * Context: tools. Return: "" where it is not known.
 */
const char *rk_export_device_name(const struct rk_export *x, uint32_t device);
const char *rk_export_thread_name(const struct rk_export *x, uint32_t tid);

/**
 * Domain of a range of NVTX.
 *
 * Context: tools. Return: "" for the default one. Ownership: as @api.
 */
const char *rk_export_range_domain(const struct rk_span_api *api);

/**
 * Start a line of JSON in x->line, and write it, followed by @ending.
 *
 * Context: tools. Return of the second: 0; -EMSGSIZE where it does not fit.
 */
void rk_export_json_begin(struct rk_export *x, struct rk_json_text *json);
int rk_export_json_write(struct rk_export *x, struct rk_json_text *json, const char *ending);

#endif
