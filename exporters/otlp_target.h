/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_target.h - where one signal goes and how, as configured.
 */
#ifndef RK_EXPORTERS_OTLP_TARGET_H
#define RK_EXPORTERS_OTLP_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

enum rk_otlp_signal { RK_OTLP_TRACES, RK_OTLP_METRICS, RK_OTLP_LOGS, RK_OTLP_SIGNAL_COUNT };

/* Strings are borrowed from the configuration, "" = not set. */
struct rk_otlp_target {
	enum rk_otlp_signal signal;
	const char *endpoint;
	bool is_signal_url; /* a variable of this signal gave it: the URL is used as it is */
	bool is_otel_base;  /* an OTEL variable gave it: no part of its path is guessed at */
	enum rk_protocol protocol; /* never AUTO */
	enum rk_compression compression;
	const char *headers, *headers_file;
	const char *certificate, *client_certificate, *client_key;
	bool insecure; /* gRPC without TLS where the endpoint has no scheme */
	bool is_as_traces; /* its headers are those of traces, where their faults are said */
	uint64_t timeout_ns; /* of one batch, retries included; 0 = none */
};

/**
 * Context: any. Return: false when nothing of @signal is to be sent.
 */
bool rk_otlp_target_get(struct rk_otlp_target *target, const struct rk_config *config,
			enum rk_otlp_signal signal);

/**
 * "traces", "metrics", "logs".
 *
 * Context: any. Return: a static string.
 */
const char *rk_otlp_signal_name(enum rk_otlp_signal signal);

#endif
