/* SPDX-License-Identifier: Apache-2.0
 *
 * core/resource.h - who this process is: the resource attributes of everything we send.
 *
 * One string, "k=v,k=v", keys and values percent-encoded, as in OTEL_RESOURCE_ATTRIBUTES. It
 * is built once per process (a forked child needs a new service.instance.id), stored in the
 * trace file and sent again by a replay, so file and live run name the same instance.
 *
 * What wins, strongest first: telemetry.sdk.*, service.name of the configuration, the
 * configured attributes, what was found out about the process.
 */
#ifndef RK_CORE_RESOURCE_H
#define RK_CORE_RESOURCE_H

#include "core/config.h"
#include "core/gpu_inventory.h"

/**
 * Build the list of this process.
 *
 * @config: service_name, resource_attributes, process_command_args.
 * @env: of the pod, the job and its ranks; may be NULL.
 * @gpus: may be NULL.
 *
 * A configured list that cannot be decoded is dropped as a whole, with one warning.
 * Context: exporter or tools; once per process. Ownership: the caller, free().
 * Return: NULL when no memory could be had.
 */
char *rk_resource_create(const struct rk_config *config, const struct rk_env *env,
			 const struct rk_gpu_inventory *gpus);

/**
 * The list @resource with what is known of @gpus by now, where it does not say that already.
 *
 * Context: exporter. Ownership: the caller, free(). Return: NULL when no memory could be had.
 */
char *rk_resource_add_gpus(const char *resource, const struct rk_gpu_inventory *gpus);

/* Receives one decoded attribute; both strings live until it returns. */
typedef void (*rk_resource_fn)(const char *key, const char *value, void *data);

/**
 * Decode @list and visit its attributes in order. Nothing is visited if any of it is bad.
 *
 * Bad: no '=', an empty key, a second '=' or a control character that is not encoded, a bad
 * %xx, a decoded NUL, invalid UTF-8. Blanks around keys and values are dropped.
 *
 * Context: any but hooks.
 * Return: 0; -EINVAL, -ENOMEM.
 */
int rk_resource_visit(const char *list, rk_resource_fn visit, void *data);

#endif
