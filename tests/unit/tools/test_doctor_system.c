/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_doctor_system.c - what NVIDIA's module says, and who else profiles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/doctor.h"

static const struct rk_finding *find(const struct rk_diagnosis *d, const char *part)
{
	for (size_t i = 0; i < d->count; i++) {
		if (strstr(d->findings[i].text, part))
			return &d->findings[i];
	}
	return NULL;
}

static void look(struct rk_diagnosis *d, const char *params)
{
	char path[] = "/tmp/rk-test-params-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, params, strlen(params)), (ssize_t)strlen(params));
	close(fd);
	memset(d, 0, sizeof(*d));
	rk_doctor_look_at_permissions(d, path);
	unlink(path);
}

static void a_machine_without_the_module_restricts_nothing(void **state)
{
	struct rk_diagnosis d = { .count = 0 };

	(void)state;
	rk_doctor_look_at_permissions(&d, "/nonexistent/params");
	assert_int_equal(d.count, 1);
	assert_int_equal(d.findings[0].state, RK_FINDING_OK);
}

static void counters_for_root_are_told_to_others(void **state)
{
	static struct rk_diagnosis d;
	const struct rk_finding *found;

	(void)state;
	look(&d, "ResmanDebugLevel: 4294967295\nRmProfilingAdminOnly: 1\n");
	found = find(&d, "RmProfilingAdminOnly");
	assert_int_equal(found != NULL, geteuid() != 0);
	if (found)
		assert_int_equal(found->state, RK_FINDING_NOTE);
	look(&d, "RmProfilingAdminOnly: 0\n");
	assert_null(find(&d, "RmProfilingAdminOnly"));
}

static void devices_that_cannot_be_opened_are_told(void **state)
{
	static struct rk_diagnosis d;
	const struct rk_finding *found;

	(void)state;
	look(&d, "RmProfilingAdminOnly: 0\n");
	found = find(&d, "/dev/nvidiactl cannot be opened");
	assert_int_equal(found != NULL, access("/dev/nvidiactl", R_OK | W_OK) != 0);
	if (found)
		assert_int_equal(found->state, RK_FINDING_BAD);
}

static void other_profilers_are_named(void **state)
{
	static struct rk_diagnosis d;

	(void)state;
	setenv("CUDA_INJECTION64_PATH", "/opt/other/libother.so", 1);
	setenv("NVTX_INJECTION64_PATH", "/usr/lib/librkpreload.so", 1);
	setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so.2 /opt/nsys/libToolsInjection64.so", 1);
	rk_doctor_look_for_others(&d);
	assert_non_null(find(&d, "CUDA_INJECTION64_PATH names /opt/other/libother.so"));
	assert_non_null(find(&d, "LD_PRELOAD names /opt/nsys/libToolsInjection64.so"));
	assert_null(find(&d, "librkpreload"));
	assert_null(find(&d, "jemalloc"));
	unsetenv("CUDA_INJECTION64_PATH");
	unsetenv("NVTX_INJECTION64_PATH");
	unsetenv("LD_PRELOAD");
}

static void a_daemon_that_profiles_is_found_by_its_name(void **state)
{
	static struct rk_diagnosis d;
	char name[16], pid[32];

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(prctl(PR_SET_NAME, "nv-hostengine"), 0);
	rk_doctor_look_for_others(&d);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	snprintf(pid, sizeof(pid), "nv-hostengine runs (pid %d)", (int)getpid());
	assert_non_null(find(&d, pid));
}

static void findings_are_bounded(void **state)
{
	static struct rk_diagnosis d;

	(void)state;
	for (int i = 0; i < 2 * RK_FINDINGS_MAX; i++)
		rk_diagnosis_add(&d, "x", i ? RK_FINDING_OK : RK_FINDING_NOTE, "%d", i);
	assert_int_equal(d.count, RK_FINDINGS_MAX);
	assert_int_equal(rk_diagnosis_worst(&d), RK_FINDING_NOTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_without_the_module_restricts_nothing),
		cmocka_unit_test(counters_for_root_are_told_to_others),
		cmocka_unit_test(devices_that_cannot_be_opened_are_told),
		cmocka_unit_test(other_profilers_are_named),
		cmocka_unit_test(a_daemon_that_profiles_is_found_by_its_name),
		cmocka_unit_test(findings_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
