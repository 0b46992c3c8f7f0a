/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_slo.h - a verdict on an SLO that has changed, as an event of the log.
 */
#ifndef RK_PIPELINE_LOG_LOG_SLO_H
#define RK_PIPELINE_LOG_LOG_SLO_H

#include <stdint.h>

#include "pipeline/alert/slo.h"

/**
 * Tell the event source @data of it: SLO, target, both verdicts and the numbers are fields. ERROR
 * when it is violated, WARN when it is at risk, INFO when it is met again. Where there is no
 * output it is a line of the tracer.
 *
 * For rk_slo_set_change(). Context: exporter or tools.
 */
void rk_log_slo_tell(void *data, uint64_t time_ns, const struct rk_slo_result *now,
		     enum rk_slo_state was);

#endif
