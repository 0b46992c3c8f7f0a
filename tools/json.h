/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/json.h - JSON on stdout, with the commas in the right places.
 */
#ifndef RK_TOOLS_JSON_H
#define RK_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rk_json {
	FILE *out;
	unsigned depth;
	bool filled[16];	/* whether the open object or list has a member already */
};

/**
 * Context: tools.
 */
void rk_json_init(struct rk_json *json, FILE *out);

/**
 * Open or close an object or a list. @key is NULL in lists and at the top.
 *
 * Context: tools.
 */
void rk_json_open(struct rk_json *json, const char *key, char bracket);
void rk_json_close(struct rk_json *json, char bracket);

/**
 * One member. Bytes that are no UTF-8 become U+FFFD; a number that is not finite is null.
 *
 * Context: tools.
 */
void rk_json_string(struct rk_json *json, const char *key, const char *value);
void rk_json_uint(struct rk_json *json, const char *key, uint64_t value);
void rk_json_double(struct rk_json *json, const char *key, double value);
void rk_json_bool(struct rk_json *json, const char *key, bool value);
void rk_json_null(struct rk_json *json, const char *key);

#endif
