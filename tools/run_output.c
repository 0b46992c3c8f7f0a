/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/run_output.c - names of trace files, seen from outside the program.
 */
#include "tools/run_output.h"

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"
#include "trace/trace_name.h"
#include "trace/trace_reader.h"
#include "trace/trace_set.h"

static int check_folder(const char *verb, const char *path)
{
	char copy[PATH_MAX];
	const char *folder;
	struct stat st;
	int err = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (stat(folder, &st))
		err = errno;
	else if (!S_ISDIR(st.st_mode))
		err = ENOTDIR;
	else if (access(folder, W_OK | X_OK))
		err = errno;
	if (!err)
		return RK_TOOL_OK;
	return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not write %s: %s: %s", path, folder,
			    strerror(err));
}

int rk_run_output_check(const char *verb, const char *path, bool force)
{
	struct stat st;

	if (!*path)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "the trace file has no name");
	/* A pattern has its name only when the program runs. */
	if (strchr(path, '%'))
		return RK_TOOL_OK;
	if (lstat(path, &st))
		return check_folder(verb, path);
	if (!S_ISREG(st.st_mode))
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb,
				    "could not write %s: it is not a regular file", path);
	if (!force)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "%s exists; -f overwrites it",
				    path);
	if (unlink(path))
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not remove %s: %s", path,
				    strerror(errno));
	return check_folder(verb, path);
}

/* The name of all parts, if @path is one of them. */
static void name_set(char *path)
{
	struct rk_trace_reader *reader;

	if (rk_trace_reader_open(&reader, path, NULL))
		return;
	if (rk_trace_reader_meta(reader)->part_ordinal)
		rk_trace_name_of_set(path);
	rk_trace_reader_close(reader);
}

static bool has_parts(const char *path)
{
	struct rk_trace_set set;
	bool any = rk_trace_set_find(&set, path) == 0 && set.count;

	rk_trace_set_finish(&set);
	return any;
}

static bool find_auto(pid_t pid, char *path, size_t size)
{
	char pattern[64];
	glob_t found;
	bool any;

	snprintf(pattern, sizeof(pattern), "*.%d.*.rkt.zst", (int)pid);
	any = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0;
	if (any)
		snprintf(path, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	if (any)
		name_set(path);
	return any;
}

bool rk_run_output_find(const char *setting, pid_t pid, char *path, size_t size)
{
	if (strcmp(setting, "auto") == 0)
		return find_auto(pid, path, size);
	if (strcmp(setting, "none") == 0 || strchr(setting, '%'))
		return false;
	snprintf(path, size, "%s", setting);
	return access(path, F_OK) == 0 || has_parts(path);
}
