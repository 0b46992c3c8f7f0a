/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_text.h - JSON into a buffer of fixed size, with the commas in the right places.
 *
 * What does not fit is left out and is_cut set: the text is then no JSON and must not be used.
 */
#ifndef RK_CORE_JSON_TEXT_H
#define RK_CORE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_JSON_TEXT_DEPTH 15

struct rk_json_text {
	char *out; /* always ended by a NUL */
	size_t size, used;
	bool is_cut;
	unsigned depth;
	bool filled[RK_JSON_TEXT_DEPTH + 1]; /* the object or list has a member already */
};

/**
 * @size: at least 1.
 *
 * Context: any but hooks, as all of these. No malloc.
 */
void rk_json_text_init(struct rk_json_text *json, char *out, size_t size);

/**
 * Open or close an object '{' '}' or a list '[' ']'. @key is NULL in lists and at the top.
 *
 * Context: any but hooks.
 */
void rk_json_text_open(struct rk_json_text *json, const char *key, char bracket);
void rk_json_text_close(struct rk_json_text *json, char bracket);

/**
 * One member. Bytes that are no UTF-8 become U+FFFD; a number that is not finite is null.
 *
 * Context: any but hooks.
 */
void rk_json_text_string(struct rk_json_text *json, const char *key, const char *value);
void rk_json_text_uint(struct rk_json_text *json, const char *key, uint64_t value);
void rk_json_text_int(struct rk_json_text *json, const char *key, int64_t value);
void rk_json_text_double(struct rk_json_text *json, const char *key, double value);
void rk_json_text_bool(struct rk_json_text *json, const char *key, bool value);
void rk_json_text_null(struct rk_json_text *json, const char *key);

#endif
