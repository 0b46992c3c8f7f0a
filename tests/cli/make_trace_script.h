/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/cli/make_trace_script.h - a trace file from a text that says what happened.
 */
#ifndef RK_TESTS_CLI_MAKE_TRACE_SCRIPT_H
#define RK_TESTS_CLI_MAKE_TRACE_SCRIPT_H

#include <stdio.h>

#include "trace/trace_writer.h"

/**
 * Write what the lines of @in say, which make_trace_script.c lists.
 *
 * @start_ns: clock at second 0.
 * Return: 0; -EINVAL (told on stderr), or an error of the writer.
 */
int script_run(struct rk_trace_writer *writer, FILE *in, uint64_t start_ns);

#endif
