/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_sample.c - two questions, `use` and `status`, and their answers read.
 */
#include "tools/top_sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/yaml_tree.h"
#include "pipeline/use/gpu_time.h"
#include "tools/ctl_socket.h"
#include "tools/tool.h"

_Static_assert(RK_TOP_STATES == RK_GPU_STATE_COUNT, "a state for each of gpu_time.h");

const char *rk_top_state_name(uint32_t state)
{
	return rk_gpu_time_state_name((enum rk_gpu_state)state);
}

static const char *text_of(const struct rk_yaml_node *row, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(row, key);

	return node && !rk_yaml_is_null(node) ? node->text : "";
}

static double number_of(const struct rk_yaml_node *row, const char *key)
{
	return strtod(text_of(row, key), NULL);
}

static uint64_t count_of(const struct rk_yaml_node *row, const char *key)
{
	return strtoull(text_of(row, key), NULL, 10);
}

/* Texts come from another process: nothing of them may move the cursor. */
static void copy_text(char *out, size_t size, const struct rk_yaml_node *row, const char *key)
{
	rk_tool_printable(text_of(row, key), out, size);
}

static const struct rk_yaml_node *rows_of(const struct rk_yaml_node *root, const char *list)
{
	const struct rk_yaml_node *node = rk_yaml_get(root, list);

	return node ? node->first : NULL;
}

/* The device of a row, made where it is new. Return: NULL at the bound. */
static struct rk_top_device *device_of(struct rk_top_sample *sample, const struct rk_yaml_node *row)
{
	const char *number = text_of(row, "device");
	struct rk_top_device *device;

	for (uint32_t i = 0; i < sample->device_count; i++) {
		if (strcmp(sample->devices[i].number, number) == 0)
			return &sample->devices[i];
	}
	if (sample->device_count == RK_TOP_DEVICES)
		return NULL;
	device = &sample->devices[sample->device_count++];
	copy_text(device->number, sizeof(device->number), row, "device");
	return device;
}

static void take_state(struct rk_top_device *device, const struct rk_yaml_node *row)
{
	for (uint32_t i = 0; i < RK_TOP_STATES; i++) {
		if (strcmp(text_of(row, "state"), rk_top_state_name(i)) == 0)
			device->seconds[i] = number_of(row, "seconds");
	}
}

static void take_devices(struct rk_top_sample *sample, const struct rk_yaml_node *root)
{
	static const char *const lists[] = { "devices", "active", "memory", "memory_peak" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct rk_yaml_node *row = rows_of(root, lists[i]);

		for (; row; row = row->next) {
			struct rk_top_device *device = device_of(sample, row);

			if (!device)
				continue;
			if (i == 0)
				take_state(device, row);
			device->active += i == 1 ? number_of(row, "kernels") : 0;
			device->live_bytes += i == 2 ? number_of(row, "bytes") : 0;
			device->peak_bytes += i == 3 ? number_of(row, "bytes") : 0;
		}
	}
}

static struct rk_top_copy *copy_of(struct rk_top_sample *sample, const struct rk_yaml_node *row)
{
	struct rk_top_copy *copy;

	for (uint32_t i = 0; i < sample->transfer_count; i++) {
		copy = &sample->transfers[i];
		if (strcmp(copy->kind, text_of(row, "kind")) == 0 &&
		    strcmp(copy->device, text_of(row, "device")) == 0)
			return copy;
	}
	if (sample->transfer_count == RK_TOP_COPIES)
		return NULL;
	copy = &sample->transfers[sample->transfer_count++];
	copy_text(copy->kind, sizeof(copy->kind), row, "kind");
	copy_text(copy->device, sizeof(copy->device), row, "device");
	return copy;
}

static void take_copies(struct rk_top_sample *sample, const struct rk_yaml_node *root)
{
	const struct rk_yaml_node *row = rows_of(root, "transfer_bytes");
	struct rk_top_copy *copy;

	for (; row; row = row->next) {
		copy = copy_of(sample, row);
		if (copy)
			copy->bytes = number_of(row, "bytes");
	}
	for (row = rows_of(root, "transfers"); row; row = row->next) {
		copy = copy_of(sample, row);
		if (!copy)
			continue;
		copy->count = count_of(row, "count");
		copy->seconds = number_of(row, "seconds");
	}
}

/* What the program recorded by itself is no work of a GPU. */
static void take_kernels(struct rk_top_sample *sample, const struct rk_yaml_node *root)
{
	const struct rk_yaml_node *row = rows_of(root, "kernels");

	for (; row; row = row->next) {
		struct rk_top_kernel *kernel = &sample->kernels[sample->kernel_count];

		if (strcmp(text_of(row, "source"), "api") == 0)
			continue;
		if (sample->kernel_count == RK_TOP_KERNELS) {
			sample->left_out++;
			continue;
		}
		copy_text(kernel->name, sizeof(kernel->name), row, "name");
		copy_text(kernel->device, sizeof(kernel->device), row, "device");
		copy_text(kernel->source, sizeof(kernel->source), row, "source");
		kernel->count = count_of(row, "count");
		kernel->seconds = number_of(row, "seconds");
		sample->kernel_count++;
	}
}

static void take_use(struct rk_top_sample *sample, const struct rk_yaml_node *root)
{
	sample->now_ns = count_of(root, "now_ns");
	sample->left_out = count_of(root, "left_out");
	take_devices(sample, root);
	take_copies(sample, root);
	take_kernels(sample, root);
}

static uint64_t sum_of(const struct rk_yaml_node *node)
{
	uint64_t sum = 0;

	for (const struct rk_yaml_node *row = node ? node->first : NULL; row; row = row->next)
		sum += strtoull(row->text, NULL, 10);
	return sum;
}

static void take_ledger(struct rk_top_sample *sample, const struct rk_yaml_node *ledger)
{
	const struct {
		const char *member;
		uint64_t *calls;
	} works[] = {
		{ "launch", &sample->launches },
		{ "graph_launch", &sample->graph_launches },
		{ "memcpy", &sample->copies },
		{ "memset", &sample->memsets },
	};

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		const struct rk_yaml_node *work = rk_yaml_get(ledger, works[i].member);

		*works[i].calls = count_of(work, "calls");
		sample->open += count_of(work, "open");
		sample->failed += count_of(work, "failed");
		sample->lost += count_of(work, "lost");
	}
	sample->dropped = sum_of(rk_yaml_get(ledger, "dropped_by_reason"));
}

static void take_status(struct rk_top_sample *sample, const struct rk_yaml_node *root)
{
	const struct rk_yaml_node *file = rk_yaml_get(root, "trace_file");
	const struct rk_yaml_node *tracer = rk_yaml_get(root, "tracer");
	const struct rk_yaml_node *signal = rows_of(rk_yaml_get(root, "network"), "otlp");

	rk_tool_printable(rk_tool_base_name(text_of(root, "executable")), sample->program,
			  sizeof(sample->program));
	copy_text(sample->version, sizeof(sample->version), root, "version");
	copy_text(sample->gpu_time_source, sizeof(sample->gpu_time_source), root,
		  "gpu_time_source");
	copy_text(sample->trace_file, sizeof(sample->trace_file), file, "path");
	sample->trace_bytes = number_of(file, "bytes");
	sample->recording = strcmp(text_of(root, "recording"), "true") == 0;
	sample->recorded_seconds = number_of(root, "recorded_seconds");
	sample->cpu_seconds = number_of(tracer, "cpu_seconds");
	sample->resident_bytes = number_of(tracer, "resident_bytes");
	for (; signal; signal = signal->next)
		sample->queued += count_of(signal, "queued");
	take_ledger(sample, rk_yaml_get(root, "ledger"));
}

static void ignore_problem(uint32_t line, const char *key, const char *text, void *data)
{
	(void)line;
	(void)key;
	(void)text;
	(void)data;
}

/* One question, and its answer into @sample. JSON is YAML. */
static int ask(struct rk_top_sample *sample, pid_t pid, const char *question,
	       void (*take)(struct rk_top_sample *sample, const struct rk_yaml_node *root))
{
	static char reply[RK_CTL_REPLY_MAX];
	const struct rk_yaml_problem_sink sink = { .fn = ignore_problem };
	ptrdiff_t length = rk_ctl_socket_ask(pid, question, reply, sizeof(reply));
	const struct rk_yaml_node *root = NULL;
	struct rk_arena *arena;
	int err;

	if (length < 0)
		return (int)length;
	arena = rk_arena_create();
	if (!arena)
		return -ENOMEM;
	err = rk_yaml_parse(&root, arena, reply, (size_t)length, &sink);
	if (err || !root)
		err = err == -ENOMEM ? err : -EPROTO;
	else if (rk_yaml_get(root, "verbs"))
		err = -EOPNOTSUPP;
	else if (rk_yaml_get(root, "error"))
		err = -EPROTO;
	else
		take(sample, root);
	rk_arena_destroy(arena);
	return err;
}

int rk_top_sample_take(struct rk_top_sample *sample, pid_t pid)
{
	struct rk_top_sample *taken = calloc(1, sizeof(*taken));
	int err = taken ? ask(taken, pid, "use", take_use) : -ENOMEM;

	if (!err)
		err = ask(taken, pid, "status", take_status);
	if (!err)
		*sample = *taken;
	free(taken);
	return err;
}
