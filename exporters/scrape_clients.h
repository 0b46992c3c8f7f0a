/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_clients.h - who is connected to the scrape server, and since when.
 *
 * There is a time limit for each thing a client can be busy with, and when the table is full
 * whoever took longest makes room. So nobody who is slow, silent or many can lock out a scraper.
 */
#ifndef RK_EXPORTERS_SCRAPE_CLIENTS_H
#define RK_EXPORTERS_SCRAPE_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#define RK_SCRAPE_CLIENTS_MAX  96u
#define RK_SCRAPE_CLIENTS_FULL 64u /* from here on the slowest make room */

enum rk_scrape_phase {
	RK_SCRAPE_FREE,	    /* no client */
	RK_SCRAPE_FIRST,    /* its first request is not complete */
	RK_SCRAPE_IDLE,	    /* between requests */
	RK_SCRAPE_REPLYING, /* it has asked, and takes the answer */
	RK_SCRAPE_CUT,	    /* its connection was ended, and will be closed */
};

struct rk_scrape_client {
	enum rk_scrape_phase phase;
	int fd;		   /* borrowed from libmicrohttpd */
	void *suspended;   /* its connection, while it waits for its answer; NULL = it does not */
	uint64_t since_ns; /* of the phase */
};

/* All zeros = nobody. */
struct rk_scrape_clients {
	struct rk_scrape_client all[RK_SCRAPE_CLIENTS_MAX];
};

/**
 * A place for a connection that was accepted.
 *
 * Context: exporter. Return: NULL when there is none; see rk_scrape_clients_make_room().
 */
struct rk_scrape_client *rk_scrape_clients_add(struct rk_scrape_clients *clients, int fd);

/**
 * Note what a client does from now on. One that was cut stays so until it is free.
 *
 * @client: may be NULL.
 * Context: exporter.
 */
void rk_scrape_clients_set(struct rk_scrape_client *client, enum rk_scrape_phase phase);

/**
 * Cut a client if the table is full: the one that has been idle longest, else the slowest.
 *
 * Context: exporter, before a connection is added.
 */
void rk_scrape_clients_make_room(struct rk_scrape_clients *clients);

/**
 * Cut the client that takes its answer most slowly, for the memory it holds.
 *
 * Context: exporter.
 */
void rk_scrape_clients_cut_reader(struct rk_scrape_clients *clients);

/**
 * Cut who took too long.
 *
 * Context: exporter. Return: when the next one will have, in ns of rk_loop_now(); RK_NEVER.
 */
uint64_t rk_scrape_clients_expire(struct rk_scrape_clients *clients, uint64_t now_ns);

#endif
