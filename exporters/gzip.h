/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/gzip.h - bodies compressed, in one go or in steps.
 *
 * Level 1: spans repeat themselves so much that higher levels cost three times the CPU for a
 * tenth of the bytes. The stream state (256 KiB) is kept between bodies.
 */
#ifndef RK_EXPORTERS_GZIP_H
#define RK_EXPORTERS_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_gzip;

/**
 * Context: exporter. Ownership: the caller, rk_gzip_destroy(). Return: NULL without memory.
 */
struct rk_gzip *rk_gzip_create(void);
void rk_gzip_destroy(struct rk_gzip *gzip);

/**
 * Compress @length bytes into *@out.
 *
 * Context: exporter. Ownership: *out is the caller's, free().
 * Return: bytes; 0 when no memory could be had (*out is NULL then).
 */
size_t rk_gzip_compress(struct rk_gzip *gzip, const void *bytes, size_t length, uint8_t **out);

/**
 * The same a little at a time: begin with @length bytes, which the caller keeps until the end,
 * then take steps. Whatever begins next gives up what was not finished.
 *
 * Context: exporter. Return: false without memory.
 */
bool rk_gzip_begin(struct rk_gzip *gzip, const void *bytes, size_t length);

/**
 * Compress the next @most bytes.
 *
 * Context: exporter. Ownership: *out is the caller's once it is finished, free().
 * Return: 0 = there is more to do; bytes, with *@out.
 */
size_t rk_gzip_step(struct rk_gzip *gzip, size_t most, uint8_t **out);

#endif
