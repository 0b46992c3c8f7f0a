/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/rt_stream.c - the simulated runtime: streams, events, capture, graphs.
 */
#include <string.h>

#include "rt.h"

/* ---- streams ---- */
RT_API(cudaStreamCreateWithPriority, cudaStream_t *pStream, unsigned int flags, int priority)
{
	RT_CALL(cuStreamCreateWithPriority, pStream, flags, priority);
}

RT_API(cudaStreamCreateWithFlags, cudaStream_t *pStream, unsigned int flags)
{
	RT_CALL(cuStreamCreate, pStream, flags);
}

RT_API(cudaStreamCreate, cudaStream_t *pStream)
{
	RT_CALL(cuStreamCreate, pStream, 0);
}

RT_API(cudaStreamDestroy, cudaStream_t stream)
{
	RT_CALL(cuStreamDestroy, stream);
}

RT_API(cudaStreamSynchronize, cudaStream_t stream)
{
	RT_CALL(cuStreamSynchronize, stream);
}

RT_API(cudaStreamQuery, cudaStream_t stream)
{
	RT_CALL(cuStreamQuery, stream);
}

RT_API(cudaStreamWaitEvent, cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
	RT_CALL(cuStreamWaitEvent, stream, event, flags);
}

RT_API(cudaStreamAddCallback, cudaStream_t stream, cudaStreamCallback_t callback, void *userData,
       unsigned int flags)
{
	/* Same arguments; the status is one of the values both enumerations share. */
	RT_CALL(cuStreamAddCallback, stream, (CUstreamCallback)(void (*)(void))callback, userData,
		flags);
}

RT_API(cudaStreamGetPriority, cudaStream_t hStream, int *priority)
{
	RT_CALL(cuStreamGetPriority, hStream, priority);
}

RT_API(cudaStreamGetFlags, cudaStream_t hStream, unsigned int *flags)
{
	RT_CALL(cuStreamGetFlags, hStream, flags);
}

RT_API(cudaStreamGetId, cudaStream_t hStream, unsigned long long *streamId)
{
	RT_CALL(cuStreamGetId, hStream, streamId);
}

/* ---- events ---- */
RT_API(cudaEventCreateWithFlags, cudaEvent_t *event, unsigned int flags)
{
	RT_CALL(cuEventCreate, event, flags);
}

RT_API(cudaEventCreate, cudaEvent_t *event)
{
	RT_CALL(cuEventCreate, event, 0);
}

RT_API(cudaEventDestroy, cudaEvent_t event)
{
	RT_CALL(cuEventDestroy, event);
}

RT_API(cudaEventRecord, cudaEvent_t event, cudaStream_t stream)
{
	RT_CALL(cuEventRecord, event, stream);
}

RT_API(cudaEventRecordWithFlags, cudaEvent_t event, cudaStream_t stream, unsigned int flags)
{
	RT_CALL(cuEventRecordWithFlags, event, stream, flags);
}

RT_API(cudaEventQuery, cudaEvent_t event)
{
	RT_CALL(cuEventQuery, event);
}

RT_API(cudaEventSynchronize, cudaEvent_t event)
{
	RT_CALL(cuEventSynchronize, event);
}

RT_API(cudaEventElapsedTime, float *ms, cudaEvent_t start, cudaEvent_t end)
{
	RT_CALL(cuEventElapsedTime, ms, start, end);
}

/* ---- capture ---- */
RT_API(cudaStreamBeginCapture, cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
	RT_CALL(cuStreamBeginCapture, stream, (CUstreamCaptureMode)mode);
}

RT_API(cudaStreamBeginCaptureToGraph, cudaStream_t stream, cudaGraph_t graph,
       const cudaGraphNode_t *dependencies, const cudaGraphEdgeData *dependencyData,
       size_t numDependencies, enum cudaStreamCaptureMode mode)
{
	RT_CALL(cuStreamBeginCaptureToGraph, stream, graph, dependencies,
		(const CUgraphEdgeData *)dependencyData, numDependencies,
		(CUstreamCaptureMode)mode);
}

RT_API(cudaStreamEndCapture, cudaStream_t stream, cudaGraph_t *pGraph)
{
	RT_CALL(cuStreamEndCapture, stream, pGraph);
}

RT_API(cudaStreamIsCapturing, cudaStream_t stream, enum cudaStreamCaptureStatus *pCaptureStatus)
{
	RT_CALL(cuStreamIsCapturing, stream, (CUstreamCaptureStatus *)pCaptureStatus);
}

RT_API(cudaStreamGetCaptureInfo, cudaStream_t stream,
       enum cudaStreamCaptureStatus *captureStatus_out, unsigned long long *id_out,
       cudaGraph_t *graph_out, const cudaGraphNode_t **dependencies_out,
       const cudaGraphEdgeData **edgeData_out, size_t *numDependencies_out)
{
	RT_CALL(cuStreamGetCaptureInfo, stream, (CUstreamCaptureStatus *)captureStatus_out,
		(cuuint64_t *)id_out, graph_out, dependencies_out,
		(const CUgraphEdgeData **)edgeData_out, numDependencies_out);
}

RT_API(cudaStreamUpdateCaptureDependencies, cudaStream_t stream, cudaGraphNode_t *dependencies,
       const cudaGraphEdgeData *dependencyData, size_t numDependencies, unsigned int flags)
{
	RT_CALL(cuStreamUpdateCaptureDependencies, stream, dependencies,
		(const CUgraphEdgeData *)dependencyData, numDependencies, flags);
}

RT_API(cudaThreadExchangeStreamCaptureMode, enum cudaStreamCaptureMode *mode)
{
	RT_CALL(cuThreadExchangeStreamCaptureMode, (CUstreamCaptureMode *)mode);
}

/* ---- graphs ---- */
RT_API(cudaGraphCreate, cudaGraph_t *pGraph, unsigned int flags)
{
	RT_CALL(cuGraphCreate, pGraph, flags);
}

RT_API(cudaGraphDestroy, cudaGraph_t graph)
{
	RT_CALL(cuGraphDestroy, graph);
}

RT_API(cudaGraphClone, cudaGraph_t *pGraphClone, cudaGraph_t originalGraph)
{
	RT_CALL(cuGraphClone, pGraphClone, originalGraph);
}

RT_API(cudaGraphGetNodes, cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *numNodes)
{
	RT_CALL(cuGraphGetNodes, graph, nodes, numNodes);
}

RT_API(cudaGraphGetRootNodes, cudaGraph_t graph, cudaGraphNode_t *pRootNodes, size_t *pNumRootNodes)
{
	RT_CALL(cuGraphGetRootNodes, graph, pRootNodes, pNumRootNodes);
}

RT_API(cudaGraphGetEdges, cudaGraph_t graph, cudaGraphNode_t *from, cudaGraphNode_t *to,
       cudaGraphEdgeData *edgeData, size_t *numEdges)
{
	RT_CALL(cuGraphGetEdges, graph, from, to, (CUgraphEdgeData *)edgeData, numEdges);
}

RT_API(cudaGraphNodeGetType, cudaGraphNode_t node, enum cudaGraphNodeType *pType)
{
	RT_CALL(cuGraphNodeGetType, node, (CUgraphNodeType *)pType);
}

RT_API(cudaGraphNodeGetDependencies, cudaGraphNode_t node, cudaGraphNode_t *pDependencies,
       cudaGraphEdgeData *edgeData, size_t *pNumDependencies)
{
	RT_CALL(cuGraphNodeGetDependencies, node, pDependencies, (CUgraphEdgeData *)edgeData,
		pNumDependencies);
}

RT_API(cudaGraphDestroyNode, cudaGraphNode_t node)
{
	RT_CALL(cuGraphDestroyNode, node);
}

RT_API(cudaGraphAddDependencies, cudaGraph_t graph, const cudaGraphNode_t *from,
       const cudaGraphNode_t *to, const cudaGraphEdgeData *edgeData, size_t numDependencies)
{
	RT_CALL(cuGraphAddDependencies, graph, from, to, (const CUgraphEdgeData *)edgeData,
		numDependencies);
}

static cudaError_t kernel_params(const struct cudaKernelNodeParams *p, CUDA_KERNEL_NODE_PARAMS *out)
{
	CUfunction f;
	cudaError_t error = rt_kernel(p->func, &f);

	if (error)
		return error;
	*out = (CUDA_KERNEL_NODE_PARAMS){
		.kern = (CUkernel)f,
		.gridDimX = p->gridDim.x,
		.gridDimY = p->gridDim.y,
		.gridDimZ = p->gridDim.z,
		.blockDimX = p->blockDim.x,
		.blockDimY = p->blockDim.y,
		.blockDimZ = p->blockDim.z,
		.sharedMemBytes = p->sharedMemBytes,
		.kernelParams = p->kernelParams,
		.extra = p->extra,
	};
	return cudaSuccess;
}

RT_API(cudaGraphAddKernelNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies,
       const struct cudaKernelNodeParams *pNodeParams)
{
	CUDA_KERNEL_NODE_PARAMS p;
	cudaError_t error;

	RT_BIND();
	error = kernel_params(pNodeParams, &p);
	return error ? error :
		       rt_done(DRV(cuGraphAddKernelNode)(pGraphNode, graph, pDependencies,
							 numDependencies, &p));
}

RT_API(cudaGraphExecKernelNodeSetParams, cudaGraphExec_t hGraphExec, cudaGraphNode_t node,
       const struct cudaKernelNodeParams *pNodeParams)
{
	CUDA_KERNEL_NODE_PARAMS p;
	cudaError_t error;

	RT_BIND();
	error = kernel_params(pNodeParams, &p);
	return error ? error : rt_done(DRV(cuGraphExecKernelNodeSetParams)(hGraphExec, node, &p));
}

static CUcontext current(void)
{
	CUcontext ctx = NULL;

	rt_driver[0].cuCtxGetCurrent(&ctx);
	return ctx;
}

RT_API(cudaGraphAddMemcpyNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies,
       const struct cudaMemcpy3DParms *pCopyParams)
{
	CUDA_MEMCPY3D box = rt_box(pCopyParams);

	RT_CALL(cuGraphAddMemcpyNode, pGraphNode, graph, pDependencies, numDependencies, &box,
		current());
}

RT_API(cudaGraphAddMemcpyNode1D, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies, void *dst, const void *src,
       size_t count, enum cudaMemcpyKind kind)
{
	struct cudaMemcpy3DParms p = {
		.srcPtr = { (void *)(uintptr_t)src, count, count, 1 },
		.dstPtr = { dst, count, count, 1 },
		.extent = { count, 1, 1 },
		.kind = kind,
	};

	return rt_cudaGraphAddMemcpyNode(pGraphNode, graph, pDependencies, numDependencies, &p);
}

RT_API(cudaGraphAddMemsetNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies,
       const struct cudaMemsetParams *pMemsetParams)
{
	CUDA_MEMSET_NODE_PARAMS p = {
		.dst = RT_PTR(pMemsetParams->dst),
		.pitch = pMemsetParams->pitch,
		.value = pMemsetParams->value,
		.elementSize = pMemsetParams->elementSize,
		.width = pMemsetParams->width,
		.height = pMemsetParams->height,
	};

	RT_CALL(cuGraphAddMemsetNode, pGraphNode, graph, pDependencies, numDependencies, &p,
		current());
}

RT_API(cudaGraphAddHostNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies,
       const struct cudaHostNodeParams *pNodeParams)
{
	CUDA_HOST_NODE_PARAMS p = { .fn = pNodeParams->fn, .userData = pNodeParams->userData };

	RT_CALL(cuGraphAddHostNode, pGraphNode, graph, pDependencies, numDependencies, &p);
}

RT_API(cudaGraphAddEmptyNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies)
{
	RT_CALL(cuGraphAddEmptyNode, pGraphNode, graph, pDependencies, numDependencies);
}

RT_API(cudaGraphAddChildGraphNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies, cudaGraph_t childGraph)
{
	RT_CALL(cuGraphAddChildGraphNode, pGraphNode, graph, pDependencies, numDependencies,
		childGraph);
}

RT_API(cudaGraphAddEventRecordNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies, cudaEvent_t event)
{
	RT_CALL(cuGraphAddEventRecordNode, pGraphNode, graph, pDependencies, numDependencies,
		event);
}

RT_API(cudaGraphAddEventWaitNode, cudaGraphNode_t *pGraphNode, cudaGraph_t graph,
       const cudaGraphNode_t *pDependencies, size_t numDependencies, cudaEvent_t event)
{
	RT_CALL(cuGraphAddEventWaitNode, pGraphNode, graph, pDependencies, numDependencies, event);
}

RT_API(cudaGraphInstantiateWithFlags, cudaGraphExec_t *pGraphExec, cudaGraph_t graph,
       unsigned long long flags)
{
	RT_CALL(cuGraphInstantiateWithFlags, pGraphExec, graph, flags);
}

RT_API(cudaGraphInstantiate, cudaGraphExec_t *pGraphExec, cudaGraph_t graph,
       unsigned long long flags)
{
	RT_CALL(cuGraphInstantiateWithFlags, pGraphExec, graph, flags);
}

RT_API(cudaGraphExecDestroy, cudaGraphExec_t graphExec)
{
	RT_CALL(cuGraphExecDestroy, graphExec);
}

RT_API(cudaGraphExecUpdate, cudaGraphExec_t hGraphExec, cudaGraph_t hGraph,
       cudaGraphExecUpdateResultInfo *resultInfo)
{
	RT_CALL(cuGraphExecUpdate, hGraphExec, hGraph, (CUgraphExecUpdateResultInfo *)resultInfo);
}

RT_API(cudaGraphUpload, cudaGraphExec_t graphExec, cudaStream_t stream)
{
	RT_CALL(cuGraphUpload, graphExec, stream);
}

RT_API(cudaGraphLaunch, cudaGraphExec_t graphExec, cudaStream_t stream)
{
	RT_CALL(cuGraphLaunch, graphExec, stream);
}
