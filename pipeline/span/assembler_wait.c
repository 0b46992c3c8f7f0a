/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_wait.c - synchronisations as leaves.
 */
#include "pipeline/span/assembler_wait.h"

#include <stdio.h>

#include "core/intern.h"
#include "pipeline/span/assembler_part.h"

/* Longer than the name of any function of CUDA. */
#define NAME_BYTES 128

/* A program waits by one or two functions: the last one's name is nearly always the next one's. */
uint32_t rk_assembler_wait_name(struct rk_assembler *a, const struct rk_op *op)
{
	char name[NAME_BYTES];

	if (a->wait_name && a->wait_api == op->api)
		return a->wait_name;
	if (op->api)
		snprintf(name, sizeof(name), "wait:%s", rk_intern_get(op->api));
	else
		snprintf(name, sizeof(name), "wait");
	a->wait_api = op->api;
	a->wait_name = rk_intern(name);
	return a->wait_name;
}

void rk_assembler_wait_take(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	struct rk_leaf_time time;

	if (!rk_assembler_span_time(op, a->wall_offset, &time))
		return;
	rk_assembler_part_make_room(a, exec, op);
	rk_extent_extend(&exec->waits, time.start, time.end, time.host_time);
	rk_assembler_part_give(a, exec, op, &time);
}
