/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_envelope.h - what stands around the items of an OTLP request.
 *
 *   Export...ServiceRequest { Resource... { resource, Scope... { scope, [items] }, schema_url } }
 *
 * Traces, metrics and logs use the same field numbers here, so one envelope serves all. The
 * items are written first; the front is put before them when their length is known.
 */
#ifndef RK_EXPORTERS_OTLP_ENVELOPE_H
#define RK_EXPORTERS_OTLP_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

struct rk_otlp_envelope {
	uint8_t *resource; /* field 1 of the Resource... message, tag and length included */
	size_t resource_length;
	uint8_t *scope; /* field 1 of the Scope... message, likewise */
	size_t scope_length;
	uint8_t *schema; /* field 3 of the Resource... message, likewise */
	size_t schema_length;
};

/**
 * @resource: the list of core/resource.h. A list that cannot be decoded leaves the resource
 * empty.
 *
 * Context: exporter. Return: 0; -ENOMEM.
 */
int rk_otlp_envelope_init(struct rk_otlp_envelope *envelope, const char *resource);
void rk_otlp_envelope_finish(struct rk_otlp_envelope *envelope);

/**
 * Bytes to leave free before and behind the items.
 *
 * Context: any.
 */
size_t rk_otlp_envelope_front(const struct rk_otlp_envelope *envelope);
size_t rk_otlp_envelope_back(const struct rk_otlp_envelope *envelope);

/**
 * Close the request around @length bytes of items at @items.
 *
 * Context: exporter.
 * Return: the first byte of the request, at most rk_otlp_envelope_front() before @items;
 *         *total is its length.
 */
uint8_t *rk_otlp_envelope_close(const struct rk_otlp_envelope *envelope, uint8_t *items,
				size_t length, size_t *total);

#endif
