/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_status.h - the status codes of gRPC and what HTTP/2 has in their place.
 */
#ifndef RK_EXPORTERS_GRPC_STATUS_H
#define RK_EXPORTERS_GRPC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum rk_grpc_status {
	RK_GRPC_OK = 0,
	RK_GRPC_CANCELLED = 1,
	RK_GRPC_UNKNOWN = 2,
	RK_GRPC_DEADLINE_EXCEEDED = 4,
	RK_GRPC_PERMISSION_DENIED = 7,
	RK_GRPC_RESOURCE_EXHAUSTED = 8,
	RK_GRPC_ABORTED = 10,
	RK_GRPC_OUT_OF_RANGE = 11,
	RK_GRPC_UNIMPLEMENTED = 12,
	RK_GRPC_INTERNAL = 13,
	RK_GRPC_UNAVAILABLE = 14,
	RK_GRPC_DATA_LOSS = 15,
	RK_GRPC_UNAUTHENTICATED = 16,
	RK_GRPC_STATUS_COUNT = 17
};

/**
 * "UNAVAILABLE"; "UNKNOWN" for what is no status.
 *
 * Context: any. Return: a static string.
 */
const char *rk_grpc_status_name(int status);

/**
 * Whether OTLP lets a request with this answer be sent again. RESOURCE_EXHAUSTED needs a
 * RetryInfo besides.
 *
 * Context: any.
 */
bool rk_grpc_status_is_retryable(int status, bool has_retry_info);

/**
 * The status of an answer that has none: by its HTTP status, or by the HTTP/2 error code with
 * which its stream ended.
 *
 * Context: any.
 */
enum rk_grpc_status rk_grpc_status_of_http(int http_status);
enum rk_grpc_status rk_grpc_status_of_reset(uint32_t error_code);

#endif
