/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_reply.h - what a server answers to a call, collected and judged.
 *
 * Nothing in it is believed: every part has its maximum, and what is cut or unreadable only
 * makes the message poorer.
 */
#ifndef RK_EXPORTERS_GRPC_REPLY_H
#define RK_EXPORTERS_GRPC_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/otlp_transport.h"

#define RK_GRPC_FRAME_HEAD    5u	     /* flag and length before a message */
#define RK_GRPC_REPLY_MAX     (4u << 20)     /* bytes of a message, decompressed; the OTLP limit */
#define RK_GRPC_HEADERS_MAX   (64u << 10)    /* headers and trailers of one reply */
#define RK_GRPC_MESSAGE_BYTES 1024u	     /* of grpc-message, as it came */

struct rk_grpc_reply {
	int http_status; /* 0 = no headers yet */
	int status;	 /* grpc-status; -1 = none yet */
	bool is_gzip;
	bool is_too_large; /* set once, stays */
	size_t header_bytes;
	char message[RK_GRPC_MESSAGE_BYTES]; /* percent-encoded */
	size_t message_length;
	uint8_t *details; /* base64; may be NULL */
	size_t details_length;
	uint8_t *body; /* frame heads included; may be NULL */
	size_t length, capacity;
};

/**
 * Make ready for the next reply; the first time, @reply is all zero.
 *
 * Context: exporter.
 */
void rk_grpc_reply_reset(struct rk_grpc_reply *reply);
void rk_grpc_reply_finish(struct rk_grpc_reply *reply);

/**
 * Context: exporter. Return: false when it was too much, or memory is short.
 */
bool rk_grpc_reply_add_header(struct rk_grpc_reply *reply, const char *name, const uint8_t *value,
			      size_t length);
bool rk_grpc_reply_add_body(struct rk_grpc_reply *reply, const uint8_t *bytes, size_t length);

/**
 * What the reply means for the request, by the tables of OTLP.
 *
 * @text: where the message goes; borrowed by @outcome.
 * Context: exporter. Return: false when a success said more than could be read.
 */
bool rk_grpc_reply_judge(struct rk_grpc_reply *reply, struct rk_otlp_outcome *outcome, char *text,
			 size_t size);

#endif
