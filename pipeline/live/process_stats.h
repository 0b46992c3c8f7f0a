/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/process_stats.h - what the process_* metrics of the client libraries say.
 *
 * Of the program, not of the thread that asks: rk-exporter has a descriptor table of its own,
 * and /proc/self is the main thread's view.
 */
#ifndef RK_PIPELINE_LIVE_PROCESS_STATS_H
#define RK_PIPELINE_LIVE_PROCESS_STATS_H

/* Negative = not known (no /proc, main thread gone): no series rather than a wrong one. */
struct rk_process_stats {
	double cpu_seconds;
	double open_fds, max_fds;
	double virtual_bytes, resident_bytes;
	double start_unix_seconds;
};

/**
 * Context: exporter or tools. Opens files of /proc for a moment; takes some 20 us, more in a
 * program with many descriptors on a kernel before 6.2.
 */
void rk_process_stats_get(struct rk_process_stats *stats);

#endif
