/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_notice.c - the words for severities, states and details.
 */
#include "pipeline/alert/alert_notice.h"

const char *rk_severity_name(enum rk_severity severity)
{
	static const char *const names[] = {
		[RK_SEVERITY_INFO] = "info",
		[RK_SEVERITY_WARNING] = "warning",
		[RK_SEVERITY_CRITICAL] = "critical",
		[RK_SEVERITY_PAGE] = "page",
	};

	return (size_t)severity < sizeof(names) / sizeof(names[0]) ? names[severity] : "";
}

const char *rk_alert_state_name(enum rk_alert_state state)
{
	static const char *const names[] = {
		[RK_ALERT_INACTIVE] = "inactive",
		[RK_ALERT_PENDING] = "pending",
		[RK_ALERT_FIRING] = "firing",
		[RK_ALERT_RESOLVED] = "resolved",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "";
}

const char *rk_alert_detail_name(enum rk_alert_detail detail)
{
	static const char *const names[RK_ALERT_DETAIL_COUNT] = {
		[RK_ALERT_STACK] = "stack",
		[RK_ALERT_HOLDERS] = "top_holders",
		[RK_ALERT_IDLE] = "idle_split",
	};

	return detail < RK_ALERT_DETAIL_COUNT ? names[detail] : "";
}

const char *rk_alert_detail(const struct rk_alert *alert, enum rk_alert_detail detail)
{
	const char *text = detail < RK_ALERT_DETAIL_COUNT ? alert->details[detail] : NULL;

	return text ? text : "";
}
