/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_listen.c - binding, next free ports, sockets that were left behind.
 */
#include "exporters/scrape_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PORTS_TRIED 100 /* ranks of one host, and then some */
#define BACKLOG	    32
#define LOCK_TRIES  20 /* of 5 ms: who holds the lock holds it for microseconds, or is stopped */
#define LOCK_NS	    5000000l

static bool parse_address(const char *text, unsigned port, struct sockaddr_storage *address,
			  socklen_t *length)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	char plain[INET6_ADDRSTRLEN];
	bool in_brackets = text[0] == '[';

	memset(address, 0, sizeof(*address));
	snprintf(plain, sizeof(plain), "%s", text + in_brackets);
	if (in_brackets)
		plain[strcspn(plain, "]")] = '\0';
	if (!in_brackets && inet_pton(AF_INET, plain, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		*length = sizeof(*in);
		return true;
	}
	if (inet_pton(AF_INET6, plain, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*length = sizeof(*in6);
		return true;
	}
	return false;
}

static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int try_listen(const struct sockaddr_storage *address, socklen_t length)
{
	int fd = open_socket(address->ss_family);
	int one = 1, zero = 0, err;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, (const struct sockaddr *)address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length))
		return 0;
	/* The port lies at the same place in both families. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int listen_near(const char *text, uint64_t asked)
{
	struct sockaddr_storage address;
	socklen_t length;
	int fd = -EADDRINUSE;

	for (uint64_t port = asked; port <= UINT16_MAX && port < asked + PORTS_TRIED; port++) {
		if (!parse_address(text, (unsigned)port, &address, &length))
			return -EINVAL;
		fd = try_listen(&address, length);
		if (fd != -EADDRINUSE)
			break;
	}
	return fd;
}

int rk_scrape_listen(const char *address, uint64_t asked, unsigned *port)
{
	bool is_local = strcmp(address, "localhost") == 0;
	int fd = listen_near(is_local ? "127.0.0.1" : address, asked);

	/* A machine without IPv4. */
	if (is_local && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))
		fd = listen_near("::1", asked);
	*port = fd < 0 ? 0 : bound_port(fd);
	return fd;
}

static int expand_path(char *out, const char *pattern)
{
	size_t used = 0;

	out[0] = '\0';
	if (pattern[0] != '/') {
		if (!getcwd(out, PATH_MAX - 1))
			return -errno;
		used = strlen(out);
		out[used++] = '/';
	}
	for (; *pattern; pattern++) {
		int added;

		if (pattern[0] == '%' && pattern[1] == 'p')
			added = snprintf(out + used, PATH_MAX - used, "%d", (int)getpid());
		else
			added = snprintf(out + used, PATH_MAX - used, "%c", *pattern);
		if (pattern[0] == '%' && (pattern[1] == 'p' || pattern[1] == '%'))
			pattern++;
		used += (size_t)added;
		if (used >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return -ENAMETOOLONG;
	}
	return 0;
}

/* Between bind() and listen() a socket looks dead: those who replace dead ones take turns. */
static int lock_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB); i++)
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_NS }, NULL);
	return fd;
}

static bool is_listened_to(const struct sockaddr_un *address)
{
	int fd = open_socket(AF_UNIX);
	int err = 0;

	if (fd < 0)
		return true; /* not known: leave it alone */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		err = errno;
	close(fd);
	return err != ECONNREFUSED;
}

static int remove_dead(const struct sockaddr_un *address)
{
	struct stat file;

	if (lstat(address->sun_path, &file))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(file.st_mode) || file.st_uid != geteuid())
		return -EEXIST;
	if (is_listened_to(address))
		return -EADDRINUSE;
	return unlink(address->sun_path) ? -errno : 0;
}

/* The mode is set before there is a file: nobody gets in for a moment, and the umask of the
 * program is left alone. */
static int bind_unix(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *any = (const struct sockaddr *)address;
	int err;

	if (fchmod(fd, S_IRUSR | S_IWUSR))
		return -errno;
	if (bind(fd, any, sizeof(*address))) {
		if (errno != EADDRINUSE)
			return -errno;
		err = remove_dead(address);
		if (err)
			return err;
		if (bind(fd, any, sizeof(*address)))
			return -errno;
	}
	err = listen(fd, BACKLOG) ? -errno : 0;
	if (err)
		unlink(address->sun_path);
	return err;
}

int rk_scrape_listen_unix(struct rk_scrape_unix *out, const char *pattern)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat file;
	int err = expand_path(out->path, pattern);
	int fd, lock;

	out->fd = -1;
	if (err)
		return err;
	fd = open_socket(AF_UNIX);
	if (fd < 0)
		return fd;
	memcpy(address.sun_path, out->path, strlen(out->path) + 1);
	lock = lock_folder(out->path);
	err = bind_unix(fd, &address);
	if (!err && lstat(out->path, &file))
		err = -errno;
	if (lock >= 0)
		close(lock);
	if (err) {
		close(fd);
		return err;
	}
	out->fd = fd;
	out->owner = getpid();
	out->device = file.st_dev;
	out->inode = file.st_ino;
	return 0;
}

void rk_scrape_unlisten_unix(struct rk_scrape_unix *socket)
{
	struct stat file;

	if (socket->fd < 0)
		return;
	if (socket->owner == getpid() && lstat(socket->path, &file) == 0 &&
	    file.st_dev == socket->device && file.st_ino == socket->inode)
		unlink(socket->path);
	close(socket->fd);
	socket->fd = -1;
}
