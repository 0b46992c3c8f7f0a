/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/lookup.c - the tables of names, and which answers are replaced.
 *
 * A second interposer behind us in the global scope exports the same names. Plain calls then
 * go through it, as they would without us; but what a program looks up by handle is not
 * replaced for such a name, because that interposer may find libcuda by the same lookup and
 * would find itself. Those answers count as unwrapped.
 */
#include "interpose/lookup.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "interpose/cupti_guest.h"
#include "interpose/libc_symbol.h"

/* One request to cuGetProcAddress() that a wrapper answers. */
struct lookup_request {
	const char *name;
	int version;
	int per_thread;
	int16_t api;
};

#include "interpose/cuda_lookup.inc"

#define DRIVER_NAME "libcuda.so.1"

typedef void *(*dlsym_fn)(void *handle, const char *name);
typedef void *(*dlvsym_fn)(void *handle, const char *name, const char *version);

/* Read by the assembly; NULL until rk_lookup_bootstrap(). */
__attribute__((visibility("hidden"))) _Atomic(dlsym_fn) rk_lookup_dlsym;
__attribute__((visibility("hidden"))) _Atomic(dlvsym_fn) rk_lookup_dlvsym;

static void *_Atomic driver_handle;
static void *_Atomic exported[RK_API_COUNT]; /* by libcuda */
static _Atomic bool chained[RK_API_COUNT];   /* another interposer exports it too */
static _Atomic uint64_t wrapped;
static _Atomic uint64_t unwrapped;

/* Called by the assembly. */
void rk_lookup_bootstrap(void);
void *rk_lookup_substitute(void *handle, const char *name, const char *version, void *caller);

/*
 * May run before any constructor, in a process whose allocator or sanitizer is only just
 * starting, hence the search in libc's own tables and nothing else.
 */
RK_RAW void rk_lookup_bootstrap(void)
{
	static const char *const versions[] = { "GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5" };
	dlvsym_fn find = (dlvsym_fn)rk_libc_symbol_find("dlvsym");
	void *volatile next_dlsym = NULL;
	void *volatile next_dlvsym = NULL;

	for (size_t i = 0; find && i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (!next_dlsym)
			next_dlsym = find(RTLD_NEXT, "dlsym", versions[i]);
		if (!next_dlvsym)
			next_dlvsym = find(RTLD_NEXT, "dlvsym", versions[i]);
	}
	/* libc's own, should this copy not be in the global scope (it was opened, not preloaded),
	 * or should the libc have no versions */
	if (!next_dlsym)
		next_dlsym = rk_libc_symbol_find("dlsym");
	atomic_store(&rk_lookup_dlvsym, next_dlvsym ? (dlvsym_fn)next_dlvsym : find);
	atomic_store(&rk_lookup_dlsym, (dlsym_fn)next_dlsym);
}

/* Spelled out: a sanitizer's strcmp() is not there yet when this runs first. */
static RK_RAW bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static RK_RAW const char *name_of(int number)
{
	return number < RK_API_COUNT ? rk_api_names[number] : cupti_names[number - RK_API_COUNT];
}

RK_RAW int rk_lookup_find(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a, as in gen_lookup.py */

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (uint32_t i = hash % LOOKUP_BUCKETS; lookup_table[i] >= 0; i = (i + 1) % LOOKUP_BUCKETS)
		if (equal(name, name_of(lookup_table[i])))
			return lookup_table[i];
	return -1;
}

/* Never a tail call: with RTLD_NEXT the libc looks at who called it. */
void *rk_lookup_symbol(void *handle, const char *name)
{
	dlsym_fn function = atomic_load(&rk_lookup_dlsym);
	void *volatile found = NULL;

	if (!function) {
		rk_lookup_bootstrap();
		function = atomic_load(&rk_lookup_dlsym);
	}
	if (function)
		found = function(handle, name);
	return found;
}

/* The same, leaving errno and the caller's dlerror() alone as far as that can be done. */
static void *symbol_quietly(void *handle, const char *name)
{
	int saved_errno = errno;
	void *found = rk_lookup_symbol(handle, name);

	if (!found)
		dlerror();
	errno = saved_errno;
	return found;
}

static void *driver(void)
{
	void *handle = atomic_load(&driver_handle);
	int saved_errno = errno;

	if (handle)
		return handle;
	handle = dlopen(DRIVER_NAME, RTLD_NOLOAD | RTLD_LAZY);
	if (handle)
		atomic_store(&driver_handle, handle);
	errno = saved_errno;
	return handle;
}

bool rk_lookup_has_driver(void)
{
	return driver() != NULL;
}

void *rk_lookup_driver(const char *name)
{
	void *handle = driver();

	return handle ? symbol_quietly(handle, name) : NULL;
}

static void *exported_address(enum rk_api api)
{
	void *address = atomic_load(&exported[api]);

	if (!address) {
		address = rk_lookup_driver(rk_api_names[api]);
		if (address)
			atomic_store(&exported[api], address);
	}
	return address;
}

void *rk_lookup_real(enum rk_api api)
{
	void *next = symbol_quietly(RTLD_NEXT, rk_api_names[api]);
	void *own = exported_address(api);

	if (!next || next == rk_api_wrapper(api))
		return own;
	if (next != own)
		atomic_store(&chained[api], true);
	return next;
}

/* Of those that are only watched nothing but a failure is missed. */
static void *count_unwrapped(enum rk_api api, void *found)
{
	if (rk_api_families[api] != RK_FAMILY_WATCH)
		atomic_fetch_add_explicit(&unwrapped, 1, memory_order_relaxed);
	return found;
}

void *rk_lookup_wrap(enum rk_api api, void *found)
{
	if (found == rk_api_wrapper(api))
		return found;
	if (found != exported_address(api))
		return count_unwrapped(api, found);
	rk_lookup_real(api); /* finds out whether the name is chained */
	if (atomic_load(&chained[api]))
		return count_unwrapped(api, found);
	atomic_fetch_add_explicit(&wrapped, 1, memory_order_relaxed);
	return rk_api_wrapper(api);
}

/* First row of @name, or NULL. */
static const struct lookup_request *first_request(const char *name, size_t *count)
{
	size_t low = 0;
	size_t high = sizeof(lookup_requests) / sizeof(lookup_requests[0]);
	size_t all = high;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(lookup_requests[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = all - low;
	return low < all && equal(lookup_requests[low].name, name) ? &lookup_requests[low] : NULL;
}

/*
 * The variant a driver gives for the request: the latest that is not newer than @version, the
 * per-thread one where asked for and where there is one.
 */
void *rk_lookup_wrap_request(const char *name, int version, uint64_t flags, void *found)
{
	bool per_thread = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
	size_t count = 0;
	const struct lookup_request *row = name ? first_request(name, &count) : NULL;
	const struct lookup_request *end = row ? row + count : NULL;
	const struct lookup_request *best = NULL;

	if (!row)
		return found;
	for (const struct lookup_request *r = row; r < end && equal(r->name, name); r++) {
		if (found == rk_api_wrapper((enum rk_api)r->api))
			return found;
		if (r->version > version || (r->per_thread && !per_thread))
			continue;
		if (!best || r->per_thread >= best->per_thread)
			best = r;
	}
	return best ? rk_lookup_wrap((enum rk_api)best->api, found) :
		      count_unwrapped((enum rk_api)row->api, found);
}

/*
 * libcupti must see the driver as it is, and so must our own code. Other libraries never ask
 * for libcuda's functions from within either.
 */
static bool wants_the_real_one(void *caller)
{
	Dl_info of_caller, ours;

	if (!caller || !dladdr(caller, &of_caller) || !of_caller.dli_fname)
		return false;
	if (rk_cupti_guest_is_libcupti(of_caller.dli_fname))
		return true;
	return dladdr((void *)rk_lookup_bootstrap, &ours) && ours.dli_fbase == of_caller.dli_fbase;
}

static void *wrap_cupti(enum rk_guest_function which, void *found)
{
	Dl_info info;

	if (!dladdr(found, &info) || !info.dli_fname || !rk_cupti_guest_is_libcupti(info.dli_fname))
		return found;
	return rk_cupti_guest_wrap(which, found);
}

/* A listed name with a real handle: look it up, then decide. */
void *rk_lookup_substitute(void *handle, const char *name, const char *version, void *caller)
{
	dlvsym_fn versioned = atomic_load(&rk_lookup_dlvsym);
	int number = rk_lookup_find(name);
	int saved_errno;
	void *found;

	if (!version)
		found = rk_lookup_symbol(handle, name);
	else
		found = versioned ? versioned(handle, name, version) : NULL;
	if (!found || number < 0)
		return found;
	saved_errno = errno;
	if (!wants_the_real_one(caller)) {
		if (number < RK_API_COUNT)
			found = rk_lookup_wrap((enum rk_api)number, found);
		else
			found = wrap_cupti((enum rk_guest_function)(number - RK_API_COUNT), found);
	}
	errno = saved_errno;
	return found;
}

uint64_t rk_lookup_wrapped(void)
{
	return atomic_load(&wrapped);
}

uint64_t rk_lookup_unwrapped(void)
{
	return atomic_load(&unwrapped);
}
