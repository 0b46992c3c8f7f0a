/* SPDX-License-Identifier: Apache-2.0
 *
 * core/instrument.c - what the program measures itself.
 *
 * Places are filled in order and never change again. There is no lock: a child that is forked
 * while another thread defines something would wait for it for ever.
 */
#include "core/instrument.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct rk_instrument *_Atomic instruments[RK_INSTRUMENTS_MAX];
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

static uint32_t refuse(struct rk_instrument *made)
{
	free(made);
	atomic_fetch_add(&refused, 1);
	return 0;
}

static uint32_t define(const struct rk_instrument *instrument)
{
	struct rk_instrument *made = NULL;

	for (uint32_t i = 0; i < RK_INSTRUMENTS_MAX; i++) {
		struct rk_instrument *there = atomic_load(&instruments[i]);

		if (!there) {
			made = made ? made : copy(instrument);
			if (!made)
				return refuse(NULL);
			if (atomic_compare_exchange_strong(&instruments[i], &there, made))
				return i + 1;
			/* Another thread was faster; what it defined may be the same. */
		}
		if (is_same(there, instrument)) {
			free(made);
			return i + 1;
		}
	}
	return refuse(made);
}

uint32_t rk_instrument_define(const struct rk_instrument *instrument)
{
	struct rk_instrument whole = *instrument;

	whole.name = whole.name ? whole.name : "";
	whole.unit = whole.unit ? whole.unit : "";
	whole.help = whole.help ? whole.help : "";
	whole.domain = whole.domain ? whole.domain : "";
	if (whole.bound_count > RK_INSTRUMENT_BOUNDS)
		whole.bound_count = RK_INSTRUMENT_BOUNDS;
	return define(&whole);
}

const struct rk_instrument *rk_instrument_get(uint32_t number)
{
	return number && number <= RK_INSTRUMENTS_MAX ? atomic_load(&instruments[number - 1]) :
							NULL;
}

uint64_t rk_instrument_refused(void)
{
	return atomic_load(&refused);
}
