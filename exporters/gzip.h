/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/gzip.h - bodies compressed in one go.
 *
 * Level 1: spans repeat themselves so much that higher levels cost three times the CPU for a
 * tenth of the bytes. The stream state (256 KiB) is kept between bodies.
 */
#ifndef RK_EXPORTERS_GZIP_H
#define RK_EXPORTERS_GZIP_H

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

#endif
