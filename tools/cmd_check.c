/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_check.c - `rktrace check`: whether a trace file meets its SLOs; a gate for CI.
 *
 * The verdicts are those of the engine that runs in the program, fed with the operations of the
 * file: what passes here was met there.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/alert/slo.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/trace_pass.h"

static const char verb[] = "check";

struct check {
	const char *file;
	struct rk_config *config;
	struct rk_slo *slo;
	char gpu_time_source[16]; /* as the file says */
	uint32_t by_state[RK_SLO_VIOLATED + 1]; /* targets */
};

/* Return: a status, after a message. */
static int read_slos(struct check *check, const char *path)
{
	uint32_t mistakes = 0;
	int err = rk_config_create_file(&check->config, path);

	/* What cannot be read has been told with the problems of the file. */
	if (err)
		return err == -ENOMEM ? rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory") :
					RK_TOOL_NO_INPUT;
	if (rk_slo_create(&check->slo, check->config, &mistakes))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	/* A gate that leaves out what it does not understand is none. */
	if (mistakes || check->config->warnings)
		return rk_tool_fail(RK_TOOL_DATA, verb, "the SLOs are not clear: see above");
	if (!check->slo)
		return rk_tool_fail(RK_TOOL_DATA, verb, "%s has no SLO; expected a list `slo:`",
				    path);
	return RK_TOOL_OK;
}

static int read_trace(struct check *check)
{
	struct rk_trace_pass *pass;
	struct rk_op op;
	int err, status = rk_trace_pass_open(&pass, verb, check->file, NULL);

	if (status)
		return status;
	while ((err = rk_trace_pass_next(pass, &op)) > 0)
		rk_slo_feed(check->slo, &op);
	rk_slo_finish(check->slo);
	status = rk_trace_pass_end(pass, err);
	snprintf(check->gpu_time_source, sizeof(check->gpu_time_source), "%.15s",
		 rk_trace_reader_meta(rk_trace_pass_reader(pass))->gpu_time_source);
	rk_trace_pass_close(pass);
	return status;
}

static enum rk_slo_state worst(const struct check *check)
{
	if (check->by_state[RK_SLO_VIOLATED])
		return RK_SLO_VIOLATED;
	if (check->by_state[RK_SLO_NO_DATA])
		return RK_SLO_NO_DATA;
	return check->by_state[RK_SLO_AT_RISK] ? RK_SLO_AT_RISK : RK_SLO_MET;
}

static const char *format_value(const struct rk_slo_result *result, double value, char out[32])
{
	if (isnan(value))
		snprintf(out, 32, "-");
	else if (strcmp(result->unit, "s") == 0)
		rk_tool_format_ns(value * 1e9, out);
	else if (strcmp(result->unit, "ratio") == 0)
		snprintf(out, 32, "%.4g %%", value * 100);
	else
		snprintf(out, 32, "%.4g /s", value);
	return out;
}

static const char *format_share(double value, char out[32])
{
	if (isnan(value))
		snprintf(out, 32, "-");
	else
		snprintf(out, 32, "%.1f %%", value * 100);
	return out;
}

static void print_row(const struct rk_slo_result *result)
{
	bool is_latency = strcmp(result->unit, "s") == 0;
	char wanted[32], measured[32], headroom[32], budget[32], verdict[64], name[80];
	const char *side = strcmp(result->target, "error_rate") == 0 || is_latency ? "<=" : ">=";

	snprintf(verdict, sizeof(verdict), "%s", rk_slo_state_name(result->state));
	if (result->state == RK_SLO_NO_DATA && result->count < result->needed)
		snprintf(verdict, sizeof(verdict), "%s (%llu of %llu)",
			 rk_slo_state_name(result->state), (unsigned long long)result->count,
			 (unsigned long long)result->needed);
	printf("%-20s  %-14s  %s %-9s  %-10s  %9s  %9s  %s\n",
	       rk_tool_printable(result->slo, name, sizeof(name)), result->target, side,
	       format_value(result, result->wanted, wanted),
	       format_value(result, result->measured, measured),
	       format_share(result->headroom, headroom), format_share(result->budget_left, budget),
	       verdict);
}

static void print_text(const struct check *check)
{
	struct rk_slo_result result;

	printf("%-20s  %-14s  %-12s  %-10s  %9s  %9s  %s\n", "slo", "target", "wanted", "measured",
	       "headroom", "budget", "verdict");
	for (size_t i = 0; rk_slo_result_get(check->slo, i, &result); i++)
		print_row(&result);
	printf("\n%s: %u violated, %u at risk, %u met, %u with too little data\n",
	       rk_slo_state_name(worst(check)), check->by_state[RK_SLO_VIOLATED],
	       check->by_state[RK_SLO_AT_RISK], check->by_state[RK_SLO_MET],
	       check->by_state[RK_SLO_NO_DATA]);
	if (strcmp(check->gpu_time_source, "host") == 0)
		printf("The file has times of calls only: latencies of kernels cannot be judged.\n");
}

static void put_burn(struct rk_json *json, const struct rk_slo_result *result)
{
	static const char *const names[RK_SLO_BURNS] = { "5m", "30m", "1h", "6h" };

	rk_json_open(json, "burn_rate", '{');
	for (int i = 0; i < RK_SLO_BURNS; i++)
		rk_json_double(json, names[i], result->burn[i]);
	rk_json_close(json, '}');
}

static void put_result(struct rk_json *json, const struct rk_slo_result *result)
{
	rk_json_open(json, NULL, '{');
	rk_json_string(json, "slo", result->slo);
	rk_json_string(json, "target", result->target);
	rk_json_string(json, "verdict", rk_slo_state_name(result->state));
	rk_json_string(json, "unit", result->unit);
	rk_json_double(json, "wanted", result->wanted);
	rk_json_double(json, "measured", result->measured);
	rk_json_uint(json, "count", result->count);
	rk_json_uint(json, "needed", result->needed);
	rk_json_double(json, "compliance", result->compliance);
	rk_json_double(json, "headroom", result->headroom);
	rk_json_double(json, "budget_left", result->budget_left);
	put_burn(json, result);
	rk_json_close(json, '}');
}

static void print_json(const struct check *check)
{
	struct rk_slo_result result;
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "verdict", rk_slo_state_name(worst(check)));
	rk_json_string(&json, "gpu_time_source", check->gpu_time_source);
	rk_json_open(&json, "targets", '[');
	for (size_t i = 0; rk_slo_result_get(check->slo, i, &result); i++)
		put_result(&json, &result);
	rk_json_close(&json, ']');
	rk_json_close(&json, '}');
}

/* The status of a file that can be read. */
static int status_of(const struct check *check)
{
	switch (worst(check)) {
	case RK_SLO_VIOLATED:
		return RK_TOOL_VIOLATION;
	case RK_SLO_NO_DATA:
		return RK_TOOL_INCONCLUSIVE;
	default:
		return RK_TOOL_OK;
	}
}

static int run(struct check *check, const char *slos, bool as_json)
{
	struct rk_slo_result result;
	int status = read_slos(check, slos);

	if (!status)
		status = read_trace(check);
	if (status)
		return status;
	for (size_t i = 0; rk_slo_result_get(check->slo, i, &result); i++)
		check->by_state[result.state]++;
	if (as_json)
		print_json(check);
	else
		print_text(check);
	return status_of(check);
}

int rk_cmd_check(int argc, char **argv)
{
	const char *slos = NULL;
	bool as_json = false;
	const struct rk_option options[] = {
		{ "slo", 0, "FILE", "YAML file with the list `slo:` (default: RUSTKERNEL_CONFIG)",
		  NULL, &slos },
		{ "json", 0, NULL, "print JSON, times in seconds", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	struct check check = { 0 };
	int status;

	status = rk_options_parse_file(options, verb, argc, argv, &check.file);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (!slos)
		slos = getenv("RUSTKERNEL_CONFIG");
	if (!slos || !*slos)
		return rk_options_misused(verb, "expected --slo FILE, or RUSTKERNEL_CONFIG");
	status = run(&check, slos, as_json);
	rk_slo_destroy(check.slo);
	rk_config_destroy(check.config);
	return rk_tool_finish(status, verb);
}
