/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_own.h - lines that the tracer itself says, from any thread, until one tells
 * them.
 *
 * Who says something may be a thread of the program: it copies one line or gives up.
 */
#ifndef RK_PIPELINE_LOG_LOG_OWN_H
#define RK_PIPELINE_LOG_LOG_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/log.h"

/* The tracer says little, and hardly ever more than this between two looks. */
#define RK_LOG_OWN_LINES      64u
#define RK_LOG_OWN_LINE_BYTES 1024u /* as core/log.c has them */

struct rk_log_own_line {
	uint64_t unix_ns;
	enum rk_log_level level;
	char text[RK_LOG_OWN_LINE_BYTES];
};

struct rk_log_own {
	_Atomic uint32_t lost; /* lines that nobody could take, not told about yet */
	uint64_t lost_before;  /* those that were told about; of the thread that pops */
	atomic_flag lock;      /* guards what follows */
	uint32_t count;
	struct rk_log_own_line lines[RK_LOG_OWN_LINES];
};

/**
 * Make @own, all zero, ready for use.
 *
 * Context: exporter or tools.
 */
void rk_log_own_init(struct rk_log_own *own);

/**
 * Keep one line for later; a listener of core/log.h. @data: a struct rk_log_own.
 *
 * Context: any.
 */
void rk_log_own_take(enum rk_log_level level, const char *text, void *data);

/**
 * The oldest line; a line about those that were lost, once.
 *
 * Context: exporter or tools. Return: whether there is any.
 */
bool rk_log_own_pop(struct rk_log_own *own, struct rk_log_own_line *line);
bool rk_log_own_pop_lost(struct rk_log_own *own, struct rk_log_own_line *line);

/**
 * Lines that were lost, in all.
 *
 * Context: exporter or tools.
 */
uint64_t rk_log_own_lost(const struct rk_log_own *own);

#endif
