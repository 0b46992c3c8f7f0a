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
#define SLICE_NS       2000000ull /* a ring that is half full has some 4 ms left */
#define STEP_BYTES     (64u << 10) /* compressed in a fraction of that */
#define GZIP_MIN_BYTES 512	   /* smaller bodies do not get smaller */

struct kept {
	struct MHD_Response *response; /* NULL = free */
	uint64_t until_ns;
	bool is_gzip;
	char content_type[sizeof(((struct rk_negotiated *)NULL)->content_type)];
};

/* What is being compressed. */
struct job {
	char *text; /* NULL = nothing is */
	uint64_t took_ns;
	struct rk_negotiated negotiated;
};

struct rk_scrape_body {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_gzip *gzip;		/* may be NULL */
	size_t held_bytes;		/* of all responses in use */
	struct job job;
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
	free(body->job.text);
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

/* The rendering that was asked for, if it is still kept; else NULL. */
static struct kept *find(struct rk_scrape_body *body, const char *content_type, bool is_gzip)
{
	for (int i = 0; i < KEPT_MAX; i++) {
		struct kept *kept = &body->kept[i];

		if (kept->response && kept->is_gzip == is_gzip &&
		    strcmp(kept->content_type, content_type) == 0)
			return kept;
	}
	return NULL;
}

static struct kept *make_place(struct rk_scrape_body *body)
{
	struct kept *oldest = &body->kept[0];

	for (int i = 0; i < KEPT_MAX; i++) {
		struct kept *kept = &body->kept[i];

		if (!kept->response || (oldest->response && kept->until_ns < oldest->until_ns))
			oldest = kept;
	}
	forget(oldest);
	return oldest;
}

/* @is_gzip: as asked for; @is_packed: as it is. @bytes become the response's.
 * Return: NULL without memory. */
static struct kept *keep(struct rk_scrape_body *body, const struct rk_negotiated *negotiated,
			 bool is_gzip, bool is_packed, void *bytes, size_t length, uint64_t took_ns)
{
	struct MHD_Response *response = create_response(body, bytes, length);
	uint64_t share_ns = took_ns * KEPT_FACTOR;
	struct kept *kept;

	if (!response)
		return NULL;
	MHD_add_response_header(response, "Content-Type", negotiated->content_type);
	MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
	if (is_packed)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	kept = make_place(body);
	kept->response = response;
	kept->until_ns = rk_loop_now() + (share_ns < KEPT_NS_MAX ? share_ns : KEPT_NS_MAX);
	kept->is_gzip = is_gzip;
	memcpy(kept->content_type, negotiated->content_type, sizeof(kept->content_type));
	return kept;
}

bool rk_scrape_body_work(struct rk_scrape_body *body)
{
	struct job *job = &body->job;
	uint64_t start_ns = rk_loop_now(), spent_ns = 0;
	uint8_t *packed = NULL;
	size_t length = 0;

	if (!job->text)
		return false;
	while (!length && spent_ns < SLICE_NS) {
		length = rk_gzip_step(body->gzip, STEP_BYTES, &packed);
		spent_ns = rk_loop_now() - start_ns;
	}
	job->took_ns += spent_ns;
	if (!length)
		return false;
	keep(body, &job->negotiated, true, true, packed, length, job->took_ns);
	free(job->text);
	job->text = NULL;
	return true;
}

/* Render and begin to compress; what is small is finished at once.
 * Return: as rk_scrape_body_get(). */
static unsigned make(struct rk_scrape_body *body, const struct rk_negotiated *negotiated,
		     bool is_gzip, uint64_t now_ns)
{
	char *text = NULL;
	ptrdiff_t length = render(body->host, negotiated->format, &text);
	uint64_t took_ns = rk_loop_now() - now_ns;

	if (length < 0)
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (is_gzip && length >= GZIP_MIN_BYTES &&
	    rk_gzip_begin(body->gzip, text, (size_t)length)) {
		body->job = (struct job){ text, took_ns, *negotiated };
		return rk_scrape_body_work(body) ? MHD_HTTP_OK : MHD_HTTP_PROCESSING;
	}
	return keep(body, negotiated, is_gzip, false, text, (size_t)length, took_ns) ?
		       MHD_HTTP_OK :
		       MHD_HTTP_INTERNAL_SERVER_ERROR;
}

unsigned rk_scrape_body_get(struct rk_scrape_body *body, const char *accept,
			    const char *accept_encoding, uint64_t now_ns, struct MHD_Response **out)
{
	bool is_gzip = body->gzip && rk_negotiate_gzip(accept_encoding);
	struct rk_negotiated negotiated;
	struct kept *kept;
	unsigned status = MHD_HTTP_OK;

	*out = NULL;
	rk_scrape_body_expire(body, now_ns);
	rk_negotiate_format(&negotiated, accept, body->host->visit != NULL);
	kept = find(body, negotiated.content_type, is_gzip);
	if (!kept) {
		if (is_gzip && body->job.text)
			return MHD_HTTP_PROCESSING; /* this one, or another that comes first */
		if (body->held_bytes > HELD_BYTES_MAX)
			return MHD_HTTP_SERVICE_UNAVAILABLE;
		status = make(body, &negotiated, is_gzip, now_ns);
		kept = find(body, negotiated.content_type, is_gzip);
	}
	if (status != MHD_HTTP_OK)
		return status;
	if (!kept)
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	*out = kept->response;
	return MHD_HTTP_OK;
}

uint64_t rk_scrape_body_expire(struct rk_scrape_body *body, uint64_t now_ns)
{
	uint64_t due = body->job.text ? 0 : RK_NEVER;

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
