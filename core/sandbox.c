/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sandbox.c - the kernel counts the filters of a thread in its status.
 */
#include "core/sandbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define STATUS_BYTES_MAX 4096
#define COUNT_KEY	 "\nSeccomp_filters:" /* since Linux 5.9 */

/* Of the thread that watches; a forked child's starts anew. */
static int status_fd = -1;
static long count_at_start;

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

bool rk_sandbox_was_entered(void)
{
	return count_at_start >= 0 && count_filters() > count_at_start;
}
