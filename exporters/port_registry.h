/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/port_registry.h - which process of this user can be scraped where.
 *
 *   $XDG_RUNTIME_DIR/rkpreload/   or   /tmp/rkpreload-<uid>/
 *     <pid>-<start time>.port     one per server, two lines of JSON: who it is, its target
 *     prometheus_sd.json          all targets, for file_sd_configs of Prometheus
 *
 * The file of a server is locked by its thread for as long as that lives, so that the kernel
 * says who is dead, in whatever container; every server looks after the list now and then.
 * Nothing here waits: a folder that is busy is tried again at the next round.
 */
#ifndef RK_EXPORTERS_PORT_REGISTRY_H
#define RK_EXPORTERS_PORT_REGISTRY_H

#include <stdint.h>

#include "core/env.h"

struct rk_port_registry;

struct rk_port_registry_setup {
	const struct rk_env *env; /* XDG_RUNTIME_DIR; may be NULL; outlives this */
	const char *address;	  /* the server listens on; numeric or "localhost" */
	unsigned port;
	const char *path;     /* of the exposition */
	const char *resource; /* k=v,k=v percent-encoded; may be NULL */
};

/**
 * Open the folder and prepare the entry; rk_port_registry_run() writes it.
 *
 * Context: exporter. Ownership: the caller, rk_port_registry_close().
 * Return: 0; -errno: the folder cannot be used, which has then been said.
 */
int rk_port_registry_open(struct rk_port_registry **out,
			  const struct rk_port_registry_setup *setup);

/**
 * Remove the entry, and its target from the list if the folder is free.
 *
 * Context: exporter.
 */
void rk_port_registry_close(struct rk_port_registry *registry);

/**
 * When rk_port_registry_run() is due, in ns of rk_loop_now(), and doing what is due: list this
 * server, remove those that are dead. Trouble is said once.
 *
 * Context: exporter.
 */
uint64_t rk_port_registry_due_ns(const struct rk_port_registry *registry);
void rk_port_registry_run(struct rk_port_registry *registry, uint64_t now_ns);

#endif
