/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/names.c - hooks that tell the names of kernels, and that they are gone.
 *
 * CUPTI names what it times; these names serve where there is no CUPTI, and launches that
 * never complete. A handle may come back for another kernel once its code was unloaded, so a
 * name is told together with what it came from.
 */
#include "core/intern.h"
#include "interpose/ask.h"
#include "interpose/hook.h"
#include "interpose/preload.h"

/* Of one enumeration; a ring has room for several of them. */
#define ENUMERATED_MAX 1024u

static void fill(struct rk_hook *hook, uint64_t handle, const void *owner, const char *name)
{
	if (!handle || !name)
		return;
	hook->rec.kind = RK_REC_NAME;
	hook->rec.name.handle = handle;
	hook->rec.name.owner = (uint64_t)owner;
	hook->rec.name.name = rk_intern(name);
}

static void fill_name(struct rk_hook *hook, CUresult result, const void *out, const void *owner,
		      const char *name)
{
	if (result == CUDA_SUCCESS && out)
		fill(hook, *(const uint64_t *)out, owner, name);
}

/* Names that were cached for the unloaded code must not outlive it. */
static void unloaded(struct rk_hook *hook, CUresult result, const void *owner)
{
	if (result != CUDA_SUCCESS)
		return;
	rk_preload_forget_names();
	hook->rec.kind = RK_REC_NAME;
	hook->rec.name.handle = 0;
	hook->rec.name.owner = (uint64_t)owner;
	hook->rec.name.name = 0;
}

static const char *name_at(CUresult result, const CUfunction *function)
{
	return result == CUDA_SUCCESS && function ? rk_ask_function_name(*function) : NULL;
}

/* The last name becomes the record of the call, the others go before it. */
static void fill_list(struct rk_hook *hook, const uint64_t *handles, unsigned int count,
		      const void *owner, const char *(*ask)(uint64_t handle))
{
	for (unsigned int i = 0; i < count && i < ENUMERATED_MAX && handles[i]; i++) {
		if (hook->rec.kind == RK_REC_NAME)
			rk_hook_push(&hook->rec);
		hook->rec.end = hook->rec.start;
		hook->rec.correlation = 0;
		hook->rec.result = CUDA_SUCCESS;
		fill(hook, handles[i], owner, ask(handles[i]));
	}
}

static const char *ask_function(uint64_t handle)
{
	return rk_ask_function_name((CUfunction)handle);
}

static const char *ask_kernel(uint64_t handle)
{
	return rk_ask_kernel_name((CUkernel)handle);
}

RK_HOOK(cuModuleGetFunction, (CUfunction * hfunc, CUmodule hmod, const char *name),
	(hfunc, hmod, name), fill_name(&hook, result, hfunc, hmod, name))
RK_HOOK(cuLibraryGetKernel, (CUkernel * pKernel, CUlibrary library, const char *name),
	(pKernel, library, name), fill_name(&hook, result, pKernel, library, name))
RK_HOOK(cuKernelGetFunction, (CUfunction * pFunc, CUkernel kernel), (pFunc, kernel),
	fill_name(&hook, result, pFunc, kernel, name_at(result, pFunc)))
RK_HOOK(cuModuleEnumerateFunctions,
	(CUfunction * functions, unsigned int numFunctions, CUmodule mod),
	(functions, numFunctions, mod),
	if (result == CUDA_SUCCESS && functions)
		fill_list(&hook, (const uint64_t *)functions, numFunctions, mod, ask_function))
RK_HOOK(cuLibraryEnumerateKernels, (CUkernel * kernels, unsigned int numKernels, CUlibrary lib),
	(kernels, numKernels, lib),
	if (result == CUDA_SUCCESS && kernels)
		fill_list(&hook, (const uint64_t *)kernels, numKernels, lib, ask_kernel))

/* Where the code is from. What lies in memory is looked up later, by who may read the maps. */
static void loaded(struct rk_hook *hook, CUresult result, const void *out, const void *image,
		   const char *file)
{
	if (result != CUDA_SUCCESS || !out)
		return;
	hook->rec.kind = RK_REC_MODULE;
	hook->rec.module.handle = *(const uint64_t *)out;
	hook->rec.module.image = (uint64_t)image;
	hook->rec.module.owner = 0;
	hook->rec.module.file = rk_intern(file);
}

static void loaded_of(struct rk_hook *hook, CUresult result, const void *out, CUlibrary library)
{
	loaded(hook, result, out, NULL, NULL);
	if (hook->rec.kind == RK_REC_MODULE)
		hook->rec.module.owner = (uint64_t)library;
}

RK_HOOK(cuModuleLoad, (CUmodule * module, const char *fname), (module, fname),
	loaded(&hook, result, module, NULL, fname))
RK_HOOK(cuModuleLoadData, (CUmodule * module, const void *image), (module, image),
	loaded(&hook, result, module, image, NULL))
RK_HOOK(cuModuleLoadDataEx,
	(CUmodule * module, const void *image, unsigned int numOptions, CUjit_option *options,
	 void **optionValues),
	(module, image, numOptions, options, optionValues),
	loaded(&hook, result, module, image, NULL))
RK_HOOK(cuModuleLoadFatBinary, (CUmodule * module, const void *fatCubin), (module, fatCubin),
	loaded(&hook, result, module, fatCubin, NULL))
RK_HOOK(cuLibraryLoadData,
	(CUlibrary * library, const void *code, CUjit_option *jitOptions, void **jitOptionsValues,
	 unsigned int numJitOptions, CUlibraryOption *libraryOptions, void **libraryOptionValues,
	 unsigned int numLibraryOptions),
	(library, code, jitOptions, jitOptionsValues, numJitOptions, libraryOptions,
	 libraryOptionValues, numLibraryOptions),
	loaded(&hook, result, library, code, NULL))
RK_HOOK(cuLibraryLoadFromFile,
	(CUlibrary * library, const char *fileName, CUjit_option *jitOptions,
	 void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions,
	 void **libraryOptionValues, unsigned int numLibraryOptions),
	(library, fileName, jitOptions, jitOptionsValues, numJitOptions, libraryOptions,
	 libraryOptionValues, numLibraryOptions),
	loaded(&hook, result, library, NULL, fileName))
RK_HOOK(cuLibraryGetModule, (CUmodule * pMod, CUlibrary library), (pMod, library),
	loaded_of(&hook, result, pMod, library))

/* What the program asks for itself costs no question. */
RK_HOOK(cuFuncGetName, (const char **name, CUfunction hfunc), (name, hfunc),
	if (result == CUDA_SUCCESS && name) fill(&hook, (uint64_t)hfunc, NULL, *name))
RK_HOOK(cuKernelGetName, (const char **name, CUkernel hfunc), (name, hfunc),
	if (result == CUDA_SUCCESS && name) fill(&hook, (uint64_t)hfunc, NULL, *name))

RK_HOOK(cuModuleUnload, (CUmodule hmod), (hmod), unloaded(&hook, result, hmod))
RK_HOOK(cuLibraryUnload, (CUlibrary library), (library), unloaded(&hook, result, library))
