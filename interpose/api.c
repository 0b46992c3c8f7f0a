/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api.c - the tables made from cuda_api.def.
 */
#include "interpose/api.h"

#include <stdatomic.h>

#include "interpose/lookup.h"

const char *const rk_api_names[RK_API_COUNT] = {
#define RK_API(name, ret, params, args, family) [RK_API_##name] = #name,
#include "interpose/cuda_api.def"
#undef RK_API
};

const uint8_t rk_api_families[RK_API_COUNT] = {
#define RK_API(name, ret, params, args, family) [RK_API_##name] = RK_FAMILY_##family,
#include "interpose/cuda_api.def"
#undef RK_API
};

/* A driver that lacks the function is not the same as no driver at all. */
static CUresult missing(void)
{
	return rk_lookup_has_driver() ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_NOT_INITIALIZED;
}

#define RK_API(name, ret, params, args, family)                                                    \
	static ret stub_##name params                                                              \
	{                                                                                          \
		ret(*function) params = (ret(*) params)rk_lookup_real(RK_API_##name);              \
                                                                                                   \
		if (!function)                                                                     \
			return missing();                                                          \
		atomic_store(&rk_real.name, function);                                             \
		return function args;                                                              \
	}
#include "interpose/cuda_api.def"
#undef RK_API

struct rk_real rk_real = {
#define RK_API(name, ret, params, args, family) .name = stub_##name,
#include "interpose/cuda_api.def"
#undef RK_API
};

/* The library is linked with -Bsymbolic-functions, so these are our own. */
static void *const wrappers[RK_API_COUNT] = {
#define RK_API(name, ret, params, args, family) [RK_API_##name] = (void *)name,
#include "interpose/cuda_api.def"
#undef RK_API
};

void *rk_api_wrapper(enum rk_api api)
{
	return wrappers[api];
}

#define RK_API(name, ret, params, args, family)                                                    \
	static void resolve_##name(void)                                                           \
	{                                                                                          \
		ret(*function) params = (ret(*) params)rk_lookup_real(RK_API_##name);              \
                                                                                                   \
		if (function)                                                                      \
			atomic_store(&rk_real.name, function);                                     \
	}
#include "interpose/cuda_api.def"
#undef RK_API

void rk_api_resolve_all(void)
{
#define RK_API(name, ret, params, args, family) resolve_##name();
#include "interpose/cuda_api.def"
#undef RK_API
}
