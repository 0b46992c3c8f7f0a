/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_transport.h - how one batch reaches a receiver: by HTTP or by gRPC.
 *
 * The sender (queue, retry, breaker, counts) knows no protocol: it hands a request to one of
 * these and gets back what the answer means. One request at a time is under way on each.
 */
#ifndef RK_EXPORTERS_OTLP_TRANSPORT_H
#define RK_EXPORTERS_OTLP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rk_otlp_verdict { RK_OTLP_SENT, RK_OTLP_RETRY, RK_OTLP_REJECTED };

/* What came of a request. Borrowed until the callback returns. */
struct rk_otlp_outcome {
	enum rk_otlp_verdict verdict;
	bool is_unreachable; /* nothing was sent: refused, no route, no such name */
	bool has_delay;	     /* the receiver said how long to wait (Retry-After, RetryInfo) */
	uint64_t delay_ns;
	uint64_t rejected;   /* SENT: items of a partial success */
	const char *message; /* one printable line: "HTTP 503: busy", "UNAVAILABLE: ..."; may be "" */
};

typedef void (*rk_otlp_done_fn)(void *data, const struct rk_otlp_outcome *outcome);

struct rk_otlp_payload {
	const uint8_t *bytes; /* an Export...ServiceRequest; borrowed until done or cancelled */
	size_t length;
	bool is_gzip;
	uint32_t timeout_ms; /* 0 = none */
};

/* One way to one receiver. Every function: Context: exporter. */
struct rk_otlp_transport {
	const char *shown_url; /* for log lines: without secrets; as long as the transport */
	/* Return: 0, and done() follows from the loop; -EIO: it will not be called. */
	int (*start)(struct rk_otlp_transport *transport, const struct rk_otlp_payload *payload);
	void (*cancel)(struct rk_otlp_transport *transport); /* done() is not called */
	bool (*is_active)(const struct rk_otlp_transport *transport);
	void (*destroy)(struct rk_otlp_transport *transport);
};

#endif
