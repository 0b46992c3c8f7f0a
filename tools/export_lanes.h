/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_lanes.h - which row of a viewer a slice goes to.
 *
 * Viewers want slices of a row to lie behind or within each other. Work of one stream may overlap
 * (branches of a graph), so a stream has as many rows, here called lanes, as it needs at once.
 */
#ifndef RK_TOOLS_EXPORT_LANES_H
#define RK_TOOLS_EXPORT_LANES_H

#include <stdbool.h>
#include <stdint.h>

struct rk_export_lane {
	uint64_t key;	   /* stream or thread; the caller's */
	uint64_t end_ns;   /* of the latest slice */
	uint32_t number;   /* 1, 2, 3... of all lanes: names it to the viewer */
	uint32_t rank;	   /* 0, 1, 2... of this key */
	uint32_t next;	   /* place + 1 of the next lane of this key; 0 = none */
	bool is_told;	   /* the viewer knows its name; the caller's */
};

struct rk_export_lanes;

/**
 * Context: tools. Ownership: the caller, rk_export_lanes_destroy(). Return: NULL without memory.
 */
struct rk_export_lanes *rk_export_lanes_create(void);
void rk_export_lanes_destroy(struct rk_export_lanes *lanes);

/**
 * The lane for a slice of @key, which must not be 0.
 *
 * Context: tools. Ownership: borrowed until the next call. Return: NULL without memory.
 */
struct rk_export_lane *rk_export_lanes_take(struct rk_export_lanes *lanes, uint64_t key,
					    uint64_t start_ns, uint64_t end_ns);

/**
 * Lane by place, 0, 1, 2...
 *
 * Context: tools. Return: NULL behind the last.
 */
struct rk_export_lane *rk_export_lanes_get(struct rk_export_lanes *lanes, uint32_t place);

#endif
