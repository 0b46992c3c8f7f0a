/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_parts.c - begins parts, ends them, deletes the oldest.
 *
 * The sum of all parts never exceeds its limit: whenever a frame is to be written, the oldest
 * parts go until it fits. The limit is met by deleting, so nothing is lost by it until one part
 * alone is as large.
 */
#include "trace/trace_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "trace/trace_definitions.h"
#include "trace/trace_name.h"
#include "trace/trace_set.h"

#define CLOSED_MAX	RK_TRACE_DUMP_MAX
#define NUMBERS_TRIED	10000u /* parts of other runs under the same name */
#define DUMPS_TRIED	999u
#define PART_MIN_NS	1000000000ull /* a part is some blocks at least */
#define FULL_AFTER_NS	100000000ull  /* one that takes no more is not replaced at once, again */
#define OP_BYTES	8u	      /* about twice what an op takes */

struct part {
	char *path;
	struct stat st; /* when it was closed */
	uint64_t number; /* in its name */
	uint64_t bytes, end_ns, first_ordinal;
};

struct rk_trace_parts {
	struct rk_trace_writer *writer; /* may be NULL */
	struct rk_trace_definitions *definitions;
	struct rk_trace_parts_setup setup;
	struct rk_trace_meta meta; /* of the part that is written */
	struct part closed[CLOSED_MAX]; /* oldest first */
	uint32_t closed_count;
	uint64_t closed_bytes, deleted_bytes;
	uint64_t number;   /* of the part that is written */
	uint64_t begun_ns; /* since when it is written */
	uint64_t lost;	   /* by parts that are closed, or while there was none */
	uint64_t unsealed; /* ops noted since the last seal for their number */
	uint64_t told[3];  /* kernels, memcpys, memsets */
	bool has_work;	   /* in the part that is written */
	bool has_failed;   /* to begin a part: said already */
	char path[PATH_MAX]; /* of all, absolute */
};

/* The number of an inode that was freed is soon that of another file. */
static bool is_same_file(const struct part *part)
{
	const struct stat *then = &part->st;
	struct stat now;

	return lstat(part->path, &now) == 0 && now.st_dev == then->st_dev &&
	       now.st_ino == then->st_ino && now.st_size == then->st_size &&
	       now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static void delete_oldest(struct rk_trace_parts *parts)
{
	struct part *oldest = &parts->closed[0];

	if (is_same_file(oldest))
		unlink(oldest->path);
	parts->closed_bytes -= oldest->bytes;
	parts->deleted_bytes += oldest->bytes;
	free(oldest->path);
	parts->closed_count--;
	memmove(oldest, oldest + 1, parts->closed_count * sizeof(*oldest));
}

/* The oldest parts go until the newest one may grow to @wanted bytes. Return: its limit. */
static uint64_t make_room(void *data, uint64_t wanted)
{
	struct rk_trace_parts *parts = data;
	uint64_t max = parts->setup.options.max_bytes;

	if (!max)
		return UINT64_MAX;
	while (parts->closed_count && parts->closed_bytes + wanted > max &&
	       !rk_sandbox_was_entered())
		delete_oldest(parts);
	return max > parts->closed_bytes ? max - parts->closed_bytes : 0;
}

static int open_numbered(struct rk_trace_parts *parts)
{
	struct rk_trace_options options = parts->setup.options;
	char path[PATH_MAX];
	int err = -EEXIST;

	options.max_bytes = make_room(parts, options.max_bytes / RK_TRACE_PARTS);
	options.is_part = true;
	for (unsigned i = 0; i < NUMBERS_TRIED && err == -EEXIST; i++) {
		if (!rk_trace_name_number(path, sizeof(path), parts->path, ".", ++parts->number))
			return -ENAMETOOLONG;
		err = rk_trace_writer_open(&parts->writer, path, &parts->meta, &options);
	}
	return err;
}

static int begin_part(struct rk_trace_parts *parts)
{
	int err = open_numbered(parts);

	parts->begun_ns = rk_clock_now();
	parts->has_work = false;
	if (err && !parts->has_failed)
		rk_log_warn("trace: could not begin a part of %s: %s; records are counted as lost "
			    "until one can be",
			    parts->path, rk_strerror(err));
	parts->has_failed = err;
	if (!err)
		rk_trace_writer_set_room(parts->writer, make_room, parts);
	return err;
}

/* The program may change its folder before the next part begins. */
static bool make_absolute(char *out, const char *path)
{
	char folder[PATH_MAX] = "";
	int length;

	if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
		return false;
	length = snprintf(out, PATH_MAX, "%s%s%s", folder, *folder ? "/" : "", path);
	return length > 0 && length < PATH_MAX;
}

int rk_trace_parts_open(struct rk_trace_parts **out, const struct rk_trace_parts_setup *setup)
{
	struct rk_trace_parts *parts = calloc(1, sizeof(*parts));
	int err;

	*out = NULL;
	if (!parts)
		return -ENOMEM;
	parts->setup = *setup;
	parts->meta = *setup->meta;
	parts->meta.part_ordinal = 1;
	parts->setup.meta = NULL;
	parts->setup.path = NULL;
	err = rk_trace_definitions_create(&parts->definitions);
	if (!err && !make_absolute(parts->path, setup->path))
		err = -ENAMETOOLONG;
	if (!err)
		err = begin_part(parts);
	if (err) {
		rk_trace_definitions_destroy(parts->definitions);
		free(parts);
		return err;
	}
	*out = parts;
	return 0;
}

struct rk_trace_writer *rk_trace_parts_writer(struct rk_trace_parts *parts)
{
	return parts->writer;
}

/* A block that is a part of its own would leave room for few of them: so it is sealed before. */
void rk_trace_parts_note(struct rk_trace_parts *parts, const struct rk_op *op)
{
	bool is_bare = op->kind == RK_OP_TICK || op->kind == RK_OP_END ||
		       rk_op_kind_is_definition(op->kind);
	uint64_t max = parts->setup.options.max_bytes;

	rk_trace_definitions_take(parts->definitions, op);
	parts->has_work |= !is_bare;
	parts->lost += !parts->writer;
	if (op->kind >= RK_OP_KERNEL && op->kind <= RK_OP_MEMSET)
		parts->told[op->kind - RK_OP_KERNEL]++;
	if (parts->writer && max && ++parts->unsealed >= max / RK_TRACE_PARTS / OP_BYTES) {
		rk_trace_writer_seal(parts->writer);
		parts->unsealed = 0;
	}
}

static uint64_t part_ns(const struct rk_trace_parts *parts)
{
	uint64_t share = parts->setup.keep_ns / RK_TRACE_PARTS;

	return share > PART_MIN_NS ? share : PART_MIN_NS;
}

bool rk_trace_parts_is_due(const struct rk_trace_parts *parts, uint64_t now_ns)
{
	uint64_t max = parts->setup.options.max_bytes;
	bool is_old = now_ns >= parts->begun_ns + part_ns(parts);

	if (rk_sandbox_was_entered())
		return false;
	if (!parts->writer)
		return is_old;
	if (rk_trace_writer_is_full(parts->writer))
		return now_ns >= parts->begun_ns + FULL_AFTER_NS;
	if (max && rk_trace_writer_bytes(parts->writer) >= max / RK_TRACE_PARTS)
		return true;
	return parts->setup.keep_ns && parts->has_work && is_old;
}

/* What is deleted later is known by more than its name. */
static void keep_closed(struct rk_trace_parts *parts, const char *path)
{
	struct part part = {
		.path = strdup(path),
		.number = parts->number,
		.end_ns = rk_clock_now(),
		.first_ordinal = parts->meta.part_ordinal,
	};

	if (!part.path || lstat(path, &part.st)) {
		free(part.path);
		return;
	}
	part.bytes = (uint64_t)part.st.st_size;
	if (parts->closed_count == CLOSED_MAX)
		delete_oldest(parts);
	parts->closed[parts->closed_count++] = part;
	parts->closed_bytes += part.bytes;
}

/* With an end, which the next part's first op takes the number of: alone, it is a whole file. */
static void end_part(struct rk_trace_parts *parts, const struct rk_op *tick)
{
	struct rk_trace_writer *writer = parts->writer;
	struct rk_op end = *tick;
	char path[PATH_MAX];

	if (!writer)
		return;
	end.kind = RK_OP_END;
	end.ordinal++;
	rk_trace_writer_add(writer, &end);
	rk_trace_writer_seal(writer);
	snprintf(path, sizeof(path), "%s", rk_trace_writer_path(writer));
	parts->lost += rk_trace_writer_lost(writer);
	parts->writer = NULL;
	rk_trace_writer_close(writer);
	keep_closed(parts, path);
}

static void forget_old(struct rk_trace_parts *parts)
{
	uint64_t now = rk_clock_now(), keep = parts->setup.keep_ns;

	while (keep && parts->closed_count && parts->closed[0].end_ns + keep < now)
		delete_oldest(parts);
}

static void repeat(const struct rk_op *op, void *data)
{
	rk_trace_writer_add(data, op);
}

int rk_trace_parts_turn(struct rk_trace_parts *parts, const struct rk_op *tick)
{
	int64_t wall_offset = rk_clock_wall_offset(NULL);
	int err;

	end_part(parts, tick);
	forget_old(parts);
	parts->meta.part_ordinal = tick->ordinal + 1;
	parts->meta.start_ns = tick->start;
	parts->meta.start_wall_ns = tick->start + (uint64_t)wall_offset;
	parts->meta.part_kernels = parts->told[0];
	parts->meta.part_memcpys = parts->told[1];
	parts->meta.part_memsets = parts->told[2];
	err = begin_part(parts);
	if (err)
		return err;
	rk_trace_definitions_visit(parts->definitions, repeat, parts->writer);
	return rk_trace_writer_add(parts->writer, tick);
}

static int dump_as(const struct rk_trace_parts *parts, struct rk_trace_dump *dump, const char *path)
{
	char to[PATH_MAX];
	int err = 0;

	for (uint32_t i = 0; i < parts->closed_count && !err; i++) {
		if (!rk_trace_name_number(to, sizeof(to), path, ".", parts->closed[i].number))
			err = -ENAMETOOLONG;
		else
			err = rk_trace_dump_add(dump, parts->closed[i].path, to);
	}
	if (err)
		rk_trace_dump_finish(dump, true);
	return err;
}

/* Parts of two sets under one name would be taken for one. */
static bool is_taken(const char *path)
{
	struct rk_trace_set set;
	bool is_file = access(path, F_OK) == 0;
	bool has_parts = !is_file && rk_trace_set_find(&set, path) == 0 && set.count;

	if (!is_file)
		rk_trace_set_finish(&set);
	return is_file || has_parts;
}

int rk_trace_parts_dump(const struct rk_trace_parts *parts, struct rk_trace_dump *dump, char *path)
{
	char wanted[PATH_MAX];
	int err = -EEXIST;

	snprintf(wanted, sizeof(wanted), "%s", path);
	if (rk_sandbox_was_entered())
		return -EPERM;
	if (!parts->closed_count)
		return -ENODATA;
	for (unsigned i = 1; i <= DUMPS_TRIED && err == -EEXIST; i++) {
		if (i > 1 && !rk_trace_name_number(path, PATH_MAX, wanted, "-", i))
			return -ENAMETOOLONG;
		err = is_taken(path) ? -EEXIST : dump_as(parts, dump, path);
	}
	return err;
}

uint64_t rk_trace_parts_lost(const struct rk_trace_parts *parts)
{
	return parts->lost + (parts->writer ? rk_trace_writer_lost(parts->writer) : 0);
}

uint64_t rk_trace_parts_bytes(const struct rk_trace_parts *parts)
{
	return parts->closed_bytes + (parts->writer ? rk_trace_writer_bytes(parts->writer) : 0);
}

uint64_t rk_trace_parts_written(const struct rk_trace_parts *parts)
{
	return parts->deleted_bytes + rk_trace_parts_bytes(parts);
}

uint64_t rk_trace_parts_rotated(const struct rk_trace_parts *parts)
{
	uint64_t first =
		parts->closed_count ? parts->closed[0].first_ordinal : parts->meta.part_ordinal;

	return first - 1;
}

int rk_trace_parts_close(struct rk_trace_parts *parts)
{
	int err;

	if (!parts)
		return 0;
	err = rk_trace_writer_close(parts->writer);
	for (uint32_t i = 0; i < parts->closed_count; i++)
		free(parts->closed[i].path);
	rk_trace_definitions_destroy(parts->definitions);
	free(parts);
	return err;
}
