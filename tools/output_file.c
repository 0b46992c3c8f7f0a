/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/output_file.c - a stream over the files of an export.
 */
#include "tools/output_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"

static int cannot(const struct rk_output_file *output, const char *verb, int err)
{
	return rk_tool_cannot_write(verb, rk_export_file_name(&output->file), err);
}

/* "x/app.7.rkt.zst" -> "app.7.html" */
static void make_name(struct rk_output_file *output)
{
	const char *base = rk_tool_base_name(output->input);
	const char *end = strstr(base, ".rkt");
	int length = end && end > base ? (int)(end - base) : (int)strlen(base);

	snprintf(output->made, sizeof(output->made), "%.*s%s", length, base, output->suffix);
	output->file.wanted = output->made;
}

int rk_output_file_check(struct rk_output_file *output, const char *verb)
{
	if (!output->file.wanted)
		make_name(output);
	return rk_export_file_begin(&output->file, verb);
}

int rk_output_file_open(struct rk_output_file *output, const char *verb)
{
	int fd = rk_export_file_open(&output->file);

	if (fd < 0)
		return cannot(output, verb, -fd);
	output->stream = fd == STDOUT_FILENO ? stdout : fdopen(fd, "w");
	if (output->stream)
		return RK_TOOL_OK;
	close(fd);
	rk_export_file_discard(&output->file);
	return cannot(output, verb, ENOMEM);
}

int rk_output_file_close(struct rk_output_file *output, const char *verb, int status)
{
	/* A stream does not keep why it failed; what came after that failed for the same reason. */
	int err = ferror(output->stream) ? -(errno ? errno : EIO) : 0;

	if (output->stream == stdout)
		return rk_tool_finish(status, verb);
	if (fclose(output->stream) && !err)
		err = -errno;
	if (!err && status == RK_TOOL_OK)
		err = rk_export_file_commit(&output->file);
	if (err || status != RK_TOOL_OK)
		rk_export_file_discard(&output->file);
	return err && status == RK_TOOL_OK ? cannot(output, verb, -err) : status;
}
