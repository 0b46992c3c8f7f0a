/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_state.h - the inside of the SLO engine.
 *
 *   slo_spec.c    what the configuration promises
 *   slo_count.c   executions, counted by time
 *   slo.c         ops become executions of SLOs
 *   slo_result.c  counts become verdicts
 */
#ifndef RK_PIPELINE_ALERT_SLO_STATE_H
#define RK_PIPELINE_ALERT_SLO_STATE_H

#include "core/instrument.h"
#include "pipeline/alert/slo.h"
#include "pipeline/alert/slo_count.h"
#include "pipeline/alert/slo_spec.h"
#include "pipeline/join/handle_map.h"

struct rk_slo_one {
	struct rk_slo_spec spec;
	struct rk_slo_count count;
	bool takes_api; /* counts what the program records; else kernels */
};

struct rk_slo {
	const struct rk_config *config; /* borrowed; outlives the engine */
	struct rk_histogram_scale scale;
	struct rk_slo_one *at;
	uint32_t count;
	struct rk_handle_map kernels; /* kernel_id and domain -> value: bit per SLO, tag: known */
	uint64_t recorded[RK_INSTRUMENTS_MAX]; /* by number of an instrument - 1: bit per SLO */
	uint64_t now_ns;   /* greatest time of an op */
	uint64_t posted_ns;
	uint8_t told[RK_SLO_MAX * RK_SLO_TARGETS]; /* by index of the result: the last verdict that
						    * was one, enum rk_slo_state */
	rk_slo_change_fn change; /* may be NULL */
	void *change_data;
};

#endif
