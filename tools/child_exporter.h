/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child_exporter.h - exporters that run beside the programs below this launcher.
 */
#ifndef RK_TOOLS_CHILD_EXPORTER_H
#define RK_TOOLS_CHILD_EXPORTER_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * Whether @pid is the exporter of @program: of its name, and of the same user.
 *
 * Context: tools.
 */
bool rk_child_is_exporter_of(pid_t pid, pid_t program);

/**
 * The program that @pid is the exporter of.
 *
 * Context: tools. Return: 0 when it is none.
 */
pid_t rk_child_program_of(pid_t pid);

/**
 * Wait until those are gone whose program has ended: they write the last of it. Those of programs
 * that go on, as daemons do, are left alone, and so is whatever is not below this launcher.
 *
 * Context: tools, when the launcher's own child has ended. At most some ten seconds each.
 */
void rk_child_wait_for_exporters(void);

#endif
