/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_traceparent.c - traceparent and tracestate, one behind the other on two lines.
 */
#include "core/trace_context.h"

#include "fuzz.h"

static void check_state(const char *tracestate)
{
	char state[RK_TRACE_STATE_BYTES], again[RK_TRACE_STATE_BYTES];
	size_t length;

	if (!rk_trace_context_parse_state(tracestate, state, sizeof(state))) {
		FUZZ_CHECK(!state[0]);
		return;
	}
	/* What is in normal form stays as it is. */
	FUZZ_CHECK(rk_trace_context_parse_state(state, again, sizeof(again)));
	FUZZ_CHECK(strcmp(state, again) == 0);
	rk_trace_context_find_member(state, "rk", &length);
	rk_trace_context_put_member(tracestate, "rk", "1", again, sizeof(again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size), *state = strchr(text, '\n');
	struct rk_trace_context context;

	if (state)
		*state++ = '\0';
	if (rk_trace_context_parse(text, &context)) {
		uint8_t any = 0;

		for (unsigned i = 0; i < sizeof(context.trace_id); i++)
			any |= context.trace_id[i];
		FUZZ_CHECK(any);
	}
	if (state)
		check_state(state);
	free(text);
	return 0;
}
