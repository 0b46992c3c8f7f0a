/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/apart.c - clone() without CLONE_THREAD.
 */
#include "pipeline/live/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/own_threads.h"
#include "core/process_id.h"
#include "core/race_check.h"

#define STACK_BYTES	 (2u << 20)
#define SMALL_STACK_BYTES (256u << 10)
#define GUARD_BYTES	 (64u << 10) /* a page of any size */
#define STATUS_BYTES	 4096
#define LOOK_EVERY_NS	 50000000ull
#define LAST_THREADS_MS	 100 /* the others are gone microseconds after the first */
#define ALONE_S		 10  /* a lock that a killed thread held is never given back */
#define RSEQ_BYTES	 32u
#define RSEQ_UNREGISTER	 1
#define AT_FEATURE_SIZE	 27 /* AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN: since Linux 6.3 */
#define AT_FEATURE_ALIGN 28
#ifdef __aarch64__
#define RSEQ_SIGNATURE 0xd428bc00u
#else
#define RSEQ_SIGNATURE 0x53053053u
#endif

bool rk_apart_is_wanted(const struct rk_env *env)
{
	/* ThreadSanitizer knows threads and forks, and nothing between the two. */
	return env && rk_env_get(env, RK_LAUNCHER) && !rk_race_check_is_there();
}

static bool is_child_of_launcher(const struct rk_env *env)
{
	return strtol(rk_env_get(env, RK_LAUNCHER), NULL, 10) == getppid();
}

/* Lines of a thread's status that say what it may do. */
static bool is_about_rights(const char *line)
{
	static const char *const keys[] = { "Uid:",    "Gid:",	      "Groups:", "CapInh:",
					    "CapPrm:", "CapEff:",     "CapBnd:", "CapAmb:",
					    "Seccomp", "NoNewPrivs:", NULL };

	for (const char *const *key = keys; *key; key++) {
		if (strncmp(line, *key, strlen(*key)) == 0)
			return true;
	}
	return false;
}

/* Return: 0 when they cannot be read, as of a thread that has ended. */
static uint64_t read_rights(int status_fd)
{
	char text[STATUS_BYTES];
	ssize_t length = status_fd < 0 ? 0 : pread(status_fd, text, sizeof(text) - 1, 0);
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	char *state = NULL;

	/* More groups than fit, and what follows is not known. */
	if (length <= 0 || (size_t)length == sizeof(text) - 1)
		return 0;
	text[length] = '\0';
	for (const char *line = strtok_r(text, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		if (!is_about_rights(line))
			continue;
		for (const char *at = line; *at; at++)
			hash = (hash ^ (uint8_t)*at) * 1099511628211u;
	}
	return hash;
}

static long rseq_unregister(void *area, uint32_t bytes)
{
	return syscall(SYS_rseq, area, bytes, RSEQ_UNREGISTER, RSEQ_SIGNATURE);
}

/*
 * The process has this thread's thread-local memory, and in it what allocators rely on when they
 * work per processor. The kernel keeps that for the parked thread alone: so it is given up, and
 * they see that there is none.
 */
static bool give_up_rseq(const ptrdiff_t *offset)
{
	uint8_t *area = offset ? (uint8_t *)__builtin_thread_pointer() + *offset : NULL;
	uint32_t bytes = (uint32_t)getauxval(AT_FEATURE_SIZE);
	uint32_t align = (uint32_t)getauxval(AT_FEATURE_ALIGN);
	int32_t processor = -1;

	if (area)
		memcpy(&processor, area + sizeof(processor), sizeof(processor));
	if (processor < 0 || rseq_unregister(area, RSEQ_BYTES) == 0)
		return true;
	return bytes && align && rseq_unregister(area, (bytes + align - 1) / align * align) == 0;
}

static uint8_t *map_stack(size_t size)
{
	uint8_t *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return NULL;
	mprotect(stack, GUARD_BYTES, PROT_NONE);
	return stack;
}

/* Shared futexes: it is the kernel that wakes. */
static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static int be_exporter(void *data)
{
	struct rk_apart *apart = data;
	char name[16];

	snprintf(name, sizeof(name), RK_APART_NAME, (int)apart->program);
	prctl(PR_SET_NAME, name);
	/* A signal to the group of the program, SIGKILL above all, is not for us. */
	setsid();
	rk_process_id_take(apart->program, apart->parent);
	atomic_store(&apart->result,
		     apart->serve(apart->data) ? RK_APART_ENDED : RK_APART_CAME_BACK);
	/* No handler of the program's, which has the same memory, may run here. */
	syscall(SYS_exit_group, 0);
	return 0;
}

/* @of_parent: as a child of the calling process's parent. */
static bool make_exporter(struct rk_apart *apart, bool of_parent)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
			  (of_parent ? CLONE_PARENT : 0);
	uint8_t *stack = map_stack(STACK_BYTES);
	pid_t pid;

	if (!stack)
		return false;
	pid = clone(be_exporter, stack + STACK_BYTES, flags, apart, &apart->exporter, NULL,
		    &apart->exporter);
	if (pid < 0)
		munmap(stack, STACK_BYTES);
	return pid > 0;
}

static int be_go_between(void *data)
{
	syscall(SYS_exit_group, make_exporter(data, false) ? 0 : 1);
	return 0;
}

/* A child of nobody in the tree: of init, or whoever has asked for orphans. What makes it is a
 * child of the program for a moment, of the kind that wait() does not see. */
static bool make_orphan(struct rk_apart *apart)
{
	uint8_t *stack = map_stack(SMALL_STACK_BYTES);
	int status = 1;
	pid_t pid;

	if (!stack)
		return false;
	pid = clone(be_go_between, stack + SMALL_STACK_BYTES, CLONE_VM | CLONE_FILES, apart);
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		continue;
	munmap(stack, SMALL_STACK_BYTES);
	return pid > 0 && status == 0;
}

/* Whether this process would be given an orphan itself. */
static bool takes_orphans(void)
{
	int takes = 0;

	return getpid() == 1 || prctl(PR_GET_CHILD_SUBREAPER, &takes) || takes;
}

/* The program must find itself as it was if this fails: the caller goes on as a thread then. */
static bool start(struct rk_apart *apart, bool of_launcher)
{
	if (!of_launcher && takes_orphans())
		return false;
	apart->program = getpid();
	apart->parent = getppid();
	apart->program_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	apart->status_fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	apart->rights = read_rights(apart->status_fd);
	if (apart->program_fd < 0 || !apart->rights)
		return false;
	atomic_store(&apart->parked, (uint32_t)syscall(SYS_gettid));
	syscall(SYS_set_tid_address, &apart->parked);
	return of_launcher ? make_exporter(apart, true) : make_orphan(apart);
}

static void park(struct rk_apart *apart)
{
	uint32_t exporter;

	while ((exporter = atomic_load(&apart->exporter))) {
		if (atomic_exchange(&apart->to_leave, 0))
			rk_own_threads_leave();
		wait_while(&apart->exporter, exporter);
	}
	rk_process_id_give_back();
}

enum rk_apart_result rk_apart_run(struct rk_apart *apart, const struct rk_env *env,
				  const ptrdiff_t *rseq_offset)
{
	atomic_store(&apart->result, RK_APART_KILLED);
	if (!give_up_rseq(rseq_offset) || !start(apart, is_child_of_launcher(env))) {
		rk_log_debug("exporter: could not start a process of its own: %s",
			     rk_strerror(errno));
		return RK_APART_REFUSED;
	}
	park(apart);
	return (enum rk_apart_result)atomic_load(&apart->result);
}

static bool is_apart(struct rk_apart *apart)
{
	return atomic_load(&apart->exporter) != 0;
}

/* The program may have been killed while others of its threads still ran. An exec leaves the
 * process there, and no thread that had this memory. */
static void wait_for_last_thread(const struct rk_apart *apart)
{
	struct pollfd program = { .fd = apart->program_fd, .events = POLLIN };

	poll(&program, 1, LAST_THREADS_MS);
}

/* Locks that a thread held when it was killed stay locked: the allocator's, for one. */
static void set_last_hour(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec when = { .it_value = { .tv_sec = ALONE_S } };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &when, NULL);
}

bool rk_apart_is_orphan(struct rk_apart *apart)
{
	if (apart->is_orphan || !is_apart(apart) || atomic_load(&apart->parked))
		return apart->is_orphan;
	set_last_hour();
	wait_for_last_thread(apart);
	apart->is_orphan = true;
	return true;
}

bool rk_apart_must_return(struct rk_apart *apart)
{
	uint64_t now = rk_clock_now(), rights;

	if (!is_apart(apart) || now < apart->looked_ns + LOOK_EVERY_NS)
		return false;
	apart->looked_ns = now;
	rights = read_rights(apart->status_fd);
	return rights && rights != apart->rights;
}

bool rk_apart_leave(struct rk_apart *apart)
{
	if (!is_apart(apart))
		return false;
	atomic_store(&apart->to_leave, 1);
	syscall(SYS_futex, &apart->exporter, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	return true;
}
