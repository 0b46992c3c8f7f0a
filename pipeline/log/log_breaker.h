/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_breaker.h - a circuit breaker of the program that changes, as an event.
 *
 * A program may report the same state with every request; only a change is news, and the first
 * report only where it is not closed.
 */
#ifndef RK_PIPELINE_LOG_LOG_BREAKER_H
#define RK_PIPELINE_LOG_LOG_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "pipeline/log/log_event.h"

#define RK_LOG_BREAKERS_MAX 64u /* further ones are not told about */

struct rk_log_breaker {
	uint32_t number; /* of the instrument */
	uint8_t state;
	char name[128];
};

struct rk_log_breakers {
	uint32_t count;
	struct rk_log_breaker rows[RK_LOG_BREAKERS_MAX];
	char message[192]; /* of the latest event */
	struct rk_log_field fields[2];
};

/**
 * Take RK_OP_INSTRUMENT or RK_OP_SAMPLE.
 *
 * @event: what is to be told; its times are left to the caller. Borrowed until the next call.
 * Context: exporter or tools. Return: whether there is something to be told.
 */
bool rk_log_breakers_note(struct rk_log_breakers *breakers, const struct rk_op *op,
			  struct rk_log_event *event);

#endif
