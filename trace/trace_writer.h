/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_writer.h - ops into a file that is whole at every moment.
 *
 * The file is a row of independently decodable zstd frames (`zstd -t` and `zstd -d` work),
 * each at most 1 s or 1 MiB of ops in joined order, with a checksum, its own strings and its
 * own loss counts; a clean end adds an index in a skippable frame. docs/trace_format.md has
 * the format. No threads, no globals.
 */
#ifndef RK_TRACE_TRACE_WRITER_H
#define RK_TRACE_TRACE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"

struct rk_trace_writer;

/* What a file says about itself, written in its first frame. Strings may be "". */
struct rk_trace_meta {
	uint64_t seed;		/* span and trace ids derive from it */
	uint64_t start_wall_ns; /* UNIX time of the start of recording */
	uint64_t start_ns;	/* the same moment in rk_clock */
	uint32_t pid;
	uint32_t cupti_version;
	uint32_t cuda_version;	/* cuDriverGetVersion() */
	uint64_t loss_bound_ns; /* a SIGKILL loses at most this much committed time */
	/* Of a part: the first op that is its own, and what had been told before; 0 = no part. */
	uint64_t part_ordinal, part_kernels, part_memcpys, part_memsets;
	const char *executable;
	const char *host;
	const char *version;	      /* of rkpreload */
	const char *command_line;     /* "" unless asked for */
	const char *gpu_time_source;  /* "cupti" or "host" */
	const char *host_time_reason; /* why "host"; else "" */
	const char *traceparent, *tracestate, *baggage;
	const char *resource; /* k=v,k=v percent-encoded: all resource attributes */
	const char *sampling; /* KEY=VALUE lines: settings that decide which spans are sent */
};

struct rk_trace_options {
	uint64_t max_bytes; /* the file ends there, 0 = no cap; further ops are counted as lost */
	uint32_t level;	    /* zstd */
	bool check_free_space; /* stop below 5 % free */
	bool is_part; /* no other name than the one wanted: -EEXIST, and nothing is logged */
};

/**
 * Create a new file: 0600, O_EXCL, O_NOFOLLOW, O_CLOEXEC; a suffix .1, .2... if the name exists.
 *
 * @path: wanted name. rk_trace_writer_path() tells the one that was taken.
 * Context: exporter. Ownership: the caller, rk_trace_writer_close().
 * Return: 0 or -errno, logged once.
 */
int rk_trace_writer_open(struct rk_trace_writer **out, const char *path,
			 const struct rk_trace_meta *meta, const struct rk_trace_options *options);

/**
 * Ask @room how large the file may be, instead of options.max_bytes, whenever it is to grow.
 *
 * @room: makes it @wanted bytes at least, if that can be.
 * Context: exporter.
 */
void rk_trace_writer_set_room(struct rk_trace_writer *writer,
			      uint64_t (*room)(void *data, uint64_t wanted), void *data);

/**
 * Append one op. Buffered; written by rk_trace_writer_seal() or when 1 MiB is full.
 *
 * Context: exporter. Return: 0; -EINVAL for a kind that there is not, or an ordinal that is not
 *         above that of the op before, which no reader would take (counted as lost); -ENOSPC or
 *         -EFBIG once the file has ended early (counted); -EIO and others when the file was taken
 *         away. Never SIGXFSZ, SIGBUS or SIGPIPE.
 */
int rk_trace_writer_add(struct rk_trace_writer *writer, const struct rk_op *op);

/**
 * Write what is buffered as one sealed frame. No frame when nothing is buffered.
 *
 * Context: exporter, at least once a second. Return: as rk_trace_writer_add().
 */
int rk_trace_writer_seal(struct rk_trace_writer *writer);

/**
 * Note that spans @first to @last reached @destination. Written with the next seal or at the
 * close, also after RK_OP_END; not once the file has ended early.
 *
 * Context: exporter.
 */
void rk_trace_writer_acknowledge(struct rk_trace_writer *writer, const char *destination,
				 uint64_t first, uint64_t last);

/**
 * Begin a second file of everything that @from has taken so far: what is buffered is sealed
 * first. rk_trace_writer_copy() fills it, a piece at a time; then it takes ops of its own and is
 * closed as any other. Later ops of @from do not get into it.
 *
 * @path: as of rk_trace_writer_open(); never an overwrite.
 * Context: exporter. Ownership: the caller, rk_trace_writer_close() or _discard().
 * Return: 0 or -errno; not logged.
 */
int rk_trace_writer_fork(struct rk_trace_writer **out, struct rk_trace_writer *from,
			 const char *path);

/**
 * Copy @max_bytes more, at most. @from is the one it was forked from, and still open.
 *
 * Context: exporter. Return: 1 = there is more; 0 = that was all; -errno.
 */
int rk_trace_writer_copy(struct rk_trace_writer *writer, const struct rk_trace_writer *from,
			 uint64_t max_bytes);

/**
 * Close and remove the file, if the name still means it. Accepts NULL.
 *
 * Context: exporter.
 */
void rk_trace_writer_discard(struct rk_trace_writer *writer);

/**
 * Seal, write the index, close. Accepts NULL and a half-built writer.
 *
 * Context: exporter. Return: 0 or the first error the writer met.
 */
int rk_trace_writer_close(struct rk_trace_writer *writer);

/**
 * The name that was taken; bytes written so far; ops the file did not take.
 *
 * Context: exporter. Ownership: the path is borrowed until rk_trace_writer_close().
 */
const char *rk_trace_writer_path(const struct rk_trace_writer *writer);
uint64_t rk_trace_writer_bytes(const struct rk_trace_writer *writer);
uint64_t rk_trace_writer_lost(const struct rk_trace_writer *writer);

/**
 * Whether it ended early because it may not grow.
 *
 * Context: exporter.
 */
bool rk_trace_writer_is_full(const struct rk_trace_writer *writer);

#endif
