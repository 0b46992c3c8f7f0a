/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_graph.c - what becomes known of graphs and of kernel handles.
 */
#include "core/clock.h"
#include "core/fields.h"
#include "pipeline/join/join_op.h"

#define INFO_BYTES 128

static const char *what_of(uint8_t life)
{
	return life == RK_LIFE_CREATE ? "instantiated" :
	       life == RK_LIFE_UPDATE ? "updated" :
					"destroyed";
}

static void put_integer(struct rk_fields_writer *fields, const char *key, uint64_t value)
{
	const struct rk_field field = { .key = key,
					.type = RK_FIELD_INTEGER,
					.integer = (int64_t)value };

	if (value)
		rk_fields_put(fields, &field);
}

void rk_join_tell_graph(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	const struct rk_field what = { .key = "what",
				       .type = RK_FIELD_TEXT,
				       .text = what_of(record->graph_info.life) };
	struct rk_op *op = rk_join_start_op(join, RK_OP_GRAPH_INFO);
	struct rk_fields_writer fields;
	uint8_t text[INFO_BYTES];

	rk_fields_writer_init(&fields, text, sizeof(text));
	rk_fields_put(&fields, &what);
	put_integer(&fields, "exec", record->graph_info.exec);
	put_integer(&fields, "graph", record->graph_info.graph);
	put_integer(&fields, "nodes", record->graph_info.nodes);
	op->host_start = rk_clock_ns(record->start);
	op->host_end = rk_clock_ns(record->end);
	op->tid = tid;
	op->text = text;
	op->text_bytes = (uint32_t)fields.used;
	rk_join_emit(join, op);
	op->text = NULL;
	op->text_bytes = 0;
}

/* Removing moves later entries to here: the place is looked at again. */
static void forget_owned(struct rk_join *join, uint64_t owner)
{
	struct rk_handle_map *names = &join->names;

	for (uint32_t i = 0; names->slots && i <= names->mask; i++) {
		while (names->slots[i].key && names->slots[i].value == owner)
			rk_handle_map_remove(names, names->slots[i].key);
	}
}

void rk_join_note_name(struct rk_join *join, const struct rk_record *record)
{
	const struct rk_handle_slot *kernel;
	uint64_t owner = record->name.owner;
	struct rk_handle_slot *slot;

	if (!record->name.handle) {
		forget_owned(join, owner);
		rk_join_forget_module(join, owner);
		return;
	}
	/* The function of a kernel goes with the library of the kernel. */
	kernel = rk_handle_map_get(&join->names, owner);
	if (kernel && kernel->value)
		owner = kernel->value;
	slot = rk_handle_map_put(&join->names, record->name.handle);
	if (!slot) {
		join->limited++;
		return;
	}
	slot->tag = record->name.name;
	if (owner)
		slot->value = owner;
	rk_join_tell_module(join, record, slot->value);
}
