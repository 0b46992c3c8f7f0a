/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/guard.h - the circuit breaker of one destination, with its name, gauge and log.
 *
 * Who sends asks before every attempt and tells what came of it. While the guard is open
 * nothing is sent: what waits stays in its bounded queue. Each change of state is logged once
 * and shown as rustkernel_circuit_breaker_state{name="otlp/traces collector:4318"}.
 */
#ifndef RK_EXPORTERS_GUARD_H
#define RK_EXPORTERS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/breaker.h"
#include "pipeline/live/net_module.h"

struct rk_guard {
	struct rk_breaker breaker;
	const struct rk_net_host *host; /* borrowed; outlives this */
	char name[192];
};

/**
 * Closed, with the thresholds of breaker.*.
 *
 * @what: "otlp/traces", "pushgateway". @url: of the destination; only host and port are shown.
 * Context: exporter.
 */
void rk_guard_init(struct rk_guard *guard, const struct rk_net_host *host, const char *what,
		   const char *url);

/**
 * Whether an attempt may be made, and when one may be; 0 = now.
 *
 * Context: exporter.
 */
bool rk_guard_allows(struct rk_guard *guard, uint64_t now_ns);
uint64_t rk_guard_due_ns(const struct rk_guard *guard);

/**
 * What came of an attempt. An answer that refuses is a success: somebody is there.
 *
 * Context: exporter.
 */
void rk_guard_note(struct rk_guard *guard, bool is_success, uint64_t now_ns);

/**
 * Let one attempt through even though the cool-down is not over: the process ends.
 *
 * Context: exporter.
 */
void rk_guard_probe(struct rk_guard *guard);

/**
 * Context: exporter.
 */
bool rk_guard_is_open(const struct rk_guard *guard);

#endif
