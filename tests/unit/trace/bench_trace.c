/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/bench_trace.c - bytes per span and spans per second of the trace file.
 *
 * A fixed-seed stream of kernels; encode and decode alternate, medians of the rounds. Beside them
 * the same kernels as rows through zstd and as Chrome's JSON through gzip.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trace_fixture.h"
#include "trace_peers.h"

#define ROUNDS	   5
#define PEER_PART 5 /* of the kernels: gzip is slow */

/* A kernel op without the tail that only ticks use: the program has its ops in the cache, so
 * the benchmark must not fetch 300 idle bytes for each from memory. */
#define KERNEL_BYTES (offsetof(struct rk_op, kernel) + sizeof(((struct rk_op *)0)->kernel))

struct ops {
	unsigned char *bytes;
	uint32_t count;
};

static void get_op(const void *data, uint32_t at, struct rk_op *op)
{
	const struct ops *ops = data;

	memcpy(op, ops->bytes + at * KERNEL_BYTES, KERNEL_BYTES);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

static uint64_t write_ops(const char *path, const struct ops *ops)
{
	struct rk_trace_writer *writer;
	struct rk_op op = { 0 };
	uint64_t bytes;

	unlink(path);
	if (rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options))
		exit(1);
	for (uint32_t i = 0; i < ops->count; i++) {
		get_op(ops, i, &op);
		if (rk_trace_writer_add(writer, &op))
			exit(1);
	}
	rk_trace_writer_seal(writer);
	bytes = rk_trace_writer_bytes(writer);
	rk_trace_writer_close(writer);
	return bytes;
}

static void read_ops(const char *path, const struct ops *ops)
{
	struct rk_trace_reader *reader;
	struct rk_op op = { 0 }, wanted = { 0 };
	uint32_t got = 0;

	if (rk_trace_reader_open(&reader, path, NULL))
		exit(1);
	while (rk_trace_reader_next(reader, &op) == 1) {
		get_op(ops, got++, &wanted);
		if (op.end != wanted.end || op.host_end != wanted.host_end)
			exit(1);
	}
	rk_trace_reader_close(reader);
	if (got != ops->count)
		exit(1);
}

struct measured {
	double bytes, write, read; /* per span; M spans/s/core */
	struct peer_result rows, json;
};

/* @tick_ns: of the GPU's clock. With 1 the noise of the stream alone has 4.2 bytes per span,
 * which no format goes below, or in 32. */
static void measure(struct measured *m, const char *path, uint32_t count, uint32_t tick_ns)
{
	struct ops ops = { .bytes = malloc(count * KERNEL_BYTES), .count = count };
	double encode[ROUNDS], decode[ROUNDS];
	struct fixture_step step;
	uint64_t bytes = 0;

	fixture_step_init(&step, 1);
	step.gpu_tick_ns = tick_ns;
	for (uint32_t i = 0; i < count; i++) {
		struct rk_op op;

		fixture_step_next(&step, &op);
		memcpy(ops.bytes + i * KERNEL_BYTES, &op, KERNEL_BYTES);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = cpu_seconds(), middle;

		bytes = write_ops(path, &ops);
		middle = cpu_seconds();
		read_ops(path, &ops);
		encode[round] = middle - start;
		decode[round] = cpu_seconds() - middle;
	}
	m->bytes = (double)bytes / count;
	m->write = count / median(encode) / 1e6;
	m->read = count / median(decode) / 1e6;
	peer_rows(&m->rows, get_op, &ops, count);
	peer_json(&m->json, get_op, &ops, count / PEER_PART);
	free(ops.bytes);
	printf("trace file, GPU clock of %2" PRIu32 " ns: %" PRIu32 " kernels, %.2f bytes/span, "
	       "write %.1f M spans/s/core, read %.1f M spans/s/core\n",
	       tick_ns, count, m->bytes, m->write, m->read);
}

static void tell_bytes(const char *goal, const struct measured *m)
{
	printf("goal %s %.3f | rows through zstd %.1f: %.2f of it; Chrome's JSON through gzip %.1f: "
	       "%.2f of it\n",
	       goal, m->bytes, m->rows.bytes_per_span, m->bytes / m->rows.bytes_per_span,
	       m->json.bytes_per_span, m->bytes / m->json.bytes_per_span);
}

int main(int argc, char **argv)
{
	uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 500000;
	struct measured fine, coarse;
	char *folder = fixture_folder();
	const char *path = fixture_path(folder, "bench.rkt.zst");

	measure(&fine, path, count, 1);
	measure(&coarse, path, count, 32);
	tell_bytes("file_bytes", &fine);
	tell_bytes("file_bytes_32", &coarse);
	printf("goal file_write %.1f | GPU clock of 32 ns %.1f; rows through zstd %.1f, Chrome's "
	       "JSON through gzip %.2f\n",
	       fine.write, coarse.write, count / fine.rows.seconds / 1e6,
	       (double)(count / PEER_PART) / fine.json.seconds / 1e6);
	fixture_remove(folder);
	return 0;
}
