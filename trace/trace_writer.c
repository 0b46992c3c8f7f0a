/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_writer.c - the file: created, sealed frame by frame, capped, closed.
 *
 * Before every write the file is looked at: that it is still ours (nobody closed or replaced
 * the descriptor, deleted or changed the file), that it stays below its cap and below the
 * process's RLIMIT_FSIZE (whose signal would end the program), that the disk has room. A
 * frame that does not fit is dropped as a whole and counted; what is on disk stays whole.
 *
 * Three states: RUNNING takes everything; CAPPED keeps the newest tick and the end, because
 * the final ledger is what tells how much is missing; DEAD takes nothing.
 */
#include "trace/trace_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "trace/trace_ack.h"
#include "trace/trace_encoder.h"
#include "trace/trace_frame.h"
#include "trace/trace_index.h"
#include "trace/trace_meta.h"

#define PATH_BYTES 4096
#define SUFFIX_MAX 999
#define COPY_BYTES (64u << 10)
/* Kept below the cap for what comes after the cap was reached: some ticks, the end, the index. */
#define RESERVE_BYTES (16u << 10)
/* The part of it that only the last tick, the end and the index may use. */
#define FINAL_BYTES	 (6u << 10)
#define INDEX_MIN_BYTES	 (RK_TRACE_INDEX_FIXED + RK_TRACE_INDEX_ENTRY)
#define FREE_SPACE_PARTS 20u /* 5 % */

enum writer_state { WRITER_RUNNING, WRITER_CAPPED, WRITER_DEAD };

struct rk_trace_writer {
	int fd;
	enum writer_state state;
	int stop_error;	 /* why it is not RUNNING */
	int first_error; /* for rk_trace_writer_close() */
	dev_t device;
	ino_t inode;
	uint64_t offset; /* end of the last whole frame */
	uint64_t copied_end; /* of one that was forked: it begins with that much of the other */
	uint64_t lost, lost_written;
	uint64_t last_ordinal; /* of the ops it was given */
	uint32_t sequence;
	struct rk_trace_options options;
	struct rk_trace_encoder *encoder;
	struct rk_trace_packer *packer;
	struct rk_op tick, end; /* newest ones not yet on disk */
	bool has_tick, has_end;
	struct rk_trace_index index;
	struct rk_trace_acks acks; /* not yet on disk */
	uint64_t (*room)(void *data, uint64_t wanted); /* may be NULL */
	void *room_data;
	char path[PATH_BYTES];
};

static int create_file(struct rk_trace_writer *writer, const char *path)
{
	unsigned suffix_max = writer->options.is_part ? 0 : SUFFIX_MAX;
	struct stat st;

	if (rk_sandbox_was_entered())
		return -EPERM;
	for (unsigned suffix = 0; suffix <= suffix_max; suffix++) {
		int length = suffix ? snprintf(writer->path, PATH_BYTES, "%s.%u", path, suffix) :
				      snprintf(writer->path, PATH_BYTES, "%s", path);

		if (length >= PATH_BYTES)
			return -ENAMETOOLONG;
		writer->fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				  0600);
		if (writer->fd >= 0 || errno != EEXIST)
			break;
	}
	if (writer->fd < 0)
		return -errno;
	if (fstat(writer->fd, &st))
		return -errno;
	writer->device = st.st_dev;
	writer->inode = st.st_ino;
	return 0;
}

/* Whether the descriptor still is the file we created, and nobody else wrote to it. */
static int check_identity(const struct rk_trace_writer *writer)
{
	struct stat st;

	if (fstat(writer->fd, &st))
		return -errno;
	if (st.st_dev != writer->device || st.st_ino != writer->inode)
		return -EBADF;
	if (st.st_nlink == 0)
		return -ENOENT;
	return (uint64_t)st.st_size == writer->offset ? 0 : -ESTALE;
}

/* First byte that may never be written, were the file to have @wanted bytes. */
static uint64_t hard_limit(const struct rk_trace_writer *writer, uint64_t wanted)
{
	uint64_t limit = writer->room		   ? writer->room(writer->room_data, wanted) :
			 writer->options.max_bytes ? writer->options.max_bytes :
						     UINT64_MAX;
	struct rlimit size;

	if (getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur != RLIM_INFINITY &&
	    size.rlim_cur < limit)
		limit = size.rlim_cur;
	return limit;
}

static uint64_t reserve_bytes(const struct rk_trace_writer *writer, uint64_t limit)
{
	uint64_t index = rk_trace_index_size(&writer->index);
	uint64_t reserve = writer->state == WRITER_RUNNING ? RESERVE_BYTES : FINAL_BYTES;

	if (writer->has_end || writer->sequence == 0)
		return INDEX_MIN_BYTES;
	if (writer->state == WRITER_RUNNING)
		reserve += index < limit / 16 ? index : limit / 16;
	return reserve < limit / 2 ? reserve : limit / 2;
}

static bool has_free_space(const struct rk_trace_writer *writer)
{
	struct statvfs disk;

	if (!writer->options.check_free_space || writer->state != WRITER_RUNNING)
		return true;
	return fstatvfs(writer->fd, &disk) || disk.f_bavail >= disk.f_blocks / FREE_SPACE_PARTS;
}

static int write_all(const struct rk_trace_writer *writer, const uint8_t *data, size_t size)
{
	uint64_t at = writer->offset;

	while (size) {
		ssize_t done = pwrite(writer->fd, data, size, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return -EIO;
		data += done;
		size -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

static int write_frame(struct rk_trace_writer *writer, const uint8_t *data, size_t size)
{
	uint64_t wanted =
		writer->offset + size + RESERVE_BYTES + rk_trace_index_size(&writer->index);
	uint64_t limit = hard_limit(writer, wanted);
	uint64_t reserve = reserve_bytes(writer, limit);
	int err = check_identity(writer);

	if (err)
		return err;
	if (limit < reserve || writer->offset + size > limit - reserve)
		return -EFBIG;
	if (!has_free_space(writer))
		return -ENOSPC;
	err = write_all(writer, data, size);
	/* Half a frame goes: what follows must not be glued to it. */
	if (err && ftruncate(writer->fd, (off_t)writer->offset))
		err = -EIO;
	if (!err)
		writer->offset += size;
	return err;
}

/* No further ops, because of @err. Says so, once. */
static void stop(struct rk_trace_writer *writer, int err)
{
	bool is_full = err == -EFBIG || err == -ENOSPC || err == -EDQUOT;

	if (!writer->first_error)
		writer->first_error = err;
	if (writer->state == WRITER_RUNNING)
		rk_log_warn("trace: could not write %s: %s; it ends at %" PRIu64
			    " bytes, later records are counted as lost",
			    writer->path,
			    err == -EFBIG  ? "its size limit is reached" :
			    err == -ENOSPC ? "the disk is nearly full" :
			    err == -ESTALE ? "somebody else changed the file" :
			    err == -EBADF  ? "its descriptor was closed or replaced" :
					     rk_strerror(err),
			    writer->offset);
	writer->state = is_full ? WRITER_CAPPED : WRITER_DEAD;
	writer->stop_error = err == -EDQUOT ? -ENOSPC : err;
}

static int write_description(struct rk_trace_writer *writer, const struct rk_trace_meta *meta)
{
	struct rk_trace_header header = { .type = RK_TRACE_BLOCK_DESCRIPTION };
	struct rk_trace_buffer block = { .data = malloc(RK_TRACE_META_BYTES) };
	const uint8_t *frame;
	size_t size;
	int err;

	if (!block.data)
		return -ENOMEM;
	block.size = rk_trace_meta_put(block.data, meta);
	err = rk_trace_frame_pack(writer->packer, &block, &frame, &size);
	free(block.data);
	if (!err)
		err = write_frame(writer, frame, size);
	if (err)
		return err;
	rk_trace_index_add(&writer->index, size, &header);
	writer->sequence = 1;
	return 0;
}

/* Take the file away again, if the name still means it. */
static void remove_file(const struct rk_trace_writer *writer)
{
	struct stat st;

	if (writer->fd >= 0 && writer->inode && lstat(writer->path, &st) == 0 &&
	    st.st_dev == writer->device && st.st_ino == writer->inode)
		unlink(writer->path);
}

static void destroy(struct rk_trace_writer *writer)
{
	struct stat st;

	/* A descriptor that became somebody else's is not ours to close. */
	if (writer->fd >= 0 && fstat(writer->fd, &st) == 0 && st.st_dev == writer->device &&
	    st.st_ino == writer->inode)
		close(writer->fd);
	rk_trace_packer_destroy(writer->packer);
	rk_trace_encoder_destroy(writer->encoder);
	free(writer);
}

int rk_trace_writer_open(struct rk_trace_writer **out, const char *path,
			 const struct rk_trace_meta *meta, const struct rk_trace_options *options)
{
	struct rk_trace_writer *writer = calloc(1, sizeof(*writer));
	int err;

	*out = NULL;
	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	writer->options = *options;
	err = rk_trace_encoder_create(&writer->encoder);
	if (!err)
		err = rk_trace_packer_create(&writer->packer, options->level, RK_TRACE_RAW_MAX);
	if (!err)
		err = create_file(writer, path);
	if (!err)
		err = write_description(writer, meta);
	if (err) {
		if (!options->is_part)
			rk_log_warn("trace: could not create %s: %s", path, rk_strerror(err));
		remove_file(writer);
		destroy(writer);
		return err;
	}
	*out = writer;
	return 0;
}

void rk_trace_writer_set_room(struct rk_trace_writer *writer,
			      uint64_t (*room)(void *data, uint64_t wanted), void *data)
{
	writer->room = room;
	writer->room_data = data;
}

int rk_trace_writer_fork(struct rk_trace_writer **out, struct rk_trace_writer *from,
			 const char *path)
{
	struct rk_trace_writer *writer = calloc(1, sizeof(*writer));
	int err;

	*out = NULL;
	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	rk_trace_writer_seal(from);
	writer->options =
		(struct rk_trace_options){ .level = from->options.level, .check_free_space = true };
	err = check_identity(from);
	if (!err)
		err = rk_trace_encoder_create(&writer->encoder);
	if (!err)
		err = rk_trace_packer_create(&writer->packer, writer->options.level,
					     RK_TRACE_RAW_MAX);
	if (!err)
		err = create_file(writer, path);
	if (!err && !has_free_space(writer))
		err = -ENOSPC;
	if (err) {
		rk_trace_writer_discard(writer);
		return err;
	}
	writer->index = from->index;
	writer->sequence = from->sequence;
	writer->last_ordinal = from->last_ordinal;
	writer->copied_end = from->offset;
	*out = writer;
	return 0;
}

int rk_trace_writer_copy(struct rk_trace_writer *writer, const struct rk_trace_writer *from,
			 uint64_t max_bytes)
{
	uint64_t until = writer->copied_end;
	uint8_t piece[COPY_BYTES];

	if (until - writer->offset > max_bytes)
		until = writer->offset + max_bytes;
	while (writer->offset < until) {
		uint64_t left = until - writer->offset;
		size_t size = left < sizeof(piece) ? (size_t)left : sizeof(piece);
		ssize_t got = pread(from->fd, piece, size, (off_t)writer->offset);
		int err;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		if (writer->offset + (uint64_t)got > hard_limit(writer, 0))
			return -EFBIG;
		err = write_all(writer, piece, (size_t)got);
		if (err)
			return err;
		writer->offset += (uint64_t)got;
	}
	return writer->offset < writer->copied_end;
}

void rk_trace_writer_discard(struct rk_trace_writer *writer)
{
	if (!writer)
		return;
	remove_file(writer);
	destroy(writer);
}

/* In CAPPED state only these reach the disk, in a block of their own. */
static void add_pending(struct rk_trace_writer *writer)
{
	rk_trace_encoder_reset(writer->encoder);
	if (writer->has_tick)
		rk_trace_encoder_add(writer->encoder, &writer->tick);
	if (writer->has_end)
		rk_trace_encoder_add(writer->encoder, &writer->end);
}

static int seal_block(struct rk_trace_writer *writer)
{
	struct rk_trace_header header = {
		.sequence = writer->sequence,
		.lost = writer->lost - writer->lost_written,
	};
	const struct rk_trace_buffer *block = rk_trace_encoder_finish(writer->encoder, &header);
	const uint8_t *frame;
	size_t size;
	int err;

	err = rk_trace_frame_pack(writer->packer, block, &frame, &size);
	if (!err)
		err = write_frame(writer, frame, size);
	if (err)
		return err;
	rk_trace_index_add(&writer->index, size, &header);
	writer->lost_written = writer->lost;
	writer->sequence++;
	writer->has_tick = writer->has_end = false;
	rk_trace_encoder_reset(writer->encoder);
	return 0;
}

/* The block cannot be written: count it, but keep its tick and its end if they may yet be. */
static void drop_block(struct rk_trace_writer *writer)
{
	uint32_t count = rk_trace_encoder_count(writer->encoder);

	if (writer->state == WRITER_DEAD)
		writer->has_tick = writer->has_end = false;
	writer->lost += count - writer->has_tick - writer->has_end;
	rk_trace_encoder_reset(writer->encoder);
}

static int seal_capped(struct rk_trace_writer *writer)
{
	int err;

	if (!writer->has_tick && !writer->has_end)
		return 0;
	add_pending(writer);
	err = seal_block(writer);
	if (!err)
		return 0;
	stop(writer, err);
	drop_block(writer);
	return err;
}

/* Ranges that find no room are forgotten: a replay then sends their spans once more, which is
 * too much, never too little. */
static int seal_acks(struct rk_trace_writer *writer)
{
	struct rk_trace_header header = { .sequence = writer->sequence };
	struct rk_trace_buffer block = { .data = malloc(RK_TRACE_ACK_BYTES) };
	const uint8_t *frame;
	size_t size;
	int err;

	if (!block.data)
		return -ENOMEM;
	block.size = rk_trace_ack_put(block.data, &writer->acks, &header);
	err = rk_trace_frame_pack(writer->packer, &block, &frame, &size);
	free(block.data);
	if (!err)
		err = write_frame(writer, frame, size);
	writer->acks.count = writer->acks.destination_count = 0;
	if (err)
		return err;
	rk_trace_index_add(&writer->index, size, &header);
	writer->sequence++;
	return 0;
}

void rk_trace_writer_acknowledge(struct rk_trace_writer *writer, const char *destination,
				 uint64_t first, uint64_t last)
{
	if (writer->state != WRITER_RUNNING || !first || last < first)
		return;
	if (rk_trace_ack_push(&writer->acks, destination, first, last))
		return;
	/* What comes after a range may lie in a block before it: the order does not matter. */
	if (seal_acks(writer) == 0)
		rk_trace_ack_push(&writer->acks, destination, first, last);
}

static int seal_ops(struct rk_trace_writer *writer)
{
	if (rk_trace_encoder_count(writer->encoder) == 0)
		return 0;
	return seal_block(writer);
}

int rk_trace_writer_seal(struct rk_trace_writer *writer)
{
	int err;

	if (writer->state == WRITER_RUNNING) {
		err = seal_ops(writer);
		if (!err) {
			if (writer->acks.count)
				seal_acks(writer);
			return 0;
		}
		stop(writer, err);
		drop_block(writer);
	}
	if (writer->state == WRITER_CAPPED)
		seal_capped(writer);
	return writer->stop_error;
}

static int add_stopped(struct rk_trace_writer *writer, const struct rk_op *op)
{
	if (writer->state == WRITER_CAPPED && op->kind == RK_OP_TICK) {
		writer->lost += writer->has_tick;
		writer->tick = *op;
		writer->has_tick = true;
		return 0;
	}
	if (writer->state == WRITER_CAPPED && op->kind == RK_OP_END) {
		writer->end = *op;
		writer->has_end = true;
		return 0;
	}
	writer->lost++;
	return writer->stop_error;
}

static int refuse(struct rk_trace_writer *writer, int err)
{
	writer->lost++;
	return err;
}

int rk_trace_writer_add(struct rk_trace_writer *writer, const struct rk_op *op)
{
	int err;

	/* Readers take a block that does not go on with the ordinals for damage. */
	if (op->ordinal <= writer->last_ordinal)
		return refuse(writer, -EINVAL);
	writer->last_ordinal = op->ordinal;
	if (writer->state != WRITER_RUNNING)
		return add_stopped(writer, op);
	err = rk_trace_encoder_add(writer->encoder, op);
	if (err == -ENOBUFS) {
		if (rk_trace_writer_seal(writer))
			return add_stopped(writer, op);
		err = rk_trace_encoder_add(writer->encoder, op);
	}
	if (err)
		return refuse(writer, err);
	if (op->kind == RK_OP_TICK) {
		writer->tick = *op;
		writer->has_tick = true;
	} else if (op->kind == RK_OP_END) {
		writer->end = *op;
		writer->has_end = true;
	}
	return 0;
}

static void write_index(struct rk_trace_writer *writer)
{
	uint64_t limit = hard_limit(writer, 0);
	size_t size = rk_trace_index_size(&writer->index);
	uint8_t *frame;

	if (writer->state == WRITER_DEAD || limit <= writer->offset || check_identity(writer))
		return;
	frame = malloc(size);
	if (!frame)
		return;
	size = rk_trace_index_put(&writer->index, frame, limit - writer->offset);
	/* A file without its index is still whole: no more than a slower look-up. */
	if (size && write_all(writer, frame, size) == 0)
		writer->offset += size;
	else if (size && ftruncate(writer->fd, (off_t)writer->offset))
		rk_log_debug("trace: could not cut %s after its last frame", writer->path);
	free(frame);
}

int rk_trace_writer_close(struct rk_trace_writer *writer)
{
	int err;

	if (!writer)
		return 0;
	rk_trace_writer_seal(writer);
	write_index(writer);
	err = writer->first_error;
	destroy(writer);
	return err;
}

const char *rk_trace_writer_path(const struct rk_trace_writer *writer)
{
	return writer->path;
}

uint64_t rk_trace_writer_bytes(const struct rk_trace_writer *writer)
{
	return writer->offset;
}

uint64_t rk_trace_writer_lost(const struct rk_trace_writer *writer)
{
	return writer->lost;
}

bool rk_trace_writer_is_full(const struct rk_trace_writer *writer)
{
	return writer->stop_error == -EFBIG;
}
