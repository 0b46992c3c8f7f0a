/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/loop.c - epoll with owners.
 */
#include "exporters/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 64

int rk_loop_open(struct rk_loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void rk_loop_close(struct rk_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int rk_loop_watch(struct rk_loop *loop, enum rk_loop_owner owner, int fd, uint32_t events)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)owner << 32 | (uint32_t)fd,
	};

	if (!events)
		return epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL) ? -errno : 0;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void rk_loop_wait(struct rk_loop *loop, uint32_t timeout_ms)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int timeout = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout);

	for (int i = 0; i < count; i++) {
		uint32_t owner = (uint32_t)(events[i].data.u64 >> 32);
		int fd = (int)(uint32_t)events[i].data.u64;

		if (owner < RK_LOOP_OWNER_COUNT && loop->owners[owner].ready)
			loop->owners[owner].ready(loop->owners[owner].data, fd, events[i].events);
	}
}
