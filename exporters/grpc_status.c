/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_status.c - the tables of the OTLP and gRPC specifications.
 */
#include "exporters/grpc_status.h"

#include <nghttp2/nghttp2.h>

const char *rk_grpc_status_name(int status)
{
	static const char *const names[RK_GRPC_STATUS_COUNT] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};

	return status >= 0 && status < RK_GRPC_STATUS_COUNT ? names[status] : "UNKNOWN";
}

bool rk_grpc_status_is_retryable(int status, bool has_retry_info)
{
	switch (status) {
	case RK_GRPC_CANCELLED:
	case RK_GRPC_DEADLINE_EXCEEDED:
	case RK_GRPC_ABORTED:
	case RK_GRPC_OUT_OF_RANGE:
	case RK_GRPC_UNAVAILABLE:
	case RK_GRPC_DATA_LOSS:
		return true;
	case RK_GRPC_RESOURCE_EXHAUSTED:
		return has_retry_info;
	default:
		return false;
	}
}

enum rk_grpc_status rk_grpc_status_of_http(int http_status)
{
	switch (http_status) {
	case 400:
		return RK_GRPC_INTERNAL;
	case 401:
		return RK_GRPC_UNAUTHENTICATED;
	case 403:
		return RK_GRPC_PERMISSION_DENIED;
	case 404:
		return RK_GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return RK_GRPC_UNAVAILABLE;
	default:
		return RK_GRPC_UNKNOWN;
	}
}

enum rk_grpc_status rk_grpc_status_of_reset(uint32_t error_code)
{
	switch (error_code) {
	case NGHTTP2_REFUSED_STREAM:
		return RK_GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return RK_GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return RK_GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return RK_GRPC_PERMISSION_DENIED;
	case NGHTTP2_STREAM_CLOSED:
		return RK_GRPC_UNKNOWN;
	default:
		return RK_GRPC_INTERNAL;
	}
}
