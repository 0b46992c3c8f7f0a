/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_key.c - which field of an op lies where in its key.
 */
#include "trace/trace_key.h"

#include <assert.h>
#include <string.h>

#include "trace/trace_said.h"

#define KIND(kind) (UINT64_C(1) << RK_OP_##kind)
#define COPIES	   (KIND(MEMCPY) | KIND(MEMSET))
#define MEMORY	   (KIND(ALLOC) | KIND(FREE))
#define SAID	   RK_TRACE_SAID_KINDS

const struct rk_trace_field rk_trace_fields[] = {
	{ RK_COL_S_KIND, 0, 0, 0, 8 }, /* first: the others depend on it */
	{ RK_COL_S_FLAGS, 0, 0, 8, 8 },
	{ RK_COL_S_RESULT, 0, 0, 16, 16 },
	{ RK_COL_S_ABSENT, 0, 0, 32, 8 },
	{ RK_COL_S_STACK, 0, 0, 40, 24 },
	{ RK_COL_S_API, 0, 1, 0, 32 },
	{ RK_COL_S_NAME, 0, 1, 32, 32 },
	{ RK_COL_S_STREAM, 0, 2, 0, 32 },
	{ RK_COL_S_TID, 0, 2, 32, 32 },
	{ RK_COL_S_DEVICE, 0, 3, 0, 32 },
	{ RK_COL_S_CONTEXT, 0, 3, 32, 32 },
	{ RK_COL_S_STREAM_HANDLE, 0, 4, 0, 64 },
	{ RK_COL_K_GRID_X, KIND(KERNEL), 5, 0, 32 },
	{ RK_COL_K_GRID_Y, KIND(KERNEL), 5, 32, 32 },
	{ RK_COL_K_GRID_Z, KIND(KERNEL), 6, 0, 32 },
	{ RK_COL_K_BLOCK_X, KIND(KERNEL), 6, 32, 32 },
	{ RK_COL_K_BLOCK_Y, KIND(KERNEL), 7, 0, 32 },
	{ RK_COL_K_BLOCK_Z, KIND(KERNEL), 7, 32, 32 },
	{ RK_COL_K_REGISTERS, KIND(KERNEL), 8, 0, 32 },
	{ RK_COL_K_STATIC_SHARED, KIND(KERNEL), 8, 32, 32 },
	{ RK_COL_K_DYNAMIC_SHARED, KIND(KERNEL), 9, 0, 32 },
	{ RK_COL_K_LOCAL, KIND(KERNEL), 9, 32, 32 },
	{ RK_COL_K_GRAPH, KIND(KERNEL), 10, 0, 32 },
	{ RK_COL_K_GRAPH_NODE, KIND(KERNEL), 11, 0, 64 },
	{ RK_COL_C_BYTES, COPIES, 5, 0, 64 },
	{ RK_COL_C_GRAPH_NODE, COPIES, 6, 0, 64 },
	{ RK_COL_C_GRAPH, COPIES, 7, 0, 32 },
	{ RK_COL_C_VALUE, COPIES, 7, 32, 32 },
	{ RK_COL_C_PEER_DEVICE, COPIES, 8, 0, 32 },
	{ RK_COL_C_COPY_KIND, COPIES, 8, 32, 8 },
	{ RK_COL_C_SRC_MEMORY, COPIES, 8, 40, 8 },
	{ RK_COL_C_DST_MEMORY, COPIES, 8, 48, 8 },
	{ RK_COL_G_EXEC_HANDLE, KIND(GRAPH), 5, 0, 64 },
	{ RK_COL_G_GRAPH, KIND(GRAPH), 6, 0, 32 },
	{ RK_COL_G_NODES, KIND(GRAPH), 6, 32, 32 },
	{ RK_COL_M_POOL, MEMORY, 5, 0, 8 },
	{ RK_COL_Y_OBJECT, KIND(SYNC), 5, 0, 64 },
	{ RK_COL_Y_SCOPE, KIND(SYNC), 6, 0, 8 },
	{ RK_COL_X_OPS, KIND(EXEC_CLOSE), 5, 0, 32 },
	{ RK_COL_X_REASON, KIND(EXEC_CLOSE), 5, 32, 8 },
	{ RK_COL_D_MAJOR, KIND(DEVICE), 5, 0, 32 },
	{ RK_COL_D_MINOR, KIND(DEVICE), 5, 32, 32 },
	{ RK_COL_A_WHAT, SAID | KIND(SAMPLE), 5, 0, 16 },
	{ RK_COL_A_FLAGS, SAID, 5, 16, 8 },
	{ RK_COL_A_TRACE_FLAGS, SAID, 5, 24, 8 },
	{ RK_COL_A_PRESENT, SAID, 5, 32, 8 },
	{ RK_COL_I_TYPE, KIND(INSTRUMENT), 5, 0, 8 },
	{ RK_COL_I_BOUNDS, KIND(INSTRUMENT), 5, 8, 8 },
	{ RK_COL_F_GRID_X, KIND(IN_FLIGHT), 5, 0, 32 },
	{ RK_COL_F_GRID_Y, KIND(IN_FLIGHT), 5, 32, 32 },
	{ RK_COL_F_GRID_Z, KIND(IN_FLIGHT), 6, 0, 32 },
	{ RK_COL_F_BLOCK_X, KIND(IN_FLIGHT), 6, 32, 32 },
	{ RK_COL_F_BLOCK_Y, KIND(IN_FLIGHT), 7, 0, 32 },
	{ RK_COL_F_BLOCK_Z, KIND(IN_FLIGHT), 7, 32, 32 },
	{ RK_COL_F_GRAPH, KIND(IN_FLIGHT), 8, 0, 32 },
};
const unsigned rk_trace_field_count = sizeof(rk_trace_fields) / sizeof(rk_trace_fields[0]);

static_assert(RK_OP_KIND_COUNT <= 64, "rk_trace_field.kinds has 64 bits");

/* The kernel's words 5 to 10 are the struct's eleven numbers as they lie there. */
#define KERNEL_RUN (offsetof(struct rk_op, kernel.graph) + 4 - offsetof(struct rk_op, kernel.grid))
static_assert(KERNEL_RUN == 44, "grid to graph lie side by side");

static inline uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* A launch in flight has what is known when it is launched. */
#define LAUNCH_RUN (offsetof(struct rk_op, kernel.registers) - offsetof(struct rk_op, kernel.grid))
static_assert(LAUNCH_RUN == 24, "grid and block lie side by side");

static void pack_said(uint64_t *w, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_IN_FLIGHT:
		memcpy(w + 5, op->kernel.grid, LAUNCH_RUN);
		w[8] = op->kernel.graph;
		break;
	case RK_OP_INSTRUMENT:
		w[5] = op->instrument.type | (uint64_t)rk_trace_bounds_of(op) << 8;
		break;
	case RK_OP_SAMPLE:
		w[5] = op->sample.what;
		break;
	default:
		if (rk_trace_is_said(op->kind))
			w[5] = op->said.what | (uint64_t)op->said.flags << 16 |
			       (uint64_t)op->said.trace_flags << 24 |
			       (uint64_t)rk_trace_said_present(&op->said) << 32;
		break;
	}
}

void rk_trace_key_pack(struct rk_trace_key *key, const struct rk_op *op)
{
	uint64_t *w = key->words;

	w[0] = op->kind | (uint64_t)op->flags << 8 | (uint64_t)op->result << 16 |
	       (uint64_t)rk_trace_absent_of(op) << 32 | (uint64_t)op->stack << 40;
	w[1] = pair(op->api, op->name);
	w[2] = pair(op->stream, op->tid);
	w[3] = pair(op->device, op->context);
	w[4] = op->stream_handle;
	memset(w + 5, 0, 7 * sizeof(*w));
	switch (op->kind) {
	case RK_OP_KERNEL:
		memcpy(w + 5, op->kernel.grid, KERNEL_RUN);
		w[11] = op->kernel.graph_node;
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		w[5] = op->copy.bytes;
		w[6] = op->copy.graph_node;
		w[7] = pair(op->copy.graph, op->copy.value);
		w[8] = op->copy.peer_device | (uint64_t)op->copy.copy_kind << 32 |
		       (uint64_t)op->copy.src_memory << 40 | (uint64_t)op->copy.dst_memory << 48;
		break;
	case RK_OP_GRAPH:
		w[5] = op->graph.exec_handle;
		w[6] = pair(op->graph.graph, op->graph.nodes);
		break;
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		w[5] = op->memory.pool;
		break;
	case RK_OP_SYNC:
		w[5] = op->sync.object;
		w[6] = op->sync.scope;
		break;
	case RK_OP_EXEC_CLOSE:
		w[5] = pair(op->close.ops, op->close.reason);
		break;
	case RK_OP_DEVICE:
		w[5] = pair(op->device_info.major, op->device_info.minor);
		break;
	default:
		pack_said(w, op);
		break;
	}
}

static void unpack_said(const uint64_t *w, struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_IN_FLIGHT:
		memcpy(op->kernel.grid, w + 5, LAUNCH_RUN);
		op->kernel.graph = (uint32_t)w[8];
		break;
	case RK_OP_INSTRUMENT:
		op->instrument.type = (uint8_t)w[5];
		op->instrument.bound_count = (uint8_t)(w[5] >> 8);
		break;
	case RK_OP_SAMPLE:
		op->sample.what = (uint16_t)w[5];
		break;
	default:
		if (rk_trace_is_said(op->kind)) {
			op->said.what = (uint16_t)w[5];
			op->said.flags = (uint8_t)(w[5] >> 16);
			op->said.trace_flags = (uint8_t)(w[5] >> 24);
		}
		break;
	}
}

static void unpack_kind(const uint64_t *w, struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		memcpy(op->kernel.grid, w + 5, KERNEL_RUN);
		op->kernel.graph_node = w[11];
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		op->copy.bytes = w[5];
		op->copy.graph_node = w[6];
		op->copy.graph = (uint32_t)w[7];
		op->copy.value = (uint32_t)(w[7] >> 32);
		op->copy.peer_device = (uint32_t)w[8];
		op->copy.copy_kind = (uint8_t)(w[8] >> 32);
		op->copy.src_memory = (uint8_t)(w[8] >> 40);
		op->copy.dst_memory = (uint8_t)(w[8] >> 48);
		break;
	case RK_OP_GRAPH:
		op->graph.exec_handle = w[5];
		op->graph.graph = (uint32_t)w[6];
		op->graph.nodes = (uint32_t)(w[6] >> 32);
		break;
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		op->memory.pool = (uint8_t)w[5];
		break;
	case RK_OP_SYNC:
		op->sync.object = w[5];
		op->sync.scope = (uint8_t)w[6];
		break;
	case RK_OP_EXEC_CLOSE:
		op->close.ops = (uint32_t)w[5];
		op->close.reason = (uint8_t)(w[5] >> 32);
		break;
	case RK_OP_DEVICE:
		op->device_info.major = (uint32_t)w[5];
		op->device_info.minor = (uint32_t)(w[5] >> 32);
		break;
	default:
		unpack_said(w, op);
		break;
	}
}

void rk_trace_key_unpack(const struct rk_trace_key *key, struct rk_op *op)
{
	const uint64_t *w = key->words;

	/* All but the tick's tail, which is three times the rest and set by its own column. */
	memset(op, 0, offsetof(struct rk_op, kernel) + sizeof(op->kernel));
	op->kind = (uint8_t)w[0];
	op->flags = (uint8_t)(w[0] >> 8);
	op->result = (uint16_t)(w[0] >> 16);
	op->stack = (uint32_t)(w[0] >> 40);
	op->api = (uint32_t)w[1];
	op->name = (uint32_t)(w[1] >> 32);
	op->stream = (uint32_t)w[2];
	op->tid = (uint32_t)(w[2] >> 32);
	op->device = (uint32_t)w[3];
	op->context = (uint32_t)(w[3] >> 32);
	op->stream_handle = w[4];
	unpack_kind(w, op);
}
