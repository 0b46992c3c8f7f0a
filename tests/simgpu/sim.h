/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim.h - what the files of the simulated driver share.
 *
 * Model: there is no GPU thread. Every stream keeps the time at which its last
 * work will end (its tail). Enqueueing computes start and end at once, carries out
 * the effect on memory at once (host memory plays device memory) and moves the
 * tail; synchronising sleeps to the tail. Enqueue order is a legal order of any
 * correct program, so results are right after every synchronisation.
 *
 * Host functions are the exception: their result is needed by what follows in the
 * stream, and only a thread can run them. One lazily started thread does, and
 * enqueueing behind one blocks until it has run.
 */
#ifndef SIMGPU_SIM_H
#define SIMGPU_SIM_H

#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL_ODR
#endif
#include <cuda.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simgpu_tool.h"

/* An implementation of one exported function. gen_driver.py reads these lines and
 * writes the exported entry point, with its _ptsz or _ptds twin, around it. */
#define SIM_API(name, ...)                                                                         \
	CUresult sim_##name(__VA_ARGS__);                                                          \
	CUresult sim_##name(__VA_ARGS__)

#define SIM_MAX_DEVICES 16
#define SIM_CTX_DEPTH	32
#define SIM_ARG_BYTES	64 /* the largest argument list of a built-in kernel is 32 bytes */
#define SIM_NS_PER_S	1000000000ull

enum sim_magic {
	SIM_MAGIC_CTX = 0x73630001,
	SIM_MAGIC_STREAM,
	SIM_MAGIC_EVENT,
	SIM_MAGIC_FUNC,
	SIM_MAGIC_KERNEL,
	SIM_MAGIC_MODULE,
	SIM_MAGIC_GRAPH,
	SIM_MAGIC_NODE,
	SIM_MAGIC_EXEC,
	SIM_MAGIC_POOL,
	SIM_MAGIC_ARRAY,
	SIM_MAGIC_VMM,
	SIM_MAGIC_DEAD = 0x73630fff,
};

struct sim_ctx;
struct sim_stream;
struct sim_event;
struct sim_func;
struct sim_graph;
struct sim_node;
struct sim_capture;

/* ---- configuration, immutable after load ---- */
struct sim_config {
	int devices;
	int driver_version;
	CUresult init_result;
	uint64_t kernel_ns;
	uint64_t launch_ns;
	uint64_t latency_ns;
	uint64_t copy_ns; /* 0: from the bandwidth */
	uint64_t copy_gbps;
	uint64_t mem_bytes;
	uint64_t oom_at;
	uint64_t illegal_at;
	uint64_t device_every; /* every n-th kernel launches others; 0: none */
	uint64_t device_kernels; /* so many */
	uint64_t device_correlation; /* of theirs; 0: the launch's */
	bool device_before; /* their records come before their parent's */
	const char *kernel_times;
	const char *truth;
};

struct sim_counts {
	atomic_ullong launches; /* kernel launches that were accepted */
	atomic_ullong launches_failed;
	atomic_ullong launches_captured;
	atomic_ullong graph_launches;
	atomic_ullong kernels;
	atomic_ullong device_parents; /* kernels that could launch others */
	atomic_ullong device_kernels; /* launched by a kernel */
	atomic_ullong memcpys;
	atomic_ullong memsets;
	atomic_ullong allocs;
	atomic_ullong alloc_calls;
};

/* Of one kind of memory on one device; registered memory counts as pinned as well. */
struct sim_memory_count {
	uint64_t live, live_bytes, peak_bytes, allocs, frees;
};

#define SIM_MEM_KINDS 8

struct sim_device {
	int ordinal;
	struct sim_ctx *primary;
	unsigned int primary_refs;
	unsigned int primary_flags;
	uint64_t used_bytes;
	struct sim_memory_count memory[SIM_MEM_KINDS];
	struct sim_pool *default_pool;
	struct sim_pool *pool;
};

struct sim {
	pthread_mutex_t lock; /* guards everything below that is not atomic */
	pthread_cond_t changed;
	struct sim_config config;
	struct sim_counts counts;
	struct sim_device device[SIM_MAX_DEVICES];
	bool initialized;
	atomic_uint corr;
	atomic_uint next_id;
	atomic_uint captures; /* open captures */
	struct sim_capture *capture_list;
	_Atomic(const struct simgpu_tool *) tool;
};

extern struct sim sim;

/* ---- per thread ---- */
struct sim_thread {
	int32_t tid;
	bool ptds; /* the call came in by a _ptsz or _ptds entry */
	bool captured; /* what it submitted went into a graph */
	uint32_t corr;
	int depth;
	struct sim_ctx *stack[SIM_CTX_DEPTH];
	CUstreamCaptureMode capture_mode; /* cuThreadExchangeStreamCaptureMode */
	struct simgpu_op *ops;		  /* made by the call in progress */
	size_t op_count;
	size_t op_room;
};

extern _Thread_local struct sim_thread sim_self;

struct sim_call {
	uint16_t function;
	bool ptds_before;
	uint32_t corr;
	uint32_t corr_before;
	uint64_t corr_data;
	const char *symbol;
	const void *params;
};

/* ---- contexts, streams, events ---- */
struct sim_stream {
	uint32_t magic;
	uint32_t id;
	struct sim_ctx *ctx;
	unsigned int flags;
	int priority;
	bool legacy;
	uint64_t tail_ns;
	unsigned int hosts_pending; /* host functions enqueued and not finished */
	struct sim_capture *cap;
	struct sim_node **front; /* last captured nodes of this stream */
	size_t front_count;
	struct sim_stream *next;
	pthread_t owner; /* per-thread default streams */
	bool per_thread;
};

struct sim_ctx {
	uint32_t magic;
	uint32_t id;
	struct sim_device *device;
	unsigned int flags;
	bool primary;
	struct sim_stream legacy;
	struct sim_stream *streams;
	uint64_t legacy_tail_ns;
	uint64_t blocking_tail_ns;
	uint64_t all_tail_ns;
	CUresult sticky; /* shows from sticky_ns on */
	uint64_t sticky_ns;
	size_t limits[16];
	unsigned int peers; /* bit per device */
};

struct sim_event {
	uint32_t magic;
	struct sim_ctx *ctx;
	unsigned int flags;
	bool recorded;
	uint64_t time_ns;
	struct sim_capture *cap;
	uint64_t cap_id;
	struct sim_node **front;
	size_t front_count;
};

/* ---- code ---- */
enum sim_builtin { SIM_PLAIN, SIM_VECTOR_ADD, SIM_SAXPY, SIM_REDUCE_SUM };

struct sim_func {
	uint32_t magic; /* SIM_MAGIC_KERNEL for a CUkernel, SIM_MAGIC_FUNC for a CUfunction */
	struct sim_module *module;
	struct sim_func *twin; /* CUkernel <-> CUfunction */
	const char *name;
	enum sim_builtin builtin;
	uint64_t dur_ns;
	int max_dynamic_shared;
	uint32_t old_block[3]; /* of the launch functions that take no block */
	struct sim_func *next;
};

/* ---- work: what a stream or a graph node does ---- */
enum sim_work_kind {
	SIM_WORK_EMPTY,
	SIM_WORK_KERNEL,
	SIM_WORK_COPY,
	SIM_WORK_SET,
	SIM_WORK_HOST,
	SIM_WORK_CHILD,
	SIM_WORK_RECORD,
	SIM_WORK_WAIT,
	SIM_WORK_ALLOC,
	SIM_WORK_FREE,
	SIM_WORK_CONDITIONAL,
};

struct sim_kernel_work {
	struct sim_func *func;
	uint32_t grid[3];
	uint32_t block[3];
	uint32_t cluster[3];
	uint32_t shared;
	bool cooperative;
	uint8_t args[SIM_ARG_BYTES];
};

struct sim_copy_work {
	void *dst;
	const void *src;
	size_t dst_pitch, src_pitch;
	size_t dst_slice, src_slice;
	size_t width, height, depth;
	uint32_t kind, src_kind, dst_kind;
	uint32_t src_device, dst_device;
	bool async;
};

struct sim_set_work {
	void *dst;
	size_t pitch, width, height; /* width in elements */
	uint32_t value;
	uint32_t element; /* bytes */
	bool async;
};

struct sim_host_work {
	CUhostFn fn;
	CUstreamCallback callback; /* instead of fn */
	void *user;
	CUstream stream;
};

struct sim_work {
	enum sim_work_kind kind;
	bool captured; /* out: became a graph node instead of running */
	bool failed;   /* out: ran into the scripted fault, or behind it */
	uint64_t dur_ns;
	union {
		struct sim_kernel_work kernel;
		struct sim_copy_work copy;
		struct sim_set_work set;
		struct sim_host_work host;
		struct sim_graph *child; /* of a conditional node: its body */
		struct sim_event *event;
		CUdeviceptr ptr;
	};
	uint32_t body_runs; /* of a conditional node, per launch */
	CUDA_MEMCPY3D copy_params; /* of a graph's copy node, for GetParams */
};

struct sim_node {
	uint32_t magic;
	uint64_t id;
	CUgraphNodeType type;
	struct sim_graph *graph;
	struct sim_node **deps;
	size_t dep_count;
	struct sim_work work;
	bool enabled;
	struct sim_node *origin; /* the node this one was cloned from */
	/* during a launch */
	uint64_t end_ns;
	bool done;
	atomic_bool *host_busy;
};

struct sim_graph {
	uint32_t magic;
	uint32_t id;
	struct sim_node **nodes;
	size_t count;
	struct sim_graph *origin;
};

struct sim_exec {
	uint32_t magic;
	uint32_t id;
	unsigned long long flags;
	struct sim_graph *graph;
};

struct sim_capture {
	uint64_t id;
	struct sim_graph *graph;
	struct sim_stream *origin;
	CUstreamCaptureMode mode;
	pthread_t thread;
	bool to_graph;
	bool invalid;
	struct sim_capture *next;
};

/* ---- memory ---- */
enum sim_mem_kind {
	SIM_MEM_DEVICE,
	SIM_MEM_MANAGED,
	SIM_MEM_PINNED,
	SIM_MEM_REGISTERED,
	SIM_MEM_ASYNC,
	SIM_MEM_ARRAY,
	SIM_MEM_VMM,
	SIM_MEM_GLOBAL,
};

struct sim_alloc {
	char *base;
	size_t size;
	enum sim_mem_kind kind;
	struct sim_ctx *ctx;
	int device;
	struct sim_pool *pool;
	unsigned int flags;
	bool mapped; /* by mmap, else by malloc */
	bool low;    /* wanted where an address has 32 bits */
	uint64_t buffer_id;
};

struct sim_pool {
	uint32_t magic;
	int device;
	uint64_t used, used_high, reserved, reserved_high, threshold;
	int reuse[3];
};

struct sim_array {
	uint32_t magic;
	CUDA_ARRAY3D_DESCRIPTOR desc;
	char *data;
	size_t pitch, slice, size;
	int device;
	bool borrowed; /* a level of a mipmapped array */
};

/* ---- sim_core.c ---- */
void sim_call_enter(struct sim_call *call, unsigned int function, const void *params);
CUresult sim_call_leave(struct sim_call *call, CUresult result);
int sim_stub(unsigned int function);
uint64_t sim_now(void);
void sim_sleep_until(uint64_t ns);
CUresult sim_ready(void);

/* In a child of whatever kind of fork, with a driver that was in use before. */
bool sim_is_forked(void);
struct simgpu_op *sim_op_add(void);
const char *sim_intern(const char *text);
uint64_t sim_kernel_ns(const char *name);
int32_t sim_tid(void);
void sim_bury(void *object);

/* ---- sim_truth.c ---- */
void sim_truth_open(const char *pattern);
void sim_truth_op(const struct simgpu_op *op);
void sim_truth_missing(const char *symbol, int version);
void sim_truth_finish(void);
void sim_truth_leave(void);
void sim_truth_begin(const char *pattern);
void sim_truth_call(unsigned int work, bool failed, bool captured);

/* ---- generated ---- */
struct sim_function {
	const char *name;
	uint16_t cbid;
	uint8_t ptds;	/* the entry is a _ptsz or _ptds one */
	uint8_t kernel; /* 1 + index of the CUfunction argument, 0: not a launch */
	uint8_t work;	/* 1 + enum simgpu_work, 0: puts nothing on a GPU */
};
struct sim_entry {
	const char *name;
	uint32_t version;
	uint8_t ptds;
	void *symbol;
};
extern const struct sim_function sim_functions[];
extern const unsigned int sim_function_count;
extern const struct sim_entry sim_entries[];
extern const unsigned int sim_entry_count;
extern atomic_ullong sim_call_counts[];

/* ---- sim_ctx.c ---- */
struct sim_ctx *sim_ctx_current(void);
CUresult sim_ctx_check(struct sim_ctx **out);
CUresult sim_ctx_get(CUcontext handle, struct sim_ctx **out);
CUresult sim_ctx_error(struct sim_ctx *ctx);
struct sim_ctx *sim_primary(int device);

/* ---- sim_stream.c ---- */
CUresult sim_stream_get(CUstream handle, struct sim_stream **out);
struct sim_stream *sim_stream_special(struct sim_ctx *ctx, CUstream handle);
void sim_stream_settle(struct sim_stream *stream);
uint64_t sim_stream_ready(struct sim_stream *stream);
void sim_stream_advance(struct sim_stream *stream, uint64_t end_ns);
uint64_t sim_stream_horizon(struct sim_stream *stream);
CUresult sim_event_get(CUevent handle, struct sim_event **out);
void sim_stream_free_front(struct sim_stream *stream);

/* ---- sim_work.c ---- */
CUresult sim_submit(CUstream stream, struct sim_work *work);
CUresult sim_submit_wait(CUstream stream, struct sim_work *work, bool wait);
bool sim_op_wanted(void);
void sim_host_push(struct sim_stream *stream, const struct sim_host_work *work, uint64_t at_ns,
		   atomic_bool *busy);
uint64_t sim_copy_ns(uint64_t bytes);
CUresult sim_copy_work(const CUDA_MEMCPY3D *p, struct sim_work *work); /* sim_copy.c */

/* ---- sim_builtin.c ---- */
enum sim_builtin sim_builtin_find(const char *name);
bool sim_builtin_pointers_ok(const struct sim_kernel_work *work);
void sim_builtin_run(const struct sim_kernel_work *work);
void sim_builtin_args(struct sim_kernel_work *work, void **params, void **extra);
CUresult sim_run_graph(CUstream handle, struct sim_exec *exec);

/* ---- sim_graph.c ---- */
struct sim_graph *sim_graph_new(void);
struct sim_node *sim_graph_add(struct sim_graph *graph, const struct sim_work *work,
			       struct sim_node *const *deps, size_t count);
void sim_graph_free(struct sim_graph *graph);

/* ---- sim_capture.c ---- */
CUresult sim_capture_unsafe(void);
CUresult sim_capture_legacy(struct sim_ctx *ctx);
CUresult sim_capture_work(struct sim_stream *stream, struct sim_work *work);
CUresult sim_capture_record(struct sim_stream *stream, struct sim_event *event);
CUresult sim_capture_wait(struct sim_stream *stream, struct sim_event *event);
struct sim_capture *sim_capture_find(uint64_t id);

/* ---- sim_mem.c ---- */
struct sim_alloc *sim_mem_find(const void *ptr);
CUresult sim_mem_new(struct sim_alloc *want, void **out);
CUresult sim_mem_free(void *ptr, bool host);
void sim_mem_kinds(const void *ptr, uint32_t *kind, uint32_t *device);
void sim_mem_forget_ctx(struct sim_ctx *ctx);
struct sim_array *sim_array_get(CUarray handle);
size_t sim_array_element(const CUDA_ARRAY3D_DESCRIPTOR *desc);

/* ---- sim_module.c ---- */
CUresult sim_func_get(CUfunction handle, struct sim_func **out);

#endif
