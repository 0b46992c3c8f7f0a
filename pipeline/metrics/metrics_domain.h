/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_domain.h - the domain of work whose op does not name a kernel.
 *
 * A call that fails says which function it was, seldom of what. But it belongs to an execution,
 * whose kernels have a domain, or to a span of the program that was given one, itself or by a
 * span around it. What is looked up are the latest: tables of a fixed size, in which a newer one
 * takes the place of an older one. Who is forgotten has no domain.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_DOMAIN_H
#define RK_PIPELINE_METRICS_METRICS_DOMAIN_H

#include <stdint.h>

#include "core/op.h"

#define RK_DOMAIN_SPANS 4096u
#define RK_DOMAIN_EXECS 1024u
#define RK_DOMAINS_MAX	64u /* that the program may name; each stays in memory for ever */

struct rk_domain_place {
	uint64_t key; /* id of the span, number of the execution; 0 = free */
	uint32_t domain; /* string; 0 = none */
};

struct rk_metrics_domains {
	struct rk_domain_place spans[RK_DOMAIN_SPANS], execs[RK_DOMAIN_EXECS];
	uint32_t names[RK_DOMAINS_MAX]; /* strings */
	uint32_t name_count;
	uint32_t failing; /* string: of the span in which the next call fails, without execution */
};

/**
 * Take a SPAN_BEGIN or a CONTEXT.
 *
 * Context: the feeding thread.
 */
void rk_metrics_domain_feed(struct rk_metrics_domains *domains, const struct rk_op *op);

/**
 * A kernel of @domain (string) ran in execution @exec: it is the execution's, if it has none yet.
 *
 * Context: the feeding thread.
 */
static inline void rk_metrics_domain_note(struct rk_metrics_domains *domains, uint64_t exec,
					  uint32_t domain)
{
	struct rk_domain_place *place = &domains->execs[exec % RK_DOMAIN_EXECS];

	if (place->key != exec)
		*place = (struct rk_domain_place){ exec, domain };
}

/**
 * The domain of a call that failed, as far as it is known by now.
 *
 * Context: the feeding thread, once for each RK_OP_ERROR. Return: a string; 0 = unknown.
 */
uint32_t rk_metrics_domain_of_failure(struct rk_metrics_domains *domains, const struct rk_op *op);

#endif
