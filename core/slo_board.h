/* SPDX-License-Identifier: Apache-2.0
 *
 * core/slo_board.h - where the newest verdict on every SLO is posted for the program to read.
 *
 * One writer, the thread that feeds the pipeline; readers are the program's threads and never
 * wait: a reader that meets the writer looks again.
 */
#ifndef RK_CORE_SLO_BOARD_H
#define RK_CORE_SLO_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define RK_SLO_BOARD_PLACES 256u
#define RK_SLO_NAME_BYTES   64u

enum rk_slo_state { RK_SLO_NO_DATA, RK_SLO_MET, RK_SLO_AT_RISK, RK_SLO_VIOLATED };

/* One target of one SLO. */
struct rk_slo_notice {
	char slo[RK_SLO_NAME_BYTES];	/* name in the configuration */
	char target[RK_SLO_NAME_BYTES]; /* latency_p99, availability... */
	enum rk_slo_state state;
	double headroom;	/* share of the target that is left; negative: exceeded */
	double budget_left; /* share of the error budget, 1 = untouched; may be negative */
};

/**
 * Post @notice in the place of its (slo, target), a new one if need be.
 *
 * Context: exporter. Return: false when there are RK_SLO_BOARD_PLACES others.
 */
bool rk_slo_board_post(const struct rk_slo_notice *notice);

/**
 * The place @index, 0, 1, 2...
 *
 * Context: app, any other. No lock. Return: false behind the last one.
 */
bool rk_slo_board_read(uint32_t index, struct rk_slo_notice *out);

#endif
