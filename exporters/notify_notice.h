/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_notice.h - notices that wait: copies with their own strings.
 *
 * A newer notice of a group takes the place of the one that waits, alert by alert: what only
 * the older one says (that an alert is over, above all) is told with the newer.
 */
#ifndef RK_EXPORTERS_NOTIFY_NOTICE_H
#define RK_EXPORTERS_NOTIFY_NOTICE_H

#include "pipeline/alert/alert_channel.h"
#include "pipeline/alert/alert_notice.h"

#define RK_NOTIFY_ALERTS_MAX 256u /* of one notice; the rest is only counted */

struct rk_notify_notice {
	struct rk_notify_notice *next; /* for its owner */
	struct rk_alert_notice notice; /* alerts and strings are in the same piece of memory */
	uint64_t arrived_ns;	       /* CLOCK_MONOTONIC */
	size_t left_out;	       /* alerts beyond RK_NOTIFY_ALERTS_MAX */
	bool is_resend;		       /* of what is standing: nothing new is in it */
};

/**
 * A copy of what @channel takes of @notice (NULL: all) and, behind it, of what only @older says
 * (may be NULL) from its alert @first on. Strings are cut where no receiver would want more.
 *
 * Context: exporter. Ownership: the caller, free().
 * Return: NULL without memory, or when there is nothing to tell.
 */
struct rk_notify_notice *rk_notify_notice_copy(const struct rk_alert_notice *notice,
					       const struct rk_alert_channel *channel,
					       const struct rk_notify_notice *older, size_t first);

/**
 * A copy of those alerts of @notice that are firing and that @channel takes.
 *
 * Context: exporter. Ownership and return: as above.
 */
struct rk_notify_notice *rk_notify_notice_copy_firing(const struct rk_alert_notice *notice,
						      const struct rk_alert_channel *channel);

/**
 * Whether both are about the same alert.
 *
 * Context: any.
 */
bool rk_notify_is_same_alert(const struct rk_alert *a, const struct rk_alert *b);

#endif
