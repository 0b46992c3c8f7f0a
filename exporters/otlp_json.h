/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_json.h - a request as OTLP/JSON, for people who want to read what is sent.
 *
 * Made from the protobuf request by the descriptors of its schema, so it knows every field that
 * the request may have and no signal has an encoder of its own. Not fast: a debugging aid.
 */
#ifndef RK_EXPORTERS_OTLP_JSON_H
#define RK_EXPORTERS_OTLP_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "exporters/otlp_target.h"

/**
 * Keys in lowerCamelCase, trace and span ids in hex, enums as numbers, numbers of 64 bits as
 * text, other bytes in base64, what is not finite as "NaN", "Infinity", "-Infinity".
 *
 * @request: an Export...ServiceRequest of @signal.
 * Context: exporter. Ownership: *out is the caller's, free().
 * Return: length of *out, which ends in '\0' besides; -EBADMSG when the request cannot be read;
 *         -ENOMEM.
 */
ptrdiff_t rk_otlp_json_encode(enum rk_otlp_signal signal, const uint8_t *request, size_t length,
			      char **out);

#endif
