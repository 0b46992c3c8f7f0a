/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_stack.c - one growing array of ranges and one of text per thread.
 */
#include "interpose/nvtx_stack.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_BYTES 16384u

__thread struct rk_nvtx_stack rk_nvtx_self __attribute__((tls_model("initial-exec")));

static pthread_key_t key;
static void (*tell_end)(void);

static void unmap(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

/* Runs among the thread's own destructors: ranges may come after it, and bring it back. */
static void handle_thread_exit(void *value)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;

	(void)value;
	if (self->count)
		tell_end();
	unmap(self->open, (size_t)self->capacity * sizeof(*self->open));
	unmap(self->text, self->text_size);
	memset(self, 0, sizeof(*self));
}

bool rk_nvtx_stack_init(void (*end)(void))
{
	tell_end = end;
	return pthread_key_create(&key, handle_thread_exit) == 0;
}

/* Return: NULL without memory; @old is as it was then. */
static void *grow(void *old, size_t old_bytes, size_t bytes)
{
	void *grown =
		old ? mremap(old, old_bytes, bytes, MREMAP_MAYMOVE) :
		      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return grown == MAP_FAILED ? NULL : grown;
}

static bool grow_open(struct rk_nvtx_stack *self)
{
	size_t before = (size_t)self->capacity * sizeof(*self->open);
	uint32_t capacity = self->capacity ? self->capacity * 2 : FIRST_BYTES / sizeof(*self->open);
	void *grown;

	if (capacity > RK_NVTX_DEPTH_MAX)
		capacity = RK_NVTX_DEPTH_MAX;
	if (capacity == self->capacity)
		return false;
	grown = grow(self->open, before, (size_t)capacity * sizeof(*self->open));
	if (!grown)
		return false;
	if (!self->open)
		pthread_setspecific(key, self);
	self->open = grown;
	self->capacity = capacity;
	return true;
}

struct rk_nvtx_open *rk_nvtx_stack_push(void)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;
	struct rk_nvtx_open *open;

	if (self->beyond || (self->count == self->capacity && !grow_open(self)))
		return NULL;
	open = &self->open[self->count++];
	memset(open, 0, sizeof(*open));
	open->text_at = self->text_used;
	return open;
}

/* The ranges above @at were opened in the one that goes: they are now in what that was in. */
static void reconnect(struct rk_nvtx_stack *self, uint32_t at)
{
	const struct rk_nvtx_open *gone = &self->open[at];
	struct rk_nvtx_open *above = &self->open[at + 1];

	if (at + 1 < self->count && above->previous.number == gone->context.number &&
	    gone->state == RK_NVTX_TOLD)
		above->previous = gone->previous;
}

static void remove_text(struct rk_nvtx_stack *self, uint32_t at)
{
	uint32_t bytes = self->open[at].text_bytes, begin = self->open[at].text_at;

	if (!bytes)
		return;
	memmove(self->text + begin, self->text + begin + bytes, self->text_used - begin - bytes);
	self->text_used -= bytes;
	for (uint32_t i = at + 1; i < self->count; i++)
		self->open[i].text_at -= bytes;
}

void rk_nvtx_stack_remove(uint32_t at)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;

	reconnect(self, at);
	remove_text(self, at);
	self->untold -= self->open[at].state == RK_NVTX_UNTOLD;
	self->started -= self->open[at].is_started;
	self->count--;
	memmove(&self->open[at], &self->open[at + 1],
		(size_t)(self->count - at) * sizeof(*self->open));
}

int64_t rk_nvtx_stack_find_pushed(const struct rk_nvtx_domain *domain)
{
	const struct rk_nvtx_stack *self = &rk_nvtx_self;

	for (int64_t i = (int64_t)self->count - 1; i >= 0; i--) {
		if (!self->open[i].is_started && self->open[i].domain == domain)
			return i;
	}
	return -1;
}

int64_t rk_nvtx_stack_find_started(uint64_t number)
{
	const struct rk_nvtx_stack *self = &rk_nvtx_self;

	for (int64_t i = self->started ? (int64_t)self->count - 1 : -1; i >= 0; i--) {
		if (self->open[i].is_started && self->open[i].number == number)
			return i;
	}
	return -1;
}

uint8_t *rk_nvtx_stack_reserve_text(uint32_t bytes)
{
	struct rk_nvtx_stack *self = &rk_nvtx_self;
	uint32_t size = self->text_size ? self->text_size : FIRST_BYTES;
	void *grown;

	while (size - self->text_used < bytes && size < RK_NVTX_TEXT_MAX)
		size *= 2;
	if (size - self->text_used < bytes)
		return NULL;
	if (size != self->text_size) {
		grown = grow(self->text, self->text_size, size);
		if (!grown)
			return NULL;
		self->text = grown;
		self->text_size = size;
	}
	return self->text + self->text_used;
}
