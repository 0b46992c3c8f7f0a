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
#include <unistd.h>

#include "core/intern.h"
#include "core/thread.h"
#include "interpose/api.h"
#include "interpose/lookup.h"
#include "pipeline/exporter.h"

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

	fprintf(out, "%s{\"tid\":%u,", comma, ring->tid);
	print_counters(out, "calls", ring->calls);
	print_counters(out, "failed", ring->failed);
	print_counters(out, "captured", ring->captured);
	print_counters(out, "lost", ring->lost);
	fputs("\"records\":[", out);
	for (uint64_t i = 0; i < count; i++)
		print_record(out, rk_ring_at(ring, i), i ? ",\n" : "\n");
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
