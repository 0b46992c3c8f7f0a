/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/log_lines.c - lines of the nastiest events, for a parser of others.
 *
 * usage: log_lines json|text BYTES    writes lines of at most BYTES to standard output
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/log/log_line.h"

#define BYTES_MAX  65536u
#define FIELDS_MAX 8u
#define RANDOM	   3000

static char out[BYTES_MAX];
static struct rk_log_style style;
static size_t size;
static uint64_t state = 88172645463325252ull;

static uint64_t next_random(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void print(const struct rk_log_event *event)
{
	size_t length = rk_log_line_format(out, size, event, &style);

	if (length > size || !length) {
		fprintf(stderr, "%zu bytes of %zu\n", length, size);
		exit(1);
	}
	fwrite(out, 1, length, stdout);
}

/* Any bytes but NUL, now and then very many, now and then harmless. */
static const char *random_text(char *text, size_t most)
{
	static const char *const nasty[] = { "\"",	 "\\",	 "\n",		 "\r",
					     "\xff",	 "\xc3", "\xe2\x80\xa8", "\x1b[2J",
					     "\xc2\x9b", "\x7f", "\xed\xa0\x80" };
	size_t length = next_random(next_random(8) ? 24 : most);
	size_t used = 0;

	while (used + 4 < length) {
		const char *part = nasty[next_random(sizeof(nasty) / sizeof(nasty[0]))];

		if (next_random(3) == 0)
			used += (size_t)sprintf(text + used, "%s", part);
		else
			text[used++] = next_random(4) ? (char)('a' + next_random(26)) :
							(char)(1 + next_random(255));
	}
	text[used] = '\0';
	return text;
}

static void put_random_field(struct rk_log_field *field, char *key, char *text)
{
	static const char *const taken[] = { "level", "message", "trace_id", "field.level", "" };
	static const double numbers[] = { 0, -0.0, 1e300, -1.5, NAN, INFINITY, -INFINITY, 5e-324 };

	memset(field, 0, sizeof(*field));
	field->key = next_random(3) ? random_text(key, 300) : taken[next_random(5)];
	switch (next_random(4)) {
	case 0:
		field->number = numbers[next_random(8)];
		break;
	case 1:
		field->value = RK_LOG_VALUE_INTEGER;
		field->integer = (int64_t)(next_random(UINT64_MAX));
		break;
	case 2:
		field->value = RK_LOG_VALUE_BOOL;
		field->integer = (int64_t)next_random(2);
		break;
	default:
		field->text = random_text(text, 4000);
	}
}

static void print_random(void)
{
	static char texts[4 + FIELDS_MAX][20000], keys[FIELDS_MAX][400];
	struct rk_log_field fields[FIELDS_MAX];
	struct rk_log_event event = {
		.unix_ns = next_random(4000000000000000000ull),
		.level = (enum rk_log_level)next_random(5),
		.message = random_text(texts[0], 20000),
		.kernel_id = random_text(texts[1], 3000),
		.domain = random_text(texts[2], 3000),
		.tenant_id = random_text(texts[3], 3000),
		.duration_ms = next_random(2) ? -1 : (double)next_random(1ull << 52) / 1e3,
		.fields = fields,
		.field_count = next_random(FIELDS_MAX + 1),
	};

	for (size_t i = 0; i < 16; i++)
		event.trace_id[i] = (uint8_t)next_random(256);
	if (next_random(2))
		event.span_id[7] = 1;
	for (size_t i = 0; i < event.field_count; i++)
		put_random_field(&fields[i], keys[i], texts[4 + i]);
	print(&event);
}

/* The first lines are known to the test. */
static void print_known(void)
{
	const struct rk_log_field fields[] = {
		{ .key = "error.type", .text = "CUDA_ERROR_OUT_OF_MEMORY" },
		{ .key = "n", .value = RK_LOG_VALUE_INTEGER, .integer = -9007199254740993 },
		{ .key = "is_warm", .value = RK_LOG_VALUE_BOOL, .integer = 1 },
		{ .key = "ratio", .number = 0.1 },
		{ .key = "n", .text = "again" },
		{ .key = "level", .text = "mine" },
		{ .key = "field.level", .text = "mine, too" },
		{ .key = "never", .number = NAN },
		{ .key = "text", .text = "two words" },
	};
	struct rk_log_event event = {
		.unix_ns = 1709210096000000007ull, /* of a leap day */
		.level = RK_LOG_ERROR,
		.message = "Kernel execution complete",
		.kernel_id = "graph/pagerank",
		.domain = "GraphAnalytics",
		.tenant_id = "acme",
		.duration_ms = 1.234567,
		.trace_id = { 0xab, [15] = 1 },
		.span_id = { 0xcd, [7] = 2 },
		.fields = fields,
		.field_count = sizeof(fields) / sizeof(fields[0]),
	};
	struct rk_log_event bare = { .unix_ns = 1, .level = RK_LOG_TRACE, .duration_ms = -1 };

	print(&event);
	bare.message = "";
	bare.span_id[0] = 1; /* without a trace it says nothing */
	print(&bare);
	bare.message = "a \"b\" \\ \x1b[31m\n\xc2\x9b \xff";
	print(&bare);
}

/* As long as it gets: everything that can be cut is. */
static void print_longest(void)
{
	static char text[40000];
	struct rk_log_event event = {
		.unix_ns = UINT64_MAX,
		.level = RK_LOG_ERROR,
		.message = text,
		.kernel_id = text,
		.domain = text,
		.tenant_id = text,
		.duration_ms = 1e308,
		.trace_id = { 1 },
		.span_id = { 1 },
	};

	for (int nasty = 0; nasty < 2; nasty++) {
		memset(text, nasty ? 1 : 'x', sizeof(text) - 1);
		print(&event);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	style.format = strcmp(argv[1], "json") == 0 ? RK_LOG_JSON : RK_LOG_TEXT;
	size = strtoul(argv[2], NULL, 10);
	print_known();
	print_longest();
	for (int i = 0; i < RANDOM; i++)
		print_random();
	return 0;
}
