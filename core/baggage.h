/* SPDX-License-Identifier: Apache-2.0
 *
 * core/baggage.h - W3C baggage: what the caller says about the work.
 *
 *   BAGGAGE="tenant_id=a%20b;ttl=1, region=eu"    tracing.baggage_attributes: tenant_id
 *
 * Only entries that were asked for become attributes: baggage crosses borders, and what is in
 * it is not ours to publish. Properties (behind ';') say something about an entry to those who
 * pass it on; they are left out.
 */
#ifndef RK_CORE_BAGGAGE_H
#define RK_CORE_BAGGAGE_H

#include <stddef.h>
#include <stdint.h>

/* A chosen entry of the baggage; becomes an attribute. */
struct rk_baggage_entry {
	const char *key, *value; /* decoded */
};

/* What has to be passed on at most; further members are ignored. */
#define RK_BAGGAGE_MEMBERS_MAX 64u
#define RK_BAGGAGE_BYTES_MAX   8192u

/* @key: @length characters. @value: decoded, UTF-8. Both borrowed until it returns. */
typedef void (*rk_baggage_fn)(void *data, const char *key, size_t length, const char *value);

/**
 * Every valid member, in order. A member that breaks the grammar is left out, the others count.
 * Bytes that are no UTF-8 after decoding become U+FFFD.
 *
 * Context: exporter or tools.
 */
void rk_baggage_parse(const char *baggage, rk_baggage_fn member, void *data);

/**
 * The entries of @baggage that @keys (a,b,c) names, in the order of @keys. The last of several
 * members with one key counts.
 *
 * Context: exporter or tools. Ownership: the strings live for ever.
 * Return: number of entries, @size at most.
 */
uint32_t rk_baggage_select(const char *baggage, const char *keys, struct rk_baggage_entry *out,
			   uint32_t size);

/* Where chosen entries are copied to; what does not fit is left out. */
struct rk_baggage_room {
	char *bytes;
	size_t size, used;
};

/**
 * The same for baggage of which a process may have any number: the strings lie in @room.
 *
 * Context: exporter or tools. Nothing is interned.
 */
uint32_t rk_baggage_copy(const char *baggage, const char *keys, struct rk_baggage_entry *out,
			 uint32_t size, struct rk_baggage_room *room);

#endif
