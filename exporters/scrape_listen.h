/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_listen.h - the listening sockets of the scrape server.
 */
#ifndef RK_EXPORTERS_SCRAPE_LISTEN_H
#define RK_EXPORTERS_SCRAPE_LISTEN_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

/* A unix socket and whose file it is. Zero it, with fd -1, before use. */
struct rk_scrape_unix {
	int fd;
	pid_t owner; /* a forked child leaves the file alone */
	dev_t device;
	ino_t inode;
	char path[PATH_MAX]; /* absolute: the program may change its folder */
};

/**
 * Listen on @address, or on the next free port behind @asked.
 *
 * @address: numeric, in brackets or not, or "localhost": no name server is ever asked. "::"
 *           takes IPv4 as well.
 *
 * Context: exporter. Ownership: the descriptor is the caller's, close().
 * Return: descriptor, with *@port; -EINVAL: no such address; -errno.
 */
int rk_scrape_listen(const char *address, uint64_t asked, unsigned *port);

/**
 * Listen on a unix socket that only this user may connect to. What a dead process left behind
 * is replaced; a file of any other kind, of somebody else or in use never is.
 *
 * @pattern: a path; %p = pid, %% = %.
 *
 * Context: exporter. Ownership: the caller, rk_scrape_unlisten_unix().
 * Return: 0; -EEXIST: the file is not ours to replace; -EADDRINUSE: somebody listens on it;
 *         -ENAMETOOLONG; -errno.
 */
int rk_scrape_listen_unix(struct rk_scrape_unix *out, const char *pattern);

/**
 * Stop listening, and remove the file if it is still the one that was made.
 *
 * Context: exporter.
 */
void rk_scrape_unlisten_unix(struct rk_scrape_unix *socket);

#endif
