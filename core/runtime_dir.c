/* SPDX-License-Identifier: Apache-2.0
 *
 * core/runtime_dir.c - made, opened and looked at without following a link.
 */
#include "core/runtime_dir.h"
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of ours in @parent, for nobody else. Return: descriptor; -errno. */
static int open_folder(const char *parent, const char *name, bool is_parent_ours)
{
	int parent_fd = rk_sandbox_open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct stat file;
	int fd, err = 0;

	if (parent_fd < 0)
		return -errno;
	if (is_parent_ours && (fstat(parent_fd, &file) || file.st_uid != geteuid())) {
		close(parent_fd);
		return -EPERM;
	}
	if (mkdirat(parent_fd, name, S_IRWXU) && errno != EEXIST)
		err = -errno;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && !err)
		err = -errno;
	close(parent_fd);
	if (fd < 0)
		return err;
	if (fstat(fd, &file) || file.st_uid != geteuid())
		err = -EPERM;
	else if ((file.st_mode & 07777) != S_IRWXU && fchmod(fd, S_IRWXU))
		err = -errno;
	else
		return fd;
	close(fd);
	return err;
}

int rk_runtime_dir_open(const struct rk_env *env, char *path, size_t size)
{
	const char *runtime = env ? rk_env_get(env, "XDG_RUNTIME_DIR") : NULL;
	char name[64];
	int fd = -ENOENT;

	if (runtime && runtime[0] == '/') {
		snprintf(path, size, "%s/rkpreload", runtime);
		fd = open_folder(runtime, "rkpreload", true);
	}
	if (fd < 0) {
		snprintf(name, sizeof(name), "rkpreload-%u", (unsigned)geteuid());
		snprintf(path, size, "/tmp/%s", name);
		fd = open_folder("/tmp", name, false);
	}
	return fd;
}
