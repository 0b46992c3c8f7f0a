/* SPDX-License-Identifier: Apache-2.0
 *
 * core/intern.h - strings as 32-bit ids.
 *
 * Insert-only and lock-free: ids are handed out once and stay valid for the life of the
 * process, so a record can carry a name without carrying memory. Bounded in bytes; beyond
 * the bound every new string gets the id of "(limit)", which is counted. The table is an
 * object because librknet.so holds a second copy of this code and works on the same table.
 */
#ifndef RK_CORE_INTERN_H
#define RK_CORE_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct rk_intern;

/**
 * The table in use, created on demand with its default bound.
 *
 * Context: any. Ownership: the process; never freed.
 * Return: NULL only when no memory could be had.
 */
struct rk_intern *rk_intern_table(void);

/**
 * Use @table from now on (librknet.so: the host's).
 *
 * Context: init.
 */
void rk_intern_attach(struct rk_intern *table);

/**
 * The bound on the bytes of strings, from now on; at first 16 MiB. A process that hosts us spares
 * its memory, one that reads files needs their names.
 *
 * Context: init.
 */
void rk_intern_set_bound(size_t bytes);

/**
 * Id of a string; the bytes are copied at the first sight of it.
 *
 * Context: any, hooks on slow paths included: no malloc, no lock, may mmap a segment.
 * Return: 0 for the empty string and NULL.
 */
uint32_t rk_intern(const char *string);
uint32_t rk_intern_bytes(const char *bytes, size_t length);

/**
 * The string of an id.
 *
 * Context: any. Ownership: borrowed for ever.
 * Return: "" for 0 and for an id that was never handed out.
 */
const char *rk_intern_get(uint32_t id);

/**
 * Number of ids handed out so far, and strings refused by the bound.
 *
 * Context: any.
 */
uint32_t rk_intern_count(void);
uint64_t rk_intern_refused(void);

#endif
