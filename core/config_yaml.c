/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_yaml.c - the YAML file against the table.
 *
 * Sections are prefixes of the table's keys, so there is no second list of them. A section
 * may also be written dotted: `metrics.port: 9400`.
 */
#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config_layer.h"
#include "core/nearest.h"
#include "core/sandbox.h"

#define FILE_BYTES_MAX (1u << 20)
#define KEY_MAX	       256
#define LIST_TEXT_MAX  4096 /* a list of numbers, written out */

static int read_all(int fd, char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int)done;
}

/* Whole content of a regular file; a FIFO or a device must not hold the program up. */
static int load(const char *path, char **bytes, size_t *size)
{
	struct stat st;
	int fd, n;

	*bytes = NULL;
	fd = rk_sandbox_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return -errno;
	n = fstat(fd, &st) ? -errno : 0;
	if (!n && S_ISDIR(st.st_mode))
		n = -EISDIR;
	if (!n && !S_ISREG(st.st_mode))
		n = -EINVAL;
	if (!n && st.st_size > FILE_BYTES_MAX)
		n = -EFBIG;
	if (!n) {
		*bytes = malloc(FILE_BYTES_MAX);
		n = *bytes ? read_all(fd, *bytes, FILE_BYTES_MAX) : -ENOMEM;
	}
	close(fd);
	if (n < 0) {
		free(*bytes);
		*bytes = NULL;
		return n;
	}
	*size = (size_t)n;
	return 0;
}

static const char *why(int err)
{
	switch (err) {
	case -EINVAL:
		return "not a regular file";
	case -EFBIG:
		return "more than 1 MiB";
	default:
		return rk_strerror(err);
	}
}

static void note_yaml_problem(uint32_t line, const char *key, const char *text, void *data)
{
	rk_config_layer_problem(data, key, line, "%s", text);
}

int rk_config_layer_read(struct rk_config *config, const char *path,
			 const struct rk_yaml_node **root)
{
	const struct rk_yaml_problem_sink sink = { .fn = note_yaml_problem, .data = config };
	char *bytes;
	size_t size = 0;
	int err;

	config->file = rk_arena_copy(config->arena, path, strlen(path));
	if (!config->file) {
		config->file = "";
		return -ENOMEM;
	}
	err = load(path, &bytes, &size);
	if (err == -ENOMEM)
		return err;
	if (err) {
		config->file_error = err;
		rk_config_layer_problem(config, path, 0, "could not read it: %s; defaults are used",
					why(err));
		return 0;
	}
	err = rk_yaml_parse(root, config->arena, bytes, size, &sink);
	free(bytes);
	if (err == -EBADMSG) {
		config->file_error = err;
		return 0;
	}
	return err;
}

/* The table's row for a key; RK_CONFIG_COUNT = none. */
static enum rk_config_id row_of_key(const char *key)
{
	enum rk_config_id id = 0;

	while (id < RK_CONFIG_COUNT && strcmp(rk_config_row(id)->key, key) != 0)
		id++;
	return id;
}

static bool is_under(const char *key, const char *section)
{
	size_t length = strlen(section);

	return strncmp(key, section, length) == 0 && key[length] == '.';
}

static bool is_section(const char *key)
{
	const char *list;

	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		if (is_under(rk_config_row(id)->key, key))
			return true;
	}
	for (size_t i = 0; (list = rk_config_layer_list_key(i)); i++) {
		if (is_under(list, key))
			return true;
	}
	return false;
}

static void tell_unknown(struct rk_config *config, const char *key, uint32_t line)
{
	struct rk_nearest nearest;
	const char *list, *best;

	rk_nearest_init(&nearest, key);
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		const char *known = rk_config_row(id)->key;
		size_t dot = strcspn(known, ".");

		rk_nearest_push(&nearest, known);
		if (known[dot]) {
			const char *top = rk_arena_copy(config->arena, known, dot);

			if (top)
				rk_nearest_push(&nearest, top);
		}
	}
	for (size_t i = 0; (list = rk_config_layer_list_key(i)); i++)
		rk_nearest_push(&nearest, list);
	best = rk_nearest_get(&nearest);
	if (best)
		rk_config_layer_problem(config, key, line, "no such setting; did you mean %s?",
					best);
	else
		rk_config_layer_problem(
			config, key, line,
			"no such setting; `rktrace config --print-defaults` lists them");
}

/* A sequence of scalars as one text, for lists of numbers. */
static bool join_sequence(const struct rk_yaml_node *node, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		int added;

		if (n->kind != RK_YAML_SCALAR)
			return false;
		added = snprintf(out + length, size - length, "%s%s", length ? " " : "", n->text);
		if (added < 0 || (size_t)added >= size - length)
			return false;
		length += (size_t)added;
	}
	return true;
}

static int apply_value(struct rk_config *config, enum rk_config_id id, const char *key,
		       const struct rk_yaml_node *node)
{
	char list[LIST_TEXT_MAX], origin[KEY_MAX + 16], expected[256];
	struct rk_config_input input = {
		.id = id,
		.source = RK_SOURCE_FILE,
		.text = node->text,
		.origin = origin,
		.key = key,
		.line = node->line,
	};
	const struct rk_config_row *row = rk_config_row(id);

	if (rk_yaml_is_null(node))
		return 0;
	if (node->kind == RK_YAML_SEQUENCE && row->kind == RK_TYPE_BOUNDS &&
	    join_sequence(node, list, sizeof(list))) {
		input.text = list;
	} else if (node->kind != RK_YAML_SCALAR) {
		rk_config_value_expected(row, RK_DIALECT_OURS, expected, sizeof(expected));
		rk_config_layer_problem(config, key, node->line,
					"a %s is not what was expected: %s; ignored",
					node->kind == RK_YAML_MAPPING ? "mapping" : "list",
					expected);
		return 0;
	}
	snprintf(origin, sizeof(origin), "%.200s:%u", config->file, node->line);
	return rk_config_layer_set(config, &input);
}

static int apply_mapping(struct rk_config *config, const struct rk_yaml_node *mapping,
			 const char *prefix);

static int apply_section(struct rk_config *config, const char *key, const struct rk_yaml_node *node)
{
	if (node->kind == RK_YAML_MAPPING)
		return apply_mapping(config, node, key);
	if (!rk_yaml_is_null(node))
		rk_config_layer_problem(
			config, key, node->line,
			"is a section; expected \"key: value\" lines under it; ignored");
	return 0;
}

static int apply_member(struct rk_config *config, const char *key, const struct rk_yaml_node *node)
{
	enum rk_config_id id = row_of_key(key);
	int err;

	if (id == RK_CONFIG_preset)
		return 0; /* chosen before */
	if (id != RK_CONFIG_COUNT)
		return apply_value(config, id, key, node);
	err = rk_config_layer_list(config, key, node);
	if (err != 1)
		return err;
	if (is_section(key))
		return apply_section(config, key, node);
	if (strcmp(node->key, "<<") == 0)
		rk_config_layer_problem(config, key, node->line,
					"merge keys are not supported; write the values out");
	else
		tell_unknown(config, key, node->line);
	return 0;
}

/* Recursion is bounded by the depth of the tree. */
static int apply_mapping(struct rk_config *config, const struct rk_yaml_node *mapping,
			 const char *prefix)
{
	int err = 0;

	for (const struct rk_yaml_node *n = mapping->first; n && !err; n = n->next) {
		char key[KEY_MAX];

		snprintf(key, sizeof(key), "%s%s%.100s", prefix, *prefix ? "." : "", n->key);
		err = apply_member(config, key, n);
	}
	return err;
}

int rk_config_layer_file(struct rk_config *config, const struct rk_yaml_node *root, bool preset)
{
	const struct rk_yaml_node *node;

	if (!root)
		return 0;
	if (!preset)
		return apply_mapping(config, root, "");
	node = rk_yaml_get(root, "preset");
	return node ? apply_value(config, RK_CONFIG_preset, "preset", node) : 0;
}
