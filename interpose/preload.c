/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/preload.c - the composition root: connects hooks, CUPTI and exporter.
 *
 * The only file that knows every floor. What runs when:
 *
 *   constructor          kill switch, a copy of the environment, one clock reading
 *   first context        settings, log, clock, rings, rk-cupti, rk-exporter; then the gate opens
 *   or something said    the same without rk-cupti, which the first context starts then
 *   exit                 CUPTI flushed on its thread, then the exporter gets what is left of
 *                        the time; nothing is freed and no thread is joined
 *
 * There is no destructor: when one would run, the driver is gone.
 */
#include "interpose/preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/process_id.h"
#include "core/thread.h"
#include "cupti/cupti.h"
#include "cupti/cupti_share.h"
#include "interpose/api.h"
#include "interpose/api_v1_context.h"
#include "interpose/context.h"
#include "interpose/cupti_tool.h"
#include "interpose/hook_cost.h"
#include "interpose/hook_push.h"
#include "interpose/injection.h"
#include "interpose/inventory.h"
#include "interpose/libc_symbol.h"
#include "interpose/lookup.h"
#include "interpose/nvtx.h"
#include "interpose/recording_signal.h"
#include "interpose/stack.h"
#include "interpose/start.h"
#include "pipeline/live/exporter.h"
#include "pipeline/log/log_output.h"

#define NS_PER_MS	  1000000u
#define CUPTI_EXIT_MS	  500 /* of exit.timeout: a flush that takes longer is stuck */
#define PROFILER_WAIT_MS  5000 /* CUPTI takes a second at worst to begin */
#define EXPORTER_LEAST_MS 100 /* so that the file is sealed whatever CUPTI did */

/* Of names, demangled ones among them: of the 32 MiB that the host may grow by. */
#define NAMES_BYTES_MAX (8u << 20)

static struct rk_env *env;	 /* immutable after the constructor */
static struct rk_config *config; /* immutable after start */
static char library_dir[512];
static struct rk_exporter_setup setup; /* immutable after start; borrowed by the exporter */
static char reason[200];
static struct rk_gpu_inventory late_gpus; /* immutable after has_late_gpus */
static _Atomic bool has_late_gpus;
static _Atomic pid_t gpu_started_pid;
static _Atomic bool kernels_only; /* the budget wants it, from the next session on */
static bool has_exporter; /* written by the one thread that starts */

/* Before that the thread rk-exporter must not look: it is being written. */
static bool is_gpu_started(void)
{
	return atomic_load(&gpu_started_pid) == rk_process_id();
}

static bool gpu_is_due(void)
{
	return config->cupti_enabled && !is_gpu_started();
}

static const char *gpu_time_reason(void)
{
	struct rk_cupti_info info;

	if (!is_gpu_started())
		return "no context was created";
	if (rk_cupti_is_active())
		return "";
	rk_cupti_get_info(&info);
	if (info.reason[0])
		snprintf(reason, sizeof(reason), "%s", info.reason);
	else if (!reason[0])
		snprintf(reason, sizeof(reason), "CUPTI is not in use");
	return reason;
}

static uint32_t gpu_missing(void)
{
	return is_gpu_started() ? rk_cupti_missing() : 0;
}

static void gpu_facts(struct rk_gpu_facts *facts)
{
	struct rk_cupti_info info;

	if (!is_gpu_started())
		return;
	rk_cupti_get_info(&info);
	*facts = info.facts;
}

static uint64_t gpu_cpu_ns(void)
{
	struct rk_cupti_info info;

	if (!is_gpu_started())
		return 0;
	rk_cupti_get_info(&info);
	return info.overhead_ns;
}

static void find_library_dir(void)
{
	Dl_info info;
	char *slash;

	if (!dladdr((void *)rk_preload_start, &info) || !info.dli_fname)
		return;
	snprintf(library_dir, sizeof(library_dir), "%s", info.dli_fname);
	slash = strrchr(library_dir, '/');
	if (slash)
		*slash = '\0';
	else
		snprintf(library_dir, sizeof(library_dir), ".");
}

static void start_cupti(void)
{
	char holder[64] = "";
	bool is_held = rk_cupti_tool_holds();

	if (is_held)
		rk_cupti_tool_name(holder, sizeof(holder));
	if (rk_start_is_injected())
		rk_injection_prepare(rk_cupti_set_api_fn);
	rk_cupti_set_strangers(rk_cupti_tool_give_back, rk_cupti_tool_lent, rk_cupti_tool_holds);
	/* The program goes on whatever it says. */
	rk_cupti_start(config, is_held ? holder : NULL);
}

/* GPUs that were not asked for at the start, because there was no driver yet. */
static const struct rk_gpu_inventory *find_late_gpus(void)
{
	return atomic_load(&has_late_gpus) ? &late_gpus : NULL;
}

static uint32_t find_late_cupti_version(void)
{
	struct rk_cupti_info info;

	rk_cupti_get_info(&info);
	return info.version;
}

static void follow_sampling(double rate)
{
	struct rk_config latest = *config;

	latest.tracing_sampling_rate = rate;
	rk_api_v1_set_roots(&latest);
}

/* From then on a thread may have changed its context while nobody looked. */
static void prepare_rest(void)
{
	rk_thread_set_session_fn(rk_context_refresh);
	rk_cupti_watch();
}

static void switch_gpu_on(void)
{
	char holder[64] = "";
	bool is_held = rk_cupti_tool_holds();

	if (is_held)
		rk_cupti_tool_name(holder, sizeof(holder));
	rk_hook_set_kernels_only(atomic_load(&kernels_only));
	rk_cupti_resume(is_held ? holder : NULL);
}

/* glibc's, since 2.35. */
static const ptrdiff_t *find_rseq_offset(void)
{
	return rk_lookup_symbol(RTLD_DEFAULT, "__rseq_offset");
}

static uint64_t gpu_overhead_ns(void)
{
	struct rk_cupti_info info;

	if (!is_gpu_started())
		return 0;
	rk_cupti_get_info(&info);
	return info.cupti_ns;
}

/* Stacks at once; what CUPTI and the hooks leave out with the next session, and together. */
static void limit(enum rk_governor_step step)
{
	rk_stack_pause(step >= RK_STEP_NO_STACKS);
	rk_cupti_set_limits(step >= RK_STEP_WHOLE_GRAPHS, step >= RK_STEP_KERNELS_ONLY);
	atomic_store(&kernels_only, step >= RK_STEP_KERNELS_ONLY);
}

static int start_exporter(bool gpu_too)
{
	struct rk_cupti_info info;
	int err;

	rk_cupti_get_info(&info);
	setup = (struct rk_exporter_setup){
		.config = config,
		.env = env,
		.api_names = rk_api_names,
		.api_count = RK_API_COUNT,
		.cupti_version = info.version,
		.library_dir = library_dir,
		.gpu_ring = rk_cupti_ring,
		.gpu_time = rk_cupti_is_active,
		.gpu_is_due = gpu_is_due,
		.gpu_time_reason = gpu_time_reason,
		.gpu_missing = gpu_missing,
		.gpu_facts = gpu_facts,
		.gpu_cpu_ns = gpu_cpu_ns,
		.unwrapped = rk_lookup_unwrapped,
		.late_gpus = find_late_gpus,
		.late_cupti_version = find_late_cupti_version,
		.rseq_offset = find_rseq_offset,
		.follow_sampling = follow_sampling,
		.hook_ns = rk_hook_cost_measure,
		.gpu_overhead_ns = gpu_overhead_ns,
		.limit = limit,
		.cannot_count = rk_start_is_injected(),
		.gpu_flush = rk_cupti_flush,
		.gpu_is_flushed = rk_cupti_is_flushed,
		.recording = {
			.gpu_on = switch_gpu_on,
			.gpu_is_on = rk_cupti_is_resumed,
			.gpu_watch = prepare_rest,
			.gpu_off = rk_cupti_rest,
			.gpu_is_off = rk_cupti_is_resting,
		},
	};
	if (gpu_too)
		rk_inventory_take(&setup.gpus);
	err = rk_exporter_start(&setup);
	if (err)
		rk_log_error("preload: could not start the exporter: %s", rk_strerror(err));
	has_exporter = !err;
	return err;
}

int rk_preload_prepare(void)
{
	static pid_t prepared; /* written by the one thread that starts */
	int err;

	if (prepared == rk_process_id())
		return 0;
	err = rk_config_create(&config, env);
	if (err)
		return err;
	/* A quiet guest: without a word from the user nothing appears in a redirected stderr. */
	rk_log_init(config->logging_level, config->any_set || isatty(STDERR_FILENO));
	/* In a forked child the log still hangs on the parent's exporter. */
	rk_log_tee(NULL, NULL);
	rk_log_output_attach_stderr(config);
	rk_config_log_problems(config);
	rk_nvtx_log_problems(config, env);
	find_library_dir();
	rk_clock_init();
	rk_intern_set_bound(NAMES_BYTES_MAX);
	err = rk_thread_init(config->ring_size, (uint32_t)config->ring_threads);
	if (err) {
		rk_log_error("preload: could not set up buffers: %s", rk_strerror(err));
		return err;
	}
	rk_api_resolve_all();
	rk_api_v1_set_roots(config);
	rk_stack_start(config);
	rk_stack_measure(config->overhead_budget > 0);
	prepared = rk_process_id();
	return 0;
}

void rk_preload_start_gpu(void)
{
	if (is_gpu_started())
		return;
	start_cupti();
	atomic_store(&gpu_started_pid, rk_process_id());
	if (!has_exporter)
		return; /* asks itself: inside cuInit() it is too early */
	rk_api_resolve_all();
	rk_inventory_take(&late_gpus);
	atomic_store(&has_late_gpus, true);
}

/* Nothing of CUPTI is loaded before it is wanted; the thread that will is made here, because it
 * must share the program's descriptors and not those of rk-exporter. */
static void start_resting(void)
{
	rk_cupti_set_strangers(rk_cupti_tool_give_back, rk_cupti_tool_lent, rk_cupti_tool_holds);
	rk_cupti_start_resting(config);
	atomic_store(&gpu_started_pid, rk_process_id());
}

int rk_preload_start(bool gpu_too)
{
	int err = rk_preload_prepare();

	if (err)
		return err;
	has_exporter = false; /* of the process that forked, if any */
	limit(RK_STEP_FULL);
	rk_hook_set_kernels_only(false);
	if (!rk_preload_records_now())
		start_resting();
	else if (gpu_too)
		rk_preload_start_gpu();
	if (!rk_preload_records_now())
		rk_thread_set_session_fn(rk_context_refresh);
	rk_recording_signal_take(config);
	return start_exporter(gpu_too || rk_start_is_injected());
}

void rk_preload_stop(void)
{
	uint64_t total_ms = config->exit_timeout / NS_PER_MS;
	uint64_t began = rk_clock_now();
	uint64_t cupti_ms = total_ms / 4 < CUPTI_EXIT_MS ? total_ms / 4 : CUPTI_EXIT_MS;
	uint64_t spent_ms;

	rk_cupti_stop((uint32_t)cupti_ms);
	spent_ms = (rk_clock_now() - began) / NS_PER_MS;
	if (spent_ms + EXPORTER_LEAST_MS > total_ms)
		rk_exporter_stop(EXPORTER_LEAST_MS);
	else
		rk_exporter_stop((uint32_t)(total_ms - spent_ms));
}

bool rk_preload_records_now(void)
{
	return rk_recording_begins_now(config);
}

void rk_preload_toggle_recording(void)
{
	int saved_errno = errno;

	/* Known to a child from its parent, and nothing it could do. */
	if (rk_start_is_own_process())
		rk_exporter_toggle();
	errno = saved_errno;
}

static bool follows_profiler(void)
{
	return rk_start_is_own_process() && config &&
	       config->recording_start == RK_RECORDING_START_PROFILER;
}

void rk_preload_profiler_start(void)
{
	if (!follows_profiler())
		return;
	rk_exporter_want(true, RK_RECORDING_BY_PROFILER);
	rk_exporter_wait_recording(PROFILER_WAIT_MS);
}

void rk_preload_profiler_stop(void)
{
	if (follows_profiler())
		rk_exporter_want(false, RK_RECORDING_BY_PROFILER);
}

void rk_preload_publish(void)
{
	rk_exporter_publish();
}

void rk_preload_yield_cupti(const char *holder)
{
	if (rk_start_is_own_process())
		rk_cupti_yield(holder);
}

void rk_preload_return_cupti(uint32_t wait_ms)
{
	if (rk_start_is_own_process())
		rk_cupti_return(wait_ms);
}

bool rk_preload_take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t valid)
{
	return rk_start_is_own_process() && rk_cupti_take_buffer(context, stream, buffer, valid);
}

void rk_preload_forget_names(void)
{
	rk_cupti_forget_names();
}

__attribute__((constructor)) static void initialise(void)
{
	int saved_errno = errno;

	/* A set-id program must not write files or open sockets where its caller says. */
	if (getauxval(AT_SECURE) || !rk_libc_symbol_is_glibc()) {
		rk_start_forbid();
		return;
	}
	env = rk_env_create(NULL);
	if (!env || rk_env_is_disabled(env)) {
		rk_env_destroy(env);
		env = NULL;
		rk_start_forbid();
	} else {
		rk_api_v1_set_environment(env);
		rk_clock_mark();
		rk_start_allow();
		rk_nvtx_prepare(env);
	}
	errno = saved_errno;
}
