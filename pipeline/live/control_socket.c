/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_socket.c - bind, listen, give it its name; and look after the folder.
 */
#include "pipeline/live/control_socket.h"
#include "core/process_id.h"
#include "core/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX	    ".sock"
#define UNNAMED	    ".sock.new" /* listens soon, and is renamed then */
#define UNNAMED_S   60		/* one that old was left behind */
#define BACKLOG	    8
#define REFUSED_MAX 16 /* strangers turned away in one round */

/* By the descriptor of the folder: its path may be longer than an address, and may be moved.
 * Our names are short; a longer one of somebody else would only be nobody's. */
static void set_address(struct sockaddr_un *address, int folder_fd, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/thread-self/fd/%d/%.40s",
		 folder_fd, name);
}

/* Whether nobody listens there any more. */
static bool is_dead(int folder_fd, const char *name)
{
	int fd = rk_sandbox_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	bool refused;

	if (fd < 0)
		return false;
	set_address(&address, folder_fd, name);
	refused =
		connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static bool is_old(int folder_fd, const char *name)
{
	struct stat file;

	return fstatat(folder_fd, name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - file.st_mtime > UNNAMED_S;
}

static void remove_dead(int folder_fd)
{
	/* A second description: reading a folder moves its position. */
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(folder))) {
		const char *suffix = entry->d_name + strspn(entry->d_name, "0123456789");
		bool is_named = strcmp(suffix, SUFFIX) == 0;

		if (suffix == entry->d_name || (!is_named && strcmp(suffix, UNNAMED) != 0))
			continue;
		if ((is_named || is_old(folder_fd, entry->d_name)) &&
		    is_dead(folder_fd, entry->d_name))
			unlinkat(folder_fd, entry->d_name, 0);
	}
	closedir(folder);
}

/* Return: listening descriptor under the name of ours; -errno. */
static int listen_as(int folder_fd, const char *name, pid_t pid)
{
	int fd = rk_sandbox_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	char unnamed[32];
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(unnamed, sizeof(unnamed), "%d" UNNAMED, (int)pid);
	unlinkat(folder_fd, unnamed, 0);
	set_address(&address, folder_fd, unnamed);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG) ||
	    renameat(folder_fd, unnamed, folder_fd, name))
		err = -errno;
	if (!err)
		return fd;
	unlinkat(folder_fd, unnamed, 0);
	close(fd);
	return err;
}

int rk_control_socket_open(struct rk_control_socket *control, const struct rk_env *env)
{
	char folder[RK_RUNTIME_DIR_BYTES] = "";
	int err;

	control->fd = -1;
	control->pid = rk_process_id();
	control->user = geteuid();
	control->folder_fd = rk_runtime_dir_open(env, folder, sizeof(folder));
	snprintf(control->name, sizeof(control->name), "%d" SUFFIX, (int)control->pid);
	snprintf(control->path, sizeof(control->path), "%s/%s", folder, control->name);
	if (control->folder_fd < 0)
		return control->folder_fd;
	remove_dead(control->folder_fd);
	if (faccessat(control->folder_fd, control->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		err = -EADDRINUSE;
	else
		err = listen_as(control->folder_fd, control->name, control->pid);
	if (err < 0) {
		close(control->folder_fd);
		control->folder_fd = -1;
		return err;
	}
	control->fd = err;
	return 0;
}

void rk_control_socket_close(struct rk_control_socket *control)
{
	if (control->pid == rk_process_id())
		unlinkat(control->folder_fd, control->name, 0);
	close(control->fd);
	close(control->folder_fd);
}

int rk_control_socket_accept(const struct rk_control_socket *control)
{
	for (int i = 0; i < REFUSED_MAX; i++) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct ucred peer;
		socklen_t size = sizeof(peer);

		if (fd < 0)
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		    (peer.uid == control->user || peer.uid == 0))
			return fd;
		close(fd);
	}
	return -1;
}
