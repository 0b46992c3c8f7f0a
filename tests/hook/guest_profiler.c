/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_profiler.c - a program with a profiler of its own.
 *
 * usage: guest_profiler first|later
 * It takes CUPTI before or after its first context, must get it as it does without us, sees its
 * five launches, leaves CUPTI, and launches five times more.
 */
#include <cupti.h>
#include <dlfcn.h>
#include <string.h>

#include "guest.h"

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static int seen;

static void CUPTIAPI on_call(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
			     const void *call)
{
	(void)data;
	(void)domain;
	(void)cbid;
	if (((const CUpti_CallbackData *)call)->callbackSite == CUPTI_API_EXIT)
		seen++;
}

static void *cupti;
static CUpti_SubscriberHandle subscriber;

static void take(void)
{
	__typeof__(&cuptiSubscribe) subscribe =
		(__typeof__(subscribe))dlsym(cupti, "cuptiSubscribe");
	__typeof__(&cuptiEnableCallback) enable =
		(__typeof__(enable))dlsym(cupti, "cuptiEnableCallback");

	CHECK(subscribe && enable);
	CHECK(subscribe(&subscriber, on_call, NULL) == CUPTI_SUCCESS);
	CHECK(enable(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
		     CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel) == CUPTI_SUCCESS);
}

static void leave(void)
{
	__typeof__(&cuptiUnsubscribe) unsubscribe =
		(__typeof__(unsubscribe))dlsym(cupti, "cuptiUnsubscribe");

	CHECK(unsubscribe && unsubscribe(subscriber) == CUPTI_SUCCESS);
}

static void launch(CUfunction function)
{
	for (int i = 0; i < 5; i++)
		CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) ==
		      CUDA_SUCCESS);
	CHECK(cuCtxSynchronize() == CUDA_SUCCESS);
}

int main(int argc, char **argv)
{
	CUcontext context;
	CUmodule module;
	CUfunction function;

	CHECK(argc == 2);
	cupti = dlopen("libcupti.so.13", RTLD_NOW);
	CHECK(cupti);
	CHECK(cuInit(0) == CUDA_SUCCESS);
	if (strcmp(argv[1], "first") == 0)
		take();
	CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuModuleLoadData(&module, ptx) == CUDA_SUCCESS);
	CHECK(cuModuleGetFunction(&function, module, "guest_kernel") == CUDA_SUCCESS);
	if (strcmp(argv[1], "first") != 0)
		take();
	launch(function);
	leave();
	launch(function);
	printf("saw %d of 10 launches\n", seen);
	return 0;
}
