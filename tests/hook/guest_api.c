/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_api.c - a program that uses include/rustkernel.h; C11 and C++17.
 *
 * usage: guest_api MODE N
 *   all        every function once; N is ignored
 *   gpu        a kernel span with stages around N launches each
 *   later      attaches a context, then makes N launches, and says nothing else
 *   threads    16 threads say N things each, and go on in each other's contexts
 *   fork       says something, then forks N times while another thread defines instruments
 *   forkfirst  forks before anything; the child alone says N things
 *   full       N spans: more than a ring holds
 *   exit       says something in atexit() handlers
 *   atexit     says its first word in an atexit() handler
 *   tsd        says something in destructors of thread-specific data
 *   contexts   only handles contexts and creates instruments
 * What it prints must not depend on whether it is being recorded.
 */
#include "include/rustkernel.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "guest_api.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define THREADS	    16

typedef int result_t; /* CUresult */
typedef result_t (*launch_fn)(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
			      unsigned by, unsigned bz, unsigned shared, void *stream,
			      void **parameters, void **extra);

static int count;
static launch_fn launch_kernel;
static void *function, *gpu;

static void *find(const char *name)
{
	void *found = dlsym(gpu, name);

	CHECK(found);
	return found;
}

static void set_up_gpu(void)
{
	static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
				  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";
	void *context = NULL, *module = NULL;

	gpu = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(gpu);
	launch_kernel = (launch_fn)find("cuLaunchKernel");
	CHECK(((result_t(*)(unsigned))find("cuInit"))(0) == 0);
	CHECK(((result_t(*)(void **, int))find("cuDevicePrimaryCtxRetain"))(&context, 0) == 0);
	CHECK(((result_t(*)(void *))find("cuCtxSetCurrent"))(context) == 0);
	CHECK(((result_t(*)(void **, const void *))find("cuModuleLoadData"))(&module, ptx) == 0);
	CHECK(((result_t(*)(void **, void *, const char *))find("cuModuleGetFunction"))(
		      &function, module, "guest_kernel") == 0);
}

static void launch(unsigned grid)
{
	for (int i = 0; i < count; i++)
		CHECK(launch_kernel(function, grid, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == 0);
}

static void say_metrics(void)
{
	static const double bounds[] = { 1, 2.5, 5 };
	static const struct rk_label labels[] = { { "queue", "fast" }, { "zone", "eu" } };
	struct rk_metric_options options = RK_METRIC_OPTIONS_INIT;
	struct rk_kernel_metrics kernel = rk_kernel_metrics_create("my-kernel", "Graph");
	struct rk_counter counter, none = { 0 };
	struct rk_gauge gauge = rk_gauge_create("depth", "1", "how deep");
	struct rk_histogram histogram;

	rk_kernel_metrics_record_execution(kernel, 1500000, RK_STATUS_OK);
	rk_kernel_metrics_record_execution(kernel, 2500000, RK_STATUS_ERROR);
	rk_kernel_metrics_record_memory_allocated(kernel, 4096);
	rk_kernel_metrics_record_memory_freed(kernel, 1024);
	rk_kernel_metrics_set_queue_depth(kernel, 7);
	options.name = "requests";
	options.unit = "{request}";
	options.labels = labels;
	options.label_count = 2;
	counter = rk_counter_create_with(&options);
	CHECK(counter.number == rk_counter_create_with(&options).number);
	rk_counter_add(counter, 3);
	rk_counter_add(counter, -1);
	rk_counter_add(none, 1);
	rk_gauge_set(gauge, 5);
	rk_gauge_add(gauge, -2);
	options.name = "latency";
	options.bounds = bounds;
	options.bound_count = 3;
	histogram = rk_histogram_create_with(&options);
	rk_histogram_record(histogram, 2.25);
	CHECK(rk_counter_create("rustkernel_mine", "", "").number == 0);
	CHECK(rk_counter_create("9", "", "").number == 0);
	CHECK(rk_counter_create("", "", "").number == 0);
	CHECK(rk_counter_create(NULL, NULL, NULL).number == 0);
	options.label_count = 17;
	CHECK(rk_counter_create_with(&options).number == 0);
	CHECK(rk_counter_create_with(NULL).number == 0);
}

static void say_spans(void)
{
	struct rk_attribute attributes[5];
	struct rk_context remote = rk_context_extract(TRACEPARENT, "a=1", "tenant_id=x");
	struct rk_span kernel, stage, detached, zero = RK_SPAN_INIT;
	struct rk_span_options options = RK_SPAN_OPTIONS_INIT;

	attributes[0] = rk_text("text", "caf\xc3\xa9\xff");
	attributes[1] = rk_integer("integer", -7);
	attributes[2] = rk_number("number", 0.5);
	attributes[3] = rk_bool("flag", true);
	attributes[4] = rk_text(NULL, "no key");
	rk_kernel_span_begin(&kernel, "graph/pagerank", "Graph");
	rk_stage_begin(&stage, "validate");
	rk_span_set_attributes(&stage, attributes, 5);
	rk_span_add_event(&stage, "checked", attributes, 2);
	rk_span_add_link(&stage, &remote, attributes + 1, 1);
	rk_span_set_status(&stage, RK_STATUS_ERROR, "too small");
	rk_span_end(&stage);
	rk_span_end(&stage);
	options.name = "detached";
	options.parent = &remote;
	options.kind = RK_KIND_SERVER;
	options.flags = RK_SPAN_FLAG_DETACHED;
	options.attributes = attributes;
	options.attribute_count = 1;
	rk_span_begin_with(&detached, &options);
	rk_span_end(&detached);
	guest_api_say_elsewhere("elsewhere");
	rk_log(RK_LEVEL_WARN, "Graph", "%d of %s", 3, "four");
	rk_log_fields(RK_LEVEL_INFO, NULL, "fields", attributes, 4);
	rk_span_end(&kernel);
	rk_span_end(&zero);
	rk_span_end(NULL);
	rk_span_begin(NULL, "nowhere");
	rk_span_set_text(NULL, "a", "b");
	rk_span_begin_with(&zero, NULL);
	CHECK(zero.context.number == 0);
}

static void *return_baggage(void *out)
{
	rk_baggage_get(NULL, "tenant_id", (char *)out, 16);
	return out;
}

static void note_header(void *carrier, const char *name, const char *value)
{
	char *out = (char *)carrier;

	strcat(strcat(strcat(strcat(out, name), ": "), value), "\n");
}

static const char *give_header(void *carrier, const char *name)
{
	(void)carrier;
	if (strcmp(name, "traceparent") == 0)
		return TRACEPARENT;
	return strcmp(name, "baggage") == 0 ? "tenant_id=z" : NULL;
}

/* Without a tracer there are no contexts; with one these are the same in every run. */
static void check_contexts(void)
{
	char text[RK_TRACEPARENT_BYTES], value[16] = "", headers[512] = "";
	char buffer[RK_ENVIRONMENT_BYTES], *strings[RK_ENVIRONMENT_COUNT];
	struct rk_context remote = rk_context_extract(TRACEPARENT, " a=1 ", "tenant_id=x%20y,bad");
	struct rk_context carried = rk_context_extract_from(give_header, NULL);
	struct rk_context before = rk_context_attach(&remote);
	bool is_there = remote.flags != 0;

	CHECK((rk_context_header(NULL, RK_HEADER_TRACEPARENT, text, sizeof(text)) == 55) ==
	      is_there);
	CHECK(strcmp(text, is_there ? TRACEPARENT : "") == 0);
	CHECK(rk_context_header(NULL, RK_HEADER_TRACEPARENT, text, 55) == 0 && !*text);
	CHECK(rk_execute_with_context(&remote, return_baggage, value) == (void *)value);
	CHECK(strcmp(value, is_there ? "x y" : "") == 0);
	rk_execute_with_context(&carried, return_baggage, value);
	CHECK(strcmp(value, is_there ? "z" : "") == 0);
	CHECK(rk_baggage_set(&remote, "region", "eu,1") == is_there);
	CHECK(!rk_baggage_set(&remote, "no key", "x"));
	CHECK(!rk_baggage_remove(&remote, "absent"));
	rk_context_inject(&remote, note_header, headers);
	CHECK(strcmp(headers, is_there ? "traceparent: " TRACEPARENT "\ntracestate: a=1\n"
					 "baggage: tenant_id=x%20y,region=eu%2C1\n" :
					 "") == 0);
	CHECK(rk_baggage_remove(&remote, "tenant_id") == is_there);
	CHECK(rk_context_to_environment(&remote, buffer, sizeof(buffer), strings) ==
	      (is_there ? 3 : 0));
	CHECK(!strings[is_there ? 3 : 0]);
	CHECK(!is_there || strcmp(strings[2], "BAGGAGE=region=eu%2C1") == 0);
	CHECK(rk_context_to_environment(&remote, buffer, 70, strings) == (is_there ? 1 : 0));
	rk_context_detach(&before);
	CHECK(rk_context_header(NULL, RK_HEADER_BAGGAGE, text, sizeof(text)) == 0);
	CHECK(rk_context_extract("nonsense", "a=1", NULL).texts == 0);
	CHECK(rk_context_extract(NULL, NULL, NULL).flags == 0);
}

static void check_breaker(void)
{
	struct rk_circuit_breaker breaker = RK_CIRCUIT_BREAKER_INIT("db");

	for (int i = 0; i < 4; i++)
		rk_circuit_breaker_note(&breaker, false);
	CHECK(rk_circuit_breaker_allows(&breaker));
	rk_circuit_breaker_note(&breaker, true);
	for (int i = 0; i < 5; i++)
		rk_circuit_breaker_note(&breaker, false);
	CHECK(rk_circuit_breaker_state(&breaker) == RK_CIRCUIT_OPEN);
	CHECK(!rk_circuit_breaker_allows(&breaker));
	breaker.cool_down_ms = 0;
	CHECK(rk_circuit_breaker_allows(&breaker));
	CHECK(rk_circuit_breaker_state(&breaker) == RK_CIRCUIT_HALF_OPEN);
	rk_circuit_breaker_note(&breaker, true);
	rk_circuit_breaker_note(&breaker, true);
	CHECK(rk_circuit_breaker_state(&breaker) == RK_CIRCUIT_CLOSED);
	CHECK(rk_circuit_breaker_allows(NULL));
	rk_circuit_breaker_set("other", RK_CIRCUIT_HALF_OPEN);
	rk_circuit_breaker_set(NULL, RK_CIRCUIT_OPEN);
}

static void run_all(void)
{
	struct rk_slo_result result;

	errno = 4711;
	say_metrics();
	check_contexts();
	say_spans();
	check_breaker();
	CHECK(rk_slo_check("none", &result) == RK_VERDICT_NO_DATA && result.targets == 0);
	CHECK(rk_slo_check(NULL, NULL) == RK_VERDICT_NO_DATA);
	CHECK(errno == 4711);
}

static void run_gpu(void)
{
	struct rk_span kernel, prepare, execute;

	rk_kernel_span_begin(&kernel, "graph/pagerank", "Graph");
	rk_stage_begin(&prepare, "prepare_input");
	set_up_gpu();
	launch(1);
	rk_span_end(&prepare);
	rk_stage_begin(&execute, "gpu_execute");
	launch(2);
	rk_span_end(&execute);
	rk_span_end(&kernel);
	launch(3);
}

static void run_later(void)
{
	struct rk_context remote = rk_context_extract(TRACEPARENT, NULL, "tenant_id=x");

	rk_context_attach(&remote);
	set_up_gpu();
	launch(1);
}

static struct rk_context shared[THREADS];

static void *say_much(void *data)
{
	int own = (int)(intptr_t)data;
	struct rk_counter counter = rk_counter_create("shared", "1", "of all threads");
	struct rk_span span, stage;

	for (int i = 0; i < count; i++) {
		struct rk_context before, next = shared[(own + 1) % THREADS];

		before = rk_context_attach(&next);
		rk_span_begin(&span, "work");
		rk_baggage_set(&next, "round", i % 2 ? "odd" : "even");
		rk_stage_begin(&stage, "stage");
		rk_span_set_integer(&stage, "round", i);
		rk_counter_add(counter, 1);
		rk_span_end(&stage);
		rk_log(RK_LEVEL_INFO, "Threads", "round %d", i);
		rk_span_end(&span);
		rk_context_detach(&before);
	}
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];
	struct rk_span root;

	rk_span_begin(&root, "root");
	for (intptr_t i = 0; i < THREADS; i++)
		shared[i] = rk_context_capture();
	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, say_much, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	rk_span_end(&root);
}

static bool is_stopping;

static void *define_much(void *data)
{
	char name[32];

	for (int i = 0; !__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE); i++) {
		snprintf(name, sizeof(name), "instrument_%d", i % 3000);
		rk_counter_create(name, "", "");
	}
	return data;
}

static void wait_for(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void run_fork(void)
{
	struct rk_context remote = rk_context_extract(TRACEPARENT, NULL, NULL);
	char text[RK_TRACEPARENT_BYTES];
	struct rk_span span;
	pthread_t thread;

	rk_context_attach(&remote);
	guest_api_say_elsewhere("parent");
	CHECK(pthread_create(&thread, NULL, define_much, NULL) == 0);
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (child == 0) {
			CHECK(!rk_is_active());
			rk_span_begin(&span, "child");
			say_metrics();
			/* The trace goes on all the same. */
			CHECK(rk_context_header(NULL, RK_HEADER_TRACEPARENT, text, sizeof(text)) ==
				      0 ||
			      strcmp(text, TRACEPARENT) == 0);
			rk_span_end(&span);
			_exit(0);
		}
		wait_for(child);
	}
	__atomic_store_n(&is_stopping, true, __ATOMIC_RELEASE);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void run_fork_first(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		for (int i = 0; i < count; i++)
			guest_api_say_elsewhere("child");
		exit(0);
	}
	wait_for(child);
}

static void run_full(void)
{
	struct rk_span span;

	for (int i = 0; i < count; i++) {
		rk_span_begin(&span, "many");
		rk_span_set_text(&span, "text", "as long as it takes to need a slot or two of it");
		rk_span_end(&span);
	}
}

static void say_at_exit(void)
{
	guest_api_say_elsewhere("at exit");
}

static void run_exit(void)
{
	atexit(say_at_exit); /* after ours: nothing is recorded any more */
	guest_api_say_elsewhere("first");
	atexit(say_at_exit);
}

static void say_late(void *data)
{
	guest_api_say_elsewhere((const char *)data);
}

static void *leave_data(void *key)
{
	pthread_setspecific(*(pthread_key_t *)key, "late");
	guest_api_say_elsewhere("early");
	return NULL;
}

static void run_tsd(void)
{
	pthread_key_t key;
	pthread_t thread;

	guest_api_say_elsewhere("main");
	CHECK(pthread_key_create(&key, say_late) == 0); /* after ours, so called after it */
	CHECK(pthread_create(&thread, NULL, leave_data, &key) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void run_contexts(void)
{
	struct rk_context own = rk_context_from_environment();

	CHECK(own.flags == 0);
	check_contexts();
	rk_counter_create("requests", "", "");
	CHECK(!rk_is_active());
}

int guest_api_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "all", run_all },	      { "gpu", run_gpu },   { "later", run_later },
		{ "threads", run_threads },   { "fork", run_fork }, { "forkfirst", run_fork_first },
		{ "full", run_full },	      { "exit", run_exit }, { "tsd", run_tsd },
		{ "contexts", run_contexts },
	};

	CHECK(argc == 3);
	count = atoi(argv[2]);
	if (strcmp(argv[1], "atexit") == 0)
		atexit(say_at_exit);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(modes[i].name, argv[1]) == 0)
			modes[i].run();
	}
	printf("%s done\n", argv[1]);
	return 0;
}

#ifndef GUEST_MODULE
int main(int argc, char **argv)
{
	return guest_api_main(argc, argv);
}
#endif
