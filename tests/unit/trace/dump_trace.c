/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/dump_trace.c - every op of a trace file as one line of text.
 *
 * The reference that other readers, and files of older versions, are compared with. A field
 * that is 0 is left out; texts and ids are in hex, strings as they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "trace/trace_ledger.h"
#include "trace/trace_model.h"
#include "trace/trace_reader.h"
#include "trace/trace_said.h"

static void number(const char *key, uint64_t value)
{
	if (value)
		printf(" %s=%" PRIu64, key, value);
}

static void hex(const char *key, const uint8_t *bytes, size_t size)
{
	size_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= bytes[i];
	if (!any && strcmp(key, "text") != 0)
		return;
	if (size)
		printf(" %s=", key);
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
}

static void string(const char *key, uint32_t id)
{
	if (id)
		printf(" %s=%s", key, rk_intern_get(id));
}

static void put_common(const struct rk_op *op)
{
	printf("%" PRIu64 " %u", op->ordinal, op->kind);
	number("flags", op->flags);
	number("result", op->result);
	number("exec", op->exec);
	number("host_start", op->host_start);
	number("host_end", op->host_end);
	number("start", op->start);
	number("end", op->end);
	number("stream", op->stream);
	number("stream_handle", op->stream_handle);
	number("tid", op->tid);
	number("device", op->device);
	number("context", op->context);
	number("correlation", op->correlation);
	string("api", op->api);
	string("name", op->name);
	number("stack", op->stack);
}

static void put_launch(const struct rk_op *op)
{
	static const char *const names[] = { "grid_x",	"grid_y",  "grid_z",
					     "block_x", "block_y", "block_z" };

	for (unsigned i = 0; i < 3; i++)
		number(names[i], op->kernel.grid[i]);
	for (unsigned i = 0; i < 3; i++)
		number(names[3 + i], op->kernel.block[i]);
}

static void put_work(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		put_launch(op);
		number("registers", op->kernel.registers);
		number("static_shared", op->kernel.static_shared_bytes);
		number("dynamic_shared", op->kernel.dynamic_shared_bytes);
		number("local", op->kernel.local_bytes_per_thread);
		number("graph", op->kernel.graph);
		number("graph_node", op->kernel.graph_node);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		number("bytes", op->copy.bytes);
		number("graph_node", op->copy.graph_node);
		number("graph", op->copy.graph);
		number("value", op->copy.value);
		number("peer_device", op->copy.peer_device);
		number("copy_kind", op->copy.copy_kind);
		number("src_memory", op->copy.src_memory);
		number("dst_memory", op->copy.dst_memory);
		break;
	case RK_OP_GRAPH:
		number("exec_handle", op->graph.exec_handle);
		number("graph", op->graph.graph);
		number("nodes", op->graph.nodes);
		break;
	case RK_OP_IN_FLIGHT:
		put_launch(op);
		number("graph", op->kernel.graph);
		break;
	default:
		break;
	}
}

static void put_calls(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		number("ptr", op->memory.ptr);
		number("bytes", op->memory.bytes);
		number("pool", op->memory.pool);
		break;
	case RK_OP_SYNC:
		number("object", op->sync.object);
		number("scope", op->sync.scope);
		break;
	case RK_OP_EXEC_CLOSE:
		number("ops", op->close.ops);
		number("reason", op->close.reason);
		break;
	case RK_OP_DEVICE:
		number("major", op->device_info.major);
		number("minor", op->device_info.minor);
		hex("uuid", op->device_info.uuid, sizeof(op->device_info.uuid));
		number("memory", op->device_info.memory_bytes);
		break;
	case RK_OP_CLOCK:
		number("wall_offset", (uint64_t)op->clock.wall_offset_ns);
		number("uncertainty", op->clock.uncertainty_ns);
		break;
	case RK_OP_DEPENDENCY:
		number("waited", op->dependency.ordinal);
		number("on", op->dependency.on);
		break;
	default:
		break;
	}
}

static void put_said(const struct rk_op *op)
{
	uint64_t bits;

	switch (op->kind) {
	case RK_OP_INSTRUMENT:
		number("instrument", op->instrument.number);
		number("type", op->instrument.type);
		number("bounds", op->instrument.bound_count);
		hex("upper", (const uint8_t *)op->instrument.bounds,
		    op->instrument.bound_count * 8u);
		break;
	case RK_OP_SAMPLE:
		number("what", op->sample.what);
		number("instrument", op->sample.number);
		memcpy(&bits, &op->sample.value, sizeof(bits));
		number("value", bits);
		break;
	default:
		if (!rk_trace_is_said(op->kind))
			break;
		number("what", op->said.what);
		number("said_flags", op->said.flags);
		number("trace_flags", op->said.trace_flags);
		number("span", op->said.number);
		hex("trace_id", op->said.trace_id, sizeof(op->said.trace_id));
		hex("span_id", op->said.span_id, sizeof(op->said.span_id));
		hex("parent_id", op->said.parent_id, sizeof(op->said.parent_id));
		break;
	}
	if (rk_trace_has_text(op->kind))
		hex("text", op->text, op->text_bytes);
}

/* The numbers by their ids on disk, as differences to a tick of zeros. */
static void put_tick(const struct rk_op *op)
{
	struct rk_trace_ledger zero = { 0 };
	uint8_t bytes[RK_TRACE_TICK_MAX];
	size_t size = rk_trace_ledger_put(bytes, &zero, op), at = 0;
	uint64_t step, difference, id = 0;

	while (rk_trace_varint_get(bytes, size, &at, &step) == 0 && step &&
	       rk_trace_varint_get(bytes, size, &at, &difference) == 0) {
		id += step - 1;
		printf(" tick_%" PRIu64 "=%" PRIu64, id++, rk_trace_unzigzag(difference));
	}
}

int main(int argc, char **argv)
{
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_op op;
	char error[256];
	int result;

	if (argc != 2 || rk_trace_reader_open(&reader, argv[1], error)) {
		fprintf(stderr, "%s\n", argc == 2 ? error : "usage: dump_trace FILE");
		return 1;
	}
	while ((result = rk_trace_reader_next(reader, &op)) == 1) {
		put_common(&op);
		put_work(&op);
		put_calls(&op);
		put_said(&op);
		if (op.kind == RK_OP_TICK || op.kind == RK_OP_END)
			put_tick(&op);
		putchar('\n');
	}
	rk_trace_reader_get_info(reader, &info);
	printf("lost=%" PRIu64 " clean=%d truncated=%d sealed=%" PRIu64 "\n", info.lost,
	       info.clean_end, info.truncated, info.sealed_bytes);
	if (result)
		fprintf(stderr, "%s\n", info.error);
	rk_trace_reader_close(reader);
	return result != 0;
}
