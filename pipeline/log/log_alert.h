/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_alert.h - a change of an alert's state as an event of the log.
 */
#ifndef RK_PIPELINE_LOG_LOG_ALERT_H
#define RK_PIPELINE_LOG_LOG_ALERT_H

#include <stdint.h>

#include "pipeline/alert/alert_notice.h"

/**
 * Tell the event source @data of it: rule, severity, state, value and labels are fields, so that
 * nobody has to take the sentence apart. ERROR from critical on, WARN below, INFO when it is
 * resolved, DEBUG while it is pending. Where there is no output it is a line of the tracer.
 *
 * For rk_alert_engine_set_transition(). Context: exporter or tools.
 */
void rk_log_alert_tell(void *data, uint64_t unix_ns, const struct rk_alert *alert);

#endif
