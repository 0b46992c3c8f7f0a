/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_reader.h - the ops of a trace file, in order, from any file.
 *
 * A file that ends early (crash, full disk) is read up to its last whole frame; that is not
 * an error, the reader says how much was sealed and that the end is missing. A damaged frame
 * is an error that names its offset. Never crashes, never returns a wrong number.
 */
#ifndef RK_TRACE_TRACE_READER_H
#define RK_TRACE_TRACE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_ack.h"
#include "trace/trace_writer.h"

struct rk_trace_reader;

struct rk_trace_info {
	uint64_t file_bytes;
	uint64_t sealed_bytes; /* whole frames; `head -c sealed_bytes | zstd -t` is 0 */
	uint64_t frames;
	uint64_t ops;		 /* read so far */
	uint64_t passed_over;	 /* ops outside of the window, so far */
	uint64_t lost;		 /* ops the writer could not store, as far as was read */
	uint64_t last_record_ns; /* UNIX time of the newest op read so far */
	bool truncated;		 /* bytes after sealed_bytes */
	bool clean_end;		 /* RK_OP_END was read */
	char error[256];	 /* one line for people after -EBADMSG and friends */
};

/**
 * Open a trace and read its description. Where there is no file @path, its parts are read as one:
 * NAME.7.rkt.zst and those that follow, for NAME.rkt.zst.
 *
 * Context: exporter or tools. Ownership: the caller, rk_trace_reader_close().
 * Return: 0; -errno of open(2); -ENODATA (empty), -EPROTO (not a trace), -ENOTSUP (newer
 *         version), -EBADMSG (damaged), -ENOMEM. @error (256 bytes, may be NULL) gets one line
 *         that names the file and the way out.
 */
int rk_trace_reader_open(struct rk_trace_reader **out, const char *path, char *error);

/**
 * Call @visit for every range of acknowledged spans that is met while reading.
 *
 * Context: exporter or tools.
 */
void rk_trace_reader_visit_acks(struct rk_trace_reader *reader, rk_trace_ack_fn visit, void *data);

/**
 * The next op. Strings are interned.
 *
 * Context: exporter or tools.
 * Return: 1 and @op; 0 at the end of the sealed part; -EBADMSG (info.error), -ENOMEM.
 */
int rk_trace_reader_next(struct rk_trace_reader *reader, struct rk_op *op);

/**
 * Only ops between @first_ns and @last_ns (rk_clock, both included) are wanted: blocks that lie
 * outside are passed over without decoding, unless they hold definitions (core/op_kind.h). So
 * what comes is more than was asked for, never less. Before the first rk_trace_reader_next().
 *
 * Context: exporter or tools.
 */
void rk_trace_reader_set_window(struct rk_trace_reader *reader, uint64_t first_ns,
				uint64_t last_ns);

/**
 * The newest time of the file in rk_clock, by its index.
 *
 * Context: exporter or tools. Return: 0 where the file has no index, not being whole, or has parts.
 */
uint64_t rk_trace_reader_last_ns(const struct rk_trace_reader *reader);

/**
 * The file may have grown since rk_trace_reader_next() came to its end: go on if it has.
 *
 * Context: exporter or tools. Return: whether there is more to look at.
 */
bool rk_trace_reader_follow(struct rk_trace_reader *reader);

/**
 * What the file says about itself.
 *
 * Context: exporter or tools. Ownership: borrowed until rk_trace_reader_close().
 */
const struct rk_trace_meta *rk_trace_reader_meta(const struct rk_trace_reader *reader);
void rk_trace_reader_get_info(const struct rk_trace_reader *reader, struct rk_trace_info *info);
void rk_trace_reader_close(struct rk_trace_reader *reader);

#endif
