/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/scrape_driver.c - a process with a real registry that can be scraped.
 *
 * usage: scrape_driver MODULE [kernels=N] [runs=N]
 *
 * Feeds a pipeline N kernels with some runs each, the same every time, opens the module with the
 * configuration of the environment, prints {"port":P}, serves until stdin ends, finishes and
 * prints {"scrapes":N}. Log lines go to stderr.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/resource.h"
#include "pipeline/live/net_module.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/pipeline.h"

#define START_NS 1000000000ull
#define WALL_NS	 1700000000000000000ll
#define POLL_MS	 20

static uint64_t kernels = 20, runs = 20;

static void on_log(enum rk_log_level level, const char *line, void *data)
{
	static const char *const names[] = { "error", "warning", "info", "debug", "trace" };

	(void)data;
	fprintf(stderr, "%s: %s\n", names[level], line);
}

static int health(const char *what, char *out, size_t size, void *data)
{
	(void)data;
	snprintf(out, size, "{\"probe\":\"%s\"}", what);
	return strcmp(what, "ready") == 0 ? 503 : 200;
}

static void feed_run(struct rk_pipeline *pipeline, uint64_t number, uint64_t kernel)
{
	char name[64];
	struct rk_op op = {
		.ordinal = number + 2,
		.exec = number + 1,
		.kind = RK_OP_KERNEL,
		.tid = 1,
		.device = (uint32_t)(kernel % 2),
		.api = rk_intern("cuLaunchKernel"),
		.host_start = START_NS + number * 1000,
	};

	snprintf(name, sizeof(name), "_Z%dscrape_%05" PRIu64 "v", 12, kernel);
	op.name = rk_intern(name);
	op.host_end = op.host_start + 100;
	op.start = op.host_end + 100;
	/* From microseconds to seconds, so that every bucket has something somewhere. */
	op.end = op.start + (1000ull << (kernel + number) % 21) + number % 997;
	rk_pipeline_feed(pipeline, &op);
	op.kind = RK_OP_EXEC_CLOSE;
	op.close.ops = 1;
	op.close.reason = RK_CLOSE_SYNC;
	rk_pipeline_feed(pipeline, &op);
}

static void feed(struct rk_pipeline *pipeline)
{
	struct rk_op clock = { .ordinal = 1, .kind = RK_OP_CLOCK, .start = START_NS };
	struct rk_op tick = { .kind = RK_OP_TICK, .start = START_NS };

	clock.end = clock.start;
	clock.clock.wall_offset_ns = WALL_NS;
	rk_pipeline_feed(pipeline, &clock);
	for (uint64_t i = 0; i < kernels * runs; i++)
		feed_run(pipeline, i, i % kernels);
	tick.ordinal = kernels * runs + 2;
	tick.tick.rss_bytes = 1 << 20;
	tick.tick.active[0] = 3;
	rk_pipeline_feed(pipeline, &tick);
}

static void serve(struct rk_net *net)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct rk_net_stats stats;

	net->get_stats(net, &stats);
	printf("{\"port\":%u}\n", stats.scrape_port);
	fflush(stdout);
	while (poll(&in, 1, 0) == 0)
		net->poll(net, POLL_MS);
	net->finish(net, 500);
	net->get_stats(net, &stats);
	printf("{\"scrapes\":%" PRIu64 "}\n", stats.scrapes);
	net->close(net);
}

static bool parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "kernels=", 8) == 0)
			kernels = strtoull(argv[i] + 8, NULL, 10);
		else if (strncmp(argv[i], "runs=", 5) == 0)
			runs = strtoull(argv[i] + 5, NULL, 10);
		else
			return false;
	}
	return argc > 1;
}

static int open_and_serve(const char *path, const struct rk_net_host *host)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	rk_net_open_fn open_module;
	struct rk_net *net;
	int err;

	if (!module) {
		fprintf(stderr, "%s\n", dlerror());
		return 66;
	}
	*(void **)&open_module = dlsym(module, "rk_net_open");
	err = open_module(&net, host);
	if (err) {
		printf("{\"open\":%d}\n", err);
		return 1;
	}
	serve(net);
	return 0;
}

int main(int argc, char **argv)
{
	struct rk_net_host host = { .abi = RK_NET_ABI, .log = on_log, .live = true };
	struct rk_pipeline_setup setup = { .seed = 1, .traceparent = "", .tracestate = "" };
	struct rk_env *env = rk_env_create(NULL);
	struct rk_pipeline *pipeline;
	struct rk_config *config;
	sigset_t all;
	int status;

	rk_log_init(RK_LOG_INFO, true);
	rk_log_attach(on_log, NULL);
	if (!parse(argc, argv) || rk_config_create(&config, env))
		return 64;
	rk_config_log_problems(config);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	setup.config = config;
	if (rk_pipeline_create(&pipeline, &setup))
		return 71;
	feed(pipeline);
	host.config = config;
	host.env = env;
	host.strings = rk_intern_table();
	host.log_level = config->logging_level;
	host.metrics = rk_pipeline_metrics(pipeline);
	host.render = rk_metrics_render;
	host.add = rk_metrics_add;
	host.set = rk_metrics_set;
	host.visit = rk_metrics_visit;
	host.resource = rk_resource_create(config, env, NULL);
	host.instance = "test-host";
	host.health = health;
	status = open_and_serve(argv[1], &host);
	free((char *)host.resource);
	rk_pipeline_destroy(pipeline);
	rk_config_destroy(config);
	rk_env_destroy(env);
	return status;
}
