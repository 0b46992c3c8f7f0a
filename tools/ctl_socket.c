/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_socket.c - find the socket of a process, connect, ask.
 */
#include "tools/ctl_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/child_exporter.h"

#define TIMEOUT_S     5
#define ENVIRON_BYTES (4u << 20)
#define STATUS_BYTES  8192
#define VARIABLE      "XDG_RUNTIME_DIR="

/* A small file of /proc as a string. Return: its length; 0 = it cannot be read. */
static size_t read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && used < size - 1 && (got = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		close(fd);
	out[used] = '\0';
	return used;
}

/* XDG_RUNTIME_DIR the process was started with; "" = none, or not for us to see. */
static void get_runtime(pid_t pid, char *out, size_t size)
{
	char *variables = malloc(ENVIRON_BYTES);
	size_t length = variables ? read_proc(pid, "environ", variables, ENVIRON_BYTES) : 0;

	out[0] = '\0';
	for (size_t at = 0; at < length; at += strlen(variables + at) + 1) {
		if (strncmp(variables + at, VARIABLE, strlen(VARIABLE)) == 0)
			snprintf(out, size, "%s", variables + at + strlen(VARIABLE));
	}
	free(variables);
}

/* The number it has in its own PID namespace. */
static int own_number(pid_t pid)
{
	char status[STATUS_BYTES];
	const char *line;
	int number = (int)pid;

	if (!read_proc(pid, "status", status, sizeof(status)))
		return number;
	line = strstr(status, "\nNSpid:");
	if (!line)
		return number;
	for (line += strlen("\nNSpid:"); *line && *line != '\n';) {
		char *end;
		long next = strtol(line, &end, 10);

		if (end == line)
			break;
		number = (int)next;
		line = end;
	}
	return number;
}

static uid_t owner_of(pid_t pid)
{
	struct stat file;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &file) ? geteuid() : file.st_uid;
}

/* By the descriptor of the folder: its path may be longer than an address. */
static int connect_in(int folder, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Below /tmp anybody may have made the folder: what counts is who listens. */
static int check_peer(int fd, pid_t pid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	return peer.pid == pid || rk_child_is_exporter_of(peer.pid, pid) ? 0 : -EXDEV;
}

static int try_folder(pid_t pid, const char *path)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[32];
	int fd, err;

	if (folder < 0)
		return -errno;
	snprintf(name, sizeof(name), "%d.sock", own_number(pid));
	fd = connect_in(folder, name);
	close(folder);
	if (fd < 0)
		return fd;
	err = check_peer(fd, pid);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* "There is none" says least: another reason is kept. */
static void keep_reason(int *best, int err)
{
	if (*best == -ENOENT)
		*best = err;
}

static int find_socket(pid_t pid)
{
	char runtime[PATH_MAX], folders[3][PATH_MAX + 64], path[PATH_MAX + 128];
	const char *own = getenv("XDG_RUNTIME_DIR");
	unsigned user = (unsigned)owner_of(pid);
	int best = -ENOENT;

	get_runtime(pid, runtime, sizeof(runtime));
	if (!runtime[0] && own)
		snprintf(runtime, sizeof(runtime), "%s", own);
	snprintf(folders[0], sizeof(folders[0]), "%s/rkpreload", runtime);
	snprintf(folders[1], sizeof(folders[1]), "/tmp/rkpreload-%u", user);
	snprintf(folders[2], sizeof(folders[2]), "/run/user/%u/rkpreload", user);
	for (int i = 0; i < 6; i++) {
		const char *folder = folders[i / 2];
		int fd;

		if (folder[0] != '/' || strcmp(folder, "/rkpreload") == 0)
			continue;
		/* First as the process sees it: it may live in a container. */
		if (i % 2)
			snprintf(path, sizeof(path), "%s", folder);
		else
			snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, folder);
		fd = try_folder(pid, path);
		if (fd >= 0)
			return fd;
		keep_reason(&best, fd);
	}
	return best;
}

static int send_line(int fd, const char *request)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "%s\n", request);

	return send(fd, line, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -errno;
}

static ptrdiff_t read_reply(int fd, char *reply, size_t size)
{
	size_t used = 0;

	for (;;) {
		ssize_t got = recv(fd, reply + used, size - 1 - used, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
		if (used == size - 1)
			return -EMSGSIZE;
	}
	reply[used] = '\0';
	return (ptrdiff_t)used;
}

ptrdiff_t rk_ctl_socket_ask(pid_t pid, const char *request, char *reply, size_t size)
{
	int fd = find_socket(pid);
	ptrdiff_t length;
	int err;

	if (fd < 0)
		return fd;
	err = send_line(fd, request);
	length = err ? err : read_reply(fd, reply, size);
	close(fd);
	return length;
}

bool rk_ctl_socket_is_there(pid_t pid)
{
	int fd = find_socket(pid);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
