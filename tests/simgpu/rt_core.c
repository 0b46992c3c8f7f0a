/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/rt_core.c - the simulated runtime: driver discovery, devices, errors,
 * nvcc's registration, launches.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt.h"

#define FATBIN_MAGIC	0x466243b1
#define CONFIG_DEPTH	16
#define RUNTIME_VERSION 13000

struct rt_driver rt_driver[2];
_Thread_local struct rt_thread rt_self;

static pthread_once_t load_once = PTHREAD_ONCE_INIT;
static cudaError_t load_result;
static int device_count;
static PFN_cuGetProcAddress_v12000 get_proc_address;

struct request {
	const char *name;
	int version;
	int flags;
	size_t slot; /* byte offset in struct rt_driver */
};

static const struct request requests[] = {
#define RT_DRV(name, version) { #name, version, 0, offsetof(struct rt_driver, name) },
#define RT_DRV_PT(name, version, pt_version, suffix)                                               \
	{ #name, version, 0, offsetof(struct rt_driver, name) },                                   \
		{ #name, pt_version, 2, offsetof(struct rt_driver, name) },
#include "rt_driver.def"
#undef RT_DRV
#undef RT_DRV_PT
};

static CUresult missing(void)
{
	return CUDA_ERROR_NOT_SUPPORTED;
}

static void ask_all(void)
{
	CUdriverProcAddressQueryResult status;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct request *r = &requests[i];
		void *fn = NULL;

		get_proc_address(r->name, &fn, r->version, (cuuint64_t)r->flags, &status);
		if (!fn)
			fn = (void *)(uintptr_t)missing;
		memcpy((char *)&rt_driver[1] + r->slot, &fn, sizeof(fn));
		if (!r->flags)
			memcpy((char *)&rt_driver[0] + r->slot, &fn, sizeof(fn));
	}
}

static void load(void)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW);
	void *fn = lib ? dlsym(lib, "cuGetProcAddress_v2") : NULL;

	if (!fn) {
		load_result = cudaErrorInsufficientDriver;
		return;
	}
	memcpy(&get_proc_address, &fn, sizeof(fn));
	ask_all();
	load_result = (cudaError_t)rt_driver[0].cuInit(0);
	if (!load_result)
		load_result = (cudaError_t)rt_driver[0].cuDeviceGetCount(&device_count);
	if (!load_result && !device_count)
		load_result = cudaErrorNoDevice;
}

static cudaError_t keep(cudaError_t error)
{
	if (error && error != cudaErrorNotReady)
		rt_self.last = error;
	return error;
}

cudaError_t rt_load(void)
{
	pthread_once(&load_once, load);
	return keep(load_result);
}

cudaError_t rt_done(CUresult result)
{
	return keep((cudaError_t)result);
}

static cudaError_t bind_device(int device)
{
	CUcontext ctx;
	CUresult result = rt_driver[0].cuDevicePrimaryCtxRetain(&ctx, device);

	if (!result)
		result = rt_driver[0].cuCtxSetCurrent(ctx);
	rt_self.bound = !result;
	return rt_done(result);
}

cudaError_t rt_bind(void)
{
	CUcontext ctx = NULL;
	cudaError_t error;

	if (rt_self.bound)
		return cudaSuccess;
	error = rt_load();
	if (error)
		return error;
	if (!rt_driver[0].cuCtxGetCurrent(&ctx) && ctx) {
		rt_self.bound = true; /* the program made one by the driver API */
		return cudaSuccess;
	}
	return bind_device(rt_self.device);
}

CUresult rt_entry_point(const char *symbol, void **fn, unsigned int version,
			unsigned long long flags, int *status)
{
	CUdriverProcAddressQueryResult answer = CU_GET_PROC_ADDRESS_SUCCESS;
	CUresult result = get_proc_address(symbol, fn, (int)version, flags, &answer);

	if (status)
		*status = (int)answer;
	return result;
}

/* ---- devices ---- */
RT_API(cudaGetDeviceCount, int *count)
{
	cudaError_t error = rt_load();

	*count = error ? 0 : device_count;
	return error;
}

RT_API(cudaSetDevice, int device)
{
	cudaError_t error = rt_load();

	if (error)
		return error;
	if (device < 0 || device >= device_count)
		return keep(cudaErrorInvalidDevice);
	rt_self.device = device;
	return bind_device(device);
}

RT_API(cudaInitDevice, int device, unsigned int deviceFlags, unsigned int flags)
{
	CUcontext ctx;
	cudaError_t error = rt_load();

	(void)deviceFlags;
	(void)flags;
	return error ? error : rt_done(rt_driver[0].cuDevicePrimaryCtxRetain(&ctx, device));
}

RT_API(cudaGetDevice, int *device)
{
	cudaError_t error = rt_load();

	*device = rt_self.device;
	return error;
}

RT_API(cudaSetDeviceFlags, unsigned int flags)
{
	cudaError_t error = rt_load();

	return error ? error :
		       rt_done(rt_driver[0].cuDevicePrimaryCtxSetFlags(rt_self.device, flags));
}

RT_API(cudaGetDeviceFlags, unsigned int *flags)
{
	int active;
	cudaError_t error = rt_load();

	return error ? error :
		       rt_done(rt_driver[0].cuDevicePrimaryCtxGetState(rt_self.device, flags,
								       &active));
}

RT_API(cudaDeviceReset, void)
{
	cudaError_t error = rt_load();

	rt_self.bound = false;
	return error ? error : rt_done(rt_driver[0].cuDevicePrimaryCtxReset(rt_self.device));
}

RT_API(cudaDeviceGetAttribute, int *value, enum cudaDeviceAttr attr, int device)
{
	cudaError_t error = rt_load();

	return error ? error :
		       rt_done(rt_driver[0].cuDeviceGetAttribute(value, (CUdevice_attribute)attr,
								 device));
}

static int attribute(CUdevice_attribute attr, int device)
{
	int value = 0;

	rt_driver[0].cuDeviceGetAttribute(&value, attr, device);
	return value;
}

RT_API(cudaGetDeviceProperties, struct cudaDeviceProp *prop, int device)
{
	CUuuid uuid;
	cudaError_t error = rt_load();
	CUresult result;

	if (error)
		return error;
	memset(prop, 0, sizeof(*prop));
	result = rt_driver[0].cuDeviceGetName(prop->name, sizeof(prop->name), device);
	if (result)
		return rt_done(result);
	rt_driver[0].cuDeviceTotalMem(&prop->totalGlobalMem, device);
	rt_driver[0].cuDeviceGetUuid(&uuid, device);
	memcpy(&prop->uuid, &uuid, sizeof(prop->uuid));
	prop->major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
	prop->minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
	prop->multiProcessorCount = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
	prop->sharedMemPerBlock = 49152;
	prop->regsPerBlock = 65536;
	prop->warpSize = 32;
	prop->maxThreadsPerBlock = 1024;
	prop->maxThreadsDim[0] = 1024;
	prop->maxThreadsDim[1] = 1024;
	prop->maxThreadsDim[2] = 64;
	prop->maxGridSize[0] = 2147483647;
	prop->maxGridSize[1] = 65535;
	prop->maxGridSize[2] = 65535;
	prop->totalConstMem = 65536;
	prop->canMapHostMemory = 1;
	prop->concurrentKernels = 1;
	prop->asyncEngineCount = 2;
	prop->unifiedAddressing = 1;
	prop->managedMemory = 1;
	prop->concurrentManagedAccess = 1;
	prop->memoryPoolsSupported = 1;
	prop->cooperativeLaunch = 1;
	prop->streamPrioritiesSupported = 1;
	prop->maxThreadsPerMultiProcessor = 2048;
	prop->pciBusID = attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, device);
	return cudaSuccess;
}

RT_API(cudaDeviceGetPCIBusId, char *pciBusId, int len, int device)
{
	cudaError_t error = rt_load();

	return error ? error : rt_done(rt_driver[0].cuDeviceGetPCIBusId(pciBusId, len, device));
}

RT_API(cudaDeviceGetByPCIBusId, int *device, const char *pciBusId)
{
	cudaError_t error = rt_load();

	return error ? error : rt_done(rt_driver[0].cuDeviceGetByPCIBusId(device, pciBusId));
}

RT_API(cudaDeviceCanAccessPeer, int *canAccessPeer, int device, int peerDevice)
{
	cudaError_t error = rt_load();

	return error ? error :
		       rt_done(rt_driver[0].cuDeviceCanAccessPeer(canAccessPeer, device,
								  peerDevice));
}

static CUresult peer_context(int device, CUcontext *ctx)
{
	return rt_driver[0].cuDevicePrimaryCtxRetain(ctx, device);
}

RT_API(cudaDeviceEnablePeerAccess, int peerDevice, unsigned int flags)
{
	CUcontext ctx;
	CUresult result;

	RT_BIND();
	result = peer_context(peerDevice, &ctx);
	return rt_done(result ? result : DRV(cuCtxEnablePeerAccess)(ctx, flags));
}

RT_API(cudaDeviceDisablePeerAccess, int peerDevice)
{
	CUcontext ctx;
	CUresult result;

	RT_BIND();
	result = peer_context(peerDevice, &ctx);
	return rt_done(result ? result : DRV(cuCtxDisablePeerAccess)(ctx));
}

RT_API(cudaDeviceSynchronize, void)
{
	RT_CALL(cuCtxSynchronize);
}

RT_API(cudaDeviceSetLimit, enum cudaLimit limit, size_t value)
{
	RT_CALL(cuCtxSetLimit, (CUlimit)limit, value);
}

RT_API(cudaDeviceGetLimit, size_t *pValue, enum cudaLimit limit)
{
	RT_CALL(cuCtxGetLimit, pValue, (CUlimit)limit);
}

RT_API(cudaDeviceGetStreamPriorityRange, int *leastPriority, int *greatestPriority)
{
	RT_CALL(cuCtxGetStreamPriorityRange, leastPriority, greatestPriority);
}

/* ---- versions, errors ---- */
RT_API(cudaRuntimeGetVersion, int *runtimeVersion)
{
	*runtimeVersion = RUNTIME_VERSION;
	return cudaSuccess;
}

RT_API(cudaDriverGetVersion, int *driverVersion)
{
	pthread_once(&load_once, load);
	*driverVersion = 0;
	if (rt_driver[0].cuDriverGetVersion)
		rt_driver[0].cuDriverGetVersion(driverVersion);
	return cudaSuccess;
}

RT_API(cudaGetLastError, void)
{
	cudaError_t error = rt_self.last;

	rt_self.last = cudaSuccess;
	return error;
}

RT_API(cudaPeekAtLastError, void)
{
	return rt_self.last;
}

static const struct {
	cudaError_t code;
	const char *name;
	const char *text;
} errors[] = {
#define ERR(code, text)                                                                            \
	{                                                                                          \
		code, #code, text                                                                  \
	}
	{ cudaSuccess, "cudaSuccess", "no error" },
	ERR(cudaErrorInvalidValue, "invalid argument"),
	ERR(cudaErrorMemoryAllocation, "out of memory"),
	ERR(cudaErrorInitializationError, "initialization error"),
	ERR(cudaErrorCudartUnloading, "driver shutting down"),
	ERR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
	ERR(cudaErrorInvalidSymbol, "invalid device symbol"),
	ERR(cudaErrorInsufficientDriver,
	    "CUDA driver version is insufficient for CUDA runtime version"),
	ERR(cudaErrorInvalidDeviceFunction, "invalid device function"),
	ERR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
	ERR(cudaErrorInvalidDevice, "invalid device ordinal"),
	ERR(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
	ERR(cudaErrorDeviceUninitialized, "invalid device context"),
	ERR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
	ERR(cudaErrorSymbolNotFound, "named symbol not found"),
	ERR(cudaErrorNotReady, "device not ready"),
	ERR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
	ERR(cudaErrorNotSupported, "operation not supported"),
	ERR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
	ERR(cudaErrorStreamCaptureInvalidated,
	    "operation failed due to a previous error during capture"),
	ERR(cudaErrorStreamCaptureImplicit,
	    "operation would make the legacy stream depend on a capturing blocking stream"),
	ERR(cudaErrorUnknown, "unknown error"),
#undef ERR
};

RT_EXPORT const char *cudaGetErrorName(cudaError_t error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == error)
			return errors[i].name;
	return "unrecognized error code";
}

RT_EXPORT const char *cudaGetErrorString(cudaError_t error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == error)
			return errors[i].text;
	return "unrecognized error code";
}

RT_API(cudaGetDriverEntryPointByVersion, const char *symbol, void **funcPtr,
       unsigned int cudaVersion, unsigned long long flags,
       enum cudaDriverEntryPointQueryResult *driverStatus)
{
	cudaError_t error = rt_load();
	int status = 0;
	CUresult result;

	if (error)
		return error;
	result = rt_entry_point(symbol, funcPtr, cudaVersion, rt_self.ptsz && !flags ? 2 : flags,
				&status);
	if (driverStatus)
		*driverStatus = (enum cudaDriverEntryPointQueryResult)status;
	return rt_done(result);
}

RT_API(cudaGetDriverEntryPoint, const char *symbol, void **funcPtr, unsigned long long flags,
       enum cudaDriverEntryPointQueryResult *driverStatus)
{
	return rt_cudaGetDriverEntryPointByVersion(symbol, funcPtr, RUNTIME_VERSION, flags,
						   driverStatus);
}

/* ---- registration: what nvcc's generated code calls before main ---- */
struct rt_module {
	const void *image;
	CUlibrary library;
	struct rt_module *next;
};

struct rt_function {
	struct rt_function *next; /* in its bucket */
	const void *stub;
	const char *name;
	struct rt_module *module;
	CUkernel kernel;
};

struct rt_variable {
	struct rt_variable *next;
	const void *host;
	void **managed;
	const char *name;
	size_t size;
	struct rt_module *module;
};

#define BUCKETS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rt_function *functions[BUCKETS];
static struct rt_variable *variables;

static size_t bucket(const void *stub)
{
	return ((uintptr_t)stub >> 4) % BUCKETS;
}

RT_EXPORT void **__cudaRegisterFatBinary(void *fatCubin);
RT_EXPORT void __cudaRegisterFatBinaryEnd(void **handle);
RT_EXPORT void __cudaUnregisterFatBinary(void **handle);
RT_EXPORT void __cudaRegisterFunction(void **handle, const char *hostFun, char *deviceFun,
				      const char *deviceName, int thread_limit, uint3 *tid,
				      uint3 *bid, dim3 *bDim, dim3 *gDim, int *wSize);
RT_EXPORT void __cudaRegisterVar(void **handle, char *hostVar, char *deviceAddress,
				 const char *deviceName, int ext, size_t size, int constant,
				 int global);
RT_EXPORT void __cudaRegisterManagedVar(void **handle, void **hostVarPtrAddress,
					char *deviceAddress, const char *deviceName, int ext,
					size_t size, int constant, int global);
RT_EXPORT char __cudaInitModule(void **handle);
RT_EXPORT unsigned int __cudaPushCallConfiguration(dim3 gridDim, dim3 blockDim, size_t sharedMem,
						   struct CUstream_st *stream);

void **__cudaRegisterFatBinary(void *fatCubin)
{
	struct rt_module *m = calloc(1, sizeof(*m));

	if (m)
		m->image = fatCubin;
	return (void **)m;
}

void __cudaRegisterFatBinaryEnd(void **handle)
{
	(void)handle;
}

void __cudaUnregisterFatBinary(void **handle)
{
	struct rt_module *m = (struct rt_module *)handle;

	if (m && m->library)
		rt_driver[0].cuLibraryUnload(m->library);
	if (m)
		m->library = NULL;
}

void __cudaRegisterFunction(void **handle, const char *hostFun, char *deviceFun,
			    const char *deviceName, int thread_limit, uint3 *tid, uint3 *bid,
			    dim3 *bDim, dim3 *gDim, int *wSize)
{
	struct rt_function *f = calloc(1, sizeof(*f));

	(void)deviceFun;
	(void)thread_limit;
	(void)tid;
	(void)bid;
	(void)bDim;
	(void)gDim;
	(void)wSize;
	if (!f)
		return;
	f->stub = hostFun;
	f->name = deviceName;
	f->module = (struct rt_module *)handle;
	pthread_mutex_lock(&lock);
	f->next = functions[bucket(hostFun)];
	functions[bucket(hostFun)] = f;
	pthread_mutex_unlock(&lock);
}

static void add_variable(void **handle, const void *host, void **managed, const char *name,
			 size_t size)
{
	struct rt_variable *v = calloc(1, sizeof(*v));

	if (!v)
		return;
	v->host = host;
	v->managed = managed;
	v->name = name;
	v->size = size;
	v->module = (struct rt_module *)handle;
	v->next = variables;
	variables = v;
}

void __cudaRegisterVar(void **handle, char *hostVar, char *deviceAddress, const char *deviceName,
		       int ext, size_t size, int constant, int global)
{
	(void)deviceAddress;
	(void)ext;
	(void)constant;
	(void)global;
	add_variable(handle, hostVar, NULL, deviceName, size);
}

void __cudaRegisterManagedVar(void **handle, void **hostVarPtrAddress, char *deviceAddress,
			      const char *deviceName, int ext, size_t size, int constant,
			      int global)
{
	(void)deviceAddress;
	(void)ext;
	(void)constant;
	(void)global;
	add_variable(handle, hostVarPtrAddress, hostVarPtrAddress, deviceName, size);
}

/* The lock is held. */
static CUresult load_module(struct rt_module *m)
{
	if (m->library)
		return CUDA_SUCCESS;
	return rt_driver[0].cuLibraryLoadData(&m->library, m->image, NULL, NULL, 0, NULL, NULL, 0);
}

char __cudaInitModule(void **handle)
{
	struct rt_module *m = (struct rt_module *)handle;
	CUdeviceptr ptr;
	CUresult result;

	if (rt_bind())
		return 0;
	pthread_mutex_lock(&lock);
	result = load_module(m);
	pthread_mutex_unlock(&lock);
	for (struct rt_variable *v = variables; v && !result; v = v->next) {
		if (v->module != m || !v->managed)
			continue;
		result = rt_driver[0].cuLibraryGetManaged(&ptr, NULL, m->library, v->name);
		if (!result)
			*v->managed = (void *)(uintptr_t)ptr;
	}
	return result == CUDA_SUCCESS;
}

cudaError_t rt_kernel(const void *func, CUfunction *out)
{
	struct rt_function *f;
	CUresult result = CUDA_SUCCESS;

	if (!func)
		return keep(cudaErrorInvalidDeviceFunction);
	pthread_mutex_lock(&lock);
	for (f = functions[bucket(func)]; f && f->stub != func; f = f->next)
		;
	if (f && !f->kernel) {
		result = load_module(f->module);
		if (!result)
			result = rt_driver[0].cuLibraryGetKernel(&f->kernel, f->module->library,
								 f->name);
	}
	*out = f ? (CUfunction)f->kernel : (CUfunction)(uintptr_t)func;
	pthread_mutex_unlock(&lock);
	return rt_done(result);
}

cudaError_t rt_symbol(const void *symbol, void **ptr, size_t *size)
{
	struct rt_variable *v;
	CUdeviceptr at;
	CUresult result;

	RT_BIND();
	for (v = variables; v && v->host != symbol; v = v->next)
		;
	if (!v)
		return keep(cudaErrorInvalidSymbol);
	pthread_mutex_lock(&lock);
	result = load_module(v->module);
	pthread_mutex_unlock(&lock);
	if (!result)
		result = rt_driver[0].cuLibraryGetGlobal(&at, NULL, v->module->library, v->name);
	if (!result && ptr)
		*ptr = (void *)(uintptr_t)at;
	if (!result && size)
		*size = v->size;
	return rt_done(result);
}

/* ---- launches ---- */
struct call_config {
	dim3 grid, block;
	size_t shared;
	struct CUstream_st *stream;
};

static _Thread_local struct call_config configs[CONFIG_DEPTH];
static _Thread_local int config_count;

unsigned int __cudaPushCallConfiguration(dim3 gridDim, dim3 blockDim, size_t sharedMem,
					 struct CUstream_st *stream)
{
	if (config_count == CONFIG_DEPTH)
		return cudaErrorInvalidConfiguration;
	configs[config_count++] = (struct call_config){ gridDim, blockDim, sharedMem, stream };
	return 0;
}

RT_API(__cudaPopCallConfiguration, dim3 *gridDim, dim3 *blockDim, size_t *sharedMem, void *stream)
{
	const struct call_config *c;

	if (!config_count)
		return keep(cudaErrorMissingConfiguration);
	c = &configs[--config_count];
	*gridDim = c->grid;
	*blockDim = c->block;
	*sharedMem = c->shared;
	*(struct CUstream_st **)stream = c->stream;
	return cudaSuccess;
}

RT_API(__cudaGetKernel, cudaKernel_t *kernel, const void *func)
{
	CUfunction f;
	cudaError_t error = rt_bind();

	if (!error)
		error = rt_kernel(func, &f);
	if (!error)
		*kernel = (cudaKernel_t)f;
	return error;
}

RT_API(cudaGetKernel, cudaKernel_t *kernelPtr, const void *entryFuncAddr)
{
	return rt___cudaGetKernel(kernelPtr, entryFuncAddr);
}

static cudaError_t launch(CUfunction f, const struct call_config *c, void **args)
{
	CUresult result;

	if (!f)
		return keep(cudaErrorInvalidDeviceFunction);
	result = DRV(cuLaunchKernel)(f, c->grid.x, c->grid.y, c->grid.z, c->block.x, c->block.y,
				     c->block.z, (unsigned int)c->shared, c->stream, args, NULL);
	return keep(result == CUDA_ERROR_INVALID_VALUE ? cudaErrorInvalidConfiguration :
							 (cudaError_t)result);
}

RT_API(__cudaLaunchKernel, cudaKernel_t kernel, dim3 gridDim, dim3 blockDim, void **args,
       size_t sharedMem, cudaStream_t stream)
{
	struct call_config c = { gridDim, blockDim, sharedMem, stream };

	RT_BIND();
	return launch((CUfunction)kernel, &c, args);
}

RT_API(cudaLaunchKernel, const void *func, dim3 gridDim, dim3 blockDim, void **args,
       size_t sharedMem, cudaStream_t stream)
{
	struct call_config c = { gridDim, blockDim, sharedMem, stream };
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error : launch(f, &c, args);
}

RT_API(cudaLaunchCooperativeKernel, const void *func, dim3 gridDim, dim3 blockDim, void **args,
       size_t sharedMem, cudaStream_t stream)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	if (error)
		return error;
	return rt_done(DRV(cuLaunchCooperativeKernel)(f, gridDim.x, gridDim.y, gridDim.z,
						      blockDim.x, blockDim.y, blockDim.z,
						      (unsigned int)sharedMem, stream, args));
}

RT_API(cudaLaunchKernelExC, const cudaLaunchConfig_t *config, const void *func, void **args)
{
	CUlaunchConfig c = {
		.gridDimX = config->gridDim.x,
		.gridDimY = config->gridDim.y,
		.gridDimZ = config->gridDim.z,
		.blockDimX = config->blockDim.x,
		.blockDimY = config->blockDim.y,
		.blockDimZ = config->blockDim.z,
		.sharedMemBytes = (unsigned int)config->dynamicSmemBytes,
		.hStream = config->stream,
		.attrs = (CUlaunchAttribute *)config->attrs,
		.numAttrs = config->numAttrs,
	};
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error : rt_done(DRV(cuLaunchKernelEx)(&c, f, args, NULL));
}

RT_API(cudaLaunchHostFunc, cudaStream_t stream, cudaHostFn_t fn, void *userData)
{
	RT_CALL(cuLaunchHostFunc, stream, fn, userData);
}

/* ---- functions ---- */
RT_API(cudaFuncGetAttributes, struct cudaFuncAttributes *attr, const void *func)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	if (error)
		return error;
	memset(attr, 0, sizeof(*attr));
	DRV(cuFuncGetAttribute)
	(&attr->maxThreadsPerBlock, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f);
	DRV(cuFuncGetAttribute)(&attr->numRegs, CU_FUNC_ATTRIBUTE_NUM_REGS, f);
	DRV(cuFuncGetAttribute)(&attr->ptxVersion, CU_FUNC_ATTRIBUTE_PTX_VERSION, f);
	DRV(cuFuncGetAttribute)(&attr->binaryVersion, CU_FUNC_ATTRIBUTE_BINARY_VERSION, f);
	return cudaSuccess;
}

RT_API(cudaFuncSetAttribute, const void *func, enum cudaFuncAttribute attr, int value)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error :
		       rt_done(DRV(cuFuncSetAttribute)(f, (CUfunction_attribute)attr, value));
}

RT_API(cudaFuncSetCacheConfig, const void *func, enum cudaFuncCache cacheConfig)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error : rt_done(DRV(cuFuncSetCacheConfig)(f, (CUfunc_cache)cacheConfig));
}

RT_API(cudaFuncGetName, const char **name, const void *func)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error : rt_done(DRV(cuFuncGetName)(name, f));
}

RT_API(cudaGetFuncBySymbol, cudaFunction_t *functionPtr, const void *symbolPtr)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(symbolPtr, &f);
	return error ? error : rt_done(DRV(cuKernelGetFunction)(functionPtr, (CUkernel)f));
}

RT_API(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, int *numBlocks, const void *func,
       int blockSize, size_t dynamicSMemSize, unsigned int flags)
{
	CUfunction f;
	cudaError_t error;

	RT_BIND();
	error = rt_kernel(func, &f);
	return error ? error :
		       rt_done(DRV(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)(
			       numBlocks, f, blockSize, dynamicSMemSize, flags));
}

RT_API(cudaOccupancyMaxActiveBlocksPerMultiprocessor, int *numBlocks, const void *func,
       int blockSize, size_t dynamicSMemSize)
{
	return rt_cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(numBlocks, func, blockSize,
									 dynamicSMemSize, 0);
}

RT_API(cudaProfilerStart, void)
{
	return cudaSuccess;
}

RT_API(cudaProfilerStop, void)
{
	return cudaSuccess;
}
