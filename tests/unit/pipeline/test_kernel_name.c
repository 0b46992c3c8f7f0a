/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_kernel_name.c - a table of names, and the rules.
 */
#include "op_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/kernel_name.h"

static const struct {
	const char *mangled;
	const char *readable;
} rows[] = {
	{ "_Z3addPfS_i", "add" },
	{ "_ZN3foo9transposeILi32EfEEvPT0_PKS1_", "foo::transpose" },
	{ "_ZN12_GLOBAL__N_16kernelEv", "kernel" },
	{ "_ZN3foo12_GLOBAL__N_16kernelIiEEvT_", "foo::kernel" },
	{ "_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_11FillFunctorIfEENS_6detail5ArrayIP"
	  "cLi1EEEEEviT0_T1_",
	  "at::native::vectorized_elementwise_kernel" },
	{ "_ZN7FunctorclEv", "Functor::operator()" },
	{ "_ZlsRSoRK3Foo", "operator<<" },
	{ "_ZN3BoxIiEltERKS0_", "Box::operator<" },
	{ "_Z4callIXadL_Z1fvEEEvv", "call" },
	{ "_ZZ4mainENKUlvE_clEv", "main::lambda::operator()" },
	{ "plain_c_kernel", "plain_c_kernel" },
	{ "_Znot_a_mangled_name", "_Znot_a_mangled_name" },
	{ "volta_sgemm_128x64_nn", "volta_sgemm_128x64_nn" },
};

static void test_table(void **state)
{
	struct rk_config config;

	(void)state;
	test_config_init(&config);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rk_kernel_name *name =
			rk_kernel_name_get(&config, rk_intern(rows[i].mangled));

		assert_string_equal(rk_intern_get(name->readable), rows[i].readable);
		assert_int_equal(name->kernel_id, name->readable);
		assert_string_equal(rk_intern_get(name->domain), "unknown");
		assert_ptr_equal(name, rk_kernel_name_get(&config, rk_intern(rows[i].mangled)));
	}
}

static void test_full_name_is_kept(void **state)
{
	struct rk_config config;

	(void)state;
	test_config_init(&config);
	assert_string_equal(
		rk_intern_get(rk_kernel_name_get(&config, rk_intern(rows[1].mangled))->demangled),
		"void foo::transpose<32, float>(float*, float const*)");
}

static void test_rules(void **state)
{
	struct rk_kernel_rule rules[] = {
		{ "pagerank*", "graph/pagerank", "GraphAnalytics" },
		{ "foo::*", "", "Foo" },
		{ "?dd", "sum", "" },
		{ "*", "rest", "Rest" },
	};
	struct rk_config config;
	const struct rk_kernel_name *name;

	(void)state;
	test_config_init(&config);
	config.kernels = rules;
	config.kernel_count = 4;
	name = rk_kernel_name_get(&config, rk_intern("_Z13pagerank_stepPf"));
	assert_string_equal(rk_intern_get(name->kernel_id), "graph/pagerank");
	assert_string_equal(rk_intern_get(name->domain), "GraphAnalytics");
	assert_string_equal(rk_intern_get(name->root), "kernel:graph/pagerank");
	name = rk_kernel_name_get(&config, rk_intern(rows[1].mangled));
	assert_string_equal(rk_intern_get(name->kernel_id), "foo::transpose");
	assert_string_equal(rk_intern_get(name->domain), "Foo");
	name = rk_kernel_name_get(&config, rk_intern(rows[0].mangled));
	assert_string_equal(rk_intern_get(name->kernel_id), "sum");
	assert_string_equal(rk_intern_get(name->domain), "unknown");
	name = rk_kernel_name_get(&config, rk_intern("other"));
	assert_string_equal(rk_intern_get(name->kernel_id), "rest");
}

static void test_no_name_and_long_names(void **state)
{
	static char text[100000];
	struct rk_config config;
	const struct rk_kernel_name *name;

	(void)state;
	test_config_init(&config);
	assert_string_equal(rk_intern_get(rk_kernel_name_get(&config, 0)->kernel_id), "unknown");
	memset(text, 'x', sizeof(text) - 1);
	name = rk_kernel_name_get(&config, rk_intern(text));
	assert_int_equal(name->demangled, name->mangled);
	assert_in_range(strlen(rk_intern_get(name->readable)), 1, 511);
}

/* @head, then @part and @tail as often as fits. */
static char *long_name(const char *head, const char *part, const char *tail, size_t bytes)
{
	size_t parts = (bytes - strlen(head)) / (strlen(part) + strlen(tail));
	char *name = malloc(bytes + 64), *out = stpcpy(name, head);

	for (size_t i = 0; i < parts; i++)
		out = stpcpy(out, part);
	for (size_t i = 0; i < parts; i++)
		out = stpcpy(out, tail);
	strcpy(out, "Evv");
	return name;
}

static const char *readable_of(char *mangled, bool *is_demangled)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(NULL, rk_intern(mangled));

	*is_demangled = name->demangled != name->mangled;
	free(mangled);
	return rk_intern_get(name->readable);
}

/* Template-heavy libraries have names of some thousand bytes as a rule. */
static void test_long_templates(void **state)
{
	static const size_t sizes[] = { 900, 1100, 3000, 5000, 9000, 65536, 524288 };
	bool is_demangled;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *name = long_name("_ZN3foo6kernelI", "3abcIiE", "", sizes[i]);

		name[strlen(name) - 3] = '\0';
		strcat(name, "EEvv");
		assert_string_equal(readable_of(name, &is_demangled), "foo::kernel");
		assert_int_equal(is_demangled, sizes[i] < 8192);
	}
}

/* As deep as a name of each size can nest, and one that stands for gigabytes. */
static void test_hostile_names(void **state)
{
	char pairs[1024] = "_Z6kernelI";
	bool is_demangled;

	(void)state;
	for (size_t bytes = 512; bytes <= 524288; bytes *= 2)
		assert_string_equal(readable_of(long_name("_Z6kernelI", "1aI", "E", bytes),
						&is_demangled),
				    "kernel");
	strcat(pairs, "1pIiiE");
	for (int i = 0; i < 30; i++)
		sprintf(pairs + strlen(pairs), "S_IS%c_S%c_E",
			"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i],
			"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i]);
	strcat(pairs, "Evv");
	readable_of(strdup(pairs), &is_demangled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_full_name_is_kept),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_name_and_long_names),
		cmocka_unit_test(test_long_templates),
		cmocka_unit_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
