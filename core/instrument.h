/* SPDX-License-Identifier: Apache-2.0
 *
 * core/instrument.h - what the program measures itself: counters, gauges, histograms.
 *
 * A definition is made once and lives for ever; its number is what a sample carries. So a
 * program may create its instruments long before its first GPU call, when nothing records yet.
 */
#ifndef RK_CORE_INSTRUMENT_H
#define RK_CORE_INSTRUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/op_said.h"

#define RK_INSTRUMENTS_MAX 4096u

/* On-disk values: append only. */
enum rk_instrument_type {
	RK_INSTRUMENT_COUNTER = 0,
	RK_INSTRUMENT_GAUGE = 1,
	RK_INSTRUMENT_HISTOGRAM = 2,
	/* series of the families that kernels have, for kernel_id = name:
	 * rustkernel_executions_total and rustkernel_execution_duration_seconds, source "api" */
	RK_INSTRUMENT_EXECUTION = 3, /* samples: seconds */
	RK_INSTRUMENT_MEMORY = 4,    /* rustkernel_memory_bytes, pool "user"; samples: +- bytes */
	RK_INSTRUMENT_QUEUE = 5,     /* rustkernel_queue_depth */
	RK_INSTRUMENT_BREAKER = 6,   /* rustkernel_circuit_breaker_state */
};

struct rk_instrument {
	const char *name;	/* a metric's name; of the others the kernel_id or the breaker */
	const char *unit, *help;
	const char *domain;	/* "" = unknown */
	const uint8_t *labels;	/* packed, keyed texts */
	uint32_t label_bytes;
	uint32_t bound_count;	/* 0 = the default bounds */
	double bounds[RK_INSTRUMENT_BOUNDS];
	enum rk_instrument_type type;
};

/**
 * The number of @instrument: that of an equal one (type, name, domain, labels), or a new one.
 * Everything in it is copied.
 *
 * Context: app; allocates: never from a hook. Does not lock.
 * Return: 1...; 0 when there are RK_INSTRUMENTS_MAX or memory is short, which is counted.
 */
uint32_t rk_instrument_define(const struct rk_instrument *instrument);

/**
 * The instrument with @number.
 *
 * Context: any. Ownership: lives for ever. Return: NULL when there is none.
 */
const struct rk_instrument *rk_instrument_get(uint32_t number);

/**
 * Definitions that were refused.
 *
 * Context: any.
 */
uint64_t rk_instrument_refused(void);

#endif
