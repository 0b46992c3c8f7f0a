/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child_env.c - a growing array of "NAME=value".
 */
#include "tools/child_env.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rk_child_env {
	char **at; /* each entry is ours; ends with NULL */
	size_t count;
};

/* Ownership: takes @entry, also on failure. */
static int add(struct rk_child_env *env, char *entry)
{
	char **grown;

	if (!entry)
		return -ENOMEM;
	grown = realloc(env->at, (env->count + 2) * sizeof(*grown));
	if (!grown) {
		free(entry);
		return -ENOMEM;
	}
	env->at = grown;
	env->at[env->count++] = entry;
	env->at[env->count] = NULL;
	return 0;
}

struct rk_child_env *rk_child_env_create(char *const *envp)
{
	struct rk_child_env *env = calloc(1, sizeof(*env));

	if (!env)
		return NULL;
	env->at = calloc(1, sizeof(*env->at));
	for (; env->at && envp && *envp; envp++) {
		if (add(env, strdup(*envp))) {
			rk_child_env_destroy(env);
			return NULL;
		}
	}
	if (env->at)
		return env;
	free(env);
	return NULL;
}

void rk_child_env_destroy(struct rk_child_env *env)
{
	if (!env)
		return;
	for (size_t i = 0; i < env->count; i++)
		free(env->at[i]);
	free(env->at);
	free(env);
}

static char **find(struct rk_child_env *env, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->at[i], name, length) == 0 && env->at[i][length] == '=')
			return &env->at[i];
	}
	return NULL;
}

bool rk_child_env_has(struct rk_child_env *env, const char *name)
{
	char **slot = find(env, name);

	return slot && (*slot)[strlen(name) + 1];
}

int rk_child_env_set(struct rk_child_env *env, const char *name, const char *value)
{
	char **slot = find(env, name);
	char *entry;

	if (asprintf(&entry, "%s=%s", name, value) < 0)
		return -ENOMEM;
	if (!slot)
		return add(env, entry);
	free(*slot);
	*slot = entry;
	return 0;
}

int rk_child_env_push(struct rk_child_env *env, const char *name, const char *value)
{
	char **slot = find(env, name);
	const char *old = slot ? *slot + strlen(name) + 1 : "";
	char *joined;
	int err;

	if (!*old)
		return rk_child_env_set(env, name, value);
	if (asprintf(&joined, "%s:%s", value, old) < 0)
		return -ENOMEM;
	err = rk_child_env_set(env, name, joined);
	free(joined);
	return err;
}

char **rk_child_env_get(struct rk_child_env *env)
{
	return env->at;
}
