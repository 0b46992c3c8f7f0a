/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/event_source.c - spans, ops and lines become events.
 */
#include "pipeline/live/event_source.h"

#include <string.h>
#include <time.h>

#include "core/api_record.h"
#include "core/clock.h"
#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/log/log_memory.h"

#define NS_PER_MS  1e6
#define FIELDS_MAX 64u
#define OUT_OF_MEMORY 2 /* CUresult */

static uint64_t now_unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum rk_log_level level_of(const struct rk_config *config, const char *domain)
{
	for (size_t i = 0; domain && i < config->domain_level_count; i++) {
		if (strcmp(config->domain_levels[i].domain, domain) == 0)
			return config->domain_levels[i].level;
	}
	return config->logging_level;
}

static bool is_wanted(const struct rk_event_source *source, enum rk_log_level level,
		      const char *domain)
{
	return (int)level <= (int)level_of(source->setup.config, domain);
}

/* Without what the user does not want to see in logs. */
static void hide_context(struct rk_log_event *event)
{
	event->kernel_id = "";
	memset(event->trace_id, 0, sizeof(event->trace_id));
	memset(event->span_id, 0, sizeof(event->span_id));
	event->trace_flags = 0;
}

static void give(struct rk_event_source *source, const struct rk_log_event *event, bool to_output)
{
	struct rk_log_event seen = *event;

	if (source->setup.is_live && !seen.observed_unix_ns)
		seen.observed_unix_ns = now_unix_ns();
	if (!source->setup.config->logging_include_kernel_context)
		hide_context(&seen);
	if (to_output && source->setup.output)
		rk_log_output_write(source->setup.output, &seen, rk_clock_now());
	if (source->net)
		source->net->log(source->net, &seen);
}

void rk_event_source_tell(struct rk_event_source *source, const struct rk_log_event *event)
{
	if (is_wanted(source, event->level, event->domain))
		give(source, event, true);
}

/* Which caller the work is done for, as the process or the context was told. */
static void put_baggage(struct rk_log_event *event, struct rk_log_field *fields,
			const struct rk_baggage_entry *baggage, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(baggage[i].key, "tenant_id") == 0) {
			if (!event->tenant_id)
				event->tenant_id = baggage[i].value;
		} else if (event->field_count < FIELDS_MAX) {
			fields[event->field_count++] =
				(struct rk_log_field){ .key = baggage[i].key,
						       .text = baggage[i].value };
		}
	}
}

/* What the program said about it, or which call failed with what, or CUDA's text. */
static const char *message_of(const struct rk_span *span, const char *error)
{
	if (span->api && *span->api->message)
		return span->api->message;
	if (span->error_message && *span->error_message)
		return span->error_message;
	return rk_cuda_result_text(error);
}

static void put_error(struct rk_log_event *event, struct rk_log_field *fields,
		      const struct rk_span *span)
{
	const char *name = span->error ? span->error : "";
	const char *text = message_of(span, name);

	if (*name)
		fields[event->field_count++] =
			(struct rk_log_field){ .key = "error.type", .text = name };
	if (*text)
		fields[event->field_count++] =
			(struct rk_log_field){ .key = "error.message", .text = text };
}

static bool is_execution(const struct rk_span *span)
{
	return span->shape == RK_SPAN_ROOT ||
	       (span->shape == RK_SPAN_API && span->api && span->api->is_kernel);
}

static bool has_failed(const struct rk_span *span)
{
	return (span->error && *span->error) || (span->api && span->api->status == RK_SPAN_ERROR);
}

/* How long the program was in waiting for an execution says nothing about the execution. */
static uint64_t end_of_work(const struct rk_span *span)
{
	return span->work_end_unix_ns ? span->work_end_unix_ns : span->end_unix_ns;
}

static void on_span(struct rk_sink *sink, const struct rk_span *span)
{
	struct rk_event_source *source = (struct rk_event_source *)sink;
	struct rk_log_field fields[FIELDS_MAX + 2];
	enum rk_log_level level;
	struct rk_log_event event;

	if (!is_execution(span))
		return;
	level = has_failed(span) ? RK_LOG_ERROR : RK_LOG_INFO;
	if (!is_wanted(source, level, span->domain))
		return;
	event = (struct rk_log_event){
		.unix_ns = end_of_work(span),
		.level = level,
		.name = "rustkernel.execution",
		.message = "Kernel execution complete",
		.kernel_id = span->kernel_id,
		.domain = span->domain,
		.duration_ms = (double)(end_of_work(span) - span->start_unix_ns) / NS_PER_MS,
		.trace_flags = span->trace_flags,
		.fields = fields,
	};
	memcpy(event.trace_id, span->trace_id, sizeof(event.trace_id));
	memcpy(event.span_id, span->span_id, sizeof(event.span_id));
	put_baggage(&event, fields, span->baggage, span->baggage_count);
	if (level == RK_LOG_ERROR)
		put_error(&event, fields, span);
	give(source, &event, source->setup.shows_executions);
}

static struct rk_log_field field_of(const struct rk_field *from)
{
	struct rk_log_field field = { .key = from->key };

	switch (from->type) {
	case RK_FIELD_NUMBER:
		field.number = from->number;
		break;
	case RK_FIELD_INTEGER:
		field.value = RK_LOG_VALUE_INTEGER;
		field.integer = from->integer;
		break;
	case RK_FIELD_BOOL:
		field.value = RK_LOG_VALUE_BOOL;
		field.integer = from->flag;
		break;
	default:
		field.text = from->text;
	}
	return field;
}

/* Fields of the program's; those that name its work fill the fixed keys. */
static void put_said(struct rk_log_event *event, struct rk_log_field *fields,
		     struct rk_fields_reader *reader)
{
	struct rk_field from;

	while (event->field_count < FIELDS_MAX && rk_fields_next(reader, &from)) {
		if (from.type == RK_FIELD_TEXT && strcmp(from.key, "tenant_id") == 0)
			event->tenant_id = from.text;
		else if (from.type == RK_FIELD_TEXT && strcmp(from.key, "kernel_id") == 0)
			event->kernel_id = from.text;
		else
			fields[event->field_count++] = field_of(&from);
	}
}

static void on_said(struct rk_event_source *source, const struct rk_op *op)
{
	struct rk_log_field fields[FIELDS_MAX];
	const struct rk_log_origin *origin;
	struct rk_fields_reader reader;
	struct rk_log_event event = {
		.unix_ns = op->host_start + (uint64_t)source->wall_offset_ns,
		.level = op->said.what <= RK_LOG_TRACE ? (enum rk_log_level)op->said.what :
							 RK_LOG_TRACE,
		.name = "rustkernel.log",
		.duration_ms = -1,
		.trace_flags = op->said.trace_flags,
		.fields = fields,
	};

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	event.domain = rk_fields_next_placed(&reader);
	if (!is_wanted(source, event.level, event.domain))
		return;
	event.message = rk_fields_next_placed(&reader);
	memcpy(event.trace_id, op->said.trace_id, sizeof(event.trace_id));
	memcpy(event.span_id, op->said.span_id, sizeof(event.span_id));
	put_said(&event, fields, &reader);
	if (source->contexts) {
		origin = rk_log_contexts_find(source->contexts, op->said.span_id);
		if (!event.kernel_id)
			event.kernel_id = origin->kernel_id;
		put_baggage(&event, fields, origin->baggage, origin->baggage_count);
	}
	give(source, &event, true);
}

/* Once a context is lost every call in it fails: what has been told is not told again. */
static bool is_told(struct rk_event_source *source, const struct rk_op *op)
{
	uint64_t context = (uint64_t)op->context + 1;
	bool is_known = source->lost_context == context;

	if (!rk_cuda_result_is_sticky(op->result))
		return false;
	source->lost_context = context;
	return is_known;
}

/* A failed call outside of any execution: there is no line to come that could tell it. */
static void on_error(struct rk_event_source *source, const struct rk_op *op)
{
	uint32_t message;
	struct rk_log_field fields[2];
	const struct rk_log_event event = {
		.unix_ns = op->host_start + (uint64_t)source->wall_offset_ns,
		.level = RK_LOG_ERROR,
		.name = "rustkernel.error",
		.message = "CUDA call failed",
		.duration_ms = -1,
		.fields = fields,
		.field_count = 2,
	};

	if (op->flags & RK_OP_F_QUESTION)
		return;
	message = rk_fault_message(&source->fault, source->setup.config, op);
	/* Memory that is short has a line of its own. */
	if (is_told(source, op) || op->exec || op->result == OUT_OF_MEMORY ||
	    !is_wanted(source, event.level, NULL))
		return;
	fields[0] = (struct rk_log_field){ .key = "error.type",
					   .text = rk_cuda_result_name(op->result) };
	fields[1] = (struct rk_log_field){ .key = "error.message", .text = rk_intern_get(message) };
	give(source, &event, source->setup.shows_executions);
}

static void on_breaker(struct rk_event_source *source, const struct rk_op *op)
{
	struct rk_log_event event;

	if (!rk_log_breakers_note(&source->breakers, op, &event))
		return;
	event.unix_ns = op->host_start + (uint64_t)source->wall_offset_ns;
	rk_event_source_tell(source, &event);
}

static void on_op(struct rk_sink *sink, const struct rk_op *op)
{
	struct rk_event_source *source = (struct rk_event_source *)sink;

	switch (op->kind) {
	case RK_OP_CLOCK:
		source->wall_offset_ns = op->clock.wall_offset_ns;
		break;
	case RK_OP_SPAN_BEGIN:
	case RK_OP_SPAN_END:
	case RK_OP_CONTEXT:
		if (source->contexts)
			rk_log_contexts_note(source->contexts, op);
		break;
	case RK_OP_LOG:
		on_said(source, op);
		break;
	case RK_OP_ALLOC:
		rk_log_memory_note(source, op);
		break;
	case RK_OP_ERROR:
		rk_log_memory_note(source, op);
		on_error(source, op);
		break;
	case RK_OP_IN_FLIGHT:
		rk_fault_note(&source->fault, op);
		break;
	case RK_OP_INSTRUMENT:
	case RK_OP_SAMPLE:
		on_breaker(source, op);
		break;
	default:
		break;
	}
}

void rk_event_source_start(struct rk_event_source *source,
			   const struct rk_event_source_setup *setup)
{
	memset(source, 0, sizeof(*source));
	rk_log_own_init(&source->own);
	source->setup = *setup;
	source->sink = (struct rk_sink){ .name = "events", .op = on_op };
	if (setup->output && setup->shows_executions)
		source->sink.span = on_span;
	source->contexts =
		rk_log_contexts_create(setup->config->tracing_baggage_attributes, setup->baggage);
	source->takes_lines =
		setup->is_live && setup->output && !rk_log_output_is_stderr(setup->output);
	if (source->takes_lines)
		rk_log_attach(rk_log_own_take, &source->own);
}

void rk_event_source_set_net(struct rk_event_source *source, struct rk_net *net)
{
	source->net = net;
	source->sink.span = on_span;
	/* Lines that go to stderr do so by themselves. */
	if (source->setup.is_live && !source->takes_lines)
		rk_log_tee(rk_log_own_take, &source->own);
}

void rk_event_source_set_memory(struct rk_event_source *source, const struct rk_memory_use *memory,
				struct rk_stack_names *stacks)
{
	source->memory = memory;
	source->stacks = stacks;
}

bool rk_event_source_is_wanted(const struct rk_event_source *source)
{
	return source->setup.config && (source->setup.output || source->net);
}

static void give_line(struct rk_event_source *source, const struct rk_log_own_line *line)
{
	const struct rk_log_event event = { .unix_ns = line->unix_ns,
					    .observed_unix_ns = line->unix_ns,
					    .level = line->level,
					    .message = line->text,
					    .duration_ms = -1 };

	give(source, &event, source->takes_lines);
}

static void send_lines(struct rk_event_source *source)
{
	struct rk_log_own_line line;

	/* One at a time, and not for ever: sending may itself say something. */
	for (uint32_t i = 0; i < RK_LOG_OWN_LINES && rk_log_own_pop(&source->own, &line); i++)
		give_line(source, &line);
	if (rk_log_own_pop_lost(&source->own, &line))
		give_line(source, &line);
}

void rk_event_source_get_losses(const struct rk_event_source *source,
				struct rk_event_source_losses *losses)
{
	const struct rk_log_output *output = source->setup.output;

	losses->lost = rk_log_own_lost(&source->own) + (output ? rk_log_output_lost(output) : 0);
	losses->suppressed = output ? rk_log_output_suppressed(output) : 0;
}

void rk_event_source_send(struct rk_event_source *source)
{
	if (!source->setup.config)
		return;
	send_lines(source);
	if (source->setup.output)
		rk_log_output_poll(source->setup.output, rk_clock_now());
}

void rk_event_source_leave_net(struct rk_event_source *source)
{
	if (!source->net)
		return;
	rk_log_tee(NULL, NULL);
	send_lines(source);
	source->net = NULL;
}

void rk_event_source_stop(struct rk_event_source *source)
{
	struct rk_log_output *output = source->setup.output;

	if (!source->setup.config)
		return;
	rk_event_source_leave_net(source);
	if (source->takes_lines)
		rk_log_output_attach_stderr(source->setup.config);
	send_lines(source);
	if (output) {
		rk_log_output_poll(output, UINT64_MAX);
		rk_log_output_close(output);
	}
	rk_log_contexts_destroy(source->contexts);
	source->contexts = NULL;
	source->setup.output = NULL;
	source->setup.config = NULL;
	source->sink.op = NULL;
	source->sink.span = NULL;
}
