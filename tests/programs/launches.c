/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/launches.c - every way to launch, found by every kind of request.
 *
 * usage: launches plain|ptsz
 *   plain  every form once
 *   ptsz   those that have a per-thread default stream, with it
 *
 * Prints each form with what the driver answered.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry first_kernel()\n{\n\tret;\n}\n"
			  ".visible .entry second_kernel()\n{\n\tret;\n}\n";

static void *driver;
static bool per_thread;
static __typeof__(&cuGetProcAddress_v2) ask;

static void *find(const char *name, int version)
{
	cuuint64_t flags = per_thread ? CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM : 0;
	CUdriverProcAddressQueryResult status;
	void *found = NULL;

	CHECK(ask(name, &found, version, flags, &status) == CUDA_SUCCESS);
	CHECK(found);
	return found;
}

#define FIND(symbol, name, version) ((__typeof__(&symbol))find(#name, version))

static void tell(const char *form, CUresult result)
{
	printf("%s %d\n", form, (int)result);
}

static void CUDA_CB on_host(void *user)
{
	(*(int *)user)++;
}

static void launch(CUfunction f, CUstream stream)
{
	CUlaunchConfig config = { .gridDimX = 3,
				  .gridDimY = 1,
				  .gridDimZ = 1,
				  .blockDimX = 32,
				  .blockDimY = 1,
				  .blockDimZ = 1,
				  .hStream = stream };
	static int called;

	tell("kernel", FIND(cuLaunchKernel, cuLaunchKernel, 7000)(f, 2, 1, 1, 32, 1, 1, 0, stream,
								  NULL, NULL));
	tell("kernel_ex", FIND(cuLaunchKernelEx, cuLaunchKernelEx, 11060)(&config, f, NULL, NULL));
	tell("cooperative", FIND(cuLaunchCooperativeKernel, cuLaunchCooperativeKernel,
				 9000)(f, 4, 1, 1, 32, 1, 1, 0, stream, NULL));
	tell("host", FIND(cuLaunchHostFunc, cuLaunchHostFunc, 10000)(stream, on_host, &called));
	CHECK(FIND(cuCtxSynchronize, cuCtxSynchronize, 2000)() == CUDA_SUCCESS);
	CHECK(called == 1);
}

static void launch_old(CUfunction f, CUstream stream)
{
	CUDA_LAUNCH_PARAMS list[2] = { { .function = f,
					 .gridDimX = 5,
					 .gridDimY = 1,
					 .gridDimZ = 1,
					 .blockDimX = 32,
					 .blockDimY = 1,
					 .blockDimZ = 1,
					 .hStream = stream } };

	list[1] = list[0]; /* as another device's kernel: a second record of one call */
	tell("multi", FIND(cuLaunchCooperativeKernelMultiDevice,
			   cuLaunchCooperativeKernelMultiDevice, 9000)(list, 2, 0));
	CHECK(FIND(cuFuncSetBlockShape, cuFuncSetBlockShape, 2000)(f, 32, 1, 1) == CUDA_SUCCESS);
	tell("old", FIND(cuLaunch, cuLaunch, 2000)(f));
	tell("old_grid", FIND(cuLaunchGrid, cuLaunchGrid, 2000)(f, 6, 2));
	tell("old_grid_async", FIND(cuLaunchGridAsync, cuLaunchGridAsync, 2000)(f, 7, 1, stream));
}

/* A loop of three kernels around a child of two. */
static void launch_loop(CUfunction f, CUstream stream)
{
	CUDA_KERNEL_NODE_PARAMS_v1 params = { .func = f,
					      .gridDimX = 10,
					      .gridDimY = 1,
					      .gridDimZ = 1,
					      .blockDimX = 32,
					      .blockDimY = 1,
					      .blockDimZ = 1 };
	CUgraphNodeParams loop = { .type = CU_GRAPH_NODE_TYPE_CONDITIONAL };
	CUgraphConditionalHandle condition;
	CUgraph graph, child, body;
	CUgraphNode node;
	CUgraphExec exec;

	CHECK(FIND(cuGraphCreate, cuGraphCreate, 10000)(&graph, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphCreate, cuGraphCreate, 10000)(&child, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphConditionalHandleCreate, cuGraphConditionalHandleCreate, 12030)(
		      &condition, graph, NULL, 4, CU_GRAPH_COND_ASSIGN_DEFAULT) == CUDA_SUCCESS);
	loop.conditional.handle = condition;
	loop.conditional.type = CU_GRAPH_COND_TYPE_WHILE;
	loop.conditional.size = 1;
	CHECK(FIND(cuGraphAddNode, cuGraphAddNode, 12020)(&node, graph, NULL, 0, &loop) ==
	      CUDA_SUCCESS);
	body = loop.conditional.phGraph_out[0];
	for (int i = 0; i < 2; i++)
		CHECK(FIND(cuGraphAddKernelNode, cuGraphAddKernelNode,
			   10000)(&node, child, NULL, 0, &params) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphAddKernelNode, cuGraphAddKernelNode, 10000)(&node, body, NULL, 0,
								      &params) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphAddChildGraphNode, cuGraphAddChildGraphNode,
		   10000)(&node, body, NULL, 0, child) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphInstantiateWithParams, cuGraphInstantiateWithParams,
		   12000)(&exec, graph, &(CUDA_GRAPH_INSTANTIATE_PARAMS){ 0 }) == CUDA_SUCCESS);
	for (int i = 0; i < 2; i++)
		tell("loop", FIND(cuGraphLaunch, cuGraphLaunch, 10000)(exec, stream));
	CHECK(FIND(cuCtxSynchronize, cuCtxSynchronize, 2000)() == CUDA_SUCCESS);
	CHECK(FIND(cuGraphExecDestroy, cuGraphExecDestroy, 10000)(exec) == CUDA_SUCCESS);
}

/* A graph of two kernels: instantiated, launched, updated, destroyed. */
static void launch_graph(CUfunction f, CUstream stream)
{
	CUDA_KERNEL_NODE_PARAMS_v1 params = { .func = f,
					      .gridDimX = 8,
					      .gridDimY = 1,
					      .gridDimZ = 1,
					      .blockDimX = 32,
					      .blockDimY = 1,
					      .blockDimZ = 1 };
	CUgraphExecUpdateResultInfo info;
	CUgraph graph;
	CUgraphNode nodes[2];
	CUgraphExec exec;

	CHECK(FIND(cuGraphCreate, cuGraphCreate, 10000)(&graph, 0) == CUDA_SUCCESS);
	for (int i = 0; i < 2; i++)
		CHECK(FIND(cuGraphAddKernelNode, cuGraphAddKernelNode,
			   10000)(&nodes[i], graph, nodes, (size_t)i, &params) == CUDA_SUCCESS);
	CHECK(FIND(cuGraphInstantiateWithFlags, cuGraphInstantiateWithFlags,
		   11040)(&exec, graph, 0) == CUDA_SUCCESS);
	tell("upload", FIND(cuGraphUpload, cuGraphUpload, 11010)(exec, stream));
	tell("graph", FIND(cuGraphLaunch, cuGraphLaunch, 10000)(exec, stream));
	tell("update", FIND(cuGraphExecUpdate_v2, cuGraphExecUpdate, 12000)(exec, graph, &info));
	CHECK(FIND(cuCtxSynchronize, cuCtxSynchronize, 2000)() == CUDA_SUCCESS);
	tell("destroy", FIND(cuGraphExecDestroy, cuGraphExecDestroy, 10000)(exec));
}

/* The same handle may be a CUkernel; names come by every route. */
static void launch_library(CUstream stream)
{
	CUlibrary library;
	CUkernel kernel, kernels[4] = { NULL };
	CUfunction function;
	const char *name;

	CHECK(FIND(cuLibraryLoadData, cuLibraryLoadData, 12000)(&library, ptx, NULL, NULL, 0, NULL,
								NULL, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuLibraryGetKernel, cuLibraryGetKernel, 12000)(&kernel, library,
								  "second_kernel") == CUDA_SUCCESS);
	CHECK(FIND(cuKernelGetFunction, cuKernelGetFunction, 12000)(&function, kernel) ==
	      CUDA_SUCCESS);
	CHECK(FIND(cuKernelGetName, cuKernelGetName, 12030)(&name, kernel) == CUDA_SUCCESS);
	CHECK(FIND(cuLibraryEnumerateKernels, cuLibraryEnumerateKernels,
		   12040)(kernels, 1, library) == CUDA_SUCCESS);
	CHECK(kernels[0] == kernel);
	tell("kernel_handle",
	     FIND(cuLaunchKernel, cuLaunchKernel, 7000)((CUfunction)kernel, 9, 1, 1, 32, 1, 1, 0,
							stream, NULL, NULL));
	CHECK(FIND(cuLibraryUnload, cuLibraryUnload, 12000)(library) == CUDA_SUCCESS);
}

int main(int argc, char **argv)
{
	CUfunction function, functions[2] = { NULL };
	CUcontext context;
	CUmodule module;
	CUstream stream = NULL;

	CHECK(argc == 2);
	driver = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(driver);
	ask = (__typeof__(ask))dlsym(driver, "cuGetProcAddress_v2");
	CHECK(ask);
	CHECK(FIND(cuInit, cuInit, 2000)(0) == CUDA_SUCCESS);
	CHECK(FIND(cuCtxCreate_v2, cuCtxCreate, 3020)(&context, 0, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuModuleLoadData, cuModuleLoadData, 2000)(&module, ptx) == CUDA_SUCCESS);
	CHECK(FIND(cuModuleGetFunction, cuModuleGetFunction, 2000)(&function, module,
								   "first_kernel") == CUDA_SUCCESS);
	CHECK(FIND(cuModuleEnumerateFunctions, cuModuleEnumerateFunctions,
		   12040)(functions, 1, module) == CUDA_SUCCESS);
	CHECK(functions[0] == function);
	per_thread = strcmp(argv[1], "ptsz") == 0;
	launch(function, stream);
	launch_graph(function, stream);
	launch_loop(function, stream);
	launch_library(stream);
	per_thread = false;
	if (strcmp(argv[1], "plain") == 0)
		launch_old(function, stream);
	CHECK(FIND(cuCtxSynchronize, cuCtxSynchronize, 2000)() == CUDA_SUCCESS);
	CHECK(FIND(cuModuleUnload, cuModuleUnload, 2000)(module) == CUDA_SUCCESS);
	return 0;
}
