/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_yaml.c - the settings file, as far as its tree.
 */
#include "core/arena.h"
#include "core/yaml_tree.h"

#include "fuzz.h"

static void problem(uint32_t line, const char *key, const char *text, void *data)
{
	(void)line;
	(void)data;
	FUZZ_CHECK(text && (!key || strlen(key) < 1u << 20));
}

static unsigned count(const struct rk_yaml_node *node)
{
	unsigned nodes = 0;

	for (; node; node = node->next) {
		FUZZ_CHECK(node->text);
		rk_yaml_is_null(node);
		nodes += 1 + count(node->first);
	}
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct rk_yaml_problem_sink sink = { .fn = problem };
	struct rk_arena *arena = rk_arena_create();
	const struct rk_yaml_node *root;

	FUZZ_CHECK(arena);
	if (rk_yaml_parse(&root, arena, (const char *)bytes, size, &sink) == 0 && root) {
		FUZZ_CHECK(count(root) > 0);
		rk_yaml_get(root, "tracing");
	}
	rk_arena_destroy(arena);
	return 0;
}
