/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/simgpu_tool.h - the private door between the simulated driver and
 * the simulated CUPTI.
 *
 * The real pair talks through an export table. Here the driver exports a few
 * simgpu_* functions, found by dlsym; no name begins with cu, so that a tool which
 * hooks cu* names never sees them.
 */
#ifndef SIMGPU_TOOL_H
#define SIMGPU_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum simgpu_op_kind {
	SIMGPU_OP_KERNEL,
	SIMGPU_OP_MEMCPY,
	SIMGPU_OP_MEMSET,
	SIMGPU_OP_HOST,
	SIMGPU_OP_GRAPH,
	SIMGPU_OP_SYNC,
	SIMGPU_OP_MEMORY,
};

/* One piece of work of the simulated GPU, all times in ns of CLOCK_MONOTONIC. */
struct simgpu_op {
	enum simgpu_op_kind kind;
	uint32_t corr;
	uint32_t device;
	uint32_t context;
	uint32_t stream;
	uint32_t graph_id;
	uint64_t graph_node_id;
	uint64_t queued_ns;
	uint64_t submitted_ns;
	uint64_t start_ns;
	uint64_t end_ns;
	const char *name; /* interned: lives as long as the process */
	uint32_t grid[3];
	uint32_t block[3];
	uint32_t cluster[3];
	uint32_t static_shared;
	uint32_t dynamic_shared;
	uint32_t registers;
	uint32_t channel;
	uint64_t bytes;
	uint64_t address;
	uint32_t copy_kind; /* CUpti_ActivityMemcpyKind */
	uint32_t src_kind;  /* CUpti_ActivityMemoryKind */
	uint32_t dst_kind;  /* also the memory kind of MEMSET and MEMORY */
	uint32_t src_device;
	uint32_t dst_device;
	uint32_t value; /* memset value; sync type; memory operation */
	bool async;
	bool cooperative;
	bool device_launched; /* by a kernel */
	bool failed; /* ran into the scripted fault: no record comes of it */
	int32_t tid;
};

/* Calls that put work on a GPU, and what CUPTI makes of them. */
enum simgpu_work {
	SIMGPU_WORK_LAUNCH,
	SIMGPU_WORK_GRAPH_LAUNCH,
	SIMGPU_WORK_MEMCPY,
	SIMGPU_WORK_MEMSET,
	SIMGPU_WORK_COUNT
};

/*
 * The accounts that a tracer's ledger is held to: numbers of 64 bits in the file of the truth
 * with ".ledger" behind its name. They are exact at any instant, SIGKILL included.
 */
enum simgpu_count {
	/* calls by enum simgpu_work: all, those that failed, those that went into a graph */
	SIMGPU_COUNT_CALLS,
	SIMGPU_COUNT_FAILED = SIMGPU_WORK_COUNT,
	SIMGPU_COUNT_CAPTURED = 2 * SIMGPU_WORK_COUNT,
	/* records of CUPTI by what they tell: those it gave away, with an end */
	SIMGPU_COUNT_DELIVERED = 3 * SIMGPU_WORK_COUNT,
	/* and of any kind: lost and told, forced out without an end, given away with wrong times */
	SIMGPU_COUNT_LOST = 4 * SIMGPU_WORK_COUNT,
	SIMGPU_COUNT_CUT,
	SIMGPU_COUNT_WRONG_TIME,
	SIMGPU_COUNT_COUNT
};

struct simgpu_api_event {
	uint32_t cbid;
	uint32_t corr;
	const char *function;
	const void *params;
	void *return_value; /* CUresult *, NULL at entry */
	const char *symbol; /* kernel name of a launch, else NULL */
	void *context;
	uint32_t context_id;
	uint64_t *corr_data;
	bool exit;
};

enum simgpu_resource {
	SIMGPU_CONTEXT_CREATED,
	SIMGPU_CONTEXT_DESTROYED,
	SIMGPU_STREAM_CREATED,
	SIMGPU_STREAM_DESTROYED,
	SIMGPU_INIT_FINISHED,
};

/* Calls arrive on the application thread, with no lock of the driver held. */
struct simgpu_tool {
	void (*api)(const struct simgpu_api_event *ev);
	void (*op)(const struct simgpu_op *op);
	void (*resource)(enum simgpu_resource what, void *context, void *stream);
};

typedef void (*simgpu_attach_fn)(const struct simgpu_tool *tool);
typedef void (*simgpu_enable_fn)(uint32_t cbid, int enabled);
typedef uint64_t (*simgpu_u64_fn)(void);
typedef void (*simgpu_count_fn)(unsigned int what, uint64_t more);
typedef int (*simgpu_stream_id_fn)(void *context, void *stream, int per_thread, uint32_t *id);
typedef int (*simgpu_id32_fn)(void *handle, uint32_t *id);
typedef int (*simgpu_id64_fn)(void *handle, uint64_t *id);

/**
 * Install @tool (NULL takes it away); the table must outlive the installation.
 *
 * Context: any.
 */
void simgpu_attach(const struct simgpu_tool *tool);

/**
 * Switch the ENTER and EXIT events of one driver callback id; id 0 means all.
 *
 * Context: any.
 */
void simgpu_enable_callback(uint32_t cbid, int enabled);

/**
 * Now on the clock that struct simgpu_op uses.
 *
 * Context: any.
 */
uint64_t simgpu_now_ns(void);

/**
 * Add to one of enum simgpu_count.
 *
 * Context: any.
 */
void simgpu_count(unsigned int what, uint64_t more);

/**
 * Number of the stream @stream (a CUstream, special handles included) of @context.
 *
 * Context: any; takes the driver's lock.
 * Return: 0, or a CUresult.
 */
int simgpu_stream_id(void *context, void *stream, int per_thread, uint32_t *id);

/**
 * Number of a context, a graph, an instantiated graph, a device of a context, a node.
 *
 * Context: any.
 * Return: 0, or a CUresult.
 */
int simgpu_context_id(void *context, uint32_t *id);
int simgpu_context_device(void *context, uint32_t *id);
int simgpu_graph_id(void *graph, uint32_t *id);
int simgpu_graph_exec_id(void *exec, uint32_t *id);
int simgpu_graph_node_id(void *node, uint64_t *id);

#endif
