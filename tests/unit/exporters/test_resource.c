/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/resource.h"
#include "core/resource_list.h"

/* What was visited, as "k=v;k=v;". */
struct text {
	char at[16384];
};

static void append(const char *key, const char *value, void *data)
{
	struct text *text = data;
	size_t used = strlen(text->at);

	snprintf(text->at + used, sizeof(text->at) - used, "%s=%s;", key, value);
}

static unsigned warnings;

static void count_line(enum rk_log_level level, const char *line, void *data)
{
	(void)line;
	(void)data;
	warnings += level == RK_LOG_WARN;
}

static void test_visit(void **state)
{
	struct text text = { "" };

	(void)state;
	assert_int_equal(rk_resource_visit("a=1, b = x%2Cy%3d ,c=,%61b=%C3%A4", append, &text), 0);
	assert_string_equal(text.at, "a=1;b=x,y=;c=;ab=\xc3\xa4;");
	assert_int_equal(rk_resource_visit("", append, &text), 0);
}

static void test_visit_bad(void **state)
{
	static const char *const bad[] = { "a",	       "a=1,b",	 "=1",	     "a=1,",
					   "a=b=c",    "a=%",	 "a=%4",     "a=%zz",
					   "a=%00",    "a=\x01", "a=\xff",   "a=%ed%a0%80",
					   "a=%c0%80", " =1",	 "a=1,,b=2", "a=\xc3" };
	struct text text = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rk_resource_visit(bad[i], append, &text) == 0)
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	assert_string_equal(text.at, ""); /* all or nothing */
}

static char *build(const char *service, const char *attributes, bool command_args)
{
	struct rk_config config = {
		.service_name = service,
		.resource_attributes = attributes,
		.process_command_args = command_args,
	};

	return rk_resource_create(&config, NULL, NULL);
}

static void test_defaults(void **state)
{
	char pid[32], *list = build("", "", false);
	struct text text = { "" };

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	snprintf(pid, sizeof(pid), ";process.pid=%d;", (int)getpid());
	assert_non_null(strstr(text.at, pid));
	assert_non_null(strstr(text.at, "service.name=unknown_service:test_resource;"));
	assert_non_null(strstr(text.at, ";process.executable.name=test_resource;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.name=rkpreload;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.language=c;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.version=" RK_VERSION ";"));
	assert_non_null(strstr(text.at, ";host.name="));
	assert_non_null(strstr(text.at, ";os.type=linux;"));
	assert_null(strstr(text.at, "process.command"));
	free(list);
}

static void test_command_line_only_when_asked(void **state)
{
	struct text text = { "" };
	char *list = build("", "", true);

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_non_null(strstr(text.at, ";process.command_line="));
	free(list);
}

static void test_precedence(void **state)
{
	struct text text = { "" };
	char *list = build("mine", "service.name=theirs,host.name=h,telemetry.sdk.name=x,z=a%2Cb",
			   false);

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_non_null(strstr(text.at, "service.name=mine;"));
	assert_null(strstr(text.at, "theirs"));
	assert_non_null(strstr(text.at, ";host.name=h;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.name=rkpreload;"));
	assert_non_null(strstr(text.at, ";z=a,b;"));
	/* keys are unique */
	assert_ptr_equal(strstr(text.at, "host.name="), strstr(text.at, "host.name=h;"));
	assert_null(strstr(strstr(text.at, "host.name=") + 1, "host.name="));
	free(list);
}

static void test_bad_list_is_ignored_with_one_warning(void **state)
{
	struct text text = { "" };
	char *list;

	(void)state;
	warnings = 0;
	list = build("", "ok=1,bad=%zz", false);
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_null(strstr(text.at, ";ok=1;"));
	assert_non_null(strstr(text.at, ";os.type=linux;"));
	assert_int_equal(warnings, 1);
	free(list);
}

/* The value of @key in what was visited; "" when it is not there, a failure when twice. */
static const char *value_of(const char *list, const char *key, char out[512])
{
	static struct text text;
	char wanted[128];
	const char *at;

	text.at[0] = ';';
	text.at[1] = '\0';
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	snprintf(wanted, sizeof(wanted), ";%s=", key);
	at = strstr(text.at, wanted);
	out[0] = '\0';
	if (!at)
		return out;
	at += strlen(wanted);
	assert_null(strstr(at, wanted));
	snprintf(out, 512, "%.*s", (int)strcspn(at, ";"), at);
	return out;
}

static char *build_in(const char *const *variables, const struct rk_gpu_inventory *gpus)
{
	struct rk_config config = { .service_name = "", .resource_attributes = "" };
	char *envp[16] = { NULL };
	struct rk_env *env;
	char *list;

	for (int i = 0; variables[i]; i++)
		envp[i] = (char *)(uintptr_t)variables[i];
	env = rk_env_create(envp);
	list = rk_resource_create(&config, env, gpus);
	rk_env_destroy(env);
	assert_non_null(list);
	return list;
}

#define VARIABLES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_process(void **state)
{
	char *list = build("", "", false), value[512], expected[64];
	struct tm tm = { 0 };
	time_t born;

	(void)state;
	snprintf(expected, sizeof(expected), "%d", (int)getppid());
	assert_string_equal(value_of(list, "process.parent_pid", value), expected);
	value_of(list, "process.creation.time", value);
	assert_non_null(strptime(value, "%Y-%m-%dT%H:%M:%S", &tm));
	assert_int_equal(value[strlen(value) - 1], 'Z');
	born = timegm(&tm);
	assert_true(born <= time(NULL) && born >= time(NULL) - 600);
	assert_int_equal(value_of(list, "process.executable.path", value)[0], '/');
	value_of(list, "host.arch", value);
#ifdef __x86_64__
	assert_string_equal(value, "amd64");
#elif defined(__aarch64__)
	assert_string_equal(value, "arm64");
#endif
	assert_string_equal(value_of(list, "telemetry.distro.name", value), "rkpreload");
	assert_string_equal(value_of(list, "telemetry.distro.version", value), RK_VERSION);
	if (geteuid() == 0)
		assert_string_equal(value_of(list, "process.owner", value), "root");
	free(list);
}

static void test_pod(void **state)
{
	char *list = build_in(VARIABLES("KUBERNETES_SERVICE_HOST=10.0.0.1", "HOSTNAME=pod-1",
					"POD_NAMESPACE=train", "NODE_NAME=n1", "POD_UID=u-1",
					"CONTAINER_NAME=main"),
			      NULL);
	char value[512];

	(void)state;
	assert_string_equal(value_of(list, "k8s.pod.name", value), "pod-1");
	assert_string_equal(value_of(list, "k8s.namespace.name", value), "train");
	assert_string_equal(value_of(list, "k8s.node.name", value), "n1");
	assert_string_equal(value_of(list, "k8s.pod.uid", value), "u-1");
	assert_string_equal(value_of(list, "k8s.container.name", value), "main");
	free(list);
	list = build_in(VARIABLES("KUBERNETES_SERVICE_HOST=10.0.0.1", "HOSTNAME=a", "POD_NAME=b"),
			NULL);
	assert_string_equal(value_of(list, "k8s.pod.name", value), "b");
	free(list);
	/* The same variables outside a pod mean something else. */
	list = build_in(VARIABLES("HOSTNAME=pod-1", "NAMESPACE=x", "NODE_NAME=n1"), NULL);
	assert_null(strstr(list, "k8s."));
	free(list);
}

static void test_ranks(void **state)
{
	static const struct {
		const char *variable, *key, *value;
	} cases[] = {
		{ "RANK=3", "rustkernel.rank", "3" },
		{ "OMPI_COMM_WORLD_RANK=4", "rustkernel.rank", "4" },
		{ "PMI_RANK=5", "rustkernel.rank", "5" },
		{ "SLURM_PROCID=6", "rustkernel.rank", "6" },
		{ "LOCAL_RANK=1", "rustkernel.local_rank", "1" },
		{ "OMPI_COMM_WORLD_LOCAL_RANK=2", "rustkernel.local_rank", "2" },
		{ "SLURM_LOCALID=3", "rustkernel.local_rank", "3" },
		{ "WORLD_SIZE=8", "rustkernel.world_size", "8" },
		{ "OMPI_COMM_WORLD_SIZE=9", "rustkernel.world_size", "9" },
		{ "SLURM_NTASKS=10", "rustkernel.world_size", "10" },
		{ "SLURM_JOB_ID=77", "rustkernel.slurm.job_id", "77" },
		{ "SLURM_JOB_NAME=a b", "rustkernel.slurm.job_name", "a b" },
		{ "SLURM_STEP_ID=0", "rustkernel.slurm.step_id", "0" },
		{ "SLURM_NODEID=2", "rustkernel.slurm.node_id", "2" },
	};
	char value[512], *list;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list = build_in(VARIABLES(cases[i].variable), NULL);
		assert_string_equal(value_of(list, cases[i].key, value), cases[i].value);
		free(list);
	}
	list = build_in(VARIABLES("SLURM_PROCID=9", "OMPI_COMM_WORLD_RANK=8", "RANK=7"), NULL);
	assert_string_equal(value_of(list, "rustkernel.rank", value), "7");
	assert_string_equal(value_of(list, "rustkernel.slurm.proc_id", value), "9");
	free(list);
}

static void test_gpus(void **state)
{
	struct rk_gpu_inventory gpus = { .count = 20, .described = 3, .cuda_version = 12080 };
	char value[512], *list;

	(void)state;
	snprintf(gpus.at[0].name, RK_GPU_NAME_SIZE, "NVIDIA H200");
	snprintf(gpus.at[1].name, RK_GPU_NAME_SIZE, "NVIDIA H200 MIG 1g.18gb");
	gpus.at[0].uuid[0] = gpus.at[1].uuid[0] = 0xab;
	gpus.at[0].memory_bytes = 1ull << 40;
	gpus.at[0].major = 9;
	list = build_in(VARIABLES("A=b"), &gpus);
	assert_string_equal(value_of(list, "rustkernel.gpu.count", value), "20");
	assert_string_equal(value_of(list, "rustkernel.cuda.driver_version", value), "12.8");
	assert_string_equal(value_of(list, "rustkernel.gpu.0.name", value), "NVIDIA H200");
	assert_string_equal(value_of(list, "rustkernel.gpu.0.uuid", value),
			    "GPU-ab000000-0000-0000-0000-000000000000");
	assert_string_equal(value_of(list, "rustkernel.gpu.0.compute_capability", value), "9.0");
	assert_string_equal(value_of(list, "rustkernel.gpu.0.memory_bytes", value),
			    "1099511627776");
	assert_string_equal(value_of(list, "rustkernel.gpu.1.uuid", value),
			    "MIG-ab000000-0000-0000-0000-000000000000");
	/* What is not known is not there. */
	assert_null(strstr(list, "rustkernel.gpu.1.memory"));
	assert_null(strstr(list, "rustkernel.gpu.2."));
	free(list);
}

static void test_container_ids(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *head, *tail, *before;
		bool found;
	} cases[] = {
		{ "13:name=systemd:/docker/", "\n", "", true },
		{ "0::/system.slice/docker-", ".scope\n", "", true },
		{ "1:cpu:/kubepods/burstable/pod5f4e/", "\n", "", true },
		{ "0::/a", "f\n", "", false },
		{ "33 2 8:1 /var/lib/docker/containers/", "/hostname /etc/hostname rw\n",
		  "containers/", true },
		{ "33 2 8:1 /x/overlay-containers/", "/userdata/hostname /etc/hostname rw\n",
		  "containers/", true },
		{ "33 2 8:1 /x/sandboxes/", "/hostname /etc/hostname rw\n", "containers/", false },
		{ "33 2 8:1 /x/containers/short/", " /a rw\n", "containers/", false },
	};
	char text[256], out[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%s%s", cases[i].head, id, cases[i].tail);
		if (rk_resource_find_container(text, cases[i].before, out) != cases[i].found)
			fail_msg("%s", text);
		if (cases[i].found)
			assert_string_equal(out, id);
	}
	assert_false(rk_resource_find_container("0::/user.slice/session-3.scope\n", "", out));
	assert_false(rk_resource_find_container("", "", out));
}

/* Hostile values of the environment are cut and made text; the user's own always fit. */
static void test_limits(void **state)
{
	struct rk_gpu_inventory gpus = { .count = 16, .described = 16, .cuda_version = 13000 };
	struct rk_config config = { .service_name = "", .resource_attributes = "zz=last" };
	char *envp[] = { NULL, NULL };
	char *list, value[512], big[8192];
	struct rk_env *env;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "SLURM_JOB_NAME=", 15);
	memcpy(big + 15, "a\n\xff\x01", 4);
	big[sizeof(big) - 1] = '\0';
	envp[0] = big;
	for (int i = 0; i < 16; i++) {
		snprintf(gpus.at[i].name, RK_GPU_NAME_SIZE, "g");
		gpus.at[i].uuid[0] = gpus.at[i].major = gpus.at[i].memory_bytes = 1;
	}
	env = rk_env_create(envp);
	list = rk_resource_create(&config, env, &gpus);
	assert_string_equal(value_of(list, "zz", value), "last");
	assert_string_equal(value_of(list, "rustkernel.gpu.15.memory_bytes", value), "1");
	value_of(list, "rustkernel.slurm.job_name", value);
	assert_int_equal(strncmp(value, "a ? xxx", 7), 0);
	assert_true(strlen(list) < 8192);
	free(list);
	rk_env_destroy(env);
}

/* A forked child is an instance of its own. */
static void test_forked_child_is_another_instance(void **state)
{
	char *list = build("", "", false), mine[512], value[512], theirs[512] = "";
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *own = build("", "", false);

		value_of(own, "service.instance.id", value);
		_exit(write(ends[1], value, strlen(value)) != 36);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], theirs, sizeof(theirs) - 1), 36);
	value_of(list, "service.instance.id", mine);
	assert_int_equal(strlen(mine), 36);
	assert_int_equal(mine[14], '4');
	assert_string_not_equal(mine, theirs);
	close(ends[0]);
	close(ends[1]);
	free(list);
}

static void test_instances_differ(void **state)
{
	char *a = build("", "", false), *b = build("", "", false);

	(void)state;
	assert_string_not_equal(strstr(a, "service.instance.id="),
				strstr(b, "service.instance.id="));
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visit),
		cmocka_unit_test(test_visit_bad),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_command_line_only_when_asked),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_bad_list_is_ignored_with_one_warning),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_gpus),
		cmocka_unit_test(test_container_ids),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_forked_child_is_another_instance),
		cmocka_unit_test(test_instances_differ),
	};

	rk_log_init(RK_LOG_WARN, true);
	rk_log_attach(count_line, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
