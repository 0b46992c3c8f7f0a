/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/library_list.c - what the loader says under LD_TRACE_LOADED_OBJECTS, line by line.
 *
 * As ldd has it: the loader maps the program and its libraries as for a start, and runs nothing
 * of them. It is started by its own name: a program with another loader would run.
 */
#include "tools/library_list.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/child_env.h"
#include "tools/tool.h"

/* "\tlibz.so.1 => /lib/libz.so.1 (0x00007f...)", "\tlibx.so => not found"; others name no search. */
static void read_line(char *line, void (*found)(void *data, const char *name, const char *path),
		      void *data)
{
	static const char arrow[] = " => ";
	char *path = strstr(line, arrow), *name = line + strspn(line, " \t");
	char *end;

	if (!path)
		return;
	*path = '\0';
	path += strlen(arrow);
	end = strstr(path, " (0x");
	if (end)
		*end = '\0';
	found(data, name, end ? path : NULL);
}

static int start(char *const *words, char *const *envp, pid_t *pid, int *output)
{
	posix_spawn_file_actions_t actions;
	int pipes[2];
	int err;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(pid, words[0], &actions, NULL, words, envp);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	*output = pipes[0];
	if (err)
		close(pipes[0]);
	return -err;
}

static int read_lines(int output, void (*found)(void *data, const char *name, const char *path),
		      void *data)
{
	FILE *lines = fdopen(output, "r");
	char line[2 * PATH_MAX];

	if (!lines) {
		close(output);
		return -ENOMEM;
	}
	while (fgets(line, sizeof(line), lines)) {
		line[strcspn(line, "\n")] = '\0';
		read_line(line, found, data);
	}
	fclose(lines);
	return 0;
}

int rk_library_list(const char *loader, const char *program,
		    void (*found)(void *data, const char *name, const char *path), void *data)
{
	char *const words[] = { (char *)loader, (char *)program, NULL };
	struct rk_child_env *env;
	int err = -ENOMEM, output = -1;
	pid_t pid;

	/* Only a loader of glibc lists; any other program would be run by this. */
	if (strncmp(rk_tool_base_name(loader), "ld-linux", 8) != 0)
		return -ENOTSUP;
	env = rk_child_env_create(environ);
	if (env && !rk_child_env_set(env, "LD_TRACE_LOADED_OBJECTS", "1"))
		err = start(words, rk_child_env_get(env), &pid, &output);
	rk_child_env_destroy(env);
	if (err)
		return err;
	err = read_lines(output, found, data);
	waitpid(pid, NULL, 0);
	return err;
}
