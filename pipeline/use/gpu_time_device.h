/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time_device.h - the pieces of one device that are not summed up yet.
 *
 *   ... summed up ...|floor    pieces, by their start     newest
 *
 * Only what lies before a floor that rises is summed up, so every sum is a counter. A piece
 * that reaches below the floor comes too late for that part: counted as late, never twice.
 */
#ifndef RK_PIPELINE_USE_GPU_TIME_DEVICE_H
#define RK_PIPELINE_USE_GPU_TIME_DEVICE_H

#include "pipeline/use/gpu_time.h"

/**
 * When the part of the recording that goes on began.
 *
 * Context: the feeding thread.
 */
static inline uint64_t rk_gpu_time_part_start(const struct rk_gpu_time *time)
{
	return time->part_first ? time->part_first : time->first;
}

/**
 * @time: of which this is a device; borrowed, outlives it.
 * Context: the feeding thread, as all here. Return: 0, -ENOMEM.
 */
int rk_gpu_device_create(struct rk_gpu_device **out, uint32_t number, struct rk_gpu_time *time);
void rk_gpu_device_destroy(struct rk_gpu_device *device);

/**
 * Take a kernel into one of the same execution during which it began. The sums are those of the
 * union, so nothing else needs to be kept of it: in a storm this is the way of nearly everything.
 *
 * Context: the feeding thread. Return: false when it has to be pushed.
 */
bool rk_gpu_device_cover(struct rk_gpu_device *device, const struct rk_op *op);

/**
 * Keep a copy of @piece, which is cut to what is not summed up yet.
 *
 * Context: the feeding thread. May allocate; without memory the older half is summed up.
 */
void rk_gpu_device_push(struct rk_gpu_device *device, struct rk_gpu_piece *piece);

/**
 * A launch has been open for long: nothing after its call is summed up until it has come. / It
 * came, or something else of the same call. / It never did, and the recording may end now.
 *
 * Context: the feeding thread.
 */
void rk_gpu_device_take_off(struct rk_gpu_device *device, uint32_t correlation, uint64_t since);
void rk_gpu_device_land(struct rk_gpu_device *device, uint32_t correlation);
void rk_gpu_device_note_open(struct rk_gpu_device *device, uint64_t since);

/**
 * Sum up what lies before @until and is certain. / Sum up all.
 *
 * Context: the feeding thread.
 */
void rk_gpu_device_sum_up(struct rk_gpu_device *device, uint64_t until);
void rk_gpu_device_end(struct rk_gpu_device *device);

/**
 * A part of the recording begins with the time's .part_first; the one before was ended.
 *
 * Context: the feeding thread.
 */
void rk_gpu_device_begin_part(struct rk_gpu_device *device);

/**
 * Context: the feeding thread. Return: false when it had no work with a GPU time.
 */
bool rk_gpu_device_get(const struct rk_gpu_device *device, struct rk_gpu_split *split);

#endif
