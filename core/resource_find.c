/* SPDX-License-Identifier: Apache-2.0
 *
 * core/resource_find.c - what is found out about the process without being told.
 *
 * Names follow OpenTelemetry's conventions where there are some. No name service is asked: it
 * would load modules into the program and may take seconds.
 */
#include "core/process_id.h"
#include "core/resource_list.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/proc_stat.h"
#include "core/sandbox.h"

#define COMMAND_LINE_BYTES 4096 /* longer command lines are cut */
#define FILE_BYTES	   65536 /* of a file of the system; what lies behind is not looked at */
#define VALUE_BYTES	   1024	 /* of a value we did not make; longer ones are cut */

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

/* The beginning of a file, NUL-terminated. Return: its length, 0 when it cannot be read. */
static size_t read_file(const char *path, char *out, size_t size)
{
	FILE *file = rk_sandbox_fopen(path, "re");
	size_t length = file ? fread(out, 1, size - 1, file) : 0;

	if (file)
		fclose(file);
	out[length] = '\0';
	return length;
}

/* Cut to a sane length and without the blanks around it; nothing is set when nothing is left. */
static void set_cut(struct rk_resource_list *list, const char *key, const char *value)
{
	char cut[VALUE_BYTES];
	size_t length;

	value += strspn(value, " \t\r\n");
	length = strnlen(value, sizeof(cut) - 1);
	while (value[length] && length && ((unsigned char)value[length] & 0xc0) == 0x80)
		length--; /* not in the middle of a character */
	while (length && strchr(" \t\r\n", value[length - 1]))
		length--;
	memcpy(cut, value, length);
	cut[length] = '\0';
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)cut[i] < ' ' || cut[i] == 0x7f)
			cut[i] = ' ';
	}
	if (length)
		rk_resource_list_set(list, key, cut);
}

static void set_number(struct rk_resource_list *list, const char *key, unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	rk_resource_list_set(list, key, text);
}

static void add_executable(struct rk_resource_list *list)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char service[300];
	const char *name;

	if (length <= 0) {
		rk_resource_list_set(list, "service.name", "unknown_service");
		return;
	}
	path[length] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(service, sizeof(service), "unknown_service:%.255s", name);
	rk_resource_list_set(list, "service.name", service);
	set_cut(list, "process.executable.name", name);
	set_cut(list, "process.executable.path", path);
}

/* A random UUID, version 4. Without random bytes: time and pid, still unlike any other. */
static void add_instance_id(struct rk_resource_list *list)
{
	uint8_t b[16];
	char text[RK_GPU_UUID_SIZE];

	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b)) {
		uint64_t seed[2] = { rk_clock_ticks(), (uint64_t)getpid() << 32 ^ (uintptr_t)&b };

		for (int i = 0; i < 16; i++) {
			seed[i & 1] = (seed[i & 1] ^ seed[i & 1] >> 29) * 0xbf58476d1ce4e5b9u + 1;
			b[i] = (uint8_t)(seed[i & 1] >> 56);
		}
	}
	b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	if (rk_gpu_format_uuid("", b, text))
		rk_resource_list_set(list, "service.instance.id", text + sizeof("GPU-") - 1);
}

static void add_command_line(struct rk_resource_list *list)
{
	char line[COMMAND_LINE_BYTES];
	size_t length = read_file("/proc/self/cmdline", line, sizeof(line));

	while (length && line[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\0')
			line[i] = ' ';
	}
	line[length] = '\0';
	if (length)
		rk_resource_list_set(list, "process.command_line", line);
}

/* The user's name as the machine itself knows it. */
static void add_owner(struct rk_resource_list *list)
{
	FILE *file = rk_sandbox_fopen("/etc/passwd", "re");
	char line[1024], name[256];
	unsigned uid;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%255[^:]:%*[^:]:%u:", name, &uid) != 2 || uid != geteuid())
			continue;
		set_cut(list, "process.owner", name);
		break;
	}
	fclose(file);
}

/* With the pid this names the process for all time, also where pids are used again. */
static void add_creation_time(struct rk_resource_list *list)
{
	struct rk_proc_stat process;
	char date[32], text[64];
	double seconds;
	time_t whole;
	struct tm tm;

	if (!rk_proc_stat_read(&process, 0) || !rk_proc_stat_start_unix(&process, &seconds))
		return;
	whole = (time_t)seconds;
	if (!gmtime_r(&whole, &tm))
		return;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%02dZ", date, (int)((seconds - (double)whole) * 100));
	rk_resource_list_set(list, "process.creation.time", text);
}

void rk_resource_find_process(struct rk_resource_list *list, bool command_line)
{
	add_executable(list);
	add_instance_id(list);
	set_number(list, "process.pid", (unsigned long long)rk_process_id());
	set_number(list, "process.parent_pid", (unsigned long long)rk_process_parent_id());
	add_creation_time(list);
	add_owner(list);
	if (command_line)
		add_command_line(list);
}

static void add_os_name(struct rk_resource_list *list)
{
	char text[FILE_BYTES], *line, *end;

	if (!read_file("/etc/os-release", text, sizeof(text)))
		return;
	line = strncmp(text, "PRETTY_NAME=", 12) == 0 ? text : strstr(text, "\nPRETTY_NAME=");
	if (!line)
		return;
	line = strchr(line, '=') + 1;
	line[strcspn(line, "\n")] = '\0';
	end = line + strlen(line);
	if ((*line == '"' || *line == '\'') && end > line + 1 && end[-1] == *line) {
		end[-1] = '\0';
		line++;
	}
	set_cut(list, "os.description", line);
}

static void add_machine(struct rk_resource_list *list)
{
	struct utsname uts;
	char id[64];

	rk_resource_list_set(list, "os.type", "linux");
	add_os_name(list);
	if (read_file("/etc/machine-id", id, sizeof(id)) ||
	    read_file("/var/lib/dbus/machine-id", id, sizeof(id)))
		set_cut(list, "host.id", id);
	if (uname(&uts))
		return;
	set_cut(list, "host.name", uts.nodename);
	if (strcmp(uts.machine, "x86_64") == 0)
		rk_resource_list_set(list, "host.arch", "amd64");
	else if (strcmp(uts.machine, "aarch64") == 0)
		rk_resource_list_set(list, "host.arch", "arm64");
	else
		set_cut(list, "host.arch", uts.machine);
}

bool rk_resource_find_container(const char *text, const char *before, char out[65])
{
	static const char hex[] = "0123456789abcdef";

	while ((text = strstr(text, before)) && *text) {
		size_t length;

		text += strlen(before);
		length = strspn(text, hex);
		if (length == 64 && (!text[64] || strchr("/.\n -", text[64]))) {
			memcpy(out, text, 64);
			out[64] = '\0';
			return true;
		}
		text += length;
		if (!*before && *text)
			text++;
	}
	return false;
}

/*
 * The control group's path ends in the id where the process sees the host's hierarchy; where
 * it has one of its own, the files that the runtime mounts into the container lie in a folder
 * of that name. In a pod those belong to the sandbox, which is another container.
 */
static void add_container(struct rk_resource_list *list)
{
	char text[FILE_BYTES], id[65];

	read_file("/proc/self/cgroup", text, sizeof(text));
	if (!rk_resource_find_container(text, "", id)) {
		read_file("/proc/self/mountinfo", text, sizeof(text));
		if (!rk_resource_find_container(text, "containers/", id))
			return;
	}
	rk_resource_list_set(list, "container.id", id);
}

/* Attribute and the variables that may hold it, best first. */
struct from_env {
	const char *key;
	const char *names[5];
};

static void add_from_env(struct rk_resource_list *list, const struct rk_env *env,
			 const struct from_env *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = NULL;

		for (size_t n = 0; n < 5 && from[i].names[n] && !value; n++)
			value = rk_env_get(env, from[i].names[n]);
		if (value)
			set_cut(list, from[i].key, value);
	}
}

/* The names under which the downward API is used to hand these over, as a rule. */
static void add_pod(struct rk_resource_list *list, const struct rk_env *env)
{
	static const struct from_env from[] = {
		{ "k8s.pod.name", { "POD_NAME", "K8S_POD_NAME", "HOSTNAME" } },
		{ "k8s.pod.uid", { "POD_UID", "K8S_POD_UID" } },
		{ "k8s.node.name", { "NODE_NAME", "K8S_NODE_NAME" } },
		{ "k8s.container.name", { "CONTAINER_NAME", "K8S_CONTAINER_NAME" } },
		{ "k8s.namespace.name", { "POD_NAMESPACE", "K8S_NAMESPACE", "NAMESPACE" } },
	};
	char text[256];

	if (!rk_env_get(env, "KUBERNETES_SERVICE_HOST"))
		return;
	if (read_file(SERVICE_ACCOUNT, text, sizeof(text)))
		set_cut(list, "k8s.namespace.name", text);
	add_from_env(list, env, from, sizeof(from) / sizeof(from[0]));
}

static void add_job(struct rk_resource_list *list, const struct rk_env *env)
{
	static const struct from_env from[] = {
		{ "rustkernel.rank",
		  { "RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID" } },
		{ "rustkernel.local_rank",
		  { "LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
		    "SLURM_LOCALID" } },
		{ "rustkernel.world_size",
		  { "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS" } },
		{ "rustkernel.slurm.job_id", { "SLURM_JOB_ID" } },
		{ "rustkernel.slurm.job_name", { "SLURM_JOB_NAME" } },
		{ "rustkernel.slurm.step_id", { "SLURM_STEP_ID" } },
		{ "rustkernel.slurm.node_id", { "SLURM_NODEID" } },
		{ "rustkernel.slurm.proc_id", { "SLURM_PROCID" } },
		{ "rustkernel.slurm.local_id", { "SLURM_LOCALID" } },
		{ "rustkernel.slurm.task_count", { "SLURM_NTASKS" } },
	};

	add_from_env(list, env, from, sizeof(from) / sizeof(from[0]));
}

void rk_resource_find_host(struct rk_resource_list *list, const struct rk_env *env)
{
	add_machine(list);
	add_container(list);
	if (!env)
		return;
	add_pod(list, env);
	add_job(list, env);
}

/* "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build": the
 * first word with a dot that begins with a digit. */
static void add_kernel_driver(struct rk_resource_list *list)
{
	char text[512], *rest = text, *word;

	read_file("/proc/driver/nvidia/version", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	while ((word = strsep(&rest, " \t"))) {
		if (*word >= '0' && *word <= '9' && strchr(word, '.')) {
			set_cut(list, "rustkernel.gpu.driver_version", word);
			return;
		}
	}
}

static void add_gpu(struct rk_resource_list *list, uint32_t index, const struct rk_gpu *gpu)
{
	char key[64], value[RK_GPU_UUID_SIZE];

	snprintf(key, sizeof(key), "rustkernel.gpu.%u.name", index);
	set_cut(list, key, gpu->name);
	snprintf(key, sizeof(key), "rustkernel.gpu.%u.uuid", index);
	if (rk_gpu_format_uuid(gpu->name, gpu->uuid, value))
		rk_resource_list_set(list, key, value);
	snprintf(key, sizeof(key), "rustkernel.gpu.%u.compute_capability", index);
	snprintf(value, sizeof(value), "%u.%u", gpu->major, gpu->minor);
	if (gpu->major)
		rk_resource_list_set(list, key, value);
	snprintf(key, sizeof(key), "rustkernel.gpu.%u.memory_bytes", index);
	if (gpu->memory_bytes)
		set_number(list, key, gpu->memory_bytes);
}

void rk_resource_find_gpus(struct rk_resource_list *list, const struct rk_gpu_inventory *gpus)
{
	char version[32];

	if (!gpus)
		return;
	if (gpus->cuda_version) {
		snprintf(version, sizeof(version), "%u.%u", gpus->cuda_version / 1000,
			 gpus->cuda_version % 1000 / 10);
		rk_resource_list_set(list, "rustkernel.cuda.driver_version", version);
		add_kernel_driver(list);
	}
	if (!gpus->count)
		return;
	set_number(list, "rustkernel.gpu.count", gpus->count);
	for (uint32_t i = 0; i < gpus->described && i < RK_GPU_MAX; i++)
		add_gpu(list, i, &gpus->at[i]);
}
