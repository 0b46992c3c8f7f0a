/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_sampler.c - thresholds, randomness, tracestates, the table of samplers.
 *
 * The thresholds are those of the OpenTelemetry specification's table for four digits.
 */
#include "op_log.h"

#include <stdio.h>
#include <string.h>

#include "core/sampler.h"

#define LONG_250                                                                                   \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"8901234567890123456789012345678901234567890123456789012345678901234567890123456789012345" \
	"67890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
	double rate;
	const char *text;
} thresholds[] = {
	{ 1, "0" },
	{ 1.0 / 2, "8" },
	{ 1.0 / 3, "aaab" },
	{ 1.0 / 4, "c" },
	{ 1.0 / 5, "cccd" },
	{ 1.0 / 8, "e" },
	{ 1.0 / 10, "e666" },
	{ 1.0 / 16, "f" },
	{ 1.0 / 100, "fd70a" },
	{ 1.0 / 1000, "ffbe77" },
	{ 1.0 / 10000, "fff9724" },
	{ 1.0 / 100000, "ffff583a" },
	{ 1.0 / 1000000, "ffffef39" },
	{ 0x1p-56, "ffffffffffffff" },
	{ 0x1p-55, "fffffffffffffe" },
	{ 0x1p-53, "fffffffffffff8" },
};

static void test_thresholds(void **state)
{
	char text[RK_SAMPLER_THRESHOLD_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
		rk_sampler_format(rk_sampler_threshold(thresholds[i].rate), text);
		assert_string_equal(text, thresholds[i].text);
	}
	assert_true(rk_sampler_threshold(0) == RK_SAMPLER_NEVER);
	assert_true(rk_sampler_threshold(-1) == RK_SAMPLER_NEVER);
	assert_true(rk_sampler_threshold(0x0.fp-56) == RK_SAMPLER_NEVER);
	assert_true(rk_sampler_threshold(2) == 0);
}

static void test_thresholds_fall_with_the_rate(void **state)
{
	uint64_t before = RK_SAMPLER_NEVER;

	(void)state;
	for (double rate = 0x1p-58; rate < 1; rate *= 1.0009) {
		uint64_t threshold = rk_sampler_threshold(rate);
		double kept = (double)(RK_SAMPLER_NEVER - threshold) * 0x1p-56;

		assert_true(threshold <= before);
		before = threshold;
		if (rate < 0x1p-56)
			continue;
		/* Four digits: one in 2^16 at the least, and no more than 56 bits can say. */
		assert_true(kept <= rate * (1 + 0x1p-12) + 0x1p-56);
		assert_true(kept >= rate * (1 - 0x1p-12) - 0x1p-56);
	}
}

static uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* What a lower rate keeps, a higher one keeps; and it is the share that was asked for. */
static void test_keeping_is_monotone(void **state)
{
	static const double rates[] = { 0.001, 0.01, 0.1, 0.25, 0.3, 0.5, 0.9, 1 };
	uint32_t kept[sizeof(rates) / sizeof(rates[0])] = { 0 };
	struct rk_config config;
	uint64_t seed = 88172645463325252ull;

	(void)state;
	test_config_init(&config);
	for (int n = 0; n < 100000; n++) {
		uint64_t id[2] = { random_next(&seed), random_next(&seed) };
		bool before = false;

		for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
			struct rk_sampling sampling = { .threshold =
								rk_sampler_threshold(rates[i]) };
			bool now = rk_sampler_keeps(&sampling, (const uint8_t *)id);

			assert_true(now || !before);
			before = now;
			kept[i] += now;
		}
	}
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		assert_true(kept[i] > 1e5 * rates[i] * 0.9 - 40 &&
			    kept[i] < 1e5 * rates[i] * 1.1 + 40);
}

static void test_edges_of_56_bits(void **state)
{
	uint8_t id[16];
	struct rk_sampling sampling = { .threshold = rk_sampler_threshold(0.5) };

	(void)state;
	memset(id, 0xff, 9); /* what lies in front does not count */
	memset(id + 9, 0, 7);
	assert_true(rk_sampler_randomness(id, "") == 0);
	assert_false(rk_sampler_keeps(&sampling, id));
	id[9] = 0x80;
	assert_true(rk_sampler_randomness(id, "") == (uint64_t)1 << 55);
	assert_true(rk_sampler_keeps(&sampling, id)); /* R >= T */
	id[9] = 0x7f;
	memset(id + 10, 0xff, 6);
	assert_false(rk_sampler_keeps(&sampling, id));
	id[9] = 0xff;
	assert_true(rk_sampler_randomness(id, "") == RK_SAMPLER_NEVER - 1);
	sampling.threshold = rk_sampler_threshold(0x1p-56);
	assert_true(rk_sampler_keeps(&sampling, id));
	sampling.threshold = rk_sampler_threshold(0);
	assert_false(rk_sampler_keeps(&sampling, id)); /* never is not a probability */
}

static const struct {
	const char *state;
	uint64_t randomness; /* 1 = that of the id */
} randomness[] = {
	{ "ot=rv:00000000000002", 2 },
	{ "a=1,ot=th:8;rv:ffffffffffffff,b=2", 0xffffffffffffff },
	{ "ot=rv:0123456789abcd;th:8", 0x0123456789abcd },
	{ "ot=rv:0123456789ABCD", 1 },	/* lower case only */
	{ "ot=rv:0123456789abc", 1 },	/* 14 digits */
	{ "ot=rv:0123456789abcde", 1 }, /* and not more */
	{ "ot=xrv:0123456789abcd", 1 },
	{ "ot=rv:", 1 },
	{ "rv=0123456789abcd", 1 },
	{ "xot=rv:0123456789abcd", 1 },
	{ "", 1 },
};

static void test_explicit_randomness(void **state)
{
	uint8_t id[16] = { 0 };

	(void)state;
	id[15] = 1;
	for (size_t i = 0; i < sizeof(randomness) / sizeof(randomness[0]); i++) {
		if (rk_sampler_randomness(id, randomness[i].state) != randomness[i].randomness)
			fail_msg("wrong randomness of \"%s\"", randomness[i].state);
	}
}

static const struct {
	const char *before;
	double rate; /* 0 = erase */
	const char *after;
} puts_[] = {
	{ "", 1, "ot=th:0" },
	{ "", 0, "" },
	{ "a=1", 0.5, "ot=th:8,a=1" },
	{ "a=1,ot=th:c,b=2", 0.5, "ot=th:8,a=1,b=2" }, /* a changed key moves to the left */
	{ "a=1,ot=th:c,b=2", 0, "a=1,b=2" },
	{ "a=1,ot=x:y,b=2", 0, "a=1,ot=x:y,b=2" }, /* nothing changed, nothing moved */
	{ "ot=rv:0123456789abcd;th:c;x:y", 0.1, "ot=rv:0123456789abcd;x:y;th:e666" },
	{ "ot=th:c;rv:0123456789abcd", 0, "ot=rv:0123456789abcd" },
	{ "a=1,ot=th:not_hex", 0, "a=1" },
	{ "a=1,ot=th:;x:y", 0.25, "ot=x:y;th:c,a=1" },
	{ "ot=x:" LONG_250, 0.5, "ot=x:" LONG_250 }, /* 252 + 5 are too many */
	{ "A=bad", 0.5, "ot=th:8" },
};

static void test_put_threshold(void **state)
{
	char out[RK_TRACE_STATE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(puts_) / sizeof(puts_[0]); i++) {
		rk_sampler_put_threshold(puts_[i].before, rk_sampler_threshold(puts_[i].rate), out,
					 sizeof(out));
		assert_string_equal(out, puts_[i].after);
	}
}

static void test_limits_of_the_state(void **state)
{
	char many[512] = "";
	char out[RK_TRACE_STATE_BYTES];

	(void)state;
	for (int i = 0; i < 32; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sk%02d=v",
			 i ? "," : "", i);
	assert_true(rk_sampler_put_threshold(many, rk_sampler_threshold(0.5), out, sizeof(out)));
	assert_memory_equal(out, "ot=th:8,k00=v,", 14);
	assert_null(strstr(out, "k31=v")); /* the 33rd */
	assert_non_null(strstr(out, "k30=v"));
	/* A long entry makes room for ours, the short ones stay. */
	snprintf(many, sizeof(many), "a=%0250d,b=%0200d,c=%050d", 1, 2, 3);
	assert_int_equal(strlen(many), 508);
	assert_true(rk_sampler_put_threshold(many, rk_sampler_threshold(0.5), out, sizeof(out)));
	assert_memory_equal(out, "ot=th:8,a=0", 11);
	assert_null(strstr(out, "b=0"));
	assert_non_null(strstr(out, "c=0"));
}

#define HIGH "00-0af7651916cd43dd84ffffffffffffff-b7ad6b7169203331-"
#define LOW  "00-0af7651916cd43dd8400000000000001-b7ad6b7169203331-"

static const struct {
	enum rk_sampler kind;
	double rate;
	const char *parent, *state;
	bool sampled;
	const char *known, *unknown;
} parents[] = {
	{ RK_SAMPLER_PARENT_RATIO, 0, LOW "01", "", true, "", "" },
	{ RK_SAMPLER_PARENT_RATIO, 1, HIGH "00", "", false, "", "" },
	{ RK_SAMPLER_PARENT_ALWAYS_ON, 1, HIGH "00", "", false, "", "" },
	{ RK_SAMPLER_PARENT_ALWAYS_OFF, 1, HIGH "01", "a=1", true, "a=1", "a=1" },
	/* The parent's threshold stays while it is true, where it was... */
	{ RK_SAMPLER_PARENT_RATIO, 1, HIGH "01", "a=1,ot=th:8", true, "a=1,ot=th:8", "a=1" },
	/* ...and goes when it is not: 1 < 0x80... */
	{ RK_SAMPLER_PARENT_RATIO, 1, LOW "01", "a=1,ot=th:8", true, "a=1", "a=1" },
	{ RK_SAMPLER_PARENT_RATIO, 1, LOW "01", "ot=rv:90000000000000;th:8", true,
	  "ot=rv:90000000000000;th:8", "ot=rv:90000000000000" },
	{ RK_SAMPLER_PARENT_RATIO, 1, HIGH "01", "ot=rv:70000000000000;th:8", true,
	  "ot=rv:70000000000000", "ot=rv:70000000000000" },
	/* A plain one looks at the id and not at the flag. */
	{ RK_SAMPLER_RATIO, 0.5, HIGH "00", "a=1", true, "ot=th:8,a=1", "a=1" },
	{ RK_SAMPLER_RATIO, 0.5, LOW "01", "a=1", false, "ot=th:8,a=1", "a=1" },
	{ RK_SAMPLER_RATIO, 0.5, LOW "00", "ot=rv:80000000000000;th:c", true,
	  "ot=rv:80000000000000;th:8", "ot=rv:80000000000000" },
	{ RK_SAMPLER_ALWAYS_ON, 0, LOW "00", "ot=th:c", true, "ot=th:0", "" },
	{ RK_SAMPLER_ALWAYS_OFF, 1, HIGH "01", "a=1", false, "a=1", "a=1" },
	{ RK_SAMPLER_PARENT_RATIO, 1, HIGH "01", "A=1", true, "", "" },
};

static void test_remote_parents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		struct rk_trace_context parent;
		struct rk_sampling sampling;
		struct rk_config config;

		test_config_init(&config);
		config.tracing_sampler = parents[i].kind;
		config.tracing_sampling_rate = parents[i].rate;
		assert_true(rk_trace_context_parse(parents[i].parent, &parent));
		rk_sampler_init(&sampling, &config, &parent, parents[i].state);
		if (sampling.is_parent_sampled != parents[i].sampled)
			fail_msg("row %zu", i);
		assert_string_equal(sampling.parent_known, parents[i].known);
		assert_string_equal(sampling.parent_unknown, parents[i].unknown);
	}
}

static void test_own_roots(void **state)
{
	static const struct {
		enum rk_sampler kind;
		uint64_t threshold;
		bool is_off;
		const char *known;
	} rows[] = {
		{ RK_SAMPLER_ALWAYS_ON, 0, false, "ot=th:0" },
		{ RK_SAMPLER_PARENT_ALWAYS_ON, 0, false, "ot=th:0" },
		{ RK_SAMPLER_ALWAYS_OFF, RK_SAMPLER_NEVER, true, "" },
		{ RK_SAMPLER_PARENT_ALWAYS_OFF, RK_SAMPLER_NEVER, true, "" },
		{ RK_SAMPLER_RATIO, 0xc0000000000000, false, "ot=th:c" },
		{ RK_SAMPLER_PARENT_RATIO, 0xc0000000000000, false, "ot=th:c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rk_sampling sampling;
		struct rk_config config;

		test_config_init(&config);
		config.tracing_sampler = rows[i].kind;
		config.tracing_sampling_rate = 0.25;
		rk_sampler_init(&sampling, &config, NULL, "a=1");
		assert_true(sampling.threshold == rows[i].threshold);
		assert_int_equal(sampling.is_off, rows[i].is_off);
		assert_string_equal(sampling.own_known, rows[i].known);
		assert_string_equal(sampling.own_unknown, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_thresholds_fall_with_the_rate),
		cmocka_unit_test(test_keeping_is_monotone),
		cmocka_unit_test(test_edges_of_56_bits),
		cmocka_unit_test(test_explicit_randomness),
		cmocka_unit_test(test_put_threshold),
		cmocka_unit_test(test_limits_of_the_state),
		cmocka_unit_test(test_remote_parents),
		cmocka_unit_test(test_own_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
