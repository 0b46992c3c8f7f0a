/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/names.c - hooks that tell the names of kernels, and that they are gone.
 *
 * CUPTI names what it times; these names serve where there is no CUPTI, and launches that
 * never complete.
 */
#include "core/intern.h"
#include "interpose/ask.h"
#include "interpose/hook.h"
#include "interpose/preload.h"

static void fill_name(struct rk_hook *hook, CUresult result, const void *out, const char *name)
{
	if (result != CUDA_SUCCESS || !out || !name)
		return;
	hook->rec.kind = RK_REC_NAME;
	hook->rec.name.handle = *(const uint64_t *)out;
	hook->rec.name.name = rk_intern(name);
}

/* Names that were cached for the unloaded code must not outlive it. */
static void unloaded(CUresult result)
{
	if (result == CUDA_SUCCESS)
		rk_preload_forget_names();
}

static const char *name_at(CUresult result, const CUfunction *function)
{
	return result == CUDA_SUCCESS && function ? rk_ask_function_name(*function) : NULL;
}

RK_HOOK(cuModuleGetFunction, (CUfunction * hfunc, CUmodule hmod, const char *name),
	(hfunc, hmod, name), fill_name(&hook, result, hfunc, name))
RK_HOOK(cuLibraryGetKernel, (CUkernel * pKernel, CUlibrary library, const char *name),
	(pKernel, library, name), fill_name(&hook, result, pKernel, name))
RK_HOOK(cuKernelGetFunction, (CUfunction * pFunc, CUkernel kernel), (pFunc, kernel),
	fill_name(&hook, result, pFunc, name_at(result, pFunc)))
RK_HOOK(cuModuleUnload, (CUmodule hmod), (hmod), unloaded(result))
RK_HOOK(cuLibraryUnload, (CUlibrary library), (library), unloaded(result))
