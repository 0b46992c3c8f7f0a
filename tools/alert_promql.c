/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_promql.c - one expression per kind of condition.
 *
 * Aggregations say `without`, so that job, instance and whatever a scrape adds stay: as in a
 * process of ours, no alert is about two processes at once.
 */
#include "tools/alert_promql.h"

#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "pipeline/use/gpu_time.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define EXECUTIONS "rustkernel_executions_total"
#define DURATIONS  "rustkernel_execution_duration_seconds_bucket"
#define DROPPED	   "rustkernel_dropped_total"

/* What is being written. */
struct promql {
	FILE *out;
	const char *indent;
	const struct rk_alert_rule *rule;
	char window[32];
};

const char *rk_alert_promql_duration(char out[32], uint64_t ns)
{
	if (ns % NS_PER_S)
		snprintf(out, 32, "%llums", (unsigned long long)((ns + NS_PER_MS - 1) / NS_PER_MS));
	else
		snprintf(out, 32, "%llus", (unsigned long long)(ns / NS_PER_S));
	return out;
}

/* Inside a double-quoted string of PromQL: the backslash of a regular expression is doubled. */
static void put_glob(FILE *out, const char *glob)
{
	for (; *glob; glob++) {
		if (*glob == '*')
			fputs(".*", out);
		else if (*glob == '?')
			fputc('.', out);
		else if (*glob == '"')
			fputs("\\\"", out);
		else if (*glob == '\\')
			fputs("\\\\\\\\", out);
		else if (strchr(".+()[]{}|^$", *glob))
			fprintf(out, "\\\\%c", *glob);
		else
			fputc(*glob, out);
	}
}

static void put_globs(struct promql *p, const char *label, const struct rk_yaml_node *list)
{
	if (!list)
		return;
	fprintf(p->out, "%s=~\"", label);
	for (const struct rk_yaml_node *n = list->first; n; n = n->next) {
		if (n != list->first)
			fputc('|', p->out);
		put_glob(p->out, n->text);
	}
	fputs("\",", p->out);
}

static void put_one_glob(struct promql *p, const char *label, const char *glob)
{
	if (strcmp(glob, "*") == 0)
		return;
	fprintf(p->out, "%s=~\"", label);
	put_glob(p->out, glob);
	fputs("\",", p->out);
}

/* {kernel_id=~"graph/.*",@more}; a comma before the brace is allowed. */
static void put_selector(struct promql *p, const char *metric, const char *more)
{
	fprintf(p->out, "%s{", metric);
	put_globs(p, "kernel_id", p->rule->kernels);
	put_globs(p, "domain", p->rule->domains);
	put_globs(p, "device", p->rule->devices);
	fprintf(p->out, "%s}", more);
}

static void put_sum(struct promql *p, const char *labels)
{
	uint32_t by = p->rule->by;
	const char *const left_out[] = {
		by & RK_BY_KERNEL ? "" : "kernel_id",
		by & RK_BY_DOMAIN ? "" : "domain",
		by & RK_BY_DEVICE ? "" : "device",
		labels,
	};
	const char *comma = "";

	fputs("sum without (", p->out);
	for (size_t i = 0; i < 4; i++) {
		if (!*left_out[i])
			continue;
		fprintf(p->out, "%s%s", comma, left_out[i]);
		comma = ", ";
	}
	fputs(") ", p->out);
}

static void put_number(struct promql *p, double number)
{
	char text[40];

	rk_number_format(number, text, sizeof(text));
	fputs(text, p->out);
}

static void put_comparison(struct promql *p, const char *sign, double threshold)
{
	fprintf(p->out, " %s ", sign);
	put_number(p, threshold);
}

static void put_rate(struct promql *p, const char *metric, const char *more, const char *labels)
{
	put_sum(p, labels);
	fputs("(rate(", p->out);
	put_selector(p, metric, more);
	fprintf(p->out, "[%s]))", p->window);
}

static void put_latency(struct promql *p, double threshold)
{
	fputs("histogram_quantile(", p->out);
	put_number(p, p->rule->condition.quantile);
	fputs(", ", p->out);
	put_rate(p, DURATIONS, "", "");
	fputs(")", p->out);
	put_comparison(p, ">", threshold);
}

static void put_error_rate_of(struct promql *p, const char *failed, const char *all,
			      const char *labels, double threshold)
{
	fputs("(", p->out);
	put_rate(p, EXECUTIONS, failed, labels);
	fputs(" / ", p->out);
	put_rate(p, EXECUTIONS, all, labels);
	fputs(")", p->out);
	put_comparison(p, ">", threshold);
}

static void put_error_rate(struct promql *p, double threshold)
{
	put_error_rate_of(p, "source!=\"api\",status=\"error\"", "source!=\"api\"",
			  "source, status", threshold);
	fprintf(p->out, "\n%sor ", p->indent);
	put_error_rate_of(p, "source=\"api\",status=\"error\"", "source=\"api\"", "status",
			  threshold);
}

/* Of a series that is younger than the window nobody knows whether it was too slow. */
static void put_rate_below(struct promql *p, const char *more, const char *labels, double threshold)
{
	fputs("(", p->out);
	put_rate(p, EXECUTIONS, more, labels);
	put_comparison(p, "<", threshold);
	fputs(" and ", p->out);
	put_sum(p, labels);
	fputs("(", p->out);
	put_selector(p, EXECUTIONS, more);
	fprintf(p->out, " offset %s))", p->window);
}

static void put_execution_rate(struct promql *p, double threshold)
{
	static const char *const sources[] = { "source!=\"api\"", "source=\"api\"" };
	static const char *const labels[] = { "source, status", "status" };

	for (int i = 0; i < 2; i++) {
		if (i)
			fprintf(p->out, "\n%sor ", p->indent);
		if (rk_condition_is_lower_bound(p->rule->condition.kind)) {
			put_rate_below(p, sources[i], labels[i], threshold);
			continue;
		}
		put_rate(p, EXECUTIONS, sources[i], labels[i]);
		put_comparison(p, ">", threshold);
	}
}

static void put_memory_selector(struct promql *p)
{
	fputs("rustkernel_memory_bytes{", p->out);
	put_one_glob(p, "pool", p->rule->condition.pool);
	put_one_glob(p, "device", p->rule->condition.device);
	fputs("}", p->out);
}

static void put_memory(struct promql *p, double threshold)
{
	put_memory_selector(p);
	put_comparison(p, ">", threshold);
}

static void put_growth(struct promql *p, double threshold)
{
	fputs("(", p->out);
	put_memory_selector(p);
	fputs(" - ", p->out);
	put_memory_selector(p);
	fprintf(p->out, " offset %s)", p->window);
	put_comparison(p, ">", threshold);
}

static void put_breaker(struct promql *p, double threshold)
{
	fputs("rustkernel_circuit_breaker_state{", p->out);
	put_one_glob(p, "name", p->rule->condition.name);
	fputs("}", p->out);
	put_comparison(p, ">", threshold);
}

static const char *nearest_burn(uint64_t window_ns)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} windows[] = { { 300, "5m" }, { 1800, "30m" }, { 3600, "1h" }, { 21600, "6h" } };
	uint64_t seconds = window_ns / NS_PER_S;
	size_t best = 0;

	for (size_t i = 1; i < 4; i++) {
		if (llabs((long long)windows[i].seconds - (long long)seconds) <
		    llabs((long long)windows[best].seconds - (long long)seconds))
			best = i;
	}
	return windows[best].name;
}

static void put_burn_rate(struct promql *p, double threshold)
{
	const struct rk_alert_condition *condition = &p->rule->condition;
	const uint64_t windows[] = { condition->window_ns, condition->short_window_ns };

	for (int i = 0; i < 2; i++) {
		if (i)
			fprintf(p->out, "\n%sand ", p->indent);
		fprintf(p->out, "rustkernel_slo_burn_rate_%s{", nearest_burn(windows[i]));
		put_one_glob(p, "slo", condition->slo);
		put_one_glob(p, "target", condition->target);
		fputs("}", p->out);
		put_comparison(p, ">", threshold);
	}
}

/* As many as a window ago, or none at all; and there was something a window ago to say so. */
static void put_no_executions(struct promql *p)
{
	static const char all[] = "sum without (kernel_id, domain, device, source, status) (";

	fprintf(p->out, "(\n%s  %s", p->indent, all);
	put_selector(p, EXECUTIONS, "");
	fprintf(p->out, ")\n%s  - (%s", p->indent, all);
	put_selector(p, EXECUTIONS, "");
	fprintf(p->out, " offset %s)\n%s     or %s", p->window, p->indent, all);
	put_selector(p, EXECUTIONS, "");
	fprintf(p->out, ") * 0)\n%s  or sum without (reason) (" DROPPED ") * 0\n", p->indent);
	fprintf(p->out, "%s) == 0\n%sand sum without (reason) (" DROPPED " offset %s)", p->indent,
		p->indent, p->window);
}

static void put_in_flight(struct promql *p)
{
	char longer[32];

	rk_alert_promql_duration(longer,
				 (uint64_t)(p->rule->condition.threshold * (double)NS_PER_S));
	fputs("min_over_time(rustkernel_active_kernels{", p->out);
	put_globs(p, "device", p->rule->devices);
	fprintf(p->out,
		"}[%s]) > 0\n%sunless sum without (kernel_id, domain, source, status) "
		"(increase(" EXECUTIONS "{source!=\"api\"}[%s])) > 0",
		longer, p->indent, longer);
}

static void put_losses(struct promql *p, double threshold)
{
	fputs("increase(" DROPPED "{", p->out);
	put_one_glob(p, "reason", p->rule->condition.reason);
	fprintf(p->out, "}[%s])", p->window);
	put_comparison(p, ">", threshold);
}

/* @states: bits of enum rk_gpu_state; 0 = all. */
static void put_gpu_seconds(struct promql *p, uint32_t states)
{
	fputs("sum without (state) (rate(rustkernel_gpu_seconds_total{", p->out);
	if (states)
		fputs("state=~\"", p->out);
	for (int state = 0; states && state < RK_GPU_STATE_COUNT; state++) {
		if (!(states & 1u << state))
			continue;
		states &= ~(1u << state);
		fprintf(p->out, "%s%s", rk_gpu_time_state_name((enum rk_gpu_state)state),
			states ? "|" : "\",");
	}
	put_one_glob(p, "device", p->rule->condition.device);
	fprintf(p->out, "}[%s]))", p->window);
}

static void put_gpu_idle(struct promql *p, double threshold)
{
	put_gpu_seconds(p, p->rule->condition.gpu_states);
	fprintf(p->out, "\n%s/ ", p->indent);
	put_gpu_seconds(p, 0);
	put_comparison(p, ">", threshold);
}

static void put_condition(struct promql *p, double threshold)
{
	switch (p->rule->condition.kind) {
	case RK_CONDITION_LATENCY:
		put_latency(p, threshold);
		break;
	case RK_CONDITION_ERROR_RATE:
		put_error_rate(p, threshold);
		break;
	case RK_CONDITION_RATE_BELOW:
	case RK_CONDITION_RATE_ABOVE:
		put_execution_rate(p, threshold);
		break;
	case RK_CONDITION_MEMORY:
		put_memory(p, threshold);
		break;
	case RK_CONDITION_MEMORY_GROWTH:
		put_growth(p, threshold);
		break;
	case RK_CONDITION_BREAKER:
		put_breaker(p, threshold);
		break;
	case RK_CONDITION_BURN_RATE:
		put_burn_rate(p, threshold);
		break;
	case RK_CONDITION_NO_EXECUTIONS:
		put_no_executions(p);
		break;
	case RK_CONDITION_IN_FLIGHT:
		put_in_flight(p);
		break;
	case RK_CONDITION_LOSSES:
		put_losses(p, threshold);
		break;
	case RK_CONDITION_GPU_IDLE:
		put_gpu_idle(p, threshold);
		break;
	default:
		break;
	}
}

/* An alert that fires goes on to do so until `resolve` is reached: it is asked for itself. */
static void put_hysteresis(struct promql *p, double threshold, double resolve)
{
	fputs("(", p->out);
	put_condition(p, threshold);
	fprintf(p->out, ")\n%sor (", p->indent);
	put_condition(p, resolve);
	fprintf(p->out, ")\n%s  and ignoring (alertname, alertstate, severity", p->indent);
	for (const struct rk_yaml_node *n = p->rule->labels ? p->rule->labels->first : NULL; n;
	     n = n->next)
		fprintf(p->out, ", %s", n->key);
	fprintf(p->out, ") ALERTS{alertname=\"");
	for (const char *at = p->rule->name; *at; at++) {
		if (*at == '"' || *at == '\\')
			fputc('\\', p->out);
		fputc(*at, p->out);
	}
	fputs("\",alertstate=\"firing\"}", p->out);
}

void rk_alert_promql_write(FILE *out, const char *indent, const struct rk_alert_rule *rule)
{
	struct promql p = { .out = out, .indent = indent, .rule = rule };
	double threshold = rule->condition.threshold, resolve = rule->condition.resolve;

	rk_alert_promql_duration(p.window, rule->condition.window_ns);
	fputs(indent, out);
	if (rule->condition.kind == RK_CONDITION_BREAKER)
		put_hysteresis(&p, 1, 0); /* 2 is open; 1, half-open, is not over */
	else if (threshold != resolve && rule->condition.kind != RK_CONDITION_IN_FLIGHT)
		put_hysteresis(&p, threshold, resolve);
	else
		put_condition(&p, threshold);
	fputc('\n', out);
}

const char *rk_alert_promql_difference(const struct rk_alert_rule *rule)
{
	switch (rule->condition.kind) {
	case RK_CONDITION_IN_FLIGHT:
		return "No metric tells single launches: this asks whether a device has work in "
		       "flight and completes none.";
	case RK_CONDITION_BREAKER:
		return "Here the breakers of the tracer's own destinations count as well.";
	case RK_CONDITION_BURN_RATE:
		return "There are burn rates of 5m, 30m, 1h and 6h: the nearest ones are taken.";
	case RK_CONDITION_LATENCY:
		return "Exact where the threshold is a bound of metrics.histogram_buckets, else "
		       "interpolated.";
	default:
		return "";
	}
}
