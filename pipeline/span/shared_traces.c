/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/shared_traces.c - a table of sets, by the random end of a trace id.
 */
#include "pipeline/span/shared_traces.h"

#include <string.h>

static void begin(struct rk_shared_trace *trace, const uint8_t id[16])
{
	memset(trace, 0, sizeof(*trace));
	memcpy(trace->key, id, sizeof(trace->key));
	memcpy(trace->id, id, sizeof(trace->id));
}

void rk_shared_traces_init(struct rk_shared_traces *traces, const uint8_t id[16])
{
	begin(&traces->process, id);
}

/* Ids may be random in any part, or in none. */
static uint32_t hash(const uint8_t id[16])
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return (uint32_t)(((words[0] ^ words[1]) * 0x9e3779b97f4a7c15u) >> 32);
}

struct rk_shared_trace *rk_shared_traces_get(struct rk_shared_traces *traces, const uint8_t id[16])
{
	struct rk_shared_trace *set, *oldest;

	if (memcmp(traces->process.key, id, 16) == 0)
		return &traces->process;
	set = oldest = traces->sets[hash(id) % RK_SHARED_TRACE_SETS];
	for (uint32_t i = 0; i < RK_SHARED_TRACE_WAYS; i++) {
		if (memcmp(set[i].key, id, 16) == 0) {
			set[i].used_at = ++traces->uses;
			return &set[i];
		}
		if (set[i].used_at < oldest->used_at)
			oldest = &set[i];
	}
	begin(oldest, id);
	oldest->used_at = ++traces->uses;
	return oldest;
}

void rk_shared_trace_continue(struct rk_shared_trace *trace, const uint8_t id[16])
{
	memcpy(trace->id, id, sizeof(trace->id));
	trace->spans = 0;
	trace->is_continuation = true;
}
