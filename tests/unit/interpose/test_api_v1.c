/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/interpose/test_api_v1.c - what lies in the ring after calls of the C API.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/env.h"
#include "core/ring.h"
#include "core/thread.h"
#include "interpose/api_v1.h"
#include "interpose/api_v1_context.h"

static const struct rk_context none;

static struct rk_ring *ring(void)
{
	return rk_thread_self.ring ? rk_thread_self.ring : rk_thread_ring_slow();
}

static void empty(void)
{
	rk_ring_release(ring(), rk_ring_peek(ring()));
}

static const struct rk_api_record *record_at(uint64_t i)
{
	return rk_ring_at(ring(), i);
}

static void begin(struct rk_span *span, const char *name)
{
	struct rk_span_options options = { .size = sizeof(options), .name = name };

	rk_api_v1_span_begin(span, &options);
}

static void follow(const char *rate, const char *sampler)
{
	char rate_text[64], sampler_text[64];
	char *variables[] = { rate_text, sampler_text, NULL };
	struct rk_config *config;
	struct rk_env *env;

	snprintf(rate_text, sizeof(rate_text), "RUSTKERNEL_TRACING_SAMPLING_RATE=%s", rate);
	snprintf(sampler_text, sizeof(sampler_text), "RUSTKERNEL_TRACING_SAMPLER=%s", sampler);
	env = rk_env_create(variables);
	assert_int_equal(rk_config_create(&config, env), 0);
	rk_api_v1_set_roots(config);
	rk_config_destroy(config);
	rk_env_destroy(env);
}

static int set_up(void **state)
{
	(void)state;
	rk_clock_init();
	if (rk_thread_init(64 << 10, 4) != 0)
		return -1;
	rk_thread_open_gate();
	rk_api_v1_context_attach(&none, NULL);
	rk_thread_ring_slow();
	empty();
	return 0;
}

static void a_lost_attach_is_told_with_the_next_call(void **state)
{
	struct rk_context remote;
	uint64_t before;

	(void)state;
	rk_api_v1_context_extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL,
				  NULL, &remote);
	do {
		before = rk_ring_peek(ring());
		rk_api_v1_log_fields(RK_LEVEL_INFO, "", "fill", NULL, 0);
	} while (rk_ring_peek(ring()) > before);
	rk_api_v1_context_attach(&remote, NULL);
	assert_int_equal(rk_ring_peek(ring()), before);
	assert_true(rk_api_v1_self.is_attach_due);
	empty();
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "after", NULL, 0);
	assert_int_equal(record_at(0)->kind, RK_REC_ATTACH);
	assert_int_equal(record_at(0)->flags, RK_API_REMOTE);
	assert_memory_equal(record_at(0)->ids.span, remote.span_id, 8);
	assert_int_equal(record_at(1)->kind, RK_REC_LOG);
	rk_api_v1_context_attach(&none, NULL);
	empty();
}

static void a_lost_span_does_not_exist(void **state)
{
	struct rk_span outer, inner;
	uint64_t before;

	(void)state;
	begin(&outer, "outer");
	assert_true(outer.context.number);
	do {
		before = rk_ring_peek(ring());
		rk_api_v1_log_fields(RK_LEVEL_INFO, "", "fill", NULL, 0);
	} while (rk_ring_peek(ring()) > before);
	begin(&inner, "inner");
	assert_int_equal(inner.context.number, 0);
	assert_true(rk_api_v1_self.current.number == outer.context.number);
	empty();
	rk_api_v1_span_end(&inner);
	assert_int_equal(rk_ring_peek(ring()), 0);
	rk_api_v1_span_end(&outer);
	assert_int_equal(record_at(0)->kind, RK_REC_SPAN_END);
	assert_int_equal(rk_api_v1_self.current.number, 0);
	empty();
}

/* Who reads the ring believes no context from before a gap, whoever's record is missing. */
static void a_gap_makes_the_next_call_tell_the_context(void **state)
{
	struct rk_context remote;

	(void)state;
	rk_api_v1_context_extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL,
				  NULL, &remote);
	rk_api_v1_context_attach(&remote, NULL);
	empty();
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "told", NULL, 0);
	assert_int_equal(record_at(0)->kind, RK_REC_LOG);
	empty();
	rk_ring_count(&ring()->lost_other); /* as a hook does */
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "behind the gap", NULL, 0);
	assert_int_equal(record_at(0)->kind, RK_REC_ATTACH);
	assert_int_equal(record_at(0)->tid_hint, atomic_load(&ring()->lost_other));
	assert_memory_equal(record_at(0)->ids.span, remote.span_id, 8);
	empty();
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "told again", NULL, 0);
	assert_int_equal(record_at(0)->kind, RK_REC_LOG);
	/* No context is what everybody believes behind a gap. */
	rk_api_v1_context_attach(&none, NULL);
	empty();
	rk_ring_count(&ring()->lost_other);
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "in none", NULL, 0);
	assert_int_equal(record_at(0)->kind, RK_REC_LOG);
	empty();
}

static void inside_a_hook_nothing_is_recorded(void **state)
{
	struct rk_span span;

	(void)state;
	rk_thread_self.depth = 1;
	begin(&span, "hidden");
	rk_api_v1_circuit_breaker_set("hidden", RK_CIRCUIT_OPEN);
	rk_api_v1_log_fields(RK_LEVEL_INFO, "", "hidden", NULL, 0);
	rk_thread_self.depth = 0;
	assert_int_equal(span.context.number, 0);
	assert_int_equal(rk_ring_peek(ring()), 0);
}

static void ends_out_of_order_leave_the_context_alone(void **state)
{
	struct rk_span outer, inner;

	(void)state;
	begin(&outer, "outer");
	begin(&inner, "inner");
	rk_api_v1_span_end(&outer);
	assert_true(rk_api_v1_self.current.number == inner.context.number);
	rk_api_v1_span_end(&inner);
	rk_api_v1_context_attach(&none, NULL);
	empty();
}

static void a_long_text_is_cut_and_says_so(void **state)
{
	static char text[3 * RK_API_TEXT_MAX];
	const struct rk_api_record *record;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	rk_api_v1_log_fields(RK_LEVEL_INFO, "domain", text, NULL, 0);
	record = record_at(0);
	assert_int_equal(record->flags, RK_API_CUT);
	assert_int_equal(record->text_bytes, RK_API_TEXT_MAX);
	assert_int_equal(rk_ring_peek(ring()),
			 1 + (RK_API_TEXT_MAX + RK_TEXT_RECORD_BYTES - 1) / RK_TEXT_RECORD_BYTES);
	empty();
}

static void the_longest_baggage_goes_along_or_not_at_all(void **state)
{
	static char baggage[8193];
	char *longest = malloc(8193);
	struct rk_context context;
	uint64_t slots;

	(void)state;
	snprintf(baggage, sizeof(baggage), "k=%08180d", 0);
	rk_api_v1_context_extract(NULL, NULL, baggage, &context);
	assert_int_equal(rk_api_v1_context_header(&context, RK_HEADER_BAGGAGE, longest, 8193),
			 strlen(baggage));
	assert_string_equal(longest, baggage);
	rk_api_v1_context_attach(&context, NULL);
	slots = rk_ring_peek(ring());
	assert_int_equal(record_at(0)->flags, 0);
	assert_int_equal(record_at(0)->text_bytes, strlen(baggage) + 4);
	snprintf(baggage, sizeof(baggage), "k=%08190d", 0);
	rk_api_v1_context_extract(NULL, NULL, baggage, &context);
	assert_int_equal(rk_api_v1_context_header(&context, RK_HEADER_BAGGAGE, longest, 8193),
			 8192);
	rk_api_v1_context_attach(&context, NULL);
	assert_int_equal(record_at(slots)->flags, RK_API_CUT);
	assert_int_equal(record_at(slots)->text_bytes, 4);
	rk_api_v1_context_attach(&none, NULL);
	empty();
	free(longest);
}

static void the_rate_may_change_while_running(void **state)
{
	struct rk_span span;

	(void)state;
	follow("0", "traceidratio");
	begin(&span, "dropped");
	assert_int_equal(span.context.trace_flags, 2);
	rk_api_v1_span_end(&span);
	follow("1", "traceidratio");
	begin(&span, "kept");
	assert_int_equal(span.context.trace_flags, 3);
	rk_api_v1_span_end(&span);
	empty();
}

static void ids_are_random(void **state)
{
	uint64_t seen[64], ones = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		seen[i] = rk_api_v1_random();
		ones += (uint64_t)__builtin_popcountll(seen[i]);
		for (int j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
	assert_in_range(ones, 1800, 2300); /* 2,048 give or take eight deviations */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_attach_is_told_with_the_next_call),
		cmocka_unit_test(a_lost_span_does_not_exist),
		cmocka_unit_test(a_gap_makes_the_next_call_tell_the_context),
		cmocka_unit_test(inside_a_hook_nothing_is_recorded),
		cmocka_unit_test(ends_out_of_order_leave_the_context_alone),
		cmocka_unit_test(a_long_text_is_cut_and_says_so),
		cmocka_unit_test(the_longest_baggage_goes_along_or_not_at_all),
		cmocka_unit_test(the_rate_may_change_while_running),
		cmocka_unit_test(ids_are_random),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
