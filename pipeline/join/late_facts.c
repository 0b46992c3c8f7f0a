/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/late_facts.c - keys of the description, in the text of an op.
 */
#include "pipeline/join/late_facts.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/human_units.h"

const char *rk_late_facts_note(const struct rk_gpu_facts *gpu, char out[RK_GPU_NOTE_MAX])
{
	char missing[RK_GPU_MISSING_MAX], time[RK_HUMAN_MAX];
	size_t used;

	snprintf(out, RK_GPU_NOTE_MAX, "%s", rk_gpu_missing_describe(gpu->missing, missing));
	if (!gpu->host_time_ns)
		return out;
	used = strlen(out);
	snprintf(out + used, RK_GPU_NOTE_MAX - used, "%shost time for %s while %s held CUPTI",
		 used ? "; " : "", rk_human_time(time, gpu->host_time_ns),
		 gpu->holder[0] ? gpu->holder : "another tool");
	return out;
}

static void put_number(struct rk_fields_writer *writer, const char *key, uint64_t value)
{
	const struct rk_field field = { .key = key,
					.type = RK_FIELD_INTEGER,
					.integer = (int64_t)value };

	rk_fields_put(writer, &field);
}

/* Most processes have nothing to tell here. */
static void put_if_any(struct rk_fields_writer *writer, const char *key, uint64_t value)
{
	if (value)
		put_number(writer, key, value);
}

static void put_text(struct rk_fields_writer *writer, const char *key, const char *value)
{
	const struct rk_field field = { .key = key, .type = RK_FIELD_TEXT, .text = value };

	rk_fields_put(writer, &field);
}

void rk_late_facts_pack(const struct rk_late_facts *facts, struct rk_fields_writer *writer)
{
	size_t used;

	put_number(writer, "cupti_version", facts->cupti_version);
	put_number(writer, "cuda_version", facts->cuda_version);
	put_text(writer, "gpu_time_source", facts->gpu_time_source);
	put_text(writer, "host_time_reason", facts->host_time_reason);
	put_if_any(writer, "gpu_time_missing", facts->gpu.missing);
	put_if_any(writer, "host_time_ns", facts->gpu.host_time_ns);
	if (facts->gpu.holder[0])
		put_text(writer, "host_time_holder", facts->gpu.holder);
	put_if_any(writer, "device_buffer_bytes", facts->gpu.device_buffer_bytes);
	put_if_any(writer, "device_buffer_limit", facts->gpu.device_buffer_limit);
	/* Half a list of attributes would be another one. */
	used = writer->used;
	put_text(writer, "resource", facts->resource);
	if (writer->is_cut)
		writer->used = used;
}

static void take_gpu(struct rk_gpu_facts *gpu, const struct rk_field *field)
{
	if (field->type == RK_FIELD_TEXT) {
		if (strcmp(field->key, "host_time_holder") == 0)
			snprintf(gpu->holder, sizeof(gpu->holder), "%s", field->text);
		return;
	}
	if (field->type != RK_FIELD_INTEGER)
		return;
	if (strcmp(field->key, "gpu_time_missing") == 0)
		gpu->missing = (uint32_t)field->integer;
	else if (strcmp(field->key, "host_time_ns") == 0)
		gpu->host_time_ns = (uint64_t)field->integer;
	else if (strcmp(field->key, "device_buffer_bytes") == 0)
		gpu->device_buffer_bytes = (uint64_t)field->integer;
	else if (strcmp(field->key, "device_buffer_limit") == 0)
		gpu->device_buffer_limit = (uint64_t)field->integer;
}

static void take(struct rk_late_facts *facts, const struct rk_field *field)
{
	bool is_text = field->type == RK_FIELD_TEXT, is_number = field->type == RK_FIELD_INTEGER;

	if (is_number && strcmp(field->key, "cupti_version") == 0)
		facts->cupti_version = (uint32_t)field->integer;
	else if (is_number && strcmp(field->key, "cuda_version") == 0)
		facts->cuda_version = (uint32_t)field->integer;
	else if (is_text && strcmp(field->key, "gpu_time_source") == 0)
		facts->gpu_time_source = field->text;
	else if (is_text && strcmp(field->key, "host_time_reason") == 0)
		facts->host_time_reason = field->text;
	else if (is_text && strcmp(field->key, "resource") == 0)
		facts->resource = field->text;
	else
		take_gpu(&facts->gpu, field);
}

bool rk_late_facts_read(struct rk_late_facts *facts, const struct rk_op *op)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	*facts = (struct rk_late_facts){ .gpu_time_source = "",
					 .host_time_reason = "",
					 .resource = "" };
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	while (rk_fields_next(&reader, &field))
		take(facts, &field);
	/* Who writes them knows at least this. */
	return strcmp(facts->gpu_time_source, "cupti") == 0 ||
	       strcmp(facts->gpu_time_source, "host") == 0;
}
