/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_stack.c - where calls were made: each stack is told once, before its first
 * use.
 *
 * So are the files that it points into, because by the time somebody asks for names the process is
 * gone. What is at an address may change when libraries come and go: then all is told again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fields.h"
#include "core/stack_pool.h"
#include "pipeline/join/join_op.h"
#include "pipeline/join/module_map.h"

/* Code that is in no file (a JIT's, a plugin's that has gone) is looked for this often. */
#define LOOK_EVERY_NS	  1000000000ull
#define MODULE_TEXT_BYTES 8192u

struct rk_join_stacks {
	struct rk_module_map map;
	uint64_t looked_ns; /* for an address in no file; 0 = never */
	uint64_t told[RK_STACK_IDS_MAX / 64 + 1];
};

static bool is_told(const struct rk_join_stacks *stacks, uint32_t id)
{
	return stacks->told[id / 64] >> (id % 64) & 1;
}

static void put_integer(struct rk_fields_writer *writer, const char *key, uint64_t value)
{
	const struct rk_field field = { .key = key,
					.type = RK_FIELD_INTEGER,
					.integer = (int64_t)value };

	rk_fields_put(writer, &field);
}

static void tell_module(struct rk_join *join, struct rk_module *module, uint64_t when)
{
	struct rk_op *op = rk_join_start_op(join, RK_OP_MODULE);
	uint8_t text[MODULE_TEXT_BYTES];
	struct rk_fields_writer writer;

	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, module->path);
	rk_fields_put_placed(&writer, module->build_id);
	put_integer(&writer, "start", module->start);
	put_integer(&writer, "end", module->end);
	put_integer(&writer, "offset", module->offset);
	op->host_start = when;
	op->text = text;
	op->text_bytes = (uint32_t)writer.used;
	rk_join_emit(join, op);
	module->is_told = true;
}

/* A return address may lie behind the last instruction of its function, and of its file. */
static struct rk_module *find_module(struct rk_join_stacks *stacks, uint64_t address, uint64_t when)
{
	struct rk_module *module = rk_module_map_find(&stacks->map, address - 1);

	if (module || (stacks->looked_ns && when < stacks->looked_ns + LOOK_EVERY_NS))
		return module;
	stacks->looked_ns = when;
	rk_module_map_refresh(&stacks->map, true);
	return rk_module_map_find(&stacks->map, address - 1);
}

static void tell_stack(struct rk_join *join, uint32_t id, const uint64_t *frames, uint32_t count,
		       uint64_t when)
{
	struct rk_join_stacks *stacks = join->stacks;
	struct rk_op *op;

	rk_module_map_refresh(&stacks->map, false);
	for (uint32_t i = 0; i < count; i++) {
		struct rk_module *module = find_module(stacks, frames[i], when);

		if (module && !module->is_told)
			tell_module(join, module, when);
	}
	op = rk_join_start_op(join, RK_OP_STACK);
	op->host_start = when;
	op->stack = id;
	op->text = (const uint8_t *)frames;
	op->text_bytes = count * (uint32_t)sizeof(*frames);
	rk_join_emit(join, op);
	stacks->told[id / 64] |= 1ull << (id % 64);
}

void rk_join_take_stack(struct rk_join *join, const struct rk_record *record)
{
	uint32_t id = record->stack.id;
	const uint64_t *frames;
	uint32_t count = rk_stack_pool_get(id, &frames);

	if (!join->stacks)
		join->stacks = calloc(1, sizeof(*join->stacks));
	if (!count || !join->stacks) {
		join->limited++;
		return;
	}
	join->stack = id;
	if (!is_told(join->stacks, id))
		tell_stack(join, id, frames, count, rk_clock_ns(record->end));
}

void rk_join_look_at_modules(struct rk_join *join)
{
	struct rk_join_stacks *stacks = join->stacks;

	if (stacks && rk_module_map_refresh(&stacks->map, false))
		memset(stacks->told, 0, sizeof(stacks->told));
}

void rk_join_forget_stacks(struct rk_join *join)
{
	if (!join->stacks)
		return;
	rk_module_map_finish(&join->stacks->map);
	free(join->stacks);
	join->stacks = NULL;
}
