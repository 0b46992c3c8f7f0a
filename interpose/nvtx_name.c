/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_name.c - tables of names: open addressing, filled by compare-and-swap.
 */
#include "interpose/nvtx_name.h"

#include <stdatomic.h>

#include "core/intern.h"

#define DOMAINS_MAX    1024u
#define CATEGORIES_MAX 4096u
#define THREADS_MAX    1024u
#define PROBES_MAX     16u
#define STRINGS_MAX    65536u /* registered ones share the table of strings with kernel names */
#define STRING_MARK    (UINT64_C(0x4e565458) << 32)

struct named {
	_Atomic uint64_t key; /* 0 = free place */
	_Atomic uint32_t name;
};

static struct rk_nvtx_domain domains[DOMAINS_MAX];
static struct rk_nvtx_domain other_domains; /* all that found no place */
static struct named categories[CATEGORIES_MAX];
static struct named threads[THREADS_MAX];
static _Atomic uint32_t thread_count; /* names that nobody took yet */
static _Atomic uint32_t string_count;

static uint64_t hash_of(uint64_t key)
{
	key *= UINT64_C(0x9e3779b97f4a7c15);
	return key >> 32;
}

/* The place of @key, a free one if it has none and @adds; NULL where there is none. */
static struct named *find(struct named *table, uint32_t size, uint64_t key, bool adds)
{
	uint64_t hash = hash_of(key);

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct named *place = &table[(hash + i) % size];
		uint64_t seen = atomic_load(&place->key);

		if (!seen && !adds)
			return NULL;
		if (!seen && atomic_compare_exchange_strong(&place->key, &seen, key))
			return place;
		if (seen == key)
			return place;
	}
	return NULL;
}

const struct rk_nvtx_domain *rk_nvtx_domain_create(const char *name)
{
	uint32_t id = rk_intern(name);

	for (uint32_t i = 0; id && i < PROBES_MAX; i++) {
		struct rk_nvtx_domain *domain = &domains[(hash_of(id) + i) % DOMAINS_MAX];
		uint32_t seen = atomic_load(&domain->name);

		if (!seen && atomic_compare_exchange_strong(&domain->name, &seen, id))
			return domain;
		if (seen == id)
			return domain;
	}
	if (!atomic_load(&other_domains.name))
		atomic_store(&other_domains.name, rk_intern("(other domains)"));
	return &other_domains;
}

const struct rk_nvtx_domain *rk_nvtx_domain_of(const void *handle)
{
	const struct rk_nvtx_domain *domain = handle;
	uintptr_t offset = (uintptr_t)handle - (uintptr_t)domains;
	bool is_one = offset < sizeof(domains) && offset % sizeof(*domain) == 0 &&
		      atomic_load_explicit(&domain->name, memory_order_relaxed);

	return is_one || domain == &other_domains ? domain : NULL;
}

const char *rk_nvtx_domain_name(const struct rk_nvtx_domain *domain)
{
	return domain ? rk_intern_get(atomic_load_explicit(&domain->name, memory_order_relaxed)) :
			"";
}

void *rk_nvtx_string_create(const char *text)
{
	uint32_t id = 0;

	if (atomic_fetch_add(&string_count, 1) < STRINGS_MAX)
		id = rk_intern(text);
	else
		atomic_store(&string_count, STRINGS_MAX);
	return (void *)(uintptr_t)(STRING_MARK | id);
}

const char *rk_nvtx_string_of(const void *handle)
{
	uint64_t value = (uintptr_t)handle;

	return value >> 32 == STRING_MARK >> 32 ? rk_intern_get((uint32_t)value) : "";
}

/* The default domain is no member of the table: it counts as the last one. */
static uint64_t category_key(const struct rk_nvtx_domain *domain, uint32_t category)
{
	uint64_t place = DOMAINS_MAX + 1;

	if (domain)
		place = domain == &other_domains ? DOMAINS_MAX : (uint64_t)(domain - domains);
	return (place + 1) << 32 | category;
}

void rk_nvtx_category_set(const struct rk_nvtx_domain *domain, uint32_t category, const char *name)
{
	struct named *place =
		find(categories, CATEGORIES_MAX, category_key(domain, category), true);

	if (place)
		atomic_store(&place->name, rk_intern(name));
}

const char *rk_nvtx_category_name(const struct rk_nvtx_domain *domain, uint32_t category)
{
	const struct named *place =
		find(categories, CATEGORIES_MAX, category_key(domain, category), false);

	return place ? rk_intern_get(atomic_load(&place->name)) : "";
}

void rk_nvtx_thread_set(uint32_t tid, const char *name)
{
	struct named *place = tid ? find(threads, THREADS_MAX, tid, true) : NULL;
	uint32_t id = rk_intern(name);

	if (place && id && !atomic_exchange(&place->name, id))
		atomic_fetch_add(&thread_count, 1);
}

bool rk_nvtx_thread_is_named(void)
{
	return atomic_load_explicit(&thread_count, memory_order_relaxed);
}

/* The place stays taken: the system gives the number of a thread again, and so does this. */
const char *rk_nvtx_thread_take(uint32_t tid)
{
	struct named *place = find(threads, THREADS_MAX, tid, false);
	uint32_t id = 0;

	if (place)
		id = atomic_exchange(&place->name, 0);
	if (id)
		atomic_fetch_sub(&thread_count, 1);
	return rk_intern_get(id);
}

static size_t put_character(uint32_t c, char *out, size_t size)
{
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	if (length > size)
		return 0;
	for (size_t i = length; --i > 0; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(marks[length] | c);
	return length;
}

const char *rk_nvtx_narrow(const wchar_t *text, char out[RK_NVTX_WIDE_BYTES])
{
	size_t used = 0, length = 1;

	if (!text)
		return NULL;
	for (; *text && length; text++, used += length) {
		uint32_t c = (uint32_t)*text;
		bool is_character = c < 0x110000 && (c < 0xd800 || c > 0xdfff);

		length = put_character(is_character ? c : '?', out + used,
				       RK_NVTX_WIDE_BYTES - 1 - used);
		if (!length)
			break;
	}
	out[used] = '\0';
	return out;
}
