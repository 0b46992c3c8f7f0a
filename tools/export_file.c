/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_file.c - names of parts, and the renaming at the end.
 */
#include "tools/export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "tools/tool.h"

/* "a/trace.json", 2 -> "a/trace.2.json" */
static int name_part(struct rk_export_file *file)
{
	const char *base = rk_tool_base_name(file->wanted);
	const char *dot = strchr(base + (*base == '.'), '.');
	int front = (int)((dot ? dot : base + strlen(base)) - file->wanted);
	int length;

	if (file->is_split)
		length = snprintf(file->name, sizeof(file->name), "%.*s.%u%s", front, file->wanted,
				  file->part, dot ? dot : "");
	else
		length = snprintf(file->name, sizeof(file->name), "%s", file->wanted);
	snprintf(file->partial, sizeof(file->partial), "%s.partial", file->name);
	return length < (int)sizeof(file->name) ? 0 : -ENAMETOOLONG;
}

int rk_export_file_begin(struct rk_export_file *file, const char *verb)
{
	struct stat st;

	file->part++;
	file->is_direct = !file->wanted || strcmp(file->wanted, "-") == 0;
	if (file->is_direct)
		return RK_TOOL_OK;
	if (name_part(file))
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb,
				    "the name of the output is too long");
	if (stat(file->name, &st))
		return RK_TOOL_OK;
	file->is_direct = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	if (S_ISDIR(st.st_mode))
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "%s is a folder", file->name);
	if (!file->is_direct && !file->may_replace)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "%s exists; --force writes over it",
				    file->name);
	return RK_TOOL_OK;
}

int rk_export_file_open(const struct rk_export_file *file)
{
	int fd;

	if (file->is_direct && (!file->wanted || strcmp(file->wanted, "-") == 0))
		return STDOUT_FILENO;
	if (file->is_direct)
		fd = open(file->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	else
		fd = open(file->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

int rk_export_file_commit(const struct rk_export_file *file)
{
	unsigned flags = file->may_replace ? 0 : RENAME_NOREPLACE;

	if (file->is_direct || renameat2(AT_FDCWD, file->partial, AT_FDCWD, file->name, flags) == 0)
		return 0;
	/* Some file systems know no flags. */
	if (errno == EINVAL && rename(file->partial, file->name) == 0)
		return 0;
	return -errno;
}

void rk_export_file_discard(const struct rk_export_file *file)
{
	if (!file->is_direct && *file->partial)
		unlink(file->partial);
}

const char *rk_export_file_name(const struct rk_export_file *file)
{
	return !file->wanted || strcmp(file->wanted, "-") == 0 ? "standard output" : file->name;
}
