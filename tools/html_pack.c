/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_pack.c - zlib compresses, base64 is done here in pieces of three bytes.
 */
#include "tools/html_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE 49152u /* a multiple of 3: only the last piece is padded */
#define LEVEL 7	     /* 9 takes three times as long for less than 1 % */

void rk_html_pack_init(struct rk_html_pack *pack)
{
	*pack = (struct rk_html_pack){ 0 };
}

void rk_html_pack_finish(struct rk_html_pack *pack)
{
	free(pack->bytes);
}

/* Room for @count more bytes. Return: where they go; NULL without memory. */
static uint8_t *reserve(struct rk_html_pack *pack, size_t count)
{
	size_t capacity = pack->capacity ? pack->capacity : 65536;
	uint8_t *grown;

	if (pack->error)
		return NULL;
	while (capacity - pack->count < count)
		capacity *= 2;
	if (capacity != pack->capacity) {
		grown = realloc(pack->bytes, capacity);
		if (!grown) {
			pack->error = -ENOMEM;
			return NULL;
		}
		pack->bytes = grown;
		pack->capacity = capacity;
	}
	pack->count += count;
	return pack->bytes + pack->count - count;
}

void rk_html_pack_put(struct rk_html_pack *pack, const void *bytes, size_t count)
{
	uint8_t *to = reserve(pack, count);

	if (to && count)
		memcpy(to, bytes, count);
}

unsigned rk_html_pack_column(struct rk_html_pack *pack, const uint64_t *numbers, size_t count)
{
	uint64_t all = 0;
	unsigned width = 0;

	for (size_t i = 0; i < count; i++)
		all |= numbers[i];
	for (; all; all >>= 8)
		width++;
	for (unsigned plane = 0; plane < width; plane++) {
		uint8_t *to = reserve(pack, count);

		for (size_t i = 0; to && i < count; i++)
			to[i] = (uint8_t)(numbers[i] >> 8 * plane);
	}
	return width;
}

static int write_base64(const uint8_t *bytes, size_t count, FILE *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[PIECE / 3 * 4];
	size_t used = 0;

	for (size_t i = 0; i < count; i += 3) {
		uint32_t b = i + 1 < count ? bytes[i + 1] : 0, c = i + 2 < count ? bytes[i + 2] : 0;
		uint32_t three = (uint32_t)bytes[i] << 16 | b << 8 | c;

		text[used++] = digits[three >> 18];
		text[used++] = digits[three >> 12 & 63];
		text[used++] = i + 1 < count ? digits[three >> 6 & 63] : '=';
		text[used++] = i + 2 < count ? digits[three & 63] : '=';
	}
	return fwrite(text, 1, used, out) == used ? 0 : -EIO;
}

static int deflate_all(z_stream *stream, FILE *out)
{
	uint8_t piece[PIECE];
	int err = 0, state;

	do {
		stream->next_out = piece;
		stream->avail_out = sizeof(piece);
		state = deflate(stream, Z_FINISH);
		if (state != Z_OK && state != Z_STREAM_END)
			return -EIO;
		err = write_base64(piece, sizeof(piece) - stream->avail_out, out);
	} while (!err && state != Z_STREAM_END);
	return err;
}

int rk_html_pack_write(const struct rk_html_pack *pack, FILE *out)
{
	z_stream stream = { .next_in = pack->bytes, .avail_in = (uInt)pack->count };
	int err;

	if (pack->error)
		return pack->error;
	if (pack->count > UINT32_MAX)
		return -EFBIG;
	if (deflateInit(&stream, LEVEL) != Z_OK)
		return -ENOMEM;
	err = deflate_all(&stream, out);
	deflateEnd(&stream);
	return err;
}
