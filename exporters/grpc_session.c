/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_session.c - callbacks of nghttp2.
 *
 * Streams are few, so they are found by walking a list; nghttp2 never holds a pointer to one,
 * and nothing can be used after its end.
 */
#include "exporters/grpc_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exporters/grpc_link.h"

#define USER_AGENT   "OTel-OTLP-Exporter-C/" RK_VERSION
#define HEADERS_OURS 10 /* see make_headers() */
#define TIMEOUT_MAX  99999999u /* grpc-timeout has eight digits */

static struct rk_grpc_stream *find(const struct rk_grpc_session *session, int32_t id)
{
	struct rk_grpc_stream *stream = session->streams;

	while (stream && stream->id != id)
		stream = stream->next;
	return stream;
}

static void detach(struct rk_grpc_session *session, struct rk_grpc_stream *stream)
{
	struct rk_grpc_stream **at = &session->streams;

	while (*at && *at != stream)
		at = &(*at)->next;
	if (*at)
		*at = stream->next;
	stream->next = NULL;
	stream->link = NULL;
}

static void end_stream(struct rk_grpc_session *session, struct rk_grpc_stream *stream,
		       enum rk_grpc_end end, uint32_t error_code)
{
	detach(session, stream);
	stream->end = end;
	stream->error_code = error_code;
	session->has_answered |= stream->reply.http_status != 0;
}

/* The rest of the upload and of the reply are of no interest. */
static void reset(struct rk_grpc_session *session, int32_t id)
{
	nghttp2_submit_rst_stream(session->h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
		     void *data)
{
	struct rk_grpc_session *session = data;
	struct rk_grpc_stream *stream = find(session, frame->hd.stream_id);

	(void)h2;
	(void)name_length;
	(void)flags;
	if (!stream || rk_grpc_reply_add_header(&stream->reply, (const char *)name, value, length))
		return 0;
	/* The block may have no end, and nothing else can come before it. */
	end_stream(session, stream, RK_GRPC_END_CLOSED, NGHTTP2_NO_ERROR);
	session->why = "its headers have no end";
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t length, void *data)
{
	struct rk_grpc_session *session = data;
	struct rk_grpc_stream *stream = find(session, id);

	(void)h2;
	(void)flags;
	if (!stream || rk_grpc_reply_add_body(&stream->reply, bytes, length))
		return 0;
	/* Also when memory is short: it could not be read, whatever it says. */
	stream->reply.is_too_large = true;
	end_stream(session, stream, RK_GRPC_END_CLOSED, NGHTTP2_NO_ERROR);
	reset(session, id);
	return 0;
}

static void on_end_of_reply(struct rk_grpc_session *session, int32_t id)
{
	struct rk_grpc_stream *stream = find(session, id);

	if (!stream)
		return;
	end_stream(session, stream, RK_GRPC_END_CLOSED, NGHTTP2_NO_ERROR);
	if (!stream->is_uploaded)
		reset(session, id);
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *data)
{
	struct rk_grpc_session *session = data;

	(void)h2;
	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		session->has_settings = true;
		break;
	case NGHTTP2_GOAWAY:
		session->is_leaving = true;
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			on_end_of_reply(session, frame->hd.stream_id);
		break;
	default:
		break;
	}
	return 0;
}

/* Streams above the last one of a GOAWAY come here as refused, too. */
static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t error_code, void *data)
{
	struct rk_grpc_session *session = data;
	struct rk_grpc_stream *stream = find(session, id);

	(void)h2;
	if (stream)
		end_stream(session, stream,
			   error_code == NGHTTP2_REFUSED_STREAM ? RK_GRPC_END_REFUSED :
								  RK_GRPC_END_CLOSED,
			   error_code);
	return 0;
}

/* A request that waited for its turn when the server said that it leaves. */
static int on_not_sent(nghttp2_session *h2, const nghttp2_frame *frame, int error, void *data)
{
	struct rk_grpc_session *session = data;
	struct rk_grpc_stream *stream = find(session, frame->hd.stream_id);

	(void)h2;
	(void)error;
	if (stream && frame->hd.type == NGHTTP2_HEADERS)
		end_stream(session, stream, RK_GRPC_END_REFUSED, NGHTTP2_REFUSED_STREAM);
	return 0;
}

static ssize_t read_upload(nghttp2_session *h2, int32_t id, uint8_t *bytes, size_t size,
			   uint32_t *flags, nghttp2_data_source *source, void *data)
{
	struct rk_grpc_stream *stream = find(data, id);
	size_t head = 0, rest;

	(void)h2;
	(void)source;
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (stream->offset < RK_GRPC_FRAME_HEAD) {
		head = RK_GRPC_FRAME_HEAD - stream->offset;
		head = head < size ? head : size;
		memcpy(bytes, stream->head + stream->offset, head);
		stream->offset += head;
	}
	rest = stream->length + RK_GRPC_FRAME_HEAD - stream->offset;
	rest = rest < size - head ? rest : size - head;
	if (rest)
		memcpy(bytes + head, stream->bytes + stream->offset - RK_GRPC_FRAME_HEAD, rest);
	stream->offset += rest;
	if (stream->offset == stream->length + RK_GRPC_FRAME_HEAD) {
		stream->is_uploaded = true;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)(head + rest);
}

static int create_h2(struct rk_grpc_session *session, nghttp2_session_callbacks *callbacks)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, RK_GRPC_HEADERS_MAX },
	};

	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
	if (nghttp2_session_client_new(&session->h2, callbacks, session))
		return -ENOMEM;
	if (nghttp2_submit_settings(session->h2, NGHTTP2_FLAG_NONE, settings,
				    sizeof(settings) / sizeof(settings[0])))
		return -ENOMEM;
	return 0;
}

int rk_grpc_session_start(struct rk_grpc_session *session, const char *authority, bool is_tls)
{
	nghttp2_session_callbacks *callbacks;
	int err;

	session->authority = authority;
	session->is_tls = is_tls;
	if (nghttp2_session_callbacks_new(&callbacks))
		return -ENOMEM;
	err = create_h2(session, callbacks);
	nghttp2_session_callbacks_del(callbacks);
	return err;
}

void rk_grpc_session_finish(struct rk_grpc_session *session)
{
	rk_grpc_session_lose(session, "");
	nghttp2_session_del(session->h2);
	session->h2 = NULL;
}

void rk_grpc_session_feed(struct rk_grpc_session *session, const uint8_t *bytes, size_t length)
{
	ssize_t used = nghttp2_session_mem_recv(session->h2, bytes, length);

	if (used >= 0 || session->why)
		return;
	session->why = used == NGHTTP2_ERR_FLOODED ? "it floods us" : nghttp2_strerror((int)used);
}

size_t rk_grpc_session_gather(struct rk_grpc_session *session, uint8_t *bytes, size_t size)
{
	size_t total = 0;

	while (total < size) {
		size_t length = session->frames_length;

		if (!length) {
			ssize_t more = nghttp2_session_mem_send(session->h2, &session->frames);

			if (more < 0)
				session->why = nghttp2_strerror((int)more);
			if (more <= 0)
				break;
			length = (size_t)more;
			session->frames_length = length;
		}
		if (length > size - total)
			length = size - total;
		memcpy(bytes + total, session->frames, length);
		session->frames += length;
		session->frames_length -= length;
		total += length;
	}
	return total;
}

bool rk_grpc_session_is_open(const struct rk_grpc_session *session)
{
	return session->frames_length || nghttp2_session_want_read(session->h2) ||
	       nghttp2_session_want_write(session->h2);
}

static void add_header(nghttp2_nv *headers, size_t *count, const char *name, const char *value)
{
	headers[(*count)++] = (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
	};
}

/* Pseudo headers first, then "te", as proxies have been known to want it. */
static size_t make_headers(const struct rk_grpc_session *session,
			   const struct rk_grpc_stream *stream, nghttp2_nv *headers,
			   const char *timeout)
{
	size_t count = 0;

	add_header(headers, &count, ":method", "POST");
	add_header(headers, &count, ":scheme", session->is_tls ? "https" : "http");
	add_header(headers, &count, ":path", stream->path);
	add_header(headers, &count, ":authority", session->authority);
	add_header(headers, &count, "te", "trailers");
	add_header(headers, &count, "content-type", "application/grpc+proto");
	add_header(headers, &count, "user-agent", USER_AGENT);
	if (*timeout)
		add_header(headers, &count, "grpc-timeout", timeout);
	if (stream->is_gzip)
		add_header(headers, &count, "grpc-encoding", "gzip");
	add_header(headers, &count, "grpc-accept-encoding", "identity,gzip");
	return count + rk_grpc_metadata_get(stream->metadata, headers + count);
}

static void start_stream(const struct rk_grpc_session *session, struct rk_grpc_stream *stream)
{
	size_t length = stream->length;

	rk_grpc_reply_reset(&stream->reply);
	stream->end = RK_GRPC_END_NONE;
	stream->error_code = NGHTTP2_NO_ERROR;
	stream->was_reused = session->has_answered;
	stream->is_uploaded = false;
	stream->offset = 0;
	stream->head[0] = stream->is_gzip;
	for (int i = 4; i > 0; i--, length >>= 8)
		stream->head[i] = (uint8_t)length;
}

int rk_grpc_session_submit(struct rk_grpc_session *session, struct rk_grpc_stream *stream)
{
	nghttp2_data_provider upload = { .read_callback = read_upload };
	nghttp2_nv headers[HEADERS_OURS + RK_GRPC_METADATA_MAX];
	char timeout[16] = "";
	size_t count;

	start_stream(session, stream);
	if (stream->timeout_ms > TIMEOUT_MAX)
		snprintf(timeout, sizeof(timeout), "%uS", stream->timeout_ms / 1000);
	else if (stream->timeout_ms)
		snprintf(timeout, sizeof(timeout), "%um", stream->timeout_ms);
	count = make_headers(session, stream, headers, timeout);
	stream->id = nghttp2_submit_request(session->h2, NULL, headers, count, &upload, NULL);
	if (stream->id < 0)
		return -EIO;
	stream->next = session->streams;
	session->streams = stream;
	return 0;
}

void rk_grpc_session_cancel(struct rk_grpc_session *session, struct rk_grpc_stream *stream)
{
	detach(session, stream);
	if (session->h2)
		reset(session, stream->id);
}

void rk_grpc_session_end(struct rk_grpc_session *session)
{
	if (session->h2)
		nghttp2_session_terminate_session(session->h2, NGHTTP2_NO_ERROR);
}

void rk_grpc_session_lose(struct rk_grpc_session *session, const char *why)
{
	while (session->streams) {
		session->streams->why = why;
		end_stream(session, session->streams, RK_GRPC_END_LOST, NGHTTP2_NO_ERROR);
	}
}
