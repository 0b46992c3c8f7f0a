/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct_record.c - activity records in the layout of the chosen version.
 *
 * Records of a kind only ever grew at their end; so the newest struct is filled and as
 * many bytes of it are given out as the chosen version had. The exceptions are moved
 * by hand, and the assertions pin what is relied on.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"

static_assert(sizeof(CUpti_ActivityKernel10) == 216, "CUDA 13.0 kernel record");
static_assert(sizeof(CUpti_ActivityMemcpy6) == 96, "CUDA 13.0 copy record");
static_assert(sizeof(CUpti_ActivityMemset4) == 88, "CUDA 13.0 memset record");
static_assert(sizeof(CUpti_ActivityMemory4) == 128, "CUDA 13.0 memory record");
static_assert(sizeof(CUpti_ActivityGraphTrace2) == 56, "CUDA 13.0 graph record");
static_assert(sizeof(CUpti_ActivitySynchronization2) == 56, "CUDA 13.0 sync record");

#define SAME(old, new, field)                                                                      \
	static_assert(offsetof(old, field) == offsetof(new, field), #old " " #field)

SAME(CUpti_ActivityKernel4, CUpti_ActivityKernel10, sharedMemoryExecuted);
SAME(CUpti_ActivityKernel5, CUpti_ActivityKernel10, graphId);
SAME(CUpti_ActivityKernel6, CUpti_ActivityKernel10, pAccessPolicyWindow);
SAME(CUpti_ActivityKernel7, CUpti_ActivityKernel10, channelType);
SAME(CUpti_ActivityKernel8, CUpti_ActivityKernel10, localMemoryTotal_v2);
SAME(CUpti_ActivityKernel9, CUpti_ActivityKernel10, maxActiveClusters);
SAME(CUpti_ActivityMemcpy4, CUpti_ActivityMemcpy6, graphId);
SAME(CUpti_ActivityMemcpy5, CUpti_ActivityMemcpy6, channelType);
SAME(CUpti_ActivityMemset2, CUpti_ActivityMemset4, graphNodeId);
SAME(CUpti_ActivityMemset3, CUpti_ActivityMemset4, graphId);

static const size_t kernel_sizes[] = {
	[4] = sizeof(CUpti_ActivityKernel4),
	[5] = sizeof(CUpti_ActivityKernel5),
	[6] = sizeof(CUpti_ActivityKernel6),
	[7] = sizeof(CUpti_ActivityKernel7),
	[8] = sizeof(CUpti_ActivityKernel8),
	[9] = sizeof(CUpti_ActivityKernel9),
	[10] = sizeof(CUpti_ActivityKernel10), /* those that follow by the headers of 13.4 */
	[11] = 224,
	[12] = 232,
	[13] = CT_RECORD_MAX,
};
static const size_t memcpy_sizes[] = {
	[4] = sizeof(CUpti_ActivityMemcpy4),
	[5] = sizeof(CUpti_ActivityMemcpy5),
	[6] = sizeof(CUpti_ActivityMemcpy6),
	[7] = 112,
};
static const size_t memset_sizes[] = {
	[2] = sizeof(CUpti_ActivityMemset2),
	[3] = sizeof(CUpti_ActivityMemset3),
	[4] = sizeof(CUpti_ActivityMemset4),
	[5] = 104,
};

/* First version of each layout, by the deprecation notes of the headers. */
static const struct {
	uint32_t version;
	int kernel, copy, set;
} layouts[] = {
	{ 130400, 13, 7, 5 }, { 130300, 12, 6, 4 }, { 130100, 11, 6, 4 }, { 130000, 10, 6, 4 },
	{ 26, 9, 6, 4 },      { 19, 9, 5, 4 },	    { 18, 8, 5, 4 },	  { 17, 7, 5, 4 },
	{ 15, 6, 4, 3 },      { 14, 5, 4, 3 },	    { 13, 5, 4, 2 },	  { 0, 4, 4, 2 },
};

static int env_layout(const char *name, int fallback, int low, int high)
{
	const char *text = getenv(name);
	int value = text ? atoi(text) : 0;

	return value >= low && value <= high ? value : fallback;
}

void ct_layouts(void)
{
	size_t i = 0;

	while (layouts[i].version > ct.version)
		i++;
	ct.kernel_layout = env_layout("SIMGPU_CUPTI_KERNEL_RECORD", layouts[i].kernel, 4, 13);
	ct.memcpy_layout = env_layout("SIMGPU_CUPTI_MEMCPY_RECORD", layouts[i].copy, 4, 7);
	ct.memset_layout = env_layout("SIMGPU_CUPTI_MEMSET_RECORD", layouts[i].set, 2, 5);
}

size_t ct_record_size(CUpti_ActivityKind kind)
{
	if (ct_v2_is_on())
		return ct_v2_size(kind);
	switch (kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		return kernel_sizes[ct.kernel_layout];
	case CUPTI_ACTIVITY_KIND_CDP_KERNEL:
		return sizeof(CUpti_ActivityCdpKernel);
	case CUPTI_ACTIVITY_KIND_MEMCPY:
		return memcpy_sizes[ct.memcpy_layout];
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		return sizeof(CUpti_ActivityMemcpyPtoP4);
	case CUPTI_ACTIVITY_KIND_MEMSET:
		return memset_sizes[ct.memset_layout];
	case CUPTI_ACTIVITY_KIND_MEMORY2:
		return sizeof(CUpti_ActivityMemory4);
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		return sizeof(CUpti_ActivityGraphTrace2);
	case CUPTI_ACTIVITY_KIND_SYNCHRONIZATION:
		return sizeof(CUpti_ActivitySynchronization2);
	case CUPTI_ACTIVITY_KIND_OVERHEAD:
		return sizeof(CUpti_ActivityOverhead);
	case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION:
		return sizeof(CUpti_ActivityExternalCorrelation);
	case CUPTI_ACTIVITY_KIND_DRIVER:
		return sizeof(CUpti_ActivityAPI);
	default:
		return 0;
	}
}

static bool fill_kernel(const struct simgpu_op *op, CUpti_ActivityKernel10 *r)
{
	bool concurrent = ct.kind_on[CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL];

	if (!concurrent && !ct.kind_on[CUPTI_ACTIVITY_KIND_KERNEL])
		return false;
	r->kind = concurrent ? CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL : CUPTI_ACTIVITY_KIND_KERNEL;
	r->registersPerThread = (uint16_t)op->registers;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->deviceId = op->device;
	r->contextId = op->context;
	r->streamId = op->stream;
	r->gridX = (int32_t)op->grid[0];
	r->gridY = (int32_t)op->grid[1];
	r->gridZ = (int32_t)op->grid[2];
	r->blockX = (int32_t)op->block[0];
	r->blockY = (int32_t)op->block[1];
	r->blockZ = (int32_t)op->block[2];
	r->staticSharedMemory = (int32_t)op->static_shared;
	r->dynamicSharedMemory = (int32_t)op->dynamic_shared;
	r->correlationId = op->corr;
	r->gridId = (int64_t)op->corr;
	r->name = op->name;
	r->launchType = op->cooperative ? CUPTI_ACTIVITY_LAUNCH_TYPE_COOPERATIVE_SINGLE_DEVICE :
					  CUPTI_ACTIVITY_LAUNCH_TYPE_REGULAR;
	r->graphNodeId = op->graph_node_id;
	r->graphId = op->graph_id;
	r->channelID = op->channel;
	r->clusterX = op->cluster[0];
	r->clusterY = op->cluster[1];
	r->clusterZ = op->cluster[2];
	return true;
}

/* Comes with CONCURRENT_KERNEL; the newer functions have no fields of it to choose. */
static bool fill_device_kernel(const struct simgpu_op *op, CUpti_ActivityCdpKernel *r)
{
	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL] || ct_v2_is_on())
		return false;
	r->kind = CUPTI_ACTIVITY_KIND_CDP_KERNEL;
	r->registersPerThread = (uint16_t)op->registers;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->deviceId = op->device;
	r->contextId = op->context;
	r->streamId = op->stream;
	r->gridX = (int32_t)op->grid[0];
	r->gridY = (int32_t)op->grid[1];
	r->gridZ = (int32_t)op->grid[2];
	r->blockX = (int32_t)op->block[0];
	r->blockY = (int32_t)op->block[1];
	r->blockZ = (int32_t)op->block[2];
	r->staticSharedMemory = (int32_t)op->static_shared;
	r->dynamicSharedMemory = (int32_t)op->dynamic_shared;
	r->correlationId = op->corr;
	r->parentGridId = (int64_t)op->corr;
	r->name = op->name;
	return true;
}

static bool fill_memcpy(const struct simgpu_op *op, union ct_any *out)
{
	CUpti_ActivityMemcpy6 *r = &out->memcpy;
	bool peer = op->copy_kind == CUPTI_ACTIVITY_MEMCPY_KIND_PTOP;

	if (!ct.kind_on[peer ? CUPTI_ACTIVITY_KIND_MEMCPY2 : CUPTI_ACTIVITY_KIND_MEMCPY])
		return false;
	r->kind = peer ? CUPTI_ACTIVITY_KIND_MEMCPY2 : CUPTI_ACTIVITY_KIND_MEMCPY;
	r->copyKind = (uint8_t)op->copy_kind;
	r->srcKind = (uint8_t)op->src_kind;
	r->dstKind = (uint8_t)op->dst_kind;
	r->flags = op->async ? CUPTI_ACTIVITY_FLAG_MEMCPY_ASYNC : 0;
	r->bytes = op->bytes;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->deviceId = op->device;
	r->contextId = op->context;
	r->streamId = op->stream;
	if (peer) {
		out->peer.srcDeviceId = op->src_device;
		out->peer.srcContextId = op->context;
		out->peer.dstDeviceId = op->dst_device;
		out->peer.dstContextId = op->context;
		out->peer.correlationId = op->corr;
		out->peer.graphNodeId = op->graph_node_id;
		out->peer.graphId = op->graph_id;
		return true;
	}
	r->correlationId = op->corr;
	r->graphNodeId = op->graph_node_id;
	r->graphId = op->graph_id;
	r->copyCount = 1;
	return true;
}

static bool fill_memset(const struct simgpu_op *op, CUpti_ActivityMemset4 *r)
{
	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_MEMSET])
		return false;
	r->kind = CUPTI_ACTIVITY_KIND_MEMSET;
	r->value = op->value;
	r->bytes = op->bytes;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->deviceId = op->device;
	r->contextId = op->context;
	r->streamId = op->stream;
	r->correlationId = op->corr;
	r->flags = op->async ? CUPTI_ACTIVITY_FLAG_MEMSET_ASYNC : 0;
	r->memoryKind = (uint16_t)op->dst_kind;
	r->graphNodeId = op->graph_node_id;
	r->graphId = op->graph_id;
	return true;
}

static bool fill_memory(const struct simgpu_op *op, CUpti_ActivityMemory4 *r)
{
	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_MEMORY2])
		return false;
	r->kind = CUPTI_ACTIVITY_KIND_MEMORY2;
	r->memoryOperationType = (CUpti_ActivityMemoryOperationType)op->value;
	r->memoryKind = (CUpti_ActivityMemoryKind)op->dst_kind;
	r->correlationId = op->corr;
	r->address = op->address;
	r->bytes = op->bytes;
	r->timestamp = ct_map_ns(op->start_ns);
	r->processId = (uint32_t)getpid();
	r->deviceId = op->device;
	r->contextId = op->context;
	r->streamId = op->stream;
	r->isAsync = op->async;
	return true;
}

static bool fill_graph(const struct simgpu_op *op, CUpti_ActivityGraphTrace2 *r)
{
	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_GRAPH_TRACE])
		return false;
	r->kind = CUPTI_ACTIVITY_KIND_GRAPH_TRACE;
	r->correlationId = op->corr;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->deviceId = op->device;
	r->graphId = op->graph_id;
	r->contextId = op->context;
	r->streamId = op->stream;
	r->endDeviceId = op->device;
	r->endContextId = op->context;
	return true;
}

static bool fill_sync(const struct simgpu_op *op, CUpti_ActivitySynchronization2 *r)
{
	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_SYNCHRONIZATION])
		return false;
	r->kind = CUPTI_ACTIVITY_KIND_SYNCHRONIZATION;
	r->type = (CUpti_ActivitySynchronizationType)op->value;
	r->start = ct_map_ns(op->start_ns);
	r->end = r->start + (op->end_ns - op->start_ns);
	r->correlationId = op->corr;
	r->contextId = op->context;
	r->streamId = op->stream;
	return true;
}

/* The lock is held. False: no kind that is on wants it. */
bool ct_record_of_op(const struct simgpu_op *op, union ct_any *out)
{
	bool hidden = op->graph_id && ct.kind_on[CUPTI_ACTIVITY_KIND_GRAPH_TRACE];

	memset(out, 0, sizeof(*out));
	switch (op->kind) {
	case SIMGPU_OP_KERNEL:
		if (op->device_launched)
			return fill_device_kernel(op, &out->device_kernel);
		return !hidden && fill_kernel(op, &out->kernel);
	case SIMGPU_OP_MEMCPY:
		return !hidden && fill_memcpy(op, out);
	case SIMGPU_OP_MEMSET:
		return !hidden && fill_memset(op, &out->memset);
	case SIMGPU_OP_GRAPH:
		return fill_graph(op, &out->graph);
	case SIMGPU_OP_SYNC:
		return fill_sync(op, &out->sync);
	case SIMGPU_OP_MEMORY:
		return fill_memory(op, &out->memory);
	case SIMGPU_OP_HOST:
		break;
	}
	return false;
}

static bool times_of(void *record, uint64_t **start, uint64_t **end)
{
	union ct_any *any = record;

	if (ct_v2_is_on())
		return ct_v2_times(record, start, end);
	switch (any->head.kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		*start = &any->kernel.start;
		*end = &any->kernel.end;
		return true;
	case CUPTI_ACTIVITY_KIND_CDP_KERNEL:
		*start = &any->device_kernel.start;
		*end = &any->device_kernel.end;
		return true;
	case CUPTI_ACTIVITY_KIND_MEMCPY:
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		*start = &any->memcpy.start;
		*end = &any->memcpy.end;
		return true;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		*start = &any->memset.start;
		*end = &any->memset.end;
		return true;
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		*start = &any->graph.start;
		*end = &any->graph.end;
		return true;
	default:
		return false;
	}
}

/* The lock is held. What measuring @op is said to have cost; false: nothing, or nobody asked. */
bool ct_record_overhead(const struct simgpu_op *op, union ct_any *out)
{
	memset(out, 0, sizeof(*out));
	if (!ct.overhead_us || !ct.kind_on[CUPTI_ACTIVITY_KIND_OVERHEAD])
		return false;
	out->overhead.kind = CUPTI_ACTIVITY_KIND_OVERHEAD;
	out->overhead.overheadKind = CUPTI_ACTIVITY_OVERHEAD_CUPTI_INSTRUMENTATION;
	out->overhead.objectKind = CUPTI_ACTIVITY_OBJECT_THREAD;
	out->overhead.start = ct_map_ns(op->start_ns);
	out->overhead.end = out->overhead.start + ct.overhead_us * 1000;
	return true;
}

void ct_record_no_end(void *record, bool no_start)
{
	uint64_t *start, *end;

	if (!times_of(record, &start, &end))
		return;
	*end = 0;
	if (no_start)
		*start = 0;
}

void ct_record_no_time(void *record)
{
	ct_record_no_end(record, true);
}

/* It ends before it begins, as seen where memory for device buffers was short. */
void ct_record_inverted(void *record)
{
	uint64_t *start, *end;

	if (times_of(record, &start, &end))
		*end = *start - 1;
}

/* Enum simgpu_work of a record; -1: it tells no work. */
int ct_record_work(const void *record)
{
	switch (((const CUpti_Activity *)record)->kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
	case CUPTI_ACTIVITY_KIND_CDP_KERNEL:
		return SIMGPU_WORK_LAUNCH;
	case CUPTI_ACTIVITY_KIND_MEMCPY:
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		return SIMGPU_WORK_MEMCPY;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		return SIMGPU_WORK_MEMSET;
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		return SIMGPU_WORK_GRAPH_LAUNCH;
	default:
		return -1;
	}
}
