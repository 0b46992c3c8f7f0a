/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_names.c - the cache and the careful reader behind it.
 */
#include "cupti/cupti_names.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/intern.h"

#define CHUNK 256 /* bytes read at a time; divides a page, so no read crosses into the next */

/* Bytes copied; 0 when @from is not mapped. */
static size_t copy_chunk(char *to, uintptr_t from, size_t size)
{
	struct iovec local = { .iov_base = to, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)from, .iov_len = size };
	ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (got >= 0)
		return (size_t)got;
	if (errno == EFAULT)
		return 0;
	/* A sandbox forbids the call: trust CUPTI, as every other tool does. */
	memcpy(to, (const void *)from, strnlen((const char *)from, size - 1) + 1);
	return size;
}

/* Length of the name now in names->buffer, or -1. */
static ptrdiff_t copy_name(struct rk_cupti_names *names, uintptr_t from)
{
	size_t length = 0;

	while (length < sizeof(names->buffer) - CHUNK) {
		size_t size = CHUNK - (from + length) % CHUNK;
		size_t got = copy_chunk(names->buffer + length, from + length, size);
		const char *end;

		if (!got)
			return -1;
		end = memchr(names->buffer + length, '\0', got);
		if (end)
			return end - names->buffer;
		length += got;
	}
	return (ptrdiff_t)length;
}

/* A plain comparison: the entry is fresh, so its module is loaded. */
static int is_same(uint64_t pointer, uint32_t id)
{
	return strncmp((const char *)(uintptr_t)pointer, rk_intern_get(id), RK_CUPTI_NAME_MAX) == 0;
}

uint32_t rk_cupti_names_get(struct rk_cupti_names *names, uint64_t pointer)
{
	struct rk_cupti_name *entry;
	uint32_t generation;
	ptrdiff_t length;

	if (!pointer)
		return 0;
	/* Acquire pairs with the release in rk_cupti_names_forget(). */
	generation = atomic_load_explicit(&names->generation, memory_order_acquire);
	entry = &names->entries[(pointer * 0x9e3779b97f4a7c15u) >> 52];
	if (entry->pointer == pointer && entry->generation == generation &&
	    is_same(pointer, entry->id))
		return entry->id;
	length = copy_name(names, (uintptr_t)pointer);
	if (length < 0)
		return 0;
	entry->id = rk_intern_bytes(names->buffer, (size_t)length);
	entry->pointer = pointer;
	entry->generation = generation;
	return entry->id;
}

void rk_cupti_names_forget(struct rk_cupti_names *names)
{
	/* Release pairs with the acquire in rk_cupti_names_get(). */
	atomic_fetch_add_explicit(&names->generation, 1, memory_order_release);
}
