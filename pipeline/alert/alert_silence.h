/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_silence.h - alerts that are not told for a while.
 *
 *   silences:
 *     - matchers: { rule: high_latency, kernel_id: "graph*" }
 *       starts_at: 2026-11-23T22:00:00Z
 *       ends_at: 2026-11-24T06:00:00Z
 *       comment: nightly rebuild of the index
 *
 * The file is read again when it changes, so a silence needs no restart. One with a mistake in
 * it silences nothing: better told once too often.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_SILENCE_H
#define RK_PIPELINE_ALERT_ALERT_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/yaml_tree.h"
#include "pipeline/alert/alert_notice.h"

struct rk_alert_silence {
	const struct rk_yaml_node *matchers;
	uint64_t starts_unix_ns, ends_unix_ns;
};

struct rk_alert_silences {
	const char *path; /* borrowed; "" = no file */
	struct rk_arena *arena;
	struct rk_alert_silence *rows;
	size_t count;
	uint64_t read_as; /* device, inode, size and time of what was read, mixed; 0 = nothing */
	int error;	  /* that was told; 0 = none */
};

/**
 * Context: exporter or tools. Does not read yet.
 */
void rk_alert_silences_init(struct rk_alert_silences *silences, const char *path);
void rk_alert_silences_finish(struct rk_alert_silences *silences);

/**
 * Read the file again if it has changed. What is wrong is told once per version of the file.
 *
 * Context: the feeding thread; one stat(2) where there is a file.
 */
void rk_alert_silences_refresh(struct rk_alert_silences *silences);

/**
 * Whether @alert is silenced at @unix_ns.
 *
 * Context: the feeding thread.
 */
bool rk_alert_silences_cover(const struct rk_alert_silences *silences, const struct rk_alert *alert,
			     uint64_t unix_ns);

/**
 * RFC 3339: 2026-11-23T22:00:00Z, with a fraction or an offset.
 *
 * Context: any. Return: false when it is none.
 */
bool rk_alert_silence_parse_time(const char *text, uint64_t *unix_ns);

#endif
