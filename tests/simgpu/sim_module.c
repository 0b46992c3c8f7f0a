/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_module.c - modules, libraries, functions and their names.
 *
 * Nothing is parsed but PTX text, which must contain the name that is asked for. A
 * fat binary or a cubin has every name: nvcc's registration only asks for real ones.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"

#define FATBIN_WRAPPER 0x466243b1u /* struct of nvcc's registration */
#define FATBIN_DATA    0xba55ed50u
#define ELF_IMAGE      0x464c457fu
#define PTX_MAX	       (64u << 20)

enum image { IMAGE_BAD, IMAGE_BINARY, IMAGE_PTX };

struct sim_global {
	struct sim_global *next;
	char *name;
	void *ptr;
	size_t size;
};

struct sim_module {
	uint32_t magic;
	bool library;
	enum image image;
	char *ptx;
	struct sim_func *funcs;
	struct sim_global *globals;
};

static enum image image_kind(const void *image)
{
	uint32_t word;

	memcpy(&word, image, sizeof(word));
	if (word == FATBIN_WRAPPER || word == FATBIN_DATA || word == ELF_IMAGE)
		return IMAGE_BINARY;
	return memmem(image, strnlen(image, PTX_MAX), ".version", 8) ? IMAGE_PTX : IMAGE_BAD;
}

static CUresult module_new(const void *image, bool library, struct sim_module **out)
{
	struct sim_module *m;
	enum image kind;

	if (!image)
		return CUDA_ERROR_INVALID_VALUE;
	kind = image_kind(image);
	if (kind == IMAGE_BAD)
		return CUDA_ERROR_INVALID_IMAGE;
	m = calloc(1, sizeof(*m));
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	m->magic = SIM_MAGIC_MODULE;
	m->library = library;
	m->image = kind;
	m->ptx = kind == IMAGE_PTX ? strdup(image) : NULL;
	*out = m;
	return CUDA_SUCCESS;
}

static CUresult module_get(const void *handle, struct sim_module **out)
{
	*out = (struct sim_module *)(uintptr_t)handle;
	return handle && (*out)->magic == SIM_MAGIC_MODULE ? sim_ready() :
							     CUDA_ERROR_INVALID_HANDLE;
}

/* Functions stay: a launch may still be queued by a program that has unloaded. */
static CUresult module_drop(struct sim_module *m)
{
	m->magic = SIM_MAGIC_DEAD;
	sim_bury(m);
	for (struct sim_func *f = m->funcs; f; f = f->next)
		f->magic = SIM_MAGIC_DEAD;
	free(m->ptx);
	m->ptx = NULL;
	return CUDA_SUCCESS;
}

static CUresult read_image(const char *path, char **out)
{
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*out = NULL;
	if (fd < 0)
		return CUDA_ERROR_FILE_NOT_FOUND;
	if (!fstat(fd, &st) && st.st_size >= 4)
		*out = calloc(1, (size_t)st.st_size + 1);
	n = *out ? read(fd, *out, (size_t)st.st_size) : -1;
	close(fd);
	return n == st.st_size ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}

static struct sim_func *func_new(struct sim_module *m, const char *name, uint32_t magic)
{
	struct sim_func *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->magic = magic;
	f->module = m;
	f->name = sim_intern(name);
	f->builtin = sim_builtin_find(name);
	f->dur_ns = sim_kernel_ns(name);
	return f;
}

static CUresult find(struct sim_module *m, const char *name, struct sim_func **out)
{
	struct sim_func *f, *twin;

	if (!name || !*name)
		return CUDA_ERROR_INVALID_VALUE;
	if (m->image == IMAGE_PTX && !strstr(m->ptx, name))
		return CUDA_ERROR_NOT_FOUND;
	pthread_mutex_lock(&sim.lock);
	for (f = m->funcs; f && strcmp(f->name, name); f = f->next)
		;
	if (!f) { /* one object for the kernel of a library, one for its function */
		f = func_new(m, name, m->library ? SIM_MAGIC_KERNEL : SIM_MAGIC_FUNC);
		twin = func_new(m, name, SIM_MAGIC_FUNC);
		f->twin = twin;
		twin->twin = f;
		f->next = m->funcs;
		m->funcs = f;
	}
	pthread_mutex_unlock(&sim.lock);
	*out = f;
	return CUDA_SUCCESS;
}

/* A CUkernel may stand wherever a CUfunction is asked for. */
CUresult sim_func_get(CUfunction handle, struct sim_func **out)
{
	*out = (struct sim_func *)handle;
	if (!handle || ((*out)->magic != SIM_MAGIC_FUNC && (*out)->magic != SIM_MAGIC_KERNEL))
		return CUDA_ERROR_INVALID_HANDLE;
	return CUDA_SUCCESS;
}

/* ---- modules ---- */
SIM_API(cuModuleLoadData, CUmodule *module, const void *image)
{
	struct sim_ctx *ctx;
	struct sim_module *m = NULL;
	CUresult result = sim_ctx_check(&ctx);

	if (!result)
		result = sim_capture_unsafe();
	if (!result)
		result = module_new(image, false, &m);
	if (!result)
		*module = (CUmodule)m;
	return result;
}

SIM_API(cuModuleLoadDataEx, CUmodule *module, const void *image, unsigned int numOptions,
	CUjit_option *options, void **optionValues)
{
	(void)numOptions;
	(void)options;
	(void)optionValues;
	return sim_cuModuleLoadData(module, image);
}

SIM_API(cuModuleLoadFatBinary, CUmodule *module, const void *fatCubin)
{
	return sim_cuModuleLoadData(module, fatCubin);
}

SIM_API(cuModuleLoad, CUmodule *module, const char *fname)
{
	char *image;
	CUresult result = read_image(fname, &image);

	if (!result)
		result = sim_cuModuleLoadData(module, image);
	free(image);
	return result;
}

SIM_API(cuModuleUnload, CUmodule hmod)
{
	struct sim_module *m;
	CUresult result = module_get(hmod, &m);

	return result ? result : module_drop(m);
}

SIM_API(cuModuleGetFunction, CUfunction *hfunc, CUmodule hmod, const char *name)
{
	struct sim_module *m;
	struct sim_func *f;
	CUresult result = module_get(hmod, &m);

	if (!result)
		result = find(m, name, &f);
	if (!result)
		*hfunc = (CUfunction)(f->magic == SIM_MAGIC_KERNEL ? f->twin : f);
	return result;
}

SIM_API(cuModuleGetLoadingMode, CUmoduleLoadingMode *mode)
{
	*mode = CU_MODULE_LAZY_LOADING;
	return sim_ready();
}

/* ---- libraries ---- */
SIM_API(cuLibraryLoadData, CUlibrary *library, const void *code, CUjit_option *jitOptions,
	void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions,
	void **libraryOptionValues, unsigned int numLibraryOptions)
{
	struct sim_module *m = NULL;
	CUresult result = sim_ready();

	(void)jitOptions;
	(void)jitOptionsValues;
	(void)numJitOptions;
	(void)libraryOptions;
	(void)libraryOptionValues;
	(void)numLibraryOptions;
	if (!result)
		result = module_new(code, true, &m);
	if (!result)
		*library = (CUlibrary)m;
	return result;
}

SIM_API(cuLibraryLoadFromFile, CUlibrary *library, const char *fileName, CUjit_option *jitOptions,
	void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions,
	void **libraryOptionValues, unsigned int numLibraryOptions)
{
	char *image;
	CUresult result = read_image(fileName, &image);

	if (!result)
		result = sim_cuLibraryLoadData(library, image, jitOptions, jitOptionsValues,
					       numJitOptions, libraryOptions, libraryOptionValues,
					       numLibraryOptions);
	free(image);
	return result;
}

SIM_API(cuLibraryUnload, CUlibrary library)
{
	struct sim_module *m;
	CUresult result = module_get(library, &m);

	return result ? result : module_drop(m);
}

SIM_API(cuLibraryGetKernel, CUkernel *pKernel, CUlibrary library, const char *name)
{
	struct sim_module *m;
	struct sim_func *f;
	CUresult result = module_get(library, &m);

	if (!result)
		result = find(m, name, &f);
	if (!result)
		*pKernel = (CUkernel)f;
	return result;
}

SIM_API(cuLibraryGetModule, CUmodule *pMod, CUlibrary library)
{
	struct sim_module *m;
	CUresult result = module_get(library, &m);

	if (!result)
		*pMod = (CUmodule)m;
	return result;
}

SIM_API(cuLibraryGetKernelCount, unsigned int *count, CUlibrary lib)
{
	struct sim_module *m;
	CUresult result = module_get(lib, &m);

	*count = 0;
	for (struct sim_func *f = result ? NULL : m->funcs; f; f = f->next)
		(*count)++;
	return result;
}

static CUresult enumerate(const void *handle, struct sim_func **out, unsigned int room)
{
	struct sim_module *m;
	CUresult result = module_get(handle, &m);
	struct sim_func *f = result ? NULL : m->funcs;

	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < room; i++, f = f ? f->next : NULL)
		out[i] = f;
	return result;
}

SIM_API(cuLibraryEnumerateKernels, CUkernel *kernels, unsigned int numKernels, CUlibrary lib)
{
	return enumerate(lib, (struct sim_func **)kernels, numKernels);
}

SIM_API(cuModuleGetFunctionCount, unsigned int *count, CUmodule mod)
{
	return sim_cuLibraryGetKernelCount(count, (CUlibrary)mod);
}

SIM_API(cuModuleEnumerateFunctions, CUfunction *functions, unsigned int numFunctions, CUmodule mod)
{
	return enumerate(mod, (struct sim_func **)functions, numFunctions);
}

SIM_API(cuKernelGetFunction, CUfunction *pFunc, CUkernel kernel)
{
	struct sim_func *f;
	CUresult result = sim_func_get((CUfunction)kernel, &f);

	if (!result)
		*pFunc = (CUfunction)(f->magic == SIM_MAGIC_KERNEL ? f->twin : f);
	return result;
}

SIM_API(cuKernelGetLibrary, CUlibrary *pLib, CUkernel kernel)
{
	struct sim_func *f;
	CUresult result = sim_func_get((CUfunction)kernel, &f);

	if (!result)
		*pLib = (CUlibrary)f->module;
	return result;
}

SIM_API(cuKernelGetName, const char **name, CUkernel hfunc)
{
	struct sim_func *f;
	CUresult result = sim_func_get((CUfunction)hfunc, &f);

	if (!result)
		*name = f->name;
	return result;
}

SIM_API(cuFuncGetName, const char **name, CUfunction hfunc)
{
	return sim_cuKernelGetName(name, (CUkernel)hfunc);
}

SIM_API(cuFuncGetModule, CUmodule *hmod, CUfunction hfunc)
{
	struct sim_func *f;
	CUresult result = sim_func_get(hfunc, &f);

	if (!result)
		*hmod = (CUmodule)f->module;
	return result;
}

SIM_API(cuFuncIsLoaded, CUfunctionLoadingState *state, CUfunction function)
{
	struct sim_func *f;

	*state = CU_FUNCTION_LOADING_STATE_LOADED;
	return sim_func_get(function, &f);
}

SIM_API(cuFuncLoad, CUfunction function)
{
	struct sim_func *f;

	return sim_func_get(function, &f);
}

SIM_API(cuFuncGetAttribute, int *pi, CUfunction_attribute attrib, CUfunction hfunc)
{
	struct sim_func *f;
	CUresult result = sim_func_get(hfunc, &f);

	if (result)
		return result;
	switch (attrib) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		*pi = 1024;
		break;
	case CU_FUNC_ATTRIBUTE_NUM_REGS:
		*pi = 32;
		break;
	case CU_FUNC_ATTRIBUTE_PTX_VERSION:
	case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
		*pi = 90;
		break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		*pi = f->max_dynamic_shared ? f->max_dynamic_shared : 49152;
		break;
	default:
		*pi = 0;
	}
	return CUDA_SUCCESS;
}

SIM_API(cuFuncSetAttribute, CUfunction hfunc, CUfunction_attribute attrib, int value)
{
	struct sim_func *f;
	CUresult result = sim_func_get(hfunc, &f);

	if (!result && attrib == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
		f->max_dynamic_shared = value;
	return result;
}

SIM_API(cuKernelGetAttribute, int *pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice dev)
{
	(void)dev;
	return sim_cuFuncGetAttribute(pi, attrib, (CUfunction)kernel);
}

SIM_API(cuKernelSetAttribute, CUfunction_attribute attrib, int val, CUkernel kernel, CUdevice dev)
{
	(void)dev;
	return sim_cuFuncSetAttribute((CUfunction)kernel, attrib, val);
}

SIM_API(cuFuncSetCacheConfig, CUfunction hfunc, CUfunc_cache config)
{
	struct sim_func *f;

	(void)config;
	return sim_func_get(hfunc, &f);
}

SIM_API(cuKernelSetCacheConfig, CUkernel kernel, CUfunc_cache config, CUdevice dev)
{
	(void)dev;
	return sim_cuFuncSetCacheConfig((CUfunction)kernel, config);
}

/* ---- device variables: made on first question, their size comes with nvcc's
 * registration, which the runtime knows and the driver does not; so 64 KiB each ---- */
#define GLOBAL_BYTES (64u << 10)

static CUresult global(struct sim_module *m, CUdeviceptr *dptr, size_t *bytes, const char *name)
{
	struct sim_alloc want = { .kind = SIM_MEM_GLOBAL, .size = GLOBAL_BYTES };
	struct sim_global *g;
	CUresult result;

	if (m->image == IMAGE_PTX && !strstr(m->ptx, name))
		return CUDA_ERROR_NOT_FOUND;
	for (g = m->globals; g && strcmp(g->name, name); g = g->next)
		;
	if (!g) {
		result = sim_ctx_check(&want.ctx);
		g = result ? NULL : calloc(1, sizeof(*g));
		if (!g)
			return result ? result : CUDA_ERROR_OUT_OF_MEMORY;
		result = sim_mem_new(&want, &g->ptr);
		if (result) {
			free(g);
			return result;
		}
		g->name = strdup(name);
		g->size = GLOBAL_BYTES;
		g->next = m->globals;
		m->globals = g;
	}
	if (dptr)
		*dptr = (CUdeviceptr)(uintptr_t)g->ptr;
	if (bytes)
		*bytes = g->size;
	return CUDA_SUCCESS;
}

SIM_API(cuModuleGetGlobal_v2, CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)
{
	struct sim_module *m;
	CUresult result = module_get(hmod, &m);

	return result ? result : global(m, dptr, bytes, name);
}

SIM_API(cuLibraryGetGlobal, CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
	struct sim_module *m;
	CUresult result = module_get(library, &m);

	return result ? result : global(m, dptr, bytes, name);
}

SIM_API(cuLibraryGetManaged, CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
	return sim_cuLibraryGetGlobal(dptr, bytes, library, name);
}

/* ---- occupancy: 2048 threads and 32 blocks per multiprocessor ---- */
SIM_API(cuOccupancyMaxActiveBlocksPerMultiprocessor, int *numBlocks, CUfunction func, int blockSize,
	size_t dynamicSMemSize)
{
	struct sim_func *f;
	CUresult result = sim_func_get(func, &f);

	(void)dynamicSMemSize;
	if (result || blockSize <= 0)
		return result ? result : CUDA_ERROR_INVALID_VALUE;
	*numBlocks = 2048 / blockSize < 32 ? 2048 / blockSize : 32;
	return CUDA_SUCCESS;
}

SIM_API(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, int *numBlocks, CUfunction func,
	int blockSize, size_t dynamicSMemSize, unsigned int flags)
{
	(void)flags;
	return sim_cuOccupancyMaxActiveBlocksPerMultiprocessor(numBlocks, func, blockSize,
							       dynamicSMemSize);
}

SIM_API(cuOccupancyMaxPotentialBlockSize, int *minGridSize, int *blockSize, CUfunction func,
	CUoccupancyB2DSize blockSizeToDynamicSMemSize, size_t dynamicSMemSize, int blockSizeLimit)
{
	struct sim_func *f;

	(void)blockSizeToDynamicSMemSize;
	(void)dynamicSMemSize;
	*blockSize = blockSizeLimit > 0 && blockSizeLimit < 1024 ? blockSizeLimit : 1024;
	*minGridSize = 8 * (2048 / *blockSize);
	return sim_func_get(func, &f);
}

SIM_API(cuOccupancyAvailableDynamicSMemPerBlock, size_t *dynamicSmemSize, CUfunction func,
	int numBlocks, int blockSize)
{
	struct sim_func *f;

	(void)numBlocks;
	(void)blockSize;
	*dynamicSmemSize = 49152;
	return sim_func_get(func, &f);
}
