/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/graph.c - hooks of graph launches, and of what makes graphs ready to launch.
 *
 * A launch may itself be captured, as a child graph: then it is not launched. How many nodes a
 * graph has is asked where it is instantiated, which takes far longer than that.
 */
#include "interpose/ask.h"
#include "interpose/hook.h"

static inline void fill_graph(struct rk_hook *hook, CUgraphExec exec, CUstream stream,
			      uint8_t flags)
{
	rk_hook_submit(hook, RK_REC_GRAPH_LAUNCH, (uint64_t)stream, flags | RK_REC_ASYNC);
	hook->rec.graph.exec = (uint64_t)exec;
	hook->rec.graph.stream = (uint64_t)stream;
}

RK_HOOK(cuGraphLaunch, (CUgraphExec hGraph, CUstream hStream), (hGraph, hStream),
	fill_graph(&hook, hGraph, hStream, 0))
RK_HOOK(cuGraphLaunch_ptsz, (CUgraphExec hGraphExec, CUstream hStream), (hGraphExec, hStream),
	fill_graph(&hook, hGraphExec, hStream, RK_REC_PER_THREAD_STREAM))

/* Moves the graph, runs none of it: known only when it fails. */
RK_HOOK(cuGraphUpload, (CUgraphExec hGraph, CUstream hStream), (hGraph, hStream), (void)hook)
RK_HOOK(cuGraphUpload_ptsz, (CUgraphExec hGraphExec, CUstream hStream), (hGraphExec, hStream),
	(void)hook)

static void fill_info(struct rk_hook *hook, CUgraphExec exec, CUgraph graph, uint8_t life)
{
	hook->rec.kind = RK_REC_GRAPH_INFO;
	hook->rec.graph_info.exec = (uint64_t)exec;
	hook->rec.graph_info.graph = (uint64_t)graph;
	hook->rec.graph_info.nodes = graph ? rk_ask_node_count(graph) : 0;
	hook->rec.graph_info.life = life;
}

static void fill_made(struct rk_hook *hook, CUresult result, const CUgraphExec *exec, CUgraph graph)
{
	if (result == CUDA_SUCCESS && exec)
		fill_info(hook, *exec, graph, RK_LIFE_CREATE);
}

static void fill_change(struct rk_hook *hook, CUresult result, CUgraphExec exec, CUgraph graph,
			uint8_t life)
{
	if (result == CUDA_SUCCESS)
		fill_info(hook, exec, graph, life);
}

#define OLD_INSTANTIATE(name)                                                                      \
	RK_HOOK(name,                                                                              \
		(CUgraphExec * phGraphExec, CUgraph hGraph, CUgraphNode * phErrorNode,             \
		 char *logBuffer, size_t bufferSize),                                              \
		(phGraphExec, hGraph, phErrorNode, logBuffer, bufferSize),                         \
		fill_made(&hook, result, phGraphExec, hGraph))

OLD_INSTANTIATE(cuGraphInstantiate)
OLD_INSTANTIATE(cuGraphInstantiate_v2)
RK_HOOK(cuGraphInstantiateWithFlags,
	(CUgraphExec * phGraphExec, CUgraph hGraph, unsigned long long flags),
	(phGraphExec, hGraph, flags), fill_made(&hook, result, phGraphExec, hGraph))
RK_HOOK(cuGraphInstantiateWithParams,
	(CUgraphExec * phGraphExec, CUgraph hGraph,
	 CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams),
	(phGraphExec, hGraph, instantiateParams), fill_made(&hook, result, phGraphExec, hGraph))
RK_HOOK(cuGraphInstantiateWithParams_ptsz,
	(CUgraphExec * phGraphExec, CUgraph hGraph,
	 CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams),
	(phGraphExec, hGraph, instantiateParams), fill_made(&hook, result, phGraphExec, hGraph))

RK_HOOK(cuGraphExecUpdate,
	(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphNode *hErrorNode_out,
	 CUgraphExecUpdateResult *updateResult_out),
	(hGraphExec, hGraph, hErrorNode_out, updateResult_out),
	fill_change(&hook, result, hGraphExec, hGraph, RK_LIFE_UPDATE))
RK_HOOK(cuGraphExecUpdate_v2,
	(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphExecUpdateResultInfo *resultInfo),
	(hGraphExec, hGraph, resultInfo),
	fill_change(&hook, result, hGraphExec, hGraph, RK_LIFE_UPDATE))
RK_HOOK(cuGraphExecDestroy, (CUgraphExec hGraphExec), (hGraphExec),
	fill_change(&hook, result, hGraphExec, NULL, RK_LIFE_DESTROY))
