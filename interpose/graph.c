/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/graph.c - hooks of graph launches.
 *
 * A launch may itself be captured, as a child graph: then it is not launched.
 */
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
