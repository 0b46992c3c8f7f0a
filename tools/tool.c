/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/tool.c - messages, places, units.
 */
#include "tools/tool.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

int rk_tool_fail(int status, const char *verb, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "rktrace%s%s: ", *verb ? " " : "", verb);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int rk_tool_cannot_write(const char *verb, const char *path, int err)
{
	char copy[PATH_MAX];
	const char *folder;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (abs(err) == ENOENT && access(folder, F_OK))
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb,
				    "could not write %s: there is no folder %s; mkdir -p makes it",
				    path, folder);
	return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not write %s: %s", path,
			    rk_strerror(err));
}

static void show_line(enum rk_log_level level, const char *line, void *data)
{
	(void)level;
	(void)data;
	fprintf(stderr, "rktrace: %s\n", line);
}

void rk_tool_log_init(void)
{
	rk_log_init(RK_LOG_WARN, true);
	rk_log_attach(show_line, NULL);
}

const char *rk_tool_self_dir(void)
{
	static char folder[PATH_MAX];
	ssize_t length;

	if (*folder)
		return folder;
	length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	if (length <= 0)
		return "";
	folder[length] = '\0';
	*strrchr(folder, '/') = '\0';
	return folder;
}

bool rk_tool_find_part(enum rk_tool_part part, char *path, size_t size)
{
	/* Where it was installed to; beside a tree that was moved; the places in a build tree. */
	static const char *const places[][4] = {
		[RK_PART_PRELOAD] = { RK_LIB_FROM_BIN "/librkpreload.so", "../lib/librkpreload.so",
				      "../interpose/librkpreload.so", NULL },
		[RK_PART_NET] = { RK_LIB_FROM_BIN "/rkpreload/librknet.so",
				  "../lib/rkpreload/librknet.so", "../exporters/librknet.so",
				  NULL },
		[RK_PART_SIMGPU] = { RK_LIB_FROM_BIN "/rkpreload/simgpu/libcuda.so.1",
				     "../lib/rkpreload/simgpu/libcuda.so.1",
				     "../tests/simgpu/libcuda.so.1", NULL },
	};
	char wanted[PATH_MAX], found[PATH_MAX];

	for (size_t i = 0; places[part][i]; i++) {
		snprintf(wanted, sizeof(wanted), "%s/%s", rk_tool_self_dir(), places[part][i]);
		/* Only the folder: the file's own name is what the loader looks for. */
		if (access(wanted, R_OK) == 0 && realpath(dirname(wanted), found)) {
			snprintf(path, size, "%s/%s", found, strrchr(places[part][i], '/') + 1);
			return true;
		}
	}
	snprintf(path, size, "%s/%s", rk_tool_self_dir(), places[part][0]);
	return false;
}

const char *rk_tool_printable(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	out[i] = '\0';
	return out;
}

const char *rk_tool_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *scale(double value, const double *factors, const char *const *units, char *out)
{
	size_t i = 0;

	while (units[i + 1] && value >= factors[i + 1] * 0.9995)
		i++;
	value /= factors[i];
	if (i == 0)
		snprintf(out, 32, "%.0f %s", value, units[i]);
	else
		snprintf(out, 32, "%.*f %s",
			 value < 9.995 ? 2 :
			 value < 99.95 ? 1 :
					 0,
			 value, units[i]);
	return out;
}

const char *rk_tool_format_ns(double ns, char out[32])
{
	static const double factors[] = { 1, 1e3, 1e6, 1e9 };
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	return scale(ns, factors, units, out);
}

const char *rk_tool_format_bytes(double bytes, char out[32])
{
	static const double factors[] = { 1, 1024, 1048576, 1073741824, 1099511627776 };
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };

	return scale(bytes, factors, units, out);
}

int rk_tool_finish(int status, const char *verb)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status; /* `| head` has seen enough */
	return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not write the output: %s",
			    strerror(errno));
}
