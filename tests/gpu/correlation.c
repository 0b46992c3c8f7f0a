/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/correlation.c - how a launch and its record on the GPU find each other: three ways.
 *
 * usage: correlation none|kernels|callback|external|order LAUNCHES THREADS STREAMS
 *
 * none:      without CUPTI, what a launch costs by itself
 * kernels:   kernel records, nothing else: do correlation ids come without API kinds?
 * callback:  a driver-API callback notes the id at ENTER, the thread reads it after the call
 * external:  an external correlation id around the launch, and its record; needs the kind DRIVER
 * order:     the n-th launch into a stream is the n-th kernel of the stream
 *
 * Every launch carries its number in what the kernel's record shows of its shape (grid, block,
 * dynamic shared memory), so each join is right or wrong without doubt. Prints one line of JSON:
 * ns per launch, records, those without an id, without a partner, and wrong joins.
 */
#include <cupti.h>
#include <pthread.h>

#include "kernels.h"

#define BUFFER_BYTES (1024 * 1024)
#define MAX_THREADS 64
#define MAX_STREAMS 64
#define GRIDS 61 /* small shapes: the number must not make the kernel slow */
#define BLOCKS 64
#define NOBODY 0xffffffffu
#define CORRELATIONS (1u << 24)

enum way { NONE, KERNELS, CALLBACK, EXTERNAL, ORDER };
static const char *const way_names[] = { "none", "kernels", "callback", "external", "order" };

typedef CUpti_ActivityKernel4 kernel_record; /* begins every newer one */

struct seen {
	uint64_t start;
	uint32_t launch, correlation, stream;
};

static struct {
	enum way way;
	int launches, threads, stream_count;
	struct gpu gpu;
	CUstream streams[MAX_STREAMS];
	uint32_t *by_correlation; /* launch of an id, or NOBODY */
	uint64_t *launched_ns;	  /* when each launch began, for the order */
	struct seen *seen;	  /* guarded by lock */
	size_t seen_count;	  /* guarded by lock */
	uint64_t spent_ns[MAX_THREADS];
	pthread_mutex_t lock;
	pthread_barrier_t start;
} run = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread volatile uint32_t last_correlation __attribute__((tls_model("initial-exec")));

/* ---- CUPTI ---- */
static void CUPTIAPI on_call(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId id,
			     const void *argument)
{
	const CUpti_CallbackData *call = argument;

	(void)data, (void)domain, (void)id;
	if (call->callbackSite == CUPTI_API_ENTER)
		last_correlation = call->correlationId;
}

static void CUPTIAPI give_buffer(uint8_t **buffer, size_t *size, size_t *max_records)
{
	*buffer = calloc(1, BUFFER_BYTES);
	*size = *buffer ? BUFFER_BYTES : 0;
	*max_records = 0;
}

static uint32_t launch_of_shape(const kernel_record *kernel)
{
	return ((uint32_t)kernel->dynamicSharedMemory * BLOCKS + (uint32_t)kernel->blockX - 1) *
		       GRIDS +
	       (uint32_t)kernel->gridX - 1;
}

/* The lock is held. */
static void take_record(const CUpti_Activity *record)
{
	const kernel_record *kernel = (const void *)record;
	const CUpti_ActivityExternalCorrelation *external = (const void *)record;

	if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL &&
	    run.seen_count < (size_t)run.launches)
		run.seen[run.seen_count++] =
			(struct seen){ kernel->start, launch_of_shape(kernel),
				       kernel->correlationId, kernel->streamId };
	else if (record->kind == CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION &&
		 external->correlationId < CORRELATIONS)
		run.by_correlation[external->correlationId] = (uint32_t)external->externalId;
}

static void CUPTIAPI take_buffer(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size,
				 size_t valid)
{
	CUpti_Activity *record = NULL;

	(void)context, (void)stream, (void)size;
	pthread_mutex_lock(&run.lock);
	while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS)
		take_record(record);
	pthread_mutex_unlock(&run.lock);
	free(buffer);
}

static void start_cupti(void)
{
	CUpti_SubscriberHandle subscriber;

	if (run.way == NONE)
		return;
	CHECK(cuptiActivityRegisterCallbacks(give_buffer, take_buffer));
	CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL));
	if (run.way == CALLBACK) {
		CHECK(cuptiSubscribe(&subscriber, on_call, NULL));
		CHECK(cuptiEnableCallback(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
					  CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel));
	}
	if (run.way == EXTERNAL) {
		CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_DRIVER));
		CHECK(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION));
	}
}

/* ---- the storm ---- */
static void launch(uint32_t number)
{
	CUstream stream = run.streams[number % (uint32_t)run.stream_count];
	uint64_t id;

	if (run.way == ORDER)
		run.launched_ns[number] = now_ns();
	if (run.way == EXTERNAL)
		CHECK(cuptiActivityPushExternalCorrelationId(
			CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, number));
	CHECK(cuLaunchKernel(run.gpu.nothing, 1 + number % GRIDS, 1, 1, 1 + number / GRIDS % BLOCKS,
			     1, 1, number / GRIDS / BLOCKS, stream, NULL, NULL));
	if (run.way == CALLBACK && last_correlation < CORRELATIONS)
		run.by_correlation[last_correlation] = number;
	if (run.way == EXTERNAL)
		CHECK(cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0,
							    &id));
}

static void *work(void *argument)
{
	long self = (long)argument;
	uint64_t start_ns;

	CHECK(cuCtxSetCurrent(run.gpu.context));
	pthread_barrier_wait(&run.start);
	start_ns = now_ns();
	for (long i = self; i < run.launches; i += run.threads)
		launch((uint32_t)i);
	run.spent_ns[self] = now_ns() - start_ns;
	return NULL;
}

static uint64_t storm(void)
{
	pthread_t ids[MAX_THREADS];
	uint64_t spent_ns = 0;

	pthread_barrier_init(&run.start, NULL, (unsigned int)run.threads);
	for (int i = 0; i < run.stream_count; i++)
		CHECK(cuStreamCreate(&run.streams[i], CU_STREAM_NON_BLOCKING));
	for (long i = 0; i < run.threads; i++)
		CHECK(pthread_create(&ids[i], NULL, work, (void *)i));
	for (int i = 0; i < run.threads; i++) {
		CHECK(pthread_join(ids[i], NULL));
		spent_ns += run.spent_ns[i];
	}
	CHECK(cuCtxSynchronize());
	if (run.way != NONE)
		CHECK(cuptiActivityFlushAll(0));
	return spent_ns;
}

/* ---- the verdict ---- */
static int by_stream_and_start(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

static int by_launch_time(const void *a, const void *b)
{
	uint64_t x = run.launched_ns[*(const uint32_t *)a];
	uint64_t y = run.launched_ns[*(const uint32_t *)b];

	return (x > y) - (x < y);
}

/* CUPTI's number of a stream is not the program's: the shapes of its kernels say which it is. */
static void join_by_order(uint64_t *wrong)
{
	uint32_t *order = calloc((size_t)run.launches, sizeof(*order));

	qsort(run.seen, run.seen_count, sizeof(*run.seen), by_stream_and_start);
	for (size_t i = 0; order && i < run.seen_count;) {
		uint32_t stream = run.seen[i].launch % (uint32_t)run.stream_count;
		size_t first = i, count = 0;

		for (int n = (int)stream; n < run.launches; n += run.stream_count)
			order[count++] = (uint32_t)n;
		qsort(order, count, sizeof(*order), by_launch_time);
		for (; i < run.seen_count && run.seen[i].stream == run.seen[first].stream; i++)
			*wrong += i - first >= count || order[i - first] != run.seen[i].launch;
	}
	free(order);
}

static void print_verdict(uint64_t spent_ns)
{
	uint64_t no_id = 0, alone = 0, wrong = 0;

	for (size_t i = 0; i < run.seen_count; i++) {
		uint32_t id = run.seen[i].correlation;
		uint32_t found = id < CORRELATIONS ? run.by_correlation[id] : NOBODY;

		no_id += id == 0;
		if (run.way != CALLBACK && run.way != EXTERNAL)
			continue;
		alone += found == NOBODY;
		wrong += found != NOBODY && found != run.seen[i].launch;
	}
	if (run.way == ORDER)
		join_by_order(&wrong);
	printf("{\"way\": \"%s\", \"launches\": %d, \"ns_per_launch\": %.1f, \"records\": %zu, "
	       "\"without_id\": %llu, \"unjoined\": %llu, \"wrong\": %llu}\n",
	       way_names[run.way], run.launches, (double)spent_ns / run.launches, run.seen_count,
	       (unsigned long long)no_id, (unsigned long long)alone, (unsigned long long)wrong);
}

static bool read_arguments(int argc, char **argv)
{
	size_t way = 0;

	if (argc != 5)
		return false;
	while (way < sizeof(way_names) / sizeof(way_names[0]) &&
	       strcmp(argv[1], way_names[way]) != 0)
		way++;
	run.way = (enum way)way;
	run.launches = atoi(argv[2]);
	run.threads = atoi(argv[3]);
	run.stream_count = atoi(argv[4]);
	return way <= ORDER && run.launches > 0 && run.launches < GRIDS * BLOCKS * 4096 &&
	       run.threads > 0 && run.threads <= MAX_THREADS && run.stream_count > 0 &&
	       run.stream_count <= MAX_STREAMS;
}

int main(int argc, char **argv)
{
	if (!read_arguments(argc, argv))
		return 64;
	run.by_correlation = malloc(CORRELATIONS * sizeof(*run.by_correlation));
	run.launched_ns = calloc((size_t)run.launches, sizeof(*run.launched_ns));
	run.seen = calloc((size_t)run.launches, sizeof(*run.seen));
	if (!run.by_correlation || !run.launched_ns || !run.seen)
		return 1;
	memset(run.by_correlation, 0xff, CORRELATIONS * sizeof(*run.by_correlation));
	start_cupti();
	gpu_open(&run.gpu);
	print_verdict(storm());
	return 0;
}
