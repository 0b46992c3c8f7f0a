/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor_system.c - what is in the way of measuring: permissions, and other profilers.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/doctor.h"
#include "tools/tool.h"

static const char control_device[] = "/dev/nvidiactl";

/* In a container without the GPU's devices, or closed to this user. */
static void look_at_devices(struct rk_diagnosis *d)
{
	int fd = open(control_device, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	else
		rk_diagnosis_add(
			d, "permissions", RK_FINDING_BAD,
			"%s cannot be opened: %s. In a container: start it with the GPU's "
			"devices (--gpus all); else ask for read and write access to /dev/nvidia*",
			control_device, strerror(errno));
}

/* The driver may keep profiling to root; activity records do not need it, counters do. */
void rk_doctor_look_at_permissions(struct rk_diagnosis *d, const char *params)
{
	FILE *file = fopen(params, "re");
	char line[256];
	bool restricted = false;

	if (!file) {
		rk_diagnosis_add(d, "permissions", RK_FINDING_OK,
				 "no restriction is set (no NVIDIA kernel module)");
		return;
	}
	while (fgets(line, sizeof(line), file))
		restricted |= strncmp(line, "RmProfilingAdminOnly: 1", 23) == 0;
	fclose(file);
	look_at_devices(d);
	if (restricted && geteuid() != 0)
		rk_diagnosis_add(
			d, "permissions", RK_FINDING_NOTE,
			"RmProfilingAdminOnly is 1: GPU counters are for root. Kernel times do "
			"not need them; if CUPTI refuses, have the module nvidia loaded with "
			"NVreg_RestrictProfilingToAdminUsers=0");
	else
		rk_diagnosis_add(d, "permissions", RK_FINDING_OK,
				 "nothing in the way of kernel times");
}

/* What CUDA and NVTX load into every program by their own variables. */
static void look_at_injection(struct rk_diagnosis *d, const char *variable)
{
	const char *library = getenv(variable);

	if (!library || !*library || strstr(rk_tool_base_name(library), "librkpreload"))
		return;
	rk_diagnosis_add(d, "others", RK_FINDING_NOTE,
			 "%s names %s: where that tool takes CUPTI it comes first, and times are "
			 "those of the host. Without it: env -u %s",
			 variable, library, variable);
}

static bool is_profiler(const char *library)
{
	static const char *const marks[] = { "cupti", "nsys",	"ToolsInjection",
					     "ncu",   "kineto", NULL };
	const char *name = rk_tool_base_name(library);

	for (size_t i = 0; marks[i]; i++) {
		if (strstr(name, marks[i]))
			return true;
	}
	return false;
}

static void look_at_preloads(struct rk_diagnosis *d)
{
	const char *preloads = getenv("LD_PRELOAD");
	char *copy = preloads ? strdup(preloads) : NULL;
	char *rest = NULL;

	for (char *entry = copy ? strtok_r(copy, " :", &rest) : NULL; entry;
	     entry = strtok_r(NULL, " :", &rest)) {
		if (is_profiler(entry))
			rk_diagnosis_add(
				d, "others", RK_FINDING_NOTE,
				"LD_PRELOAD names %s, another profiler: where it takes CUPTI "
				"it comes first, and times are those of the host",
				entry);
	}
	free(copy);
}

/* Programs that hold the GPU's counters, or have everything below them profiled. */
static bool is_profiling_program(const char *name)
{
	static const char *const names[] = { "nv-hostengine", "dcgm-exporter", "nsys",
					     "ncu",	      "nsys-launcher", NULL };

	for (size_t i = 0; names[i]; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void look_at_process(struct rk_diagnosis *d, const char *pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
	if (is_profiling_program(name))
		rk_diagnosis_add(
			d, "others", RK_FINDING_NOTE,
			"%s runs (pid %s): it may hold the GPU's counters. Kernel times do not "
			"need them; a program that it profiles itself has the host's times",
			name, pid);
}

void rk_doctor_look_for_others(struct rk_diagnosis *d)
{
	size_t before = d->count;
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	look_at_injection(d, "CUDA_INJECTION64_PATH");
	look_at_injection(d, "NVTX_INJECTION64_PATH");
	look_at_preloads(d);
	while (folder && (entry = readdir(folder))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(d, entry->d_name);
	}
	if (folder)
		closedir(folder);
	if (d->count == before)
		rk_diagnosis_add(d, "others", RK_FINDING_OK, "no other profiler is set or runs");
}
