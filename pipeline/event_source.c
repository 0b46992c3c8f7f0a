/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/event_source.c - spans and lines become events.
 */
#include "pipeline/event_source.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#define NS_PER_MS 1e6
#define FIELDS_MAX 32u

static uint64_t unix_ns(uint64_t at_ns)
{
	return at_ns + (uint64_t)rk_clock_wall_offset(NULL);
}

/* Any thread. Who finds the lock taken gives up: a line less is better than a wait. */
static void take_line(enum rk_log_level level, const char *text, void *data)
{
	struct rk_event_source *source = data;
	struct rk_event_line *line;

	if (atomic_flag_test_and_set_explicit(&source->lock, memory_order_acquire))
		return;
	if (source->count < RK_EVENT_LINES) {
		line = &source->lines[source->count++];
		line->at_ns = rk_clock_now();
		line->level = level;
		snprintf(line->text, sizeof(line->text), "%s", text);
	}
	/* Release pairs with the acquire above: who takes the lock next sees the line. */
	atomic_flag_clear_explicit(&source->lock, memory_order_release);
}

static enum rk_log_level level_of(const struct rk_config *config, const char *domain)
{
	for (size_t i = 0; domain && i < config->domain_level_count; i++) {
		if (strcmp(config->domain_levels[i].domain, domain) == 0)
			return config->domain_levels[i].level;
	}
	return config->logging_level;
}

/* Which caller an execution was made for, as the process was told. */
static size_t put_baggage(struct rk_log_event *event, struct rk_log_field *fields,
			  const struct rk_span *span)
{
	size_t count = 0;

	for (uint32_t i = 0; i < span->baggage_count; i++) {
		if (strcmp(span->baggage[i].key, "tenant_id") == 0)
			event->tenant_id = span->baggage[i].value;
		else if (count < FIELDS_MAX)
			fields[count++] = (struct rk_log_field){ .key = span->baggage[i].key,
								 .text = span->baggage[i].value };
	}
	return count;
}

static void put_context(struct rk_log_event *event, const struct rk_span *span)
{
	event->kernel_id = span->kernel_id;
	memcpy(event->trace_id, span->trace_id, sizeof(event->trace_id));
	memcpy(event->span_id, span->span_id, sizeof(event->span_id));
	event->trace_flags = span->trace_flags;
}

static void on_span(struct rk_sink *sink, const struct rk_span *span)
{
	struct rk_event_source *source = (struct rk_event_source *)sink;
	bool has_failed = span->error && *span->error;
	struct rk_log_field fields[FIELDS_MAX + 1];
	struct rk_log_event event = {
		.level = has_failed ? RK_LOG_ERROR : RK_LOG_INFO,
		.name = "rustkernel.execution",
		.message = "Kernel execution complete",
		.domain = span->domain,
		.fields = fields,
	};

	if (span->shape != RK_SPAN_ROOT ||
	    (int)event.level > (int)level_of(source->config, span->domain))
		return;
	event.unix_ns = span->end_unix_ns;
	event.observed_unix_ns = unix_ns(rk_clock_now());
	event.duration_ms = (double)(span->end_unix_ns - span->start_unix_ns) / NS_PER_MS;
	if (source->config->logging_include_kernel_context)
		put_context(&event, span);
	event.field_count = put_baggage(&event, fields, span);
	if (has_failed)
		fields[event.field_count++] =
			(struct rk_log_field){ .key = "error.type", .text = span->error };
	source->net->log(source->net, &event);
}

void rk_event_source_start(struct rk_event_source *source, const struct rk_config *config,
			   struct rk_net *net)
{
	memset(source, 0, sizeof(*source));
	atomic_flag_clear(&source->lock);
	source->sink = (struct rk_sink){ .name = "events", .span = on_span };
	source->config = config;
	source->net = net;
	rk_log_tee(take_line, source);
}

void rk_event_source_send(struct rk_event_source *source)
{
	struct rk_event_line line;

	/* One at a time: sending may itself say something. */
	for (uint32_t i = 0; i < RK_EVENT_LINES; i++) {
		struct rk_log_event event = { .message = line.text, .duration_ms = -1 };

		if (!source->count ||
		    atomic_flag_test_and_set_explicit(&source->lock, memory_order_acquire))
			return;
		line = source->lines[0];
		memmove(source->lines, source->lines + 1,
			--source->count * sizeof(source->lines[0]));
		/* Release pairs with the acquire in take_line(). */
		atomic_flag_clear_explicit(&source->lock, memory_order_release);
		event.unix_ns = unix_ns(line.at_ns);
		event.observed_unix_ns = event.unix_ns;
		event.level = line.level;
		source->net->log(source->net, &event);
	}
}

void rk_event_source_stop(struct rk_event_source *source)
{
	if (!source->net)
		return;
	rk_log_tee(NULL, NULL);
	rk_event_source_send(source);
}
