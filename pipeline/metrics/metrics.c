/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics.c - ops update the series.
 */
#include "pipeline/metrics/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/intern.h"
#include "core/record.h"
#include "core/trace_context.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/join/late_facts.h"
#include "pipeline/metrics/metrics_said.h"
#include "pipeline/metrics/metrics_state.h"

#define RANKED_OWN    1u
#define RANKED_FOLDED 2u
#define NS_PER_S      1e9

static const struct rk_metric_family families[RK_METRIC_ID_COUNT] = {
#define RK_METRIC(id, name_, type_, unit_, runtime_, help_, ...)                                   \
	[RK_METRIC_ID_##id] = { .name = name_,                                                     \
				.unit = unit_,                                                     \
				.help = help_,                                                     \
				.labels = { __VA_ARGS__ },                                         \
				.type = RK_METRIC_##type_,                                         \
				.runtime = runtime_ },
#include "pipeline/metrics/metrics.def"
#undef RK_METRIC
};

const char *const rk_metric_outcomes[RK_OUTCOMES] = { "eligible", "sent", "sampled_out",
						      "dropped" };
const char *const rk_metric_signals[RK_SIGNALS] = { "traces", "metrics", "logs" };

/* In the order of rk_metrics_note_assembler(). */
const char *const rk_metric_decisions[RK_DECISIONS] = { "kept_slow", "kept_error", "refused",
							"undecided" };

static const char *const pool_names[RK_POOL_COUNT] = {
	[RK_POOL_DEVICE] = "device", [RK_POOL_MANAGED] = "managed", [RK_POOL_PINNED] = "pinned",
	[RK_POOL_ASYNC] = "async",   [RK_POOL_ARRAY] = "array",	    [RK_POOL_VMM] = "vmm",
	[RK_POOL_USER] = "user",
};

static const char *const copy_kinds[] = {
	[RK_COPY_UNKNOWN] = "unknown", [RK_COPY_HTOD] = "htod", [RK_COPY_DTOH] = "dtoh",
	[RK_COPY_HTOA] = "htoa",       [RK_COPY_ATOH] = "atoh", [RK_COPY_ATOA] = "atoa",
	[RK_COPY_ATOD] = "atod",       [RK_COPY_DTOA] = "dtoa", [RK_COPY_DTOD] = "dtod",
	[RK_COPY_HTOH] = "htoh",       [RK_COPY_PTOP] = "ptop",
};

size_t rk_metrics_family_count(void)
{
	return RK_METRIC_ID_COUNT;
}

const struct rk_metric_family *rk_metrics_family(size_t index)
{
	return index < RK_METRIC_ID_COUNT ? &families[index] : NULL;
}

const struct rk_metric_family *rk_metrics_row(enum rk_metric_id id)
{
	return &families[id];
}

const char *rk_metrics_pool_name(uint32_t pool)
{
	return pool < RK_POOL_COUNT ? pool_names[pool] : "unknown";
}

const char *rk_metrics_transfer_name(const struct rk_op *op)
{
	if (op->kind == RK_OP_MEMSET)
		return "memset";
	return op->copy.copy_kind < sizeof(copy_kinds) / sizeof(copy_kinds[0]) ?
		       copy_kinds[op->copy.copy_kind] :
		       "unknown";
}

bool rk_metrics_is_failed_launch(const struct rk_op *op)
{
	const char *api = rk_intern_get(op->api);

	return op->kind == RK_OP_ERROR && strncmp(api, "cuLaunch", 8) == 0 &&
	       strncmp(api, "cuLaunchHostFunc", 16) != 0;
}

/* The families of kernels with what was chosen of the baggage behind their own labels. */
static int label_kernels(struct rk_metrics *metrics)
{
	static const enum rk_metric_id ids[] = { RK_METRIC_ID_EXECUTIONS, RK_METRIC_ID_DURATION };
	int err = rk_metrics_baggage_init(&metrics->baggage, metrics->config,
					  families[RK_METRIC_ID_EXECUTIONS].labels);

	rk_handle_map_init(&metrics->labelled, RK_SERIES_MAX);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct rk_metric_family *family = &metrics->kernel_families[i];
		uint32_t label = 0;

		*family = families[ids[i]];
		while (family->labels[label])
			label++;
		for (uint32_t n = 0; n < metrics->baggage.count; n++)
			family->labels[label++] = metrics->baggage.names[n];
	}
	return err;
}

int rk_metrics_create(struct rk_metrics **out, const struct rk_config *config)
{
	struct rk_metrics *metrics = calloc(1, sizeof(*metrics));
	uint32_t most = (uint32_t)config->metrics_max_series;

	*out = metrics;
	if (!metrics)
		return -ENOMEM;
	metrics->config = config;
	rk_histogram_scale_init(&metrics->bounds, &config->metrics_histogram_buckets);
	rk_histogram_scale_init_exponential(&metrics->exponential);
	rk_series_list_init(&metrics->kernels, sizeof(struct rk_kernel_series), RK_SERIES_SOURCES,
			    most);
	rk_series_list_init(&metrics->transfers, sizeof(struct rk_transfer_series), 1, most);
	rk_series_list_init(&metrics->errors, sizeof(struct rk_error_series), 1, most);
	rk_series_list_init(&metrics->queues, sizeof(struct rk_queue_series), 1, most);
	rk_handle_map_init(&metrics->ranked, RK_SERIES_MAX);
	rk_gpu_time_init(&metrics->gpu_time, NULL, NULL);
	metrics->other = rk_intern("other");
	metrics->all = rk_intern("all");
	metrics->unknown = rk_intern("unknown");
	metrics->user.config = config;
	if (rk_memory_use_create(&metrics->memory) || label_kernels(metrics)) {
		rk_metrics_destroy(metrics);
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

void rk_metrics_destroy(struct rk_metrics *metrics)
{
	if (!metrics)
		return;
	for (uint32_t i = 0; i < metrics->kernels.count; i++)
		free(((struct rk_kernel_series *)metrics->kernels.items[i])->exemplars);
	rk_series_list_finish(&metrics->kernels);
	rk_series_list_finish(&metrics->transfers);
	rk_series_list_finish(&metrics->errors);
	rk_memory_use_destroy(metrics->memory);
	rk_series_list_finish(&metrics->queues);
	rk_metrics_baggage_finish(&metrics->baggage);
	rk_gpu_time_finish(&metrics->gpu_time);
	rk_metrics_user_finish(&metrics->user);
	rk_handle_map_finish(&metrics->labelled);
	free(metrics->said);
	rk_handle_map_finish(&metrics->ranked);
	free(metrics->target_labels);
	free(metrics);
}

void *rk_metrics_series_get(struct rk_metrics *metrics, struct rk_series_list *list, uint64_t key,
			    uint32_t which)
{
	void *series = rk_series_list_get(list, key, which);

	metrics->short_of_memory += !series;
	return series;
}

static uint64_t kernel_key(uint32_t kernel_id, uint32_t domain, uint32_t device, uint32_t source)
{
	/* Ids have 18 bits. */
	return ((uint64_t)kernel_id << 40 | (uint64_t)domain << 20 | (uint64_t)device << 2 |
		source) +
	       1;
}

/* Whether a kernel keeps series of its own: the first top_k that appear do. */
static bool has_own_series(struct rk_metrics *metrics, uint32_t kernel_id)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&metrics->ranked, kernel_id);

	if (!slot)
		return false;
	if (!slot->tag) {
		bool fits = metrics->own < metrics->config->metrics_top_k;

		slot->tag = fits ? RANKED_OWN : RANKED_FOLDED;
		metrics->own += fits;
		metrics->folded += !fits;
		metrics->own_values[RK_METRIC_ID_TRACER_FOLDED] = metrics->folded;
	}
	return slot->tag == RANKED_OWN;
}

/* The key of a kernel whose label values are those of a set: exact, unlike a hash of both. 0, which
 * leads to the series "other", when there are too many. */
static uint64_t labelled_key(struct rk_metrics *metrics, uint64_t key, uint32_t baggage)
{
	struct rk_handle_slot *slot;

	if (baggage == RK_BAGGAGE_SET_NONE)
		return key;
	slot = rk_handle_map_put(&metrics->labelled, key);
	if (slot && !slot->tag)
		slot->tag = metrics->labelled.count;
	return slot ? 1ull << 63 | (uint64_t)slot->tag << 32 | baggage : 0;
}

/* What a series is the series of. */
struct kernel_identity {
	uint32_t kernel_id, domain, device, source, baggage;
};

static struct rk_kernel_series *kernel_find(struct rk_metrics *metrics, struct kernel_identity id)
{
	struct rk_kernel_series *series;

	if (!metrics->config->metrics_include_kernel_stats) {
		id.kernel_id = metrics->all;
	} else if (!has_own_series(metrics, id.kernel_id)) {
		id.kernel_id = metrics->other;
		id.domain = metrics->unknown;
	}
	series = rk_metrics_series_get(
		metrics, &metrics->kernels,
		labelled_key(metrics, kernel_key(id.kernel_id, id.domain, id.device, id.source),
			     id.baggage),
		id.source);
	if (!series)
		return NULL;
	series->kernel_id = id.kernel_id;
	series->domain = id.domain;
	series->device = id.device;
	series->source = id.source;
	series->baggage = id.baggage;
	return series;
}

/* Where a kernel is remembered; empty when the rules have changed meanwhile. */
static struct rk_kernel_cache *recent_at(struct rk_metrics *metrics, const struct rk_op *op,
					 enum rk_metric_source source)
{
	uint32_t place = op->name ^ op->device << 5 ^ (uint32_t)source << 7;

	if (metrics->recent_rules != metrics->config->kernels) {
		memset(metrics->recent, 0, sizeof(metrics->recent));
		metrics->recent_rules = metrics->config->kernels;
	}
	return &metrics->recent[place % RK_KERNEL_CACHE];
}

static void recent_fill(struct rk_metrics *metrics, struct rk_kernel_cache *recent,
			const struct rk_op *op, enum rk_metric_source source, uint32_t baggage)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(metrics->config, op->name);

	*recent = (struct rk_kernel_cache){
		.series = kernel_find(metrics,
				      (struct kernel_identity){ name->kernel_id, name->domain,
								op->device, source, baggage }),
		.name = op->name,
		.device = op->device,
		.source = source,
		.baggage = baggage,
		.domain = name->domain != metrics->unknown ? name->domain : 0,
	};
}

static struct rk_kernel_series *kernel_get(struct rk_metrics *metrics, const struct rk_op *op,
					   enum rk_metric_source source)
{
	uint32_t baggage = rk_metrics_baggage_of(&metrics->baggage, op->exec);
	struct rk_kernel_cache *recent = recent_at(metrics, op, source);

	if (!recent->series || recent->name != op->name || recent->device != op->device ||
	    recent->source != source || recent->baggage != baggage)
		recent_fill(metrics, recent, op, source, baggage);
	if (op->exec && recent->domain)
		rk_metrics_domain_note(&metrics->domains, op->exec, recent->domain);
	return recent->series;
}

struct rk_kernel_series *rk_metrics_recorded_get(struct rk_metrics *metrics, uint32_t kernel_id,
						 uint32_t domain)
{
	return kernel_find(metrics,
			   (struct kernel_identity){ kernel_id, domain, RK_DEVICE_NONE,
						     RK_SERIES_API, metrics->baggage.process_set });
}

static bool has_duration(const struct rk_op *op)
{
	return !(op->flags & (RK_OP_F_INVALID_TIME | RK_OP_F_OPEN)) && op->end >= op->start &&
	       op->end;
}

static void note_device(struct rk_metrics *metrics, uint32_t device)
{
	if (device < RK_ACTIVE_DEVICES)
		metrics->has_device[device] = true;
}

static void feed_kernel(struct rk_metrics *metrics, const struct rk_op *op)
{
	enum rk_metric_source source =
		op->flags & RK_OP_F_HOST_TIME ? RK_SERIES_HOST : RK_SERIES_GPU;
	struct rk_kernel_series *series;

	note_device(metrics, op->device);
	if (op->flags & RK_OP_F_OPEN)
		return;
	series = kernel_get(metrics, op, source);
	if (!series)
		return;
	series->ok++;
	if (!has_duration(op))
		return;
	metrics->fed.bucket = rk_histogram_add(&series->duration, &metrics->bounds,
					       &metrics->exponential, op->end - op->start);
	metrics->fed.series = series;
	metrics->fed.ordinal = op->ordinal;
	metrics->fed.end = op->end;
}

static void feed_transfer(struct rk_metrics *metrics, const struct rk_op *op)
{
	const char *kind = rk_metrics_transfer_name(op);
	uint64_t key = (uint64_t)op->device << 8 | (op->kind == RK_OP_MEMSET ? 0x80 : 0) |
		       (op->kind == RK_OP_MEMSET ? 0 : op->copy.copy_kind & 0x7f);
	struct rk_transfer_series *series;

	if (op->flags & RK_OP_F_OPEN)
		return;
	series = rk_metrics_series_get(metrics, &metrics->transfers, key + 1, 0);
	if (!series)
		return;
	series->kind = kind;
	series->device = op->device;
	series->bytes += op->copy.bytes;
	if (has_duration(op) && !(op->flags & RK_OP_F_HOST_TIME))
		rk_histogram_add(&series->duration, &metrics->bounds, &metrics->exponential,
				 op->end - op->start);
}

/* Of the kernel that could not be launched, else of what the call was part of. */
static uint32_t domain_of_failure(struct rk_metrics *metrics, const struct rk_op *op)
{
	uint32_t around = rk_metrics_domain_of_failure(&metrics->domains, op);
	uint32_t own =
		op->name ? rk_kernel_name_get(metrics->config, op->name)->domain : metrics->unknown;

	return own == metrics->unknown && around ? around : own;
}

static void feed_error(struct rk_metrics *metrics, const struct rk_op *op)
{
	uint32_t domain = domain_of_failure(metrics, op);
	uint64_t key = (uint64_t)op->api << 40 | (uint64_t)domain << 20 | op->result;
	struct rk_error_series *series =
		rk_metrics_series_get(metrics, &metrics->errors, key + 1, 0);
	struct rk_kernel_series *kernel;

	if (series) {
		series->api = op->api;
		series->domain = domain;
		series->result = op->result;
		series->count++;
	}
	if (!rk_metrics_is_failed_launch(op))
		return;
	kernel = kernel_get(metrics, op, RK_SERIES_HOST);
	if (kernel)
		kernel->failed++;
}

/* Nobody measures without a budget. */
static void feed_overhead(struct rk_metrics *metrics, const struct rk_op *op)
{
	const uint64_t parts[] = { op->tick.hook_ns, op->tick.gpu_overhead_ns, op->tick.cpu_ns };

	rk_overhead_told_feed(&metrics->overhead, op);
	for (int i = 0; metrics->overhead.is_governed && i < RK_OVERHEAD_PARTS; i++)
		metrics->overhead_parts[i] = (double)parts[i] / NS_PER_S;
	metrics->own_values[RK_METRIC_ID_TRACER_STEP] = (double)metrics->overhead.last.step;
	metrics->own_values[RK_METRIC_ID_TRACER_BUSY] = (double)op->tick.busy_ns / NS_PER_S;
}

static void feed_step(struct rk_metrics *metrics, const struct rk_op *op)
{
	rk_overhead_told_feed(&metrics->overhead, op);
	metrics->own_values[RK_METRIC_ID_TRACER_STEP] = (double)metrics->overhead.last.step;
	metrics->own_values[RK_METRIC_ID_TRACER_BUDGET] = metrics->overhead.last.budget;
}

static void feed_tick(struct rk_metrics *metrics, const struct rk_op *op)
{
	for (int i = 0; i < RK_ACTIVE_DEVICES; i++) {
		metrics->active[i] = op->tick.active[i];
		if (op->tick.active[i])
			metrics->has_device[i] = true;
	}
	metrics->ledger = op->tick.ledger;
	metrics->own_values[RK_METRIC_ID_TRACER_CPU] = (double)op->tick.cpu_ns / NS_PER_S;
	metrics->own_values[RK_METRIC_ID_TRACER_RSS] = (double)op->tick.rss_bytes;
	metrics->own_values[RK_METRIC_ID_TRACER_DEPTH] = (double)op->tick.ring_depth_max;
	metrics->own_values[RK_METRIC_ID_TRACER_LAG] = (double)op->tick.lag_ns / NS_PER_S;
	metrics->own_values[RK_METRIC_ID_TRACER_UNWRAPPED] = (double)op->tick.ledger.unwrapped;
	feed_overhead(metrics, op);
}

static const char *time_source(const struct rk_late_facts *facts)
{
	if (strcmp(facts->gpu_time_source, "host") == 0)
		return "host";
	return facts->gpu.missing & RK_GPU_NO_RECORDS || facts->gpu.host_time_ns ? "mixed" :
										   "cupti";
}

/* The GPUs may be known only now; without target_info nobody wants it. */
static void feed_settings(struct rk_metrics *metrics, const struct rk_op *op)
{
	struct rk_late_facts facts;

	if (!metrics->target_labels || !rk_late_facts_read(&facts, op))
		return;
	metrics->time_source = time_source(&facts);
	if (*facts.resource)
		rk_metrics_set_resource(metrics, facts.resource);
}

void rk_metrics_feed(struct rk_metrics *metrics, const struct rk_op *op)
{
	rk_gpu_time_feed(&metrics->gpu_time, op);
	switch (op->kind) {
	case RK_OP_KERNEL:
		feed_kernel(metrics, op);
		break;
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
		feed_transfer(metrics, op);
		break;
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		rk_memory_use_feed(metrics->memory, op);
		break;
	case RK_OP_ERROR:
		feed_error(metrics, op);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		feed_tick(metrics, op);
		break;
	case RK_OP_DEVICE:
		note_device(metrics, op->device);
		break;
	case RK_OP_CONTEXT:
		rk_metrics_baggage_feed(&metrics->baggage, op);
		rk_metrics_domain_feed(&metrics->domains, op);
		break;
	case RK_OP_SPAN_BEGIN:
		rk_metrics_domain_feed(&metrics->domains, op);
		break;
	case RK_OP_SETTINGS:
		feed_step(metrics, op);
		feed_settings(metrics, op);
		break;
	case RK_OP_INSTRUMENT:
		rk_metrics_said_define(metrics, op);
		break;
	case RK_OP_SAMPLE:
		rk_metrics_said_sample(metrics, op);
		break;
	default:
		break;
	}
}

static bool is_wanted_as_exemplar(const struct rk_metrics *metrics, const struct rk_span *span)
{
	switch (metrics->config->metrics_exemplars) {
	case RK_EXEMPLARS_ALWAYS_ON:
		return true;
	case RK_EXEMPLARS_TRACE_BASED:
		return span->trace_flags & RK_TRACE_FLAG_SAMPLED;
	default:
		return false;
	}
}

/* Where the exemplar of this kernel belongs; NULL without memory, which is no loss. */
static struct rk_kept_exemplar *exemplar_of(struct rk_metrics *metrics, const struct rk_op *op)
{
	enum rk_metric_source source =
		op->flags & RK_OP_F_HOST_TIME ? RK_SERIES_HOST : RK_SERIES_GPU;
	struct rk_kernel_series *series = metrics->fed.series;
	uint32_t bucket = metrics->fed.bucket;

	if (op->ordinal != metrics->fed.ordinal || op->end != metrics->fed.end) {
		series = kernel_get(metrics, op, source);
		bucket = rk_histogram_bucket(&metrics->bounds, op->end - op->start);
	}
	if (series && !series->exemplars)
		series->exemplars = calloc(metrics->bounds.count + 1, sizeof(*series->exemplars));
	return series && series->exemplars ? &series->exemplars[bucket] : NULL;
}

void rk_metrics_note_span(struct rk_metrics *metrics, const struct rk_span *span)
{
	const struct rk_op *op = span->op;
	struct rk_kept_exemplar *exemplar;

	if (!op || op->kind != RK_OP_KERNEL || !is_wanted_as_exemplar(metrics, span) ||
	    !has_duration(op))
		return;
	exemplar = exemplar_of(metrics, op);
	if (!exemplar)
		return;
	memcpy(exemplar->trace_id, span->trace_id, sizeof(exemplar->trace_id));
	memcpy(exemplar->span_id, span->span_id, sizeof(exemplar->span_id));
	exemplar->ns = op->end - op->start;
	exemplar->unix_ns = span->end_unix_ns;
}
