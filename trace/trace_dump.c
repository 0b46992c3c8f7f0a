/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_dump.c - link(2), else read and write.
 */
#include "trace/trace_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (64u << 10)

/* Whether a copy may do what a second name could not. */
static bool wants_copy(int err)
{
	return err == -EXDEV || err == -EPERM || err == -EOPNOTSUPP || err == -EMLINK ||
	       err == -ENOSYS;
}

static int open_both(const char *from, const char *to, int *from_fd, int *to_fd)
{
	*from_fd = open(from, O_RDONLY | O_CLOEXEC);
	if (*from_fd < 0)
		return -errno;
	*to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*to_fd < 0) {
		int err = -errno;

		close(*from_fd);
		return err;
	}
	return 0;
}

int rk_trace_dump_add(struct rk_trace_dump *dump, const char *from, const char *to)
{
	int from_fd = -1, to_fd = -1, err = 0;
	char *path;

	if (dump->count == RK_TRACE_DUMP_MAX)
		return -E2BIG;
	path = strdup(to);
	if (!path)
		return -ENOMEM;
	if (link(from, to))
		err = -errno;
	if (wants_copy(err))
		err = open_both(from, to, &from_fd, &to_fd);
	if (err) {
		free(path);
		return err;
	}
	dump->files[dump->count].from = from_fd;
	dump->files[dump->count].to = to_fd;
	dump->files[dump->count++].path = path;
	return 0;
}

/* Return: bytes, 0 at the end, -errno. */
static ssize_t copy_piece(int from, int to, uint64_t at, size_t size)
{
	uint8_t piece[PIECE_BYTES];
	ssize_t got = pread(from, piece, size < sizeof(piece) ? size : sizeof(piece), (off_t)at);
	ssize_t done = 0;

	while (got > 0 && done < got) {
		ssize_t more = pwrite(to, piece + done, (size_t)(got - done), (off_t)at + done);

		if (more <= 0 && errno != EINTR)
			return more ? -errno : -EIO;
		done += more > 0 ? more : 0;
	}
	return got < 0 ? -errno : got;
}

static void close_both(struct rk_trace_dump *dump, uint32_t index)
{
	if (dump->files[index].from < 0)
		return;
	close(dump->files[index].from);
	close(dump->files[index].to);
	dump->files[index].from = dump->files[index].to = -1;
}

int rk_trace_dump_run(struct rk_trace_dump *dump, uint64_t max_bytes)
{
	while (dump->at < dump->count && max_bytes) {
		int from = dump->files[dump->at].from;
		ssize_t got = from < 0 ? 0 :
					 copy_piece(from, dump->files[dump->at].to, dump->copied,
						    (size_t)max_bytes);

		if (got < 0)
			return (int)got;
		dump->copied += (uint64_t)got;
		max_bytes -= (uint64_t)got;
		if (got)
			continue;
		close_both(dump, dump->at++);
		dump->copied = 0;
	}
	return dump->at < dump->count;
}

void rk_trace_dump_finish(struct rk_trace_dump *dump, bool discard)
{
	for (uint32_t i = 0; i < dump->count; i++) {
		close_both(dump, i);
		if (discard)
			unlink(dump->files[i].path);
		free(dump->files[i].path);
	}
	memset(dump, 0, sizeof(*dump));
}
