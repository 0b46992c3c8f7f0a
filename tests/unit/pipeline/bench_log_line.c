/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/bench_log_line.c - what a line of the log costs the thread rk-exporter.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/live/event_source.h"
#include "pipeline/log/log_line.h"

#define ROUNDS 300000

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static const struct rk_span span = {
	.trace_id = { 1, 2, 3 },
	.span_id = { 4, 5, 6 },
	.start_unix_ns = 1700000000000000000u,
	.end_unix_ns = 1700000000001234567u,
	.kernel_id = "graph/pagerank",
	.domain = "GraphAnalytics",
	.error = "",
	.shape = RK_SPAN_ROOT,
};

/* One span of an execution with @level. Return: ns. */
static double measure(enum rk_log_level level, enum rk_log_format format)
{
	static struct rk_event_source source;
	const struct rk_config config = { .logging_level = level,
					  .logging_include_kernel_context = true,
					  .tracing_baggage_attributes = "" };
	struct rk_event_source_setup setup = { .config = &config, .shows_executions = true };
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double start;

	if (fd < 0 || rk_log_output_open_fd(&setup.output, format, fd))
		exit(1);
	rk_event_source_start(&source, &setup);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		source.sink.span(&source.sink, &span);
	start = now_ns() - start;
	rk_event_source_stop(&source);
	close(fd);
	return start / ROUNDS;
}

int main(void)
{
	printf("log line, json: %.0f ns\n", measure(RK_LOG_INFO, RK_LOG_JSON));
	printf("log line, text: %.0f ns\n", measure(RK_LOG_INFO, RK_LOG_TEXT));
	printf("log line, level not wanted: %.1f ns\n", measure(RK_LOG_WARN, RK_LOG_JSON));
	return 0;
}
