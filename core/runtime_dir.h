/* SPDX-License-Identifier: Apache-2.0
 *
 * core/runtime_dir.h - the folder of this user where processes can be found while they run.
 *
 *   $XDG_RUNTIME_DIR/rkpreload/   or   /tmp/rkpreload-<uid>/
 *
 * It is ours alone: mode 0700, our own user, no symbolic link. Below /tmp anybody may have made
 * something of that name before us, which is then refused.
 */
#ifndef RK_CORE_RUNTIME_DIR_H
#define RK_CORE_RUNTIME_DIR_H

#include <stddef.h>

#include "core/env.h"

#define RK_RUNTIME_DIR_BYTES 300

/**
 * Open the folder, made if it is not there.
 *
 * @env: XDG_RUNTIME_DIR; may be NULL. @path: where it was looked for last, for messages and
 * for names of files in it.
 * Context: exporter. Ownership: the caller closes the descriptor.
 * Return: descriptor, O_CLOEXEC; -errno; -EPERM: it is there and belongs to somebody else.
 */
int rk_runtime_dir_open(const struct rk_env *env, char *path, size_t size);

#endif
