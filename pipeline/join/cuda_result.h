/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/cuda_result.h - name and text of a CUresult.
 */
#ifndef RK_PIPELINE_JOIN_CUDA_RESULT_H
#define RK_PIPELINE_JOIN_CUDA_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * "CUDA_ERROR_OUT_OF_MEMORY" of 2.
 *
 * Context: any. Return: a static string; "CUDA_ERROR_UNLISTED" for a value we do not know.
 */
const char *rk_cuda_result_name(uint32_t result);

/**
 * "out of memory" of "CUDA_ERROR_OUT_OF_MEMORY", as cuGetErrorString() says it.
 *
 * Context: any. Return: a static string; "" for a name that is not in the table.
 */
const char *rk_cuda_result_text(const char *name);

/**
 * Whether the context is lost with it: every later call fails, too.
 *
 * Context: any.
 */
bool rk_cuda_result_is_sticky(uint32_t result);

#endif
