/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/trace_fixture.c - made-up ops and whole files.
 */
#include "trace_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/intern.h"

const struct rk_trace_meta fixture_meta = {
	.seed = 0x0123456789abcdef,
	.start_wall_ns = 1767225599000000000,
	.start_ns = 5000000000,
	.pid = 4711,
	.cupti_version = 130000,
	.cuda_version = 13000,
	.loss_bound_ns = 1000000000,
	.executable = "/usr/bin/train",
	.host = "gpu-17",
	.version = "0.1.0",
	.command_line = "",
	.gpu_time_source = "cupti",
	.host_time_reason = "",
	.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	.tracestate = "a=b",
	.baggage = "",
	.resource = "service.name=train,rank=3",
	.sampling = "tracing.sampling_rate=0.25\n",
};
const struct rk_trace_options fixture_options = { .max_bytes = 1u << 30, .level = 1 };

uint64_t fixture_next(struct fixture_random *random)
{
	uint64_t value = random->state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

uint64_t fixture_number(struct fixture_random *random)
{
	uint64_t value = fixture_next(random);

	switch (fixture_next(random) % 4) {
	case 0:
		return 0;
	case 1:
		return value % 100;
	case 2:
		return value >> (fixture_next(random) % 64);
	default:
		return value;
	}
}

static uint32_t some_string(struct fixture_random *random)
{
	char text[40];
	uint64_t value = fixture_next(random) % 50;

	if (value == 0)
		return 0;
	snprintf(text, sizeof(text), "_Z%llukernel_%llu", (unsigned long long)value,
		 (unsigned long long)value * value);
	return rk_intern(text);
}

/* Equal texts get one address, so that ops that went through a file compare as wholes. */
const uint8_t *fixture_text(const uint8_t *bytes, uint32_t size)
{
	static struct known {
		struct known *next;
		uint32_t size;
		uint8_t bytes[];
	} * table[4096];
	uint32_t at = size * 31 % 4096;
	struct known *known;

	if (size == 0)
		return NULL;
	for (known = table[at]; known; known = known->next) {
		if (known->size == size && memcmp(known->bytes, bytes, size) == 0)
			return known->bytes;
	}
	known = malloc(sizeof(*known) + size);
	memcpy(known->bytes, bytes, size);
	known->size = size;
	known->next = table[at];
	table[at] = known;
	return known->bytes;
}

static void random_text(struct fixture_random *r, struct rk_op *op)
{
	uint8_t bytes[RK_API_TEXT_MAX];
	uint64_t size = fixture_next(r) % 64;

	if (size == 1) /* now and then as long as it may be */
		size = sizeof(bytes);
	else if (size == 2)
		size = 0;
	for (size_t i = 0; i < size; i++)
		bytes[i] = "abc\0\377"[fixture_next(r) % 5];
	op->text = fixture_text(bytes, (uint32_t)size);
	op->text_bytes = (uint32_t)size;
}

static void random_id(struct fixture_random *r, uint8_t *id, size_t size)
{
	bool is_zero = fixture_next(r) % 3 == 0;

	for (size_t i = 0; i < size; i++)
		id[i] = is_zero ? 0 : (uint8_t)fixture_next(r);
}

static void random_said(struct fixture_random *r, struct rk_op *op)
{
	op->said.number = fixture_number(r);
	op->said.what = (uint16_t)fixture_number(r);
	op->said.flags = (uint8_t)fixture_number(r);
	op->said.trace_flags = (uint8_t)fixture_number(r);
	random_id(r, op->said.trace_id, sizeof(op->said.trace_id));
	random_id(r, op->said.span_id, sizeof(op->said.span_id));
	random_id(r, op->said.parent_id, sizeof(op->said.parent_id));
	random_text(r, op);
}

static void random_instrument(struct fixture_random *r, struct rk_op *op)
{
	op->instrument.number = (uint32_t)fixture_number(r);
	op->instrument.type = (uint8_t)fixture_number(r);
	op->instrument.bound_count = (uint32_t)fixture_next(r) % (RK_INSTRUMENT_BOUNDS + 1);
	for (uint32_t i = 0; i < op->instrument.bound_count; i++)
		op->instrument.bounds[i] = (double)fixture_number(r) / 3;
	random_text(r, op);
}

/* What the program said, and what it waits for. */
static void random_api(struct fixture_random *r, struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_INSTRUMENT:
		random_instrument(r, op);
		break;
	case RK_OP_SAMPLE:
		op->sample.number = (uint32_t)fixture_number(r);
		op->sample.what = (uint16_t)fixture_number(r);
		op->sample.value = (double)(int64_t)fixture_number(r) / 7;
		break;
	case RK_OP_IN_FLIGHT:
		for (unsigned i = 0; i < 3; i++) {
			op->kernel.grid[i] = (uint32_t)fixture_number(r);
			op->kernel.block[i] = (uint32_t)fixture_number(r);
		}
		op->kernel.graph = (uint32_t)fixture_number(r);
		break;
	case RK_OP_SPAN_BEGIN:
	case RK_OP_SPAN_END:
	case RK_OP_ATTRIBUTE:
	case RK_OP_SPAN_EVENT:
	case RK_OP_LINK:
	case RK_OP_CONTEXT:
	case RK_OP_LOG:
		random_said(r, op);
		break;
	case RK_OP_SETTINGS:
	case RK_OP_STACK:
	case RK_OP_MODULE:
	case RK_OP_RECORDING:
	case RK_OP_GRAPH_INFO:
	case RK_OP_KERNEL_INFO:
		random_text(r, op);
		break;
	case RK_OP_DEPENDENCY:
		op->dependency.ordinal = fixture_number(r);
		op->dependency.on = fixture_number(r);
		break;
	default:
		break;
	}
}

static void random_kind(struct fixture_random *r, struct rk_op *op)
{
	uint64_t *words = (uint64_t *)(void *)&op->tick;

	switch (op->kind) {
	case RK_OP_KERNEL:
		for (unsigned i = 0; i < 3; i++) {
			op->kernel.grid[i] = (uint32_t)fixture_number(r);
			op->kernel.block[i] = (uint32_t)fixture_number(r);
		}
		op->kernel.registers = (uint32_t)fixture_number(r);
		op->kernel.static_shared_bytes = (uint32_t)fixture_number(r);
		op->kernel.dynamic_shared_bytes = (uint32_t)fixture_number(r);
		op->kernel.local_bytes_per_thread = (uint32_t)fixture_number(r);
		op->kernel.graph = (uint32_t)fixture_number(r);
		op->kernel.graph_node = fixture_number(r);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		op->copy.bytes = fixture_number(r);
		op->copy.graph_node = fixture_number(r);
		op->copy.graph = (uint32_t)fixture_number(r);
		op->copy.value = (uint32_t)fixture_number(r);
		op->copy.peer_device = (uint32_t)fixture_number(r);
		op->copy.copy_kind = (uint8_t)fixture_number(r);
		op->copy.src_memory = (uint8_t)fixture_number(r);
		op->copy.dst_memory = (uint8_t)fixture_number(r);
		break;
	case RK_OP_GRAPH:
		op->graph.exec_handle = fixture_number(r);
		op->graph.graph = (uint32_t)fixture_number(r);
		op->graph.nodes = (uint32_t)fixture_number(r);
		break;
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		op->memory.ptr = fixture_number(r);
		op->memory.bytes = fixture_number(r);
		op->memory.pool = (uint8_t)fixture_number(r);
		break;
	case RK_OP_SYNC:
		op->sync.object = fixture_number(r);
		op->sync.scope = (uint8_t)fixture_number(r);
		break;
	case RK_OP_EXEC_CLOSE:
		op->close.ops = (uint32_t)fixture_number(r);
		op->close.reason = (uint8_t)fixture_number(r);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		for (size_t i = 0; i < sizeof(op->tick) / 8; i++)
			words[i] = fixture_number(r);
		static_assert(sizeof(op->tick) % 8 == 0, "every byte of a tick is made up");
		break;
	case RK_OP_CLOCK:
		op->clock.wall_offset_ns = (int64_t)fixture_number(r);
		op->clock.uncertainty_ns = fixture_number(r);
		break;
	case RK_OP_DEVICE:
		for (unsigned i = 0; i < 16; i++)
			op->device_info.uuid[i] = (uint8_t)fixture_next(r);
		op->device_info.memory_bytes = fixture_number(r);
		op->device_info.major = (uint32_t)fixture_number(r);
		op->device_info.minor = (uint32_t)fixture_number(r);
		break;
	default:
		random_api(r, op);
		break;
	}
}

void fixture_op(struct fixture_random *random, unsigned kind, struct rk_op *op)
{
	memset(op, 0, sizeof(*op));
	op->kind = (uint8_t)kind;
	op->flags = (uint8_t)fixture_number(random);
	op->result = (uint16_t)fixture_number(random);
	op->exec = fixture_number(random);
	op->host_start = fixture_number(random);
	op->host_end = fixture_number(random);
	op->start = fixture_number(random);
	op->end = fixture_number(random);
	op->stream_handle = fixture_number(random);
	op->stream = (uint32_t)fixture_number(random);
	op->tid = (uint32_t)fixture_next(random) % 5;
	op->device = (uint32_t)fixture_number(random);
	op->context = (uint32_t)fixture_number(random);
	op->stack = (uint32_t)fixture_number(random) & 0xffffff;
	op->correlation = (uint32_t)fixture_number(random);
	op->api = some_string(random);
	op->name = some_string(random);
	random_kind(random, op);
}

void fixture_step_init(struct fixture_step *step, uint64_t seed)
{
	char name[64];

	memset(step, 0, sizeof(*step));
	step->random.state = seed;
	step->host_now = 1000000000;
	step->correlation = 100;
	step->exec = 1;
	step->gpu_tick_ns = 1;
	step->api = rk_intern("cuLaunchKernel");
	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "_ZN7library6kernelILi%uEEvPKfS2_Pfi", i);
		step->names[i] = rk_intern(name);
	}
}

/* A bell of 16 summed uniform numbers around 0, standard deviation about @width. */
static int64_t noise(struct fixture_random *random, int64_t width)
{
	uint64_t bits = fixture_next(random), more = fixture_next(random);
	int64_t sum = 0;

	for (unsigned i = 0; i < 8; i++)
		sum += (int64_t)(bits >> (8 * i) & 0xff) + (int64_t)(more >> (8 * i) & 0xff) - 255;
	return sum * width / 296; /* 4 * sqrt((256^2 - 1) / 12) */
}

void fixture_step_next(struct fixture_step *step, struct rk_op *op)
{
	enum { STEP = 200 };
	struct fixture_random *r = &step->random;
	unsigned place = step->at % STEP;
	unsigned stream = place % 16 == 5 ? 1 + place / 16 % 3 : 0;
	uint64_t host = 2600, ready;

	memset(op, 0, sizeof(*op));
	/* One call in sixteen meets something: an interrupt, a page fault, the interpreter. */
	step->host_now += 1800 + (uint64_t)noise(r, 120);
	if (fixture_next(r) % 16 == 0)
		step->host_now += fixture_next(r) % 8192;
	if (place == 0)
		step->host_now += 300000 + fixture_next(r) % 65536;
	op->ordinal = ++step->ordinal;
	op->kind = RK_OP_KERNEL;
	op->flags = RK_OP_F_FIRST | RK_OP_F_ASYNC;
	op->exec = step->exec + step->at / STEP;
	op->host_start = step->host_now;
	op->host_end = step->host_now += host + (uint64_t)noise(r, 110);
	op->tid = 4711;
	op->context = 1;
	op->stream = 7 + stream;
	op->stream_handle = stream ? 0x5555557a0000 + 0x140 * stream : 0;
	op->correlation = step->correlation += place % 7 == 0 ? 3 : 1;
	op->api = step->api;
	op->name = step->names[place * 7 % 64];
	op->kernel.grid[0] = 64 + place * 7 % 64;
	op->kernel.grid[1] = op->kernel.grid[2] = 1;
	op->kernel.block[0] = 256;
	op->kernel.block[1] = op->kernel.block[2] = 1;
	op->kernel.registers = 32 + place % 4 * 8;
	ready = op->host_end + 3000;
	op->start = step->stream_end[stream] + 1100 + (uint64_t)noise(r, 60);
	if (op->start < ready)
		op->start = ready + (uint64_t)(noise(r, 60) + 500);
	/* The same kernel on the same grid takes the same time, but for noise. */
	op->end = op->start + 3000 + op->kernel.grid[0] * 397 % 4000 + (uint64_t)noise(r, 45);
	op->start -= op->start % step->gpu_tick_ns;
	op->end -= op->end % step->gpu_tick_ns;
	step->stream_end[stream] = op->end;
	step->at++;
}

char *fixture_folder(void)
{
	const char *base = getenv("TMPDIR");
	char name[512];

	snprintf(name, sizeof(name), "%s/rkpreload-test-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(name)) {
		perror("mkdtemp");
		exit(1);
	}
	return strdup(name);
}

void fixture_remove(char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
	free(folder);
}

const char *fixture_path(const char *folder, const char *name)
{
	static char paths[4][1024];
	static unsigned next;

	snprintf(paths[++next % 4], sizeof(paths[0]), "%s/%s", folder, name);
	return paths[next % 4];
}

unsigned char *fixture_load(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	unsigned char *bytes;
	long length;

	if (!file || fseek(file, 0, SEEK_END) || (length = ftell(file)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(file);
	bytes = malloc((size_t)length + 1);
	*size = fread(bytes, 1, (size_t)length, file);
	fclose(file);
	return bytes;
}

void fixture_store(const char *path, const void *bytes, size_t size)
{
	FILE *file;

	/* A new file each time: ext4 flushes one that was truncated and written again. */
	unlink(path);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

struct rk_op *fixture_file(const char *path, uint64_t seed, uint32_t count, uint32_t per_frame)
{
	struct fixture_random random = { .state = seed };
	struct rk_op *ops = calloc(count, sizeof(*ops));
	struct rk_trace_writer *writer;

	unlink(path);
	if (rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options)) {
		fprintf(stderr, "could not create %s\n", path);
		exit(1);
	}
	for (uint32_t i = 0; i < count; i++) {
		unsigned kind = 1 + i % FIXTURE_KINDS;

		kind = i + 1 == count ? RK_OP_END : kind + (kind >= RK_OP_END);
		fixture_op(&random, kind, &ops[i]);
		ops[i].ordinal = i + 1 + i / 10;
		if (rk_trace_writer_add(writer, &ops[i]))
			abort();
		if ((i + 1) % per_frame == 0 && rk_trace_writer_seal(writer))
			abort();
	}
	if (rk_trace_writer_close(writer))
		abort();
	return ops;
}

int fixture_read(const char *path, struct rk_op *ops, size_t room, struct rk_trace_info *info)
{
	struct rk_trace_reader *reader;
	size_t count = 0;
	int result;

	memset(info, 0, sizeof(*info));
	result = rk_trace_reader_open(&reader, path, info->error);
	if (result)
		return result;
	do {
		struct rk_op op;

		memset(&op, 0, sizeof(op));
		result = rk_trace_reader_next(reader, &op);
		op.text = fixture_text(op.text, op.text_bytes);
		if (result == 1 && count < room)
			ops[count++] = op;
	} while (result == 1);
	rk_trace_reader_get_info(reader, info);
	rk_trace_reader_close(reader);
	return result;
}
