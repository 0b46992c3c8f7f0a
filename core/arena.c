/* SPDX-License-Identifier: Apache-2.0
 *
 * core/arena.c - blocks in a row, filled from the front.
 */
#include "core/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 8192 /* a usual configuration fits in two or three */
#define ALIGNMENT   16

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct rk_arena {
	struct block *first;
};

struct rk_arena *rk_arena_create(void)
{
	return calloc(1, sizeof(struct rk_arena));
}

void rk_arena_destroy(struct rk_arena *arena)
{
	struct block *block;

	if (!arena)
		return;
	while ((block = arena->first)) {
		arena->first = block->next;
		free(block);
	}
	free(arena);
}

static struct block *block_create(size_t size)
{
	struct block *block;

	if (size < BLOCK_BYTES)
		size = BLOCK_BYTES;
	block = calloc(1, sizeof(*block) + size);
	if (block)
		block->size = size;
	return block;
}

void *rk_arena_alloc(struct rk_arena *arena, size_t size)
{
	struct block *block = arena->first;
	void *memory;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!block || block->size - block->used < size) {
		block = block_create(size);
		if (!block)
			return NULL;
		block->next = arena->first;
		arena->first = block;
	}
	memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

char *rk_arena_copy(struct rk_arena *arena, const char *bytes, size_t length)
{
	char *copy = rk_arena_alloc(arena, length + 1);

	if (copy && length)
		memcpy(copy, bytes, length);
	return copy;
}

char *rk_arena_vprintf(struct rk_arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return NULL;
	text = rk_arena_alloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *rk_arena_printf(struct rk_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = rk_arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
