/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_open.h - launches that are open for long, until something says they are
 * over.
 *
 * CUPTI holds a record back while its buffer has one that is not complete. So a launch is over
 * when its record comes, or before, when the program has waited for it with success.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_OPEN_H
#define RK_PIPELINE_ALERT_ALERT_OPEN_H

#include <stdint.h>

#include "core/op.h"
#include "pipeline/alert/alert_series.h"

struct rk_alert_open {
	uint64_t host_start;
	uint64_t stream_handle;
	uint32_t context;
	uint32_t correlation;
	uint32_t grid[3];
	uint32_t stack; /* string: where it was launched, a line per frame; 0 = unknown */
	struct rk_alert_key key;
};

/**
 * The op of a launch has come. / @sync, RK_OP_SYNC, was waited for.
 *
 * Context: the feeding thread. Return: how many of the @count are left in @open.
 */
uint32_t rk_alert_open_close(struct rk_alert_open *open, uint32_t count, uint32_t correlation);
uint32_t rk_alert_open_wait(struct rk_alert_open *open, uint32_t count, const struct rk_op *sync);

#endif
