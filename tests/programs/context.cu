/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/context.cu - contexts that leave the thread, the stream or the process.
 *
 * usage: context threads       one span, continued by capture and by its own context
 *        context queue         messages to two workers, answered in the context they came in
 *        context callback      a host function between two kernels of a stream
 *        context streams       two stages, a stream each, synchronised when both have ended
 *        context fork          a process that records forks; the child runs `context back`
 *        context fork-first    forks before anything was recorded; both work
 *        context forward ARG...  a span, and in it the program ARG... by environment
 *        context hand ARG...     the same with the headers as lines on its standard input
 *        context back          takes headers as lines from standard input, works in them
 *
 * A kernel is told by its number of blocks. Prints the trace id it works in.
 */
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "rustkernel.h"

#define QUEUE 8

extern char **environ;

__global__ void work_kernel(void)
{
}

static void launch(unsigned blocks)
{
	work_kernel<<<blocks, 32>>>();
	CHECK(cudaGetLastError());
}

static void print_trace(const struct rk_context *context)
{
	for (int i = 0; i < 16; i++)
		printf("%02x", context->trace_id[i]);
	printf("\n");
	fflush(stdout);
}

static void start_thread(pthread_t *thread, void *(*function)(void *), void *data)
{
	if (pthread_create(thread, NULL, function, data))
		exit(1);
}

/* ---- threads ---- */

struct handed {
	struct rk_context captured, own;
};

static void *launch_blocks(void *data)
{
	launch(*(unsigned *)data);
	CHECK(cudaDeviceSynchronize());
	return NULL;
}

static void *continue_there(void *data)
{
	struct handed *handed = (struct handed *)data;
	unsigned captured = 12, own = 13, none = 14;

	rk_execute_with_context(&handed->captured, launch_blocks, &captured);
	rk_execute_with_context(&handed->own, launch_blocks, &own);
	launch_blocks(&none);
	return NULL;
}

static void run_threads(void)
{
	struct handed handed;
	struct rk_span span;
	pthread_t thread;

	rk_kernel_span_begin(&span, "threads", NULL);
	launch(11);
	handed.captured = rk_context_capture();
	handed.own = rk_span_context(&span);
	start_thread(&thread, continue_there, &handed);
	pthread_join(thread, NULL);
	launch(15);
	CHECK(cudaDeviceSynchronize());
	print_trace(&handed.own);
	rk_span_end(&span);
}

/* ---- queue ---- */

struct message {
	struct rk_context context;
	unsigned blocks; /* 0 = the end */
};

static struct message queue[QUEUE];
static unsigned queued, taken;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void push(unsigned blocks)
{
	pthread_mutex_lock(&lock);
	queue[queued].context = rk_context_capture();
	queue[queued++].blocks = blocks;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct message pop(void)
{
	struct message message;

	pthread_mutex_lock(&lock);
	while (taken == queued)
		pthread_cond_wait(&changed, &lock);
	message = queue[taken++];
	pthread_mutex_unlock(&lock);
	return message;
}

static void *serve(void *unused)
{
	struct message message;

	while ((message = pop()).blocks) {
		struct rk_context before = rk_context_attach(&message.context);
		struct rk_span span;

		rk_kernel_span_begin(&span, "answer", NULL);
		launch(message.blocks);
		CHECK(cudaDeviceSynchronize());
		rk_span_end(&span);
		rk_context_detach(&before);
	}
	launch(29); /* no longer in any context */
	CHECK(cudaDeviceSynchronize());
	return unused;
}

static void run_queue(void)
{
	static const char *const names[] = { "first", "second", "third" };
	pthread_t workers[2];

	CHECK(cudaFree(0));
	for (int i = 0; i < 2; i++)
		start_thread(&workers[i], serve, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct rk_span span;

		rk_span_begin(&span, names[i]);
		push(21 + i);
		rk_span_end(&span); /* before the answer */
	}
	push(0);
	push(0);
	for (int i = 0; i < 2; i++)
		pthread_join(workers[i], NULL);
}

/* ---- callback ---- */

static void tell(void *data)
{
	struct rk_context before = rk_context_attach((struct rk_context *)data);
	struct rk_span span;

	rk_span_begin(&span, "callback");
	rk_span_end(&span);
	rk_context_detach(&before);
}

static void run_callback(void)
{
	struct rk_context context;
	struct rk_span span;

	rk_kernel_span_begin(&span, "callback-kernel", NULL);
	context = rk_context_capture();
	launch(31);
	CHECK(cudaLaunchHostFunc(0, tell, &context));
	launch(32);
	rk_span_end(&span);
	CHECK(cudaDeviceSynchronize());
}

/* ---- streams ---- */

static void run_streams(void)
{
	cudaStream_t streams[2];
	struct rk_span whole;

	for (int i = 0; i < 2; i++)
		CHECK(cudaStreamCreate(&streams[i]));
	rk_kernel_span_begin(&whole, "streams", NULL);
	for (int i = 0; i < 2; i++) {
		struct rk_span stage;

		rk_stage_begin(&stage, i ? "second" : "first");
		work_kernel<<<41 + i, 32, 0, streams[i]>>>();
		work_kernel<<<43 + i, 32, 0, streams[1 - i]>>>();
		rk_span_end(&stage);
	}
	rk_span_end(&whole);
	CHECK(cudaDeviceSynchronize());
}

/* ---- processes ---- */

static void wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "the child ended with %x\n", status);
		exit(1);
	}
}

/* The environment with that of @context in place of its own. */
static char **make_environment(const struct rk_context *context, char *buffer, char **out,
			       size_t size)
{
	char *strings[RK_ENVIRONMENT_COUNT];
	size_t count = 0;

	rk_context_to_environment(context, buffer, RK_ENVIRONMENT_BYTES, strings);
	for (char **old = environ; *old && count + RK_ENVIRONMENT_COUNT < size; old++) {
		if (strncmp(*old, "TRACE", 5) && strncmp(*old, "BAGGAGE=", 8))
			out[count++] = *old;
	}
	memcpy(out + count, strings, sizeof(strings));
	return out;
}

static void put_header(void *carrier, const char *name, const char *value)
{
	fprintf((FILE *)carrier, "%s: %s\n", name, value);
}

/* @by_message: the headers go through a pipe, and the environment says nothing. */
static void start_program(char **arguments, bool by_message)
{
	static const struct rk_context nowhere = {};
	static char buffer[RK_ENVIRONMENT_BYTES];
	static char *variables[4096];
	posix_spawn_file_actions_t actions;
	int ends[2];
	FILE *message;
	pid_t child;

	if (pipe(ends))
		exit(1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	make_environment(by_message ? &nowhere : NULL, buffer, variables, 4096);
	if (posix_spawnp(&child, arguments[0], &actions, NULL, arguments, variables))
		exit(1);
	close(ends[0]);
	message = fdopen(ends[1], "w");
	if (by_message)
		rk_context_inject(NULL, put_header, message);
	fclose(message);
	wait_for(child);
}

static void run_forward(char **arguments, bool by_message)
{
	struct rk_context from = rk_context_from_environment();
	struct rk_context before = rk_context_attach(&from);
	struct rk_span span;

	rk_kernel_span_begin(&span, by_message ? "hand" : "forward", NULL);
	from = rk_span_context(&span);
	launch(by_message ? 52 : 51);
	CHECK(cudaDeviceSynchronize());
	start_program(arguments, by_message);
	print_trace(&from);
	rk_span_end(&span);
	rk_context_detach(&before);
}

struct headers {
	char values[3][RK_HEADER_BYTES];
};

static const char *get_header(void *carrier, const char *name)
{
	struct headers *headers = (struct headers *)carrier;
	int at = strcmp(name, "traceparent") == 0 ? 0 : strcmp(name, "tracestate") == 0 ? 1 : 2;

	return headers->values[at][0] ? headers->values[at] : NULL;
}

static void run_back(void)
{
	static const char *const names[] = { "traceparent: ", "tracestate: ", "baggage: " };
	static char line[RK_HEADER_BYTES + 16];
	static struct headers headers;
	struct rk_context context;
	struct rk_span span;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < 3; i++) {
			size_t length = strlen(names[i]);

			if (strncmp(line, names[i], length) == 0)
				snprintf(headers.values[i], RK_HEADER_BYTES, "%s", line + length);
		}
	}
	context = rk_context_extract_from(get_header, &headers);
	rk_context_attach(&context);
	launch(61); /* an execution of its own in the caller's context */
	CHECK(cudaDeviceSynchronize());
	rk_kernel_span_begin(&span, "back", NULL);
	launch(62);
	CHECK(cudaDeviceSynchronize());
	context = rk_span_context(&span);
	print_trace(&context);
	rk_span_end(&span);
}

/* A child of a process that records is not recorded itself; its context goes on to others. */
static void run_fork(char *self)
{
	char back[] = "back";
	char *arguments[] = { self, back, NULL };
	struct rk_context context;
	struct rk_span span, lost;
	pid_t child;

	rk_kernel_span_begin(&span, "fork", NULL);
	launch(71);
	CHECK(cudaDeviceSynchronize());
	context = rk_span_context(&span);
	print_trace(&context);
	child = fork();
	if (child == 0) {
		rk_span_begin(&lost, "in the child");
		rk_span_end(&lost);
		if (rk_is_active())
			_exit(3);
		start_program(arguments, true);
		_exit(0);
	}
	wait_for(child);
	launch(72);
	CHECK(cudaDeviceSynchronize());
	rk_span_end(&span);
}

static void work_after_fork(const char *name, unsigned blocks)
{
	struct rk_context from = rk_context_from_environment();
	struct rk_span span;

	rk_context_attach(&from);
	rk_kernel_span_begin(&span, name, NULL);
	launch(blocks);
	CHECK(cudaDeviceSynchronize());
	rk_span_end(&span);
}

static void run_fork_first(void)
{
	pid_t child = fork();

	work_after_fork(child ? "parent" : "child", child ? 81 : 82);
	if (child)
		wait_for(child);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "threads") == 0)
		run_threads();
	else if (strcmp(what, "queue") == 0)
		run_queue();
	else if (strcmp(what, "callback") == 0)
		run_callback();
	else if (strcmp(what, "streams") == 0)
		run_streams();
	else if (strcmp(what, "fork") == 0)
		run_fork(argv[0]);
	else if (strcmp(what, "fork-first") == 0)
		run_fork_first();
	else if (strcmp(what, "forward") == 0 && argc > 2)
		run_forward(argv + 2, false);
	else if (strcmp(what, "hand") == 0 && argc > 2)
		run_forward(argv + 2, true);
	else if (strcmp(what, "back") == 0)
		run_back();
	else
		return 64;
	return 0;
}
