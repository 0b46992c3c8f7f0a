/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/probe_exporter.c - stands in for the exporter where only the hooks are tested.
 *
 * Nothing is drained while the program runs; at the end the rings are written to the file that
 * RK_PROBE names, one JSON object: the records in each ring's order and the rings' counters.
 * At the very end of any process RK_PROBE_LOOKUP gets the numbers of the lookups.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/clock.h"
#include "core/fields.h"
#include "core/intern.h"
#include "core/thread.h"
#include "interpose/api.h"
#include "interpose/lookup.h"
#include "pipeline/live/exporter.h"
#include "pipeline/log/log_output.h"

static const char *const *names;

int rk_exporter_start(const struct rk_exporter_setup *setup)
{
	names = setup->api_names;
	return 0;
}

static void print_record(FILE *out, const struct rk_record *r, const char *comma)
{
	fprintf(out,
		"%s{\"api\":\"%s\",\"kind\":%u,\"flags\":%u,\"result\":%u,\"context\":%u,"
		"\"correlation\":%u,\"ticks\":%" PRIu64 ",\"raw\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64
		",%" PRIu64 "]",
		comma, names[r->api], r->kind, r->flags, r->result, r->context, r->correlation,
		r->end - r->start, r->raw[0], r->raw[1], r->raw[2], r->raw[3]);
	if (r->kind == RK_REC_LAUNCH)
		fprintf(out, ",\"grid\":[%u,%u,%u],\"block\":[%u,%u,%u]", r->launch.grid_x,
			r->launch.grid_y, r->launch.grid_z, r->launch.block[0], r->launch.block[1],
			r->launch.block[2]);
	if (r->kind == RK_REC_NAME)
		fprintf(out, ",\"name\":\"%s\"", rk_intern_get(r->name.name));
	fputs("}", out);
}

static void print_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\')
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void print_field(FILE *out, const struct rk_field *field)
{
	fputc('[', out);
	print_text(out, field->key);
	fprintf(out, ",\"%c\",", field->type);
	switch (field->type) {
	case RK_FIELD_INTEGER:
		fprintf(out, "%" PRId64, field->integer);
		break;
	case RK_FIELD_NUMBER:
		fprintf(out, "%.17g", field->number);
		break;
	case RK_FIELD_BOOL:
		fputs(field->flag ? "true" : "false", out);
		break;
	default:
		print_text(out, field->text);
	}
	fputc(']', out);
}

static void print_hex(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
	fprintf(out, ",\"%s\":\"", name);
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", bytes[i]);
	fputc('"', out);
}

/* The text behind record @i. Return: number of records it lies in. */
static uint64_t read_text(const struct rk_ring *ring, uint64_t i, uint8_t *text)
{
	const struct rk_api_record *record = rk_ring_at(ring, i);
	uint64_t count = 0;

	for (uint32_t at = 0; at < record->text_bytes; at += RK_TEXT_RECORD_BYTES) {
		const struct rk_text_record *part = rk_ring_at(ring, i + ++count);

		if (part->kind != RK_REC_TEXT)
			return 0;
		memcpy(text + at, part->head, sizeof(part->head));
		memcpy(text + at + sizeof(part->head), part->tail, sizeof(part->tail));
	}
	return count;
}

/* A call of the C API with its text. Return: number of text records. */
static uint64_t print_said(FILE *out, const struct rk_ring *ring, uint64_t i, const char *comma)
{
	const struct rk_api_record *r = rk_ring_at(ring, i);
	static uint8_t text[RK_API_TEXT_MAX + RK_TEXT_RECORD_BYTES];
	uint64_t parts = read_text(ring, i, text);
	struct rk_fields_reader reader;
	struct rk_field field;
	const char *between = "";

	fprintf(out,
		"%s{\"kind\":%u,\"flags\":%u,\"what\":%u,\"number\":%" PRIu64
		",\"trace_flags\":%u,\"ns\":%" PRIu64 ",\"tid_hint\":%u,\"text_bytes\":%u",
		comma, r->kind, r->flags, r->what, r->number, r->trace_flags, rk_clock_ns(r->time),
		r->tid_hint, r->text_bytes);
	if (r->kind == RK_REC_SAMPLE)
		fprintf(out, ",\"value\":%.17g", r->sample.value);
	else {
		print_hex(out, "trace", r->ids.trace, sizeof(r->ids.trace));
		print_hex(out, "span", r->ids.span, sizeof(r->ids.span));
		print_hex(out, "parent", r->ids.parent, sizeof(r->ids.parent));
	}
	fputs(",\"fields\":[", out);
	rk_fields_reader_init(&reader, text, r->text_bytes);
	while (rk_fields_next(&reader, &field)) {
		fputs(between, out);
		print_field(out, &field);
		between = ",";
	}
	fputs("]}", out);
	return parts;
}

static void print_counters(FILE *out, const char *name, const _Atomic uint64_t *counters)
{
	fprintf(out, "\"%s\":[", name);
	for (int w = 0; w < RK_WORK_COUNT; w++)
		fprintf(out, "%s%" PRIu64, w ? "," : "", counters[w]);
	fputs("],", out);
}

static void print_ring(FILE *out, const struct rk_ring *ring, const char *comma)
{
	uint64_t count = rk_ring_peek(ring);

	fprintf(out, "%s{\"lost_other\":%" PRIu64 ",", comma, ring->lost_other);
	fprintf(out, "\"tid\":%u,", ring->tid);
	print_counters(out, "calls", ring->calls);
	print_counters(out, "failed", ring->failed);
	print_counters(out, "captured", ring->captured);
	print_counters(out, "lost", ring->lost);
	fputs("\"records\":[", out);
	for (uint64_t i = 0; i < count; i++) {
		const struct rk_record *record = rk_ring_at(ring, i);
		const char *between = i ? ",\n" : "\n";

		if (record->kind >= RK_REC_SPAN_BEGIN)
			i += print_said(out, ring, i, between);
		else
			print_record(out, record, between);
	}
	fputs("]}", out);
}

int rk_exporter_stop(uint32_t timeout_ms)
{
	const char *path = getenv("RK_PROBE");
	FILE *out = path ? fopen(path, "w") : NULL;
	bool is_first = true;

	if (!out)
		return 0;
	fprintf(out, "{\"pid\":%d,\"timeout_ms\":%u,\"rings\":[", (int)getpid(), timeout_ms);
	for (uint32_t i = 0; i < rk_thread_ring_count(); i++) {
		const struct rk_ring *ring = rk_thread_ring_at(i);

		if (!ring)
			continue;
		print_ring(out, ring, is_first ? "" : ",\n");
		is_first = false;
	}
	fprintf(out, "],\"wrapped\":%" PRIu64 ",\"unwrapped\":%" PRIu64 "}\n", rk_lookup_wrapped(),
		rk_lookup_unwrapped());
	fclose(out);
	return 0;
}

void rk_exporter_publish(void)
{
}

void rk_exporter_want(bool on, enum rk_recording_reason reason)
{
	(void)on;
	(void)reason;
}

void rk_exporter_toggle(void)
{
}

bool rk_exporter_wait_recording(uint32_t timeout_ms)
{
	(void)timeout_ms;
	return true;
}

void rk_log_output_attach_stderr(const struct rk_config *config)
{
	(void)config;
}

__attribute__((destructor)) static void print_lookups(void)
{
	const char *path = getenv("RK_PROBE_LOOKUP");
	FILE *out = path ? fopen(path, "w") : NULL;

	if (!out)
		return;
	fprintf(out, "{\"wrapped\":%" PRIu64 ",\"unwrapped\":%" PRIu64 "}\n", rk_lookup_wrapped(),
		rk_lookup_unwrapped());
	fclose(out);
}
