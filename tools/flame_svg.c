/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/flame_svg.c - frames as rectangles; what is to be seen is there without a script, which
 * only zooms and searches. Names are text: what would be markup is written as references.
 */
#include "tools/flame_svg.h"

#include <inttypes.h>
#include <string.h>

#include "core/intern.h"
#include "core/utf8.h"
#include "tools/html/flame_page.h"
#include "tools/tool.h"

#define WIDTH	    1200.0
#define ROW	    18
#define HEAD	    64	   /* title and legend */
#define FOOT	    14
#define LETTER	    7.3	   /* width of one, about */
#define NARROWEST   2e-5   /* of all: drawn at 0.02, and 6 wide after zooming 250 times */
#define NAME_MAX_BYTES 1000u

struct picture {
	const struct rk_flame_tree *tree;
	FILE *out;
	uint32_t depth; /* rows */
	uint32_t left_out;
};

/* At most @most bytes of @text as XML. */
static void put_text(FILE *out, const char *text, size_t most)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t left = strlen(text), step;

	for (size_t used = 0; left && used < most; used += step, s += step, left -= step) {
		step = rk_utf8_sequence(s, left);
		if (!step || (*s < ' ' && step == 1) || *s == 0x7f ||
		    (step == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)) {
			step = step ? step : 1;
			fputs("?", out);
		} else if (strchr("&<>\"'", *s)) {
			fprintf(out, "&#%d;", *s);
		} else {
			fwrite(s, 1, step, out);
		}
	}
	if (left)
		fputs("\xe2\x80\xa6", out); /* an ellipsis */
}

static const char *weight_text(const struct rk_flame_tree *tree, uint64_t weight, char out[48])
{
	char number[32];

	switch (tree->weight) {
	case RK_FLAME_TIME:
		return rk_tool_format_ns((double)weight, out);
	case RK_FLAME_BYTES:
		return rk_tool_format_bytes((double)weight, out);
	default:
		snprintf(number, sizeof(number), "%" PRIu64, weight);
		snprintf(out, 48, "%s launch%s", number, weight == 1 ? "" : "es");
		return out;
	}
}

static void put_frame(const struct picture *p, const struct rk_flame_node *node, double x,
		      uint32_t depth)
{
	static const char *const classes[] = { "program", "cuda", "work", "unknown" };
	const char *name = rk_intern_get(node->name);
	uint64_t all = p->tree->nodes[0].weight;
	double share = (double)node->weight / (double)all, width = share * WIDTH;
	int y = HEAD + (int)(p->depth - 1 - depth) * ROW;
	char weight[48];

	fprintf(p->out, "<g class=\"frame %s\" data-x=\"%.9g\" data-w=\"%.9g\"><title>",
		classes[node->kind], x, share);
	put_text(p->out, name, NAME_MAX_BYTES);
	fprintf(p->out, "\n%s, %.2f %%, %" PRIu64 " operation%s</title>",
		weight_text(p->tree, node->weight, weight), 100 * share, node->count,
		node->count == 1 ? "" : "s");
	fprintf(p->out, "<rect x=\"%.3f\" y=\"%d\" width=\"%.3f\" height=\"%d\"/>", x * WIDTH, y,
		width, ROW - 1);
	fprintf(p->out, "<text x=\"%.3f\" y=\"%d\">", x * WIDTH + 4, y + 13);
	if (width > 4 * LETTER)
		put_text(p->out, name, (size_t)((width - 8) / LETTER));
	fputs("</text></g>\n", p->out);
}

/* Without recursion: stacks are deep, and files may say anything. */
static void walk(struct picture *p, bool is_drawn)
{
	const struct rk_flame_node *nodes = p->tree->nodes;
	double least = NARROWEST * (double)nodes[0].weight, x = 0;
	uint32_t at = 0, depth = 0;

	for (;;) {
		bool is_wide = (double)nodes[at].weight >= least;

		if (is_drawn && is_wide)
			put_frame(p, &nodes[at], x / (double)nodes[0].weight, depth);
		p->left_out += !is_drawn && !is_wide;
		if (is_wide && depth >= p->depth)
			p->depth = depth + 1;
		if (nodes[at].child && is_wide) {
			at = nodes[at].child;
			depth++;
			continue;
		}
		x += (double)nodes[at].weight;
		while (at && !nodes[at].sibling) {
			at = nodes[at].parent;
			depth--;
		}
		if (!at)
			return;
		at = nodes[at].sibling;
	}
}

static void put_legend(FILE *out)
{
	static const char *const items[][2] = { { "program", "program" },
						{ "cuda", "CUDA's libraries" },
						{ "work", "on the GPU" } };
	int x = (int)WIDTH - 332;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		fprintf(out,
			"<g class=\"legend %s\"><rect x=\"%d\" y=\"42\" width=\"11\" "
			"height=\"11\"/><text x=\"%d\" y=\"52\">",
			items[i][0], x, x + 17);
		put_text(out, items[i][1], 100);
		fputs("</text></g>\n", out);
		x += 40 + 7 * (int)strlen(items[i][1]);
	}
}

static void put_head(const struct picture *p, const char *title, uint32_t height)
{
	static const char *const weights[] = { "GPU time", "launches", "bytes" };
	char all[48];

	fprintf(p->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" role=\"img\" aria-labelledby=\"title\">\n",
		(int)WIDTH, height, (int)WIDTH, height);
	fwrite(rk_flame_page_head, 1, rk_flame_page_head_size, p->out);
	fprintf(p->out, "<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n"
			"<text id=\"title\" x=\"10\" y=\"24\">");
	put_text(p->out, title, 120);
	fprintf(p->out, ": %s by call stack</text>\n<text id=\"told\" x=\"10\" y=\"46\">",
		weights[p->tree->weight]);
	fprintf(p->out, "%s in all", weight_text(p->tree, p->tree->nodes[0].weight, all));
	if (p->tree->without_stack)
		fprintf(p->out, "; of %" PRIu64 " operations no stack was taken",
			p->tree->without_stack);
	if (p->left_out)
		fprintf(p->out, "; %u frames are too narrow to be drawn", p->left_out);
	fputs("</text>\n", p->out);
	put_legend(p->out);
}

void rk_flame_svg_write(const struct rk_flame_tree *tree, const char *title, FILE *out)
{
	struct picture p = { .tree = tree, .out = out };

	walk(&p, false);
	put_head(&p, title, HEAD + p.depth * ROW + FOOT);
	fputs("<g id=\"frames\">\n", out);
	walk(&p, true);
	fputs("</g>\n", out);
	fwrite(rk_flame_page_tail, 1, rk_flame_page_tail_size, out);
	fputs("</svg>\n", out);
}
