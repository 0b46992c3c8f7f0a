/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_name.h - names of the parts of a trace, and of what is made beside it.
 */
#ifndef RK_TRACE_TRACE_NAME_H
#define RK_TRACE_TRACE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_TRACE_EXTENSION ".rkt.zst"

/**
 * Put @separator and @number into @path before its extension: train.rkt.zst becomes
 * train.7.rkt.zst.
 *
 * Context: any. Return: false when it does not fit.
 */
bool rk_trace_name_number(char *out, size_t size, const char *path, const char *separator,
			  uint64_t number);

/**
 * Whether the file @name may be a part of @path; both without folders.
 *
 * @number: of the part.
 * Context: any.
 */
bool rk_trace_name_is_part(const char *name, const char *path, uint64_t *number);

/**
 * Take the number of a part out of @path: train.7.rkt.zst becomes train.rkt.zst.
 *
 * Context: any.
 */
void rk_trace_name_of_set(char *path);

#endif
