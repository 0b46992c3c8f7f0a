/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/bare_cupti.c - CUPTI and nothing else: what any tracer pays at least.
 *
 * A library for CUDA_INJECTION64_PATH. It enables the kinds of records and the callbacks that
 * librkpreload.so enables, adds up what comes, and writes one object of JSON at exit to
 * BARE_CUPTI_OUT (%p becomes the pid). It keeps nothing, joins nothing, writes no trace.
 *
 * BARE_CUPTI_API=1 asks for the records of driver calls as well and counts them by name, which is
 * what the counts of the hooks are held against; BARE_CUPTI_API=0 asks for no callback either.
 */
#include <cupti.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)
#define KEPT_BUFFERS 64
#define CALLS 2048

int InitializeInjection(void);

/* A struct of an older release begins every newer one of the kind: that much is read. */
typedef CUpti_ActivityKernel4 kernel_record;
typedef CUpti_ActivityMemcpy3 copy_record;

static struct {
	pthread_mutex_t lock; /* guards all but the buffers */
	uint64_t kernels, kernel_ns, untimed, uncorrelated, copies, copied_bytes, sets, dropped;
	uint64_t calls[CALLS];
	CUpti_SubscriberHandle subscriber;
	void *free_buffers[KEPT_BUFFERS];
	int free_count;
	bool api;
} bare = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ENTER of a launch: what a tracer has to read there, and nothing more. */
static __thread volatile uint32_t last_correlation __attribute__((tls_model("initial-exec")));

static void CUPTIAPI on_call(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId id,
			     const void *argument)
{
	const CUpti_CallbackData *call = argument;

	(void)data, (void)id;
	if (domain == CUPTI_CB_DOMAIN_DRIVER_API && call->callbackSite == CUPTI_API_ENTER)
		last_correlation = call->correlationId;
}

static void CUPTIAPI give_buffer(uint8_t **buffer, size_t *size, size_t *max_records)
{
	void *found = NULL;

	pthread_mutex_lock(&bare.lock);
	if (bare.free_count > 0)
		found = bare.free_buffers[--bare.free_count];
	pthread_mutex_unlock(&bare.lock);
	*buffer = found ? found : calloc(1, BUFFER_BYTES);
	*size = *buffer ? BUFFER_BYTES : 0;
	*max_records = 0;
}

static void count_kernel(const kernel_record *kernel)
{
	bare.kernels++;
	bare.uncorrelated += kernel->correlationId == 0;
	if (kernel->start && kernel->end >= kernel->start)
		bare.kernel_ns += kernel->end - kernel->start;
	else
		bare.untimed++;
}

/* The lock is held. */
static void count_record(const CUpti_Activity *record)
{
	const CUpti_ActivityAPI *api = (const void *)record;

	switch (record->kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		count_kernel((const void *)record);
		break;
	case CUPTI_ACTIVITY_KIND_MEMCPY:
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		bare.copies++;
		bare.copied_bytes += ((const copy_record *)(const void *)record)->bytes;
		break;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		bare.sets++;
		break;
	case CUPTI_ACTIVITY_KIND_DRIVER:
		if (api->cbid < CALLS)
			bare.calls[api->cbid]++;
		break;
	default:
		break;
	}
}

static void CUPTIAPI take_buffer(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size,
				 size_t valid)
{
	CUpti_Activity *record = NULL;
	size_t dropped = 0;

	(void)size;
	cuptiActivityGetNumDroppedRecords(context, stream, &dropped);
	pthread_mutex_lock(&bare.lock);
	bare.dropped += dropped;
	while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS)
		count_record(record);
	memset(buffer, 0, valid);
	if (bare.free_count < KEPT_BUFFERS) {
		bare.free_buffers[bare.free_count++] = buffer;
		buffer = NULL;
	}
	pthread_mutex_unlock(&bare.lock);
	free(buffer);
}

static FILE *open_output(void)
{
	const char *pattern = getenv("BARE_CUPTI_OUT");
	const char *mark = pattern ? strstr(pattern, "%p") : NULL;
	char path[512];

	if (!pattern)
		return NULL;
	if (!mark)
		return fopen(pattern, "w");
	snprintf(path, sizeof(path), "%.*s%d%s", (int)(mark - pattern), pattern, (int)getpid(),
		 mark + 2);
	return fopen(path, "w");
}

static void write_calls(FILE *file)
{
	const char *between = "";

	fprintf(file, ", \"calls\": {");
	for (uint32_t id = 1; id < CALLS; id++) {
		const char *name = NULL;

		if (!bare.calls[id] ||
		    cuptiGetCallbackName(CUPTI_CB_DOMAIN_DRIVER_API, id, &name) != CUPTI_SUCCESS)
			continue;
		fprintf(file, "%s\"%s\": %llu", between, name, (unsigned long long)bare.calls[id]);
		between = ", ";
	}
	fprintf(file, "}}\n");
}

static void finish(void)
{
	CUptiResult result = cuptiActivityFlushAll(1);
	FILE *file = open_output();

	if (!file)
		return;
	pthread_mutex_lock(&bare.lock);
	fprintf(file,
		"{\"flush\": %d, \"kernels\": %llu, \"kernel_ns\": %llu, \"untimed\": %llu, "
		"\"uncorrelated\": %llu, \"copies\": %llu, \"copied_bytes\": %llu, \"sets\": %llu, "
		"\"dropped\": %llu",
		(int)result, (unsigned long long)bare.kernels, (unsigned long long)bare.kernel_ns,
		(unsigned long long)bare.untimed, (unsigned long long)bare.uncorrelated,
		(unsigned long long)bare.copies, (unsigned long long)bare.copied_bytes,
		(unsigned long long)bare.sets, (unsigned long long)bare.dropped);
	write_calls(file);
	pthread_mutex_unlock(&bare.lock);
	fclose(file);
}

static void enable_callbacks(void)
{
	static const CUpti_CallbackId launches[] = {
#define RK_CBID(function, id)	    id,
#define RK_CBID_LATER(function, id) id,
#define RK_CBID_HOST(function, id)
#include "cupti/cupti_cbid.def"
	};

	if (cuptiSubscribe(&bare.subscriber, on_call, NULL) != CUPTI_SUCCESS) {
		fprintf(stderr, "bare_cupti: CUPTI belongs to another tool\n");
		return;
	}
	for (size_t i = 0; i < sizeof(launches) / sizeof(launches[0]); i++)
		cuptiEnableCallback(1, bare.subscriber, CUPTI_CB_DOMAIN_DRIVER_API, launches[i]);
}

__attribute__((visibility("default"))) int InitializeInjection(void)
{
	static const CUpti_ActivityKind kinds[] = { CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
						    CUPTI_ACTIVITY_KIND_MEMCPY,
						    CUPTI_ACTIVITY_KIND_MEMCPY2,
						    CUPTI_ACTIVITY_KIND_MEMSET };
	const char *api = getenv("BARE_CUPTI_API");
	uint8_t zeroed = 1;
	size_t size = sizeof(zeroed);

	bare.api = api && *api == '1';
	cuptiActivitySetAttribute(CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER, &size, &zeroed);
	if (!api)
		enable_callbacks();
	cuptiActivityRegisterCallbacks(give_buffer, take_buffer);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		cuptiActivityEnable(kinds[i]);
	if (bare.api)
		cuptiActivityEnable(CUPTI_ACTIVITY_KIND_DRIVER);
	/* Registered while cuInit runs: before libcuda is torn down, whatever the order of it. */
	atexit(finish);
	return 1;
}
