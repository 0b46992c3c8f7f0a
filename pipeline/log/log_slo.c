/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_slo.c - the parts of a verdict become fields.
 */
#include "pipeline/log/log_slo.h"

#include <math.h>
#include <stdio.h>

#include "core/log.h"
#include "pipeline/live/event_source.h"

#define FIELDS_MOST 8u
#define MESSAGE_MAX 256

static enum rk_log_level level_of(enum rk_slo_state state)
{
	switch (state) {
	case RK_SLO_VIOLATED:
		return RK_LOG_ERROR;
	case RK_SLO_AT_RISK:
		return RK_LOG_WARN;
	default:
		return RK_LOG_INFO;
	}
}

static void add_number(struct rk_log_event *event, struct rk_log_field *fields, const char *key,
		       double number)
{
	if (!isnan(number))
		fields[event->field_count++] =
			(struct rk_log_field){ .key = key, .number = number };
}

void rk_log_slo_tell(void *data, uint64_t time_ns, const struct rk_slo_result *now,
		     enum rk_slo_state was)
{
	struct rk_event_source *source = data;
	struct rk_log_field fields[FIELDS_MOST] = {
		{ .key = "slo", .text = now->slo },
		{ .key = "target", .text = now->target },
		{ .key = "verdict", .text = rk_slo_state_name(now->state) },
		{ .key = "was", .text = rk_slo_state_name(was) },
	};
	char message[MESSAGE_MAX];
	struct rk_log_event event = {
		.unix_ns = time_ns + (uint64_t)source->wall_offset_ns,
		.level = level_of(now->state),
		.name = "rustkernel.slo",
		.message = message,
		.duration_ms = -1,
		.fields = fields,
		.field_count = 4,
	};

	snprintf(message, sizeof(message), "slo: %s of %s is %s, was %s: %.4g %s, wanted %.4g",
		 now->target, now->slo, rk_slo_state_name(now->state), rk_slo_state_name(was),
		 now->measured, now->unit, now->wanted);
	if (!source->setup.output) {
		rk_log(event.level, "%s", message);
		return;
	}
	add_number(&event, fields, "measured", now->measured);
	add_number(&event, fields, "wanted", now->wanted);
	add_number(&event, fields, "headroom", now->headroom);
	add_number(&event, fields, "budget_left", now->budget_left);
	rk_event_source_tell(source, &event);
}
