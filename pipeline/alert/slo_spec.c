/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_spec.c - one row of `slo:`, read.
 */
#include "pipeline/alert/slo_spec.h"

#include <math.h>
#include <string.h>

#include "core/config_value.h"
#include "core/log.h"
#include "core/slo_board.h"
#include "core/yaml_tree.h"

#define NS_PER_S	  1e9
#define DAY_NS		  (24 * 3600 * (uint64_t)1000000000)
#define WINDOW_DEFAULT_NS (30 * DAY_NS)
#define WINDOW_LEAST_NS	  ((uint64_t)60 * 1000000000)
#define WINDOW_MOST_NS	  (90 * DAY_NS)
#define RISK		  0.9 /* of the threshold: at risk from here on */

static const struct {
	const char *key;
	enum rk_slo_measure measure;
	double quantile;
} known[RK_SLO_TARGETS] = {
	{ "latency_p50", RK_SLO_LATENCY, 0.5 },	    { "latency_p95", RK_SLO_LATENCY, 0.95 },
	{ "latency_p99", RK_SLO_LATENCY, 0.99 },    { "latency_p99.9", RK_SLO_LATENCY, 0.999 },
	{ "error_rate", RK_SLO_ERROR_RATE, 0 },	    { "throughput", RK_SLO_THROUGHPUT, 0 },
	{ "availability", RK_SLO_AVAILABILITY, 0 },
};

static const char *text_of(const struct rk_yaml_node *mapping, const char *key)
{
	const struct rk_yaml_node *node = rk_yaml_get(mapping, key);

	return node && node->kind == RK_YAML_SCALAR ? node->text : "";
}

/* Return: whether @text is what the check of the file asks for; it may still be of no use. */
static bool parse_target(struct rk_slo_target *target, const char *text)
{
	uint64_t ns = 0;

	if (target->measure != RK_SLO_LATENCY)
		return rk_config_parse_number(text, &target->wanted) &&
		       (target->measure == RK_SLO_THROUGHPUT || target->wanted <= 1);
	if (!rk_config_parse_duration(text, &ns))
		return false;
	target->wanted = (double)ns / NS_PER_S;
	target->limit_ns = ns;
	target->risk_ns = (uint64_t)((double)ns * RISK);
	return true;
}

static double allowed_by(const struct rk_slo_target *target)
{
	switch (target->measure) {
	case RK_SLO_LATENCY:
		return 1 - target->quantile;
	case RK_SLO_ERROR_RATE:
		return target->wanted;
	case RK_SLO_AVAILABILITY:
		return 1 - target->wanted;
	case RK_SLO_THROUGHPUT:
		break;
	}
	return (double)NAN;
}

static void tell(const struct rk_config *config, const struct rk_yaml_node *node, const char *name,
		 const char *what)
{
	rk_log_warn("config: %s:%u: slo \"%.64s\": %s; left out", config->file, node->line, name,
		    what);
}

static bool read_targets(struct rk_slo_spec *spec, const struct rk_config *config,
			 const struct rk_yaml_node *node)
{
	for (size_t i = 0; i < RK_SLO_TARGETS; i++) {
		struct rk_slo_target *target = &spec->targets[spec->target_count];
		const char *text = text_of(node, known[i].key);

		if (!*text)
			continue;
		*target = (struct rk_slo_target){ .name = known[i].key,
						  .measure = known[i].measure,
						  .quantile = known[i].quantile };
		if (!parse_target(target, text))
			return false;
		if (!(target->wanted > 0) &&
		    (target->measure == RK_SLO_LATENCY || target->measure == RK_SLO_THROUGHPUT)) {
			tell(config, node, spec->name, "a latency or throughput of 0 is no target");
			return false;
		}
		target->allowed = allowed_by(target);
		spec->target_count++;
	}
	if (!spec->target_count)
		tell(config, node, spec->name,
		     "it has no target; give it a latency, error_rate, throughput or availability");
	return spec->target_count;
}

static bool read_source(struct rk_slo_spec *spec, const char *text)
{
	static const char *const names[] = { "auto", "gpu", "api" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			spec->source = (enum rk_slo_source)i;
			return true;
		}
	}
	return !*text;
}

bool rk_slo_spec_read(struct rk_slo_spec *spec, const struct rk_config *config,
		      const struct rk_yaml_node *node)
{
	const char *window = text_of(node, "window");
	double least = 0;

	memset(spec, 0, sizeof(*spec));
	spec->name = text_of(node, "name");
	spec->kernel = text_of(node, "kernel");
	spec->domain = text_of(node, "domain");
	spec->line = node->line;
	spec->window_ns = WINDOW_DEFAULT_NS;
	if (!*spec->name)
		return false;
	if (strlen(spec->name) >= RK_SLO_NAME_BYTES) {
		tell(config, node, spec->name, "its name has more than 63 bytes");
		return false;
	}
	if (!read_source(spec, text_of(node, "source"))) {
		tell(config, node, spec->name, "its source is none of auto, gpu and api");
		return false;
	}
	if (*window && (!rk_config_parse_duration(window, &spec->window_ns) ||
			spec->window_ns < WINDOW_LEAST_NS || spec->window_ns > WINDOW_MOST_NS)) {
		tell(config, node, spec->name, "its window is not from 1m to 90d");
		return false;
	}
	if (rk_config_parse_number(text_of(node, "min_executions"), &least) && least < 1e18)
		spec->least = (uint64_t)least;
	return read_targets(spec, config, node);
}
