/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/net_stats.h - what librknet tells about what it sent.
 */
#ifndef RK_PIPELINE_LIVE_NET_STATS_H
#define RK_PIPELINE_LIVE_NET_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ledger.h"

enum rk_net_signal { RK_NET_TRACES, RK_NET_METRICS, RK_NET_LOGS, RK_NET_SIGNAL_COUNT };

/* The wire ledger of one signal to its destination: eligible = sent + sampled_out + queued +
 * dropped, in spans, data points or log records. */
struct rk_net_signal_stats {
	uint64_t eligible, sent, sampled_out, queued, dropped;
	uint64_t lost[RK_LOSS_COUNT]; /* dropped, by reason */
	uint64_t bytes_sent, requests, retries;
	bool connected; /* the last request succeeded */
};

struct rk_net_stats {
	struct rk_net_signal_stats signals[RK_NET_SIGNAL_COUNT];
	uint64_t eligible, sent, sampled_out, queued, dropped;	/* spans; the wire ledger */
	uint64_t bytes_sent, requests, retries; /* of all signals */
	uint64_t lost[RK_LOSS_COUNT];	/* spans, by reason */
	uint64_t pushes, push_failures, scrapes;
	unsigned scrape_port;		/* the one in use; 0 = no server */
	bool connected;			/* the last request of any kind succeeded */
	char last_error[160];
};

/* What a channel of alerts answered last. */
struct rk_net_answer {
	uint64_t count;	  /* of answers and failures so far; 0 = none yet */
	bool is_accepted;
	int status;	  /* HTTP; 0 = there was none */
	uint64_t took_ns;
	char place[192];  /* scheme, host and port: the rest is secret */
	char text[256];	  /* first line of the body, or why there is none; nothing secret */
};

#endif
