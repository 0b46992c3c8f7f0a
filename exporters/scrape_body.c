/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_body.c - render, compress, keep for a moment.
 */
#include "exporters/scrape_body.h"

#include <stdlib.h>
#include <string.h>

#include "exporters/gzip.h"
#include "exporters/loop.h"
#include "exporters/negotiate.h"
#include "exporters/prometheus_protobuf.h"

#define KEPT_MAX       4    /* formats and encodings that are asked for at once */
#define KEPT_FACTOR    10   /* see the header */
#define KEPT_NS_MAX    1000000000ull
#define HELD_BYTES_MAX (64u << 20) /* by readers that are slow to take what they asked for */
#define GZIP_MIN_BYTES 512	   /* smaller bodies do not get smaller */

struct kept {
	struct MHD_Response *response; /* NULL = free */
	uint64_t until_ns;
	bool is_gzip;
	char content_type[sizeof(((struct rk_negotiated *)NULL)->content_type)];
};

struct rk_scrape_body {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_gzip *gzip;		/* may be NULL */
	size_t held_bytes;		/* of all responses in use */
	struct kept kept[KEPT_MAX];
};

/* What a response holds. */
struct buffer {
	struct rk_scrape_body *owner; /* outlives every response */
	size_t length;
	void *bytes;
};

struct rk_scrape_body *rk_scrape_body_create(const struct rk_net_host *host)
{
	struct rk_scrape_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	body->host = host;
	body->gzip = rk_gzip_create();
	return body;
}

static void forget(struct kept *kept)
{
	if (kept->response)
		MHD_destroy_response(kept->response);
	kept->response = NULL;
}

void rk_scrape_body_destroy(struct rk_scrape_body *body)
{
	if (!body)
		return;
	for (int i = 0; i < KEPT_MAX; i++)
		forget(&body->kept[i]);
	rk_gzip_destroy(body->gzip);
	free(body);
}

static void release(void *data)
{
	struct buffer *buffer = data;

	buffer->owner->held_bytes -= buffer->length;
	free(buffer->bytes);
	free(buffer);
}

/* @bytes become the response's. Return: NULL without memory. */
static struct MHD_Response *create_response(struct rk_scrape_body *body, void *bytes, size_t length)
{
	struct buffer *buffer = malloc(sizeof(*buffer));
	struct MHD_Response *response = NULL;

	if (buffer) {
		*buffer = (struct buffer){ .owner = body, .length = length, .bytes = bytes };
		response = MHD_create_response_from_buffer_with_free_callback_cls(length, bytes,
										  release, buffer);
	}
	if (!response) {
		free(buffer);
		free(bytes);
		return NULL;
	}
	body->held_bytes += length;
	return response;
}

static ptrdiff_t render(const struct rk_net_host *host, enum rk_exposition format, char **out)
{
	bool include_runtime = host->config->metrics_include_runtime;
	uint8_t *bytes;
	ptrdiff_t length;

	if (format == RK_EXPOSITION_PROTOBUF) {
		length = rk_prometheus_protobuf_render(host->visit, host->metrics, include_runtime,
						       host->resource, &bytes);
		*out = (char *)bytes;
		return length;
	}
	return host->render(host->metrics, include_runtime, format == RK_EXPOSITION_OPENMETRICS,
			    out);
}

static struct MHD_Response *create(struct rk_scrape_body *body,
				   const struct rk_negotiated *negotiated, bool is_gzip)
{
	struct MHD_Response *response;
	char *text = NULL;
	uint8_t *packed = NULL;
	ptrdiff_t length = render(body->host, negotiated->format, &text);
	size_t packed_length = 0;

	if (length < 0)
		return NULL;
	if (is_gzip && length >= GZIP_MIN_BYTES)
		packed_length = rk_gzip_compress(body->gzip, text, (size_t)length, &packed);
	if (packed_length) {
		free(text);
		response = create_response(body, packed, packed_length);
	} else {
		response = create_response(body, text, (size_t)length);
	}
	if (!response)
		return NULL;
	MHD_add_response_header(response, "Content-Type", negotiated->content_type);
	MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
	if (packed_length)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

/* The rendering that was asked for, if it is still kept; else the place for it. */
static struct kept *find(struct rk_scrape_body *body, const char *content_type, bool is_gzip)
{
	struct kept *oldest = &body->kept[0];

	for (int i = 0; i < KEPT_MAX; i++) {
		struct kept *kept = &body->kept[i];

		if (kept->response && kept->is_gzip == is_gzip &&
		    strcmp(kept->content_type, content_type) == 0)
			return kept;
		if (!kept->response || (oldest->response && kept->until_ns < oldest->until_ns))
			oldest = kept;
	}
	forget(oldest);
	return oldest;
}

unsigned rk_scrape_body_get(struct rk_scrape_body *body, const char *accept,
			    const char *accept_encoding, uint64_t now_ns, struct MHD_Response **out)
{
	bool is_gzip = body->gzip && rk_negotiate_gzip(accept_encoding);
	struct rk_negotiated negotiated;
	struct kept *kept;
	uint64_t end_ns, share_ns;

	*out = NULL;
	rk_scrape_body_expire(body, now_ns);
	rk_negotiate_format(&negotiated, accept, body->host->visit != NULL);
	kept = find(body, negotiated.content_type, is_gzip);
	if (!kept->response) {
		if (body->held_bytes > HELD_BYTES_MAX)
			return MHD_HTTP_SERVICE_UNAVAILABLE;
		kept->response = create(body, &negotiated, is_gzip);
		if (!kept->response)
			return MHD_HTTP_INTERNAL_SERVER_ERROR;
		end_ns = rk_loop_now();
		share_ns = (end_ns - now_ns) * KEPT_FACTOR;
		kept->until_ns = end_ns + (share_ns < KEPT_NS_MAX ? share_ns : KEPT_NS_MAX);
		kept->is_gzip = is_gzip;
		memcpy(kept->content_type, negotiated.content_type, sizeof(kept->content_type));
	}
	*out = kept->response;
	return MHD_HTTP_OK;
}

uint64_t rk_scrape_body_expire(struct rk_scrape_body *body, uint64_t now_ns)
{
	uint64_t due = RK_NEVER;

	for (int i = 0; i < KEPT_MAX; i++) {
		struct kept *kept = &body->kept[i];

		if (!kept->response)
			continue;
		if (kept->until_ns <= now_ns)
			forget(kept);
		else if (kept->until_ns < due)
			due = kept->until_ns;
	}
	return due;
}
