/* SPDX-License-Identifier: Apache-2.0
 *
 * core/env.h - the environment as it was when the library was loaded.
 *
 * Copied once and never looked at again: getenv() in a program that calls setenv() from
 * another thread reads freed memory.
 */
#ifndef RK_CORE_ENV_H
#define RK_CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>

/* A copy of the environment. */
struct rk_env;

/**
 * Copy the environment into one private block. All of it, because trace.file may name any
 * variable (%q{VAR}) long after the program has begun to change its environment.
 *
 * @envp: as in main(); NULL = environ.
 * Context: init. Does not use the program's malloc. Ownership: the caller, rk_env_destroy().
 * Return: NULL when no memory could be had.
 */
struct rk_env *rk_env_create(char *const *envp);
void rk_env_destroy(struct rk_env *env);

/**
 * Value of a copied variable.
 *
 * Context: any. Return: NULL when unset or empty. Ownership: borrowed from @env.
 */
const char *rk_env_get(const struct rk_env *env, const char *name);

/**
 * The @index-th "NAME=value" of the copy.
 *
 * Context: any. Return: NULL behind the last one. Ownership: borrowed from @env.
 */
const char *rk_env_at(const struct rk_env *env, size_t index);

/**
 * RUSTKERNEL_DISABLE and OTEL_SDK_DISABLED: whether the library stays inert.
 *
 * Context: init.
 */
bool rk_env_is_disabled(const struct rk_env *env);

#endif
