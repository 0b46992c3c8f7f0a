/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/module_map.h - the files whose code is mapped into this process, as of the last
 * look.
 *
 * From /proc/self/maps, and the build ids from memory as /proc/self/mem gives it: neither touches
 * what another thread may be unmapping, and it is what is mapped that counts, not what has the name
 * by now.
 */
#ifndef RK_PIPELINE_JOIN_MODULE_MAP_H
#define RK_PIPELINE_JOIN_MODULE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_BUILD_ID_HEX 65 /* 32 bytes are the most that are told */

/* One stretch of code of a file. */
struct rk_module {
	uint64_t start, end;
	uint64_t offset; /* where that begins in the file */
	char *path;
	char build_id[RK_BUILD_ID_HEX]; /* hex; "" = none */
	bool is_told;			/* for who uses the map */
};

struct rk_module_map {
	struct rk_module *modules; /* by address */
	size_t count;
	uint64_t loads; /* files that were loaded and unloaded so far, as of the last look */
};

/**
 * Look again if anything was loaded or unloaded since, or always with @force. What was told of a
 * module that is still there remains so.
 *
 * Context: exporter. Return: whether it was read.
 */
bool rk_module_map_refresh(struct rk_module_map *map, bool force);
void rk_module_map_finish(struct rk_module_map *map);

/* Memory of whatever kind, code or not. */
struct rk_mapped_stretch {
	uint64_t start, end;
	uint32_t path; /* string: of the file that is mapped there; 0 = none is */
};

/**
 * What is mapped at @address. / How many files were loaded and unloaded so far.
 *
 * Context: exporter. The first reads the maps of the process. Return: false when nothing is.
 */
bool rk_module_map_find_stretch(uint64_t address, struct rk_mapped_stretch *out);
uint64_t rk_module_map_loads(void);

/**
 * Context: exporter. Ownership: borrowed until the next refresh. Return: NULL when @address is in
 * no file's code.
 */
struct rk_module *rk_module_map_find(const struct rk_module_map *map, uint64_t address);

#endif
