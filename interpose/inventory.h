/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/inventory.h - asking the driver which GPUs there are.
 */
#ifndef RK_INTERPOSE_INVENTORY_H
#define RK_INTERPOSE_INVENTORY_H

#include "core/gpu_inventory.h"

/**
 * Describe the GPUs that the program can see. Creates no context and initialises nothing:
 * before the program's cuInit() there is nothing to tell. What the driver does not answer is
 * left unknown.
 *
 * Context: the start path; also inside a callback of CUPTI. Only the call that starts waits.
 */
void rk_inventory_take(struct rk_gpu_inventory *gpus);

#endif
