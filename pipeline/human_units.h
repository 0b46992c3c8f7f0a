/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/human_units.h - durations and sizes as people read them.
 */
#ifndef RK_PIPELINE_HUMAN_UNITS_H
#define RK_PIPELINE_HUMAN_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Long enough for any number below, with its unit. */
#define RK_HUMAN_MAX 24

/**
 * "850 ns", "12.3 us", "4.56 ms", "2.31 s": three digits.
 *
 * Context: any. Return: @out.
 */
const char *rk_human_time(char out[RK_HUMAN_MAX], uint64_t ns);

/**
 * "512 B", "1.50 KiB", "12.3 MiB", "1.20 GiB", "3.00 TiB".
 *
 * Context: any. Return: @out.
 */
const char *rk_human_bytes(char out[RK_HUMAN_MAX], uint64_t bytes);

#endif
