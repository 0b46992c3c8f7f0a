/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/nvtx.cu - work in ranges of NVTX, by the real headers of NVTX 3.
 *
 * usage: nvtx nested           ranges in ranges; the outer one was opened before any GPU call
 *        nvtx started          a started range, ended by its thread, out of order
 *        nvtx crossing         a started range, ended by another thread while its own works on
 *        nvtx domains          domains, categories, payloads, registered and wide strings
 *        nvtx mixed            ranges in spans of the C API, and spans in ranges
 *        nvtx marks            marks in a range, in a span and alone
 *        nvtx unbalanced       pops without a push, ends without a start, a range never closed
 *        nvtx threads          threads that end with open ranges; one has a name
 *        nvtx fork             a child that goes on with its parent's ranges
 *        nvtx deep DEPTH       a range in a range in a range...
 *        nvtx many COUNT       ranges one after the other, a kernel in every 1,000th
 *        nvtx waiting          work that ends 300 ms after its range
 *        nvtx cost COUNT       ns of a push and its pop, before and while something is recorded
 *        nvtx nothing          ranges in a program that uses no GPU
 */
#include <nvtx3/nvToolsExt.h>
#include <nvtx3/nvtx3.hpp>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "rustkernel.h"

struct library {
	static constexpr char const *name{ "library" };
};

__global__ void outer_kernel(void)
{
}

__global__ void inner_kernel(void)
{
}

__global__ void after_kernel(void)
{
}

static void synchronize(void)
{
	CHECK(cudaDeviceSynchronize());
}

static void nested(void)
{
	nvtxRangePushA("outer");
	outer_kernel<<<1, 32>>>();
	nvtxRangePushA("inner");
	inner_kernel<<<1, 32>>>();
	inner_kernel<<<1, 32>>>();
	nvtxRangePop();
	synchronize();
	nvtxRangePop();
	after_kernel<<<1, 32>>>();
	synchronize();
}

static void started(void)
{
	nvtxRangeId_t first = nvtxRangeStartA("first"), second = nvtxRangeStartA("second");

	inner_kernel<<<1, 32>>>();
	nvtxRangeEnd(first); /* the second one is still open */
	inner_kernel<<<1, 32>>>();
	nvtxRangeEnd(second);
	after_kernel<<<1, 32>>>();
	synchronize();
}

static void *end_range(void *range)
{
	nvtxRangeEnd(*(nvtxRangeId_t *)range);
	return NULL;
}

static void crossing(void)
{
	nvtxRangeId_t range = nvtxRangeStartA("crossing");
	pthread_t thread;

	inner_kernel<<<1, 32>>>();
	CHECK(pthread_create(&thread, NULL, end_range, &range));
	CHECK(pthread_join(thread, NULL));
	after_kernel<<<1, 32>>>();
	synchronize();
}

static nvtxEventAttributes_t attributes(const char *message)
{
	nvtxEventAttributes_t event;

	memset(&event, 0, sizeof(event));
	event.version = NVTX_VERSION;
	event.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
	event.messageType = NVTX_MESSAGE_TYPE_ASCII;
	event.message.ascii = message;
	return event;
}

static void domains(void)
{
	nvtxDomainHandle_t domain = nvtxDomainCreateA("loader"), wide = nvtxDomainCreateW(L"wíde");
	nvtxStringHandle_t name = nvtxDomainRegisterStringA(domain, "registered");
	nvtxEventAttributes_t event = attributes("integer");
	char local[16] = "local";

	nvtxDomainNameCategoryA(domain, 7, "reading");
	event.category = 7;
	event.payloadType = NVTX_PAYLOAD_TYPE_INT64;
	event.payload.llValue = -42;
	nvtxDomainRangePushEx(domain, &event);
	event = attributes(NULL);
	event.category = 8;
	event.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
	event.message.registered = name;
	event.payloadType = NVTX_PAYLOAD_TYPE_DOUBLE;
	event.payload.dValue = 0.5;
	nvtxDomainRangePushEx(wide, &event);
	event = attributes(local);
	event.payloadType = NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
	event.payload.ullValue = UINT64_MAX;
	nvtxRangePushEx(&event);
	memset(local, 'x', sizeof(local) - 1);
	inner_kernel<<<1, 32>>>();
	nvtxDomainRangePop(domain); /* neither of the two in it */
	nvtxDomainDestroy(domain);
	nvtxRangePop();
	nvtxDomainRangePop(wide);
	nvtxRangePushW(L"Grüße \U0001f680");
	nvtxRangePop();
	event = attributes("too late");
	nvtxDomainRangePushEx(domain, &event);
	nvtxDomainRangePop(domain);
	nvtxDomainRangePushEx(domain, NULL);
	nvtxDomainRangePop(domain);
	{
		nvtx3::scoped_range_in<library> range{ "c++", nvtx3::payload{ 3.5f } };

		inner_kernel<<<1, 32>>>();
	}
	synchronize();
}

static void mixed(void)
{
	struct rk_span span, within;

	rk_span_begin(&span, "span");
	nvtxRangePushA("range in span");
	rk_span_begin(&within, "span in range");
	inner_kernel<<<1, 32>>>();
	rk_span_end(&within);
	nvtxRangePop();
	outer_kernel<<<1, 32>>>();
	rk_span_end(&span);
	synchronize();
}

static void marks(void)
{
	nvtxEventAttributes_t event = attributes("with payload");
	struct rk_span span;

	outer_kernel<<<1, 32>>>();
	event.payloadType = NVTX_PAYLOAD_TYPE_INT32;
	event.payload.iValue = 5;
	nvtxRangePushA("range");
	nvtxMarkA("in range");
	nvtxMarkEx(&event);
	nvtxRangePop();
	rk_span_begin(&span, "span");
	nvtxMarkA("in span");
	rk_span_end(&span);
	nvtxMarkA("alone");
	synchronize();
}

static void unbalanced(void)
{
	outer_kernel<<<1, 32>>>();
	nvtxRangePop();
	nvtxRangeEnd(0);
	nvtxRangeEnd(12345);
	nvtxRangePushA(NULL);
	nvtxRangePop();
	nvtxRangePop();
	nvtxRangePushA("never closed");
	inner_kernel<<<1, 32>>>();
	synchronize();
}

static void *end_with_open_ranges(void *name)
{
	nvtxNameOsThreadA((uint32_t)syscall(SYS_gettid), (const char *)name);
	nvtxRangePushA("abandoned");
	nvtxRangePushA("abandoned as well");
	inner_kernel<<<1, 32>>>();
	synchronize();
	return NULL;
}

static void threads(void)
{
	char name[] = "a thread with a long name";
	pthread_t thread;

	nvtxRangePushA("main");
	outer_kernel<<<1, 32>>>();
	CHECK(pthread_create(&thread, NULL, end_with_open_ranges, name));
	CHECK(pthread_join(thread, NULL));
	nvtxRangePop();
	synchronize();
}

static void fork_one(void)
{
	int status;
	pid_t child;

	nvtxRangePushA("parent");
	outer_kernel<<<1, 32>>>();
	synchronize();
	child = fork();
	if (child == 0) {
		nvtxRangePushA("child");
		nvtxMarkA("mark");
		nvtxRangePop();
		nvtxRangePop();
		nvtxRangeEnd(nvtxRangeStartA("started"));
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) != child || status);
	nvtxRangePop();
}

static void deep(int depth)
{
	for (int i = 0; i < depth; i++)
		nvtxRangePushA("deep");
	inner_kernel<<<1, 32>>>();
	for (int i = 0; i < depth; i++)
		nvtxRangePop();
	after_kernel<<<1, 32>>>();
	synchronize();
}

static void many(int count)
{
	for (int i = 0; i < count; i++) {
		nvtxRangePushA("step");
		if (i % 1000 == 0)
			inner_kernel<<<1, 32>>>();
		nvtxRangePop();
	}
	synchronize();
}

static void waiting(void)
{
	outer_kernel<<<1, 32>>>();
	synchronize();
	nvtxRangePushA("waiting");
	inner_kernel<<<1, 32>>>();
	nvtxRangePop();
	usleep(1000000);
	synchronize();
}

#define BURST 500 /* fits the ring with room to spare */

static double push_and_pop(int count)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < count; i++) {
		nvtxRangePushA("forward");
		nvtxRangePop();
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
}

static void cost(int count)
{
	double before, during = 0;

	push_and_pop(BURST);
	before = push_and_pop(count);
	outer_kernel<<<1, 32>>>();
	synchronize();
	push_and_pop(BURST);
	for (int done = 0; done < count; done += BURST) {
		usleep(20000);
		during += push_and_pop(BURST);
	}
	printf("%.1f ns before, %.1f ns recorded\n", before / count, during / count);
}

static void nothing(void)
{
	nvtxRangePushA("range");
	nvtxMarkA("mark");
	nvtxRangePop();
	nvtxRangeEnd(nvtxRangeStartA("started"));
}

static int run(const char *mode, int number)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "nested", nested },	    { "started", started }, { "crossing", crossing },
		{ "domains", domains },	    { "mixed", mixed },	    { "marks", marks },
		{ "unbalanced", unbalanced }, { "threads", threads }, { "fork", fork_one },
		{ "waiting", waiting },	    { "nothing", nothing },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(mode, modes[i].name) == 0) {
			modes[i].run();
			return 0;
		}
	}
	if (strcmp(mode, "deep") == 0)
		deep(number);
	else if (strcmp(mode, "many") == 0)
		many(number);
	else if (strcmp(mode, "cost") == 0)
		cost(number);
	else
		return 64;
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2)
		return 64;
	status = run(argv[1], argc > 2 ? atoi(argv[2]) : 1);
	if (status == 0)
		puts("done");
	return status;
}
