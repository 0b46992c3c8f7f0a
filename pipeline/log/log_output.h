/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_output.h - where the lines of this process go: logging.output.
 *
 *   event -> rate limit -> line -> stderr | file | syslog | journald
 *
 * A receiver that is full or gone costs lines, which are counted and told about once it takes
 * some again; it never costs time.
 */
#ifndef RK_PIPELINE_LOG_LOG_OUTPUT_H
#define RK_PIPELINE_LOG_LOG_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/env.h"
#include "core/log.h"
#include "pipeline/log/log_event.h"

struct rk_log_output;

struct rk_log_output_setup {
	const struct rk_config *config; /* borrowed; outlives the output */
	const struct rk_env *env;	/* may be NULL */
	const char *executable, *host;	/* for the name of a file; borrowed until open returns */
	bool stderr_is_terminal;
};

/**
 * Open what logging.output names. Says what is wrong, once.
 *
 * Context: exporter, with its own descriptor table. Ownership: the caller,
 * rk_log_output_close(). Return: 0; -errno, *out is then NULL.
 */
int rk_log_output_open(struct rk_log_output **out, const struct rk_log_output_setup *setup);

/**
 * Lines to @fd, all of them: no rate limit, and a slow reader is waited for.
 *
 * Context: tools. Ownership: the caller keeps @fd. Return: 0, -ENOMEM.
 */
int rk_log_output_open_fd(struct rk_log_output **out, enum rk_log_format format, int fd);

/**
 * Whether lines go to standard error, where the tracer writes its own by itself.
 *
 * Context: exporter.
 */
bool rk_log_output_is_stderr(const struct rk_log_output *output);

/**
 * One event. Whether its level is wanted has been decided.
 *
 * @now_ns: of rk_clock. Context: exporter; does not block, but with rk_log_output_open_fd().
 */
void rk_log_output_write(struct rk_log_output *output, const struct rk_log_event *event,
			 uint64_t now_ns);

/**
 * Tell about what was suppressed or lost, when it is time; UINT64_MAX: now.
 *
 * Context: exporter, now and then.
 */
void rk_log_output_poll(struct rk_log_output *output, uint64_t now_ns);

/**
 * Lines that could not be written so far; those that the limit of one kind suppressed.
 *
 * Context: exporter.
 */
uint64_t rk_log_output_lost(const struct rk_log_output *output);
uint64_t rk_log_output_suppressed(const struct rk_log_output *output);
void rk_log_output_close(struct rk_log_output *output);

/**
 * Let the tracer's own lines go to standard error in the format of logging.format, from the
 * threads that say them. Where rk_log_init() forbade stderr they stay unseen.
 *
 * Context: init, exporter.
 */
void rk_log_output_attach_stderr(const struct rk_config *config);

#endif
