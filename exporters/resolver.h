/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/resolver.h - names become addresses without the loop waiting.
 *
 * getaddrinfo() may take minutes and cannot be interrupted, so each look-up has a thread. Its
 * memory belongs to whoever lets go last: a resolver that hangs is left behind and holds up
 * neither the loop nor the end of the process.
 */
#ifndef RK_EXPORTERS_RESOLVER_H
#define RK_EXPORTERS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define RK_RESOLVER_ADDRESSES_MAX 16 /* more than anybody waits for one after the other */

struct rk_address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* In the order in which they are to be tried. */
struct rk_address_list {
	struct rk_address items[RK_RESOLVER_ADDRESSES_MAX];
	unsigned count;
};

struct rk_resolver;

/**
 * The address of a host that needs no look-up: "127.0.0.1", "::1".
 *
 * Context: any. Return: false for a name.
 */
bool rk_resolver_read_numeric(struct rk_address_list *list, const char *host, uint16_t port);

/**
 * The address of a socket in the file system.
 *
 * Context: any. Return: false when @path is too long.
 */
bool rk_resolver_read_path(struct rk_address_list *list, const char *path);

/**
 * Look @host up on a thread that shares the caller's descriptor table; all signals are blocked
 * there.
 *
 * Context: exporter. Ownership: the caller, rk_resolver_stop().
 * Return: 0; -ENOMEM; -EAGAIN when there are too many threads, of ours or of the process;
 * -errno of eventfd().
 */
int rk_resolver_start(struct rk_resolver **out, const char *host, uint16_t port);

/**
 * Forget a look-up; NULL is none. Never waits.
 *
 * Context: exporter; the descriptor is watched no more.
 */
void rk_resolver_stop(struct rk_resolver *resolver);

/**
 * The descriptor that is readable when the look-up is done.
 *
 * Context: exporter. Ownership: the look-up's.
 */
int rk_resolver_fd(const struct rk_resolver *resolver);

/**
 * What the look-up found.
 *
 * @why: why there is no address; a static string.
 * Context: exporter. Return: 0; -EAGAIN when it is not done yet; -ENOENT.
 */
int rk_resolver_get(const struct rk_resolver *resolver, struct rk_address_list *list,
		    const char **why);

#endif
