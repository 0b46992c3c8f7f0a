/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/demangle.c - libiberty, kept short.
 *
 * The variant with a callback takes no memory from the heap, so it can be left by a jump.
 */
#include "pipeline/join/demangle.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <libiberty/demangle.h>

#define OPTIONS (DMGL_PARAMS | DMGL_ANSI | DMGL_NO_RECURSE_LIMIT)

struct result {
	char *out;
	size_t size, used;
	jmp_buf too_long;
};

static void take(const char *bytes, size_t length, void *opaque)
{
	struct result *result = opaque;

	if (length >= result->size - result->used)
		longjmp(result->too_long, 1);
	memcpy(result->out + result->used, bytes, length);
	result->used += length;
}

size_t rk_demangle(const char *mangled, char *out, size_t size)
{
	struct result result = { .out = out, .size = size };
	bool is_name;

	if (!size || strnlen(mangled, RK_DEMANGLE_BYTES_MAX) == RK_DEMANGLE_BYTES_MAX)
		return 0;
	if (setjmp(result.too_long))
		return 0;
	is_name = rust_demangle_callback(mangled, OPTIONS, take, &result);
	if (!is_name) {
		result.used = 0;
		is_name = cplus_demangle_v3_callback(mangled, OPTIONS, take, &result);
	}
	if (!is_name)
		return 0;
	out[result.used] = '\0';
	return result.used;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of the name at *@at, which then points to it; 0 where there is none. */
static size_t take_length(const char **at)
{
	size_t length = 0;

	while (is_digit(**at) && length < RK_DEMANGLE_BYTES_MAX)
		length = length * 10 + (size_t)(*(*at)++ - '0');
	return strnlen(*at, length) == length ? length : 0;
}

size_t rk_demangle_base(const char *mangled, char *out, size_t size)
{
	static const char anonymous[] = "_GLOBAL__N_";
	const char *at = mangled;
	size_t used = 0;

	if (strncmp(at, "_Z", 2) != 0)
		return 0;
	at += 2;
	at += *at == 'N';
	while (is_digit(*at)) {
		size_t length = take_length(&at);

		if (!length || used + length + 3 > size)
			break;
		if (strncmp(at, anonymous, sizeof(anonymous) - 1) != 0) {
			if (used) {
				memcpy(out + used, "::", 2);
				used += 2;
			}
			memcpy(out + used, at, length);
			used += length;
		}
		at += length;
	}
	if (size)
		out[used] = '\0';
	return used;
}
