/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_library.c - where libcupti is looked for.
 */
#include "cupti/cupti_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_VERSION 10 /* CUDA 9.0, the first with CUpti_ActivityKernel4 */

/* Newest first. CUDA 11 put the minor version into the name. */
static const char *const names[] = {
	"libcupti.so.14",   "libcupti.so.13",	"libcupti.so.12",   "libcupti.so.11.8",
	"libcupti.so.11.7", "libcupti.so.11.6", "libcupti.so.11.5", "libcupti.so.11.4",
	"libcupti.so.11.3", "libcupti.so.11.2", "libcupti.so.11.1", "libcupti.so.11.0",
	"libcupti.so.10.2", "libcupti.so",
};

/* Relative to a folder that holds libcudart or libcuda: the toolkit's, the wheels' old shape. */
static const char *const beside[] = {
	"",
	"/../extras/CUPTI/lib64",
	"/../../cuda_cupti/lib",
	"/../../../extras/CUPTI/lib64",
};

struct loaded {
	char cupti[256];
	char folder[2][256]; /* of libcudart, libcuda */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libcupti.so.12" and a repaired wheel's "libcupti-753c68a4.so.12", not "libcuptixyz.so". */
static bool is_library(const char *file, const char *stem)
{
	size_t length = strlen(stem);

	return strncmp(file, stem, length) == 0 && (file[length] == '.' || file[length] == '-') &&
	       strstr(file + length, ".so");
}

static int note_loaded(struct dl_phdr_info *info, size_t size, void *data)
{
	static const char *const stems[] = { "libcudart", "libcuda" };
	struct loaded *loaded = data;
	const char *path = info->dlpi_name;
	const char *file;

	(void)size;
	if (!path || !*path)
		return 0;
	file = base_name(path);
	if (is_library(file, "libcupti") && !*loaded->cupti)
		snprintf(loaded->cupti, sizeof(loaded->cupti), "%s", path);
	for (size_t i = 0; i < 2; i++) {
		size_t length = (size_t)(file - path);

		if (!is_library(file, stems[i]) || *loaded->folder[i] || length < 2 ||
		    length > sizeof(loaded->folder[i]))
			continue;
		memcpy(loaded->folder[i], path, length - 1);
		loaded->folder[i][length - 1] = '\0';
	}
	return 0;
}

static void *open_loaded(const struct loaded *loaded)
{
	void *handle = NULL;

	if (*loaded->cupti)
		handle = dlopen(loaded->cupti, RTLD_LAZY | RTLD_NOLOAD);
	for (size_t i = 0; !handle && i < sizeof(names) / sizeof(names[0]); i++)
		handle = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
	return handle;
}

/* "" as @folder means the loader's own search. */
static void *open_in(const char *folder, const char *below)
{
	char path[512];
	void *handle;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s%s%s%s", folder, below,
				      *folder ? "/" : "", names[i]);

		if (length < 0 || (size_t)length >= sizeof(path))
			return NULL;
		handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
		if (handle)
			return handle;
	}
	return NULL;
}

static void *open_searched(const struct loaded *loaded)
{
	/* Once, at start, and of CUDA's own variables: not settings of ours. */
	const char *home[] = { getenv("CUDA_HOME"), getenv("CUDA_PATH"), "/usr/local/cuda" };
	void *handle = NULL;

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; *loaded->folder[i] && k < sizeof(beside) / sizeof(*beside);
		     k++) {
			handle = open_in(loaded->folder[i], beside[k]);
			if (handle)
				return handle;
		}
	for (size_t i = 0; !handle && i < sizeof(home) / sizeof(home[0]); i++) {
		if (!home[i] || !*home[i])
			continue;
		handle = open_in(home[i], "/extras/CUPTI/lib64");
		if (!handle)
			handle = open_in(home[i], "/lib64");
	}
	return handle ? handle : open_in("", "");
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
	struct loaded loaded = { 0 };
	const char *missing;

	memset(library, 0, sizeof(*library));
	dl_iterate_phdr(note_loaded, &loaded);
	library->handle = open_loaded(&loaded);
	if (!library->handle && *configured) {
		library->handle = dlopen(configured, RTLD_LAZY | RTLD_LOCAL);
		if (!library->handle) {
			const char *why = dlerror();

			snprintf(reason, reason_size, "could not open cupti.library: %s",
				 why ? why : configured);
			return -ENOENT;
		}
	}
	if (!library->handle)
		library->handle = open_searched(&loaded);
	if (!library->handle) {
		snprintf(reason, reason_size,
			 "no libcupti.so.13, .12 or .11 beside libcudart or libcuda, in CUDA_HOME, "
			 "/usr/local/cuda or the loader's path");
		return -ENOENT;
	}
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
