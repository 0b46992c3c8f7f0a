/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_open.c - which launches a record or a synchronisation ends.
 */
#include "pipeline/alert/alert_open.h"

#include "core/record.h"

#define PER_THREAD_STREAM 2u /* CU_STREAM_PER_THREAD: another stream in every thread */

uint32_t rk_alert_open_close(struct rk_alert_open *open, uint32_t count, uint32_t correlation)
{
	for (uint32_t i = 0; i < count; i++) {
		if (open[i].correlation != correlation)
			continue;
		open[i] = open[count - 1];
		return count - 1;
	}
	return count;
}

/* Events are not looked at: nobody knows here what stands before one. */
static bool is_covered(const struct rk_alert_open *open, const struct rk_op *sync)
{
	if (open->context != sync->context || open->host_start >= sync->host_start)
		return false;
	switch (sync->sync.scope) {
	case RK_SYNC_CONTEXT:
		return true;
	case RK_SYNC_STREAM:
	case RK_SYNC_STREAM_QUERY:
		return open->stream_handle == sync->stream_handle &&
		       (sync->stream_handle != PER_THREAD_STREAM || open->key.tid == sync->tid);
	default:
		return false;
	}
}

uint32_t rk_alert_open_wait(struct rk_alert_open *open, uint32_t count, const struct rk_op *sync)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!is_covered(&open[i], sync))
			open[left++] = open[i];
	}
	return left;
}
