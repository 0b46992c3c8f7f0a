/* SPDX-License-Identifier: Apache-2.0
 *
 * core/process_id.c - three numbers.
 */
#include "core/process_id.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic pid_t traced, traced_parent;
static _Atomic pid_t helper; /* 0 = there is none */

pid_t rk_process_id(void)
{
	pid_t pid = getpid();

	/* A forked child has both numbers from its parent and is neither. */
	return pid == atomic_load(&helper) ? atomic_load(&traced) : pid;
}

pid_t rk_process_parent_id(void)
{
	return getpid() == atomic_load(&helper) ? atomic_load(&traced_parent) : getppid();
}

void rk_process_id_take(pid_t program, pid_t parent)
{
	atomic_store(&traced, program);
	atomic_store(&traced_parent, parent);
	atomic_store(&helper, getpid());
}

void rk_process_id_give_back(void)
{
	atomic_store(&helper, 0);
}

const char *rk_process_path(char *out, size_t size, const char *name)
{
	/* Where nothing is apart the number is left out: /proc may be another namespace's. */
	if (getpid() == rk_process_id())
		snprintf(out, size, "/proc/self/%s", name);
	else
		snprintf(out, size, "/proc/%d/%s", (int)rk_process_id(), name);
	return out;
}
