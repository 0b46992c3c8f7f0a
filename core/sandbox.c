/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sandbox.c - the kernel counts the filters of a thread in its status.
 */
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define STATUS_BYTES_MAX 4096
/* Less than what gets a mapping of its own, and together more than what an arena keeps at its end:
 * 128 KiB of either. */
#define SHRINK_BLOCKS	   8
#define SHRINK_BLOCK_BYTES (64u << 10)
#define COUNT_KEY	 "\nSeccomp_filters:" /* since Linux 5.9 */

/* Of the thread that watches; a forked child's starts anew. */
static int status_fd = -1;
static long count_at_start;
static bool (*host_was_entered)(void); /* NULL = this copy watches itself */

static long count_filters(void)
{
	char text[STATUS_BYTES_MAX];
	ssize_t length = pread(status_fd, text, sizeof(text) - 1, 0);
	const char *count;

	if (length <= 0)
		return -1;
	text[length] = '\0';
	count = strstr(text, COUNT_KEY);
	return count ? strtol(count + strlen(COUNT_KEY), NULL, 10) : -1;
}

void rk_sandbox_watch(void)
{
	status_fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	count_at_start = status_fd < 0 ? -1 : count_filters();
}

void rk_sandbox_settle_malloc(void)
{
	void *volatile blocks[SHRINK_BLOCKS]; /* or the compiler leaves all of it out */

	for (int i = 0; i < SHRINK_BLOCKS; i++)
		blocks[i] = malloc(SHRINK_BLOCK_BYTES);
	for (int i = 0; i < SHRINK_BLOCKS; i++)
		free(blocks[i]);
}

bool rk_sandbox_was_entered(void)
{
	if (host_was_entered)
		return host_was_entered();
	return count_at_start >= 0 && status_fd >= 0 && count_filters() > count_at_start;
}

void rk_sandbox_attach(bool (*was_entered)(void))
{
	host_was_entered = was_entered;
}

static bool is_refused(void)
{
	bool is_within = rk_sandbox_was_entered();

	if (is_within)
		errno = EPERM;
	return is_within;
}

int rk_sandbox_open(const char *path, int flags, mode_t mode)
{
	return is_refused() ? -1 : open(path, flags, mode);
}

FILE *rk_sandbox_fopen(const char *path, const char *mode)
{
	return is_refused() ? NULL : fopen(path, mode);
}

int rk_sandbox_socket(int family, int type, int protocol)
{
	return is_refused() ? -1 : socket(family, type, protocol);
}
