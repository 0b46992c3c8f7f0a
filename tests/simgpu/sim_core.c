/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_core.c - state, script variables, entry and exit of every call,
 * cuInit, error texts and cuGetProcAddress of the simulated driver.
 *
 * Deliberately absent: cuGetExportTable. The real CUDA runtime asks it whether the
 * driver is genuine; this one does not pretend to be.
 */
#include <dlfcn.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define DRIVER_VERSION 13000
#define CBID_ROOM      1024 /* driver callback ids of CUDA 13.0 end below 800 */

struct sim sim = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

_Thread_local struct sim_thread sim_self;
static pthread_key_t thread_key; /* set in threads that own operations */

static _Atomic uint8_t callback_enabled[CBID_ROOM];
static atomic_uint callbacks_on;

uint64_t sim_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SIM_NS_PER_S + (uint64_t)ts.tv_nsec;
}

void sim_sleep_until(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / SIM_NS_PER_S), (long)(ns % SIM_NS_PER_S) };

	if (sim_now() >= ns)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int32_t sim_tid(void)
{
	if (!sim_self.tid)
		sim_self.tid = (int32_t)syscall(SYS_gettid);
	return sim_self.tid;
}

/* ---- script variables ---- */
static uint64_t env_u64(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

static CUresult env_init(void)
{
	static const struct {
		const char *word;
		CUresult result;
	} words[] = {
		{ "no_device", CUDA_ERROR_NO_DEVICE },
		{ "not_initialized", CUDA_ERROR_NOT_INITIALIZED },
		{ "system_driver_mismatch", CUDA_ERROR_SYSTEM_DRIVER_MISMATCH },
		{ "unknown", CUDA_ERROR_UNKNOWN },
		{ "ok", CUDA_SUCCESS },
	};
	const char *text = getenv("SIMGPU_INIT");

	for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i].word))
			return words[i].result;
	return text ? (CUresult)atoi(text) : CUDA_SUCCESS;
}

/* A page that is empty in a child: the handlers of fork() do not run for _Fork() or clone(). */
static bool *in_use;

static void mark_in_use(void)
{
	bool *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK))
		abort();
	*page = true;
	in_use = page;
	sim_truth_begin(sim.config.truth);
}

bool sim_is_forked(void)
{
	return in_use && !*in_use; /* one that was not in use can begin in the child */
}

static void fork_child(void)
{
	pthread_mutex_init(&sim.lock, NULL);
	pthread_cond_init(&sim.changed, NULL);
	sim_self.tid = 0;
	sim_truth_leave();
}

static void free_ops(void *thread)
{
	struct sim_thread *t = thread;

	free(t->ops);
	t->ops = NULL;
	t->op_count = 0;
	t->op_room = 0;
}

__attribute__((constructor)) static void load(void)
{
	struct sim_config *c = &sim.config;

	if (pthread_key_create(&thread_key, free_ops))
		abort();
	c->devices = (int)env_u64("SIMGPU_DEVICES", 1);
	if (c->devices > SIM_MAX_DEVICES)
		c->devices = SIM_MAX_DEVICES;
	c->driver_version = (int)env_u64("SIMGPU_DRIVER_VERSION", DRIVER_VERSION);
	c->init_result = env_init();
	c->kernel_ns = env_u64("SIMGPU_KERNEL_NS", 20000);
	c->launch_ns = env_u64("SIMGPU_LAUNCH_NS", 0);
	c->latency_ns = env_u64("SIMGPU_LATENCY_NS", 2000);
	c->copy_ns = env_u64("SIMGPU_COPY_NS", 0);
	c->copy_gbps = env_u64("SIMGPU_COPY_GBPS", 20);
	c->mem_bytes = env_u64("SIMGPU_MEM_BYTES", 16ull << 30);
	c->oom_at = env_u64("SIMGPU_OOM_AT", 0);
	atomic_store(&sim.corr, (unsigned int)env_u64("SIMGPU_FIRST_CORRELATION", 1) - 1);
	c->illegal_at = env_u64("SIMGPU_ILLEGAL_ADDRESS_AT", 0);
	c->device_every = env_u64("SIMGPU_DEVICE_LAUNCH_EVERY", 0);
	c->device_kernels = env_u64("SIMGPU_DEVICE_LAUNCH_KERNELS", 1);
	c->device_correlation = env_u64("SIMGPU_DEVICE_LAUNCH_CORRELATION", 0);
	c->device_before = env_u64("SIMGPU_DEVICE_LAUNCH_BEFORE", 0);
	c->kernel_times = getenv("SIMGPU_KERNEL_TIMES");
	if (!c->copy_gbps)
		c->copy_gbps = 1;
	for (int i = 0; i < SIM_MAX_DEVICES; i++)
		sim.device[i].ordinal = i;
	pthread_atfork(NULL, NULL, fork_child);
	c->truth = getenv("SIMGPU_TRUTH");
	sim_truth_open(c->truth);
}

__attribute__((destructor)) static void unload(void)
{
	sim_truth_finish();
}

/* "vector_add:5000,reduce:1000": the first entry that the name contains wins. */
static bool listed_ns(const char *name, uint64_t *ns)
{
	const char *at = sim.config.kernel_times;
	char word[128];

	while (at && *at) {
		size_t len = strcspn(at, ":,");

		if (at[len] == ':' && len && len < sizeof(word)) {
			memcpy(word, at, len);
			word[len] = '\0';
			if (strstr(name, word)) {
				*ns = strtoull(at + len + 1, NULL, 0);
				return true;
			}
		}
		at += strcspn(at, ",");
		at += *at == ',';
	}
	return false;
}

uint64_t sim_kernel_ns(const char *name)
{
	static const char prefix[] = "SIMGPU_KERNEL_NS_";
	extern char **environ;
	uint64_t ns;

	if (listed_ns(name, &ns))
		return ns;
	for (char **e = environ; e && *e; e++) {
		const char *part, *eq;
		char word[128];

		if (strncmp(*e, prefix, sizeof(prefix) - 1))
			continue;
		part = *e + sizeof(prefix) - 1;
		eq = strchr(part, '=');
		if (!eq || eq == part || (size_t)(eq - part) >= sizeof(word))
			continue;
		memcpy(word, part, (size_t)(eq - part));
		word[eq - part] = '\0';
		if (strstr(name, word))
			return strtoull(eq + 1, NULL, 0);
	}
	return sim.config.kernel_ns;
}

/* ---- interned texts: records keep pointers to names after modules are gone ---- */
static int compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

const char *sim_intern(const char *text)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static void *root;
	const char *const *found;

	pthread_mutex_lock(&lock);
	found = tfind(text, &root, compare_text);
	if (!found)
		found = tsearch(strdup(text), &root, compare_text);
	pthread_mutex_unlock(&lock);
	return *found;
}

/* Dead objects are kept, so that a later use of their handle is an error, not a crash. */
void sim_bury(void *object)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static void **graves;
	static size_t count, room;

	pthread_mutex_lock(&lock);
	if (count == room) {
		room = room ? room * 2 : 64;
		graves = realloc(graves, room * sizeof(*graves));
		if (!graves)
			abort();
	}
	graves[count++] = object;
	pthread_mutex_unlock(&lock);
}

/* ---- entry and exit of every call ---- */
struct simgpu_op *sim_op_add(void)
{
	struct sim_thread *t = &sim_self;

	if (t->op_count == t->op_room) {
		t->op_room = t->op_room ? t->op_room * 2 : 16;
		t->ops = realloc(t->ops, t->op_room * sizeof(*t->ops));
		if (!t->ops || pthread_setspecific(thread_key, t))
			abort();
	}
	memset(&t->ops[t->op_count], 0, sizeof(t->ops[0]));
	t->ops[t->op_count].tid = sim_tid();
	t->ops[t->op_count].corr = t->corr;
	return &t->ops[t->op_count++];
}

static void send_api(const struct sim_call *call, CUresult *result)
{
	const struct simgpu_tool *tool = atomic_load_explicit(&sim.tool, memory_order_acquire);
	const struct sim_function *fn = &sim_functions[call->function];
	struct sim_ctx *ctx = sim_ctx_current();
	uint64_t corr_data = call->corr_data;
	struct simgpu_api_event ev = {
		.cbid = fn->cbid,
		.corr = call->corr,
		.function = fn->name,
		.params = call->params,
		.return_value = result,
		.symbol = call->symbol,
		.context = ctx,
		.context_id = ctx ? ctx->id : 0,
		.corr_data = &corr_data,
		.exit = result != NULL,
	};

	/* The other threads' locks are held for ever in a child. */
	if (!tool || !callback_enabled[fn->cbid] || sim_is_forked())
		return;
	tool->api(&ev);
	((struct sim_call *)(uintptr_t)call)->corr_data = corr_data;
}

static const char *launch_symbol(unsigned int function, const void *params)
{
	unsigned int index = sim_functions[function].kernel;
	const struct sim_func *func;

	if (!index)
		return NULL;
	func = ((void *const *)params)[index - 1];
	if (!func || (func->magic != SIM_MAGIC_FUNC && func->magic != SIM_MAGIC_KERNEL))
		return NULL;
	return func->name;
}

void sim_call_enter(struct sim_call *call, unsigned int function, const void *params)
{
	struct sim_thread *t = &sim_self;

	call->function = (uint16_t)function;
	call->params = params;
	call->ptds_before = t->ptds;
	call->corr_before = t->corr;
	call->corr = atomic_fetch_add_explicit(&sim.corr, 1, memory_order_relaxed) + 1;
	call->corr_data = 0;
	call->symbol = NULL;
	t->ptds = sim_functions[function].ptds;
	t->captured = false;
	t->corr = call->corr;
	atomic_fetch_add_explicit(&sim_call_counts[function], 1, memory_order_relaxed);
	if (atomic_load_explicit(&callbacks_on, memory_order_relaxed)) {
		call->symbol = launch_symbol(function, params);
		send_api(call, NULL);
	}
}

CUresult sim_call_leave(struct sim_call *call, CUresult result)
{
	struct sim_thread *t = &sim_self;
	const struct simgpu_tool *tool;

	sim_truth_call(sim_functions[call->function].work, result != CUDA_SUCCESS, t->captured);
	if (t->op_count) {
		size_t count = t->op_count;

		tool = atomic_load_explicit(&sim.tool, memory_order_acquire);
		t->op_count = 0;
		for (size_t i = 0; i < count; i++) {
			sim_truth_op(&t->ops[i]);
			if (tool && !t->ops[i].failed)
				tool->op(&t->ops[i]);
		}
	}
	if (atomic_load_explicit(&callbacks_on, memory_order_relaxed))
		send_api(call, &result);
	t->ptds = call->ptds_before;
	t->corr = call->corr_before;
	return result;
}

/* What the driver has by name only. */
int sim_stub(unsigned int function)
{
	struct sim_call call;

	sim_call_enter(&call, function, NULL);
	return (int)sim_call_leave(&call, CUDA_ERROR_NOT_SUPPORTED);
}

/* ---- the door for the simulated CUPTI ---- */
#define SIM_EXPORT __attribute__((visibility("default")))

SIM_EXPORT void simgpu_attach(const struct simgpu_tool *tool)
{
	atomic_store_explicit(&sim.tool, tool, memory_order_release);
}

SIM_EXPORT void simgpu_enable_callback(uint32_t cbid, int enabled)
{
	unsigned int on = 0;

	for (uint32_t i = 0; i < CBID_ROOM; i++) {
		if (i == cbid || !cbid)
			callback_enabled[i] = enabled && i;
		on += callback_enabled[i];
	}
	atomic_store(&callbacks_on, on);
}

SIM_EXPORT uint64_t simgpu_now_ns(void)
{
	return sim_now();
}

/* ---- general API ---- */
CUresult sim_ready(void)
{
	if (!sim.initialized || sim_is_forked())
		return CUDA_ERROR_NOT_INITIALIZED;
	return CUDA_SUCCESS;
}

/* The second way in for tools, as the real driver offers it. */
static void inject(void)
{
	const char *path = getenv("CUDA_INJECTION64_PATH");
	void *lib = path && *path ? dlopen(path, RTLD_NOW) : NULL;
	int (*initialize)(void);
	void *fn = lib ? dlsym(lib, "InitializeInjection") : NULL;

	if (!fn)
		return;
	memcpy(&initialize, &fn, sizeof(fn));
	initialize();
}

SIM_API(cuInit, unsigned int Flags)
{
	const struct simgpu_tool *tool;

	if (Flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (sim_is_forked())
		return CUDA_ERROR_NOT_INITIALIZED;
	if (sim.config.init_result)
		return sim.config.init_result;
	if (sim.config.devices <= 0)
		return CUDA_ERROR_NO_DEVICE;
	if (!sim.initialized) {
		mark_in_use();
		sim.initialized = true;
		inject();
		tool = atomic_load(&sim.tool);
		if (tool && tool->resource)
			tool->resource(SIMGPU_INIT_FINISHED, NULL, NULL);
	}
	return CUDA_SUCCESS;
}

SIM_API(cuDriverGetVersion, int *driverVersion)
{
	if (!driverVersion)
		return CUDA_ERROR_INVALID_VALUE;
	*driverVersion = sim.config.driver_version;
	return CUDA_SUCCESS;
}

/* Newest entry not newer than @version; a per-thread entry, if one is asked for and
 * there is one, else the plain one. */
static const struct sim_entry *find_entry(const char *name, unsigned int version, bool ptds)
{
	const struct sim_entry *best = NULL;
	size_t low = 0, high = sim_entry_count;

	while (low < high) { /* first entry with the name */
		size_t mid = (low + high) / 2;

		if (strcmp(sim_entries[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < sim_entry_count && !strcmp(sim_entries[low].name, name); low++) {
		const struct sim_entry *e = &sim_entries[low];

		if (e->version > version || (e->ptds && !ptds))
			continue;
		if (!best || e->ptds > best->ptds ||
		    (e->ptds == best->ptds && e->version > best->version))
			best = e;
	}
	return best;
}

static bool name_known(const char *name)
{
	return find_entry(name, ~0u, true) != NULL;
}

SIM_API(cuGetProcAddress_v2, const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags,
	CUdriverProcAddressQueryResult *symbolStatus)
{
	const struct sim_entry *e;

	if (!symbol || !pfn || flags > 2 || cudaVersion > sim.config.driver_version)
		return CUDA_ERROR_INVALID_VALUE;
	e = find_entry(symbol, (unsigned int)cudaVersion, flags == 2);
	*pfn = e ? e->symbol : NULL;
	if (!e)
		sim_truth_missing(symbol, cudaVersion);
	if (symbolStatus) {
		*symbolStatus = CU_GET_PROC_ADDRESS_SUCCESS;
		if (!e)
			*symbolStatus = name_known(symbol) ?
						CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT :
						CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
		return CUDA_SUCCESS;
	}
	return e ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

SIM_API(cuGetProcAddress, const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags)
{
	return sim_cuGetProcAddress_v2(symbol, pfn, cudaVersion, flags, NULL);
}

/* ---- error texts ---- */
static const struct {
	CUresult code;
	const char *name;
	const char *text;
} errors[] = {
#define ERR(code, text)                                                                            \
	{                                                                                          \
		code, #code, text                                                                  \
	}
	{ CUDA_SUCCESS, "CUDA_SUCCESS", "no error" },
	ERR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
	ERR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
	ERR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
	ERR(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
	ERR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
	ERR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
	ERR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
	ERR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
	ERR(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
	ERR(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED,
	    "peer access is not supported between these two devices"),
	ERR(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
	ERR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
	ERR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
	ERR(CUDA_ERROR_NOT_READY, "device not ready"),
	ERR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
	ERR(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, "peer access is already enabled"),
	ERR(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, "peer access has not been enabled"),
	ERR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
	ERR(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
	    "part or all of the requested memory range is already mapped"),
	ERR(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED,
	    "pointer does not correspond to a registered memory region"),
	ERR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
	ERR(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
	    "system has unsupported display driver / cuda driver combination"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
	    "operation not permitted when stream is capturing"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
	    "operation failed due to a previous error during capture"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_MERGE,
	    "operation would result in a merge of separate capture sequences"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
	    "dependency created on uncaptured work in another stream"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
	    "operation would make the legacy stream depend on a capturing blocking stream"),
	ERR(CUDA_ERROR_CAPTURED_EVENT,
	    "operation not permitted on an event last recorded in a capturing stream"),
	ERR(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD,
	    "attempt to terminate a thread-local capture sequence from another thread"),
	ERR(CUDA_ERROR_UNKNOWN, "unknown error"),
#undef ERR
};

static int find_error(CUresult error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == error)
			return (int)i;
	return -1;
}

SIM_API(cuGetErrorName, CUresult error, const char **pStr)
{
	int i = find_error(error);

	if (!pStr)
		return CUDA_ERROR_INVALID_VALUE;
	*pStr = i < 0 ? NULL : errors[i].name;
	return i < 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

SIM_API(cuGetErrorString, CUresult error, const char **pStr)
{
	int i = find_error(error);

	if (!pStr)
		return CUDA_ERROR_INVALID_VALUE;
	*pStr = i < 0 ? NULL : errors[i].text;
	return i < 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

SIM_API(cuProfilerStart, void)
{
	return CUDA_SUCCESS;
}

SIM_API(cuProfilerStop, void)
{
	return CUDA_SUCCESS;
}
