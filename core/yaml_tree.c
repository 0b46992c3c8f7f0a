/* SPDX-License-Identifier: Apache-2.0
 *
 * core/yaml_tree.c - libyaml's events folded into a tree.
 *
 * The event interface rather than libyaml's documents: events have the line of every key,
 * and an alias never becomes a copy, so a small file cannot grow in memory.
 */
#include "core/yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#define DEPTH_MAX    16	   /* the deepest known key has 6 */
#define NODES_MAX    20000 /* 1 MiB of rules has fewer */
#define SIBLINGS_MAX 500   /* looked at for a duplicate: bounds the time of a hostile file */

struct builder {
	struct rk_arena *arena;
	const struct rk_yaml_problem_sink *sink;
	struct rk_yaml_node *root;
	struct rk_yaml_node *open[DEPTH_MAX];
	const struct rk_yaml_node **tail[DEPTH_MAX]; /* where the next child goes */
	const char *key; /* waits for its value; NULL = a key comes next */
	uint32_t key_line;
	unsigned depth;
	unsigned nodes;
	int error;
};

static void tell(struct builder *b, uint32_t line, const char *key, const char *text)
{
	b->sink->fn(line, key, text, b->sink->data);
}

static bool in_mapping(const struct builder *b)
{
	return b->depth && b->open[b->depth - 1]->kind == RK_YAML_MAPPING;
}

static void name_duplicate(struct builder *b, const struct rk_yaml_node *node)
{
	const struct rk_yaml_node *n = b->open[b->depth - 1]->first;
	char text[96];

	for (unsigned i = 0; n && i < SIBLINGS_MAX; i++, n = n->next) {
		if (strcmp(n->key, node->key) != 0)
			continue;
		snprintf(text, sizeof(text), "was given before, on line %u; the last one counts",
			 n->line);
		tell(b, node->line, node->key, text);
		return;
	}
}

/* The file cannot be used at all. */
static void refuse(struct builder *b, uint32_t line, const char *text)
{
	char whole[400];

	snprintf(whole, sizeof(whole), "%s; nothing of this file is used", text);
	tell(b, line, "", whole);
	b->error = -EBADMSG;
}

/* Put a new node where it belongs. */
static struct rk_yaml_node *add_node(struct builder *b, enum rk_yaml_kind kind, uint32_t line)
{
	struct rk_yaml_node *node;

	if (++b->nodes > NODES_MAX) {
		refuse(b, line, "too many entries; expected at most 20000");
		return NULL;
	}
	node = rk_arena_alloc(b->arena, sizeof(*node));
	if (!node) {
		b->error = -ENOMEM;
		return NULL;
	}
	node->kind = (uint8_t)kind;
	node->line = line;
	node->text = "";
	if (!b->depth) {
		b->root = node;
		return node;
	}
	if (in_mapping(b)) {
		node->key = b->key;
		node->line = b->key_line;
		b->key = NULL;
		name_duplicate(b, node);
	}
	*b->tail[b->depth - 1] = node;
	b->tail[b->depth - 1] = &node->next;
	return node;
}

static void open_node(struct builder *b, enum rk_yaml_kind kind, uint32_t line)
{
	struct rk_yaml_node *node;

	if (in_mapping(b) && !b->key) {
		refuse(b, line, "a list or mapping stands where a key was expected");
		return;
	}
	if (b->depth == DEPTH_MAX) {
		refuse(b, line, "nested too deep; expected at most 16 levels");
		return;
	}
	node = add_node(b, kind, line);
	if (!node)
		return;
	b->open[b->depth] = node;
	b->tail[b->depth] = &node->first;
	b->depth++;
}

static void add_scalar(struct builder *b, const yaml_event_t *event, uint32_t line)
{
	const char *bytes = (const char *)event->data.scalar.value;
	const char *text = rk_arena_copy(b->arena, bytes, event->data.scalar.length);
	struct rk_yaml_node *node;

	if (!text) {
		b->error = -ENOMEM;
		return;
	}
	if (strlen(text) != event->data.scalar.length) {
		refuse(b, line, "holds a zero byte; expected text");
		return;
	}
	if (in_mapping(b) && !b->key) {
		b->key = text;
		b->key_line = line;
		return;
	}
	node = add_node(b, RK_YAML_SCALAR, line);
	if (!node)
		return;
	node->text = text;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static void add_alias(struct builder *b, uint32_t line)
{
	if (in_mapping(b) && !b->key) {
		refuse(b, line, "an alias stands where a key was expected");
		return;
	}
	tell(b, line, b->key ? b->key : "",
	     "aliases (*name) are not supported; write the value out");
	if (in_mapping(b))
		b->key = NULL;
}

static void take_event(struct builder *b, const yaml_event_t *event)
{
	uint32_t line = (uint32_t)event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->root) {
			tell(b, line, "",
			     "a second document begins; expected one, the rest is ignored");
			b->error = -ECANCELED;
		}
		break;
	case YAML_MAPPING_START_EVENT:
		open_node(b, RK_YAML_MAPPING, line);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_node(b, RK_YAML_SEQUENCE, line);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		break;
	case YAML_SCALAR_EVENT:
		add_scalar(b, event, line);
		break;
	case YAML_ALIAS_EVENT:
		add_alias(b, line);
		break;
	default:
		break;
	}
}

static bool has_tab_indent(const char *bytes, size_t size, size_t line)
{
	const char *at = bytes, *end = bytes + size;

	while (line && at < end) {
		if (*at++ == '\n')
			line--;
	}
	while (at < end && *at == ' ')
		at++;
	return at < end && *at == '\t';
}

static void tell_syntax(struct builder *b, const yaml_parser_t *parser, const char *bytes,
			size_t size)
{
	size_t line = parser->problem_mark.line;
	const char *hint = "";
	char text[320];

	if (parser->error == YAML_MEMORY_ERROR) {
		b->error = -ENOMEM;
		return;
	}
	if (parser->error == YAML_READER_ERROR) {
		/* The reader has no mark: count lines up to the offending byte. */
		line = 0;
		for (size_t i = 0; i < parser->problem_offset && i < size; i++)
			line += bytes[i] == '\n';
		hint = "; expected UTF-8 text";
	} else if (has_tab_indent(bytes, size, line)) {
		hint = "; expected spaces, this line is indented with a tab";
	}
	snprintf(text, sizeof(text), "is not YAML: %s%s%s%s",
		 parser->context ? parser->context : "", parser->context ? ", " : "",
		 parser->problem ? parser->problem : "unreadable", hint);
	refuse(b, (uint32_t)line + 1, text);
}

static void build(struct builder *b, yaml_parser_t *parser, const char *bytes, size_t size)
{
	bool done = false;

	while (!done && !b->error) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			tell_syntax(b, parser, bytes, size);
			return;
		}
		take_event(b, &event);
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	if (b->error == -ECANCELED)
		b->error = 0;
}

int rk_yaml_parse(const struct rk_yaml_node **out, struct rk_arena *arena, const char *bytes,
		  size_t size, const struct rk_yaml_problem_sink *sink)
{
	struct builder b = { .arena = arena, .sink = sink };
	yaml_parser_t parser;

	*out = NULL;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
	build(&b, &parser, bytes, size);
	yaml_parser_delete(&parser);
	if (b.error)
		return b.error;
	if (b.root && b.root->kind != RK_YAML_MAPPING && !rk_yaml_is_null(b.root)) {
		refuse(&b, b.root->line, "is no mapping; expected \"key: value\" lines");
		return -EBADMSG;
	}
	*out = b.root && b.root->kind == RK_YAML_MAPPING ? b.root : NULL;
	return 0;
}

const struct rk_yaml_node *rk_yaml_get(const struct rk_yaml_node *node, const char *key)
{
	const struct rk_yaml_node *found = NULL;

	if (!node || node->kind != RK_YAML_MAPPING)
		return NULL;
	for (const struct rk_yaml_node *n = node->first; n; n = n->next) {
		if (strcmp(n->key, key) == 0)
			found = n;
	}
	return found;
}

bool rk_yaml_is_null(const struct rk_yaml_node *node)
{
	return node->kind == RK_YAML_SCALAR && !node->quoted &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}
