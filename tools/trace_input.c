/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_input.c - the reader's errors in the words and statuses of the tool.
 */
#include "tools/trace_input.h"

#include <errno.h>

#include "core/log.h"
#include "tools/tool.h"

static int status_of(int err)
{
	switch (err) {
	case -ENODATA:
	case -EPROTO:
	case -ENOTSUP:
	case -EBADMSG:
		return RK_TOOL_DATA;
	case -ENOMEM:
		return RK_TOOL_MEMORY;
	default:
		return RK_TOOL_NO_INPUT;
	}
}

int rk_trace_input_open(struct rk_trace_reader **out, const char *verb, const char *path)
{
	char error[256] = "";
	int err = rk_trace_reader_open(out, path, error);

	if (!err)
		return RK_TOOL_OK;
	if (*error)
		return rk_tool_fail(status_of(err), verb, "%s", error);
	return rk_tool_fail(status_of(err), verb, "could not read %s: %s", path, rk_strerror(err));
}

int rk_trace_input_end(const struct rk_trace_reader *reader, const char *verb, const char *path,
		       int err)
{
	struct rk_trace_info info;

	if (err >= 0)
		return RK_TOOL_OK;
	rk_trace_reader_get_info(reader, &info);
	if (*info.error)
		return rk_tool_fail(status_of(err), verb, "%s", info.error);
	return rk_tool_fail(status_of(err), verb, "could not read %s: %s", path, rk_strerror(err));
}
