/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_output.h - where an export goes: buffered, counted, and the first error kept.
 *
 * Errors need not be looked at after each write: a full disk stays full.
 */
#ifndef RK_TOOLS_EXPORT_OUTPUT_H
#define RK_TOOLS_EXPORT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

struct rk_export_output;

/**
 * @fd: closed by rk_export_output_close(), standard output excepted.
 *
 * Context: tools. Ownership: the caller, rk_export_output_close(). Return: 0, -ENOMEM.
 */
int rk_export_output_open(struct rk_export_output **out, int fd);

/**
 * Context: tools.
 */
void rk_export_output_write(struct rk_export_output *output, const void *bytes, size_t size);
void rk_export_output_text(struct rk_export_output *output, const char *text);
void rk_export_output_printf(struct rk_export_output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * One cell of CSV: in quotes, those of @text doubled.
 *
 * Context: tools.
 */
void rk_export_output_cell(struct rk_export_output *output, const char *text);

/**
 * Bytes written, those in the buffer included.
 *
 * Context: any.
 */
uint64_t rk_export_output_bytes(const struct rk_export_output *output);

/**
 * Context: any. Return: 0 or the first -errno.
 */
int rk_export_output_error(const struct rk_export_output *output);

/**
 * Write what is buffered and close. Accepts NULL.
 *
 * Context: tools. Return: 0 or the first -errno.
 */
int rk_export_output_close(struct rk_export_output *output);

#endif
