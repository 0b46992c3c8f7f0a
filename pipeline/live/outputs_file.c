/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs_file.c - the trace file of a live process: where it lies, what its
 * description
 * says, when a block is sealed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config_row.h"
#include "core/process_id.h"
#include "core/sandbox.h"
#include "pipeline/live/outputs_part.h"
#include "trace/trace_path.h"

/* Together with the wait for records (0.2 s) and the collection of GPU records (0.2 s) this
 * stays below the second that a SIGKILL may cost. */
#define SEAL_AFTER_NS	 500000000ull
#define LOSS_BOUND_NS	 1000000000ull

static void read_command_line(char *out, size_t size)
{
	int fd = rk_sandbox_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
	ssize_t length = fd < 0 ? 0 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	if (length < 0)
		length = 0;
	out[length] = '\0';
	for (ssize_t i = 0; i + 1 < length; i++) {
		if (!out[i])
			out[i] = ' ';
	}
}

static const char *get_env(const char *name, void *data)
{
	return data ? rk_env_get(data, name) : NULL;
}

/* auto: only where nothing is sent live. Return: false when there is to be no file. */
static bool choose_path(const struct rk_outputs *outputs, uint64_t wall_ns, char *out, size_t size)
{
	const struct rk_config *config = outputs->setup->config;
	struct rk_trace_path_vars vars = {
		.executable = outputs->executable,
		.host = outputs->host,
		.pid = (uint32_t)rk_process_id(),
		.start_wall_ns = wall_ns,
		.get_env = get_env,
		.data = (void *)outputs->setup->env,
	};

	if (strcmp(config->trace_file, "none") == 0 || !config->trace_file[0])
		return false;
	if (strcmp(config->trace_file, "auto") == 0 && rk_net_has_destination(config))
		return false;
	return rk_trace_path_expand(out, size, config->trace_file, &vars) == 0;
}

/* What decides which spans are sent, so that a replay can tell the same ones. */
static void list_sampling(const struct rk_config *config, char *out, size_t size)
{
	static const enum rk_config_id rows[] = {
		RK_CONFIG_tracing_enabled,	 RK_CONFIG_tracing_sampler,
		RK_CONFIG_tracing_sampling_rate, RK_CONFIG_tracing_keep_slower_than,
		RK_CONFIG_tracing_keep_errors,	 RK_CONFIG_tracing_max_spans_per_second,
		RK_CONFIG_tracing_propagators,
	};
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char value[128];
		int length;

		rk_config_format(config, rows[i], value, sizeof(value));
		length = snprintf(out + used, size - used, "%s=%s\n", rk_config_row(rows[i])->key,
				  value);
		if (length < 0 || (size_t)length >= size - used) {
			out[used] = '\0';
			return;
		}
		used += (size_t)length;
	}
}

void rk_outputs_open_file(struct rk_outputs *outputs)
{
	const struct rk_exporter_setup *setup = outputs->setup;
	const struct rk_config *config = setup->config;
	uint32_t late_version = setup->late_cupti_version ? setup->late_cupti_version() : 0;
	uint64_t now = rk_clock_now();
	uint64_t wall = now + (uint64_t)rk_clock_wall_offset(NULL);
	/* "host" promises that no time in the file is the GPU's: not before a context is there. */
	bool gpu_time = (setup->gpu_time && setup->gpu_time()) ||
			(setup->gpu_is_due && setup->gpu_is_due());
	char path[PATH_MAX];
	struct rk_trace_options options = {
		.max_bytes = config->trace_max_size,
		.level = (uint32_t)config->trace_compression_level,
		.check_free_space = true,
	};
	struct rk_trace_meta meta = {
		.seed = outputs->seed,
		.start_wall_ns = wall,
		.start_ns = now,
		.pid = (uint32_t)rk_process_id(),
		.cupti_version = setup->cupti_version ? setup->cupti_version : late_version,
		.cuda_version = setup->gpus.cuda_version,
		.loss_bound_ns = LOSS_BOUND_NS,
		.executable = outputs->executable,
		.host = outputs->host,
		.version = RK_VERSION,
		.command_line = outputs->command_line,
		.gpu_time_source = gpu_time ? "cupti" : "host",
		.host_time_reason =
			gpu_time || !setup->gpu_time_reason ? "" : setup->gpu_time_reason(),
		.traceparent = config->traceparent,
		.tracestate = config->tracestate,
		.baggage = config->baggage,
		.resource = outputs->resource ? outputs->resource : "",
		.sampling = outputs->sampling,
	};

	list_sampling(config, outputs->sampling, sizeof(outputs->sampling));
	if (config->process_command_args)
		read_command_line(outputs->command_line, sizeof(outputs->command_line));
	if (choose_path(outputs, wall, path, sizeof(path)))
		rk_outputs_open_writer(outputs, path, &meta, &options);
}

/* On the exporter thread, from poll() or finish() of the network. */
void rk_outputs_acknowledge(void *data, const char *destination, uint64_t first, uint64_t last)
{
	struct rk_outputs *outputs = data;

	if (!outputs->writer)
		return;
	rk_trace_writer_acknowledge(outputs->writer, destination, first, last);
	if (!outputs->unsealed_since)
		outputs->unsealed_since = rk_clock_now();
}

void rk_outputs_seal(struct rk_outputs *outputs, uint64_t now_ns)
{
	if (!outputs->writer || !outputs->unsealed_since)
		return;
	if (now_ns < outputs->unsealed_since + SEAL_AFTER_NS)
		return;
	rk_trace_writer_seal(outputs->writer);
	outputs->unsealed_since = 0;
}

void rk_outputs_close_file(struct rk_outputs *outputs)
{
	struct rk_trace_writer *writer = outputs->writer;

	outputs->writer = NULL;
	if (outputs->turns.parts)
		rk_trace_parts_close(outputs->turns.parts);
	else
		rk_trace_writer_close(writer);
	outputs->turns.parts = NULL;
}
