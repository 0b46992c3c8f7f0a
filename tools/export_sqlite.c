/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_sqlite.c - a database with the tables of nsys (export_sqlite.def).
 *
 * A row of GPU work has a time of the GPU: what the host alone timed is a row of calls only. One
 * transaction, no journal: the file gets its name when it is whole.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/activity.h"
#include "core/intern.h"
#include "core/record.h"
#include "pipeline/join/kernel_name.h"
#include "tools/export.h"
#include "tools/report_table.h"
#include "tools/tool.h"

enum table {
#define RK_EXPORT_TABLE(variable, name, columns, count) TABLE_##variable,
#include "tools/export_sqlite.def"
#undef RK_EXPORT_TABLE
	TABLES
};

static const struct {
	const char *name, *columns;
	int count;
} tables[TABLES] = {
#define RK_EXPORT_TABLE(variable, name, columns, count) { name, columns, count },
#include "tools/export_sqlite.def"
#undef RK_EXPORT_TABLE
};

/* Ids of nsys: NvtxPushPopRange, and what it calls a process and a thread of all. */
#define NVTX_RANGE	      59
#define GLOBAL_PID(pid)	      ((int64_t)(pid) << 24)
#define GLOBAL_TID(pid, tid) (GLOBAL_PID(pid) | ((tid)&0xffffff))

struct database {
	sqlite3 *db;
	sqlite3_stmt *insert[TABLES];
	uint8_t *told; /* by string: it is in StringIds */
	uint32_t told_count;
	sqlite3_stmt *at; /* the row under way */
	int column;
	int err;
};

static int complain(struct rk_export *x)
{
	struct database *d = x->state;
	int code = d->db ? sqlite3_errcode(d->db) : SQLITE_NOMEM;

	if (d->err)
		return d->err;
	d->err = code == SQLITE_FULL ? -ENOSPC : code == SQLITE_NOMEM ? -ENOMEM : RK_EXPORT_TOLD;
	if (d->err == RK_EXPORT_TOLD)
		rk_tool_fail(RK_TOOL_CANNOT_WRITE, "export", "could not write %s: %s", x->path,
			     d->db ? sqlite3_errmsg(d->db) : "out of memory");
	return d->err;
}

static int execute(struct rk_export *x, const char *statement)
{
	struct database *d = x->state;

	return sqlite3_exec(d->db, statement, NULL, NULL, NULL) == SQLITE_OK ? 0 : complain(x);
}

static void begin_row(struct database *d, enum table table)
{
	d->at = d->insert[table];
	d->column = 0;
}

static void put_int(struct database *d, int64_t value)
{
	sqlite3_bind_int64(d->at, ++d->column, value);
}

static void put_text(struct database *d, const char *text)
{
	sqlite3_bind_text(d->at, ++d->column, text, -1, SQLITE_TRANSIENT);
}

/* 0 means that nothing is known. */
static void put_known(struct database *d, uint64_t value)
{
	if (value)
		put_int(d, (int64_t)value);
	else
		sqlite3_bind_null(d->at, ++d->column);
}

static int end_row(struct rk_export *x)
{
	struct database *d = x->state;
	int done = sqlite3_step(d->at);

	sqlite3_reset(d->at);
	return done == SQLITE_DONE ? 0 : complain(x);
}

static int tell_string(struct rk_export *x, uint32_t id)
{
	struct database *d = x->state;

	if (id >= d->told_count) {
		uint32_t count = id + 4096;
		uint8_t *told = realloc(d->told, count);

		if (!told)
			return -ENOMEM;
		memset(told + d->told_count, 0, count - d->told_count);
		d->told = told;
		d->told_count = count;
	}
	if (d->told[id])
		return 0;
	d->told[id] = true;
	begin_row(d, TABLE_STRINGS);
	put_int(d, id);
	put_text(d, rk_intern_get(id));
	return end_row(x);
}

/* What rows of work begin with, in every table of them. */
static void begin_work(struct rk_export *x, enum table table, const struct rk_op *op)
{
	struct database *d = x->state;

	begin_row(d, table);
	put_int(d, rk_export_since_start(x, op->start));
	put_int(d, rk_export_since_start(x, op->end));
	put_int(d, op->device);
	put_int(d, op->context);
	put_int(d, op->stream);
	put_known(d, op->correlation);
	put_int(d, GLOBAL_PID(x->meta->pid));
}

static int write_kernel(struct rk_export *x, const struct rk_op *op)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(x->config, op->name);
	struct database *d = x->state;
	int err = tell_string(x, name->demangled);

	if (!err)
		err = tell_string(x, name->readable);
	if (!err)
		err = tell_string(x, op->name);
	if (err)
		return err;
	begin_work(x, TABLE_KERNEL, op);
	put_int(d, name->demangled);
	put_int(d, name->readable);
	put_int(d, op->name);
	put_int(d, op->kernel.registers);
	for (int i = 0; i < 3; i++)
		put_int(d, op->kernel.grid[i]);
	for (int i = 0; i < 3; i++)
		put_int(d, op->kernel.block[i]);
	put_int(d, op->kernel.static_shared_bytes);
	put_int(d, op->kernel.dynamic_shared_bytes);
	put_int(d, op->kernel.local_bytes_per_thread);
	put_known(d, op->kernel.graph);
	put_known(d, op->kernel.graph_node);
	return end_row(x);
}

static int write_memcpy(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;

	begin_work(x, TABLE_MEMCPY, op);
	put_int(d, (int64_t)op->copy.bytes);
	put_int(d, op->copy.copy_kind);
	put_int(d, op->copy.src_memory);
	put_int(d, op->copy.dst_memory);
	put_int(d, op->copy.peer_device);
	put_known(d, op->copy.graph_node);
	return end_row(x);
}

static int write_memset(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;

	begin_work(x, TABLE_MEMSET, op);
	put_int(d, op->copy.value);
	put_int(d, (int64_t)op->copy.bytes);
	put_known(d, op->copy.graph_node);
	put_int(d, op->copy.dst_memory);
	return end_row(x);
}

static int write_graph(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;

	begin_work(x, TABLE_GRAPH, op);
	put_int(d, op->graph.graph);
	put_known(d, op->graph.exec_handle);
	return end_row(x);
}

static int write_call(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;
	int err = tell_string(x, op->api);

	if (err)
		return err;
	begin_row(d, TABLE_RUNTIME);
	put_int(d, rk_export_since_start(x, op->host_start));
	put_int(d, rk_export_since_start(x, op->host_end));
	put_int(d, 1); /* nsys' class of CUDA calls */
	put_int(d, GLOBAL_TID(x->meta->pid, op->tid));
	put_known(d, op->correlation);
	put_int(d, op->api);
	put_int(d, op->result);
	return end_row(x);
}

static int write_memory(struct rk_export *x, const struct rk_op *op)
{
	/* CUpti_ActivityMemoryKind */
	static const int kinds[RK_POOL_COUNT] = {
		[RK_POOL_DEVICE] = 3, [RK_POOL_MANAGED] = 5, [RK_POOL_PINNED] = 2,
		[RK_POOL_ASYNC] = 3,  [RK_POOL_ARRAY] = 4,   [RK_POOL_VMM] = 3
	};
	struct database *d = x->state;

	if (op->flags & RK_OP_F_OPEN)
		return 0; /* nothing was taken */
	begin_row(d, TABLE_MEMORY);
	put_int(d, rk_export_since_start(x, op->host_end));
	put_int(d, GLOBAL_PID(x->meta->pid));
	put_int(d, op->device);
	put_int(d, (int64_t)op->memory.ptr);
	put_int(d, (int64_t)op->memory.bytes);
	put_int(d, op->memory.pool < RK_POOL_COUNT ? kinds[op->memory.pool] : 0);
	put_int(d, op->kind == RK_OP_ALLOC ? 0 : 1);
	return end_row(x);
}

static int write_device(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;
	char uuid[40] = "GPU-";
	size_t used = 4;

	for (int i = 0; i < 16; i++)
		used += (size_t)snprintf(uuid + used, sizeof(uuid) - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
					 op->device_info.uuid[i]);
	begin_row(d, TABLE_DEVICE);
	put_int(d, op->device);
	put_text(d, rk_intern_get(op->name));
	put_int(d, (int64_t)op->device_info.memory_bytes);
	put_int(d, op->device_info.major);
	put_int(d, op->device_info.minor);
	put_text(d, uuid);
	return end_row(x);
}

static int write_thread(struct rk_export *x, const struct rk_op *op)
{
	struct database *d = x->state;
	int err = tell_string(x, op->name);

	if (err)
		return err;
	begin_row(d, TABLE_THREAD);
	put_int(d, op->name);
	put_int(d, 0);
	put_int(d, GLOBAL_TID(x->meta->pid, op->tid));
	return end_row(x);
}

static int write_work(struct rk_export *x, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		return write_kernel(x, op);
	case RK_OP_MEMCPY:
		return write_memcpy(x, op);
	case RK_OP_MEMSET:
		return write_memset(x, op);
	default:
		return write_graph(x, op);
	}
}

static int sqlite_op(struct rk_export *x, const struct rk_op *op)
{
	int err = 0;

	if (op->kind == RK_OP_DEVICE)
		return write_device(x, op);
	if (op->kind == RK_OP_THREAD)
		return write_thread(x, op);
	if (rk_export_is_call(op))
		err = write_call(x, op);
	if (!err && (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE))
		err = write_memory(x, op);
	if (!err && rk_export_is_work(op) && rk_export_has_gpu_time(op))
		err = write_work(x, op);
	return err;
}

static int sqlite_span(struct rk_export *x, const struct rk_span *span)
{
	struct database *d = x->state;

	if (!span->api->is_range)
		return 0;
	begin_row(d, TABLE_NVTX);
	put_int(d, rk_export_unix_since_start(x, span->start_unix_ns));
	if (span->api->is_unfinished)
		sqlite3_bind_null(d->at, ++d->column);
	else
		put_int(d, rk_export_unix_since_start(x, span->end_unix_ns));
	put_int(d, NVTX_RANGE);
	put_text(d, span->name);
	put_int(d, GLOBAL_TID(x->meta->pid, span->tid));
	put_text(d, rk_export_range_domain(span->api));
	put_int(d, span->api->projection.operations);
	put_int(d, (int64_t)span->api->projection.busy_ns);
	return end_row(x);
}

static int create_tables(struct rk_export *x)
{
	struct database *d = x->state;
	char statement[2048];
	int err = 0;

	for (int i = 0; !err && i < TABLES; i++) {
		size_t used;

		snprintf(statement, sizeof(statement), "CREATE TABLE %s(%s)", tables[i].name,
			 tables[i].columns);
		err = execute(x, statement);
		used = (size_t)snprintf(statement, sizeof(statement), "INSERT INTO %s VALUES(?",
					tables[i].name);
		for (int c = 1; c < tables[i].count; c++)
			used += (size_t)snprintf(statement + used, sizeof(statement) - used, ",?");
		snprintf(statement + used, sizeof(statement) - used, ")");
		if (!err && sqlite3_prepare_v2(d->db, statement, -1, &d->insert[i], NULL))
			err = complain(x);
	}
	return err;
}

static int write_meta(struct rk_export *x, const char *name, const char *value)
{
	struct database *d = x->state;

	begin_row(d, TABLE_META);
	put_text(d, name);
	put_text(d, value);
	return end_row(x);
}

static int write_session(struct rk_export *x)
{
	struct database *d = x->state;
	time_t seconds = (time_t)(x->meta->start_wall_ns / 1000000000);
	struct tm tm = { 0 };
	char text[40];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	begin_row(d, TABLE_SESSION);
	put_int(d, (int64_t)x->meta->start_wall_ns);
	put_text(d, text);
	return end_row(x);
}

static int write_facts(struct rk_export *x)
{
	struct database *d = x->state;
	int err = write_session(x);

	for (uint8_t kind = RK_COPY_UNKNOWN; !err && kind <= RK_COPY_PTOP; kind++) {
		begin_row(d, TABLE_COPY_KINDS);
		put_int(d, kind);
		put_text(d, rk_report_copy_name(kind));
		put_text(d, rk_report_copy_name(kind));
		err = end_row(x);
	}
	if (!err)
		err = write_meta(x, "EXPORT_TOOL", "rkpreload " RK_VERSION);
	if (!err)
		err = write_meta(x, "EXECUTABLE", x->meta->executable);
	if (!err)
		err = write_meta(x, "HOST", x->meta->host);
	if (!err)
		err = write_meta(x, "GPU_TIME_SOURCE", x->meta->gpu_time_source);
	return err;
}

static int sqlite_begin(struct rk_export *x)
{
	struct database *d = calloc(1, sizeof(*d));
	int err;

	x->state = d;
	if (!d)
		return -ENOMEM;
	if (sqlite3_open_v2(x->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
		return complain(x);
	err = execute(x, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
			 "PRAGMA locking_mode=EXCLUSIVE; BEGIN");
	if (!err)
		err = create_tables(x);
	return err ? err : write_facts(x);
}

static int sqlite_end(struct rk_export *x)
{
	struct database *d = x->state;
	int err;

	if (!d)
		return 0;
	err = d->err;
	if (!err)
		err = execute(x, "COMMIT");
	for (int i = 0; i < TABLES; i++)
		sqlite3_finalize(d->insert[i]);
	if (sqlite3_close(d->db) != SQLITE_OK && !err)
		err = -EIO;
	free(d->told);
	free(d);
	x->state = NULL;
	return err;
}

static uint64_t sqlite_size(struct rk_export *x)
{
	struct database *d = x->state;
	sqlite3_stmt *pages;
	uint64_t size = 0;

	if (sqlite3_prepare_v2(d->db,
			       "SELECT page_count * page_size FROM pragma_page_count, "
			       "pragma_page_size",
			       -1, &pages, NULL))
		return 0;
	if (sqlite3_step(pages) == SQLITE_ROW)
		size = (uint64_t)sqlite3_column_int64(pages, 0);
	sqlite3_finalize(pages);
	return size;
}

const struct rk_export_format rk_export_sqlite = {
	.spans = RK_EXPORT_RANGES,
	.is_binary = true,
	.is_database = true,
	.begin = sqlite_begin,
	.op = sqlite_op,
	.span = sqlite_span,
	.end = sqlite_end,
	.size = sqlite_size,
};
