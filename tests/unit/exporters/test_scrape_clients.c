/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/test_scrape_clients.c - who has to go when the table is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporters/scrape_clients.h"

#define NO_FD -1 /* nothing is cut but in the table */

static unsigned count(const struct rk_scrape_clients *clients, enum rk_scrape_phase phase)
{
	unsigned found = 0;

	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++)
		found += clients->all[i].phase == phase;
	return found;
}

/* The first @asking wait for their first answer, the rest have had one. */
static void fill(struct rk_scrape_clients *clients, unsigned asking)
{
	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_FULL; i++) {
		struct rk_scrape_client *client;

		rk_scrape_clients_make_room(clients);
		client = rk_scrape_clients_add(clients, NO_FD);
		assert_non_null(client);
		if (i >= asking)
			rk_scrape_clients_set(client, RK_SCRAPE_IDLE);
	}
	assert_int_equal(count(clients, RK_SCRAPE_CUT), 0);
}

static void who_was_answered_goes_first(void **state)
{
	struct rk_scrape_clients clients = { 0 };

	(void)state;
	fill(&clients, RK_SCRAPE_CLIENTS_FULL - 2);
	rk_scrape_clients_make_room(&clients);
	assert_int_equal(count(&clients, RK_SCRAPE_CUT), 1);
	assert_int_equal(count(&clients, RK_SCRAPE_IDLE), 1);
	assert_int_equal(count(&clients, RK_SCRAPE_FIRST), RK_SCRAPE_CLIENTS_FULL - 2);
}

static void then_the_slowest(void **state)
{
	struct rk_scrape_clients clients = { 0 };

	(void)state;
	fill(&clients, RK_SCRAPE_CLIENTS_FULL);
	clients.all[7].since_ns = 1;
	rk_scrape_clients_make_room(&clients);
	assert_int_equal(clients.all[7].phase, RK_SCRAPE_CUT);
	assert_int_equal(count(&clients, RK_SCRAPE_CUT), 1);
}

static void nobody_while_there_is_room(void **state)
{
	struct rk_scrape_clients clients = { 0 };

	(void)state;
	fill(&clients, 3);
	rk_scrape_clients_set(&clients.all[0], RK_SCRAPE_FREE);
	rk_scrape_clients_make_room(&clients);
	assert_int_equal(count(&clients, RK_SCRAPE_CUT), 0);
}

static void only_a_reader_for_memory(void **state)
{
	struct rk_scrape_clients clients = { 0 };

	(void)state;
	fill(&clients, 3);
	rk_scrape_clients_cut_reader(&clients);
	assert_int_equal(count(&clients, RK_SCRAPE_CUT), 0);
	rk_scrape_clients_set(&clients.all[5], RK_SCRAPE_REPLYING);
	rk_scrape_clients_cut_reader(&clients);
	assert_int_equal(clients.all[5].phase, RK_SCRAPE_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_answered_goes_first),
		cmocka_unit_test(then_the_slowest),
		cmocka_unit_test(nobody_while_there_is_room),
		cmocka_unit_test(only_a_reader_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
