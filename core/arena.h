/* SPDX-License-Identifier: Apache-2.0
 *
 * core/arena.h - memory that is freed all at once.
 *
 * For things that are built once and live together, such as the configuration: hundreds of
 * small strings with one owner. Nothing can be freed by itself.
 */
#ifndef RK_CORE_ARENA_H
#define RK_CORE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct rk_arena;

/**
 * Context: init, tools. Ownership: the caller, rk_arena_destroy().
 * Return: NULL when no memory could be had.
 */
struct rk_arena *rk_arena_create(void);

/**
 * Free everything that came from @arena. NULL is ok.
 *
 * Context: init, tools.
 */
void rk_arena_destroy(struct rk_arena *arena);

/**
 * Zeroed memory, aligned for any type.
 *
 * Context: init, tools. Ownership: the arena. Return: NULL when no memory could be had.
 */
void *rk_arena_alloc(struct rk_arena *arena, size_t size);

/**
 * A copy of @length bytes with a terminating zero.
 *
 * Context: init, tools. Ownership: the arena. Return: NULL when no memory could be had.
 */
char *rk_arena_copy(struct rk_arena *arena, const char *bytes, size_t length);

/**
 * printf into the arena.
 *
 * Context: init, tools. Ownership: the arena. Return: NULL when no memory could be had.
 */
char *rk_arena_printf(struct rk_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
char *rk_arena_vprintf(struct rk_arena *arena, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif
