/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_run.c - `rktrace run`: a program with the library preloaded.
 *
 * The program keeps its stdin, stdout, exit status and signals; we speak on stderr only, and
 * only when it has ended. What is traced is drained and written beside the program, in a process
 * that outlives it by what there is left to write; the launcher's part is the environment, and
 * the verdict of a program that could not print its own.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/log.h"
#include "core/number.h"
#include "pipeline/alert/alert_output.h"
#include "pipeline/live/apart.h"
#include "pipeline/live/net_module.h"
#include "tools/child.h"
#include "tools/child_env.h"
#include "tools/cmd_info.h"
#include "tools/elf_file.h"
#include "tools/options.h"
#include "tools/program_file.h"
#include "tools/run_alerts.h"
#include "tools/run_output.h"
#include "tools/summary.h"

static const char verb[] = "run";

#define LOOK_EVERY_MS 50u /* at a file that is written to a few times a second */

struct arguments {
	const char *output, *otlp, *pushgateway, *config, *summary;
	bool force, simgpu, as_json;
	char **program;		/* and its arguments */
	const char *delay, *duration, *range; /* may be NULL */
	const char *max_size, *keep; /* may be NULL */
	bool rotate;
};

struct run {
	struct arguments args;
	char program[PATH_MAX];
	struct rk_child_env *env;
	struct rk_config *config; /* as the program will read it */
	bool runs_commands;	  /* of alerts */
};

/* Relative paths are the launcher's: the program may change its folder before it starts. */
static int set_path(struct rk_child_env *env, const char *name, const char *path)
{
	char folder[PATH_MAX], whole[2 * PATH_MAX];

	if (*path == '/' || !getcwd(folder, sizeof(folder)))
		return rk_child_env_set(env, name, path);
	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	return rk_child_env_set(env, name, whole);
}

/* When to record, in the words of nsys where it has them. */
static int set_times(struct run *r)
{
	const struct arguments *a = &r->args;
	int err = 0;

	if (a->delay)
		err = rk_child_env_set(r->env, "RUSTKERNEL_RECORDING_DELAY", a->delay);
	if (!err && a->duration)
		err = rk_child_env_set(r->env, "RUSTKERNEL_RECORDING_DURATION", a->duration);
	if (!err && a->range && strcmp(a->range, "cudaProfilerApi") == 0)
		err = rk_child_env_set(r->env, "RUSTKERNEL_RECORDING_START", "profiler");
	return err;
}

/* How much of the trace stays. */
static int set_limits(struct run *r)
{
	const struct arguments *a = &r->args;
	int err = 0;

	if (a->max_size)
		err = rk_child_env_set(r->env, "RUSTKERNEL_TRACE_MAX_SIZE", a->max_size);
	if (!err && (a->rotate || a->keep))
		err = rk_child_env_set(r->env, "RUSTKERNEL_TRACE_ROTATE", "true");
	if (!err && a->keep)
		err = rk_child_env_set(r->env, "RUSTKERNEL_TRACE_KEEP", a->keep);
	return err;
}

static int set_options(struct run *r)
{
	const struct arguments *a = &r->args;
	int err = 0;

	if (a->output)
		err = set_path(r->env, "RUSTKERNEL_TRACE_FILE", a->output);
	if (!err && a->config)
		err = set_path(r->env, "RUSTKERNEL_CONFIG", a->config);
	if (!err && a->otlp)
		err = rk_child_env_set(r->env, "RUSTKERNEL_TRACING_OTLP_ENDPOINT", a->otlp);
	if (!err && a->pushgateway)
		err = rk_child_env_set(r->env, "RUSTKERNEL_METRICS_PUSHGATEWAY_URL",
				       a->pushgateway);
	if (!err && a->summary)
		err = rk_child_env_set(r->env, "RUSTKERNEL_SUMMARY", a->summary);
	if (!err)
		err = set_limits(r);
	return err ? err : set_times(r);
}

/* The configuration that the program will come to, to see what to expect of it. */
static int read_config(struct run *r)
{
	struct rk_env *env = rk_env_create(rk_child_env_get(r->env));
	int err = env ? rk_config_create(&r->config, env) : -ENOMEM;

	rk_env_destroy(env);
	return err;
}

/* Whoever starts a program this way wants to see the verdict, unless they said something. */
static int settle_summary(struct run *r)
{
	if (r->config->source[RK_CONFIG_summary] > RK_SOURCE_PRESET)
		return 0;
	return rk_child_env_set(r->env, "RUSTKERNEL_SUMMARY", r->args.as_json ? "never" : "always");
}

/* So that rktrace ctl reaches it. */
static int settle_control(struct run *r)
{
	if (r->config->source[RK_CONFIG_control_enabled] > RK_SOURCE_PRESET)
		return 0;
	return rk_child_env_set(r->env, "RUSTKERNEL_CONTROL_ENABLED", "true");
}

static bool is_time(const char *text)
{
	uint64_t ns;

	return !text || (rk_number_parse_units(text, rk_number_durations, &ns) && ns);
}

static int check_options(const struct run *r)
{
	const struct arguments *a = &r->args;
	const char *origin = r->config->origin[RK_CONFIG_summary];

	if (a->otlp && strcmp(r->config->tracing_otlp_endpoint, a->otlp) != 0)
		return rk_options_misused(
			verb, "--otlp needs a URL that begins with http:// or https://");
	if (a->pushgateway && strcmp(r->config->metrics_pushgateway_url, a->pushgateway) != 0)
		return rk_options_misused(
			verb, "--pushgateway needs a URL that begins with http:// or https://");
	if (a->summary && strcmp(origin, "RUSTKERNEL_SUMMARY") != 0)
		return rk_options_misused(
			verb, "--summary is auto, always, never, or a path with a / in it");
	if (!is_time(a->delay) || !is_time(a->duration))
		return rk_options_misused(verb, "%s is no time; expected one as 10s or 1m30s",
					  is_time(a->delay) ? a->duration : a->delay);
	if (a->range && strcmp(a->range, "cudaProfilerApi") != 0)
		return rk_options_misused(verb, "--capture-range is cudaProfilerApi, not %s",
					  a->range);
	if (a->range && a->delay)
		return rk_options_misused(verb, "expected one of --delay, --capture-range");
	if (a->config && r->config->file_error && r->config->file_error != -EBADMSG)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "could not read %s: %s", a->config,
				    rk_strerror(r->config->file_error));
	return a->output ? rk_run_output_check(verb, a->output, a->force) : RK_TOOL_OK;
}

/* NVTX looks for its tool in the environment alone. Another tool that is there already stays. */
static int set_nvtx(struct run *r, const char *library)
{
	const char *const variable = "NVTX_INJECTION64_PATH";

	if (r->config->source[RK_CONFIG_nvtx] > RK_SOURCE_PRESET && !r->config->nvtx)
		return 0;
	if (!rk_child_env_has(r->env, variable))
		return rk_child_env_set(r->env, variable, library);
	rk_log_info("run: %s is set: NVTX ranges go to that tool and not into spans", variable);
	return 0;
}

static int set_preload(struct run *r)
{
	char library[PATH_MAX];
	struct rk_elf_file elf;
	int err;

	if (!rk_tool_find_part(RK_PART_PRELOAD, library, sizeof(library)))
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "the library is not there: %s",
				    library);
	if (strpbrk(library, " :"))
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb,
				    "%s: LD_PRELOAD cannot name a path with a blank or a colon",
				    library);
	err = rk_child_env_push(r->env, "LD_PRELOAD", library);
	if (!err)
		err = set_nvtx(r, library);
	rk_elf_file_read(&elf, r->program);
	/* gcc's AddressSanitizer stops the program unless it comes first. */
	if (!err && *elf.asan)
		err = rk_child_env_push(r->env, "LD_PRELOAD", elf.asan);
	if (err)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (elf.is_static)
		rk_tool_fail(0, verb, "%s is statically linked: nothing can be preloaded into it",
			     r->args.program[0]);
	else if (elf.is_foreign)
		rk_tool_fail(0, verb, "%s is for another machine type: it cannot be traced",
			     r->args.program[0]);
	else if (strstr(elf.loader, "ld-musl"))
		rk_tool_fail(0, verb, "%s uses musl: it cannot be traced", r->args.program[0]);
	return RK_TOOL_OK;
}

static int set_simgpu(struct run *r)
{
	char library[PATH_MAX];

	if (!r->args.simgpu)
		return RK_TOOL_OK;
	if (!rk_tool_find_part(RK_PART_SIMGPU, library, sizeof(library)))
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "the simulated GPU is not there: %s",
				    library);
	*strrchr(library, '/') = '\0';
	if (rk_child_env_push(r->env, "LD_LIBRARY_PATH", library))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return RK_TOOL_OK;
}

/* The library looks for its module where it is installed; in a build tree it is told. */
static int set_net(struct run *r)
{
	char library[PATH_MAX];

	if (!rk_tool_find_part(RK_PART_NET, library, sizeof(library)) ||
	    strstr(library, "/rkpreload/librknet.so") || getenv("RK_NET_LIBRARY"))
		return RK_TOOL_OK;
	if (rk_child_env_set(r->env, "RK_NET_LIBRARY", library))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return RK_TOOL_OK;
}

/* Whether the program was expected to leave a file. */
static bool wants_file(const struct rk_config *config)
{
	if (strcmp(config->trace_file, "none") == 0)
		return false;
	return strcmp(config->trace_file, "auto") != 0 || !rk_net_has_destination(config);
}

/* The program is told that its launcher sees to the commands, or says itself why it does not. */
static int set_commands(struct run *r)
{
	char pid[16];

	if (!rk_run_alerts_are_wanted(r->config))
		return RK_TOOL_OK;
	r->runs_commands = wants_file(r->config) && !strchr(r->config->trace_file, '%');
	if (!r->runs_commands)
		rk_tool_fail(0, verb,
			     "commands of alerts are not run: they need a trace file, "
			     "with a name that has no %% in it; see -o");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (rk_child_env_set(r->env, RK_ALERT_COMMANDS_BY, pid))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return RK_TOOL_OK;
}

/* The program's exporter becomes a process of its own beside it, which we wait for. */
static int set_launcher(struct run *r)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (rk_child_env_set(r->env, RK_LAUNCHER, pid))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return RK_TOOL_OK;
}

static int prepare(struct run *r)
{
	int err = rk_program_file_find(r->args.program[0], r->program);
	char hint[160];
	int status;

	if (err)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "could not run %s: %s%s",
				    r->args.program[0], rk_strerror(err),
				    rk_program_file_hint(r->args.program[0], hint, sizeof(hint)));
	r->env = rk_child_env_create(environ);
	if (!r->env || set_options(r) || read_config(r) || settle_summary(r) || settle_control(r))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = check_options(r);
	if (!status)
		status = set_simgpu(r);
	if (!status)
		status = set_net(r);
	if (!status)
		status = set_commands(r);
	if (!status)
		status = set_launcher(r);
	return status ? status : set_preload(r);
}

/* What the program could not say itself. */
static void tell_end(const struct run *r, const struct rk_child_end *end)
{
	char path[PATH_MAX];
	bool found = rk_run_output_find(r->config->trace_file, end->pid, path, sizeof(path));
	bool always = r->config->source[RK_CONFIG_summary] <= RK_SOURCE_PRESET ||
		      strcmp(r->config->summary, "always") == 0;

	if (end->signal)
		rk_tool_fail(0, verb, "%s was ended by signal %d (%s)", r->args.program[0],
			     end->signal, strsignal(end->signal));
	if (found && end->signal && always)
		rk_summary_print(verb, path, stderr);
	else if (found && !always)
		rk_tool_fail(0, verb, "trace file: %s", path);
	else if (!found && wants_file(r->config) && !strchr(r->config->trace_file, '%'))
		rk_tool_fail(0, verb,
			     "%s (pid %d) used no GPU itself: there is no trace file of it",
			     r->args.program[0], (int)end->pid);
}

/* For programs that read: how it ended, and what `rktrace info --json` says of its file. */
static void print_json(const struct run *r, const struct rk_child_end *end)
{
	char path[PATH_MAX];
	struct rk_json json;

	rk_json_init(&json, stderr);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "program", r->program);
	rk_json_uint(&json, "pid", (uint64_t)end->pid);
	if (end->signal)
		rk_json_uint(&json, "signal", (uint64_t)end->signal);
	else
		rk_json_uint(&json, "exit_status", (uint64_t)end->status);
	if (rk_run_output_find(r->config->trace_file, end->pid, path, sizeof(path))) {
		rk_json_string(&json, "trace_file", path);
		rk_json_open(&json, "info", '{');
		rk_cmd_info_put_json(&json, path);
		rk_json_close(&json, '}');
	} else {
		rk_json_null(&json, "trace_file");
	}
	rk_json_close(&json, '}');
}

static int run_watched(struct run *r, struct rk_child_end *end)
{
	struct rk_run_alerts alerts = { 0 };
	const struct rk_child_watcher watcher = { rk_run_alerts_look, &alerts, LOOK_EVERY_MS };
	int err = rk_run_alerts_init(&alerts, r->config, r->config->trace_file);

	if (!err)
		err = rk_child_run(end, r->program, r->args.program, rk_child_env_get(r->env),
				   &watcher);
	if (!err)
		rk_run_alerts_end(&alerts, end->pid);
	rk_run_alerts_finish(&alerts);
	return err;
}

static int run(struct run *r)
{
	struct rk_child_end end;
	int err, status;

	status = prepare(r);
	if (status)
		return status;
	if (r->runs_commands)
		err = run_watched(r, &end);
	else
		err = rk_child_run(&end, r->program, r->args.program, rk_child_env_get(r->env),
				   NULL);
	if (err)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "could not run %s: %s", r->program,
				    rk_strerror(err));
	if (r->args.as_json)
		print_json(r, &end);
	else
		tell_end(r, &end);
	return end.signal ? 128 + end.signal : end.status;
}

int rk_cmd_run(int argc, char **argv)
{
	struct run r = { 0 };
	struct arguments *a = &r.args;
	const struct rk_option options[] = {
		{ "output", 'o', "FILE", "trace file; %p pid, %h host, %e program, %t start", NULL,
		  &a->output },
		{ "force", 'f', NULL, "overwrite the trace file", &a->force, NULL },
		{ "max-size", 0, "SIZE", "the trace file ends there: 256MiB", NULL, &a->max_size },
		{ "rotate", 0, NULL, "in parts, of which the oldest go at --max-size", &a->rotate,
		  NULL },
		{ "keep", 0, "TIME", "--rotate, and what is older goes as well: 5m", NULL,
		  &a->keep },
		{ "otlp", 0, "URL", "send spans to this OTLP receiver", NULL, &a->otlp },
		{ "pushgateway", 0, "URL", "push metrics there", NULL, &a->pushgateway },
		{ "config", 0, "FILE", "settings, as RUSTKERNEL_CONFIG", NULL, &a->config },
		{ "summary", 0, "WHEN", "verdict: always (default), auto, never, or a path", NULL,
		  &a->summary },
		{ "delay", 0, "TIME", "record only from then on, 10s", NULL, &a->delay },
		{ "duration", 0, "TIME", "record for this long, 1m30s", NULL, &a->duration },
		{ "capture-range", 'c', "WHAT",
		  "cudaProfilerApi: from cudaProfilerStart() to cudaProfilerStop()", NULL,
		  &a->range },
		{ "simgpu", 0, NULL, "use the simulated GPU", &a->simgpu, NULL },
		{ "json", 0, NULL, "print JSON on stderr instead of the verdict", &a->as_json,
		  NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int first, status;

	status = rk_options_parse(options, verb, argc, argv, &first);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first >= argc)
		return rk_options_misused(verb, "no program was given");
	a->program = argv + first;
	status = run(&r);
	rk_config_destroy(r.config);
	rk_child_env_destroy(r.env);
	return status;
}
