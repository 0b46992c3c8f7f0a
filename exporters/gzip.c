/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/gzip.c - zlib with a gzip header.
 */
#include "exporters/gzip.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#define LEVEL	  1
#define GZIP_BITS (15 + 16) /* the largest window, and the gzip header */
#define MEM_LEVEL 8	    /* zlib's default */

struct rk_gzip {
	z_stream stream;
	uint8_t *out; /* of what was begun; may be NULL */
	size_t size;  /* bytes */
	size_t left;  /* bytes of the input that no step has had */
};

struct rk_gzip *rk_gzip_create(void)
{
	struct rk_gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return NULL;
	if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, GZIP_BITS, MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

void rk_gzip_destroy(struct rk_gzip *gzip)
{
	if (!gzip)
		return;
	deflateEnd(&gzip->stream);
	free(gzip->out);
	free(gzip);
}

bool rk_gzip_begin(struct rk_gzip *gzip, const void *bytes, size_t length)
{
	z_stream *stream = &gzip->stream;

	free(gzip->out);
	gzip->out = NULL;
	if (length > UINT_MAX / 2 || deflateReset(stream) != Z_OK)
		return false;
	gzip->size = deflateBound(stream, length);
	gzip->out = malloc(gzip->size);
	if (!gzip->out)
		return false;
	stream->next_in = bytes;
	stream->avail_in = 0;
	stream->next_out = gzip->out;
	stream->avail_out = (uInt)gzip->size;
	gzip->left = length;
	return true;
}

size_t rk_gzip_step(struct rk_gzip *gzip, size_t most, uint8_t **out)
{
	size_t part = gzip->left < most ? gzip->left : most;
	size_t length;
	uint8_t *shrunk;

	*out = NULL;
	gzip->stream.avail_in += (uInt)part;
	gzip->left -= part;
	/* All of the output has room: a step takes all of its input, the last one ends it. */
	if (deflate(&gzip->stream, gzip->left ? Z_NO_FLUSH : Z_FINISH) != Z_STREAM_END)
		return 0;
	length = gzip->size - gzip->stream.avail_out;
	shrunk = realloc(gzip->out, length);
	*out = shrunk ? shrunk : gzip->out;
	gzip->out = NULL;
	return length;
}

size_t rk_gzip_compress(struct rk_gzip *gzip, const void *bytes, size_t length, uint8_t **out)
{
	*out = NULL;
	return rk_gzip_begin(gzip, bytes, length) ? rk_gzip_step(gzip, length, out) : 0;
}
