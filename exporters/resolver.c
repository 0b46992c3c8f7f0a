/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/resolver.c - one detached thread per look-up.
 */
#include "exporters/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/race_check.h"
#include "core/sandbox.h"

#define STACK_BYTES (2u << 20) /* name service plug-ins are not known for thrift */
#define THREADS_MAX 8u	       /* left behind ones included */

struct rk_resolver {
	_Atomic uint32_t references; /* the thread's and the caller's */
	_Atomic bool is_done;
	int fd; /* closed with the memory: the thread may still have to write to it */
	uint16_t port;
	/* written by the thread before is_done */
	struct rk_address_list list;
	const char *why;
	char host[]; /* immutable */
};

static _Atomic uint32_t threads;

bool rk_resolver_read_numeric(struct rk_address_list *list, const char *host, uint16_t port)
{
	struct rk_address *address = &list->items[0];
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address->storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->storage;

	memset(address, 0, sizeof(*address));
	list->count = 0;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		address->length = sizeof(*v4);
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		address->length = sizeof(*v6);
	} else {
		return false;
	}
	list->count = 1;
	return true;
}

bool rk_resolver_read_path(struct rk_address_list *list, const char *path)
{
	struct rk_address *address = &list->items[0];
	struct sockaddr_un *local = (struct sockaddr_un *)&address->storage;
	size_t length = strlen(path);

	list->count = 0;
	if (!length || length >= sizeof(local->sun_path))
		return false;
	memset(address, 0, sizeof(*address));
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, length);
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	list->count = 1;
	return true;
}

static void release(struct rk_resolver *resolver)
{
	/* Acquire and release: the last one sees everything the other did before it let go. */
	if (atomic_fetch_sub_explicit(&resolver->references, 1, memory_order_acq_rel) != 1)
		return;
	close(resolver->fd);
	free(resolver);
}

static void look_up(struct rk_resolver *resolver)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	struct rk_address_list *list = &resolver->list;
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", (unsigned)resolver->port);
	err = getaddrinfo(resolver->host, port, &hints, &found);
	if (err) {
		resolver->why = gai_strerror(err);
		return;
	}
	for (struct addrinfo *a = found; a && list->count < RK_RESOLVER_ADDRESSES_MAX;
	     a = a->ai_next) {
		struct rk_address *address = &list->items[list->count];

		if (a->ai_addrlen > sizeof(address->storage))
			continue;
		memcpy(&address->storage, a->ai_addr, a->ai_addrlen);
		address->length = a->ai_addrlen;
		list->count++;
	}
	freeaddrinfo(found);
	if (!list->count)
		resolver->why = "the name has no address";
}

static void *resolver_main(void *data)
{
	struct rk_resolver *resolver = data;

	rk_race_check_pause();
	pthread_setname_np(pthread_self(), "rk-resolver");
	look_up(resolver);
	/* Pairs with the acquire in rk_resolver_get(): the list is complete. */
	atomic_store_explicit(&resolver->is_done, true, memory_order_release);
	eventfd_write(resolver->fd, 1);
	release(resolver);
	atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
	rk_race_check_resume();
	return NULL;
}

/* Signals of the program are not for this thread, whoever starts it. */
static int start_thread(struct rk_resolver *resolver)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int err = pthread_attr_init(&attributes);

	if (err)
		return -err;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attributes, resolver_main, resolver);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -err;
}

int rk_resolver_start(struct rk_resolver **out, const char *host, uint16_t port)
{
	size_t length = strlen(host);
	struct rk_resolver *resolver;
	int err;

	*out = NULL;
	if (rk_sandbox_was_entered())
		return -EPERM;
	/* Relaxed: a count, nothing is published by it. */
	if (atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) >= THREADS_MAX) {
		atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
		return -EAGAIN;
	}
	err = -ENOMEM;
	resolver = calloc(1, sizeof(*resolver) + length + 1);
	if (!resolver)
		goto fail;
	memcpy(resolver->host, host, length);
	resolver->port = port;
	atomic_init(&resolver->references, 2);
	resolver->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = resolver->fd < 0 ? -errno : start_thread(resolver);
	if (err)
		goto fail;
	*out = resolver;
	return 0;
fail:
	atomic_fetch_sub_explicit(&threads, 1, memory_order_relaxed);
	if (resolver && resolver->fd >= 0)
		close(resolver->fd);
	free(resolver);
	return err;
}

void rk_resolver_stop(struct rk_resolver *resolver)
{
	if (resolver)
		release(resolver);
}

int rk_resolver_fd(const struct rk_resolver *resolver)
{
	return resolver->fd;
}

int rk_resolver_get(const struct rk_resolver *resolver, struct rk_address_list *list,
		    const char **why)
{
	/* Pairs with the release in resolver_main(). */
	if (!atomic_load_explicit(&resolver->is_done, memory_order_acquire))
		return -EAGAIN;
	*list = resolver->list;
	*why = resolver->why;
	return list->count ? 0 : -ENOENT;
}
