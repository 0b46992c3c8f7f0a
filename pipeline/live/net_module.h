/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/net_module.h - the door between the shim and librknet.so.
 *
 * The module holds libcurl and the servers; it is opened RTLD_LOCAL by the thread that feeds
 * the pipeline, only when an endpoint is configured. It exports one function, rk_net_open(), and
 * the stamp of its build: structs of one build and code of another one must not meet.
 * Everything runs on the feeding thread; nothing here ever blocks longer than asked.
 */
#ifndef RK_PIPELINE_LIVE_NET_MODULE_H
#define RK_PIPELINE_LIVE_NET_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <strings.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "pipeline/alert/alert_notice.h"
#include "pipeline/live/net_stats.h"
#include "pipeline/log/log_event.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/sink.h"

/* Of builds that have no stamp yet, and must not take ours for one of theirs. */
#define RK_NET_ABI 4

/* What the module gets from whoever opened it. Borrowed; outlives the module. */
struct rk_net_host {
	uint32_t abi;			/* RK_NET_ABI */
	const struct rk_config *config;
	const struct rk_env *env;	/* may be NULL */
	struct rk_intern *strings;
	rk_log_fn log;
	void *log_data;
	enum rk_log_level log_level;
	struct rk_metrics *metrics;
	/* the registry lives in the opener: these work on it */
	ptrdiff_t (*render)(const struct rk_metrics *, bool, bool, char **);
	void (*add)(struct rk_metrics *, const char *family, const char *label, double v);
	void (*set)(struct rk_metrics *, const char *family, const char *label, double v);
	void (*visit)(const struct rk_metrics *, bool include_runtime,
		      void (*)(const struct rk_metric_point *, void *), void *);
	/* spans @first to @last (span.sequence; those sent of them) reached @destination;
	 * may be NULL */
	void (*acknowledge)(void *data, const char *destination, uint64_t first, uint64_t last);
	void *acknowledge_data;
	const char *resource;		/* k=v,k=v percent-encoded */
	const char *instance;		/* host name, for the Pushgateway group */
	bool (*is_confined)(void);	/* nothing may be opened any more; may be NULL */
	bool live;			/* false = replay: wait rather than drop, no servers */
	bool only_notices;		/* nothing but what is given to notify() is sent */
	/* body of the health endpoints, JSON; returns HTTP status */
	int (*health)(const char *what, char *out, size_t size, void *data);
	void *health_data;
};

struct rk_net {
	struct rk_sink sink;	/* first: add it to the pipeline */
	/**
	 * Work on sockets and timers, waiting @timeout_ms for events at most.
	 */
	void (*poll)(struct rk_net *net, uint32_t timeout_ms);
	/**
	 * Whether poll() must be used for waiting, because sockets are open.
	 */
	bool (*is_busy)(const struct rk_net *net);
	/**
	 * Send one event as an OTLP log record, where a receiver of logs is configured.
	 */
	void (*log)(struct rk_net *net, const struct rk_log_event *event);
	/** Send a notice to the channel it names, where that is one of the network. */
	void (*notify)(struct rk_net *net, const struct rk_alert_notice *notice);
	void (*get_answer)(const struct rk_net *net, uint32_t channel,
			   struct rk_net_answer *answer);
	/**
	 * Send what is queued and the final push; give up after @timeout_ms. What was not
	 * sent is counted as dropped.
	 */
	void (*finish)(struct rk_net *net, uint32_t timeout_ms);
	void (*get_stats)(const struct rk_net *net, struct rk_net_stats *stats);
	void (*close)(struct rk_net *net);
};

/**
 * The module's only function.
 *
 * Context: the thread that feeds the pipeline. Ownership: the caller, (*out)->close().
 * Return: 0 and *out; -EINVAL on an ABI mismatch; -ENODEV when no endpoint is configured.
 */
int rk_net_open(struct rk_net **out, const struct rk_net_host *host);
typedef int (*rk_net_open_fn)(struct rk_net **out, const struct rk_net_host *host);

/* Of which build the module is; compared before anything of it is called. */
extern const char rk_net_stamp[];

/**
 * Whether @signal leaves the process by OTLP: an endpoint is named and nothing forbids it.
 *
 * Context: any.
 */
static inline bool rk_net_sends(const struct rk_config *config, enum rk_net_signal signal)
{
	const char *const endpoints[] = { config->tracing_otlp_endpoint,
					  config->metrics_otlp_endpoint,
					  config->logging_otlp_endpoint };
	const bool enabled[] = { config->tracing_enabled, config->metrics_enabled,
				 config->logging_level != RK_LOG_OFF };

	return enabled[signal] && *endpoints[signal] && strcasecmp(endpoints[signal], "none") != 0;
}

/**
 * Whether @config names any destination or server, so that what is recorded reaches somebody;
 * and whether the module is needed, which it also is for channels of alerts.
 *
 * Context: any.
 */
bool rk_net_has_destination(const struct rk_config *config);
bool rk_net_is_wanted(const struct rk_config *config);

/**
 * Load librknet.so, which takes some 10 ms, without opening anything of it; rk_net_load() then
 * says what went wrong. For who cannot wait later.
 *
 * @env: may be NULL. Context: exporter.
 */
void rk_net_prepare(const struct rk_env *env, const char *self_dir);

/**
 * Whether the librknet.so that is open as @library was built with the caller.
 *
 * @why: set when it was not, naming both files. Context: exporter or tools.
 */
bool rk_net_is_of_this_build(void *library, char *why, size_t size);

/**
 * Open librknet.so next to @self_path's lib folder (RK_NET_LIBRARY for a build tree) and call
 * its rk_net_open(). Logged once when it cannot be opened or is of another build.
 *
 * Context: exporter or tools.
 */
int rk_net_load(struct rk_net **out, const struct rk_net_host *host, const char *self_dir);

#endif
