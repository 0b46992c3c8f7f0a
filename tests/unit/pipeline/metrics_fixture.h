/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/metrics_fixture.h - ops for the registry, and lines of what it renders.
 */
#ifndef RK_TEST_METRICS_FIXTURE_H
#define RK_TEST_METRICS_FIXTURE_H

#include "op_log.h"

#include "core/api_record.h"
#include "core/instrument.h"
#include "pipeline/metrics/metrics_state.h"

struct rk_op kernel_op(const char *name, uint64_t ns, uint8_t flags);
void feed(struct rk_metrics *metrics, struct rk_op op);

/* The definition of instrument @number; @labels: key, value, key... up to NULL. */
void feed_instrument(struct rk_metrics *metrics, uint32_t number,
		     const struct rk_instrument *instrument, const char *const *labels);
void feed_sample(struct rk_metrics *metrics, uint32_t number, enum rk_sample_what what,
		 double value);
void feed_context(struct rk_metrics *metrics, uint64_t exec, const char *baggage);

/* Ownership: the caller, free(). */
char *render(const struct rk_metrics *metrics, bool runtime, bool openmetrics);
/* @line is one line of @text, all of it. */
void assert_line(const char *text, const char *line);
/* The value of the first series that begins with @name; NaN = there is none. */
double value_of(const char *text, const char *name);

#endif
