/* SPDX-License-Identifier: Apache-2.0
 *
 * core/process_id.c - two numbers.
 */
#include "core/process_id.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic pid_t traced;
static _Atomic pid_t helper; /* 0 = there is none */

pid_t rk_process_id(void)
{
	pid_t pid = getpid();

	/* A forked child has both numbers from its parent and is neither. */
	return pid == atomic_load(&helper) ? atomic_load(&traced) : pid;
}

void rk_process_id_lend(pid_t program, pid_t exporter)
{
	atomic_store(&traced, program);
	atomic_store(&helper, exporter);
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
