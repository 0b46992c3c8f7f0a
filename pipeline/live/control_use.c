/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_use.c - the members of the reply to `use`: sums since the start, one list
 * per family of series. Who asks twice has rates.
 */
#include "pipeline/live/control_use.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/metrics/metrics.h"

#define NAME_BYTES 256u		/* of a kernel; longer ones are cut */
#define SPARE	   (16u << 10) /* of the reply, for what follows the kernels */

/* One list of the reply, and whose points stand in it. */
struct list {
	const char *family;
	void (*put)(struct rk_json_text *reply, const struct rk_metric_point *point);
	struct rk_json_text *reply;
	uint64_t left_out;
};

static void put_time(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_uint(reply, "count", point->histogram.count);
	rk_json_text_double(reply, "seconds", point->histogram.sum);
}

static void put_kernel(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s", point->values[0]);
	rk_json_text_string(reply, "name", name);
	rk_json_text_string(reply, "device", point->values[2]);
	rk_json_text_string(reply, "source", point->values[3]);
	put_time(reply, point);
}

static void put_device(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_string(reply, "device", point->values[0]);
	rk_json_text_string(reply, "state", point->values[1]);
	rk_json_text_double(reply, "seconds", point->value);
}

static void put_active(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_string(reply, "device", point->values[0]);
	rk_json_text_double(reply, "kernels", point->value);
}

static void put_bytes(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_string(reply, "kind", point->values[0]);
	rk_json_text_string(reply, "device", point->values[1]);
	rk_json_text_double(reply, "bytes", point->value);
}

static void put_transfer(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_string(reply, "kind", point->values[0]);
	rk_json_text_string(reply, "device", point->values[1]);
	put_time(reply, point);
}

static void put_memory(struct rk_json_text *reply, const struct rk_metric_point *point)
{
	rk_json_text_string(reply, "device", point->values[0]);
	rk_json_text_string(reply, "pool", point->values[1]);
	rk_json_text_double(reply, "bytes", point->value);
}

static void put_point(const struct rk_metric_point *point, void *data)
{
	struct list *list = data;

	if (strcmp(point->family->name, list->family) != 0)
		return;
	if (list->reply->used + SPARE > list->reply->size) {
		list->left_out++;
		return;
	}
	rk_json_text_open(list->reply, NULL, '{');
	list->put(list->reply, point);
	rk_json_text_close(list->reply, '}');
}

void rk_control_use_put(const struct rk_outputs *outputs, uint64_t now_ns,
			struct rk_json_text *reply)
{
	static const struct {
		const char *member, *family;
		void (*put)(struct rk_json_text *reply, const struct rk_metric_point *point);
	} lists[] = {
		{ "devices", "rustkernel_gpu_seconds_total", put_device },
		{ "active", "rustkernel_active_kernels", put_active },
		{ "memory", "rustkernel_memory_bytes", put_memory },
		{ "memory_peak", "rustkernel_memory_peak_bytes", put_memory },
		{ "transfer_bytes", "rustkernel_transfer_bytes_total", put_bytes },
		{ "transfers", "rustkernel_transfer_duration_seconds", put_transfer },
		{ "kernels", "rustkernel_execution_duration_seconds", put_kernel },
	};
	struct list list = { .reply = reply };

	rk_json_text_uint(reply, "now_ns", now_ns);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list.family = lists[i].family;
		list.put = lists[i].put;
		rk_json_text_open(reply, lists[i].member, '[');
		if (outputs->pipeline)
			rk_metrics_visit(rk_pipeline_metrics(outputs->pipeline), false, put_point,
					 &list);
		rk_json_text_close(reply, ']');
	}
	rk_json_text_uint(reply, "left_out", list.left_out);
}
