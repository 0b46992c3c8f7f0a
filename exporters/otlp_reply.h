/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_reply.h - what a collector says in a body.
 */
#ifndef RK_EXPORTERS_OTLP_REPLY_H
#define RK_EXPORTERS_OTLP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_otlp_reply {
	uint64_t rejected; /* items of a partial success */
	char message[256]; /* "" = none; printable, one line */
};

/**
 * Read an Export...ServiceResponse: its partial_success.
 *
 * Context: exporter. Return: false when @bytes is not one; then @reply says nothing.
 */
bool rk_otlp_reply_read_success(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length);

/**
 * The message of an error body: google.rpc.Status, else its first text.
 *
 * Context: exporter.
 */
void rk_otlp_reply_read_error(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length);

/**
 * Either of them in JSON: as far as it can be understood, else nothing.
 *
 * Context: exporter.
 */
void rk_otlp_reply_read_json(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length);

/**
 * Copy text from outside for a log line: one line, printable, cut to @size.
 *
 * Context: any.
 */
void rk_otlp_reply_quote(char *out, size_t size, const uint8_t *text, size_t length);

#endif
