/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export.c - what the formats share: names, times, lines of JSON.
 */
#include "tools/export.h"

#include <errno.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/kernel_name.h"
#include "tools/report_table.h"

bool rk_export_is_work(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL || op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET ||
	       (op->kind == RK_OP_GRAPH && !op->graph.nodes);
}

bool rk_export_is_call(const struct rk_op *op)
{
	if (!op->api || !op->host_start || op->host_end < op->host_start)
		return false;
	switch (op->kind) {
	case RK_OP_KERNEL:
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
		return op->flags & (RK_OP_F_FIRST | RK_OP_F_HOST_TIME) &&
		       !(op->flags & RK_OP_F_ORPHAN);
	case RK_OP_ALLOC:
	case RK_OP_FREE:
	case RK_OP_SYNC:
	case RK_OP_ERROR:
		return true;
	default:
		return false;
	}
}

const char *rk_export_name(const struct rk_export *x, const struct rk_op *op)
{
	const struct rk_kernel_name *name;

	switch (op->kind) {
	case RK_OP_KERNEL:
		name = rk_kernel_name_get(x->config, op->name);
		return rk_intern_get(x->whole_names ? name->demangled : name->readable);
	case RK_OP_MEMCPY:
		return rk_report_copy_name(op->copy.copy_kind);
	case RK_OP_MEMSET:
		return "[CUDA memset]";
	case RK_OP_GRAPH:
		return "[CUDA graph]";
	default:
		return rk_intern_get(op->api);
	}
}

const char *rk_export_category(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL ? "kernel" :
	       op->kind == RK_OP_MEMCPY ? "memcpy" :
	       op->kind == RK_OP_MEMSET ? "memset" :
					  "graph";
}

int64_t rk_export_since_start(const struct rk_export *x, uint64_t ns)
{
	return (int64_t)(ns - x->meta->start_ns);
}

int64_t rk_export_unix_since_start(const struct rk_export *x, uint64_t unix_ns)
{
	return rk_export_since_start(x, unix_ns - (uint64_t)x->wall_offset_ns);
}

const char *rk_export_device_name(const struct rk_export *x, uint32_t device)
{
	return device < RK_EXPORT_DEVICES && x->devices[device] ? x->devices[device] : "";
}

const char *rk_export_thread_name(const struct rk_export *x, uint32_t tid)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&x->threads, tid);

	return slot ? rk_intern_get(slot->tag) : "";
}

const char *rk_export_range_domain(const struct rk_span_api *api)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, api->fields, api->field_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT && strcmp(field.key, "nvtx.domain") == 0)
			return field.text;
	}
	return "";
}

void rk_export_json_begin(struct rk_export *x, struct rk_json_text *json)
{
	rk_json_text_init(json, x->line, RK_EXPORT_LINE);
	rk_json_text_open(json, NULL, '{');
}

int rk_export_json_write(struct rk_export *x, struct rk_json_text *json, const char *ending)
{
	rk_json_text_close(json, '}');
	if (json->is_cut)
		return -EMSGSIZE;
	rk_export_output_write(x->output, json->out, json->used);
	rk_export_output_write(x->output, ending, strlen(ending));
	return rk_export_output_error(x->output);
}
