/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/interpose/test_header.c - include/rustkernel.h alone: an older library, the breaker.
 *
 * The program exports a table of its own, which ends in the middle.
 */
#include "include/rustkernel.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/breaker.h"

static int calls;

static int count_active(void)
{
	return ++calls;
}

static uint32_t count_create(uint32_t type, const struct rk_metric_options *options)
{
	(void)options;
	calls++;
	return type + 1;
}

static void never(uint32_t number, uint32_t what, double value)
{
	(void)number;
	(void)what;
	(void)value;
	fail_msg("behind the end of the table");
}

extern const struct rk_api_v1 rk_api_v1;
__attribute__((visibility("default"))) const struct rk_api_v1 rk_api_v1 = {
	.size = offsetof(struct rk_api_v1, metric_record), /* as a library before it had that */
	.version = 1,
	.is_active = count_active,
	.metric_create = count_create,
	.metric_record = never,
};

static void an_older_library_has_a_shorter_table(void **state)
{
	struct rk_counter counter = rk_counter_create("a", "1", "");
	struct rk_slo_result result = { .targets = 1 };
	struct rk_context context = rk_context_current();
	struct rk_span span;
	char text[8] = "x";

	(void)state;
	assert_true(rk_is_active());
	assert_int_equal(counter.number, 1);
	assert_int_equal(calls, 2);
	rk_counter_add(counter, 1);
	rk_span_begin(&span, "a");
	assert_int_equal(span.context.number, 0);
	rk_span_end(&span);
	rk_log(RK_LEVEL_INFO, NULL, "%d", 1);
	assert_int_equal(context.flags, 0);
	assert_int_equal(rk_context_header(NULL, RK_HEADER_BAGGAGE, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(rk_slo_check("a", &result), RK_VERDICT_NO_DATA);
	assert_int_equal(result.targets, 0);
}

/* The breaker of the header does what the library's own does, at every step. */
static void both_breakers_agree(void **state)
{
	struct rk_circuit_breaker ours = RK_CIRCUIT_BREAKER_INIT(NULL);
	struct rk_breaker theirs;
	uint64_t now_ms = 1;
	int seen[3] = { 0 };

	(void)state;
	srand(1);
	rk_breaker_init(&theirs, 5, 2, 30000000000u);
	for (int i = 0; i < 200000; i++) {
		bool success = rand() % 3 == 0;

		now_ms += (uint64_t)(rand() % 9000);
		if (rand() % 2) {
			bool allows = rk_circuit_breaker_state(&ours) != RK_CIRCUIT_OPEN ||
				      rk_internal_breaker_allows(&ours, now_ms);

			assert_int_equal(allows, rk_breaker_allows(&theirs, now_ms * 1000000));
		} else {
			rk_internal_breaker_note(&ours, success, now_ms);
			rk_breaker_note(&theirs, success, now_ms * 1000000);
		}
		assert_int_equal(rk_circuit_breaker_state(&ours), theirs.state);
		seen[theirs.state]++;
	}
	assert_true(seen[0] > 1000 && seen[1] > 1000 && seen[2] > 1000);
}

static void thresholds_have_sensible_ends(void **state)
{
	struct rk_circuit_breaker breaker = RK_CIRCUIT_BREAKER_INIT(NULL);

	(void)state;
	breaker.failure_threshold = 0;
	rk_circuit_breaker_note(&breaker, false);
	assert_int_equal(rk_circuit_breaker_state(&breaker), RK_CIRCUIT_OPEN);
	breaker.word = 0;
	breaker.failure_threshold = UINT32_MAX;
	for (int i = 0; i < 16382; i++)
		rk_circuit_breaker_note(&breaker, false);
	assert_int_equal(rk_circuit_breaker_state(&breaker), RK_CIRCUIT_CLOSED);
	rk_circuit_breaker_note(&breaker, false);
	assert_int_equal(rk_circuit_breaker_state(&breaker), RK_CIRCUIT_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_library_has_a_shorter_table),
		cmocka_unit_test(both_breakers_agree),
		cmocka_unit_test(thresholds_have_sensible_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
