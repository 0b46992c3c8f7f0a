/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_library.c - the functions of the libcupti that was found.
 */
#include "cupti/cupti_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "core/cupti_search.h"

#define OLDEST_VERSION 10 /* CUDA 9.0, the first with CUpti_ActivityKernel4 */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void note_path(struct rk_cupti_library *library)
{
	struct link_map *map = NULL;

	if (dlinfo(library->handle, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name)
		snprintf(library->path, sizeof(library->path), "%s", map->l_name);
}

/* The name of the first required function that is missing, or NULL. */
static const char *look_up(struct rk_cupti_library *library)
{
	void *symbol;

	/* POSIX has function pointers fit into object pointers; ISO C wants the detour. */
#define RK_CUPTI_REQUIRED(function)                                                                \
	symbol = dlsym(library->handle, #function);                                                \
	if (!symbol)                                                                               \
		return #function;                                                                  \
	memcpy(&library->function, &symbol, sizeof(symbol));
#define RK_CUPTI_OPTIONAL(function)                                                                \
	symbol = dlsym(library->handle, #function);                                                \
	memcpy(&library->function, &symbol, sizeof(symbol));
#include "cupti/cupti_functions.def"
	return NULL;
}

int rk_cupti_library_open(struct rk_cupti_library *library, const char *configured, char *reason,
			  size_t reason_size)
{
	struct rk_cupti_search search;
	const char *missing;

	memset(library, 0, sizeof(*library));
	rk_cupti_search_init(&search);
	library->handle = rk_cupti_search_open(&search, configured, reason, reason_size);
	if (!library->handle)
		return -ENOENT;
	note_path(library);
	missing = look_up(library);
	if (missing) {
		snprintf(reason, reason_size, "%s has no %s", base_name(library->path), missing);
		return -ENOENT;
	}
	library->has_v2 = rk_cupti_v2_find(&library->v2, library->handle);
	if (library->cuptiGetVersion(&library->version) != CUPTI_SUCCESS)
		library->version = 0;
	if (library->version < OLDEST_VERSION) {
		snprintf(reason, reason_size,
			 "%s is of API version %u, CUDA 9.0 (%d) is the oldest",
			 base_name(library->path), library->version, OLDEST_VERSION);
		return -ENOENT;
	}
	return 0;
}

const char *rk_cupti_library_strerror(const struct rk_cupti_library *library, CUptiResult result,
				      char *buffer, size_t size)
{
	const char *text = NULL;

	if (library->cuptiGetResultString &&
	    library->cuptiGetResultString(result, &text) == CUPTI_SUCCESS && text) {
		snprintf(buffer, size, "%s (%d)", text, (int)result);
		return buffer;
	}
	snprintf(buffer, size, "CUPTI error %d", (int)result);
	return buffer;
}
