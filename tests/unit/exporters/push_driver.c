/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/push_driver.c - the Pushgateway's side alone, with a text from a file.
 *
 * usage: push_driver TEXT [hold_ms=N] [finish_ms=N]
 *
 * Pushes what stands in TEXT (read anew each time) with the configuration of the environment,
 * and prints one JSON object with what happened. Log lines go to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "exporters/http.h"
#include "exporters/loop.h"
#include "exporters/pushgateway.h"

#define MS	 1000000ull
#define TEXT_MAX (8u << 20)

static const char *path;
static double breaker, worst_breaker, rejected;

static void on_log(enum rk_log_level level, const char *line, void *data)
{
	static const char *const names[] = { "error", "warning", "info", "debug", "trace" };

	(void)data;
	fprintf(stderr, "%s: %s\n", names[level], line);
}

static ptrdiff_t render(const struct rk_metrics *metrics, bool runtime, bool openmetrics,
			char **out)
{
	FILE *file = fopen(path, "r");
	size_t length;

	(void)metrics;
	(void)runtime;
	(void)openmetrics;
	*out = malloc(TEXT_MAX);
	if (!file || !*out)
		exit(66);
	length = fread(*out, 1, TEXT_MAX - 1, file);
	(*out)[length] = '\0';
	fclose(file);
	return (ptrdiff_t)length;
}

static void add(struct rk_metrics *metrics, const char *family, const char *label, double value)
{
	(void)metrics;
	if (strcmp(family, "rustkernel_dropped_total") == 0 && strcmp(label, "rejected") == 0)
		rejected += value;
}

static void set(struct rk_metrics *metrics, const char *family, const char *label, double value)
{
	(void)metrics;
	if (strcmp(family, "rustkernel_circuit_breaker_state") != 0)
		return;
	if (strncmp(label, "pushgateway", 11) != 0)
		exit(1);
	breaker = value;
	worst_breaker = value > worst_breaker ? value : worst_breaker;
}

static void turn(struct rk_loop *loop, struct rk_http *http, struct rk_pushgateway *push)
{
	uint64_t now = rk_loop_now();

	rk_http_run(http, now);
	rk_pushgateway_run(push, now);
	rk_loop_wait(loop, 5);
}

static void report(const struct rk_pushgateway *push, uint64_t took_ns)
{
	struct rk_pushgateway_stats stats;

	rk_pushgateway_get_stats(push, &stats);
	printf("{\"pushes\":%llu,\"failures\":%llu,\"retries\":%llu,\"left_out\":%llu,"
	       "\"bytes_sent\":%llu,\"connected\":%s,\"rejected\":%.0f,\"breaker\":%.0f,"
	       "\"worst_breaker\":%.0f,\"finish_ms\":%llu}\n",
	       (unsigned long long)stats.pushes, (unsigned long long)stats.failures,
	       (unsigned long long)stats.retries, (unsigned long long)stats.left_out,
	       (unsigned long long)stats.bytes_sent, stats.is_connected ? "true" : "false",
	       rejected, breaker, worst_breaker, (unsigned long long)(took_ns / MS));
}

static int drive(const struct rk_net_host *host, uint64_t hold_ms, uint64_t finish_ms)
{
	static const struct rk_http_proxy no_proxy;
	struct rk_pushgateway *push;
	struct rk_http *http;
	struct rk_loop loop;
	uint64_t start;

	if (rk_loop_open(&loop) || rk_http_open(&http, &loop, &no_proxy) ||
	    rk_pushgateway_create(&push, http, host))
		return 1;
	start = rk_loop_now();
	while (rk_loop_now() < start + hold_ms * MS)
		turn(&loop, http, push);
	start = rk_loop_now();
	rk_pushgateway_finish(push, start + finish_ms * MS);
	while (!rk_pushgateway_is_done(push) && rk_loop_now() < start + finish_ms * MS)
		turn(&loop, http, push);
	rk_pushgateway_abandon(push);
	report(push, rk_loop_now() - start);
	rk_pushgateway_destroy(push);
	rk_http_close(http, false);
	rk_loop_close(&loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct rk_net_host host = { .abi = RK_NET_ABI, .live = true };
	struct rk_env *env = rk_env_create(NULL);
	uint64_t hold_ms = 0, finish_ms = 2000;
	struct rk_config *config;
	int status;

	rk_log_init(RK_LOG_INFO, true);
	rk_log_attach(on_log, NULL);
	if (argc < 2 || rk_config_create(&config, env))
		return 64;
	path = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "hold_ms=", 8) == 0)
			hold_ms = strtoull(argv[i] + 8, NULL, 10);
		else if (strncmp(argv[i], "finish_ms=", 10) == 0)
			finish_ms = strtoull(argv[i] + 10, NULL, 10);
		else
			return 64;
	}
	host.config = config;
	host.env = env;
	host.render = render;
	host.add = add;
	host.set = set;
	host.instance = "test-host";
	status = drive(&host, hold_ms, finish_ms);
	rk_config_destroy(config);
	rk_env_destroy(env);
	return status;
}
