/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_change.c - compare and carry over, row by row and section by section.
 */
#include "core/config_change.h"

#include <errno.h>
#include <string.h>

#include "core/arena.h"
#include "core/config_row.h"

const char *rk_config_section_key(enum rk_config_section section)
{
	static const char *const keys[RK_SECTION_COUNT] = {
		[RK_SECTION_KERNELS] = "kernels",
		[RK_SECTION_DOMAIN_LEVELS] = "logging.per_domain_levels",
		[RK_SECTION_ALERTING] = "alerting",
		[RK_SECTION_SLO] = "slo",
	};

	return (unsigned)section < RK_SECTION_COUNT ? keys[section] : "";
}

static bool is_text(const struct rk_config_row *row)
{
	return row->kind == RK_TYPE_STRING || row->kind == RK_TYPE_SECRET;
}

static const char *text_of(const struct rk_config *config, const struct rk_config_row *row)
{
	const char *text;

	memcpy(&text, (const char *)config + row->offset, sizeof(text));
	return text;
}

bool rk_config_row_is_same(const struct rk_config *a, const struct rk_config *b,
			   enum rk_config_id id)
{
	const struct rk_config_row *row = rk_config_row(id);

	if (is_text(row))
		return strcmp(text_of(a, row), text_of(b, row)) == 0;
	return memcmp((const char *)a + row->offset, (const char *)b + row->offset, row->size) == 0;
}

static bool are_same_texts(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool are_same_nodes(const struct rk_yaml_node *a, const struct rk_yaml_node *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->kind != b->kind || a->quoted != b->quoted ||
		    !are_same_texts(a->key, b->key) || !are_same_texts(a->text, b->text) ||
		    !are_same_nodes(a->first, b->first))
			return false;
	}
	return !a && !b;
}

/* A section is one node, whatever stands behind it in the file. */
static bool are_same_sections(const struct rk_yaml_node *a, const struct rk_yaml_node *b)
{
	if (!a || !b)
		return a == b;
	return a->kind == b->kind && are_same_texts(a->text, b->text) &&
	       are_same_nodes(a->first, b->first);
}

static bool are_same_rules(const struct rk_config *a, const struct rk_config *b)
{
	if (a->kernel_count != b->kernel_count)
		return false;
	for (size_t i = 0; i < a->kernel_count; i++) {
		if (strcmp(a->kernels[i].match, b->kernels[i].match) != 0 ||
		    strcmp(a->kernels[i].id, b->kernels[i].id) != 0 ||
		    strcmp(a->kernels[i].domain, b->kernels[i].domain) != 0)
			return false;
	}
	return true;
}

static bool are_same_levels(const struct rk_config *a, const struct rk_config *b)
{
	if (a->domain_level_count != b->domain_level_count)
		return false;
	for (size_t i = 0; i < a->domain_level_count; i++) {
		if (strcmp(a->domain_levels[i].domain, b->domain_levels[i].domain) != 0 ||
		    a->domain_levels[i].level != b->domain_levels[i].level)
			return false;
	}
	return true;
}

bool rk_config_section_is_same(const struct rk_config *a, const struct rk_config *b,
			       enum rk_config_section section)
{
	switch (section) {
	case RK_SECTION_KERNELS:
		return are_same_rules(a, b);
	case RK_SECTION_DOMAIN_LEVELS:
		return are_same_levels(a, b);
	case RK_SECTION_ALERTING:
		return are_same_sections(a->alerting, b->alerting);
	case RK_SECTION_SLO:
		return are_same_sections(a->slo, b->slo);
	default:
		return true;
	}
}

/* Whether @inner is @outer or something in it: "slo[2].name" in "slo", "a.b" in "a". */
static bool is_within(const char *inner, const char *outer)
{
	size_t length = strlen(outer);

	return length && strncmp(inner, outer, length) == 0 &&
	       (!inner[length] || inner[length] == '.' || inner[length] == '[');
}

bool rk_config_is_wrong(const struct rk_config *config, const char *key)
{
	for (size_t i = 0; i < config->problem_count; i++) {
		const struct rk_config_problem *problem = &config->problems[i];

		if (problem->line && (is_within(problem->key, key) || is_within(key, problem->key)))
			return true;
	}
	return false;
}

static const char *copy_text(struct rk_config *to, const char *text)
{
	return text ? rk_arena_copy(to->arena, text, strlen(text)) : NULL;
}

int rk_config_carry_row(struct rk_config *to, const struct rk_config *from, enum rk_config_id id)
{
	const struct rk_config_row *row = rk_config_row(id);
	const char *origin = copy_text(to, from->origin[id]);
	const char *text;

	if (!origin)
		return -ENOMEM;
	if (is_text(row)) {
		text = copy_text(to, text_of(from, row));
		if (!text)
			return -ENOMEM;
		memcpy((char *)to + row->offset, &text, sizeof(text));
	} else {
		memcpy((char *)to + row->offset, (const char *)from + row->offset, row->size);
	}
	to->origin[id] = origin;
	to->source[id] = from->source[id];
	to->inherited[id] = from->inherited[id];
	return 0;
}

/* @node and what hangs below it, without what follows it. */
static struct rk_yaml_node *copy_node(struct rk_config *to, const struct rk_yaml_node *node)
{
	struct rk_yaml_node *copy = rk_arena_alloc(to->arena, sizeof(*copy));
	const struct rk_yaml_node **end;

	if (!copy)
		return NULL;
	*copy = *node;
	copy->next = copy->first = NULL;
	copy->key = copy_text(to, node->key);
	copy->text = copy_text(to, node->text);
	if (!copy->text || (node->key && !copy->key))
		return NULL;
	end = &copy->first;
	for (const struct rk_yaml_node *child = node->first; child; child = child->next) {
		struct rk_yaml_node *next = copy_node(to, child);

		if (!next)
			return NULL;
		*end = next;
		end = &next->next;
	}
	return copy;
}

static int carry_nodes(struct rk_config *to, const struct rk_yaml_node **out,
		       const struct rk_yaml_node *from)
{
	*out = from ? copy_node(to, from) : NULL;
	return from && !*out ? -ENOMEM : 0;
}

static int carry_levels(struct rk_config *to, const struct rk_config *from)
{
	size_t count = from->domain_level_count;
	struct rk_domain_level *levels;

	to->domain_level_count = 0;
	if (!count)
		return 0;
	levels = rk_arena_alloc(to->arena, count * sizeof(*levels));
	if (!levels)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		levels[i].level = from->domain_levels[i].level;
		levels[i].domain = copy_text(to, from->domain_levels[i].domain);
		if (!levels[i].domain)
			return -ENOMEM;
	}
	to->domain_levels = levels;
	to->domain_level_count = count;
	return 0;
}

static int carry_rules(struct rk_config *to, const struct rk_config *from)
{
	size_t count = from->kernel_count;
	struct rk_kernel_rule *rules;

	to->kernel_count = 0;
	if (!count)
		return 0;
	rules = rk_arena_alloc(to->arena, count * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		rules[i].match = copy_text(to, from->kernels[i].match);
		rules[i].id = copy_text(to, from->kernels[i].id);
		rules[i].domain = copy_text(to, from->kernels[i].domain);
		if (!rules[i].match || !rules[i].id || !rules[i].domain)
			return -ENOMEM;
	}
	to->kernels = rules;
	to->kernel_count = count;
	return 0;
}

int rk_config_carry_section(struct rk_config *to, const struct rk_config *from,
			    enum rk_config_section section)
{
	switch (section) {
	case RK_SECTION_KERNELS:
		return carry_rules(to, from);
	case RK_SECTION_DOMAIN_LEVELS:
		return carry_levels(to, from);
	case RK_SECTION_ALERTING:
		return carry_nodes(to, &to->alerting, from->alerting);
	case RK_SECTION_SLO:
		return carry_nodes(to, &to->slo, from->slo);
	default:
		return 0;
	}
}
