/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_ledger.c - the sums close, or the one that does not is named.
 */
#include "core/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"

static char last_line[256];

static void test_sums(void **state)
{
	struct rk_ledger ledger = { 0 };

	(void)state;
	assert_null(rk_ledger_check(&ledger));
	ledger.calls[RK_WORK_LAUNCH] = 10;
	ledger.failed[RK_WORK_LAUNCH] = 1;
	ledger.captured[RK_WORK_LAUNCH] = 2;
	assert_int_equal(rk_ledger_submitted(&ledger, RK_WORK_LAUNCH), 7);
	assert_string_equal(rk_ledger_check(&ledger),
			    "launch: submitted != joined + open + lost + withheld");
	ledger.joined[RK_WORK_LAUNCH] = 5;
	ledger.open[RK_WORK_LAUNCH] = 1;
	ledger.lost[RK_WORK_LAUNCH] = 1;
	assert_null(rk_ledger_check(&ledger));
	ledger.gpu_kernels = 6;
	ledger.gpu_joined = 5;
	assert_non_null(rk_ledger_check(&ledger));
	ledger.gpu_orphan = 1;
	assert_null(rk_ledger_check(&ledger));
	ledger.failed[RK_WORK_MEMCPY] = 1;
	assert_string_equal(rk_ledger_check(&ledger), "calls < failed + captured");
}

static void test_every_reason_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < RK_LOSS_COUNT; i++)
		assert_string_not_equal(rk_loss_name((enum rk_loss)i), "unknown");
	for (int i = 0; i < RK_WORK_COUNT; i++)
		assert_string_not_equal(rk_work_name((enum rk_work)i), "unknown");
	assert_string_equal(rk_loss_name(RK_LOSS_COUNT), "unknown");
}

static void keep_line(enum rk_log_level level, const char *line, void *data)
{
	(void)level;
	(void)data;
	strncpy(last_line, line, sizeof(last_line) - 1);
}

static void test_log_level_and_attach(void **state)
{
	(void)state;
	rk_log_attach(keep_line, NULL);
	rk_log_init(RK_LOG_WARN, false);
	rk_log_warn("trace: could not open %s: %s", "x", rk_strerror(-2));
	assert_string_equal(last_line, "trace: could not open x: No such file or directory");
	rk_log_info("not shown");
	assert_string_equal(last_line, "trace: could not open x: No such file or directory");
	rk_log_init(RK_LOG_OFF, false);
	rk_log_error("not shown either");
	assert_string_equal(last_line, "trace: could not open x: No such file or directory");
	rk_log_attach(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_every_reason_has_a_name),
		cmocka_unit_test(test_log_level_and_attach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
