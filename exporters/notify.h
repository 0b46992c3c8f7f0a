/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify.h - the channels of the network, one sender each.
 *
 * A channel is opened with its first notice: until then there is no connection and no secret
 * has been read. None waits for another.
 */
#ifndef RK_EXPORTERS_NOTIFY_H
#define RK_EXPORTERS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"
#include "pipeline/live/net_module.h"

struct rk_notify;

/**
 * @host, @http: borrowed; outlive this.
 *
 * Context: exporter. Ownership: the caller, rk_notify_destroy(). Return: 0; -ENOMEM.
 */
int rk_notify_create(struct rk_notify **out, const struct rk_net_host *host, struct rk_http *http);
void rk_notify_destroy(struct rk_notify *notify);

/**
 * Hand @notice to its channel. Does nothing where that is not one of the network or cannot be
 * used.
 *
 * Context: exporter. Nothing of @notice is kept.
 */
void rk_notify_push(struct rk_notify *notify, const struct rk_alert_notice *notice);

/**
 * As the functions of the same name in notify_sender.h, for all channels.
 *
 * Context: exporter.
 */
uint64_t rk_notify_due_ns(const struct rk_notify *notify);
void rk_notify_run(struct rk_notify *notify, uint64_t now_ns);
void rk_notify_finish(struct rk_notify *notify, uint64_t deadline_ns);
bool rk_notify_is_done(const struct rk_notify *notify);
void rk_notify_abandon(struct rk_notify *notify);

/**
 * Bring the series of the channels up to date.
 *
 * Context: exporter.
 */
void rk_notify_tell_metrics(const struct rk_notify *notify);

/**
 * What a channel answered last; zeros when nothing was sent there yet.
 *
 * Context: exporter.
 */
void rk_notify_get_answer(const struct rk_notify *notify, uint32_t channel,
			  struct rk_net_answer *answer);

#endif
