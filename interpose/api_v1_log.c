/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_log.c - log lines of the program. Levels are the pipeline's to know.
 */
#include <stdio.h>
#include <string.h>

#include "interpose/api_v1.h"

#define MESSAGE_BYTES 4096

static void say(struct rk_api_v1_call *call, uint32_t level, const char *domain,
		const char *message)
{
	const struct rk_context *context = &rk_api_v1_self.current;

	call->record.number = context->number;
	call->record.what = (uint16_t)(level > RK_LEVEL_TRACE ? RK_LEVEL_TRACE : level);
	call->record.trace_flags = context->trace_flags;
	memcpy(call->record.ids.trace, context->trace_id, sizeof(call->record.ids.trace));
	memcpy(call->record.ids.span, context->span_id, sizeof(call->record.ids.span));
	rk_fields_put_placed(&call->text, domain);
	rk_fields_put_placed(&call->text, message);
}

void rk_api_v1_log(uint32_t level, const char *domain, const char *format, va_list arguments)
{
	struct rk_api_v1_call call;
	char message[MESSAGE_BYTES];

	if (!format || !rk_api_v1_enter(&call, RK_REC_LOG))
		return;
	if (vsnprintf(message, sizeof(message), format, arguments) < 0)
		message[0] = '\0';
	say(&call, level, domain, message);
	rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

void rk_api_v1_log_fields(uint32_t level, const char *domain, const char *message,
			  const struct rk_attribute *fields, size_t count)
{
	struct rk_api_v1_call call;

	if (!rk_api_v1_enter(&call, RK_REC_LOG))
		return;
	say(&call, level, domain, message);
	rk_api_v1_put(&call, fields, count);
	rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}
