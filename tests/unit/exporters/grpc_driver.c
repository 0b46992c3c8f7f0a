/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/grpc_driver.c - OTLP/gRPC transports on a loop, driven line by line.
 *
 * usage: grpc_driver endpoint=URL [headers= headers_file= ca= certificate= key= proxy= no_proxy=]
 *                    [insecure=1] [signals=N]
 *
 * Lines on stdin:
 *   send SIGNAL BYTES TIMEOUT_MS [gzip]   start a request of a pattern
 *   cancel SIGNAL                         forget it
 *   wait                                  run until no request is under way
 *   run MS                                run the loop for so long
 *   sleep MS                              do not run it
 *
 * One JSON line for each outcome, one ("done") for each line read, one at the end.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/log.h"
#include "exporters/grpc.h"
#include "exporters/gzip.h"

#define MS	  1000000ull
#define BYTES_MAX (80u << 20)
#define NOISE	  251u /* period of the pattern */

struct slot {
	struct rk_otlp_transport *transport;
	uint8_t *payload;
	uint64_t started_ns;
	unsigned number;
};

static struct {
	struct rk_loop loop;
	struct rk_grpc *grpc;
	struct slot slots[RK_OTLP_SIGNAL_COUNT];
	uint64_t late_ns; /* the longest a turn took beyond its wait */
} driver;

static struct {
	struct rk_otlp_target target;
	struct rk_http_proxy proxy;
	unsigned signals;
} options = {
	.target = { .endpoint = "",
		    .headers = "",
		    .headers_file = "",
		    .certificate = "",
		    .client_certificate = "",
		    .client_key = "",
		    .protocol = RK_PROTOCOL_GRPC },
	.signals = 1,
};

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void on_done(void *data, const struct rk_otlp_outcome *outcome)
{
	static const char *const verdicts[] = { "sent", "retry", "rejected" };
	struct slot *slot = data;

	printf("{\"signal\":%u,\"verdict\":\"%s\",\"unreachable\":%s,\"has_delay\":%s,"
	       "\"delay_ms\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"ms\":%" PRIu64 ",\"message\":",
	       slot->number, verdicts[outcome->verdict], outcome->is_unreachable ? "true" : "false",
	       outcome->has_delay ? "true" : "false", outcome->delay_ns / (uint64_t)MS,
	       outcome->rejected, (rk_loop_now() - slot->started_ns) / (uint64_t)MS);
	print_text(outcome->message);
	printf("}\n");
	fflush(stdout);
	free(slot->payload);
	slot->payload = NULL;
}

static void turn(uint32_t timeout_ms)
{
	uint64_t due = rk_grpc_due_ns(driver.grpc), now = rk_loop_now(), took;

	if (due <= now)
		timeout_ms = 0;
	else if (due != RK_NEVER && (due - now) / MS + 1 < timeout_ms)
		timeout_ms = (uint32_t)((due - now) / MS + 1);
	rk_loop_wait(&driver.loop, timeout_ms);
	rk_grpc_run(driver.grpc, rk_loop_now());
	took = rk_loop_now() - now;
	if (took > timeout_ms * MS && took - timeout_ms * MS > driver.late_ns)
		driver.late_ns = took - timeout_ms * MS;
}

static void run_for(uint64_t ms)
{
	uint64_t now = rk_loop_now(), end = now + ms * MS;

	for (; now < end; now = rk_loop_now())
		turn((uint32_t)((end - now) / MS + 1));
}

static bool send_one(unsigned number, size_t length, uint32_t timeout_ms, bool is_gzip)
{
	struct slot *slot = &driver.slots[number];
	struct rk_otlp_payload payload = { .timeout_ms = timeout_ms, .is_gzip = is_gzip };
	uint8_t *plain = malloc(length + 1);
	struct rk_gzip *gzip;

	if (!plain || slot->payload)
		return false;
	for (size_t i = 0; i < length; i++)
		plain[i] = (uint8_t)(i % NOISE);
	if (is_gzip) {
		gzip = rk_gzip_create();
		payload.length = rk_gzip_compress(gzip, plain, length, &slot->payload);
		rk_gzip_destroy(gzip);
		free(plain);
	} else {
		slot->payload = plain;
		payload.length = length;
	}
	payload.bytes = slot->payload;
	slot->started_ns = rk_loop_now();
	return slot->transport->start(slot->transport, &payload) == 0;
}

static bool obey(const char *line)
{
	unsigned long first = 0, second = 0, third = 0;
	char how[8] = "";
	int count = sscanf(line, "send %lu %lu %lu %7s", &first, &second, &third, how);

	if (count >= 3 && first < options.signals && second <= BYTES_MAX)
		return send_one((unsigned)first, second, (uint32_t)third, strcmp(how, "gzip") == 0);
	if (sscanf(line, "cancel %lu", &first) == 1 && first < options.signals) {
		driver.slots[first].transport->cancel(driver.slots[first].transport);
		free(driver.slots[first].payload);
		driver.slots[first].payload = NULL;
		return true;
	}
	if (sscanf(line, "run %lu", &first) == 1) {
		run_for(first);
		return true;
	}
	if (sscanf(line, "sleep %lu", &first) == 1) {
		usleep((useconds_t)(first * 1000));
		return true;
	}
	if (strncmp(line, "wait", 4) != 0)
		return false;
	while (rk_grpc_is_busy(driver.grpc))
		turn(1000);
	return true;
}

static bool parse(int argc, char **argv)
{
	const struct {
		const char *name;
		const char **value;
	} texts[] = {
		{ "endpoint=", &options.target.endpoint },
		{ "headers=", &options.target.headers },
		{ "headers_file=", &options.target.headers_file },
		{ "ca=", &options.target.certificate },
		{ "certificate=", &options.target.client_certificate },
		{ "key=", &options.target.client_key },
		{ "no_proxy=", &options.proxy.no_proxy },
	};

	for (int i = 1; i < argc; i++) {
		bool is_known = false;

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			size_t length = strlen(texts[k].name);

			if (strncmp(argv[i], texts[k].name, length) == 0) {
				*texts[k].value = argv[i] + length;
				is_known = true;
			}
		}
		if (strncmp(argv[i], "proxy=", 6) == 0)
			options.proxy.http = options.proxy.https = argv[i] + 6;
		else if (strncmp(argv[i], "signals=", 8) == 0)
			options.signals = (unsigned)strtoul(argv[i] + 8, NULL, 10);
		else if (strcmp(argv[i], "insecure=1") == 0)
			options.target.insecure = true;
		else if (!is_known)
			return false;
	}
	return options.signals >= 1 && options.signals <= RK_OTLP_SIGNAL_COUNT;
}

/* Runs only where OpenSSL cleans up at exit, which could be under the exporter's feet. */
static void on_openssl_cleanup(void)
{
	printf("{\"openssl_cleanup\":true}\n");
	fflush(stdout);
}

static int open_all(void)
{
	int err = rk_loop_open(&driver.loop);

	if (!err)
		err = rk_grpc_open(&driver.grpc, &driver.loop, &options.proxy);
	for (unsigned i = 0; !err && i < options.signals; i++) {
		options.target.signal = (enum rk_otlp_signal)i;
		driver.slots[i].number = i;
		err = rk_grpc_transport_create(&driver.slots[i].transport, driver.grpc,
					       &options.target, on_done, &driver.slots[i]);
	}
	return err;
}

static void close_all(void)
{
	for (unsigned i = 0; i < options.signals; i++) {
		if (driver.slots[i].transport)
			driver.slots[i].transport->destroy(driver.slots[i].transport);
		free(driver.slots[i].payload);
	}
	rk_grpc_close(driver.grpc, false);
	rk_loop_close(&driver.loop);
}

static void report(int err, uint64_t close_ns)
{
	struct sigaction action;
	struct rusage usage;
	sigset_t pending;

	sigaction(SIGPIPE, NULL, &action);
	sigpending(&pending);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"open\":%d,\"close_ms\":%" PRIu64 ",\"late_ms\":%" PRIu64
	       ",\"rss_kib\":%ld,\"sigpipe_changed\":%s,\"sigpipe_raised\":%s}\n",
	       err, close_ns / (uint64_t)MS, driver.late_ns / (uint64_t)MS, usage.ru_maxrss,
	       action.sa_handler != SIG_DFL ? "true" : "false",
	       sigismember(&pending, SIGPIPE) ? "true" : "false");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[128];
	sigset_t all;
	uint64_t start;
	int err;

	rk_log_init(RK_LOG_DEBUG, true);
	if (!parse(argc, argv))
		return 64;
	/* As on the exporter's thread: a signal that is raised stays pending, and is seen. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	err = open_all();
	OPENSSL_atexit(on_openssl_cleanup);
	while (!err && fgets(line, sizeof(line), stdin)) {
		bool is_good = obey(line);

		printf("{\"done\":%s}\n", is_good ? "true" : "false");
		fflush(stdout);
	}
	start = rk_loop_now();
	close_all();
	report(err, rk_loop_now() - start);
	return 0;
}
