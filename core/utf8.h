/* SPDX-License-Identifier: Apache-2.0
 *
 * core/utf8.h - make a string valid UTF-8 without changing its length.
 *
 * Receivers of protobuf refuse a whole batch for one bad byte, and names come from programs
 * that nobody checked: a bad byte becomes '?', so sizes computed before stay true.
 */
#ifndef RK_CORE_UTF8_H
#define RK_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Bytes of the valid sequence at @s, at most @left.
 *
 * Context: any.
 * Return: 1 to 4; 0 for a bad byte, an overlong form, a surrogate or a cut sequence.
 */
static inline size_t rk_utf8_sequence(const uint8_t *s, size_t left)
{
	static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t length;

	if (s[0] < 0x80)
		return 1;
	length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || length > left)
		return 0;
	code = s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

/**
 * Replace every bad byte of @text by '?'.
 *
 * Context: any.
 * Return: whether there was one.
 */
static inline bool rk_utf8_repair(char *text, size_t length)
{
	bool repaired = false;

	for (size_t i = 0; i < length;) {
		size_t step = rk_utf8_sequence((const uint8_t *)text + i, length - i);

		if (!step) {
			text[i] = '?';
			repaired = true;
			step = 1;
		}
		i += step;
	}
	return repaired;
}

#endif
