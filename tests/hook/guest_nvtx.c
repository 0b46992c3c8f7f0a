/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_nvtx.c - ranges of NVTX in a program, or in a module that is loaded later.
 *
 * usage: guest_nvtx MODE N
 *   steps   a range before the first GPU call; then N in it, each with a launch
 *   levels  what pushing and popping answer: as an exit status, 0 = a tool keeps count
 */
#include <cuda.h>
#include <nvtx3/nvToolsExt.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "guest_api.h"

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static CUfunction function;

static void set_up(void)
{
	CUcontext context;
	CUmodule module;

	CHECK(cuInit(0) == CUDA_SUCCESS);
	CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuModuleLoadData(&module, ptx) == CUDA_SUCCESS);
	CHECK(cuModuleGetFunction(&function, module, "guest_kernel") == CUDA_SUCCESS);
}

static void run_steps(int count)
{
	nvtxRangePushA("outer");
	set_up();
	for (int i = 0; i < count; i++) {
		nvtxRangePushA("step");
		CHECK(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL) ==
		      CUDA_SUCCESS);
		nvtxRangePop();
	}
	nvtxRangePop();
	CHECK(cuCtxSynchronize() == CUDA_SUCCESS);
}

static int run_levels(void)
{
	nvtxDomainHandle_t domain = nvtxDomainCreateA("levels");
	nvtxEventAttributes_t event = { .version = NVTX_VERSION,
					.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE };

	if (nvtxRangePushA("a") == NVTX_NO_PUSH_POP_TRACKING)
		return 3;
	CHECK(nvtxRangePushA("b") == 1);
	CHECK(nvtxDomainRangePushEx(domain, &event) == 0);
	CHECK(nvtxDomainCreateA("levels") == domain);
	CHECK(nvtxRangePop() == 1);
	CHECK(nvtxDomainRangePop(domain) == 0);
	CHECK(nvtxDomainRangePop(domain) < 0);
	CHECK(nvtxRangePop() == 0);
	CHECK(nvtxRangePop() < 0);
	return 0;
}

int guest_api_main(int argc, char **argv)
{
	CHECK(argc > 2);
	if (strcmp(argv[1], "levels") == 0)
		return run_levels();
	run_steps(atoi(argv[2]));
	return 0;
}

#ifndef GUEST_MODULE
int main(int argc, char **argv)
{
	return guest_api_main(argc, argv);
}
#endif
