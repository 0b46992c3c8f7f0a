/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/program_file.c - the search along PATH, and the first line of scripts.
 */
#include "tools/program_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"

static int is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) ? -errno : 0;
}

int rk_program_file_find(const char *name, char path[PATH_MAX])
{
	const char *folders = getenv("PATH");
	int err = -ENOENT;

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return is_program(path);
	}
	if (!folders)
		folders = "/usr/local/bin:/usr/bin:/bin";
	while (*folders) {
		size_t length = strcspn(folders, ":");
		int found;

		snprintf(path, PATH_MAX, "%.*s/%s", length ? (int)length : 1,
			 length ? folders : ".", name);
		found = is_program(path);
		if (!found)
			return 0;
		if (found == -EACCES)
			err = found;
		folders += length;
		folders += *folders == ':';
	}
	return err;
}

const char *rk_program_file_hint(const char *name, char *out, size_t size)
{
	static const char trace[] = ".rkt.zst";
	size_t length = strlen(name);
	char shown[80];

	*out = '\0';
	rk_tool_printable(name, shown, sizeof(shown));
	if (length >= sizeof(trace) - 1 && strcmp(name + length - (sizeof(trace) - 1), trace) == 0)
		snprintf(out, size, "; a trace file is read by: rktrace report %s", shown);
	else if (!strchr(name, '/') && !is_program(name))
		snprintf(out, size, "; did you mean ./%s?", shown);
	return out;
}

/* Of "#!/usr/bin/env -S python3 -u" the program is python3. */
static const char *command_of(char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest, *word = strtok_r(line, blanks, &rest);

	if (!word || strcmp(rk_tool_base_name(word), "env") != 0)
		return word;
	do
		word = strtok_r(NULL, blanks, &rest);
	while (word && (*word == '-' || strchr(word, '=')));
	return word;
}

int rk_program_file_interpreter(const char *path, char interpreter[PATH_MAX])
{
	FILE *file = fopen(path, "re");
	const char *command = NULL;
	char line[PATH_MAX];

	if (!file)
		return -errno;
	if (fgets(line, sizeof(line), file) && strncmp(line, "#!", 2) == 0)
		command = command_of(line + 2);
	fclose(file);
	return command ? rk_program_file_find(command, interpreter) : -ENOEXEC;
}
