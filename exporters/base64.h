/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/base64.h - the standard alphabet, with and without padding.
 */
#ifndef RK_EXPORTERS_BASE64_H
#define RK_EXPORTERS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_BASE64_SIZE(length) (((length) + 2) / 3 * 4 + 1) /* of the text, with its end */

/**
 * @text: RK_BASE64_SIZE(@length) bytes.
 *
 * Context: any.
 */
void rk_base64_encode(char *text, const uint8_t *bytes, size_t length);

/**
 * Decode in place what may lack its padding.
 *
 * Context: any. Return: false when @bytes is not base64.
 */
bool rk_base64_decode(uint8_t *bytes, size_t *length);

#endif
