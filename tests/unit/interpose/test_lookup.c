/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/interpose/test_lookup.c - the tables of names, and which answers are replaced.
 *
 * This program is the driver: it exports a few of its functions itself.
 */
#include "interpose/lookup.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "interpose/cupti_guest.h"
#include "interpose/libc_symbol.h"

static void test_every_name_is_found(void **state)
{
	(void)state;
	for (int api = 0; api < RK_API_COUNT; api++)
		assert_int_equal(rk_lookup_find(rk_api_names[api]), api);
	assert_int_equal(rk_lookup_find("cuptiSubscribe"), RK_API_COUNT + RK_GUEST_SUBSCRIBE);
	assert_int_equal(rk_lookup_find("cuptiSubscribe_v2"), RK_API_COUNT + RK_GUEST_SUBSCRIBE_V2);
	assert_int_equal(rk_lookup_find("cuptiUnsubscribe"), RK_API_COUNT + RK_GUEST_UNSUBSCRIBE);
	assert_int_equal(rk_lookup_find("cuptiActivityRegisterCallbacks"),
			 RK_API_COUNT + RK_GUEST_REGISTER_CALLBACKS);
}

static void test_no_other_name_is(void **state)
{
	static const char *const others[] = {
		"",
		"c",
		"cu",
		"cudnnCreate",
		"cuLaunchKerne",
		"cuLaunchKernel_",
		"cuLaunchKernel_ptds",
		"cuMemAllocMore",
		"cuGetErrorName",
		"cuGetExportTable",
		"cudaMalloc",
		"cuptiActivityFlushAll",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(rk_lookup_find(others[i]), -1);
}

static void test_libc_symbol(void **state)
{
	(void)state;
	assert_ptr_equal(rk_libc_symbol_find("getpid"), dlsym(RTLD_DEFAULT, "getpid"));
	assert_non_null(rk_libc_symbol_find("dlvsym"));
	assert_null(rk_libc_symbol_find("no_such_function_at_all"));
	assert_null(rk_libc_symbol_find(""));
}

static void test_no_driver(void **state)
{
	int here;

	(void)state;
	assert_false(rk_lookup_has_driver());
	assert_null(rk_lookup_driver("cuInit"));
	assert_null(rk_lookup_real(RK_API_cuLaunchKernel));
	assert_int_equal(rk_real.cuCtxSynchronize(), CUDA_ERROR_NOT_INITIALIZED);
	/* An unknown address is passed on, and counted only where we have a wrapper. */
	assert_ptr_equal(rk_lookup_wrap_request("cuDeviceGet", 13000, 0, &here), &here);
	assert_ptr_equal(rk_lookup_wrap_request("", 13000, 0, &here), &here);
	assert_ptr_equal(rk_lookup_wrap_request(NULL, 13000, 0, &here), &here);
	assert_int_equal(rk_lookup_unwrapped(), 0);
	assert_ptr_equal(rk_lookup_wrap_request("cuLaunchKernel", 13000, 0, &here), &here);
	assert_int_equal(rk_lookup_unwrapped(), 1);
	/* A wrapper that comes back is left alone and not counted again. */
	assert_ptr_equal(rk_lookup_wrap_request("cuLaunchKernel", 13000, 0,
						rk_api_wrapper(RK_API_cuLaunchKernel)),
			 rk_api_wrapper(RK_API_cuLaunchKernel));
	assert_int_equal(rk_lookup_unwrapped(), 1);
	assert_int_equal(rk_lookup_wrapped(), 0);
}

/* With a driver, the variant follows name, version and flags as the driver's does. */
static void test_variants(void **state)
{
	static const struct {
		const char *name;
		int version;
		uint64_t flags;
		enum rk_api api;
	} rows[] = {
		{ "cuLaunchKernel", 4000, 0, RK_API_cuLaunchKernel },
		{ "cuLaunchKernel", 7000, 0, RK_API_cuLaunchKernel },
		{ "cuLaunchKernel", 7000, 2, RK_API_cuLaunchKernel_ptsz },
		{ "cuLaunchKernel", 13000, 1, RK_API_cuLaunchKernel },
		{ "cuMemcpyHtoD", 7000, 2, RK_API_cuMemcpyHtoD_v2_ptds },
		{ "cuMemAlloc", 3020, 0, RK_API_cuMemAlloc_v2 },
		{ "cuMemAlloc", 12000, 2, RK_API_cuMemAlloc_v2 },
		{ "cuStreamBeginCapture", 10000, 0, RK_API_cuStreamBeginCapture },
		{ "cuStreamBeginCapture", 10010, 2, RK_API_cuStreamBeginCapture_v2_ptsz },
		{ "cuMemcpyBatchAsync", 12080, 0, RK_API_cuMemcpyBatchAsync },
		{ "cuMemcpyBatchAsync", 13000, 2, RK_API_cuMemcpyBatchAsync_v2_ptsz },
		{ "cuGetProcAddress", 11030, 0, RK_API_cuGetProcAddress },
		{ "cuGetProcAddress", 12000, 0, RK_API_cuGetProcAddress_v2 },
		{ "cuCtxSynchronize", 2000, 0, RK_API_cuCtxSynchronize },
		{ "cuCtxSynchronize", 13000, 0, RK_API_cuCtxSynchronize_v2 },
	};
	uint64_t unwrapped = rk_lookup_unwrapped();
	void *driver = dlopen(RK_TEST_DRIVER, RTLD_NOW | RTLD_LOCAL);

	(void)state;
	assert_non_null(driver);
	assert_true(rk_lookup_has_driver());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *real = rk_lookup_driver(rk_api_names[rows[i].api]);

		assert_non_null(real);
		assert_ptr_not_equal(real, rk_api_wrapper(rows[i].api));
		assert_ptr_equal(rk_lookup_wrap_request(rows[i].name, rows[i].version,
							rows[i].flags, real),
				 rk_api_wrapper(rows[i].api));
	}
	assert_int_equal(rk_lookup_unwrapped(), unwrapped);
	/* No version of it is that old. */
	assert_ptr_equal(rk_lookup_wrap_request("cuLaunchKernel", 3000, 0, driver), driver);
	assert_int_equal(rk_lookup_unwrapped(), unwrapped + 1);
	/* Of a function that is only watched another address is no loss. */
	assert_ptr_equal(rk_lookup_wrap_request("cuFuncGetAttribute", 3000, 0, driver), driver);
	assert_int_equal(rk_lookup_unwrapped(), unwrapped + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_is_found),
		cmocka_unit_test(test_no_other_name_is),
		cmocka_unit_test(test_libc_symbol),
		cmocka_unit_test(test_no_driver),
		cmocka_unit_test(test_variants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
