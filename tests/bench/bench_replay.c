/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_replay.c - how fast a trace file is read again, stage by stage.
 *
 * usage: bench_replay RKTRACE [KERNELS]
 *
 * CPU time, medians of interleaved rounds over one file of a training step that repeats: its
 * frames through zstd alone; all of its ops read; the program `rktrace report`, from its start to
 * its end; and the ops through the pipeline, the spans encoded as OTLP.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "exporters/otlp_span.h"
#include "pipeline/pipeline.h"
#include "tests/bench/median.h"
#include "tests/unit/trace/trace_fixture.h"

#define ROUNDS	  5
#define KERNELS	  1000000u
#define NS_PER_S  1e9
#define CONTENT_MAX (8u << 20)
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "bench_replay: %s\n", #condition);                         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

enum stage { ZSTD, READ, SUMMARY, OTLP, STAGES };

struct bench {
	const char *path, *rktrace;
	uint32_t kernels;
	uint64_t spans; /* that were encoded */
};

struct otlp_sink {
	struct rk_sink sink; /* first */
	struct rk_otlp_span_encoder *encoder;
	uint8_t *buffer;
	size_t used, size; /* goes round, as a send buffer does */
	uint64_t spans;
};

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / NS_PER_S;
}

static void write_file(const struct bench *bench)
{
	struct rk_trace_writer *writer;
	struct fixture_step step;
	struct rk_op op;

	CHECK(!rk_trace_writer_open(&writer, bench->path, &fixture_meta, &fixture_options));
	fixture_step_init(&step, 1);
	for (uint32_t i = 0; i < bench->kernels; i++) {
		fixture_step_next(&step, &op);
		CHECK(!rk_trace_writer_add(writer, &op));
	}
	rk_trace_writer_seal(writer);
	rk_trace_writer_close(writer);
}

static void run_zstd(const struct bench *bench)
{
	static uint8_t content[CONTENT_MAX];
	size_t size, at = 0;
	unsigned char *file = fixture_load(bench->path, &size);
	ZSTD_DCtx *zstd = ZSTD_createDCtx();

	CHECK(file && zstd);
	while (at < size) {
		size_t frame = ZSTD_findFrameCompressedSize(file + at, size - at);

		CHECK(!ZSTD_isError(frame));
		CHECK(!ZSTD_isError(
			ZSTD_decompressDCtx(zstd, content, sizeof(content), file + at, frame)));
		at += frame;
	}
	ZSTD_freeDCtx(zstd);
	free(file);
}

static void run_read(const struct bench *bench, struct rk_pipeline *pipeline)
{
	struct rk_trace_reader *reader;
	uint32_t count = 0;
	struct rk_op op;

	CHECK(!rk_trace_reader_open(&reader, bench->path, NULL));
	while (rk_trace_reader_next(reader, &op) == 1) {
		count += op.kind == RK_OP_KERNEL;
		if (pipeline)
			rk_pipeline_feed(pipeline, &op);
	}
	rk_trace_reader_close(reader);
	CHECK(count == bench->kernels);
}

static void encode(struct rk_sink *sink, const struct rk_span *span)
{
	struct otlp_sink *otlp = (struct otlp_sink *)sink;
	size_t bound = rk_otlp_span_encoder_bound(otlp->encoder, span);

	if (otlp->used + bound > otlp->size)
		otlp->used = 0;
	CHECK(bound <= otlp->size);
	otlp->used += rk_otlp_span_encoder_encode(otlp->encoder, otlp->buffer + otlp->used, span);
	otlp->spans++;
}

static void make_config(struct rk_config *config)
{
	memset(config, 0, sizeof(*config));
	config->tracing_propagators = config->tracing_baggage_attributes = "";
	config->metrics_top_k = 200;
	config->metrics_include_kernel_stats = true;
	config->tracing_sampling_rate = 1;
	config->metrics_histogram_buckets = (struct rk_bounds){ 2, { 1e-6, 1e-3 } };
}

static void run_otlp(struct bench *bench)
{
	static uint8_t buffer[1 << 20];
	struct otlp_sink otlp = { .sink = { .name = "otlp", .span = encode },
				  .buffer = buffer,
				  .size = sizeof(buffer) };
	struct rk_config config;
	struct rk_pipeline_setup setup = {
		.config = &config, .seed = 42, .traceparent = "", .tracestate = ""
	};
	struct rk_pipeline *pipeline;

	make_config(&config);
	CHECK(!rk_otlp_span_encoder_create(&otlp.encoder, NULL));
	CHECK(!rk_pipeline_create(&pipeline, &setup));
	rk_pipeline_add_sink(pipeline, &otlp.sink);
	run_read(bench, pipeline);
	rk_pipeline_finish(pipeline);
	rk_pipeline_destroy(pipeline);
	rk_otlp_span_encoder_destroy(otlp.encoder);
	CHECK(otlp.spans >= bench->kernels);
	bench->spans = otlp.spans;
}

/* CPU time of the program, what it takes to start included. */
static double run_report(const struct bench *bench)
{
	char *argv[] = { (char *)(uintptr_t)bench->rktrace, (char[]){ "report" },
			 (char *)(uintptr_t)bench->path, NULL };
	char *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	CHECK(!posix_spawn(&pid, bench->rktrace, &actions, NULL, argv, environment));
	posix_spawn_file_actions_destroy(&actions);
	CHECK(wait4(pid, &status, 0, &usage) == pid && status == 0);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double run(struct bench *bench, enum stage stage)
{
	double start = cpu_seconds();

	switch (stage) {
	case ZSTD:
		run_zstd(bench);
		break;
	case READ:
		run_read(bench, NULL);
		break;
	case SUMMARY:
		return run_report(bench);
	default:
		run_otlp(bench);
		break;
	}
	return cpu_seconds() - start;
}

static void tell(const struct bench *bench, double seconds[STAGES][ROUNDS])
{
	double rate[STAGES];

	for (int stage = 0; stage < STAGES; stage++) {
		double count = stage == OTLP ? (double)bench->spans : bench->kernels;

		rate[stage] = count / bench_median(seconds[stage], ROUNDS) / 1e6;
	}
	printf("M spans/s/core: zstd %.1f, read %.1f, rktrace report %.1f, OTLP %.1f\n", rate[ZSTD],
	       rate[READ], rate[SUMMARY], rate[OTLP]);
	printf("goal replay_summary %.1f | `rktrace report`: %.2f of zstd alone (%.0f); only reading "
	       "%.1f\n",
	       rate[SUMMARY], rate[SUMMARY] / rate[ZSTD], rate[ZSTD], rate[READ]);
	printf("goal replay_otlp %.1f | read, joined into spans, encoded: %.2f of zstd alone\n",
	       rate[OTLP], rate[OTLP] / rate[ZSTD]);
}

int main(int argc, char **argv)
{
	static double seconds[STAGES][ROUNDS];
	char *folder = fixture_folder();
	struct bench bench = { .path = fixture_path(folder, "replay.rkt.zst"), .kernels = KERNELS };

	CHECK(argc >= 2);
	bench.rktrace = argv[1];
	if (argc > 2)
		bench.kernels = (uint32_t)atoi(argv[2]);
	write_file(&bench);
	for (int round = 0; round < ROUNDS; round++) {
		for (int stage = 0; stage < STAGES; stage++)
			seconds[stage][round] = run(&bench, (enum stage)stage);
	}
	tell(&bench, seconds);
	fixture_remove(folder);
	return 0;
}
