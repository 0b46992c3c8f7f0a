/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/progress.c - a bar of 30 characters and how long it will take.
 */
#include "tools/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/tool.h"

#define WIDTH	   30
#define QUIET_NS   1000000000u
#define BETWEEN_NS 100000000u

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void rk_progress_start(struct rk_progress *progress, const char *verb, uint64_t total)
{
	*progress = (struct rk_progress){ .verb = verb, .total = total };
	progress->is_terminal = total && isatty(STDERR_FILENO) == 1;
	if (progress->is_terminal)
		progress->started_ns = now_ns();
}

static void show(const struct rk_progress *progress, double share, uint64_t elapsed_ns)
{
	static const char bar[WIDTH + 1] = "##############################";
	char left[32];

	rk_tool_format_ns(share > 0 ? (double)elapsed_ns * (1 - share) / share : 0, left);
	fprintf(stderr, "\rrktrace %s: [%-*.*s] %3.0f %%, %s left\033[K", progress->verb, WIDTH,
		(int)(share * WIDTH), bar, 100 * share, left);
}

void rk_progress_step(struct rk_progress *progress, uint64_t done)
{
	uint64_t now;
	double share;

	if (!progress->is_terminal)
		return;
	now = now_ns();
	if (now - progress->started_ns < QUIET_NS || now - progress->shown_ns < BETWEEN_NS)
		return;
	share = (double)done / (double)progress->total;
	show(progress, share < 1 ? share : 1, now - progress->started_ns);
	progress->shown_ns = now;
}

void rk_progress_stop(struct rk_progress *progress)
{
	if (progress->shown_ns)
		fputs("\r\033[K", stderr);
	progress->shown_ns = 0;
}
