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
	free(gzip);
}

size_t rk_gzip_compress(struct rk_gzip *gzip, const void *bytes, size_t length, uint8_t **out)
{
	z_stream *stream = &gzip->stream;
	size_t bound;
	uint8_t *shrunk;

	*out = NULL;
	if (length > UINT_MAX / 2 || deflateReset(stream) != Z_OK)
		return 0;
	bound = deflateBound(stream, length);
	*out = malloc(bound);
	if (!*out)
		return 0;
	stream->next_in = bytes;
	stream->avail_in = (uInt)length;
	stream->next_out = *out;
	stream->avail_out = (uInt)bound;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
		free(*out);
		*out = NULL;
		return 0;
	}
	bound -= stream->avail_out;
	shrunk = realloc(*out, bound);
	if (shrunk)
		*out = shrunk;
	return bound;
}
