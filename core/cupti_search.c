/* SPDX-License-Identifier: Apache-2.0
 *
 * core/cupti_search.c - names and folders of libcupti, in their order.
 */
#include "core/cupti_search.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	static const char *const stems[RK_CUPTI_NEIGHBOURS] = { "libcudart", "libcuda" };
	struct rk_cupti_search *search = data;
	const char *path = info->dlpi_name;
	const char *file;

	(void)size;
	if (!path || !*path)
		return 0;
	file = base_name(path);
	if (is_library(file, "libcupti") && !*search->loaded)
		snprintf(search->loaded, sizeof(search->loaded), "%s", path);
	for (size_t i = 0; i < RK_CUPTI_NEIGHBOURS; i++) {
		size_t length = (size_t)(file - path);

		if (!is_library(file, stems[i]) || *search->folders[i] || length < 2 ||
		    length > sizeof(search->folders[i]))
			continue;
		memcpy(search->folders[i], path, length - 1);
		search->folders[i][length - 1] = '\0';
	}
	return 0;
}

static void *open_loaded(const struct rk_cupti_search *search)
{
	void *handle = NULL;

	if (*search->loaded)
		handle = dlopen(search->loaded, RTLD_LAZY | RTLD_NOLOAD);
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

static void *open_searched(const struct rk_cupti_search *search)
{
	/* Once, at start, and of CUDA's own variables: not settings of ours. */
	const char *home[] = { getenv("CUDA_HOME"), getenv("CUDA_PATH"), "/usr/local/cuda" };
	void *handle = NULL;

	for (size_t i = 0; i < RK_CUPTI_NEIGHBOURS; i++)
		for (size_t k = 0; *search->folders[i] && k < sizeof(beside) / sizeof(*beside);
		     k++) {
			handle = open_in(search->folders[i], beside[k]);
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

void rk_cupti_search_init(struct rk_cupti_search *search)
{
	memset(search, 0, sizeof(*search));
	dl_iterate_phdr(note_loaded, search);
}

void *rk_cupti_search_open(const struct rk_cupti_search *search, const char *configured,
			   char *reason, size_t reason_size)
{
	void *handle = open_loaded(search);

	if (!handle && *configured) {
		handle = dlopen(configured, RTLD_LAZY | RTLD_LOCAL);
		if (!handle) {
			const char *why = dlerror();

			snprintf(reason, reason_size, "could not open cupti.library: %s",
				 why ? why : configured);
			return NULL;
		}
	}
	if (!handle)
		handle = open_searched(search);
	if (!handle)
		snprintf(reason, reason_size,
			 "no libcupti.so.13, .12 or .11 beside libcudart or libcuda, in CUDA_HOME, "
			 "/usr/local/cuda or the loader's path");
	return handle;
}
