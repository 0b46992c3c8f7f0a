/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/kernel_name.c - demangling, shortening, rules; cached per string id.
 */
#include "pipeline/join/kernel_name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/glob.h"
#include "core/intern.h"
#include "pipeline/join/demangle.h"

/* Ids are dense, so the cache is an array of chunks that never move. */
#define CHUNK_NAMES 1024u
#define CHUNKS	    256u
#define READABLE_BYTES_MAX 512u

static const char anonymous[] = "(anonymous namespace)::";

/* A name without a root is not known yet. */
struct name_chunk {
	struct rk_kernel_name names[CHUNK_NAMES];
};

/* One thread feeds the pipeline, so the cache has no lock. */
static struct name_chunk *chunks[CHUNKS];
static const struct rk_config *cached_for;
static const struct rk_kernel_rule *cached_rules;

/* Length of "operator<<", "operator()" and the like at @text; 0 if it is none. */
static size_t operator_length(const char *text, const char *begin)
{
	static const char word[] = "operator";
	static const char *const signs[] = { "()", "<<=", ">>=", "<=>", "->*", "<<",
					     ">>", "<=",  ">=",	 "->",	"<",   ">" };
	const size_t length = sizeof(word) - 1;

	if (strncmp(text, word, length) != 0)
		return 0;
	if (text > begin && text[-1] != ':' && text[-1] != ' ')
		return 0;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strncmp(text + length, signs[i], strlen(signs[i])) == 0)
			return length + strlen(signs[i]);
	}
	return 0;
}

struct shortening {
	char *out;
	size_t used, size;
	size_t word; /* start of the last word at depth 0: behind the return type */
};

static void put(struct shortening *s, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length && s->used + 1 < s->size; i++)
		s->out[s->used++] = bytes[i];
}

/* Skip a balanced <...>; operators inside count as text. */
static const char *skip_template(const char *at, const char *begin)
{
	int depth = 0;
	int parens = 0;

	for (; *at; at++) {
		size_t length = operator_length(at, begin);

		if (length) {
			at += length - 1;
			continue;
		}
		if (*at == '(')
			parens++;
		else if (*at == ')')
			parens--;
		else if (*at == '<' && !parens)
			depth++;
		else if (*at == '>' && !parens && at[-1] != '-' && --depth == 0)
			return at + 1;
	}
	return at;
}

static const char *skip_parens(const char *at)
{
	int depth = 0;

	for (; *at; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at + 1;
	}
	return at;
}

/* Name without templates, arguments, return type and anonymous namespaces. */
static void shorten(const char *full, char *out, size_t size)
{
	struct shortening s = { .out = out, .size = size };
	const char *at = full;

	while (*at) {
		size_t length = operator_length(at, full);

		if (length) {
			put(&s, at, length);
			at += length;
		} else if (strncmp(at, anonymous, sizeof(anonymous) - 1) == 0) {
			at += sizeof(anonymous) - 1;
		} else if (*at == '<') {
			at = skip_template(at, full);
		} else if (*at == '(') {
			at = skip_parens(at);
			/* f(int)::{lambda()#1}: the arguments end the name only at its end */
			if (strncmp(at, "::", 2) != 0)
				break;
		} else if (*at == '{') {
			put(&s, "lambda", 6);
			at = strchr(at, '}') ? strchr(at, '}') + 1 : at + strlen(at);
		} else if (*at == ' ') {
			s.word = s.used;
			at++;
		} else {
			put(&s, at++, 1);
		}
	}
	out[s.used] = '\0';
	if (s.word && s.word < s.used)
		memmove(out, out + s.word, s.used - s.word + 1);
}

static void fill_names(struct rk_kernel_name *name, uint32_t mangled)
{
	/* One thread feeds the pipeline, and its stack is the demangler's. */
	static char full[RK_DEMANGLED_SIZE];
	const char *text = rk_intern_get(mangled);
	char readable[READABLE_BYTES_MAX];

	name->mangled = mangled;
	name->demangled = mangled;
	if (rk_demangle(text, full, sizeof(full))) {
		name->demangled = rk_intern(full);
		shorten(full, readable, sizeof(readable));
	} else if (!rk_demangle_base(text, readable, sizeof(readable))) {
		strncpy(readable, text, sizeof(readable) - 1);
		readable[sizeof(readable) - 1] = '\0';
	}
	name->readable = readable[0] ? rk_intern(readable) : name->demangled;
}

static void apply_rules(struct rk_kernel_name *name, const struct rk_config *config)
{
	const char *readable = rk_intern_get(name->readable);
	char root[READABLE_BYTES_MAX + 16] = "kernel:";

	name->kernel_id = name->readable;
	name->domain = rk_intern("unknown");
	for (size_t i = 0; config && i < config->kernel_count; i++) {
		const struct rk_kernel_rule *rule = &config->kernels[i];

		if (!rk_glob_matches(rule->match, readable))
			continue;
		if (rule->id && rule->id[0])
			name->kernel_id = rk_intern(rule->id);
		if (rule->domain && rule->domain[0])
			name->domain = rk_intern(rule->domain);
		break;
	}
	strncat(root, rk_intern_get(name->kernel_id), READABLE_BYTES_MAX);
	name->root = rk_intern(root);
}

static void fill_texts(struct rk_kernel_name *name)
{
	name->demangled_text = rk_intern_get(name->demangled);
	name->readable_text = rk_intern_get(name->readable);
	name->kernel_id_text = rk_intern_get(name->kernel_id);
	name->domain_text = rk_intern_get(name->domain);
}

static bool is_cached_for(const struct rk_config *config)
{
	return cached_for == config && (!config || cached_rules == config->kernels);
}

static void forget_names(const struct rk_config *config)
{
	for (uint32_t i = 0; i < CHUNKS; i++) {
		for (uint32_t n = 0; chunks[i] && n < CHUNK_NAMES; n++)
			chunks[i]->names[n].root = 0;
	}
	cached_for = config;
	cached_rules = config ? config->kernels : NULL;
}

__attribute__((noinline)) static const struct rk_kernel_name *name_make(
	const struct rk_config *config, uint32_t mangled)
{
	static struct rk_kernel_name fallback;
	uint32_t chunk = mangled / CHUNK_NAMES;
	struct rk_kernel_name *name = &fallback;

	if (!is_cached_for(config))
		forget_names(config);
	if (chunk < CHUNKS && !chunks[chunk])
		chunks[chunk] = calloc(1, sizeof(*chunks[chunk]));
	if (chunk < CHUNKS && chunks[chunk])
		name = &chunks[chunk]->names[mangled % CHUNK_NAMES];
	if (mangled) {
		fill_names(name, mangled);
	} else {
		name->mangled = name->demangled = 0;
		name->readable = rk_intern("unknown");
	}
	apply_rules(name, config);
	fill_texts(name);
	return name;
}

const struct rk_kernel_name *rk_kernel_name_get(const struct rk_config *config, uint32_t mangled)
{
	const struct name_chunk *chunk =
		mangled < CHUNKS * CHUNK_NAMES ? chunks[mangled / CHUNK_NAMES] : NULL;
	const struct rk_kernel_name *name = chunk ? &chunk->names[mangled % CHUNK_NAMES] : NULL;

	return name && name->root && is_cached_for(config) ? name : name_make(config, mangled);
}
