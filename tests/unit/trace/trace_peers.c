/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/trace_peers.c - rows through zstd, Chrome's JSON through gzip.
 */
#include "trace_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "core/intern.h"

#define ROWS_LEVEL 1 /* as the file's */
#define ROWS_BYTES (1u << 20)
#define EVENT_MAX  512
#define GZIP_BITS  (15 + 16) /* zlib: the largest window, with gzip's header */

/* What a span is, the fields that never change beside those that do. */
struct row {
	uint64_t start, end, host_start, host_end, exec;
	uint32_t correlation, name, stream, tid, grid[3], block[3], registers;
};

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void make_row(struct row *row, const struct rk_op *op)
{
	*row = (struct row){
		.start = op->start,
		.end = op->end,
		.host_start = op->host_start,
		.host_end = op->host_end,
		.exec = op->exec,
		.correlation = op->correlation,
		.name = op->name,
		.stream = op->stream,
		.tid = op->tid,
		.registers = op->kernel.registers,
	};
	memcpy(row->grid, op->kernel.grid, sizeof(row->grid));
	memcpy(row->block, op->kernel.block, sizeof(row->block));
}

void peer_rows(struct peer_result *result, peer_get_fn get, const void *data, uint32_t count)
{
	enum { ROWS = ROWS_BYTES / sizeof(struct row) };
	static struct row rows[ROWS];
	size_t room = ZSTD_compressBound(sizeof(rows)), bytes = 0;
	double begin = cpu_seconds();
	void *out = malloc(room);
	struct rk_op op;
	uint32_t used = 0;

	if (!out)
		exit(1);
	for (uint32_t i = 0; i < count; i++) {
		get(data, i, &op);
		make_row(&rows[used++], &op);
		if (used == ROWS || i + 1 == count) {
			bytes += ZSTD_compress(out, room, rows, used * sizeof(*rows), ROWS_LEVEL);
			used = 0;
		}
	}
	result->seconds = cpu_seconds() - begin;
	result->bytes_per_span = (double)bytes / count;
	free(out);
}

static int format_event(char *line, const struct rk_op *op)
{
	return snprintf(
		line, EVENT_MAX,
		"{\"name\":\"%s\",\"ph\":\"X\",\"cat\":\"kernel\",\"pid\":%u,\"tid\":%u,"
		"\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"correlation\":%u,\"grid\":[%u,%u,%u],"
		"\"block\":[%u,%u,%u],\"registers\":%u,\"host_ts\":%.3f,\"host_dur\":%.3f}},\n",
		rk_intern_get(op->name), op->device, op->stream, (double)op->start / 1e3,
		(double)(op->end - op->start) / 1e3, op->correlation, op->kernel.grid[0],
		op->kernel.grid[1], op->kernel.grid[2], op->kernel.block[0], op->kernel.block[1],
		op->kernel.block[2], op->kernel.registers, (double)op->host_start / 1e3,
		(double)(op->host_end - op->host_start) / 1e3);
}

void peer_json(struct peer_result *result, peer_get_fn get, const void *data, uint32_t count)
{
	static unsigned char out[64 << 10];
	double begin = cpu_seconds();
	z_stream gzip = { 0 };
	char line[EVENT_MAX];
	struct rk_op op;

	if (deflateInit2(&gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_BITS, 8,
			 Z_DEFAULT_STRATEGY))
		exit(1);
	for (uint32_t i = 0; i <= count; i++) {
		if (i < count)
			get(data, i, &op);
		gzip.next_in = (unsigned char *)line;
		gzip.avail_in = i < count ? (unsigned)format_event(line, &op) : 0;
		do {
			gzip.next_out = out;
			gzip.avail_out = sizeof(out);
			deflate(&gzip, i < count ? Z_NO_FLUSH : Z_FINISH);
		} while (gzip.avail_out == 0);
	}
	result->seconds = cpu_seconds() - begin;
	result->bytes_per_span = (double)gzip.total_out / count;
	deflateEnd(&gzip);
}
