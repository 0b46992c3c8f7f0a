/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_graph.c - graphs: building, cloning, instantiating, asking.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SIM_ALIAS(alias, target)

#define SET_BYTES_PER_NS 200 /* memset bandwidth */

static atomic_uint graph_ids;

struct sim_graph *sim_graph_new(void)
{
	struct sim_graph *g = calloc(1, sizeof(*g));

	if (g) {
		g->magic = SIM_MAGIC_GRAPH;
		g->id = atomic_fetch_add(&graph_ids, 1) + 1;
	}
	return g;
}

static CUgraphNodeType node_type(const struct sim_work *work)
{
	static const CUgraphNodeType types[] = {
		[SIM_WORK_EMPTY] = CU_GRAPH_NODE_TYPE_EMPTY,
		[SIM_WORK_KERNEL] = CU_GRAPH_NODE_TYPE_KERNEL,
		[SIM_WORK_COPY] = CU_GRAPH_NODE_TYPE_MEMCPY,
		[SIM_WORK_SET] = CU_GRAPH_NODE_TYPE_MEMSET,
		[SIM_WORK_HOST] = CU_GRAPH_NODE_TYPE_HOST,
		[SIM_WORK_CHILD] = CU_GRAPH_NODE_TYPE_GRAPH,
		[SIM_WORK_RECORD] = CU_GRAPH_NODE_TYPE_EVENT_RECORD,
		[SIM_WORK_WAIT] = CU_GRAPH_NODE_TYPE_WAIT_EVENT,
		[SIM_WORK_ALLOC] = CU_GRAPH_NODE_TYPE_MEM_ALLOC,
		[SIM_WORK_FREE] = CU_GRAPH_NODE_TYPE_MEM_FREE,
		[SIM_WORK_CONDITIONAL] = CU_GRAPH_NODE_TYPE_CONDITIONAL,
	};

	return types[work->kind];
}

static bool has_child(const struct sim_node *node)
{
	return node->work.kind == SIM_WORK_CHILD || node->work.kind == SIM_WORK_CONDITIONAL;
}

static void add_dep(struct sim_node *node, struct sim_node *dep)
{
	struct sim_node **grown;

	for (size_t i = 0; i < node->dep_count; i++)
		if (node->deps[i] == dep)
			return;
	grown = realloc(node->deps, (node->dep_count + 1) * sizeof(*grown));
	if (!grown)
		abort();
	node->deps = grown;
	node->deps[node->dep_count++] = dep;
}

struct sim_node *sim_graph_add(struct sim_graph *graph, const struct sim_work *work,
			       struct sim_node *const *deps, size_t count)
{
	struct sim_node **grown = realloc(graph->nodes, (graph->count + 1) * sizeof(*grown));
	struct sim_node *node = calloc(1, sizeof(*node));

	if (!grown || !node)
		abort();
	graph->nodes = grown;
	graph->nodes[graph->count++] = node;
	node->magic = SIM_MAGIC_NODE;
	node->id = (uint64_t)graph->id << 32 | graph->count;
	node->graph = graph;
	node->work = *work;
	node->type = node_type(work);
	node->enabled = true;
	for (size_t i = 0; i < count; i++)
		add_dep(node, deps[i]);
	return node;
}

void sim_graph_free(struct sim_graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		struct sim_node *node = graph->nodes[i];

		if (has_child(node))
			sim_graph_free(node->work.child);
		node->magic = SIM_MAGIC_DEAD;
		free(node->deps);
		free(node);
	}
	graph->magic = SIM_MAGIC_DEAD;
	free(graph->nodes);
	free(graph);
}

static struct sim_graph *copy_graph(struct sim_graph *from)
{
	struct sim_graph *to = sim_graph_new();

	if (!to)
		abort();
	to->origin = from;
	for (size_t i = 0; i < from->count; i++) {
		struct sim_node *node = sim_graph_add(to, &from->nodes[i]->work, NULL, 0);

		node->origin = from->nodes[i];
		node->enabled = from->nodes[i]->enabled;
		if (has_child(node))
			node->work.child = copy_graph(node->work.child);
	}
	for (size_t i = 0; i < from->count; i++)
		for (size_t d = 0; d < from->nodes[i]->dep_count; d++)
			for (size_t k = 0; k < from->count; k++)
				if (from->nodes[k] == from->nodes[i]->deps[d])
					add_dep(to->nodes[i], to->nodes[k]);
	return to;
}

/* Dependency order; false if there is a cycle. */
static bool sort(struct sim_graph *g)
{
	struct sim_node **sorted = calloc(g->count + 1, sizeof(*sorted));
	size_t n = 0, before;

	if (!sorted)
		abort();
	for (size_t i = 0; i < g->count; i++)
		g->nodes[i]->done = false;
	do {
		before = n;
		for (size_t i = 0; i < g->count; i++) {
			struct sim_node *node = g->nodes[i];
			bool ready = !node->done;

			for (size_t d = 0; ready && d < node->dep_count; d++)
				ready = node->deps[d]->done;
			if (ready) {
				node->done = true;
				sorted[n++] = node;
			}
		}
	} while (n > before);
	if (n == g->count)
		memcpy(g->nodes, sorted, n * sizeof(*sorted));
	free(sorted);
	return n == g->count;
}

static CUresult get_graph(CUgraph handle, struct sim_graph **out)
{
	*out = (struct sim_graph *)handle;
	return handle && (*out)->magic == SIM_MAGIC_GRAPH ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult get_node(CUgraphNode handle, struct sim_node **out)
{
	*out = (struct sim_node *)handle;
	return handle && (*out)->magic == SIM_MAGIC_NODE ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult get_exec(CUgraphExec handle, struct sim_exec **out)
{
	*out = (struct sim_exec *)handle;
	return handle && (*out)->magic == SIM_MAGIC_EXEC ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult add_node(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
			 const struct sim_work *work)
{
	struct sim_graph *g;
	CUresult result = get_graph(graph, &g);

	if (result)
		return result;
	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim.lock);
	*out = (CUgraphNode)sim_graph_add(g, work, (struct sim_node *const *)deps, count);
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}

/* ---- work from node parameters ---- */
static CUresult kernel_work(const CUDA_KERNEL_NODE_PARAMS_v1 *p, CUkernel kern,
			    struct sim_work *work)
{
	struct sim_func *func;
	CUresult result = sim_func_get(p->func ? p->func : (CUfunction)kern, &func);

	if (result)
		return result;
	memset(work, 0, sizeof(*work));
	work->kind = SIM_WORK_KERNEL;
	work->dur_ns = func->dur_ns;
	work->kernel = (struct sim_kernel_work){
		.func = func,
		.grid = { p->gridDimX, p->gridDimY, p->gridDimZ },
		.block = { p->blockDimX, p->blockDimY, p->blockDimZ },
		.shared = p->sharedMemBytes,
	};
	sim_builtin_args(&work->kernel, p->kernelParams, p->extra);
	return CUDA_SUCCESS;
}

static CUresult set_work(const CUDA_MEMSET_NODE_PARAMS *p, struct sim_work *work)
{
	memset(work, 0, sizeof(*work));
	work->kind = SIM_WORK_SET;
	work->set = (struct sim_set_work){
		.dst = (void *)(uintptr_t)p->dst,
		.pitch = p->pitch ? p->pitch : p->width * p->elementSize,
		.width = p->width,
		.height = p->height ? p->height : 1,
		.value = p->value,
		.element = p->elementSize,
		.async = true,
	};
	work->dur_ns = 1000 + p->width * p->height * p->elementSize / SET_BYTES_PER_NS;
	return p->elementSize == 1 || p->elementSize == 2 || p->elementSize == 4 ?
		       CUDA_SUCCESS :
		       CUDA_ERROR_INVALID_VALUE;
}

/* ---- adding ---- */
SIM_API(cuGraphCreate, CUgraph *phGraph, unsigned int flags)
{
	if (!phGraph || flags)
		return CUDA_ERROR_INVALID_VALUE;
	*phGraph = (CUgraph)sim_graph_new();
	return sim_ready();
}

SIM_API(cuGraphDestroy, CUgraph hGraph)
{
	struct sim_graph *g;
	CUresult result = get_graph(hGraph, &g);

	if (!result)
		sim_graph_free(g);
	return result;
}

SIM_API(cuGraphAddKernelNode_v2, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct sim_work work;
	CUresult result = kernel_work((const CUDA_KERNEL_NODE_PARAMS_v1 *)nodeParams,
				      nodeParams->kern, &work);

	return result ? result :
			add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddKernelNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	struct sim_work work;
	CUresult result = kernel_work(nodeParams, NULL, &work);

	return result ? result :
			add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddMemcpyNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, const CUDA_MEMCPY3D *copyParams,
	CUcontext ctx)
{
	struct sim_work work;
	CUresult result = sim_copy_work(copyParams, &work);

	(void)ctx;
	return result ? result :
			add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddMemsetNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
	struct sim_work work;
	CUresult result = set_work(memsetParams, &work);

	(void)ctx;
	return result ? result :
			add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddHostNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_HOST_NODE_PARAMS *nodeParams)
{
	struct sim_work work = { .kind = SIM_WORK_HOST };

	work.host.fn = nodeParams->fn;
	work.host.user = nodeParams->userData;
	return add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddEmptyNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies)
{
	struct sim_work work = { .kind = SIM_WORK_EMPTY };

	return add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddChildGraphNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUgraph childGraph)
{
	struct sim_work work = { .kind = SIM_WORK_CHILD };
	struct sim_graph *child;
	CUresult result = get_graph(childGraph, &child);

	if (result)
		return result;
	work.child = copy_graph(child);
	return add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

static CUresult add_event_node(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
			       size_t count, struct sim_work *work)
{
	if (!work->event || work->event->magic != SIM_MAGIC_EVENT)
		return CUDA_ERROR_INVALID_VALUE;
	return add_node(out, graph, deps, count, work);
}

SIM_API(cuGraphAddEventRecordNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUevent event)
{
	struct sim_work work = { .kind = SIM_WORK_RECORD };

	work.event = (struct sim_event *)event;
	return add_event_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddEventWaitNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUevent event)
{
	struct sim_work work = { .kind = SIM_WORK_WAIT };

	work.event = (struct sim_event *)event;
	return add_event_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddMemAllocNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	CUDA_MEM_ALLOC_NODE_PARAMS *nodeParams)
{
	struct sim_work work = { .kind = SIM_WORK_ALLOC };
	struct sim_alloc want = { .kind = SIM_MEM_ASYNC, .size = nodeParams->bytesize };
	void *ptr;
	CUresult result = sim_ctx_check(&want.ctx);

	if (!result)
		result = sim_mem_new(&want, &ptr);
	if (result)
		return result;
	work.ptr = (CUdeviceptr)(uintptr_t)ptr;
	nodeParams->dptr = work.ptr;
	return add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddMemFreeNode, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUdeviceptr dptr)
{
	struct sim_work work = { .kind = SIM_WORK_FREE };

	work.ptr = dptr;
	return add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

/*
 * What sets the condition runs on the GPU, which nobody simulates: a body runs as often as the
 * default value of its handle says.
 */
SIM_API(cuGraphConditionalHandleCreate, CUgraphConditionalHandle *pHandle_out, CUgraph hGraph,
	CUcontext ctx, unsigned int defaultLaunchValue, unsigned int flags)
{
	struct sim_graph *g;
	CUresult result = get_graph(hGraph, &g);

	(void)ctx;
	(void)flags;
	if (!result)
		*pHandle_out = (CUgraphConditionalHandle)1 << 32 | defaultLaunchValue;
	return result;
}

static CUresult conditional_work(CUDA_CONDITIONAL_NODE_PARAMS *p, struct sim_work *work)
{
	static CUgraph bodies[64]; /* given out for ever, as the driver owns them */
	static atomic_uint given;
	unsigned int at = atomic_fetch_add(&given, 1) % 64;
	uint32_t value = (uint32_t)p->handle;

	if (p->size != 1)
		return CUDA_ERROR_NOT_SUPPORTED;
	work->kind = SIM_WORK_CONDITIONAL;
	work->child = sim_graph_new();
	work->body_runs = p->type == CU_GRAPH_COND_TYPE_WHILE ? value : value != 0;
	bodies[at] = (CUgraph)work->child;
	p->phGraph_out = &bodies[at];
	return CUDA_SUCCESS;
}

static CUresult work_of_params(CUgraphNodeParams *p, struct sim_work *work)
{
	memset(work, 0, sizeof(*work));
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		return kernel_work((const CUDA_KERNEL_NODE_PARAMS_v1 *)&p->kernel, p->kernel.kern,
				   work);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return sim_copy_work(&p->memcpy.copyParams, work);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		return set_work((const CUDA_MEMSET_NODE_PARAMS *)&p->memset, work);
	case CU_GRAPH_NODE_TYPE_HOST:
		work->kind = SIM_WORK_HOST;
		work->host.fn = p->host.fn;
		work->host.user = p->host.userData;
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_EMPTY:
		work->kind = SIM_WORK_EMPTY;
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_GRAPH:
		work->kind = SIM_WORK_CHILD;
		work->child = copy_graph((struct sim_graph *)p->graph.graph);
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_CONDITIONAL:
		return conditional_work(&p->conditional, work);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		work->kind = SIM_WORK_RECORD;
		work->event = (struct sim_event *)p->eventRecord.event;
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		work->kind = SIM_WORK_WAIT;
		work->event = (struct sim_event *)p->eventWait.event;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

SIM_API(cuGraphAddNode, CUgraphNode *phGraphNode, CUgraph hGraph, const CUgraphNode *dependencies,
	size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	struct sim_work work;
	CUresult result = work_of_params(nodeParams, &work);

	return result ? result :
			add_node(phGraphNode, hGraph, dependencies, numDependencies, &work);
}

SIM_API(cuGraphAddNode_v2, CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	(void)dependencyData;
	return sim_cuGraphAddNode(phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
}

SIM_API(cuGraphAddDependencies, CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to,
	size_t numDependencies)
{
	struct sim_graph *g;
	CUresult result = get_graph(hGraph, &g);

	for (size_t i = 0; !result && i < numDependencies; i++)
		add_dep((struct sim_node *)to[i], (struct sim_node *)from[i]);
	return result;
}

SIM_API(cuGraphAddDependencies_v2, CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to,
	const CUgraphEdgeData *edgeData, size_t numDependencies)
{
	(void)edgeData;
	return sim_cuGraphAddDependencies(hGraph, from, to, numDependencies);
}

/* ---- changing ---- */
static CUresult replace(CUgraphNode handle, const struct sim_work *work)
{
	struct sim_node *node;
	CUresult result = get_node(handle, &node);

	if (!result && node->work.kind != work->kind)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		node->work = *work;
	return result;
}

static CUresult replace_in_exec(CUgraphExec exec, CUgraphNode handle, const struct sim_work *work)
{
	struct sim_exec *e;
	CUresult result = get_exec(exec, &e);

	if (result)
		return result;
	for (size_t i = 0; i < e->graph->count; i++)
		if (e->graph->nodes[i]->origin == (struct sim_node *)handle)
			return replace((CUgraphNode)e->graph->nodes[i], work);
	return CUDA_ERROR_INVALID_VALUE;
}

SIM_API(cuGraphKernelNodeSetParams_v2, CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct sim_work work;
	CUresult result = kernel_work((const CUDA_KERNEL_NODE_PARAMS_v1 *)nodeParams,
				      nodeParams->kern, &work);

	return result ? result : replace(hNode, &work);
}

SIM_API(cuGraphExecKernelNodeSetParams_v2, CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct sim_work work;
	CUresult result = kernel_work((const CUDA_KERNEL_NODE_PARAMS_v1 *)nodeParams,
				      nodeParams->kern, &work);

	return result ? result : replace_in_exec(hGraphExec, hNode, &work);
}

SIM_API(cuGraphExecKernelNodeSetParams, CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	struct sim_work work;
	CUresult result = kernel_work(nodeParams, NULL, &work);

	return result ? result : replace_in_exec(hGraphExec, hNode, &work);
}

SIM_API(cuGraphExecMemcpyNodeSetParams, CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
	struct sim_work work;
	CUresult result = sim_copy_work(copyParams, &work);

	(void)ctx;
	return result ? result : replace_in_exec(hGraphExec, hNode, &work);
}

SIM_API(cuGraphExecMemsetNodeSetParams, CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
	struct sim_work work;
	CUresult result = set_work(memsetParams, &work);

	(void)ctx;
	return result ? result : replace_in_exec(hGraphExec, hNode, &work);
}

SIM_API(cuGraphExecNodeSetParams, CUgraphExec hGraphExec, CUgraphNode hNode,
	CUgraphNodeParams *nodeParams)
{
	struct sim_work work;
	CUresult result = work_of_params(nodeParams, &work);

	return result ? result : replace_in_exec(hGraphExec, hNode, &work);
}

SIM_API(cuGraphNodeSetParams, CUgraphNode hNode, CUgraphNodeParams *nodeParams)
{
	struct sim_work work;
	CUresult result = work_of_params(nodeParams, &work);

	return result ? result : replace(hNode, &work);
}

SIM_API(cuGraphNodeSetEnabled, CUgraphExec hGraphExec, CUgraphNode hNode, unsigned int isEnabled)
{
	struct sim_exec *e;
	CUresult result = get_exec(hGraphExec, &e);

	for (size_t i = 0; !result && i < e->graph->count; i++)
		if (e->graph->nodes[i]->origin == (struct sim_node *)hNode)
			e->graph->nodes[i]->enabled = isEnabled;
	return result;
}

SIM_API(cuGraphDestroyNode, CUgraphNode hNode)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);
	struct sim_graph *g;
	size_t kept = 0;

	if (result)
		return result;
	g = node->graph;
	for (size_t i = 0; i < g->count; i++) {
		struct sim_node *n = g->nodes[i];
		size_t deps = 0;

		for (size_t d = 0; d < n->dep_count; d++)
			if (n->deps[d] != node)
				n->deps[deps++] = n->deps[d];
		n->dep_count = deps;
		if (n != node)
			g->nodes[kept++] = n;
	}
	g->count = kept;
	node->magic = SIM_MAGIC_DEAD;
	free(node->deps);
	free(node);
	return CUDA_SUCCESS;
}

/* ---- asking ---- */
SIM_API(cuGraphNodeGetType, CUgraphNode hNode, CUgraphNodeType *type)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (!result)
		*type = node->type;
	return result;
}

SIM_API(cuGraphKernelNodeGetParams_v2, CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (result || node->work.kind != SIM_WORK_KERNEL)
		return CUDA_ERROR_INVALID_VALUE;
	memset(nodeParams, 0, sizeof(*nodeParams));
	nodeParams->func = (CUfunction)node->work.kernel.func;
	nodeParams->gridDimX = node->work.kernel.grid[0];
	nodeParams->gridDimY = node->work.kernel.grid[1];
	nodeParams->gridDimZ = node->work.kernel.grid[2];
	nodeParams->blockDimX = node->work.kernel.block[0];
	nodeParams->blockDimY = node->work.kernel.block[1];
	nodeParams->blockDimZ = node->work.kernel.block[2];
	nodeParams->sharedMemBytes = node->work.kernel.shared;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphMemcpyNodeGetParams, CUgraphNode hNode, CUDA_MEMCPY3D *nodeParams)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (!result && node->work.kind != SIM_WORK_COPY)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*nodeParams = node->work.copy_params;
	return result;
}

SIM_API(cuGraphMemsetNodeGetParams, CUgraphNode hNode, CUDA_MEMSET_NODE_PARAMS *nodeParams)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (result || node->work.kind != SIM_WORK_SET)
		return CUDA_ERROR_INVALID_VALUE;
	nodeParams->dst = (CUdeviceptr)(uintptr_t)node->work.set.dst;
	nodeParams->pitch = node->work.set.pitch;
	nodeParams->value = node->work.set.value;
	nodeParams->elementSize = node->work.set.element;
	nodeParams->width = node->work.set.width;
	nodeParams->height = node->work.set.height;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphHostNodeGetParams, CUgraphNode hNode, CUDA_HOST_NODE_PARAMS *nodeParams)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (result || node->work.kind != SIM_WORK_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	nodeParams->fn = node->work.host.fn;
	nodeParams->userData = node->work.host.user;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphChildGraphNodeGetGraph, CUgraphNode hNode, CUgraph *phGraph)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	if (result || node->work.kind != SIM_WORK_CHILD)
		return CUDA_ERROR_INVALID_VALUE;
	*phGraph = (CUgraph)node->work.child;
	return CUDA_SUCCESS;
}

/* CUDA's way to hand out a list: with no room the count, else as many as fit. */
static CUresult hand_out(struct sim_node *const *nodes, size_t have, CUgraphNode *out,
			 size_t *count)
{
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	if (out) {
		for (size_t i = 0; i < *count; i++)
			out[i] = i < have ? (CUgraphNode)nodes[i] : NULL;
		if (*count < have)
			return CUDA_SUCCESS;
	}
	*count = have;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphGetNodes, CUgraph hGraph, CUgraphNode *nodes, size_t *numNodes)
{
	struct sim_graph *g;
	CUresult result = get_graph(hGraph, &g);

	return result ? result : hand_out(g->nodes, g->count, nodes, numNodes);
}

SIM_API(cuGraphGetRootNodes, CUgraph hGraph, CUgraphNode *rootNodes, size_t *numRootNodes)
{
	struct sim_graph *g;
	struct sim_node **roots;
	CUresult result = get_graph(hGraph, &g);
	size_t n = 0;

	if (result)
		return result;
	roots = calloc(g->count + 1, sizeof(*roots));
	if (!roots)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (size_t i = 0; i < g->count; i++)
		if (!g->nodes[i]->dep_count)
			roots[n++] = g->nodes[i];
	result = hand_out(roots, n, rootNodes, numRootNodes);
	free(roots);
	return result;
}

SIM_API(cuGraphGetEdges, CUgraph hGraph, CUgraphNode *from, CUgraphNode *to, size_t *numEdges)
{
	struct sim_graph *g;
	CUresult result = get_graph(hGraph, &g);
	size_t n = 0;

	if (result || !numEdges)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < g->count; i++) {
		for (size_t d = 0; d < g->nodes[i]->dep_count; d++, n++) {
			if (!from || n >= *numEdges)
				continue;
			from[n] = (CUgraphNode)g->nodes[i]->deps[d];
			to[n] = (CUgraphNode)g->nodes[i];
		}
	}
	*numEdges = n;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphGetEdges_v2, CUgraph hGraph, CUgraphNode *from, CUgraphNode *to,
	CUgraphEdgeData *edgeData, size_t *numEdges)
{
	if (edgeData && numEdges)
		memset(edgeData, 0, *numEdges * sizeof(*edgeData));
	return sim_cuGraphGetEdges(hGraph, from, to, numEdges);
}

SIM_API(cuGraphNodeGetDependencies, CUgraphNode hNode, CUgraphNode *dependencies,
	size_t *numDependencies)
{
	struct sim_node *node;
	CUresult result = get_node(hNode, &node);

	return result ? result :
			hand_out(node->deps, node->dep_count, dependencies, numDependencies);
}

SIM_API(cuGraphNodeGetDependencies_v2, CUgraphNode hNode, CUgraphNode *dependencies,
	CUgraphEdgeData *edgeData, size_t *numDependencies)
{
	if (edgeData && numDependencies)
		memset(edgeData, 0, *numDependencies * sizeof(*edgeData));
	return sim_cuGraphNodeGetDependencies(hNode, dependencies, numDependencies);
}

SIM_API(cuGraphNodeFindInClone, CUgraphNode *phNode, CUgraphNode hOriginalNode,
	CUgraph hClonedGraph)
{
	struct sim_graph *g;
	CUresult result = get_graph(hClonedGraph, &g);

	if (result)
		return result;
	for (size_t i = 0; i < g->count; i++) {
		if (g->nodes[i]->origin == (struct sim_node *)hOriginalNode) {
			*phNode = (CUgraphNode)g->nodes[i];
			return CUDA_SUCCESS;
		}
	}
	return CUDA_ERROR_INVALID_VALUE;
}

SIM_API(cuGraphClone, CUgraph *phGraphClone, CUgraph originalGraph)
{
	struct sim_graph *g;
	CUresult result = get_graph(originalGraph, &g);

	if (!result)
		*phGraphClone = (CUgraph)copy_graph(g);
	return result;
}

SIM_API(cuGraphDebugDotPrint, CUgraph hGraph, const char *path, unsigned int flags)
{
	struct sim_graph *g;

	(void)path;
	(void)flags;
	return get_graph(hGraph, &g);
}

/* ---- instantiated graphs ---- */
SIM_API(cuGraphInstantiateWithFlags, CUgraphExec *phGraphExec, CUgraph hGraph,
	unsigned long long flags)
{
	struct sim_graph *g;
	struct sim_exec *e;
	CUresult result = get_graph(hGraph, &g);

	if (result || !phGraphExec)
		return CUDA_ERROR_INVALID_VALUE;
	e = calloc(1, sizeof(*e));
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	e->magic = SIM_MAGIC_EXEC;
	e->flags = flags;
	e->graph = copy_graph(g);
	e->id = e->graph->id;
	if (!sort(e->graph)) {
		sim_graph_free(e->graph);
		free(e);
		return CUDA_ERROR_INVALID_VALUE;
	}
	*phGraphExec = (CUgraphExec)e;
	return CUDA_SUCCESS;
}

SIM_API(cuGraphInstantiate_v2, CUgraphExec *phGraphExec, CUgraph hGraph, CUgraphNode *phErrorNode,
	char *logBuffer, size_t bufferSize)
{
	(void)phErrorNode;
	if (logBuffer && bufferSize)
		logBuffer[0] = '\0';
	return sim_cuGraphInstantiateWithFlags(phGraphExec, hGraph, 0);
}
SIM_ALIAS(cuGraphInstantiate, cuGraphInstantiate_v2)

SIM_API(cuGraphInstantiateWithParams, CUgraphExec *phGraphExec, CUgraph hGraph,
	CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams)
{
	CUresult result =
		sim_cuGraphInstantiateWithFlags(phGraphExec, hGraph, instantiateParams->flags);

	instantiateParams->hErrNode_out = NULL;
	instantiateParams->result_out =
		result ? CUDA_GRAPH_INSTANTIATE_ERROR : CUDA_GRAPH_INSTANTIATE_SUCCESS;
	return result;
}

SIM_API(cuGraphExecGetFlags, CUgraphExec hGraphExec, cuuint64_t *flags)
{
	struct sim_exec *e;
	CUresult result = get_exec(hGraphExec, &e);

	if (!result)
		*flags = e->flags;
	return result;
}

SIM_API(cuGraphExecUpdate_v2, CUgraphExec hGraphExec, CUgraph hGraph,
	CUgraphExecUpdateResultInfo *resultInfo)
{
	struct sim_exec *e;
	struct sim_graph *g, *fresh;
	CUresult result = get_exec(hGraphExec, &e);

	if (!result)
		result = get_graph(hGraph, &g);
	if (result)
		return result;
	memset(resultInfo, 0, sizeof(*resultInfo));
	if (g->count != e->graph->count) {
		resultInfo->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
		return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
	}
	fresh = copy_graph(g);
	if (!sort(fresh)) {
		sim_graph_free(fresh);
		return CUDA_ERROR_INVALID_VALUE;
	}
	pthread_mutex_lock(&sim.lock);
	sim_graph_free(e->graph);
	e->graph = fresh;
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}

SIM_API(cuGraphUpload, CUgraphExec hGraph, CUstream hStream)
{
	struct sim_exec *e;

	(void)hStream;
	return get_exec(hGraph, &e);
}

SIM_API(cuGraphExecDestroy, CUgraphExec hGraphExec)
{
	struct sim_exec *e;
	CUresult result = get_exec(hGraphExec, &e);

	if (result)
		return result;
	e->magic = SIM_MAGIC_DEAD;
	sim_graph_free(e->graph);
	free(e);
	return CUDA_SUCCESS;
}

SIM_API(cuGraphLaunch, CUgraphExec hGraph, CUstream hStream)
{
	struct sim_exec *e;
	struct sim_stream *s;
	struct sim_work work = { .kind = SIM_WORK_CHILD };
	CUresult result = get_exec(hGraph, &e);

	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && s->cap) { /* a graph launched into a capture becomes a child graph */
		work.child = copy_graph(e->graph);
		result = sim_capture_work(s, &work);
		pthread_mutex_unlock(&sim.lock);
		return result;
	}
	pthread_mutex_unlock(&sim.lock);
	if (result)
		return result;
	atomic_fetch_add(&sim.counts.graph_launches, 1);
	return sim_run_graph(hStream, e);
}

/* ---- for the simulated CUPTI ---- */
__attribute__((visibility("default"))) int simgpu_graph_id(void *graph, uint32_t *id)
{
	struct sim_graph *g;
	CUresult result = get_graph(graph, &g);

	if (!result)
		*id = g->id;
	return (int)result;
}

__attribute__((visibility("default"))) int simgpu_graph_exec_id(void *exec, uint32_t *id)
{
	struct sim_exec *e;
	CUresult result = get_exec(exec, &e);

	if (!result)
		*id = e->id;
	return (int)result;
}

__attribute__((visibility("default"))) int simgpu_graph_node_id(void *node, uint64_t *id)
{
	struct sim_node *n;
	CUresult result = get_node(node, &n);

	if (!result)
		*id = n->id;
	return (int)result;
}
