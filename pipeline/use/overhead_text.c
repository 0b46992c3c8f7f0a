/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/overhead_text.c - steps and sums.
 */
#include "pipeline/use/overhead_text.h"

#include <stdio.h>
#include <string.h>

static void put_text(struct rk_fields_writer *writer, const char *key, const char *value)
{
	const struct rk_field field = { .key = key, .type = RK_FIELD_TEXT, .text = value };

	rk_fields_put(writer, &field);
}

static void put_number(struct rk_fields_writer *writer, const char *key, double value)
{
	const struct rk_field field = { .key = key, .type = RK_FIELD_NUMBER, .number = value };

	rk_fields_put(writer, &field);
}

void rk_overhead_text_pack(const struct rk_overhead_step *step, struct rk_fields_writer *writer)
{
	put_text(writer, "overhead.step", rk_governor_step_name(step->step));
	put_text(writer, "overhead.before", rk_governor_step_name(step->before));
	put_number(writer, "overhead.share", step->share);
	put_number(writer, "overhead.budget", step->budget);
}

static void take(struct rk_overhead_step *step, const struct rk_field *field)
{
	bool is_text = field->type == RK_FIELD_TEXT;

	if (is_text && strcmp(field->key, "overhead.step") == 0)
		step->step = rk_governor_find_step(field->text);
	else if (is_text && strcmp(field->key, "overhead.before") == 0)
		step->before = rk_governor_find_step(field->text);
	else if (field->type == RK_FIELD_NUMBER && strcmp(field->key, "overhead.share") == 0)
		step->share = field->number;
	else if (field->type == RK_FIELD_NUMBER && strcmp(field->key, "overhead.budget") == 0)
		step->budget = field->number;
}

bool rk_overhead_text_read(struct rk_overhead_step *step, const struct rk_op *op)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	*step = (struct rk_overhead_step){ .step = RK_STEP_COUNT, .before = RK_STEP_COUNT };
	if (op->kind != RK_OP_SETTINGS)
		return false;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	while (rk_fields_next(&reader, &field))
		take(step, &field);
	return step->step != RK_STEP_COUNT && step->before != RK_STEP_COUNT;
}

const char *rk_overhead_text_meaning(enum rk_governor_step step)
{
	static const char *const meanings[RK_STEP_COUNT] = {
		[RK_STEP_NO_STACKS] = "no call stacks",
		[RK_STEP_WHOLE_GRAPHS] = "no nodes of graphs",
		[RK_STEP_SAMPLED_SPANS] = "one in ten traces is sent",
		[RK_STEP_KERNELS_ONLY] = "no copies and memsets",
		[RK_STEP_COUNTERS_ONLY] = "calls are counted and not recorded",
	};

	return step > RK_STEP_FULL && step < RK_STEP_COUNT ? meanings[step] : "";
}

void rk_overhead_text_line(const struct rk_overhead_step *step, char out[RK_OVERHEAD_LINE_MAX])
{
	bool is_down = step->step > step->before;
	const char *meaning = rk_overhead_text_meaning(is_down ? step->step : RK_STEP_FULL);

	snprintf(out, RK_OVERHEAD_LINE_MAX,
		 "tracing costs %.2f %%, %g %% is allowed: %s from %s to %s%s%s", 100 * step->share,
		 100 * step->budget, is_down ? "down" : "up", rk_governor_step_name(step->before),
		 rk_governor_step_name(step->step), *meaning ? ": " : "", meaning);
}

static void note_step(struct rk_overhead_told *told, enum rk_governor_step step)
{
	told->last.step = step;
	if (step > told->lowest)
		told->lowest = step;
}

/* Of a part of a recording, which may not have the step itself. */
static void take_tick(struct rk_overhead_told *told, const struct rk_op *op)
{
	told->is_governed = true;
	told->cost_ns = op->tick.hook_ns + op->tick.gpu_overhead_ns + op->tick.cpu_ns;
	told->busy_ns = op->tick.busy_ns;
	if (op->tick.step < RK_STEP_COUNT)
		note_step(told, (enum rk_governor_step)op->tick.step);
}

void rk_overhead_told_feed(struct rk_overhead_told *told, const struct rk_op *op)
{
	struct rk_overhead_step step;

	if ((op->kind == RK_OP_TICK || op->kind == RK_OP_END) && op->tick.busy_ns)
		take_tick(told, op);
	if (!rk_overhead_text_read(&step, op))
		return;
	told->last = step;
	note_step(told, step.step);
	told->down += step.step > step.before;
	told->up += step.step < step.before;
}

static uint64_t withheld_calls(const struct rk_ledger *ledger)
{
	uint64_t sum = 0;

	for (int w = 0; w < RK_WORK_COUNT; w++)
		sum += ledger->withheld[w];
	return sum;
}

const char *rk_overhead_told_line(const struct rk_overhead_told *told,
				  const struct rk_ledger *ledger, char out[RK_OVERHEAD_LINE_MAX])
{
	const char *step = rk_governor_step_name(told->last.step);
	char budget[32] = "";
	int used;

	if (told->last.budget > 0)
		snprintf(budget, sizeof(budget), " %g %%", 100 * told->last.budget);

	out[0] = '\0';
	if (told->lowest == RK_STEP_FULL)
		return out;
	used = snprintf(out, RK_OVERHEAD_LINE_MAX,
			"overhead budget%s: %u steps down, %u up, now %s", budget, told->down,
			told->up, step);
	if (told->lowest != told->last.step)
		used += snprintf(out + used, RK_OVERHEAD_LINE_MAX - (size_t)used, ", lowest %s",
				 rk_governor_step_name(told->lowest));
	if (withheld_calls(ledger))
		used += snprintf(out + used, RK_OVERHEAD_LINE_MAX - (size_t)used,
				 "; %llu calls counted and not recorded",
				 (unsigned long long)withheld_calls(ledger));
	if (ledger->withheld_stacks)
		snprintf(out + used, RK_OVERHEAD_LINE_MAX - (size_t)used, "; %llu stacks not taken",
			 (unsigned long long)ledger->withheld_stacks);
	return out;
}
