/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_baggage.c - baggage: read, chosen from, cleaned and edited.
 */
#include "core/baggage.h"
#include "core/baggage_edit.h"
#include "core/utf8.h"

#include "fuzz.h"

static void member(void *data, const char *key, size_t length, const char *value)
{
	unsigned *members = data;

	FUZZ_CHECK(length > 0 && key[0]);
	FUZZ_CHECK(strlen(value) <= 3u * RK_BAGGAGE_BYTES_MAX);
	++*members;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size);
	char clean[RK_BAGGAGE_BYTES_MAX + 1], again[RK_BAGGAGE_BYTES_MAX + 1], value[64];
	unsigned members = 0;

	rk_baggage_parse(text, member, &members);
	FUZZ_CHECK(members <= RK_BAGGAGE_MEMBERS_MAX);
	rk_baggage_edit_clean(text, clean, sizeof(clean));
	rk_baggage_edit_clean(clean, again, sizeof(again));
	FUZZ_CHECK(strcmp(clean, again) == 0);
	rk_baggage_edit_get(clean, "tenant", value, sizeof(value));
	if (rk_baggage_edit_put(clean, "tenant", "a b", again, sizeof(again))) {
		FUZZ_CHECK(rk_baggage_edit_get(again, "tenant", value, sizeof(value)) == 3);
		FUZZ_CHECK(strcmp(value, "a b") == 0);
	}
	free(text);
	return 0;
}
