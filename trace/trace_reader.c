/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_reader.c - the file: frame by frame, whatever state it is in.
 *
 * One frame is in memory at a time. read(2), not mmap: a file that shrinks meanwhile must
 * give an end, not a SIGBUS. The index, where there is one, tells how many frames there
 * must be; so damage that looks like an early end is told from one.
 */
#include "trace/trace_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "core/log.h"
#include "trace/trace_decoder.h"
#include "trace/trace_frame.h"
#include "trace/trace_index.h"
#include "trace/trace_meta.h"
#include "trace/trace_set.h"

#define WINDOW_START (256u << 10)
/* The longest frame of a block, and what zstd may add to incompressible bytes. */
#define WINDOW_MAX (RK_TRACE_RAW_MAX + (RK_TRACE_RAW_MAX >> 7) + (64u << 10))

struct rk_trace_reader {
	int fd;
	int failed; /* -errno of a damaged file, for every further call */
	bool at_end;
	ZSTD_DCtx *zstd;
	struct rk_trace_decoder *decoder;
	uint8_t *window; /* bytes of the file from .window_offset on */
	size_t window_size, window_capacity;
	uint64_t window_offset;
	uint8_t *block;
	size_t block_capacity;
	uint64_t file_bytes; /* of the part at hand, if there are parts */
	uint64_t offset;     /* of the next frame */
	uint64_t data_bytes; /* frames before the index; 0 = no index */
	uint32_t sequence;   /* of the next block of ops */
	uint32_t frames, index_frames; /* of the part at hand */
	uint64_t index_last_ns; /* newest time of all entries */
	uint64_t window_first_ns, window_last_ns;
	int64_t wall_offset;
	uint64_t newest; /* time of the ops since the wall offset changed; 0 = none */
	uint64_t last_ordinal;
	uint64_t told_ordinal; /* what came with the parts before; a part repeats some of it */
	uint64_t bytes_before; /* sealed ones of the parts before */
	struct rk_trace_set set; /* none where a file was opened by its own name */
	struct rk_trace_meta meta;
	char *meta_strings;
	rk_trace_ack_fn visit_ack; /* may be NULL */
	void *visit_data;
	struct rk_trace_info info;
	char path[256]; /* for messages; cut if longer */
	char *set_path; /* NULL = no set */
};

static int fail(struct rk_trace_reader *reader, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct rk_trace_reader *reader, int err, const char *format, ...)
{
	size_t room = sizeof(reader->info.error);
	int length = snprintf(reader->info.error, room, "%.120s: ", reader->path);
	va_list args;

	va_start(args, format);
	vsnprintf(reader->info.error + length, room - (size_t)length, format, args);
	va_end(args);
	reader->failed = err;
	return err;
}

static int damaged(struct rk_trace_reader *reader)
{
	if (reader->info.ops == 0)
		return fail(reader, -EBADMSG, "damaged at byte %" PRIu64 ", before any record",
			    reader->offset);
	return fail(reader, -EBADMSG,
		    "damaged at byte %" PRIu64 "; the %" PRIu64
		    " records before it can be kept: head -c %" PRIu64 " FILE > NEW.rkt.zst",
		    reader->offset, reader->info.ops, reader->offset);
}

static int read_at(const struct rk_trace_reader *reader, uint64_t offset, uint8_t *to, size_t size,
		   size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t done = pread(reader->fd, to + *got, size - *got, (off_t)(offset + *got));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
}

/* Have @wanted bytes of the next frame in the window, or all that the file has. */
static int fill_window(struct rk_trace_reader *reader, size_t wanted)
{
	size_t skip = (size_t)(reader->offset - reader->window_offset);
	size_t got;
	int err;

	if (skip <= reader->window_size && reader->window_size - skip >= wanted)
		return 0;
	if (skip > reader->window_size)
		skip = reader->window_size;
	if (skip)
		memmove(reader->window, reader->window + skip, reader->window_size - skip);
	reader->window_size -= skip;
	reader->window_offset = reader->offset;
	if (wanted > reader->window_capacity) {
		uint8_t *bigger = realloc(reader->window, wanted);

		if (!bigger)
			return -ENOMEM;
		reader->window = bigger;
		reader->window_capacity = wanted;
	}
	err = read_at(reader, reader->offset + reader->window_size,
		      reader->window + reader->window_size,
		      reader->window_capacity - reader->window_size, &got);
	reader->window_size += got;
	return err;
}

/* What lies at reader->offset; the window then holds all of a DATA frame. */
static int look(struct rk_trace_reader *reader, enum rk_trace_frame_kind *kind,
		uint64_t *frame_size, size_t *content_size)
{
	size_t wanted = 32;

	for (;;) {
		size_t have;
		int err = fill_window(reader, wanted);

		if (err)
			return err;
		have = reader->window_size - (size_t)(reader->offset - reader->window_offset);
		*kind = rk_trace_frame_look(reader->window +
						    (reader->offset - reader->window_offset),
					    have, frame_size, content_size);
		if (*kind != RK_TRACE_FRAME_INCOMPLETE || have < wanted || wanted == WINDOW_MAX)
			return 0;
		wanted = have * 2 > WINDOW_START ? have * 2 : WINDOW_START;
		if (wanted > WINDOW_MAX)
			wanted = WINDOW_MAX;
	}
}

static int decompress(struct rk_trace_reader *reader, uint64_t frame_size, size_t content_size)
{
	const uint8_t *frame = reader->window + (reader->offset - reader->window_offset);
	size_t got;

	if (content_size > reader->block_capacity) {
		uint8_t *bigger = realloc(reader->block, content_size);

		if (!bigger)
			return -ENOMEM;
		reader->block = bigger;
		reader->block_capacity = content_size;
	}
	got = ZSTD_decompressDCtx(reader->zstd, reader->block, content_size, frame,
				  (size_t)frame_size);
	return got == content_size ? 0 : -EBADMSG;
}

/* Whether only zeros follow: a file system that lost power has the length, not the bytes. */
static bool only_zeros_follow(const struct rk_trace_reader *reader)
{
	uint64_t at = reader->offset;
	uint8_t part[4096];
	size_t got;

	do {
		if (read_at(reader, at, part, sizeof(part), &got))
			return false;
		for (size_t i = 0; i < got; i++) {
			if (part[i])
				return false;
		}
		at += got;
	} while (got == sizeof(part));
	return true;
}

static int finish(struct rk_trace_reader *reader)
{
	bool is_complete = reader->offset == reader->file_bytes;

	reader->at_end = true;
	reader->info.truncated = !is_complete;
	if (reader->data_bytes && (!is_complete || reader->frames != reader->index_frames))
		return damaged(reader);
	return 0;
}

static void pass(struct rk_trace_reader *reader, uint64_t frame_size)
{
	reader->offset += frame_size;
	reader->info.sealed_bytes = reader->bytes_before + reader->offset;
}

/* Times of a block are 0 where none of its ops has one. */
static bool is_outside(const struct rk_trace_reader *reader, const struct rk_trace_header *header)
{
	return header->last_ns && (header->last_ns < reader->window_first_ns ||
				   header->first_ns > reader->window_last_ns);
}

static int load_ops(struct rk_trace_reader *reader, const struct rk_trace_header *header)
{
	int err;

	if (header->op_count && header->first_ordinal <= reader->last_ordinal)
		return damaged(reader);
	err = rk_trace_decoder_load(reader->decoder, reader->block, header);
	if (err == -ENOMEM)
		return fail(reader, err, "not enough memory to read it");
	if (err)
		return damaged(reader);
	if (is_outside(reader, header) && !rk_trace_decoder_has_definitions(reader->decoder)) {
		rk_trace_decoder_drop(reader->decoder);
		reader->info.passed_over += header->op_count;
	}
	return 0;
}

static int load_block(struct rk_trace_reader *reader, uint64_t frame_size, size_t content_size)
{
	struct rk_trace_header header;
	int err = decompress(reader, frame_size, content_size);

	if (!err)
		err = rk_trace_header_get(reader->block, content_size, &header);
	if (err == -ENOMEM)
		return fail(reader, err, "not enough memory to read it");
	if (err || header.sequence != reader->sequence || header.type == RK_TRACE_BLOCK_DESCRIPTION)
		return damaged(reader);
	if (header.type == RK_TRACE_BLOCK_OPS)
		err = load_ops(reader, &header);
	if (err)
		return err;
	if (header.type == RK_TRACE_BLOCK_ACKS &&
	    rk_trace_ack_get(reader->block, &header, reader->visit_ack, reader->visit_data))
		return damaged(reader);
	reader->sequence++;
	reader->info.frames++;
	reader->frames++;
	reader->info.lost += header.lost;
	pass(reader, frame_size);
	return 1;
}

/* The next block of the file at hand: 1; 0 at its end; -errno. */
static int next_block_of_file(struct rk_trace_reader *reader)
{
	enum rk_trace_frame_kind kind;
	uint64_t frame_size = 0;
	size_t content_size = 0;
	int err;

	while (!reader->at_end) {
		if (reader->data_bytes && reader->offset >= reader->data_bytes) {
			pass(reader, reader->file_bytes - reader->offset);
			return finish(reader);
		}
		if (reader->offset >= reader->file_bytes)
			return finish(reader);
		err = look(reader, &kind, &frame_size, &content_size);
		if (err)
			return fail(reader, err, "could not read it: %s", rk_strerror(err));
		switch (kind) {
		case RK_TRACE_FRAME_DATA:
			return load_block(reader, frame_size, content_size);
		case RK_TRACE_FRAME_SKIPPABLE:
			if (frame_size > reader->file_bytes - reader->offset)
				return finish(reader);
			pass(reader, frame_size);
			break;
		case RK_TRACE_FRAME_INCOMPLETE:
			return finish(reader);
		case RK_TRACE_FRAME_FOREIGN:
			if (only_zeros_follow(reader))
				return finish(reader);
			return damaged(reader);
		case RK_TRACE_FRAME_DAMAGED:
			return damaged(reader);
		}
	}
	return 0;
}

/* UNIX time of the newest op so far, with the ops since the latest CLOCK counted in. */
static uint64_t last_record(const struct rk_trace_reader *reader)
{
	uint64_t newest = reader->newest + (uint64_t)reader->wall_offset;

	return reader->newest && newest > reader->info.last_record_ns ? newest :
									reader->info.last_record_ns;
}

static inline uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void note(struct rk_trace_reader *reader, const struct rk_op *op)
{
	uint64_t newest = later(later(op->host_end, op->end), later(op->host_start, op->start));

	if (op->kind == RK_OP_CLOCK) {
		reader->info.last_record_ns = last_record(reader);
		reader->newest = 0;
		reader->wall_offset = op->clock.wall_offset_ns;
	}
	if (op->kind == RK_OP_END)
		reader->info.clean_end = true;
	reader->newest = later(reader->newest, newest);
	reader->info.ops++;
}

/* A part begins with definitions that others have told, and ends with an end that is none, if
 * there is one behind it. */
static bool is_repeated(struct rk_trace_reader *reader, const struct rk_op *op)
{
	if (op->ordinal <= reader->told_ordinal)
		return true;
	return op->kind == RK_OP_END && reader->set_path &&
	       rk_trace_set_refresh(&reader->set, reader->set_path);
}

bool rk_trace_reader_follow(struct rk_trace_reader *reader)
{
	struct stat st;

	if (!reader->failed && reader->set_path &&
	    rk_trace_set_refresh(&reader->set, reader->set_path)) {
		reader->info.clean_end = false;
		return true;
	}
	if (reader->failed || reader->info.clean_end || fstat(reader->fd, &st) ||
	    (uint64_t)st.st_size <= reader->file_bytes)
		return false;
	reader->info.file_bytes += (uint64_t)st.st_size - reader->file_bytes;
	reader->file_bytes = (uint64_t)st.st_size;
	reader->info.truncated = false;
	reader->at_end = false;
	return true;
}

void rk_trace_reader_set_window(struct rk_trace_reader *reader, uint64_t first_ns, uint64_t last_ns)
{
	reader->window_first_ns = first_ns;
	reader->window_last_ns = last_ns;
}

uint64_t rk_trace_reader_last_ns(const struct rk_trace_reader *reader)
{
	return reader->set_path ? 0 : reader->index_last_ns;
}

void rk_trace_reader_visit_acks(struct rk_trace_reader *reader, rk_trace_ack_fn visit, void *data)
{
	reader->visit_ack = visit;
	reader->visit_data = data;
}

static uint64_t newest_of(const struct rk_trace_index *index)
{
	uint64_t newest = 0;

	for (uint32_t i = 0; i < index->count; i++) {
		if (index->entries[i].last_ns > newest)
			newest = index->entries[i].last_ns;
	}
	return newest;
}

/* An index at the end, if it is whole, says how long the rest must be. */
static int load_index(struct rk_trace_reader *reader)
{
	uint64_t file_bytes = reader->file_bytes, length;
	struct rk_trace_index *index;
	uint8_t *frame;
	uint8_t tail[8];
	size_t got;

	if (file_bytes < sizeof(tail) || read_at(reader, file_bytes - 8, tail, 8, &got) || got != 8)
		return 0;
	length = rk_trace_index_length(tail);
	if (length == 0 || length > file_bytes)
		return 0;
	frame = malloc((size_t)length);
	index = malloc(sizeof(*index));
	if (frame && index &&
	    read_at(reader, file_bytes - length, frame, (size_t)length, &got) == 0 &&
	    got == length && rk_trace_index_get(index, frame, (size_t)length) == 0 &&
	    index->data_bytes == file_bytes - length) {
		reader->data_bytes = index->data_bytes;
		reader->index_frames = index->frames;
		reader->index_last_ns = newest_of(index);
	}
	got = frame && index;
	free(index);
	free(frame);
	return got ? 0 : -ENOMEM;
}

/* A few bytes of something else are no trace that was cut off. */
static bool begins_as_zstd(struct rk_trace_reader *reader)
{
	static const uint8_t magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
	uint8_t first[sizeof(magic)];
	size_t got = 0;

	return !read_at(reader, 0, first, sizeof(first), &got) && !memcmp(first, magic, got);
}

static int load_description(struct rk_trace_reader *reader)
{
	enum rk_trace_frame_kind kind;
	struct rk_trace_header header;
	uint64_t frame_size = 0;
	size_t content_size = 0;
	int err = look(reader, &kind, &frame_size, &content_size);

	if (err)
		return fail(reader, err, "could not read it: %s", rk_strerror(err));
	if (kind == RK_TRACE_FRAME_INCOMPLETE && !begins_as_zstd(reader))
		kind = RK_TRACE_FRAME_FOREIGN;
	if (kind == RK_TRACE_FRAME_INCOMPLETE)
		return fail(reader, -ENODATA,
			    "ends after %" PRIu64
			    " bytes, inside its description: nothing was recorded",
			    reader->file_bytes);
	if (kind == RK_TRACE_FRAME_FOREIGN || kind == RK_TRACE_FRAME_SKIPPABLE)
		return fail(
			reader, -EPROTO,
			"not a rkpreload trace; such files are written by rktrace run, and end in "
			".rkt.zst");
	if (kind == RK_TRACE_FRAME_DATA)
		err = decompress(reader, frame_size, content_size);
	if (err == -ENOMEM)
		return fail(reader, err, "not enough memory to read it");
	if (kind == RK_TRACE_FRAME_DAMAGED || err)
		return fail(reader, -EBADMSG, "damaged in its first frame, or no rkpreload trace");
	err = rk_trace_header_get(reader->block, content_size, &header);
	if (err == -ENOTSUP)
		return fail(reader, err,
			    "has format version %u, this program reads %u to %u: use the rktrace "
			    "that came with the library which wrote it",
			    header.major, RK_TRACE_MAJOR_OLDEST, RK_TRACE_MAJOR);
	if (err == -EPROTO || (!err && header.type != RK_TRACE_BLOCK_DESCRIPTION))
		return fail(
			reader, -EPROTO,
			"zstd, but not a rkpreload trace; such files are written by rktrace run");
	if (!err)
		err = rk_trace_meta_get(reader->block, &header, &reader->meta,
					&reader->meta_strings);
	if (err == -ENOMEM)
		return fail(reader, err, "not enough memory to read it");
	if (err)
		return fail(reader, -EBADMSG, "damaged in its description");
	reader->sequence = 1;
	reader->info.frames++;
	reader->frames = 1;
	reader->wall_offset = (int64_t)(reader->meta.start_wall_ns - reader->meta.start_ns);
	pass(reader, frame_size);
	return 0;
}

static int open_file(struct rk_trace_reader *reader, const char *path)
{
	struct stat st;

	/* O_NONBLOCK: a pipe without a writer must not hang the tool. */
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reader->fd < 0 || fstat(reader->fd, &st)) {
		int err = -errno;

		return fail(reader, err, "could not open it: %s", rk_strerror(err));
	}
	if (S_ISDIR(st.st_mode))
		return fail(reader, -EISDIR, "a folder; name a trace in it: those end in .rkt.zst");
	if (!S_ISREG(st.st_mode))
		return fail(reader, -EINVAL, "not a regular file; copy the trace into one first");
	if (st.st_size == 0)
		return fail(reader, -ENODATA,
			    "empty: the program ended before anything was recorded");
	reader->file_bytes = (uint64_t)st.st_size;
	return 0;
}

/* The index and the description of the file at hand. */
static int load_head(struct rk_trace_reader *reader)
{
	int err = load_index(reader);

	return err ? err : load_description(reader);
}

static void leave_part(struct rk_trace_reader *reader)
{
	reader->info.last_record_ns = last_record(reader);
	reader->bytes_before = reader->info.sealed_bytes;
	reader->told_ordinal = later(reader->told_ordinal, reader->last_ordinal);
	reader->newest = reader->last_ordinal = reader->offset = 0;
	reader->window_offset = reader->window_size = reader->data_bytes = 0;
	reader->at_end = false;
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
}

/* The description of the first part stays: it is the caller's. */
static int enter_part(struct rk_trace_reader *reader, const char *path)
{
	struct rk_trace_meta meta = reader->meta;
	char *strings = reader->meta_strings;
	int err;

	snprintf(reader->path, sizeof(reader->path), "%s", path);
	reader->meta_strings = NULL;
	err = open_file(reader, path);
	if (!err)
		err = load_head(reader);
	if (strings) {
		free(reader->meta_strings);
		reader->meta = meta;
		reader->meta_strings = strings;
	}
	return err;
}

/* The next part that is there: one may have been deleted since it was found, and the newest may
 * have been begun just now. 1; 0 = there is none; -errno. */
static int next_part(struct rk_trace_reader *reader)
{
	int err = -ENOENT;

	if (!reader->set_path || !rk_trace_set_refresh(&reader->set, reader->set_path))
		return 0;
	leave_part(reader);
	while (reader->set.next < reader->set.count && err == -ENOENT)
		err = enter_part(reader, reader->set.parts[reader->set.next++].path);
	if (err == -ENOENT || err == -ENODATA) {
		reader->failed = 0;
		reader->at_end = true;
		return 0;
	}
	return err ? err : 1;
}

static int next_block(struct rk_trace_reader *reader)
{
	int got = next_block_of_file(reader);

	while (got == 0 && (got = next_part(reader)) > 0)
		got = next_block_of_file(reader);
	return got;
}

int rk_trace_reader_next(struct rk_trace_reader *reader, struct rk_op *op)
{
	int err = reader->failed;

	while (!err) {
		err = rk_trace_decoder_next(reader->decoder, op);
		if (err > 0) {
			if (is_repeated(reader, op)) {
				err = 0;
				continue;
			}
			reader->last_ordinal = op->ordinal;
			note(reader, op);
			return 1;
		}
		if (err < 0)
			return damaged(reader);
		err = next_block(reader);
		if (err <= 0)
			break;
		err = 0;
	}
	return err;
}

/* @path is no file: the parts that are named after it. */
static int open_set(struct rk_trace_reader *reader, const char *path)
{
	int err;

	reader->set_path = strdup(path);
	if (!reader->set_path)
		return -ENOMEM;
	err = rk_trace_set_find(&reader->set, path);
	if (err || !reader->set.count)
		return fail(reader, -ENOENT, "could not open it: %s", rk_strerror(-ENOENT));
	reader->info.file_bytes = rk_trace_set_bytes(&reader->set);
	err = -ENOENT;
	while (reader->set.next < reader->set.count && err == -ENOENT)
		err = enter_part(reader, reader->set.parts[reader->set.next++].path);
	reader->failed = err;
	return err;
}

static int open_path(struct rk_trace_reader *reader, const char *path)
{
	int err;

	if (access(path, F_OK) && errno == ENOENT)
		return open_set(reader, path);
	err = open_file(reader, path);
	reader->info.file_bytes = reader->file_bytes;
	return err ? err : load_head(reader);
}

int rk_trace_reader_open(struct rk_trace_reader **out, const char *path, char *error)
{
	struct rk_trace_reader *reader = calloc(1, sizeof(*reader));
	int err;

	*out = NULL;
	if (!reader)
		return -ENOMEM;
	reader->fd = -1;
	reader->window_last_ns = UINT64_MAX;
	snprintf(reader->path, sizeof(reader->path), "%s", path);
	reader->zstd = ZSTD_createDCtx();
	err = rk_trace_decoder_create(&reader->decoder);
	if (!reader->zstd || err)
		err = fail(reader, -ENOMEM, "not enough memory to read it");
	if (!err)
		err = open_path(reader, path);
	if (err) {
		if (error)
			snprintf(error, sizeof(reader->info.error), "%s", reader->info.error);
		rk_trace_reader_close(reader);
		return err;
	}
	*out = reader;
	return 0;
}

const struct rk_trace_meta *rk_trace_reader_meta(const struct rk_trace_reader *reader)
{
	return &reader->meta;
}

void rk_trace_reader_get_info(const struct rk_trace_reader *reader, struct rk_trace_info *info)
{
	*info = reader->info;
	info->last_record_ns = last_record(reader);
}

void rk_trace_reader_close(struct rk_trace_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	ZSTD_freeDCtx(reader->zstd);
	rk_trace_decoder_destroy(reader->decoder);
	rk_trace_set_finish(&reader->set);
	free(reader->set_path);
	free(reader->meta_strings);
	free(reader->block);
	free(reader->window);
	free(reader);
}
