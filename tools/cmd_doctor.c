/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_doctor.c - `rktrace doctor`: what would be traced here, and what is missing.
 *
 * Looks and reports; changes nothing. Opens the same libraries the traced program would.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/gpu_facts.h"
#include "pipeline/live/net_module.h"
#include "tools/doctor.h"
#include "tools/options.h"
#include "tools/program_file.h"

static const char verb[] = "doctor";

static void look_for_library(struct rk_diagnosis *d)
{
	char path[PATH_MAX];

	d->simgpu = rk_tool_find_part(RK_PART_SIMGPU, path, sizeof(path));
	d->preload = rk_tool_find_part(RK_PART_PRELOAD, path, sizeof(path));
	rk_diagnosis_add(
		d, "library", d->preload ? RK_FINDING_OK : RK_FINDING_BAD, "%s%s", path,
		d->preload ? "" : " is not there: install rkpreload, or run rktrace from its tree");
}

static void look_at_cupti(struct rk_diagnosis *d)
{
	const struct rk_doctor_gpu *gpu = &d->gpu;
	bool refuses_all = (gpu->missing & RK_GPU_NO_RECORDS) == RK_GPU_NO_RECORDS;
	char what[RK_GPU_MISSING_MAX];

	if (!gpu->cupti_version)
		rk_diagnosis_add(
			d, "CUPTI", RK_FINDING_NOTE,
			"none found (%s): only host times. Set cupti.library or install the CUDA "
			"toolkit's extras/CUPTI, or: pip install nvidia-cuda-cupti",
			gpu->cupti_error);
	else if (!gpu->missing)
		rk_diagnosis_add(d, "CUPTI", RK_FINDING_OK, "%s, API %u: GPU times", gpu->cupti,
				 gpu->cupti_version);
	else
		rk_diagnosis_add(d, "CUPTI", RK_FINDING_NOTE,
				 "%s, API %u: %s%s (it refuses the rest with error %d)", gpu->cupti,
				 gpu->cupti_version, refuses_all ? "" : "GPU times, but ",
				 rk_gpu_missing_describe(gpu->missing, what), gpu->refusal);
	if (gpu->cupti_version && gpu->devices > 0)
		rk_diagnosis_add(
			d, "GPU memory", RK_FINDING_OK,
			"CUPTI takes at most %u buffers of %u bytes, %u MB, in each context",
			RK_GPU_BUFFER_LIMIT, RK_GPU_BUFFER_BYTES,
			RK_GPU_BUFFER_LIMIT * RK_GPU_BUFFER_BYTES / 1000000);
}

static void look_for_gpu(struct rk_diagnosis *d)
{
	const struct rk_doctor_gpu *gpu = &d->gpu;

	if (gpu->devices > 0)
		rk_diagnosis_add(d, "GPU", RK_FINDING_OK,
				 "%s: %d device%s, first %s, driver for CUDA %u.%u%s", gpu->driver,
				 gpu->devices, gpu->devices == 1 ? "" : "s", gpu->name,
				 gpu->driver_version / 1000, gpu->driver_version % 1000 / 10,
				 gpu->simulated ? " (simulated)" : "");
	else
		rk_diagnosis_add(d, "GPU", RK_FINDING_NOTE,
				 "none: %s; rktrace run --simgpu uses the simulated one",
				 gpu->driver_error);
}

/* The CUDA that a libcupti of this API version came with; 0 = older than we can tell. */
static unsigned cuda_of(uint32_t api)
{
	if (api >= 100000)
		return api / 10000;
	if (api >= 20)
		return 12;
	return api >= 13 ? 11 : 0; /* 18 came with 11.8, 12.0 and 12.1 */
}

/* A driver runs what is as old as it, or older; within a major version a newer one, too. */
static void look_at_match(struct rk_diagnosis *d)
{
	unsigned cupti = cuda_of(d->gpu.cupti_version), driver = d->gpu.driver_version / 1000;

	if (!cupti || d->gpu.devices <= 0)
		return;
	if (cupti > driver)
		rk_diagnosis_add(
			d, "match", RK_FINDING_NOTE,
			"CUPTI is of CUDA %u, the driver is for %u.%u: where CUPTI refuses, times are "
			"those of the host. Install a newer driver, or have cupti.library name a CUPTI of "
			"CUDA %u (pip install nvidia-cuda-cupti-cu%u)",
			cupti, driver, d->gpu.driver_version % 1000 / 10, driver, driver);
	else
		rk_diagnosis_add(d, "match", RK_FINDING_OK,
				 "the driver is new enough for CUPTI of CUDA %u", cupti);
}

static void tell_what_is_seen(struct rk_diagnosis *d)
{
	bool timed = rk_diagnosis_has_gpu_time(d);

	if (d->program.is_closed || !d->preload)
		rk_diagnosis_add(d, "would see", RK_FINDING_BAD, "nothing");
	else if (d->gpu.devices <= 0)
		rk_diagnosis_add(d, "would see", RK_FINDING_NOTE,
				 "nothing without a GPU: a program that uses none is left alone");
	else
		rk_diagnosis_add(
			d, "would see", RK_FINDING_OK,
			"kernels, copies and memsets with times of the %s; allocations, waits, graphs, "
			"errors, names",
			timed ? "GPU" : "host's calls");
}

static void look_for_net(struct rk_diagnosis *d)
{
	char path[PATH_MAX], why[3 * PATH_MAX];
	void *module;

	if (!rk_tool_find_part(RK_PART_NET, path, sizeof(path))) {
		rk_diagnosis_add(d, "network", RK_FINDING_NOTE,
				 "%s is not there: no OTLP, no Prometheus", path);
		return;
	}
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		rk_diagnosis_add(d, "network", RK_FINDING_BAD, "%s", dlerror());
	else if (!rk_net_is_of_this_build(module, why, sizeof(why)))
		rk_diagnosis_add(d, "network", RK_FINDING_BAD, "%s", why);
	else
		rk_diagnosis_add(d, "network", RK_FINDING_OK, "%s loads (OTLP, Prometheus)", path);
}

static void look_at_config(struct rk_diagnosis *d, const struct rk_config *config,
			   const struct rk_env *env)
{
	char endpoint[512];

	if (config->warnings)
		rk_diagnosis_add(d, "settings", RK_FINDING_BAD, "%u problem%s; the first: %s",
				 config->warnings, config->warnings == 1 ? "" : "s",
				 config->problems[0].text);
	else
		rk_diagnosis_add(d, "settings", RK_FINDING_OK, "%s",
				 *config->file ? config->file :
						 "no file (RUSTKERNEL_CONFIG is not set)");
	rk_config_format(config, RK_CONFIG_tracing_otlp_endpoint, endpoint, sizeof(endpoint));
	if (rk_env_is_disabled(env))
		rk_diagnosis_add(
			d, "switch", RK_FINDING_BAD,
			"RUSTKERNEL_DISABLE or OTEL_SDK_DISABLED is set: nothing would be traced");
	else if (rk_net_has_destination(config))
		rk_diagnosis_add(d, "goes to", RK_FINDING_OK, "%s%s%s%s", *endpoint ? "OTLP " : "",
				 endpoint, *config->metrics_pushgateway_url ? " Pushgateway" : "",
				 rk_config_wants_scrape(config) ? " scrape" : "");
	else if (strcmp(config->trace_file, "none") == 0)
		rk_diagnosis_add(d, "goes to", RK_FINDING_BAD,
				 "nowhere: trace.file is none and there is no endpoint");
	else
		rk_diagnosis_add(d, "goes to", RK_FINDING_OK,
				 "a trace file in the program's working directory");
}

static void look_at_folder(struct rk_diagnosis *d, const struct rk_config *config)
{
	if (strcmp(config->trace_file, "auto") != 0 || rk_net_has_destination(config))
		return;
	if (access(".", W_OK))
		rk_diagnosis_add(d, "folder", RK_FINDING_BAD,
				 "this one cannot be written to: %s; use -o or cd",
				 strerror(errno));
}

/* A word as a shell would want it. */
static void quote(char *out, size_t size, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";
	size_t used = strlen(out);

	if (*word && !word[strspn(word, plain)]) {
		snprintf(out + used, size - used, " %s", word);
		return;
	}
	used += (size_t)snprintf(out + used, size - used, " '");
	for (; *word && used + 8 < size; word++)
		used += (size_t)snprintf(out + used, size - used, *word == '\'' ? "'\\''" : "%c",
					 *word);
	if (used + 2 < size)
		snprintf(out + used, size - used, "'");
}

/* As it can be typed: the bare name where PATH leads to this very file. */
static void name_rktrace(char *out, size_t size)
{
	char found[PATH_MAX], real[PATH_MAX], self[2 * PATH_MAX];

	snprintf(self, sizeof(self), "%s/rktrace", rk_tool_self_dir());
	if (!rk_program_file_find("rktrace", found) && realpath(found, real) &&
	    strcmp(real, self) == 0)
		snprintf(out, size, "rktrace");
	else
		snprintf(out, size, "%s", self);
}

static void choose_next(struct rk_diagnosis *d)
{
	bool simulated = d->gpu.devices <= 0;

	if (d->program.is_closed)
		return;
	if (!d->preload) {
		snprintf(d->next, sizeof(d->next), "tools/quickstart");
		return;
	}
	name_rktrace(d->next, sizeof(d->next));
	strncat(d->next, simulated ? " run --simgpu --" : " run --",
		sizeof(d->next) - strlen(d->next) - 1);
	if (!d->program.words)
		quote(d->next, sizeof(d->next), "./your-program");
	for (char **word = d->program.words; word && *word; word++)
		quote(d->next, sizeof(d->next), *word);
}

/* The first libraries decide: the runtime of the program may have its CUPTI beside it. */
static void look_at_machine(struct rk_diagnosis *d, const struct rk_config *config)
{
	rk_doctor_gpu_look_for_cupti(&d->gpu, config->cupti_library, d->program.runtime_folder);
	look_for_gpu(d);
	look_at_cupti(d);
	look_at_match(d);
	rk_doctor_look_at_permissions(d, "/proc/driver/nvidia/params");
	rk_doctor_look_for_others(d);
}

static int diagnose(struct rk_diagnosis *d, char **words)
{
	struct rk_env *env = rk_env_create(NULL);
	struct rk_config *config = NULL;
	char hint[160];
	int err = 0;

	if (!env || rk_config_create(&config, env)) {
		rk_env_destroy(env);
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	rk_doctor_gpu_look_for_driver(&d->gpu);
	look_for_library(d);
	if (words)
		err = rk_doctor_look_at_program(d, words);
	if (!err) {
		look_at_machine(d, config);
		look_for_net(d);
		look_at_config(d, config, env);
		look_at_folder(d, config);
		tell_what_is_seen(d);
		choose_next(d);
	}
	rk_config_destroy(config);
	rk_env_destroy(env);
	if (err)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "could not look at %s: %s%s", words[0],
				    rk_strerror(err),
				    rk_program_file_hint(words[0], hint, sizeof(hint)));
	return rk_diagnosis_worst(d) == RK_FINDING_BAD ? RK_TOOL_VIOLATION : RK_TOOL_OK;
}

int rk_cmd_doctor(int argc, char **argv)
{
	bool as_json = false;
	const struct rk_option options[] = {
		{ "json", 0, NULL, "print JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	static struct rk_diagnosis d;
	int first, status;

	status = rk_options_parse(options, verb, argc, argv, &first);
	if (status != RK_OPTIONS_PARSED)
		return status;
	status = diagnose(&d, first < argc ? argv + first : NULL);
	if (status != RK_TOOL_OK && status != RK_TOOL_VIOLATION)
		return status;
	if (as_json)
		rk_diagnosis_print_json(&d);
	else
		rk_diagnosis_print(&d);
	return rk_tool_finish(status, verb);
}
