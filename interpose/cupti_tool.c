/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_tool.c - the books about other tools. A forked child begins with empty ones.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "interpose/cupti_tool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interpose/lookup.h"

#define SUBSCRIBERS 16
#define PAIRS	    64 /* (context, kind); beyond, the tool is taken to stay */

struct pair {
	const void *context; /* NULL = all contexts */
	uint32_t kind;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* never around a call of CUPTI */
static struct {
	pid_t pid;
	uint32_t calls; /* under way */
	const void *subscribers[SUBSCRIBERS];
	uint32_t subscriber_count;
	struct pair pairs[PAIRS];
	uint32_t pair_count;
	bool overflown;	 /* more than the books have room for: it stays for ever */
	bool registered; /* functions, and no kind came and went since */
	bool displaced;	 /* ours took the place of its functions */
	struct rk_tool_functions functions;
	char name[64];
} books; /* guarded by lock */

/* Of books.functions, for CUPTI's callbacks. */
static _Atomic(rk_tool_request_fn) request_fn;
static _Atomic(rk_tool_complete_fn) complete_fn;
static _Atomic uint32_t lent;

void *rk_cupti_tool_find(const void *caller, const char *name, const void *wrapper)
{
	void *found = rk_lookup_symbol(RTLD_NEXT, name);
	void *handle;
	Dl_info info;

	if (found && found != wrapper)
		return found;
	if (!dladdr(caller, &info) || !info.dli_fname)
		return NULL;
	handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!handle)
		return NULL;
	found = rk_lookup_symbol(handle, name);
	dlclose(handle); /* the caller is running: it stays */
	return found == wrapper ? NULL : found;
}

static void lock_books(void)
{
	pthread_mutex_lock(&lock);
	if (books.pid == getpid())
		return;
	memset(&books, 0, sizeof(books));
	atomic_store(&request_fn, NULL);
	atomic_store(&complete_fn, NULL);
	atomic_store(&lent, 0);
	books.pid = getpid();
}

static void note_name(const void *caller)
{
	Dl_info info;
	const char *slash;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return;
	slash = strrchr(info.dli_fname, '/');
	snprintf(books.name, sizeof(books.name), "%s", slash ? slash + 1 : info.dli_fname);
}

void rk_cupti_tool_enter(const void *caller)
{
	lock_books();
	books.calls++;
	note_name(caller);
	pthread_mutex_unlock(&lock);
}

void rk_cupti_tool_leave(void)
{
	lock_books();
	if (books.calls)
		books.calls--;
	pthread_mutex_unlock(&lock);
}

static bool put(const void **list, uint32_t *count, const void *item)
{
	if (*count == SUBSCRIBERS)
		return false;
	list[(*count)++] = item;
	return true;
}

static bool take(const void **list, uint32_t *count, const void *item)
{
	for (uint32_t i = 0; i < *count; i++)
		if (list[i] == item) {
			list[i] = list[--*count];
			return true;
		}
	return false;
}

void rk_cupti_tool_add_subscriber(const void *subscriber)
{
	lock_books();
	if (!put(books.subscribers, &books.subscriber_count, subscriber))
		books.overflown = true;
	pthread_mutex_unlock(&lock);
}

void rk_cupti_tool_remove_subscriber(const void *subscriber)
{
	lock_books();
	/* Registering buffers was part of what the subscriber did. */
	if (take(books.subscribers, &books.subscriber_count, subscriber))
		books.registered = false;
	pthread_mutex_unlock(&lock);
}

static struct pair *find_pair(const void *context, uint32_t kind)
{
	for (uint32_t i = 0; i < books.pair_count; i++)
		if (books.pairs[i].context == context && books.pairs[i].kind == kind)
			return &books.pairs[i];
	return NULL;
}

void rk_cupti_tool_set_kind(const void *context, uint32_t kind, bool enabled)
{
	struct pair *pair;

	lock_books();
	pair = find_pair(context, kind);
	if (pair && !enabled) {
		*pair = books.pairs[--books.pair_count];
		if (!books.pair_count)
			books.registered = false;
	} else if (!pair && enabled && books.pair_count < PAIRS) {
		books.pairs[books.pair_count++] = (struct pair){ context, kind };
	} else if (!pair && enabled) {
		books.overflown = true;
	}
	pthread_mutex_unlock(&lock);
}

void rk_cupti_tool_set_buffers(rk_tool_request_fn request, rk_tool_complete_fn complete)
{
	lock_books();
	books.registered = true;
	books.functions.request = request;
	books.functions.complete = complete;
	atomic_store(&request_fn, request);
	atomic_store(&complete_fn, complete);
	pthread_mutex_unlock(&lock);
}

void rk_cupti_tool_set_clock(rk_tool_clock_fn clock)
{
	lock_books();
	books.registered = true;
	books.functions.clock = clock;
	pthread_mutex_unlock(&lock);
}

void rk_cupti_tool_clear(void)
{
	lock_books();
	books.subscriber_count = 0;
	books.pair_count = 0;
	books.registered = false;
	pthread_mutex_unlock(&lock);
}

bool rk_cupti_tool_holds(void)
{
	bool holds;

	lock_books();
	holds = books.calls || books.subscriber_count || books.pair_count || books.overflown ||
		books.registered;
	pthread_mutex_unlock(&lock);
	return holds;
}

bool rk_cupti_tool_take_displaced(struct rk_tool_functions *functions)
{
	bool displaced;

	lock_books();
	displaced = books.displaced;
	books.displaced = false;
	*functions = books.functions;
	pthread_mutex_unlock(&lock);
	return displaced && (functions->request || functions->clock);
}

void rk_cupti_tool_displace(void)
{
	lock_books();
	books.displaced = true;
	pthread_mutex_unlock(&lock);
}

uint32_t rk_cupti_tool_lent(void)
{
	return atomic_load(&lent);
}

void rk_cupti_tool_lend(uint8_t **buffer, size_t *size, size_t *max_records)
{
	rk_tool_request_fn request = atomic_load(&request_fn);

	*buffer = NULL;
	*size = 0;
	if (request)
		request(buffer, size, max_records);
	if (*buffer)
		atomic_fetch_add(&lent, 1);
}

void rk_cupti_tool_give_back(void *context, uint32_t stream, uint8_t *buffer, size_t size,
			     size_t valid)
{
	rk_tool_complete_fn complete = atomic_load(&complete_fn);
	uint32_t out = atomic_load(&lent);

	/* One that was lent before its tool came to our notice was not counted. */
	while (out && !atomic_compare_exchange_weak(&lent, &out, out - 1))
		;
	if (complete)
		complete(context, stream, buffer, size, valid);
}

void rk_cupti_tool_name(char *name, size_t size)
{
	lock_books();
	snprintf(name, size, "%s", books.name);
	pthread_mutex_unlock(&lock);
}
