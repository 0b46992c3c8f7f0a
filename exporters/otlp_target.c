/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_target.c - from settings to a destination.
 */
#include "exporters/otlp_target.h"

#include <string.h>

#include "exporters/url.h"
#include "pipeline/live/net_module.h"

#define GRPC_PORT 4317

/* Everything but what is special about a signal, which all of them have under one name. */
#define COMMON(prefix)                                                                             \
	.endpoint = config->prefix##_otlp_endpoint, .protocol = config->prefix##_otlp_protocol,    \
	.compression = config->prefix##_otlp_compression,                                          \
	.headers = config->prefix##_otlp_headers,                                                  \
	.headers_file = config->prefix##_otlp_headers_file,                                        \
	.certificate = config->prefix##_otlp_certificate,                                          \
	.client_certificate = config->prefix##_otlp_client_certificate,                            \
	.client_key = config->prefix##_otlp_client_key,                                            \
	.insecure = config->prefix##_otlp_insecure, .timeout_ns = config->prefix##_otlp_timeout,   \
	.is_otel_base = config->source[RK_CONFIG_##prefix##_otlp_endpoint] == RK_SOURCE_OTEL

static bool fill(struct rk_otlp_target *target, const struct rk_config *config,
		 enum rk_otlp_signal signal)
{
	const char *variable, *origin;

	switch (signal) {
	case RK_OTLP_TRACES:
		*target = (struct rk_otlp_target){ COMMON(tracing) };
		variable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
		origin = config->origin[RK_CONFIG_tracing_otlp_endpoint];
		break;
	case RK_OTLP_METRICS:
		*target = (struct rk_otlp_target){ COMMON(metrics) };
		variable = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
		origin = config->origin[RK_CONFIG_metrics_otlp_endpoint];
		break;
	case RK_OTLP_LOGS:
		*target = (struct rk_otlp_target){ COMMON(logging) };
		variable = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";
		origin = config->origin[RK_CONFIG_logging_otlp_endpoint];
		break;
	default:
		return false;
	}
	target->signal = signal;
	target->is_as_traces = signal != RK_OTLP_TRACES && rk_net_sends(config, RK_NET_TRACES) &&
			       strcmp(target->headers, config->tracing_otlp_headers) == 0 &&
			       strcmp(target->headers_file, config->tracing_otlp_headers_file) == 0;
	target->is_signal_url = origin && strcmp(origin, variable) == 0;
	return rk_net_sends(config, (enum rk_net_signal)signal);
}

bool rk_otlp_target_get(struct rk_otlp_target *target, const struct rk_config *config,
			enum rk_otlp_signal signal)
{
	if (!fill(target, config, signal))
		return false;
	if (target->protocol == RK_PROTOCOL_AUTO)
		target->protocol = rk_url_port(target->endpoint) == GRPC_PORT ?
					   RK_PROTOCOL_GRPC :
					   RK_PROTOCOL_HTTP_PROTOBUF;
	return true;
}

const char *rk_otlp_signal_name(enum rk_otlp_signal signal)
{
	static const char *const names[] = {
		[RK_OTLP_TRACES] = "traces",
		[RK_OTLP_METRICS] = "metrics",
		[RK_OTLP_LOGS] = "logs",
	};

	return signal < RK_OTLP_SIGNAL_COUNT ? names[signal] : "";
}
