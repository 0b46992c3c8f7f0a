/* SPDX-License-Identifier: Apache-2.0
 *
 * core/instrument.c - what the program measures itself.
 */
#include "core/instrument.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rk_instrument *_Atomic instruments[RK_INSTRUMENTS_MAX];
static _Atomic uint32_t count;
static _Atomic uint64_t refused;

static bool is_same(const struct rk_instrument *a, const struct rk_instrument *b)
{
	return a->type == b->type && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->domain, b->domain) == 0 && a->label_bytes == b->label_bytes &&
	       (!a->label_bytes || memcmp(a->labels, b->labels, a->label_bytes) == 0);
}

static void copy_text(const char **out, char **at, const char *text)
{
	size_t bytes = strlen(text) + 1;

	*out = memcpy(*at, text, bytes);
	*at += bytes;
}

static struct rk_instrument *copy(const struct rk_instrument *from)
{
	size_t bytes = strlen(from->name) + strlen(from->unit) + strlen(from->help) +
		       strlen(from->domain) + 4 + from->label_bytes;
	struct rk_instrument *made = malloc(sizeof(*made) + bytes);
	char *at = (char *)(made + 1);

	if (!made)
		return NULL;
	*made = *from;
	copy_text(&made->name, &at, from->name);
	copy_text(&made->unit, &at, from->unit);
	copy_text(&made->help, &at, from->help);
	copy_text(&made->domain, &at, from->domain);
	if (from->label_bytes)
		memcpy(at, from->labels, from->label_bytes);
	made->labels = (const uint8_t *)at;
	return made;
}

/* Under the lock. */
static uint32_t define(const struct rk_instrument *instrument)
{
	uint32_t known = atomic_load(&count);
	struct rk_instrument *made;

	for (uint32_t i = 0; i < known; i++) {
		if (is_same(atomic_load(&instruments[i]), instrument))
			return i + 1;
	}
	made = known < RK_INSTRUMENTS_MAX ? copy(instrument) : NULL;
	if (!made) {
		atomic_fetch_add(&refused, 1);
		return 0;
	}
	atomic_store(&instruments[known], made);
	atomic_store(&count, known + 1);
	return known + 1;
}

uint32_t rk_instrument_define(const struct rk_instrument *instrument)
{
	struct rk_instrument whole = *instrument;
	uint32_t number;

	whole.name = whole.name ? whole.name : "";
	whole.unit = whole.unit ? whole.unit : "";
	whole.help = whole.help ? whole.help : "";
	whole.domain = whole.domain ? whole.domain : "";
	if (whole.bound_count > RK_INSTRUMENT_BOUNDS)
		whole.bound_count = RK_INSTRUMENT_BOUNDS;
	pthread_mutex_lock(&lock);
	number = define(&whole);
	pthread_mutex_unlock(&lock);
	return number;
}

const struct rk_instrument *rk_instrument_get(uint32_t number)
{
	return number && number <= atomic_load(&count) ? atomic_load(&instruments[number - 1]) :
							 NULL;
}

uint64_t rk_instrument_refused(void)
{
	return atomic_load(&refused);
}
