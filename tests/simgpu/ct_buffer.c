/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct_buffer.c - the client's buffers: filled by the threads that submit
 * work, handed back by the worker, by a flush, and by nobody while a record in them
 * is unfinished.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"

#define VERSION_NULL_OK 27 /* CUDA 12.9: a NULL buffer no longer crashes CUPTI */
#define WORKER_NAP_MS	10 /* how often the worker looks by itself */

struct open_record {
	size_t at;
	uint64_t start_ns;
	uint64_t end_ns;
	bool wrong_time; /* by the script */
	bool cut;
};

struct ct_buffer {
	struct ct_buffer *next;
	uint8_t *mem;
	size_t size, used;
	size_t max_records, records;
	pid_t owner; /* 0: any thread */
	bool full;
	uint64_t last_end_ns;
	struct open_record *open; /* every record, with its times on the driver's clock */
	size_t open_room;
};

struct lost {
	uint32_t context, stream;
	size_t count;
};

static struct ct_buffer *buffers; /* oldest first */
static struct lost *losses;
static size_t loss_count;

static void lose(uint32_t context, uint32_t stream, const void *record)
{
	struct lost *grown;

	ct.driver.count(SIMGPU_COUNT_LOST, ct_record_work(record) >= 0);
	for (size_t i = 0; i < loss_count; i++) {
		if (losses[i].context == context && losses[i].stream == stream) {
			losses[i].count++;
			return;
		}
	}
	grown = realloc(losses, (loss_count + 1) * sizeof(*grown));
	if (!grown)
		return;
	losses = grown;
	losses[loss_count++] = (struct lost){ context, stream, 1 };
}

static pid_t my_tid(void)
{
	return ct.per_thread ? (pid_t)syscall(SYS_gettid) : 0;
}

static struct ct_buffer *find_open(pid_t owner)
{
	for (struct ct_buffer *b = buffers; b; b = b->next)
		if (!b->full && b->owner == owner)
			return b;
	return NULL;
}

static struct ct_buffer *ask_buffer(pid_t owner)
{
	struct ct_buffer *b, **end = &buffers;
	uint8_t *mem = NULL;
	size_t size = 0, max = 0;

	if (ct.is_v2)
		ct_v2_request(&mem, &size, &max);
	else if (ct.request)
		ct.request(&mem, &size, &max);
	else
		return NULL;
	if (!mem && ct.version < VERSION_NULL_OK)
		raise(SIGSEGV); /* as the real one crashed */
	if (!mem || !size)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	if (!ct.zeroed)
		memset(mem, 0, size); /* in the application's thread, as the real one does */
	b->mem = mem;
	b->size = size;
	b->max_records = max;
	b->owner = owner;
	while (*end)
		end = &(*end)->next;
	*end = b;
	return b;
}

static void mark_full(struct ct_buffer *b)
{
	b->full = true;
	pthread_cond_signal(&ct.wake);
}

static bool fits(const struct ct_buffer *b, size_t size)
{
	return b->used + size <= b->size && (!b->max_records || b->records < b->max_records);
}

static bool remember(struct ct_buffer *b, uint64_t start_ns, uint64_t end_ns)
{
	struct open_record *grown;

	if (b->records == b->open_room) {
		b->open_room = b->open_room ? b->open_room * 2 : 64;
		grown = realloc(b->open, b->open_room * sizeof(*grown));
		if (!grown)
			return false;
		b->open = grown;
	}
	b->open[b->records] =
		(struct open_record){ .at = b->used, .start_ns = start_ns, .end_ns = end_ns };
	return true;
}

/* Where zeroed buffers are promised, fields that are 0 are not written: dirt stays. */
static void write_record(uint8_t *at, const uint8_t *record, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = ct.zeroed ? at[i] | record[i] : record[i];
}

static bool scripted(uint64_t every)
{
	return every && ct.seen % every == 0;
}

static void spoil_time(struct ct_buffer *b, void *record)
{
	bool *wrong = &b->open[b->records].wrong_time;

	*wrong = scripted(ct.invalid_every) || scripted(ct.inverted_every);
	if (scripted(ct.invalid_every))
		ct_record_no_time(record);
	else if (*wrong)
		ct_record_inverted(record);
}

/* The lock is held. */
void ct_record_put(const void *record, size_t size, uint64_t start_ns, uint64_t end_ns,
		   uint32_t context, uint32_t stream)
{
	pid_t owner = my_tid();
	struct ct_buffer *b = find_open(owner);

	ct.seen++;
	if (scripted(ct.drop_every)) {
		lose(context, stream, record);
		return;
	}
	if (b && !fits(b, size)) {
		mark_full(b);
		b = NULL;
	}
	if (!b)
		b = ask_buffer(owner);
	if (!b || !fits(b, size) || !remember(b, start_ns, end_ns)) {
		lose(context, stream, record);
		return;
	}
	write_record(b->mem + b->used, record, size);
	spoil_time(b, b->mem + b->used);
	b->used += size;
	b->records++;
	if (end_ns > b->last_end_ns)
		b->last_end_ns = end_ns;
}

static void account(const struct ct_buffer *b)
{
	for (size_t i = 0; i < b->records; i++) {
		int work = ct_record_work(b->mem + b->open[i].at);

		if (work < 0)
			continue;
		if (b->open[i].cut) {
			ct.driver.count(SIMGPU_COUNT_CUT, 1);
			continue;
		}
		ct.driver.count(SIMGPU_COUNT_DELIVERED + (unsigned int)work, 1);
		ct.driver.count(SIMGPU_COUNT_WRONG_TIME, b->open[i].wrong_time);
	}
}

static void hand_back(struct ct_buffer *b)
{
	account(b);
	if (ct.is_v2)
		ct_v2_complete(b->mem, b->size, b->used);
	else if (ct.complete)
		ct.complete(NULL, 0, b->mem, b->size, b->used);
	free(b->open);
	free(b);
}

/* A forced flush gives running work away as it stands: it never comes again. */
static void cut_running(struct ct_buffer *b, uint64_t now)
{
	for (size_t i = 0; i < b->records; i++) {
		if (b->open[i].end_ns <= now)
			continue;
		ct_record_no_end(b->mem + b->open[i].at, b->open[i].start_ns > now);
		b->open[i].cut = true;
	}
}

static void turn_around(void)
{
	struct ct_buffer *turned = NULL;

	while (buffers) {
		struct ct_buffer *b = buffers;

		buffers = b->next;
		b->next = turned;
		turned = b;
	}
	buffers = turned;
}

static void deliver(bool full_only, bool forced)
{
	struct ct_buffer **at;
	uint64_t now = ct.driver.now_ns();

	if (ct.newest_first)
		turn_around();
	at = &buffers;
	while (*at) {
		struct ct_buffer *b = *at;

		if ((full_only && !b->full) || (!forced && b->last_end_ns > now)) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		if (forced)
			cut_running(b, now);
		hand_back(b); /* the lock is held: clients must not wait for us in there */
		at = &buffers;
	}
}

void ct_flush(bool forced)
{
	if (!ct.attached)
		return;
	ct_sync_clock();
	deliver(false, forced);
}

/* ---- the worker ---- */
static void *worker_main(void *unused)
{
	struct timespec until;
	uint64_t nap;

	(void)unused;
	pthread_setname_np(pthread_self(), "simgpu-cupti");
	pthread_mutex_lock(&ct.lock);
	while (!ct.worker_stop) {
		deliver(true, false);
		nap = (ct.period_ms ? ct.period_ms : WORKER_NAP_MS) * 1000000ull;
		clock_gettime(CLOCK_MONOTONIC, &until);
		nap += (uint64_t)until.tv_nsec;
		until.tv_sec += (time_t)(nap / 1000000000ull);
		until.tv_nsec = (long)(nap % 1000000000ull);
		pthread_cond_timedwait(&ct.wake, &ct.lock, &until);
	}
	pthread_mutex_unlock(&ct.lock);
	return NULL;
}

/* The lock is held. */
void ct_worker_start(void)
{
	sigset_t all, before;

	if (ct.worker_running)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ct.worker_stop = false;
	ct.worker_running = !pthread_create(&ct.worker, NULL, worker_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The lock is held, once; it is given up to let the worker end. */
void ct_worker_stop(void)
{
	if (!ct.worker_running)
		return;
	ct.worker_stop = true;
	pthread_cond_signal(&ct.wake);
	pthread_mutex_unlock(&ct.lock);
	pthread_join(ct.worker, NULL);
	pthread_mutex_lock(&ct.lock);
	ct.worker_running = false;
}

/* ---- questions ---- */
/* (NULL, 0) is the global queue: everything that was not asked for one by one. */
CT_EXPORT CUptiResult cuptiActivityGetNumDroppedRecords(CUcontext context, uint32_t streamId,
							size_t *dropped)
{
	uint32_t id = 0;

	if (!dropped)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (context && (!ct.attached || ct.driver.context_id(context, &id)))
		return CUPTI_ERROR_INVALID_CONTEXT;
	pthread_mutex_lock(&ct.lock);
	*dropped = 0;
	for (size_t i = 0; i < loss_count; i++) {
		if (context && (losses[i].context != id || losses[i].stream != streamId))
			continue;
		*dropped += losses[i].count;
		losses[i].count = 0;
	}
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityGetNextRecord(uint8_t *buffer, size_t validBufferSizeBytes,
						 CUpti_Activity **record)
{
	uint8_t *at = buffer;

	if (!buffer || !record)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (*record) {
		size_t size = ct_record_size((*record)->kind);

		if (!size)
			return CUPTI_ERROR_INVALID_KIND;
		at = (uint8_t *)*record + size;
	}
	if (at >= buffer + validBufferSizeBytes)
		return CUPTI_ERROR_MAX_LIMIT_REACHED;
	if (!ct_record_size(((CUpti_Activity *)(void *)at)->kind))
		return CUPTI_ERROR_INVALID_KIND;
	*record = (CUpti_Activity *)(void *)at;
	return CUPTI_SUCCESS;
}

extern __typeof__(cuptiActivityGetNumDroppedRecords) ct_get_dropped
	__attribute__((alias("cuptiActivityGetNumDroppedRecords"), visibility("hidden")));
