/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_instrument.c - definitions are made once, and from any thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/instrument.h"

#define THREADS 8
#define NAMES	50

static void one_definition_one_number(void **state)
{
	struct rk_instrument counter = { .name = "requests", .type = RK_INSTRUMENT_COUNTER };
	uint8_t labels[] = "sa\0b";
	uint32_t number = rk_instrument_define(&counter);
	struct rk_instrument other = counter;

	(void)state;
	assert_true(number);
	assert_int_equal(rk_instrument_define(&counter), number);
	other.labels = labels;
	other.label_bytes = sizeof(labels);
	assert_int_not_equal(rk_instrument_define(&other), number);
	other = counter;
	other.type = RK_INSTRUMENT_GAUGE;
	assert_int_not_equal(rk_instrument_define(&other), number);
}

static void everything_is_copied(void **state)
{
	char name[] = "copied", domain[] = "d";
	uint8_t labels[] = "sk\0v";
	struct rk_instrument made = {
		.name = name,
		.domain = domain,
		.labels = labels,
		.label_bytes = sizeof(labels),
		.type = RK_INSTRUMENT_HISTOGRAM,
		.bound_count = 1,
		.bounds = { 0.5 },
	};
	const struct rk_instrument *kept = rk_instrument_get(rk_instrument_define(&made));

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	domain[0] = labels[1] = 'x';
	assert_string_equal(kept->name, "copied");
	assert_string_equal(kept->domain, "d");
	assert_string_equal(kept->help, "");
	assert_memory_equal(kept->labels, "sk\0v", kept->label_bytes);
	assert_true(kept->bound_count == 1 && kept->bounds[0] == 0.5);
}

static void *define_all(void *data)
{
	uint32_t *numbers = data;

	for (int i = 0; i < NAMES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many_%d", i);
		numbers[i] = rk_instrument_define(
			&(struct rk_instrument){ .name = name, .type = RK_INSTRUMENT_COUNTER });
	}
	return NULL;
}

static void all_threads_get_the_same(void **state)
{
	uint32_t numbers[THREADS][NAMES];
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, define_all, numbers[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		assert_memory_equal(numbers[i], numbers[0], sizeof(numbers[0]));
}

static void there_is_an_end_to_it(void **state)
{
	char name[16];
	uint32_t number = 1;

	(void)state;
	for (unsigned i = 0; i <= RK_INSTRUMENTS_MAX && number; i++) {
		snprintf(name, sizeof(name), "end_%u", i);
		number = rk_instrument_define(&(struct rk_instrument){ .name = name });
	}
	assert_int_equal(number, 0);
	assert_int_equal(rk_instrument_refused(), 1);
	assert_null(rk_instrument_get(RK_INSTRUMENTS_MAX + 1));
	assert_null(rk_instrument_get(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_definition_one_number),
		cmocka_unit_test(everything_is_copied),
		cmocka_unit_test(all_threads_get_the_same),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
