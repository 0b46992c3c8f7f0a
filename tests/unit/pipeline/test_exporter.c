/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_exporter.c - the thread: rings in, a sealed file and a verdict out.
 */
#include "op_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/clock.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/ring_run.h"
#include "core/text_pool.h"
#include "core/thread.h"
#include "pipeline/live/exporter.h"
#include "trace/trace_reader.h"

#define LAUNCHES  500
#define THREADS	  3
#define GPU_SLOTS 4096

static struct rk_ring gpu_ring;
static _Alignas(64) struct rk_activity gpu_slots[GPU_SLOTS];
static struct rk_config config;
static char folder[] = "/tmp/rk-exporter-XXXXXX";
static _Atomic uint32_t next_correlation = 1;
static pthread_mutex_t gpu_lock = PTHREAD_MUTEX_INITIALIZER;

static struct rk_ring *get_gpu_ring(void)
{
	return &gpu_ring;
}

static bool has_gpu_time(void)
{
	return true;
}

static const char *no_reason(void)
{
	return "";
}

static void push_activity(const struct rk_activity *activity)
{
	struct rk_activity *slot;

	pthread_mutex_lock(&gpu_lock);
	while (!(slot = rk_ring_reserve(&gpu_ring)))
		usleep(100);
	*slot = *activity;
	rk_ring_commit(&gpu_ring);
	pthread_mutex_unlock(&gpu_lock);
}

static void push_record(const struct rk_record *record)
{
	struct rk_ring *ring = rk_thread_ring_slow();
	struct rk_record *slot;

	assert_non_null(ring);
	if (record->kind == RK_REC_LAUNCH)
		rk_ring_count(&ring->calls[RK_WORK_LAUNCH]);
	slot = rk_ring_reserve(ring);
	assert_non_null(slot);
	*slot = *record;
	if (rk_ring_commit(ring))
		rk_thread_wake();
}

static void *launch_many(void *data)
{
	(void)data;
	for (int i = 0; i < LAUNCHES; i++) {
		uint32_t id = atomic_fetch_add(&next_correlation, 1);
		struct rk_record record = make_launch(id, 0, 0xf);
		struct rk_activity activity;
		uint64_t now;

		record.start = rk_clock_ticks();
		record.end = rk_clock_ticks();
		now = rk_clock_ns(record.end);
		activity = make_activity(RK_ACT_KERNEL, id, now + 1000, now + 6000);
		push_record(&record);
		push_activity(&activity);
	}
	return NULL;
}

static uint32_t count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint32_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void start_exporter(void)
{
	struct rk_exporter_setup setup = { .config = &config,
					   .api_names = test_api_names,
					   .api_count = API_COUNT,
					   .library_dir = folder,
					   .gpu_ring = get_gpu_ring,
					   .gpu_time = has_gpu_time,
					   .gpu_time_reason = no_reason };

	assert_int_equal(rk_exporter_start(&setup), 0);
	rk_thread_open_gate();
}

static void run_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, launch_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void path_of(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", folder, name);
}

static void set_config(const char *file)
{
	static char trace[256];
	static char summary[256];

	test_config_init(&config);
	path_of(trace, sizeof(trace), file);
	path_of(summary, sizeof(summary), "verdict.txt");
	config.preset = RK_PRESET_NONE;
	config.trace_file = trace;
	config.trace_max_size = 1ull << 30;
	config.trace_compression_level = 1;
	config.summary = summary;
	config.tracing_otlp_endpoint = config.metrics_otlp_endpoint = "";
	config.logging_otlp_endpoint = "";
	config.metrics_pushgateway_url = "";
	config.service_name = "";
	config.resource_attributes = "";
	config.traceparent = config.tracestate = config.baggage = "";
}

/* Reads the file; returns the final ledger. */
static struct rk_ledger read_trace(const char *name, uint32_t *kernels, bool *clean)
{
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_ledger ledger;
	char path[256];
	char error[256];
	struct rk_op op;
	uint64_t ordinal = 0;

	memset(&ledger, 0, sizeof(ledger));
	*kernels = 0;
	path_of(path, sizeof(path), name);
	assert_int_equal(rk_trace_reader_open(&reader, path, error), 0);
	while (rk_trace_reader_next(reader, &op) == 1) {
		assert_int_equal(op.ordinal, ++ordinal);
		if (op.kind == RK_OP_KERNEL) {
			(*kernels)++;
			assert_int_equal(op.end - op.start, 5000);
			assert_int_not_equal(op.tid, 0);
		}
		if (op.kind == RK_OP_TICK || op.kind == RK_OP_END)
			ledger = op.tick.ledger;
	}
	rk_trace_reader_get_info(reader, &info);
	*clean = info.clean_end;
	rk_trace_reader_close(reader);
	return ledger;
}

/* Threads of this process that are called @name. */
static uint32_t count_threads(const char *name)
{
	uint32_t count = 0;
	struct dirent *entry;
	char path[300];
	char comm[32];
	DIR *dir = opendir("/proc/self/task");

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file))
			count += strncmp(comm, name, strlen(name)) == 0;
		fclose(file);
	}
	closedir(dir);
	return count;
}

/* Its end would run the libraries' thread destructors beside the program's exit handlers. */
static void test_thread_outlives_the_stop(void **state)
{
	uint32_t before = count_threads("rk-exporter");

	(void)state;
	set_config("parked.rkt.zst");
	start_exporter();
	assert_int_equal(rk_exporter_stop(2000), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(count_threads("rk-exporter"), before + 1);
		usleep(1000);
	}
}

static void test_file_and_verdict(void **state)
{
	struct rk_ledger ledger;
	uint32_t files = count_files();
	uint32_t kernels;
	struct stat status;
	char path[256];
	char text[4096];
	ssize_t length;
	bool clean;
	int fd;

	(void)state;
	set_config("one.rkt.zst");
	start_exporter();
	run_threads();
	assert_int_equal(count_files(), files); /* its descriptors are its own */
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	ledger = read_trace("one.rkt.zst", &kernels, &clean);
	assert_true(clean);
	assert_int_equal(kernels, THREADS * LAUNCHES);
	assert_int_equal(ledger.calls[RK_WORK_LAUNCH], THREADS * LAUNCHES);
	assert_int_equal(ledger.joined[RK_WORK_LAUNCH], THREADS * LAUNCHES);
	assert_null(rk_ledger_check(&ledger));
	path_of(path, sizeof(path), "one.rkt.zst");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	path_of(path, sizeof(path), "verdict.txt");
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(length > 0);
	text[length] = '\0';
	assert_non_null(strstr(text, "losses: none (1500 of 1500 launches complete)"));
	assert_non_null(strstr(text, "next: rktrace report"));
	assert_non_null(strstr(text, "7.50 ms")); /* 1,500 kernels of 5 us */
}

static void test_unwritable_folder_does_not_stop_the_rest(void **state)
{
	(void)state;
	set_config("no/such/folder/x.rkt.zst");
	rk_log_init(RK_LOG_OFF, false);
	start_exporter();
	run_threads();
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	rk_log_init(RK_LOG_WARN, true);
}

static void test_open_launch_is_told(void **state)
{
	struct rk_record record;
	struct rk_ledger ledger;
	uint32_t kernels;
	bool clean;

	(void)state;
	set_config("open.rkt.zst");
	start_exporter();
	record = make_launch(atomic_fetch_add(&next_correlation, 1), rk_clock_ticks(), 0xf);
	record.end = rk_clock_ticks();
	push_record(&record);
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	{
		struct rk_trace_reader *reader;
		char path[256];
		struct rk_op op;

		path_of(path, sizeof(path), "open.rkt.zst");
		assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
		kernels = 0;
		clean = false;
		memset(&ledger, 0, sizeof(ledger));
		while (rk_trace_reader_next(reader, &op) == 1) {
			kernels += op.kind == RK_OP_KERNEL && (op.flags & RK_OP_F_OPEN);
			if (op.kind == RK_OP_END) {
				ledger = op.tick.ledger;
				clean = true;
			}
		}
		rk_trace_reader_close(reader);
	}
	assert_true(clean);
	assert_int_equal(kernels, 1);
	assert_int_equal(ledger.open[RK_WORK_LAUNCH], 1);
}

static void test_sealed_within_a_second(void **state)
{
	uint32_t kernels;
	bool clean;

	(void)state;
	set_config("sealed.rkt.zst");
	start_exporter();
	run_threads();
	usleep(950000);
	/* As a SIGKILL would find it: no end, but everything is there. */
	read_trace("sealed.rkt.zst", &kernels, &clean);
	assert_false(clean);
	assert_int_equal(kernels, THREADS * LAUNCHES);
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
}

static void push_said(enum rk_record_kind kind, uint64_t number, const char *text)
{
	struct rk_ring *ring = rk_thread_ring_slow();
	struct rk_api_record record = { .kind = (uint8_t)kind,
					.time = rk_clock_ticks(),
					.number = number,
					.text_bytes = (uint32_t)strlen(text) };
	struct rk_text_record more = { .kind = RK_REC_TEXT };

	if (kind == RK_REC_SAMPLE)
		record.sample.value = 2.5;
	else
		memset(record.ids.trace, (int)number, sizeof(record.ids.trace));
	memcpy(more.head, text, strlen(text)); /* at most 22 bytes */
	assert_true(rk_ring_run_fits(ring, 2));
	memcpy(rk_ring_run_slot(ring, 0), &record, sizeof(record));
	memcpy(rk_ring_run_slot(ring, 1), &more, sizeof(more));
	rk_ring_run_commit(ring, *text ? 2 : 1);
}

/* A thread that works under a span of its own, and says so. */
static void *launch_and_say(void *data)
{
	struct rk_instrument counter = { .name = "app_jobs_total",
					 .unit = "",
					 .help = "",
					 .domain = "",
					 .type = RK_INSTRUMENT_COUNTER };
	uint64_t number = (uint64_t)(uintptr_t)data;
	char text[16];

	snprintf(text, sizeof(text), "ttext of %u", (unsigned)number);
	push_said(RK_REC_SPAN_BEGIN, number, text);
	push_said(RK_REC_ATTACH, number, text);
	launch_many(NULL);
	push_said(RK_REC_SAMPLE, rk_instrument_define(&counter), "");
	push_said(RK_REC_SPAN_END, number, "");
	return NULL;
}

struct said {
	uint32_t begins, ends, instruments, samples, contexts, kernels;
	uint64_t execs[64]; /* number of the span whose context they have */
};

static void count_said(struct said *said, const struct rk_op *op)
{
	char text[16];

	switch (op->kind) {
	case RK_OP_CONTEXT:
	case RK_OP_SPAN_BEGIN:
		snprintf(text, sizeof(text), "ttext of %u", (unsigned)op->said.number);
		assert_int_equal(op->text_bytes, strlen(text));
		assert_memory_equal(op->text, text, op->text_bytes);
		assert_int_equal(op->said.trace_id[9], op->said.number);
		if (op->kind == RK_OP_SPAN_BEGIN) {
			said->begins++;
			break;
		}
		said->contexts++;
		assert_in_range(op->exec, 1, 63);
		said->execs[op->exec] = op->said.number;
		break;
	case RK_OP_SPAN_END:
		said->ends++;
		break;
	case RK_OP_INSTRUMENT:
		said->instruments++;
		break;
	case RK_OP_SAMPLE:
		assert_int_equal(said->instruments, 1);
		assert_true(op->sample.value == 2.5);
		said->samples++;
		break;
	case RK_OP_KERNEL:
		/* Its context is known before it, and is that of its thread. */
		assert_in_range(op->exec, 1, 63);
		assert_int_not_equal(said->execs[op->exec], 0);
		said->kernels++;
		break;
	default:
		break;
	}
}

/* What three threads say of their work, from their rings to the file. */
static void test_said_is_in_the_file(void **state)
{
	struct rk_trace_reader *reader;
	pthread_t threads[THREADS];
	struct said said = { 0 };
	char path[256];
	struct rk_op op;

	(void)state;
	set_config("said.rkt.zst");
	start_exporter();
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, launch_and_say, (void *)(i + 1)),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	path_of(path, sizeof(path), "said.rkt.zst");
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	while (rk_trace_reader_next(reader, &op) == 1)
		count_said(&said, &op);
	rk_trace_reader_close(reader);
	assert_int_equal(said.begins, THREADS);
	assert_int_equal(said.ends, THREADS);
	assert_int_equal(said.instruments, 1);
	assert_int_equal(said.samples, THREADS);
	assert_int_equal(said.kernels, THREADS * LAUNCHES);
	assert_in_range(said.contexts, THREADS, 63);
}

static uint64_t limited_in(const char *name)
{
	struct rk_trace_reader *reader;
	uint64_t limited = UINT64_MAX;
	char path[256];
	struct rk_op op;

	path_of(path, sizeof(path), name);
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	while (rk_trace_reader_next(reader, &op) == 1) {
		if (op.kind == RK_OP_END)
			limited = op.tick.ledger.dropped[RK_LOSS_LIMIT];
	}
	rk_trace_reader_close(reader);
	return limited;
}

static void refuse_definitions(unsigned count)
{
	struct rk_instrument instrument = { .type = RK_INSTRUMENT_COUNTER };
	char name[32];

	instrument.name = name;
	for (unsigned i = 0; i < RK_INSTRUMENTS_MAX; i++) {
		snprintf(name, sizeof(name), "filler_%u_total", i);
		rk_instrument_define(&instrument);
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "refused_%u_total", i);
		assert_int_equal(rk_instrument_define(&instrument), 0);
	}
}

/* What the API could not even put into a ring is in the ledger of that recording. */
static void test_what_the_api_refused_is_told(void **state)
{
	static const char text[RK_TEXT_POOL_LARGE + 1] = "too long";
	uint64_t refused = rk_instrument_refused() + rk_text_pool_lost();

	(void)state;
	set_config("refused.rkt.zst");
	start_exporter();
	refuse_definitions(3);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rk_text_pool_put(text, sizeof(text)), 0);
	refused = rk_instrument_refused() + rk_text_pool_lost() - refused;
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	assert_in_range(refused, 3 + 4, UINT64_MAX);
	assert_int_equal(limited_in("refused.rkt.zst"), refused);
	set_config("next.rkt.zst");
	start_exporter();
	rk_thread_close_gate();
	assert_int_equal(rk_exporter_stop(2000), 0);
	assert_int_equal(limited_in("next.rkt.zst"), 0);
}

static int setup_all(void **state)
{
	(void)state;
	rk_clock_mark();
	rk_clock_init();
	rk_ring_init(&gpu_ring, gpu_slots, GPU_SLOTS, sizeof(gpu_slots[0]));
	assert_non_null(mkdtemp(folder));
	return rk_thread_init(512u << 10, 64);
}

static int teardown_all(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_and_verdict),
		cmocka_unit_test(test_unwritable_folder_does_not_stop_the_rest),
		cmocka_unit_test(test_open_launch_is_told),
		cmocka_unit_test(test_said_is_in_the_file),
		cmocka_unit_test(test_what_the_api_refused_is_told),
		cmocka_unit_test(test_sealed_within_a_second),
		cmocka_unit_test(test_thread_outlives_the_stop),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
