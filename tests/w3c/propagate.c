/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/w3c/propagate.c - the parser and the sampler as a filter, for the service beside it.
 *
 *   in    how many requests go out, then one line "NAME VALUE" (the value in hex) per header
 *         that came in, then an empty line
 *   out   per request that goes out: one line with its traceparent, one with its tracestate
 *
 * What is done to headers as such (several of them, any case) lies here: a process gets its
 * context from variables, of which there is one each.
 *
 * usage: propagate [SAMPLER RATE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/sampler.h"
#include "core/trace_context.h"
#include "pipeline/span/span_id.h"

#define SEED	   0x5eedull
#define LINE_BYTES (1u << 20)

static const struct {
	const char *name;
	enum rk_sampler kind;
} samplers[] = {
	{ "always_on", RK_SAMPLER_ALWAYS_ON },
	{ "always_off", RK_SAMPLER_ALWAYS_OFF },
	{ "traceidratio", RK_SAMPLER_RATIO },
	{ "parentbased_always_on", RK_SAMPLER_PARENT_ALWAYS_ON },
	{ "parentbased_always_off", RK_SAMPLER_PARENT_ALWAYS_OFF },
	{ "parentbased_traceidratio", RK_SAMPLER_PARENT_RATIO },
};

struct request {
	unsigned long calls;
	unsigned parents;
	char traceparent[LINE_BYTES];
	char tracestate[LINE_BYTES]; /* all of them, joined in order */
};

/* Append the bytes of a line in hex. */
static void append(char *out, const char *hex)
{
	size_t used = strlen(out);
	unsigned byte;

	for (; used + 1 < LINE_BYTES && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[used++] = (char)byte;
	out[used] = '\0';
}

static bool read_request(struct request *request)
{
	static char line[2 * LINE_BYTES];

	memset(request, 0, sizeof(*request));
	if (!fgets(line, sizeof(line), stdin))
		return false;
	request->calls = strtoul(line, NULL, 10);
	while (fgets(line, sizeof(line), stdin) && line[0] != '\n') {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcasecmp(line, "traceparent") == 0 && !request->parents++) {
			append(request->traceparent, value);
		} else if (strcasecmp(line, "tracestate") == 0) {
			if (request->tracestate[0])
				append(request->tracestate, "2c");
			append(request->tracestate, value);
		}
	}
	return true;
}

static void answer(const struct rk_config *config, const struct request *request)
{
	static uint64_t spans, traces;
	struct rk_trace_context context;
	struct rk_sampling sampling;
	char traceparent[RK_TRACE_PARENT_BYTES];
	/* Of several nobody knows the right one. */
	bool has_parent =
		request->parents == 1 && rk_trace_context_parse(request->traceparent, &context);
	const char *state;
	bool sampled;

	rk_sampler_init(&sampling, config, has_parent ? &context : NULL, request->tracestate);
	if (!has_parent) {
		traces++;
		rk_span_id_store(context.trace_id, rk_span_id_mix(SEED, RK_ID_TRACE, traces));
		rk_span_id_store(context.trace_id + 8,
				 rk_span_id_mix(SEED, RK_ID_TRACE + 0x100, traces));
		context.flags = RK_TRACE_FLAG_RANDOM;
	}
	sampled = has_parent ? sampling.is_parent_sampled :
			       rk_sampler_keeps(&sampling, context.trace_id);
	context.flags = (uint8_t)((context.flags & ~RK_TRACE_FLAG_SAMPLED) |
				  (sampled ? RK_TRACE_FLAG_SAMPLED : 0));
	if (has_parent)
		state = sampled ? sampling.parent_known : sampling.parent_unknown;
	else
		state = sampled ? sampling.own_known : sampling.own_unknown;
	for (unsigned long i = 0; i < request->calls; i++) {
		rk_span_id_store(context.span_id, rk_span_id_mix(SEED, RK_ID_LEAF, ++spans));
		rk_trace_context_format(&context, traceparent);
		printf("%s\n%s\n", traceparent, state);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct request request;
	static struct rk_config config;

	config.tracing_sampler = RK_SAMPLER_PARENT_RATIO;
	config.tracing_sampling_rate = argc > 2 ? atof(argv[2]) : 1;
	for (size_t i = 0; argc > 1 && i < sizeof(samplers) / sizeof(samplers[0]); i++) {
		if (strcmp(argv[1], samplers[i].name) == 0)
			config.tracing_sampler = samplers[i].kind;
	}
	while (read_request(&request))
		answer(&config, &request);
	return 0;
}
