/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_clients.c - places, phases, patience.
 */
#include "exporters/scrape_clients.h"

#include <stddef.h>
#include <sys/socket.h>

#include "exporters/loop.h"

#define S	 1000000000ull /* ns */
#define FIRST_NS (10 * S)	/* from the connection to the end of the head of a request */
#define IDLE_NS	 (120 * S)	/* scrapers come back once a minute */
#define REPLY_NS (30 * S)	/* Prometheus itself waits 10 s by default */

struct rk_scrape_client *rk_scrape_clients_add(struct rk_scrape_clients *clients, int fd)
{
	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++) {
		struct rk_scrape_client *client = &clients->all[i];

		if (client->phase != RK_SCRAPE_FREE)
			continue;
		client->fd = fd;
		client->suspended = NULL;
		rk_scrape_clients_set(client, RK_SCRAPE_FIRST);
		return client;
	}
	return NULL;
}

void rk_scrape_clients_set(struct rk_scrape_client *client, enum rk_scrape_phase phase)
{
	if (!client || (client->phase == RK_SCRAPE_CUT && phase != RK_SCRAPE_FREE))
		return;
	client->phase = phase;
	client->since_ns = rk_loop_now();
}

/* libmicrohttpd sees the end of the connection and closes it. */
static void cut(struct rk_scrape_client *client)
{
	shutdown(client->fd, SHUT_RDWR);
	rk_scrape_clients_set(client, RK_SCRAPE_CUT);
}

static bool is_active(const struct rk_scrape_client *client)
{
	return client->phase != RK_SCRAPE_FREE && client->phase != RK_SCRAPE_CUT;
}

/* Of those in @phase; RK_SCRAPE_FREE = of all that are active. Return: whether there was one. */
static bool cut_slowest(struct rk_scrape_clients *clients, enum rk_scrape_phase phase)
{
	struct rk_scrape_client *slowest = NULL;

	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++) {
		struct rk_scrape_client *client = &clients->all[i];

		if (!is_active(client) || (phase != RK_SCRAPE_FREE && client->phase != phase))
			continue;
		if (!slowest || client->since_ns < slowest->since_ns)
			slowest = client;
	}
	if (slowest)
		cut(slowest);
	return slowest;
}

/* Who was answered may be gone already, unnoticed: a request that waits is worth more. */
void rk_scrape_clients_make_room(struct rk_scrape_clients *clients)
{
	unsigned count = 0;

	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++)
		count += is_active(&clients->all[i]);
	if (count >= RK_SCRAPE_CLIENTS_FULL && !cut_slowest(clients, RK_SCRAPE_IDLE))
		cut_slowest(clients, RK_SCRAPE_FREE);
}

void rk_scrape_clients_cut_reader(struct rk_scrape_clients *clients)
{
	cut_slowest(clients, RK_SCRAPE_REPLYING);
}

static uint64_t patience_ns(const struct rk_scrape_client *client)
{
	switch (client->phase) {
	case RK_SCRAPE_FIRST:
		return FIRST_NS;
	case RK_SCRAPE_IDLE:
		return IDLE_NS;
	case RK_SCRAPE_REPLYING:
		return REPLY_NS;
	default:
		return RK_NEVER;
	}
}

uint64_t rk_scrape_clients_expire(struct rk_scrape_clients *clients, uint64_t now_ns)
{
	uint64_t due = RK_NEVER;

	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++) {
		struct rk_scrape_client *client = &clients->all[i];
		uint64_t patience = patience_ns(client);

		if (patience == RK_NEVER)
			continue;
		if (client->since_ns + patience <= now_ns)
			cut(client);
		else if (client->since_ns + patience < due)
			due = client->since_ns + patience;
	}
	return due;
}
