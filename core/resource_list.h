/* SPDX-License-Identifier: Apache-2.0
 *
 * core/resource_list.h - resource attributes while they are being collected.
 */
#ifndef RK_CORE_RESOURCE_LIST_H
#define RK_CORE_RESOURCE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/env.h"
#include "core/gpu_inventory.h"

/* Sixteen GPUs take 64, the process and its surroundings about 45; the rest is the user's. */
#define RK_RESOURCE_ATTRIBUTES_MAX 256

struct rk_resource_list {
	struct {
		char *key, *value; /* decoded */
	} at[RK_RESOURCE_ATTRIBUTES_MAX];
	size_t count;
	bool failed; /* no memory */
};

/**
 * Set an attribute; the last value of a key counts. Broken UTF-8 is repaired.
 *
 * Context: any but hooks.
 */
void rk_resource_list_set(struct rk_resource_list *list, const char *key, const char *value);

/**
 * What can be found out about this process / the machine, container, pod and job around it /
 * its GPUs. @env and @gpus may be NULL.
 *
 * Context: exporter or tools. Reads files of /proc and /etc, asks no name service.
 */
void rk_resource_find_process(struct rk_resource_list *list, bool command_line);
void rk_resource_find_host(struct rk_resource_list *list, const struct rk_env *env);
void rk_resource_find_gpus(struct rk_resource_list *list, const struct rk_gpu_inventory *gpus);

/**
 * The container id in the text of a cgroup or mountinfo file: 64 hexadecimal digits behind
 * @before, "" = anywhere.
 *
 * Context: any. Return: whether there is one.
 */
bool rk_resource_find_container(const char *text, const char *before, char out[65]);

#endif
