/* SPDX-License-Identifier: Apache-2.0
 *
 * core/env.c - one private mapping that holds the environment.
 */
#include "core/env.h"

#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "core/config_value.h"

#define ENV_BYTES_MAX (4u << 20) /* the kernel's own limit for one exec is near */

extern char **environ;

/* One private mapping: this header, the pointers, the bytes. */
struct rk_env {
	size_t mapped;
	size_t count;
	const char *at[];
};

static void measure(char *const *envp, size_t *count, size_t *bytes)
{
	*count = *bytes = 0;
	for (; envp && envp[*count]; (*count)++) {
		size_t length = strlen(envp[*count]) + 1;

		if (*bytes + length > ENV_BYTES_MAX)
			return;
		*bytes += length;
	}
}

struct rk_env *rk_env_create(char *const *envp)
{
	size_t count, bytes, mapped;
	struct rk_env *env;
	char *to;

	if (!envp)
		envp = environ;
	measure(envp, &count, &bytes);
	mapped = sizeof(*env) + count * sizeof(env->at[0]) + bytes;
	env = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (env == MAP_FAILED)
		return NULL;
	env->mapped = mapped;
	env->count = count;
	to = (char *)&env->at[count];
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(envp[i]) + 1;

		memcpy(to, envp[i], length);
		env->at[i] = to;
		to += length;
	}
	return env;
}

void rk_env_destroy(struct rk_env *env)
{
	if (env)
		munmap(env, env->mapped);
}

const char *rk_env_at(const struct rk_env *env, size_t index)
{
	return index < env->count ? env->at[index] : NULL;
}

const char *rk_env_get(const struct rk_env *env, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < env->count; i++) {
		const char *entry = env->at[i];

		if (strncmp(entry, name, length) == 0 && entry[length] == '=')
			return entry[length + 1] ? entry + length + 1 : NULL;
	}
	return NULL;
}

bool rk_env_is_disabled(const struct rk_env *env)
{
	const char *ours = rk_env_get(env, "RUSTKERNEL_DISABLE");
	const char *otel = rk_env_get(env, "OTEL_SDK_DISABLED");
	bool disabled;

	if (ours && rk_config_parse_bool(ours, &disabled) && disabled)
		return true;
	return otel && strcasecmp(otel, "true") == 0;
}
