/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/metrics_fixture.c - ops for the registry, and lines of what it renders.
 */
#include "metrics_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"

struct rk_op kernel_op(const char *name, uint64_t ns, uint8_t flags)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern(name);
	op.start = 1000;
	op.end = 1000 + ns;
	op.flags = flags;
	return op;
}

void feed(struct rk_metrics *metrics, struct rk_op op)
{
	rk_metrics_feed(metrics, &op);
}

void feed_instrument(struct rk_metrics *metrics, uint32_t number,
		     const struct rk_instrument *instrument, const char *const *labels)
{
	struct rk_op op = { .kind = RK_OP_INSTRUMENT };
	struct rk_fields_writer text;
	uint8_t bytes[4096];

	op.instrument.number = number;
	op.instrument.type = (uint8_t)instrument->type;
	op.instrument.bound_count = instrument->bound_count;
	memcpy(op.instrument.bounds, instrument->bounds, sizeof(op.instrument.bounds));
	rk_fields_writer_init(&text, bytes, sizeof(bytes));
	rk_fields_put_placed(&text, instrument->name);
	rk_fields_put_placed(&text, instrument->unit);
	rk_fields_put_placed(&text, instrument->help);
	rk_fields_put_placed(&text, instrument->domain);
	for (; labels && *labels; labels += 2) {
		struct rk_field label = { .key = labels[0],
					  .type = RK_FIELD_TEXT,
					  .text = labels[1] };

		rk_fields_put(&text, &label);
	}
	op.text = bytes;
	op.text_bytes = (uint32_t)text.used;
	feed(metrics, op);
}

void feed_sample(struct rk_metrics *metrics, uint32_t number, enum rk_sample_what what,
		 double value)
{
	struct rk_op op = { .kind = RK_OP_SAMPLE };

	op.sample = (struct rk_op_sample){ number, (uint16_t)what, value };
	feed(metrics, op);
}

void feed_context(struct rk_metrics *metrics, uint64_t exec, const char *baggage)
{
	struct rk_op op = { .kind = RK_OP_CONTEXT, .exec = exec };
	struct rk_fields_writer text;
	uint8_t bytes[1024];

	rk_fields_writer_init(&text, bytes, sizeof(bytes));
	rk_fields_put_placed(&text, "");
	rk_fields_put_placed(&text, baggage);
	op.text = bytes;
	op.text_bytes = (uint32_t)text.used;
	feed(metrics, op);
}

char *render(const struct rk_metrics *metrics, bool runtime, bool openmetrics)
{
	char *text;

	assert_true(rk_metrics_render(metrics, runtime, openmetrics, &text) > 0);
	return text;
}

void assert_line(const char *text, const char *line)
{
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text, wanted) && strncmp(text, wanted + 1, strlen(line) + 1) != 0)
		fail_msg("no line %s in\n%s", line, text);
}

double value_of(const char *text, const char *name)
{
	char wanted[256];
	const char *line;

	snprintf(wanted, sizeof(wanted), "\n%s", name);
	line = strstr(text, wanted);
	return line ? strtod(strchr(line + 1, ' '), NULL) : (double)NAN;
}
