/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_http.c - the headers that a scraper sends and we read ourselves, and URLs. HTTP itself is
 *                          libmicrohttpd's and libcurl's.
 */
#include "exporters/negotiate.h"
#include "exporters/url.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size);
	struct rk_negotiated chosen;
	char out[300];

	rk_negotiate_format(&chosen, text, true);
	rk_negotiate_format(&chosen, text, false);
	rk_negotiate_gzip(text);
	FUZZ_CHECK(strlen(rk_url_redact(text, out, sizeof(out))) < sizeof(out));
	FUZZ_CHECK(strlen(rk_url_place(text, out, sizeof(out))) < sizeof(out));
	out[0] = '\0';
	if (rk_url_append_label(out, sizeof(out), "job", text))
		FUZZ_CHECK(strlen(out) < sizeof(out));
	FUZZ_CHECK(strlen(rk_url_redact_text(text)) <= size);
	free(text);
	return 0;
}
