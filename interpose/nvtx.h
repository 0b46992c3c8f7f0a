/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx.h - how NVTX finds us.
 *
 * Every copy of NVTX in a process, one per program or library that was compiled with it, opens
 * the library that NVTX_INJECTION64_PATH names when it is used for the first time, and lets it
 * fill in its table of functions. `rktrace run` sets the variable. A program that is preloaded by
 * hand opts in with RUSTKERNEL_NVTX=1: then the constructor sets it, if it is not set. That is the
 * one change we make to a program's environment.
 */
#ifndef RK_INTERPOSE_NVTX_H
#define RK_INTERPOSE_NVTX_H

#include "core/config.h"
#include "core/env.h"

/**
 * Decide by the environment, and set the variable if it is asked for.
 *
 * Context: init (constructor), before the program has threads.
 */
void rk_nvtx_prepare(const struct rk_env *env);

/**
 * Say what stands against the wish for ranges.
 *
 * Context: the start path, once the log is there.
 */
void rk_nvtx_log_problems(const struct rk_config *config, const struct rk_env *env);

#endif
