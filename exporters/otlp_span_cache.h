/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_cache.h - the ready-made parts of spans, by what makes a span's shape.
 *
 *   index: sets of 4 ways { hash, place }  ->  arena: [ template | template | ... ) written round
 *
 * Found by hash, decided by the whole key: a collision costs time, never a wrong byte. All
 * memory is taken at creation; a template is forgotten when the arena comes round to it or its
 * way in the index is taken. Once something must be forgotten to remember something new, only
 * one newcomer in eight is remembered: a program with more shapes than fit then keeps most of
 * what it has, instead of forgetting each shape just before it comes again.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_CACHE_H
#define RK_EXPORTERS_OTLP_SPAN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define RK_SPAN_KEY_WORDS 16

struct rk_otlp_span_key {
	uint64_t words[RK_SPAN_KEY_WORDS];
};

struct rk_otlp_span_template {
	struct rk_otlp_span_key key;
	uint32_t length;
	uint32_t times; /* where in the bytes the start time stands */
	uint8_t bytes[];
};

struct rk_otlp_span_cache;

/**
 * Context: exporter. Ownership: the caller, rk_otlp_span_cache_destroy(). Return: 0; -ENOMEM.
 */
int rk_otlp_span_cache_create(struct rk_otlp_span_cache **out);
void rk_otlp_span_cache_destroy(struct rk_otlp_span_cache *cache);

/**
 * Context: exporter. Ownership: borrowed until the next rk_otlp_span_cache_reserve().
 * Return: NULL when there is none.
 */
const struct rk_otlp_span_template *rk_otlp_span_cache_find(struct rk_otlp_span_cache *cache,
							    const struct rk_otlp_span_key *key);

/**
 * Room for the template of the key that was just not found: fill length, times and bytes, then
 * rk_otlp_span_cache_commit().
 *
 * @bound: of the bytes.
 * Context: exporter. Does not allocate.
 * Return: NULL when this one is not to be remembered.
 */
struct rk_otlp_span_template *rk_otlp_span_cache_reserve(struct rk_otlp_span_cache *cache,
							 size_t bound);
void rk_otlp_span_cache_commit(struct rk_otlp_span_cache *cache,
			       struct rk_otlp_span_template *template,
			       const struct rk_otlp_span_key *key);

#endif
