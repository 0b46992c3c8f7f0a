/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_doctor.c - `rktrace doctor`: what would be traced here, and what is missing.
 *
 * Looks and reports; changes nothing. Opens the same libraries the traced program would.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/gpu_facts.h"
#include "pipeline/live/net_module.h"
#include "tools/doctor_gpu.h"
#include "tools/json.h"
#include "tools/options.h"

static const char verb[] = "doctor";

enum state { STATE_OK, STATE_NOTE, STATE_BAD };

struct finding {
	const char *subject;
	enum state state;
	char text[512];
};

#define FINDINGS_MAX 16

struct diagnosis {
	struct finding findings[FINDINGS_MAX];
	size_t count;
	char next[PATH_MAX + 64];	/* the line to run */
	struct rk_doctor_gpu gpu;
	bool preload;
};

static void add(struct diagnosis *d, const char *subject, enum state state, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(struct diagnosis *d, const char *subject, enum state state, const char *format, ...)
{
	struct finding *finding = &d->findings[d->count];
	va_list args;

	if (d->count == FINDINGS_MAX)
		return;
	d->count++;
	finding->subject = subject;
	finding->state = state;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static void look_for_library(struct diagnosis *d)
{
	char path[PATH_MAX];

	d->preload = rk_tool_find_part(RK_PART_PRELOAD, path, sizeof(path));
	add(d, "library", d->preload ? STATE_OK : STATE_BAD, "%s%s", path,
	    d->preload ? "" : " is not there: install rkpreload, or run rktrace from its tree");
}

static void look_at_cupti(struct diagnosis *d)
{
	const struct rk_doctor_gpu *gpu = &d->gpu;
	bool refuses_all = (gpu->missing & RK_GPU_NO_RECORDS) == RK_GPU_NO_RECORDS;
	char what[RK_GPU_MISSING_MAX];

	if (!gpu->cupti_version)
		add(d, "CUPTI", STATE_NOTE,
		    "none found (%s): only host times. Set cupti.library or install the CUDA "
		    "toolkit's extras/CUPTI, or: pip install nvidia-cuda-cupti",
		    gpu->cupti_error);
	else if (!gpu->missing)
		add(d, "CUPTI", STATE_OK, "%s, API %u: GPU times", gpu->cupti, gpu->cupti_version);
	else
		add(d, "CUPTI", STATE_NOTE, "%s, API %u: %s%s (it refuses the rest with error %d)",
		    gpu->cupti, gpu->cupti_version, refuses_all ? "" : "GPU times, but ",
		    rk_gpu_missing_describe(gpu->missing, what), gpu->refusal);
	if (gpu->cupti_version && gpu->devices > 0)
		add(d, "GPU memory", STATE_OK,
		    "CUPTI takes at most %u buffers of %u bytes, %u MB, in each context",
		    RK_GPU_BUFFER_LIMIT, RK_GPU_BUFFER_BYTES,
		    RK_GPU_BUFFER_LIMIT * RK_GPU_BUFFER_BYTES / 1000000);
}

static void look_for_gpu(struct diagnosis *d)
{
	const struct rk_doctor_gpu *gpu = &d->gpu;

	if (gpu->devices > 0)
		add(d, "GPU", STATE_OK, "%s: %d device%s, first %s, driver for CUDA %u.%u%s",
		    gpu->driver, gpu->devices, gpu->devices == 1 ? "" : "s", gpu->name,
		    gpu->driver_version / 1000, gpu->driver_version % 1000 / 10,
		    gpu->simulated ? " (simulated)" : "");
	else
		add(d, "GPU", STATE_NOTE, "none: %s; rktrace run --simgpu uses the simulated one",
		    gpu->driver_error);
	look_at_cupti(d);
}

/* The driver may keep profiling to root; activity records do not need it, counters do. */
static void look_at_permissions(struct diagnosis *d)
{
	FILE *file = fopen("/proc/driver/nvidia/params", "re");
	char line[256];
	bool restricted = false;

	if (!file) {
		add(d, "permissions", STATE_OK, "no restriction is set (no NVIDIA kernel module)");
		return;
	}
	while (fgets(line, sizeof(line), file))
		restricted |= strncmp(line, "RmProfilingAdminOnly: 1", 23) == 0;
	fclose(file);
	if (restricted && geteuid() != 0)
		add(d, "permissions", STATE_NOTE,
		    "RmProfilingAdminOnly is 1: GPU counters are for root. Kernel times do not need "
		    "them; if CUPTI refuses, set NVreg_RestrictProfilingToAdminUsers=0");
	else
		add(d, "permissions", STATE_OK, "nothing in the way of kernel times");
}

static void look_for_net(struct diagnosis *d)
{
	char path[PATH_MAX], why[3 * PATH_MAX];
	void *module;

	if (!rk_tool_find_part(RK_PART_NET, path, sizeof(path))) {
		add(d, "network", STATE_NOTE, "%s is not there: no OTLP, no Prometheus", path);
		return;
	}
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		add(d, "network", STATE_BAD, "%s", dlerror());
	else if (!rk_net_is_of_this_build(module, why, sizeof(why)))
		add(d, "network", STATE_BAD, "%s", why);
	else
		add(d, "network", STATE_OK, "%s loads (OTLP, Prometheus)", path);
}

static void look_at_config(struct diagnosis *d, const struct rk_config *config,
			   const struct rk_env *env)
{
	char endpoint[512];

	if (config->warnings)
		add(d, "settings", STATE_BAD, "%u problem%s; the first: %s", config->warnings,
		    config->warnings == 1 ? "" : "s", config->problems[0].text);
	else
		add(d, "settings", STATE_OK, "%s",
		    *config->file ? config->file : "no file (RUSTKERNEL_CONFIG is not set)");
	rk_config_format(config, RK_CONFIG_tracing_otlp_endpoint, endpoint, sizeof(endpoint));
	if (rk_env_is_disabled(env))
		add(d, "switch", STATE_BAD,
		    "RUSTKERNEL_DISABLE or OTEL_SDK_DISABLED is set: nothing would be traced");
	else if (rk_net_has_destination(config))
		add(d, "goes to", STATE_OK, "%s%s%s%s", *endpoint ? "OTLP " : "", endpoint,
		    *config->metrics_pushgateway_url ? " Pushgateway" : "",
		    rk_config_wants_scrape(config) ? " scrape" : "");
	else if (strcmp(config->trace_file, "none") == 0)
		add(d, "goes to", STATE_BAD,
		    "nowhere: trace.file is none and there is no endpoint");
	else
		add(d, "goes to", STATE_OK, "a trace file in the program's working directory");
}

static void look_at_folder(struct diagnosis *d, const struct rk_config *config)
{
	if (strcmp(config->trace_file, "auto") != 0 || rk_net_has_destination(config))
		return;
	if (access(".", W_OK))
		add(d, "folder", STATE_BAD, "this one cannot be written to: %s; use -o or cd",
		    strerror(errno));
}

static void choose_next(struct diagnosis *d)
{
	if (!d->preload)
		snprintf(d->next, sizeof(d->next), "tools/quickstart");
	else if (d->gpu.devices > 0)
		snprintf(d->next, sizeof(d->next), "rktrace run -- ./your-program");
	else
		snprintf(d->next, sizeof(d->next), "rktrace run --simgpu -- ./your-program");
}

static enum state worst(const struct diagnosis *d)
{
	enum state state = STATE_OK;

	for (size_t i = 0; i < d->count; i++) {
		if (d->findings[i].state > state)
			state = d->findings[i].state;
	}
	return state;
}

static bool has_gpu_time(const struct diagnosis *d)
{
	return d->gpu.cupti_version && (d->gpu.missing & RK_GPU_NO_RECORDS) != RK_GPU_NO_RECORDS;
}

static void print_json(const struct diagnosis *d)
{
	static const char *const states[] = { "ok", "note", "bad" };
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_bool(&json, "ok", worst(d) != STATE_BAD);
	rk_json_uint(&json, "devices", d->gpu.devices > 0 ? (uint64_t)d->gpu.devices : 0);
	rk_json_bool(&json, "simulated", d->gpu.simulated);
	rk_json_string(&json, "gpu_time_source", has_gpu_time(d) ? "cupti" : "host");
	rk_json_open(&json, "gpu_time_missing", '[');
	for (unsigned bit = 0; rk_gpu_missing_name(bit); bit++)
		if (d->gpu.missing & 1u << bit)
			rk_json_string(&json, NULL, rk_gpu_missing_name(bit));
	rk_json_close(&json, ']');
	rk_json_uint(&json, "driver_version", d->gpu.driver_version);
	rk_json_uint(&json, "cupti_version", d->gpu.cupti_version);
	rk_json_open(&json, "findings", '[');
	for (size_t i = 0; i < d->count; i++) {
		rk_json_open(&json, NULL, '{');
		rk_json_string(&json, "subject", d->findings[i].subject);
		rk_json_string(&json, "state", states[d->findings[i].state]);
		rk_json_string(&json, "text", d->findings[i].text);
		rk_json_close(&json, '}');
	}
	rk_json_close(&json, ']');
	rk_json_string(&json, "next", d->next);
	rk_json_close(&json, '}');
}

static void print_text(const struct diagnosis *d)
{
	static const char *const states[] = { "ok  ", "note", "BAD " };

	for (size_t i = 0; i < d->count; i++)
		printf("%s  %-12s %s\n", states[d->findings[i].state], d->findings[i].subject,
		       d->findings[i].text);
	printf("\nnext: %s\n", d->next);
}

static int diagnose(struct diagnosis *d)
{
	struct rk_env *env = rk_env_create(NULL);
	struct rk_config *config = NULL;

	if (!env || rk_config_create(&config, env)) {
		rk_env_destroy(env);
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	rk_doctor_gpu_look(&d->gpu, config->cupti_library);
	look_for_library(d);
	look_for_gpu(d);
	look_at_permissions(d);
	look_for_net(d);
	look_at_config(d, config, env);
	look_at_folder(d, config);
	choose_next(d);
	rk_config_destroy(config);
	rk_env_destroy(env);
	return worst(d) == STATE_BAD ? RK_TOOL_VIOLATION : RK_TOOL_OK;
}

int rk_cmd_doctor(int argc, char **argv)
{
	bool as_json = false;
	const struct rk_option options[] = {
		{ "json", 0, NULL, "print JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	struct diagnosis d = { .count = 0 };
	int first, status;

	status = rk_options_parse(options, verb, argc, argv, &first);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first < argc)
		return rk_options_misused(verb, "what is %s?", argv[first]);
	status = diagnose(&d);
	if (d.count && as_json)
		print_json(&d);
	else if (d.count)
		print_text(&d);
	return rk_tool_finish(status, verb);
}
