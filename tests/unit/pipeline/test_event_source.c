/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_event_source.c - what is told of spans, of what the program says and
 * of the tracer's own lines, and to whom.
 */
#include "op_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/api_record.h"
#include "core/env.h"
#include "core/fields.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "pipeline/live/event_source.h"

#define LINES_BYTES 65536

static struct rk_event_source source;
static struct rk_config config;
static struct rk_domain_level domain_levels[] = { { "Compliance", RK_LOG_DEBUG },
						  { "Noise", RK_LOG_OFF } };
static char written[LINES_BYTES];
static int memory_fd;
static unsigned sent;
static struct rk_log_event last_sent;

static void take_event(struct rk_net *net, const struct rk_log_event *event)
{
	(void)net;
	sent++;
	last_sent = *event;
}

static struct rk_net net = { .log = take_event };

static int set_up(void **state)
{
	struct rk_event_source_setup setup = {
		.config = &config,
		.baggage = "tenant_id=of%20the%20process,region=eu",
		.shows_executions = true,
	};

	(void)state;
	config = (struct rk_config){
		.logging_level = RK_LOG_INFO,
		.logging_include_kernel_context = true,
		.tracing_baggage_attributes = "tenant_id,region",
	};
	sent = 0;
	memset(&last_sent, 0, sizeof(last_sent));
	memory_fd = memfd_create("log", MFD_CLOEXEC);
	if (memory_fd < 0 || rk_log_output_open_fd(&setup.output, RK_LOG_JSON, memory_fd))
		return -1;
	rk_event_source_start(&source, &setup);
	rk_event_source_set_net(&source, &net);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rk_event_source_stop(&source);
	close(memory_fd);
	rk_log_init(RK_LOG_WARN, false);
	return 0;
}

/* What was written since the last call. */
static const char *take_written(void)
{
	ssize_t length = pread(memory_fd, written, sizeof(written) - 1, 0);

	assert_true(length >= 0);
	written[length] = '\0';
	assert_int_equal(ftruncate(memory_fd, 0), 0);
	assert_int_equal(lseek(memory_fd, 0, SEEK_SET), 0);
	return written;
}

static void assert_silent(void)
{
	assert_string_equal(take_written(), "");
	assert_int_equal(sent, 0);
}

static struct rk_span make_span(const char *domain)
{
	return (struct rk_span){
		.trace_id = { 0xab, [15] = 1 },
		.span_id = { 0xcd, [7] = 2 },
		.start_unix_ns = 1700000000000000000u,
		.end_unix_ns = 1700000000001500001u,
		.name = "kernel:k",
		.kernel_id = "k",
		.domain = domain,
		.error = "",
		.shape = RK_SPAN_ROOT,
	};
}

static void give_span(const struct rk_span *span)
{
	source.sink.span(&source.sink, span);
}

static void test_execution(void **state)
{
	const struct rk_baggage_entry baggage[] = { { "region", "eu" }, { "tenant_id", "acme" } };
	struct rk_span span = make_span("D");

	(void)state;
	span.baggage = baggage;
	span.baggage_count = 2;
	give_span(&span);
	assert_string_equal(take_written(),
			    "{\"timestamp\":\"2023-11-14T22:13:20.001500001Z\",\"level\":\"INFO\","
			    "\"message\":\"Kernel execution complete\",\"kernel_id\":\"k\","
			    "\"domain\":\"D\",\"duration_ms\":1.500001,"
			    "\"trace_id\":\"ab000000000000000000000000000001\","
			    "\"span_id\":\"cd00000000000002\",\"tenant_id\":\"acme\","
			    "\"region\":\"eu\"}\n");
	assert_int_equal(sent, 1);
	assert_string_equal(last_sent.name, "rustkernel.execution");
}

static void test_other_spans_are_no_executions(void **state)
{
	const struct rk_span_api stage = { .message = "" };
	struct rk_span span = make_span("D");

	(void)state;
	span.shape = RK_SPAN_STAGE;
	give_span(&span);
	span.shape = RK_SPAN_LEAF;
	give_span(&span);
	span.shape = RK_SPAN_API;
	span.api = &stage;
	give_span(&span);
	assert_silent();
}

static void test_kernel_span_of_the_program(void **state)
{
	struct rk_span_api api = { .is_kernel = true, .status = RK_SPAN_OK, .message = "" };
	struct rk_span span = make_span("D");
	const char *line;

	(void)state;
	span.shape = RK_SPAN_API;
	span.api = &api;
	give_span(&span);
	assert_non_null(strstr(take_written(), "\"level\":\"INFO\""));
	api.status = RK_SPAN_ERROR;
	api.message = "queue was empty";
	give_span(&span);
	line = take_written();
	assert_non_null(strstr(line, "\"level\":\"ERROR\""));
	assert_non_null(strstr(line, "\"error.message\":\"queue was empty\""));
	assert_null(strstr(line, "error.type"));
}

static void test_failed_execution_has_cudas_words(void **state)
{
	struct rk_span span = make_span("D");
	const char *line;

	(void)state;
	config.logging_level = RK_LOG_ERROR;
	give_span(&span);
	assert_silent();
	span.error = "CUDA_ERROR_OUT_OF_MEMORY";
	give_span(&span);
	line = take_written();
	assert_non_null(strstr(line, "\"level\":\"ERROR\""));
	assert_non_null(strstr(line, "\"error.type\":\"CUDA_ERROR_OUT_OF_MEMORY\","
				     "\"error.message\":\"out of memory\""));
	span.error_message = "cuMemAlloc_v2 failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)";
	give_span(&span);
	assert_non_null(strstr(take_written(), "\"error.message\":\"cuMemAlloc_v2 failed: "
					       "CUDA_ERROR_OUT_OF_MEMORY (out of memory)\""));
}

/* Inside an execution its line tells it; a question that is answered with no is none. */
static void test_failed_call_outside_of_executions(void **state)
{
	struct rk_op op = { .kind = RK_OP_ERROR, .result = 209, .flags = RK_OP_F_QUESTION };
	const char *line;

	(void)state;
	op.api = rk_intern("cuModuleLoadData");
	source.sink.op(&source.sink, &op);
	assert_silent();
	op.flags = 0;
	op.exec = 7;
	source.sink.op(&source.sink, &op);
	assert_silent();
	op.exec = 0;
	source.sink.op(&source.sink, &op);
	line = take_written();
	assert_non_null(strstr(line, "\"level\":\"ERROR\",\"message\":\"CUDA call failed\""));
	assert_non_null(strstr(line, "\"error.type\":\"CUDA_ERROR_NO_BINARY_FOR_GPU\""));
	assert_non_null(strstr(line, "\"error.message\":\"cuModuleLoadData failed: "));
	assert_int_equal(sent, 1);
	assert_string_equal(last_sent.name, "rustkernel.error");
}

static void test_levels_by_domain(void **state)
{
	struct rk_span span = make_span("Compliance");

	(void)state;
	config.logging_level = RK_LOG_WARN;
	config.domain_levels = domain_levels;
	config.domain_level_count = 2;
	give_span(&span);
	assert_string_not_equal(take_written(), "");
	sent = 0;
	span.domain = "Other";
	give_span(&span);
	span.domain = "Noise";
	span.error = "CUDA_ERROR_UNKNOWN";
	give_span(&span);
	assert_silent();
}

static void test_without_kernel_context(void **state)
{
	struct rk_span span = make_span("D");
	const char *line;

	(void)state;
	config.logging_include_kernel_context = false;
	give_span(&span);
	line = take_written();
	assert_non_null(strstr(line, "\"domain\":\"D\",\"duration_ms\":"));
	assert_null(strstr(line, "kernel_id"));
	assert_null(strstr(line, "_id\":\"ab"));
	assert_null(strstr(line, "span_id"));
}

static void give_op(struct rk_op *op, const struct rk_fields_writer *fields)
{
	op->text = fields->out;
	op->text_bytes = (uint32_t)fields->used;
	source.sink.op(&source.sink, op);
}

static void begin_span(uint8_t id, uint8_t parent, uint8_t flags, const char *name,
		       const char *baggage)
{
	struct rk_op op = { .kind = RK_OP_SPAN_BEGIN,
			    .said = {
				    .span_id = { id }, .parent_id = { parent }, .flags = flags } };
	struct rk_fields_writer fields;
	uint8_t text[512];

	rk_fields_writer_init(&fields, text, sizeof(text));
	rk_fields_put_placed(&fields, name);
	rk_fields_put_placed(&fields, "");
	rk_fields_put_placed(&fields, "");
	rk_fields_put_placed(&fields, baggage);
	give_op(&op, &fields);
}

static void say(uint16_t level, uint8_t span, const char *domain, const char *tenant)
{
	const struct rk_field keyed[] = {
		{ .key = "n", .type = RK_FIELD_INTEGER, .integer = -7 },
		{ .key = "x", .type = RK_FIELD_NUMBER, .number = 0.5 },
		{ .key = "on", .type = RK_FIELD_BOOL, .flag = true },
		{ .key = "who", .type = RK_FIELD_TEXT, .text = "me" },
		{ .key = "tenant_id", .type = RK_FIELD_TEXT, .text = tenant },
	};
	struct rk_op clock = { .kind = RK_OP_CLOCK, .clock.wall_offset_ns = 1700000000000000000 };
	struct rk_op op = { .kind = RK_OP_LOG,
			    .host_start = 5,
			    .said = { .what = level, .trace_id = { 9 }, .span_id = { span } } };
	struct rk_fields_writer fields;
	uint8_t text[512];

	source.sink.op(&source.sink, &clock);
	rk_fields_writer_init(&fields, text, sizeof(text));
	rk_fields_put_placed(&fields, domain);
	rk_fields_put_placed(&fields, "loaded");
	for (size_t i = 0; i < (tenant ? 5 : 4); i++)
		rk_fields_put(&fields, &keyed[i]);
	give_op(&op, &fields);
}

static void test_what_the_program_says(void **state)
{
	(void)state;
	say(RK_LOG_WARN, 0, "D", NULL);
	assert_string_equal(take_written(),
			    "{\"timestamp\":\"2023-11-14T22:13:20.000000005Z\",\"level\":\"WARN\","
			    "\"message\":\"loaded\",\"domain\":\"D\","
			    "\"trace_id\":\"09000000000000000000000000000000\","
			    "\"tenant_id\":\"of the process\",\"n\":-7,\"x\":0.5,\"on\":true,"
			    "\"who\":\"me\",\"region\":\"eu\"}\n");
	assert_int_equal(sent, 1);
	sent = 0;
	say(RK_LOG_DEBUG, 0, "D", NULL);
	assert_silent();
	config.domain_levels = domain_levels;
	config.domain_level_count = 2;
	say(RK_LOG_DEBUG, 0, "Compliance", NULL);
	assert_string_not_equal(take_written(), "");
	sent = 0;
	say(RK_LOG_ERROR, 0, "Noise", NULL);
	assert_silent();
}

static void test_lines_know_their_execution(void **state)
{
	const char *line;

	(void)state;
	begin_span(1, 0, RK_API_KERNEL, "kernel:graph/pagerank", "tenant_id=acme");
	begin_span(2, 1, 0, "validate", "tenant_id=acme");
	say(RK_LOG_INFO, 2, "", NULL);
	line = take_written();
	assert_non_null(strstr(line, "\"kernel_id\":\"graph/pagerank\""));
	assert_non_null(strstr(line, "\"tenant_id\":\"acme\""));
	assert_non_null(strstr(line, "\"span_id\":\"0200000000000000\""));
	assert_null(strstr(line, "domain"));
	/* What is said in the line itself comes first. */
	say(RK_LOG_INFO, 2, "", "other");
	assert_non_null(strstr(take_written(), "\"tenant_id\":\"other\""));
	/* A span that was never begun: what is known of the process. */
	say(RK_LOG_INFO, 77, "", NULL);
	line = take_written();
	assert_null(strstr(line, "kernel_id"));
	assert_non_null(strstr(line, "of the process"));
}

static void report(uint32_t number, double state)
{
	struct rk_op op = { .kind = RK_OP_SAMPLE,
			    .host_start = 1,
			    .sample = { .number = number, .value = state } };

	source.sink.op(&source.sink, &op);
}

static void test_breaker_that_changes(void **state)
{
	struct rk_op op = { .kind = RK_OP_INSTRUMENT,
			    .instrument = { .number = 7, .type = RK_INSTRUMENT_BREAKER } };
	struct rk_fields_writer fields;
	uint8_t text[64];
	const char *line;

	(void)state;
	rk_fields_writer_init(&fields, text, sizeof(text));
	rk_fields_put_placed(&fields, "backend");
	give_op(&op, &fields);
	report(7, 0);
	report(8, 2); /* of another instrument */
	report(7, 99);
	assert_silent();
	report(7, 2);
	report(7, 2);
	line = take_written();
	assert_non_null(strstr(line,
			       "\"level\":\"WARN\",\"message\":\"circuit breaker backend is "
			       "open\",\"circuit_breaker\":\"backend\",\"state\":\"open\"}\n"));
	assert_int_equal(sent, 1);
	report(7, 1);
	report(7, 0);
	line = take_written();
	assert_non_null(strstr(line, "half-open"));
	assert_non_null(strstr(line, "\"level\":\"INFO\",\"message\":\"circuit breaker backend is "
				     "closed\""));
}

static void test_events_of_other_engines(void **state)
{
	struct rk_log_event event = {
		.unix_ns = 1, .level = RK_LOG_WARN, .message = "alert", .duration_ms = -1
	};

	(void)state;
	rk_event_source_tell(&source, &event);
	assert_non_null(strstr(take_written(), "\"message\":\"alert\""));
	assert_int_equal(sent, 1);
	sent = 0;
	event.level = RK_LOG_DEBUG;
	rk_event_source_tell(&source, &event);
	assert_silent();
}

static char no_limit[] = "RUSTKERNEL_LOGGING_RATE_LIMIT=0";

/* As in a live process whose log is a file. */
static char *start_live(struct rk_env **env, struct rk_config **made, char *rate_limit)
{
	static char path[] = "/tmp/rkpreload-events-XXXXXX";
	char variable[128];
	char *environment[] = { variable, (char *)"RUSTKERNEL_LOGGING_FORMAT=json", rate_limit,
				NULL };
	struct rk_log_output_setup output = { .executable = "test", .host = "" };
	struct rk_event_source_setup setup = { .is_live = true };

	snprintf(path, sizeof(path), "/tmp/rkpreload-events-XXXXXX");
	close(mkstemp(path));
	snprintf(variable, sizeof(variable), "RUSTKERNEL_LOGGING_OUTPUT=%s", path);
	*env = rk_env_create(environment);
	assert_non_null(*env);
	assert_int_equal(rk_config_create(made, *env), 0);
	output.config = setup.config = *made;
	assert_int_equal(rk_log_output_open(&setup.output, &output), 0);
	rk_log_init(RK_LOG_WARN, false);
	rk_event_source_start(&source, &setup);
	return path;
}

static unsigned count_lines(const char *path, const char *text)
{
	char line[4096];
	unsigned found = 0;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found += strstr(line, text) != NULL;
	fclose(file);
	return found;
}

static void test_own_lines_go_the_same_way(void **state)
{
	struct rk_config *made;
	struct rk_env *env;
	char *path;

	(void)state;
	rk_event_source_stop(&source);
	path = start_live(&env, &made, no_limit);
	rk_log_warn("disk: could not write \"x\": %d", 7);
	rk_log_info("of no interest");
	assert_int_equal(count_lines(path, "disk"), 0); /* from any thread, written by one */
	rk_event_source_send(&source);
	assert_int_equal(count_lines(path, "\"level\":\"WARN\",\"message\":\"disk: could not write "
					   "\\\"x\\\": 7\"}\n"),
			 1);
	rk_event_source_set_net(&source, &net);
	rk_log_warn("to both");
	rk_event_source_leave_net(&source);
	assert_int_equal(sent, 1);
	rk_log_error("at the very end");
	rk_event_source_stop(&source);
	assert_int_equal(sent, 1);
	assert_int_equal(count_lines(path, "to both"), 1);
	assert_int_equal(count_lines(path, "at the very end"), 1);
	assert_int_equal(count_lines(path, ""), 3);
	unlink(path);
	rk_config_destroy(made);
	rk_env_destroy(env);
}

static void assert_losses(uint64_t lost, uint64_t suppressed)
{
	struct rk_event_source_losses losses;

	rk_event_source_get_losses(&source, &losses);
	assert_int_equal(losses.lost, lost);
	assert_int_equal(losses.suppressed, suppressed);
}

static void test_lines_of_one_kind_are_suppressed_and_counted(void **state)
{
	static char one_a_second[] = "RUSTKERNEL_LOGGING_RATE_LIMIT=1";
	struct rk_config *made;
	struct rk_env *env;
	char *path;

	(void)state;
	rk_event_source_stop(&source);
	path = start_live(&env, &made, one_a_second);
	for (unsigned i = 0; i < 30; i++)
		rk_log_warn("again");
	rk_event_source_send(&source);
	assert_losses(0, 20); /* ten seconds' worth may come at once */
	rk_event_source_stop(&source);
	assert_int_equal(count_lines(path, "\"message\":\"again\""), 10);
	assert_int_equal(count_lines(path, "20 similar suppressed: again"), 1);
	unlink(path);
	rk_config_destroy(made);
	rk_env_destroy(env);
}

static void test_too_many_own_lines_are_counted(void **state)
{
	struct rk_config *made;
	struct rk_env *env;
	char *path;

	(void)state;
	rk_event_source_stop(&source);
	path = start_live(&env, &made, no_limit);
	for (unsigned i = 0; i < RK_LOG_OWN_LINES + 3; i++)
		rk_log_warn("line");
	assert_losses(3, 0);
	rk_event_source_send(&source);
	assert_losses(3, 0); /* told about, and still lost */
	rk_event_source_stop(&source);
	assert_int_equal(count_lines(path, "\"message\":\"line\""), RK_LOG_OWN_LINES);
	assert_int_equal(count_lines(path, "3 lines of the tracer itself were lost"), 1);
	unlink(path);
	rk_config_destroy(made);
	rk_env_destroy(env);
}

#define TALKERS		 8
#define LINES_OF_TALKER 2000

static void *talk(void *data)
{
	for (int i = 0; i < LINES_OF_TALKER; i++)
		rk_log_warn("talker %d says %d.", *(int *)data, i);
	return NULL;
}

/* The lines that are told to be lost. */
static unsigned sum_lost(const char *path)
{
	char line[4096];
	unsigned sum = 0, lost;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, "log: ");

		if (at && sscanf(at, "log: %u lines", &lost) == 1)
			sum += lost;
	}
	fclose(file);
	return sum;
}

static void test_many_talk_at_once(void **state)
{
	pthread_t threads[TALKERS];
	int numbers[TALKERS];
	struct rk_config *made;
	struct rk_env *env;
	char *path;

	(void)state;
	rk_event_source_stop(&source);
	path = start_live(&env, &made, no_limit);
	for (int i = 0; i < TALKERS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, talk, &numbers[i]), 0);
	}
	for (int i = 0; i < 200; i++)
		rk_event_source_send(&source);
	for (int i = 0; i < TALKERS; i++)
		pthread_join(threads[i], NULL);
	rk_event_source_stop(&source);
	assert_int_equal(count_lines(path, "says") + sum_lost(path), TALKERS * LINES_OF_TALKER);
	unlink(path);
	rk_config_destroy(made);
	rk_env_destroy(env);
}

static void test_nobody_listens(void **state)
{
	const struct rk_event_source_setup setup = { .config = &config };

	(void)state;
	rk_event_source_stop(&source);
	assert_false(rk_event_source_is_wanted(&source));
	rk_event_source_start(&source, &setup);
	assert_false(rk_event_source_is_wanted(&source));
	assert_null(source.sink.span);
	rk_event_source_set_net(&source, &net);
	assert_true(rk_event_source_is_wanted(&source));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_execution),
		TEST(test_other_spans_are_no_executions),
		TEST(test_kernel_span_of_the_program),
		TEST(test_failed_execution_has_cudas_words),
		TEST(test_failed_call_outside_of_executions),
		TEST(test_levels_by_domain),
		TEST(test_without_kernel_context),
		TEST(test_what_the_program_says),
		TEST(test_lines_know_their_execution),
		TEST(test_breaker_that_changes),
		TEST(test_events_of_other_engines),
		TEST(test_own_lines_go_the_same_way),
		TEST(test_lines_of_one_kind_are_suppressed_and_counted),
		TEST(test_too_many_own_lines_are_counted),
		TEST(test_many_talk_at_once),
		TEST(test_nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
