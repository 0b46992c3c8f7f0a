/* SPDX-License-Identifier: Apache-2.0
 *
 * core/yaml_tree.h - a YAML file as a tree of nodes that know their line.
 *
 * Mappings, sequences and scalars in block and flow style. Anchors, aliases, merge keys and
 * second documents are not supported and named; so are keys that are given twice, where the
 * last one counts. Bounded in depth and number of nodes, so that no file can hurt.
 */
#ifndef RK_CORE_YAML_TREE_H
#define RK_CORE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

enum rk_yaml_kind { RK_YAML_SCALAR, RK_YAML_MAPPING, RK_YAML_SEQUENCE };

struct rk_yaml_node {
	const char *key;	/* of a member of a mapping; else NULL */
	const char *text;	/* of a scalar; else "" */
	const struct rk_yaml_node *first; /* of a mapping or sequence; may be NULL */
	const struct rk_yaml_node *next;  /* may be NULL */
	uint32_t line;		/* from 1; of the key where there is one */
	uint8_t kind;		/* enum rk_yaml_kind */
	bool quoted;		/* 'x' or "x": null and true are then just words */
};

/* Who is told what is wrong, one line of text each, without the file name. */
struct rk_yaml_problem_sink {
	void (*fn)(uint32_t line, const char *key, const char *text, void *data);
	void *data;
};

/**
 * Parse @bytes.
 *
 * @out: the root mapping; NULL when the file is empty.
 * Context: init, tools. Ownership: nodes and strings belong to @arena.
 * Return: 0; -EBADMSG when it is not YAML or its root is no mapping (told to @sink);
 *         -ENOMEM.
 */
int rk_yaml_parse(const struct rk_yaml_node **out, struct rk_arena *arena, const char *bytes,
		  size_t size, const struct rk_yaml_problem_sink *sink);

/**
 * The member @key of a mapping; of two with the same key the last.
 *
 * Context: any but hooks. Return: NULL when there is none, or @node is NULL or no mapping.
 */
const struct rk_yaml_node *rk_yaml_get(const struct rk_yaml_node *node, const char *key);

/**
 * Whether a scalar says nothing: empty, ~ or null without quotes.
 *
 * Context: any but hooks.
 */
bool rk_yaml_is_null(const struct rk_yaml_node *node);

#endif
