/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child_exporter.c - found in /proc by name and environment.
 */
#include "tools/child_exporter.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/live/apart.h"

#define ENVIRON_MAX  (256u << 10)
#define GONE_SOON_MS 100   /* a program that was killed with our child may still be ending */
#define ENDED_MS     11000 /* an exporter gives itself ten seconds */

/* Return: length; 0 when it cannot be read. Ends with a NUL. */
static size_t read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	size_t used = 0;
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && used < size - 1 && (n = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	out[used] = '\0';
	return used;
}

pid_t rk_child_program_of(pid_t pid)
{
	int program = 0;
	char name[32];

	read_proc(pid, "comm", name, sizeof(name));
	return sscanf(name, RK_APART_NAME, &program) == 1 ? (pid_t)program : 0;
}

bool rk_child_is_exporter_of(pid_t pid, pid_t program)
{
	struct stat exporter, traced;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (rk_child_program_of(pid) != program || stat(path, &exporter))
		return false;
	snprintf(path, sizeof(path), "/proc/%d", (int)program);
	return stat(path, &traced) == 0 && exporter.st_uid == traced.st_uid;
}

static bool is_below_us(pid_t pid)
{
	char *environment = malloc(ENVIRON_MAX);
	char wanted[64];
	size_t size;
	bool found = false;

	if (!environment)
		return false;
	size = read_proc(pid, "environ", environment, ENVIRON_MAX);
	snprintf(wanted, sizeof(wanted), RK_LAUNCHER "=%d", (int)getpid());
	for (size_t at = 0; at < size && !found; at += strlen(environment + at) + 1)
		found = strcmp(environment + at, wanted) == 0;
	free(environment);
	return found;
}

/* Return: whether it has ended by then. */
static bool wait_for_end(pid_t pid, int timeout_ms)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	bool has_ended = end.fd < 0 || poll(&end, 1, timeout_ms) == 1;

	if (end.fd >= 0)
		close(end.fd);
	return has_ended;
}

static void wait_for(pid_t pid)
{
	pid_t program = rk_child_program_of(pid);

	if (!program || !is_below_us(pid) || !wait_for_end(program, GONE_SOON_MS))
		return;
	wait_for_end(pid, ENDED_MS);
	waitpid(pid, NULL, WNOHANG); /* where it is our child */
}

void rk_child_wait_for_exporters(void)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;

	while (processes && (entry = readdir(processes))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0)
			wait_for(pid);
	}
	if (processes)
		closedir(processes);
}
