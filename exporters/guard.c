/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/guard.c - tell what the breaker does.
 */
#include "exporters/guard.h"

#include <stdio.h>

#include "core/log.h"
#include "exporters/url.h"

#define NS_PER_MS 1000000ull

static void show(const struct rk_guard *guard)
{
	if (guard->host->set)
		guard->host->set(guard->host->metrics, "rustkernel_circuit_breaker_state",
				 guard->name, (double)guard->breaker.state);
}

void rk_guard_init(struct rk_guard *guard, const struct rk_net_host *host, const char *what,
		   const char *url)
{
	const struct rk_config *config = host->config;
	char place[160];

	guard->host = host;
	rk_breaker_init(&guard->breaker, (uint32_t)config->breaker_failure_threshold,
			(uint32_t)config->breaker_success_threshold, config->breaker_cool_down);
	snprintf(guard->name, sizeof(guard->name), "%s %s", what,
		 rk_url_place(url, place, sizeof(place)));
	show(guard);
}

static void tell(const struct rk_guard *guard)
{
	const struct rk_breaker *breaker = &guard->breaker;

	show(guard);
	switch (breaker->state) {
	case RK_BREAKER_OPEN:
		rk_log_warn("breaker: %s is open after too many failures in a row; nothing is "
			    "sent there for %llu ms",
			    guard->name, (unsigned long long)(breaker->cool_down_ns / NS_PER_MS));
		break;
	case RK_BREAKER_HALF_OPEN:
		rk_log_info("breaker: %s is half-open: it is tried again", guard->name);
		break;
	case RK_BREAKER_CLOSED:
		rk_log_info("breaker: %s is closed: it works again", guard->name);
		break;
	}
}

bool rk_guard_allows(struct rk_guard *guard, uint64_t now_ns)
{
	bool was_open = rk_guard_is_open(guard);
	bool is_allowed = rk_breaker_allows(&guard->breaker, now_ns);

	if (was_open && is_allowed)
		tell(guard);
	return is_allowed;
}

uint64_t rk_guard_due_ns(const struct rk_guard *guard)
{
	return rk_breaker_due_ns(&guard->breaker);
}

void rk_guard_note(struct rk_guard *guard, bool is_success, uint64_t now_ns)
{
	bool was_half_open = guard->breaker.state == RK_BREAKER_HALF_OPEN;

	if (!rk_breaker_note(&guard->breaker, is_success, now_ns))
		return;
	if (was_half_open && rk_guard_is_open(guard)) {
		/* The outage goes on, which was said when it began. */
		show(guard);
		rk_log_info("breaker: %s is open again", guard->name);
		return;
	}
	tell(guard);
}

void rk_guard_probe(struct rk_guard *guard)
{
	rk_guard_allows(guard, rk_guard_due_ns(guard));
}

bool rk_guard_is_open(const struct rk_guard *guard)
{
	return guard->breaker.state == RK_BREAKER_OPEN;
}
