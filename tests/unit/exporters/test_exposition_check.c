/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/test_exposition_check.c - each defect costs its family, and no other.
 *
 * usage: test_exposition_check [time]
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "exporters/exposition_check.h"

#define GOOD                                                                                       \
	"# HELP good_total Words, \\\\ and \xc3\xa4.\n"                                            \
	"# TYPE good_total counter\n"                                                              \
	"good_total{a=\"1\",b=\"x\\\"\\\\\\ny, z}\"} 1\n"                                          \
	"good_total{a=\"2\"} 1e+09\n"
#define HISTOGRAM                                                                                  \
	"# TYPE h_seconds histogram\n"                                                             \
	"h_seconds_bucket{k=\"a\",le=\"0.5\"} 1\n"                                                 \
	"h_seconds_bucket{k=\"a\",le=\"1.0\"} 1\n"                                                 \
	"h_seconds_bucket{k=\"a\",le=\"+Inf\"} 2\n"                                                \
	"h_seconds_sum{k=\"a\"} 1.5\n"                                                             \
	"h_seconds_count{k=\"a\"} 2\n"                                                             \
	"h_seconds_bucket{k=\"b\",le=\"+Inf\"} 0\n"                                                \
	"h_seconds_sum{k=\"b\"} 0\n"                                                               \
	"h_seconds_count{k=\"b\"} 0\n"
#define LAST                                                                                       \
	"# TYPE last gauge\n"                                                                      \
	"last NaN\n"                                                                               \
	"plain{} -Inf\n"

static void clean(const char *text, const char *expected, const char *why, uint32_t refused)
{
	struct rk_exposition_report report;
	/* Exactly as long as needed: a sanitizer sees a byte too far. */
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	ptrdiff_t kept;

	assert_non_null(copy);
	memcpy(copy, text, length);
	kept = rk_exposition_clean(copy, length, &report);
	if (!strstr(report.first, why) || (!*why && report.first[0]))
		fail_msg("\"%s\" instead of \"%s\" for\n%s", report.first, why, text);
	assert_int_equal(report.refused, refused);
	assert_int_equal(kept, strlen(expected));
	assert_memory_equal(copy, expected, strlen(expected));
	free(copy);
}

static void test_sound(void **state)
{
	(void)state;
	clean("", "", "", 0);
	clean(GOOD, GOOD, "", 0);
	clean(GOOD HISTOGRAM LAST, GOOD HISTOGRAM LAST, "", 0);
	clean("# a comment\n\n" GOOD "# another\n" LAST, "# a comment\n\n" GOOD "# another\n" LAST,
	      "", 0);
	/* process_* are allowed, as is a sum of a summary. */
	clean("process_open_fds 3\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
	      "process_open_fds 3\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
	      "", 0);
	clean("target_info{le=\"word\"} 1\n", "target_info{le=\"word\"} 1\n", "", 0);
}

/* A family with a defect, between two that have none. */
static void refuse(const char *family, const char *why)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s%s", GOOD, family, HISTOGRAM LAST);
	clean(text, GOOD HISTOGRAM LAST, why, 1);
}

static void test_lines(void **state)
{
	(void)state;
	refuse("# TYPE x gauge\nx{a=\"1\",b=\"2\"} 1\nx{b=\"2\",a=\"1\"} 2\n",
	       "a sample twice: x{b=\"2\",a=\"1\"} 2");
	refuse("x 1 1700000000000\n", "a timestamp?: x 1 1700000000000");
	refuse("x 1 # {trace_id=\"1\"} 1\n", "a timestamp?");
	refuse("x 1\r\n", "bad value");
	refuse("x one\n", "bad value: x one");
	refuse("x\n", "no value");
	refuse("x  1\n", "something behind the value");
	refuse("9x 1\n", "bad metric name");
	refuse("x-y 1\n", "no value: x-y 1");
	refuse("{\"x\"} 1\n", "bad metric name");
	refuse("x{foo-bar=\"1\"} 1\n", "bad label name");
	refuse("x{__a=\"1\"} 1\n", "bad label name");
	refuse("x{a:b=\"1\"} 1\n", "bad label name");
	refuse("x{\"a\"=\"1\"} 1\n", "bad label name");
	refuse("x{a=\"1\",a=\"2\"} 1\n", "a label twice");
	refuse("x{a=\"\\t\"} 1\n", "bad label value");
	refuse("x{a=\"\xff\"} 1\n", "bad label value");
	refuse("x{a=\"1} 1\n", "bad label value");
	refuse("x{a=\"1\"b=\"2\"} 1\n", "no comma");
	refuse("x{a=\"1\",\n", "labels without an end");
	refuse("# HELP x \xff\nx 1\n", "help that is no UTF-8");
}

static void test_families(void **state)
{
	(void)state;
	refuse("# TYPE x gauge\n# TYPE x gauge\nx 1\n", "a second TYPE");
	refuse("x 1\n# TYPE x counter\n", "TYPE behind samples");
	refuse("# HELP x a\n# HELP x b\nx 1\n", "a second HELP");
	refuse("# TYPE x number\nx 1\n", "bad type");
	refuse("# TYPE x-y gauge\n", "bad metric name");
	refuse("push_time_seconds 1\n", "a name of the gateway itself");
	refuse("push_failure_time_seconds 1\n", "a name of the gateway itself");
	refuse("# TYPE go_goroutines counter\ngo_goroutines 1\n", "a name of the gateway");
	refuse("pushgateway_build_info 1\n", "a name of the gateway");
}

static void test_contiguous(void **state)
{
	(void)state;
	clean(GOOD "x 1\ngood_total{a=\"3\"} 1\n" LAST, GOOD "x 1\n" LAST, "a family twice", 1);
	clean(HISTOGRAM "# TYPE h_seconds_count gauge\nh_seconds_count 1\n" LAST, HISTOGRAM LAST,
	      "a family twice, or the name of another one's samples", 1);
	clean("# TYPE h_seconds_count gauge\nh_seconds_count 1\n" HISTOGRAM LAST,
	      "# TYPE h_seconds_count gauge\nh_seconds_count 1\n" LAST,
	      "the name of another family", 1);
	clean(GOOD "x 1\n" HISTOGRAM "x 1\n" LAST, GOOD "x 1\n" HISTOGRAM LAST, "a family twice",
	      1);
}

static void test_histograms(void **state)
{
#define H(lines) "# TYPE x histogram\n" lines
#define TAIL	 "x_sum 1\nx_count 2\n"
	(void)state;
	refuse(H("x_bucket{le=\"1.0\"} 2\n" TAIL), "a histogram without the bucket +Inf: x_bucket");
	refuse(H("x_bucket{le=\"1.0\"} 3\nx_bucket{le=\"+Inf\"} 2\n" TAIL), "not cumulative");
	refuse(H("x_bucket{le=\"2.0\"} 1\nx_bucket{le=\"1.0\"} 2\nx_bucket{le=\"+Inf\"} 2\n" TAIL),
	       "whose bounds do not rise");
	refuse(H("x_bucket{le=\"1\"} 1\nx_bucket{le=\"1.0\"} 1\nx_bucket{le=\"+Inf\"} 2\n" TAIL),
	       "whose bounds do not rise");
	refuse(H("x_bucket{le=\"+Inf\"} 3\n" TAIL), "the bucket +Inf is not _count");
	refuse(H("x_bucket{le=\"+Inf\"} 2\nx_sum 1\n"), "without _count or _sum");
	refuse(H("x_bucket{le=\"+Inf\"} 2\nx_count 2\n"), "without _count or _sum");
	refuse(H("x_sum 1\nx_count 2\n"), "without the bucket +Inf");
	refuse(H("x_bucket 2\n" TAIL), "a bucket without le");
	refuse(H("x_bucket{le=\"one\"} 2\n" TAIL), "bad le");
	refuse(H("x_bucket{le=\"+Inf\"} 2\nx_sum{le=\"1\"} 1\nx_count 2\n"), "no bucket");
	refuse(H("x 1\n"), "a sample of its own name");
	/* Two series of one histogram are told apart by the other labels. */
	refuse(H("x_bucket{a=\"1\",le=\"+Inf\"} 2\nx_sum{a=\"1\"} 1\nx_count{a=\"2\"} 2\n"),
	       "without _count or _sum");
}

static void test_the_end(void **state)
{
	struct rk_exposition_report report;
	char text[] = GOOD;

	(void)state;
	clean(GOOD "x 1", GOOD, "no line end behind it: x 1", 1);
	clean("x 1", "", "no line end", 1);
	assert_int_equal(rk_exposition_clean(text, (size_t)RK_EXPOSITION_MAX + 1, &report), -E2BIG);
	assert_non_null(strstr(report.first, "too many"));
}

/* Every cut of a sound text is judged without reading too far, and what stays is sound. */
static void test_every_cut(void **state)
{
	static const char whole[] = GOOD HISTOGRAM LAST;

	(void)state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		struct rk_exposition_report report;
		char *copy = malloc(length ? length : 1);
		ptrdiff_t kept;

		assert_non_null(copy);
		memcpy(copy, whole, length);
		kept = rk_exposition_clean(copy, length, &report);
		assert_true(kept >= 0 && (size_t)kept <= length);
		assert_int_equal(rk_exposition_clean(copy, (size_t)kept, &report), kept);
		assert_int_equal(report.refused, 0);
		free(copy);
	}
}

static int tell_time(void)
{
	struct rk_exposition_report report;
	struct timespec before, after;
	char *text = malloc(16u << 20);
	size_t used = 0;

	if (!text)
		return 1;
	for (int i = 0; i < 10000; i++)
		used += (size_t)sprintf(text + used,
					"rustkernel_executions_total{kernel_id=\"k%d\",domain="
					"\"unknown\",device=\"0\",source=\"gpu\",status=\"ok\"} "
					"%d\n",
					i, i);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	if (rk_exposition_clean(text, used, &report) != (ptrdiff_t)used)
		return 1;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	printf("10000 samples judged in %.2f ms\n",
	       (double)(after.tv_sec - before.tv_sec) * 1e3 +
		       (double)(after.tv_nsec - before.tv_nsec) / 1e6);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	   cmocka_unit_test(test_lines),
		cmocka_unit_test(test_families),   cmocka_unit_test(test_contiguous),
		cmocka_unit_test(test_histograms), cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_every_cut),
	};

	if (argc > 1 && strcmp(argv[1], "time") == 0)
		return tell_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
