/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/base64.c - six bits at a time.
 */
#include "exporters/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void rk_base64_encode(char *text, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (left > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			bits |= bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			*text++ = k <= left ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
	}
	*text = '\0';
}

/* Both alphabets are read: some servers send the one for URLs. */
static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

bool rk_base64_decode(uint8_t *bytes, size_t *length)
{
	size_t end = *length, out = 0;
	uint32_t bits = 0;
	unsigned count = 0;

	while (end && bytes[end - 1] == '=')
		end--;
	if (end % 4 == 1)
		return false;
	for (size_t i = 0; i < end; i++) {
		int value = value_of(bytes[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			bytes[out++] = (uint8_t)(bits >> count);
		}
	}
	*length = out;
	return true;
}
