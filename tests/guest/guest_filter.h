/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/guest_filter.h - the filters of system calls that the test programs install.
 */
#ifndef GUEST_FILTER_H
#define GUEST_FILTER_H

#include <errno.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GUEST_LOAD(member)                                                                         \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member))
#define GUEST_RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))

/* Skips @skip instructions unless the call is @number. */
#define GUEST_UNLESS(number, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (skip))

static inline bool guest_filter_install(struct sock_filter *code, size_t count, unsigned flags)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

/* As on a kernel before 5.9, in a sandbox that forbids unshare(). */
static inline bool guest_filter_refuse_own_table(void)
{
	struct sock_filter code[] = {
		GUEST_LOAD(nr),
		GUEST_UNLESS(SYS_unshare, 1),
		GUEST_RETURN(SECCOMP_RET_ERRNO | EPERM),
		GUEST_UNLESS(SYS_close_range, 3),
		GUEST_LOAD(args[2]),
		GUEST_UNLESS(CLOSE_RANGE_UNSHARE, 1),
		GUEST_RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		GUEST_RETURN(SECCOMP_RET_ALLOW),
	};

	return guest_filter_install(code, sizeof(code) / sizeof(code[0]), 0);
}

/* For the whole process, threads that it does not know of included. */
static inline bool guest_filter_kill_opening(void)
{
	struct sock_filter code[] = {
		GUEST_LOAD(nr),
		GUEST_UNLESS(SYS_openat, 1),
		GUEST_RETURN(SECCOMP_RET_KILL_PROCESS),
		GUEST_UNLESS(SYS_clone, 1),
		GUEST_RETURN(SECCOMP_RET_KILL_PROCESS),
		GUEST_UNLESS(SYS_clone3, 1),
		GUEST_RETURN(SECCOMP_RET_KILL_PROCESS),
		GUEST_UNLESS(SYS_socket, 1),
		GUEST_RETURN(SECCOMP_RET_KILL_PROCESS),
		GUEST_RETURN(SECCOMP_RET_ALLOW),
	};

	return guest_filter_install(code, sizeof(code) / sizeof(code[0]),
				    SECCOMP_FILTER_FLAG_TSYNC);
}

#endif
