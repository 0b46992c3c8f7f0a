/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/tool.h - what every verb of rktrace starts from: status, messages, the installed tree.
 */
#ifndef RK_TOOLS_TOOL_H
#define RK_TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses; those of sysexits.h where it has one. */
enum rk_tool_status {
	RK_TOOL_OK = 0,
	RK_TOOL_VIOLATION = 1,
	RK_TOOL_INCONCLUSIVE = 2,
	RK_TOOL_USAGE = 64,
	RK_TOOL_DATA = 65,
	RK_TOOL_NO_INPUT = 66,
	RK_TOOL_NETWORK = 69,
	RK_TOOL_MEMORY = 71,
	RK_TOOL_CANNOT_WRITE = 73,
};

struct rk_tool_verb {
	const char *name;
	const char *arguments;
	const char *summary;
	int (*run)(int argc, char **argv);
};

#define RK_VERB(name, arguments, summary) int rk_cmd_##name(int argc, char **argv);
#include "tools/verbs.def"
#undef RK_VERB

/**
 * The verb called @name.
 *
 * Context: tools. Return: NULL when there is none.
 */
const struct rk_tool_verb *rk_tool_find_verb(const char *name);

/**
 * What an action of a verb takes and does; @name: as "alert list".
 *
 * Context: tools. Return: NULL when there is none.
 */
const struct rk_tool_verb *rk_tool_find_action(const char *name);

/**
 * Print one line on stderr: `rktrace <verb>: <text>`.
 *
 * Context: tools. Return: @status, so that a verb can end with it.
 */
int rk_tool_fail(int status, const char *verb, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Say that @path cannot be written, and where it is the folder that is missing, that.
 *
 * @err: of errno, or the negative of one.
 * Context: tools. Return: RK_TOOL_CANNOT_WRITE.
 */
int rk_tool_cannot_write(const char *verb, const char *path, int err);

/**
 * Show what the library parts log, on stderr, as `rktrace: <line>`.
 *
 * Context: tools, start of main().
 */
void rk_tool_log_init(void);

/**
 * The folder rktrace lies in, symbolic links resolved.
 *
 * Context: tools. Return: "" when it cannot be found out. Ownership: static.
 */
const char *rk_tool_self_dir(void);

/* Parts of the installed tree, or of a build tree, that verbs need. */
enum rk_tool_part { RK_PART_PRELOAD, RK_PART_NET, RK_PART_SIMGPU };

/**
 * Find one of them relative to rktrace itself.
 *
 * @path: its absolute path, or where it was looked for first when it is not there.
 * Context: tools. Return: whether it is there.
 */
bool rk_tool_find_part(enum rk_tool_part part, char *path, size_t size);

/**
 * One-line text for stderr and tables: control characters become '?'.
 *
 * Context: tools. Return: @out.
 */
const char *rk_tool_printable(const char *text, char *out, size_t size);

/**
 * What stands behind the last '/'.
 *
 * Context: tools. Ownership: borrowed from @path.
 */
const char *rk_tool_base_name(const char *path);

/**
 * "12.3 us": three digits and the unit that fits. Or bytes: "4.00 MiB".
 *
 * Context: tools. Return: @out.
 */
const char *rk_tool_format_ns(double ns, char out[32]);
const char *rk_tool_format_bytes(double bytes, char out[32]);

/**
 * Flush stdout and see whether all of it could be written.
 *
 * Context: tools, end of a verb. Return: @status, or RK_TOOL_CANNOT_WRITE with a message.
 */
int rk_tool_finish(int status, const char *verb);

#endif
