/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_switch.c - ask, look until it is so, tell.
 */
#include "tools/ctl_switch.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/number.h"
#include "core/yaml_tree.h"
#include "tools/ctl_process.h"
#include "tools/ctl_socket.h"
#include "tools/tool.h"

#define PATIENCE_MS 10000
#define REQUEST_MAX 1000 /* longer ones are refused by the process */
#define LOOK_MS	    20
#define COPY_MS	    120000 /* of a file of 1 GiB on a slow disk */
#define NS_PER_MS   1000000

static const char verb[] = "ctl";

static void ignore(uint32_t line, const char *key, const char *text, void *data)
{
	(void)line;
	(void)key;
	(void)text;
	(void)data;
}

/* Ownership: the nodes are the arena's. Return: 0, or the status to end with. */
static int ask(pid_t pid, const char *request, struct rk_arena *arena,
	       const struct rk_yaml_node **root)
{
	const struct rk_yaml_problem_sink sink = { .fn = ignore };
	static char reply[RK_CTL_REPLY_MAX];
	ptrdiff_t length = rk_ctl_socket_ask(pid, request, reply, sizeof(reply));
	const struct rk_yaml_node *error;

	*root = NULL;
	if (length < 0)
		return rk_ctl_process_tell_unreachable(pid, verb, (int)length);
	if (rk_yaml_parse(root, arena, reply, (size_t)length, &sink) || !*root)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "the answer is not what was expected");
	error = rk_yaml_get(*root, "error");
	if (error && rk_yaml_get(*root, "verbs"))
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "the process has an older version that cannot do this");
	if (error)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "the process says: %s", error->text);
	return RK_TOOL_OK;
}

static const char *text_of(const struct rk_yaml_node *root, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(root, key);

	return node ? node->text : "";
}

/* Where tracing costs too much, to record is to count calls: that begins for a moment only. */
static bool is_in(const struct rk_yaml_node *root, const char *wanted)
{
	const char *state = text_of(root, "recording_state");

	return strcmp(state, wanted) == 0 ||
	       (strcmp(wanted, "on") == 0 && strcmp(state, "counting") == 0);
}

/* Look until the process is in the state @wanted. */
static int wait_for(pid_t pid, const char *wanted, struct rk_arena *arena,
		    const struct rk_yaml_node **root)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * NS_PER_MS };

	for (int spent = 0; spent < PATIENCE_MS; spent += LOOK_MS) {
		int status = ask(pid, "status", arena, root);

		if (status || is_in(*root, wanted))
			return status;
		nanosleep(&pause, NULL);
	}
	return rk_tool_fail(
		RK_TOOL_NETWORK, verb,
		"pid %d has not done it within 10 s; rktrace ctl %d status shows how it "
		"goes",
		(int)pid, (int)pid);
}

static const struct rk_yaml_node *snapshot_of(const struct rk_yaml_node *root)
{
	return rk_yaml_get(root, "snapshot");
}

static int wait_for_snapshot(pid_t pid, struct rk_arena *arena, const struct rk_yaml_node **root)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * NS_PER_MS };

	for (int spent = 0; spent < COPY_MS; spent += LOOK_MS) {
		int status = ask(pid, "status", arena, root);
		const char *state = status ? "" : text_of(snapshot_of(*root), "state");

		if (status || strcmp(state, "done") == 0)
			return status;
		if (strcmp(state, "failed") == 0)
			return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "%s",
					    text_of(snapshot_of(*root), "error"));
		nanosleep(&pause, NULL);
	}
	return rk_tool_fail(RK_TOOL_NETWORK, verb,
			    "pid %d has not written the snapshot within 120 s; rktrace ctl %d "
			    "status --json shows how it goes",
			    (int)pid, (int)pid);
}

static void tell_snapshot(const struct rk_yaml_node *root)
{
	char path[512];

	rk_tool_printable(text_of(snapshot_of(root), "path"), path, sizeof(path));
	printf("wrote %s\nnext: rktrace report %s\n", path, path);
}

/* The process has another folder than we. Return: whether it fits. */
static bool write_request(const char *path, char *out, size_t size)
{
	char folder[PATH_MAX] = "";
	int length;

	if (!path)
		return snprintf(out, size, "snapshot") > 0;
	if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
		return false;
	length = snprintf(out, size, "snapshot %s%s%s", folder, folder[0] ? "/" : "", path);
	return length > 0 && (size_t)length < size && !strpbrk(out, "\r\n");
}

static void tell_started(pid_t pid, const struct rk_yaml_node *root, uint64_t for_ns)
{
	const struct rk_yaml_node *file = rk_yaml_get(root, "trace_file");
	char path[512], time[32];

	printf("recording");
	if (for_ns)
		printf(" for %s", rk_tool_format_ns((double)for_ns, time));
	printf(", GPU times from %s", text_of(root, "gpu_time_source"));
	if (file && rk_yaml_get(file, "path"))
		printf(", into %s", rk_tool_printable(text_of(file, "path"), path, sizeof(path)));
	printf("\n");
	if (!for_ns)
		printf("next: rktrace ctl %d stop\n", (int)pid);
}

static void tell_stopped(const struct rk_yaml_node *root)
{
	const struct rk_yaml_node *file = rk_yaml_get(root, "trace_file");
	char path[512], time[32];

	printf("stopped; %s recorded so far\n",
	       rk_tool_format_ns(strtod(text_of(root, "recorded_seconds"), NULL) * 1e9, time));
	if (file && rk_yaml_get(file, "path"))
		printf("next: rktrace report %s\n",
		       rk_tool_printable(text_of(file, "path"), path, sizeof(path)));
}

/* Return: as ask(); 1 = it was so already, which has been said. */
static int switch_to(pid_t pid, const char *request, struct rk_arena *arena,
		     const struct rk_yaml_node **root)
{
	bool on = strncmp(request, "start", 5) == 0;
	int status = ask(pid, request, arena, root);

	if (status)
		return status;
	if (strcmp(text_of(*root, "ok"), "true") != 0)
		return rk_tool_fail(RK_TOOL_VIOLATION, verb,
				    on ? "pid %d is recording already" : "pid %d does not record",
				    (int)pid);
	return wait_for(pid, on ? "on" : "off", arena, root);
}

int rk_ctl_switch_start(pid_t pid, uint64_t for_ns)
{
	struct rk_arena *arena = rk_arena_create();
	const struct rk_yaml_node *root;
	char request[64] = "start";
	int status;

	if (!arena)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (for_ns)
		snprintf(request, sizeof(request), "start %" PRIu64, for_ns);
	status = switch_to(pid, request, arena, &root);
	if (!status)
		tell_started(pid, root, for_ns);
	rk_arena_destroy(arena);
	return status;
}

int rk_ctl_switch_snapshot(pid_t pid, const char *path)
{
	struct rk_arena *arena = rk_arena_create();
	const struct rk_yaml_node *root;
	char request[REQUEST_MAX];
	int status;

	if (!arena)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (write_request(path, request, sizeof(request)))
		status = ask(pid, request, arena, &root);
	else
		status = rk_tool_fail(
			RK_TOOL_USAGE, verb,
			"%s is too long for the path of a snapshot, or not of one line", path);
	if (!status)
		status = wait_for_snapshot(pid, arena, &root);
	if (!status)
		tell_snapshot(root);
	rk_arena_destroy(arena);
	return status;
}

int rk_ctl_switch_stop(pid_t pid)
{
	struct rk_arena *arena = rk_arena_create();
	const struct rk_yaml_node *root;
	int status;

	if (!arena)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = switch_to(pid, "stop", arena, &root);
	if (!status)
		tell_stopped(root);
	rk_arena_destroy(arena);
	return status;
}
