/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1.c - the table that include/rustkernel.h looks for.
 *
 * Entries are only ever appended: a program that was built with an older header finds what it
 * knows at its place, one with a newer header sees by the size what is missing.
 */
#include "interpose/api_v1.h"
#include "core/log.h"
#include "core/thread.h"
#include "interpose/api_v1_context.h"

static_assert((int)RK_LEVEL_ERROR == (int)RK_LOG_ERROR && (int)RK_LEVEL_TRACE == (int)RK_LOG_TRACE,
	      "the header's levels are ours");
static_assert((int)RK_KIND_CONSUMER == (int)RK_SPAN_KIND_CONSUMER &&
		      (int)RK_STATUS_ERROR == (int)RK_SPAN_ERROR,
	      "the header's numbers are ours");
static_assert((int)RK_ATTRIBUTE_TEXT == (int)RK_FIELD_TEXT &&
		      (int)RK_ATTRIBUTE_INTEGER == (int)RK_FIELD_INTEGER &&
		      (int)RK_ATTRIBUTE_NUMBER == (int)RK_FIELD_NUMBER &&
		      (int)RK_ATTRIBUTE_BOOL == (int)RK_FIELD_BOOL,
	      "the header's types are ours");
static_assert(sizeof(struct rk_context) == 48 && sizeof(struct rk_span) == 256 &&
		      sizeof(struct rk_attribute) == 24 && sizeof(struct rk_slo_result) == 88,
	      "programs hold these");

static int is_active(void)
{
	return rk_thread_gate_is_open();
}

#pragma GCC visibility push(default)
extern const struct rk_api_v1 rk_api_v1;
#pragma GCC visibility pop

const struct rk_api_v1 rk_api_v1 = {
	.size = sizeof(struct rk_api_v1),
	.version = RUSTKERNEL_API_VERSION,
	.is_active = is_active,
	.metric_create = rk_api_v1_metric_create,
	.metric_record = rk_api_v1_metric_record,
	.span_begin = rk_api_v1_span_begin,
	.span_end = rk_api_v1_span_end,
	.span_set_attributes = rk_api_v1_span_set_attributes,
	.span_add_event = rk_api_v1_span_add_event,
	.span_add_link = rk_api_v1_span_add_link,
	.span_set_status = rk_api_v1_span_set_status,
	.span_context = rk_api_v1_span_context,
	.context_current = rk_api_v1_context_current,
	.context_capture = rk_api_v1_context_capture,
	.context_attach = rk_api_v1_context_attach,
	.context_extract = rk_api_v1_context_extract,
	.context_from_environment = rk_api_v1_context_from_environment,
	.context_header = rk_api_v1_context_header,
	.baggage_get = rk_api_v1_baggage_get,
	.baggage_set = rk_api_v1_baggage_set,
	.log = rk_api_v1_log,
	.log_fields = rk_api_v1_log_fields,
	.circuit_breaker_set = rk_api_v1_circuit_breaker_set,
	.slo_check = rk_api_v1_slo_check,
};
