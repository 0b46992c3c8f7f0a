/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_limit.h - so many lines a second of one kind, and the others counted.
 *
 * One kind is one level, domain, kernel_id and message, where digits in a message do not count:
 * "request 17 failed" and "request 18 failed" are the same. Each kind has a bucket of its own
 * (ten seconds' worth may come at once), so a flood of one hides none of the others. Kinds are
 * kept in a small table; who was not heard of for longest makes room.
 *
 * Time is injected.
 */
#ifndef RK_PIPELINE_LOG_LOG_LIMIT_H
#define RK_PIPELINE_LOG_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/log/log_event.h"

#define RK_LOG_LIMIT_BURST_S 10u

struct rk_log_limit;

/* Lines of one kind that were not written. */
struct rk_log_suppressed {
	uint64_t count;
	enum rk_log_level level;
	char domain[64], kernel_id[128], message[128]; /* of the first one; cut */
};

/**
 * @per_second: 0 = everything passes.
 * Context: exporter. Ownership: the caller, rk_log_limit_destroy(). Return: 0, -ENOMEM.
 */
int rk_log_limit_create(struct rk_log_limit **out, uint64_t per_second);
void rk_log_limit_destroy(struct rk_log_limit *limit);

/**
 * Whether @event may be written. What may not is counted.
 *
 * @ended: told about a kind that had to make room; its count is 0 where none had.
 * Context: exporter.
 */
bool rk_log_limit_take(struct rk_log_limit *limit, const struct rk_log_event *event,
		       uint64_t now_ns, struct rk_log_suppressed *ended);

/**
 * The next kind to be told about: none of it was suppressed for a second, or the first was ten
 * seconds ago. With @now_ns = UINT64_MAX any that has a count.
 *
 * Context: exporter. Return: false when there is none (left).
 */
bool rk_log_limit_next(struct rk_log_limit *limit, uint64_t now_ns,
		       struct rk_log_suppressed *ended);

#endif
