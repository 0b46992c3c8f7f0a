/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/progress.h - how far a long read has come: one line on stderr, and only on a terminal.
 *
 * Nothing is shown in the first second, and nothing stays when it is over.
 */
#ifndef RK_TOOLS_PROGRESS_H
#define RK_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct rk_progress {
	const char *verb;
	uint64_t total;
	uint64_t started_ns, shown_ns; /* CLOCK_MONOTONIC; 0 = not yet */
	bool is_terminal;
};

/**
 * @total: what rk_progress_step() comes to in the end.
 *
 * Context: tools.
 */
void rk_progress_start(struct rk_progress *progress, const char *verb, uint64_t total);

/**
 * Show how far it is, ten times a second at most.
 *
 * Context: tools; costs a clock read on a terminal and nothing elsewhere.
 */
void rk_progress_step(struct rk_progress *progress, uint64_t done);

/**
 * Clear the line. May be called more than once.
 *
 * Context: tools.
 */
void rk_progress_stop(struct rk_progress *progress);

#endif
