/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/loop.h - one epoll for every socket of the module.
 *
 * Who owns a descriptor is a number, not a pointer: an event for a socket that was closed
 * earlier in the same round then meets an owner that no longer knows it, never freed memory.
 * Timers belong to their owners; the module asks each for its next due time.
 */
#ifndef RK_EXPORTERS_LOOP_H
#define RK_EXPORTERS_LOOP_H

#include <stdint.h>
#include <time.h>

enum rk_loop_owner {
	RK_LOOP_HTTP,	/* libcurl's sockets */
	RK_LOOP_GRPC,	/* HTTP/2 connections and the resolver's descriptor */
	RK_LOOP_SCRAPE, /* the server's own epoll descriptor */
	RK_LOOP_OWNER_COUNT
};

/* @events: EPOLLIN and so on, as they came. */
typedef void (*rk_loop_fn)(void *owner, int fd, uint32_t events);

struct rk_loop {
	int epoll_fd;
	struct {
		rk_loop_fn ready;
		void *data;
	} owners[RK_LOOP_OWNER_COUNT];
};

#define RK_NEVER UINT64_MAX

/**
 * CLOCK_MONOTONIC in ns: the time of every deadline in this folder.
 *
 * Context: any.
 */
static inline uint64_t rk_loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/**
 * The same, some milliseconds old at most and a quarter of the price: for what is done per span.
 *
 * Context: any.
 */
static inline uint64_t rk_loop_now_coarse(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/**
 * Context: exporter. Return: 0; -errno of epoll_create1().
 */
int rk_loop_open(struct rk_loop *loop);
void rk_loop_close(struct rk_loop *loop);

/**
 * Watch @fd for @events (EPOLLIN, EPOLLOUT) on behalf of @owner; change what is watched; 0 =
 * stop. Level-triggered.
 *
 * Context: exporter. Return: 0; -errno of epoll_ctl().
 */
int rk_loop_watch(struct rk_loop *loop, enum rk_loop_owner owner, int fd, uint32_t events);

/**
 * Wait for events until @timeout_ms and hand them to their owners.
 *
 * Context: exporter. Returns after the first round of events.
 */
void rk_loop_wait(struct rk_loop *loop, uint32_t timeout_ms);

#endif
