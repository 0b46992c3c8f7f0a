/* SPDX-License-Identifier: Apache-2.0
 *
 * core/own_threads.c - a list of thread numbers, and /proc/self/task beside it.
 */
#include "core/own_threads.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/proc_stat.h"
#include "core/process_id.h"

#define THREADS_MAX 64u /* ours are three, CUPTI's a few */

/* A number is given again when its thread has ended: what tells them apart is when they began. */
static struct {
	_Atomic uint32_t count;
	struct {
		_Atomic uint32_t tid;
		_Atomic uint64_t start_ticks;
	} threads[THREADS_MAX];
} own;

/* musl has none: nothing is single there. */
extern char __libc_single_threaded __attribute__((weak));

static void add(uint32_t tid)
{
	struct rk_proc_stat stat;
	uint32_t index;

	if (!rk_proc_stat_read(&stat, (int)tid))
		return;
	index = atomic_fetch_add(&own.count, 1);
	if (index >= THREADS_MAX)
		return;
	atomic_store(&own.threads[index].start_ticks, stat.start_ticks);
	atomic_store(&own.threads[index].tid, tid);
}

static bool is_known(uint32_t tid)
{
	uint32_t count = atomic_load(&own.count);
	struct rk_proc_stat stat;

	for (uint32_t i = 0; i < count && i < THREADS_MAX; i++) {
		if (atomic_load(&own.threads[i].tid) == tid)
			return rk_proc_stat_read(&stat, (int)tid) &&
			       stat.start_ticks == atomic_load(&own.threads[i].start_ticks);
	}
	return false;
}

void rk_own_threads_add(void)
{
	add((uint32_t)syscall(SYS_gettid));
}

bool rk_own_threads_is_single(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

/* Calls @take with every thread until it says no. Return: false then, and without /proc. */
static bool each_thread(bool (*take)(uint32_t tid))
{
	char path[64];
	DIR *folder = opendir(rk_process_path(path, sizeof(path), "task"));
	bool is_all = folder != NULL;
	struct dirent *entry;

	while (is_all && (entry = readdir(folder))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (tid)
			is_all = take(tid);
	}
	if (folder)
		closedir(folder);
	return is_all;
}

static bool take_new(uint32_t tid)
{
	if (tid != (uint32_t)syscall(SYS_gettid) && !is_known(tid))
		add(tid);
	return true;
}

void rk_own_threads_note_new(void)
{
	each_thread(take_new);
}

static bool is_ours(uint32_t tid)
{
	return tid == (uint32_t)rk_process_id() || is_known(tid);
}

/* A main thread that ended stays as a zombie until the others have. */
static bool has_main_ended(void)
{
	struct rk_proc_stat stat;

	return rk_proc_stat_read(&stat, 0) && stat.state == 'Z';
}

bool rk_own_threads_are_left(void)
{
	return atomic_load(&own.count) <= THREADS_MAX && has_main_ended() && each_thread(is_ours);
}

static void *leave(void *data)
{
	(void)data;
	exit(0);
}

void rk_own_threads_leave(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, leave, NULL) == 0)
		pthread_detach(thread);
}
