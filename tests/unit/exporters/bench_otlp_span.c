/* SPDX-License-Identifier: Apache-2.0
 *
 * Time to encode the spans of a repeating step: by our encoder, without its ready-made parts,
 * by protobuf-c with an arena, and a memcpy of the same bytes; medians of interleaved rounds.
 * Beside it, how many spans came out other than protobuf-c's, and the allocations of our encoder.
 *
 * usage: bench_otlp_span           prints ns per span and the ratio
 *        bench_otlp_span count N   encodes N steps in count_steps(), for callgrind; prints the
 *                                  number of spans
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "otlp_span_mix.h"
#include "otlp_span_oracle.h"

#define ROUNDS 7
#define STEPS  2000 /* of one round */
#define ROOM   4096 /* of one span */

enum way { WAY_ENCODER, WAY_PLAIN, WAY_PROTOBUF_C, WAY_MEMCPY, WAY_COUNT };

static struct mix mix;
static struct rk_otlp_span_encoder *encoder;
static struct oracle oracle;
static uint8_t buffer[1 << 20];
static size_t used; /* goes round, as a send buffer does */
static uint64_t bytes;
static uint64_t allocations; /* by anybody */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	allocations++;
	return __real_realloc(memory, size);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint8_t *reserve(size_t bound)
{
	if (used + bound > sizeof(buffer))
		used = 0;
	return buffer + used;
}

static void encode_one(enum way way, const struct rk_span *span)
{
	static uint8_t copy[1024];
	size_t length;

	switch (way) {
	case WAY_ENCODER:
		length = rk_otlp_span_encoder_bound(encoder, span);
		length = rk_otlp_span_encoder_encode(encoder, reserve(length), span);
		break;
	case WAY_PLAIN:
		length = rk_otlp_span_encode(reserve(rk_otlp_span_bound(span)), span);
		break;
	case WAY_PROTOBUF_C:
		length = oracle_encode(&oracle, reserve(ROOM), span);
		break;
	default:
		length = 600;
		memcpy(reserve(length), copy, length);
		break;
	}
	used += length;
	bytes += length;
}

static double run(enum way way)
{
	uint64_t took = 0;

	for (int step = 0; step < STEPS; step++) {
		uint64_t start;

		mix_next(&mix);
		start = now_ns();
		for (int i = 0; i < MIX_SPANS; i++)
			encode_one(way, &mix.spans[i]);
		took += now_ns() - start;
	}
	return (double)took / STEPS / MIX_SPANS;
}

/* Not inlined: callgrind counts what happens in here. */
__attribute__((noinline)) void count_steps(void);
void count_steps(void)
{
	for (int i = 0; i < MIX_SPANS; i++)
		encode_one(WAY_ENCODER, &mix.spans[i]);
}

static int count(int steps)
{
	/* The first step makes the templates, as the first second of a program does. */
	mix_next(&mix);
	for (int i = 0; i < MIX_SPANS; i++)
		encode_one(WAY_ENCODER, &mix.spans[i]);
	for (int step = 0; step < steps; step++) {
		mix_next(&mix);
		count_steps();
	}
	printf("%d\n", steps * MIX_SPANS);
	return 0;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Spans of some steps that are not to the byte what protobuf-c makes of them. */
static int count_different(void)
{
	static uint8_t ours[ROOM], theirs[ROOM];
	int different = 0;

	for (int step = 0; step < STEPS; step++) {
		mix_next(&mix);
		for (int i = 0; i < MIX_SPANS; i++) {
			const struct rk_span *span = &mix.spans[i];
			size_t bound = rk_otlp_span_encoder_bound(encoder, span), length;

			if (bound > ROOM)
				return STEPS * MIX_SPANS;
			length = rk_otlp_span_encoder_encode(encoder, ours, span);
			different += oracle_encode(&oracle, theirs, span) != length ||
				     memcmp(ours, theirs, length) != 0;
		}
	}
	return different;
}

static void compare_ways(double ns[WAY_COUNT][ROUNDS])
{
	uint64_t ours = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int way = 0; way < WAY_COUNT; way++) {
			uint64_t before = allocations;

			bytes = 0;
			ns[way][round] = run((enum way)way);
			if (way == WAY_ENCODER)
				ours += allocations - before;
			if (way == WAY_ENCODER && !round)
				printf("bytes per span %.0f\n", (double)bytes / STEPS / MIX_SPANS);
		}
	}
	printf("goal otlp_allocations %llu | in %d spans\n", (unsigned long long)ours,
	       ROUNDS * STEPS * MIX_SPANS);
	for (int way = 0; way < WAY_COUNT; way++)
		qsort(ns[way], ROUNDS, sizeof(double), compare);
}

int main(int argc, char **argv)
{
	static double ns[WAY_COUNT][ROUNDS];
	struct rk_otlp_span_limits limits;
	double encoder_ns, protobuf_ns;

	mix_init(&mix);
	rk_otlp_span_limits_get(&limits, NULL);
	oracle_init(&oracle, &limits);
	oracle.is_clean = true;
	if (rk_otlp_span_encoder_create(&encoder, NULL))
		return 1;
	if (argc == 3 && strcmp(argv[1], "count") == 0)
		return count(atoi(argv[2]));
	printf("goal otlp_different %d | of %d\n", count_different(), STEPS * MIX_SPANS);
	compare_ways(ns);
	encoder_ns = ns[WAY_ENCODER][ROUNDS / 2];
	protobuf_ns = ns[WAY_PROTOBUF_C][ROUNDS / 2];
	printf("encoder        %7.1f ns/span (with its bound)\n", encoder_ns);
	printf("without cache  %7.1f ns/span\n", ns[WAY_PLAIN][ROUNDS / 2]);
	printf("protobuf-c     %7.1f ns/span (structs from an arena, packed) = %.1f x ours\n",
	       protobuf_ns, protobuf_ns / encoder_ns);
	printf("goal otlp_protobuf %.1f | %.1f ns/span, protobuf-c %.0f; memcpy of as many bytes "
	       "%.0f\n",
	       protobuf_ns / encoder_ns, encoder_ns, protobuf_ns, ns[WAY_MEMCPY][ROUNDS / 2]);
	printf("memcpy         %7.1f ns/span\n", ns[WAY_MEMCPY][ROUNDS / 2]);
	rk_otlp_span_encoder_destroy(encoder);
	oracle_finish(&oracle);
	return 0;
}
