/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child_env.h - an environment that is built, not inherited by accident.
 */
#ifndef RK_TOOLS_CHILD_ENV_H
#define RK_TOOLS_CHILD_ENV_H

#include <stdbool.h>

struct rk_child_env;

/**
 * Start from a copy of @envp; NULL = empty.
 *
 * Context: tools. Ownership: the caller, rk_child_env_destroy().
 * Return: NULL when no memory could be had.
 */
struct rk_child_env *rk_child_env_create(char *const *envp);
void rk_child_env_destroy(struct rk_child_env *env);

/**
 * Set one variable, or put @value in front of a ':'-separated list. / Whether it is set, and not
 * to nothing.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
bool rk_child_env_has(struct rk_child_env *env, const char *name);
int rk_child_env_set(struct rk_child_env *env, const char *name, const char *value);
int rk_child_env_push(struct rk_child_env *env, const char *name, const char *value);

/**
 * As in main(); ends with NULL.
 *
 * Context: tools. Ownership: borrowed until the next change.
 */
char **rk_child_env_get(struct rk_child_env *env);

#endif
