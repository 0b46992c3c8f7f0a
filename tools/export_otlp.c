/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_otlp.c - spans as a file of OTLP requests, by the encoder of the live path.
 *
 *   otlp        a request as JSON a line: OpenTelemetry's "File Exporter", JSON lines
 *   otlp-proto  a request as protobuf behind its length, 4 bytes, big endian: what the file
 *               exporter of the Collector writes with format: proto, and its receiver reads
 *
 * All spans of the file: what sampling kept from the wire is in here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/otlp_envelope.h"
#include "exporters/otlp_json.h"
#include "exporters/otlp_span.h"
#include "tools/export.h"

#define BATCH_BYTES (1u << 20) /* a receiver takes 4 MiB at most */

struct otlp {
	struct rk_otlp_span_encoder *encoder;
	struct rk_otlp_envelope envelope;
	uint8_t *buffer; /* front, items, back */
	size_t room, used; /* of items */
	uint64_t pushed;
	bool is_json;
};

static int write_json(struct rk_export *x, const uint8_t *request, size_t length)
{
	char *text = NULL;
	ptrdiff_t size = rk_otlp_json_encode(RK_OTLP_TRACES, request, length, &text);

	if (size < 0)
		return (int)size;
	rk_export_output_write(x->output, text, (size_t)size);
	rk_export_output_text(x->output, "\n");
	free(text);
	return rk_export_output_error(x->output);
}

static int write_proto(struct rk_export *x, const uint8_t *request, size_t length)
{
	const uint8_t front[4] = { (uint8_t)(length >> 24), (uint8_t)(length >> 16),
				   (uint8_t)(length >> 8), (uint8_t)length };

	rk_export_output_write(x->output, front, sizeof(front));
	rk_export_output_write(x->output, request, length);
	return rk_export_output_error(x->output);
}

static int flush(struct rk_export *x)
{
	struct otlp *otlp = x->state;
	const uint8_t *request;
	size_t length, items = otlp->used;

	if (!items)
		return 0;
	request = rk_otlp_envelope_close(&otlp->envelope,
					 otlp->buffer + rk_otlp_envelope_front(&otlp->envelope),
					 items, &length);
	otlp->used = 0;
	return otlp->is_json ? write_json(x, request, length) : write_proto(x, request, length);
}

static int reserve(struct rk_export *x, size_t size)
{
	struct otlp *otlp = x->state;
	uint8_t *bigger;
	int err = otlp->used && otlp->used + size > BATCH_BYTES ? flush(x) : 0;

	if (err || otlp->used + size <= otlp->room)
		return err;
	bigger = realloc(otlp->buffer, otlp->used + size + rk_otlp_envelope_front(&otlp->envelope) +
					       rk_otlp_envelope_back(&otlp->envelope));
	if (!bigger)
		return -ENOMEM;
	otlp->buffer = bigger;
	otlp->room = otlp->used + size;
	return 0;
}

static int otlp_span(struct rk_export *x, const struct rk_span *span)
{
	struct otlp *otlp = x->state;
	int err = reserve(x, rk_otlp_span_encoder_bound(otlp->encoder, span));
	uint8_t *at;

	if (err)
		return err;
	at = otlp->buffer + rk_otlp_envelope_front(&otlp->envelope) + otlp->used;
	otlp->used += rk_otlp_span_encoder_encode(otlp->encoder, at, span);
	return 0;
}

static int begin(struct rk_export *x, bool is_json)
{
	struct otlp *otlp = calloc(1, sizeof(*otlp));
	int err;

	x->state = otlp;
	if (!otlp)
		return -ENOMEM;
	otlp->is_json = is_json;
	err = rk_otlp_envelope_init(&otlp->envelope, x->meta->resource);
	if (!err)
		err = rk_otlp_span_encoder_create(&otlp->encoder, x->config);
	return err ? err : reserve(x, BATCH_BYTES);
}

static int otlp_begin(struct rk_export *x)
{
	return begin(x, true);
}

static int otlp_proto_begin(struct rk_export *x)
{
	return begin(x, false);
}

static int otlp_end(struct rk_export *x)
{
	struct otlp *otlp = x->state;
	int err;

	if (!otlp)
		return 0;
	err = flush(x);
	rk_otlp_span_encoder_destroy(otlp->encoder);
	rk_otlp_envelope_finish(&otlp->envelope);
	free(otlp->buffer);
	free(otlp);
	x->state = NULL;
	return err ? err : rk_export_output_error(x->output);
}

const struct rk_export_format rk_export_otlp = {
	.spans = RK_EXPORT_ALL_SPANS,
	.begin = otlp_begin,
	.span = otlp_span,
	.end = otlp_end,
};

const struct rk_export_format rk_export_otlp_proto = {
	.spans = RK_EXPORT_ALL_SPANS,
	.is_binary = true,
	.begin = otlp_proto_begin,
	.span = otlp_span,
	.end = otlp_end,
};
