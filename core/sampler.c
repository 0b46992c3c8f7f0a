/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sampler.c - thresholds, randomness, and the member ot of a tracestate.
 */
#include "core/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"

#define DIGITS	 14  /* hexadecimal, of 56 bits */
#define PRECISE	 4   /* digits of a threshold behind its leading f's: OTel's default */
#define OT_BYTES 257 /* longest value of a member, and its end */

/* What the sub-keys of ot say. */
struct ot {
	uint64_t randomness, threshold;
	bool has_randomness, has_threshold;
	bool names_threshold; /* there is a th, right or wrong */
	char rest[OT_BYTES]; /* all of it but th */
};

uint64_t rk_sampler_threshold(double rate)
{
	uint64_t kept, threshold;
	int exponent, digits, shift;

	if (rate >= 1)
		return 0;
	if (!(rate >= 0x1p-56))
		return RK_SAMPLER_NEVER;
	kept = (uint64_t)(rate * 0x1p56 + 0.5);
	threshold = RK_SAMPLER_NEVER - kept;
	frexp(rate, &exponent);
	digits = PRECISE + -exponent / 4;
	if (digits >= DIGITS)
		return threshold;
	shift = 4 * (DIGITS - digits);
	return (threshold + ((uint64_t)1 << (shift - 1))) >> shift << shift;
}

void rk_sampler_format(uint64_t threshold, char out[RK_SAMPLER_THRESHOLD_BYTES])
{
	size_t length = DIGITS;

	snprintf(out, RK_SAMPLER_THRESHOLD_BYTES, "%014llx",
		 (unsigned long long)(threshold & (RK_SAMPLER_NEVER - 1)));
	while (length > 1 && out[length - 1] == '0')
		length--;
	out[length] = '\0';
}

/* @length hex digits, filled up with zeros on the right. */
static bool parse_hex(const char *text, size_t length, bool upper_too, uint64_t *value)
{
	*value = 0;
	if (!length || length > DIGITS)
		return false;
	for (size_t i = 0; i < DIGITS; i++) {
		char c = i < length ? text[i] : '0';

		*value <<= 4;
		if (c >= '0' && c <= '9')
			*value |= (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value |= (uint64_t)(c - 'a' + 10);
		else if (upper_too && c >= 'A' && c <= 'F')
			*value |= (uint64_t)(c - 'A' + 10);
		else
			return false;
	}
	return true;
}

static void parse_ot(const char *tracestate, struct ot *ot)
{
	size_t length, used = 0;
	const char *text;

	memset(ot, 0, sizeof(*ot));
	text = rk_trace_context_find_member(tracestate, "ot", &length);
	for (const char *end = text + length; text && text < end;) {
		const char *next = memchr(text, ';', (size_t)(end - text));
		size_t size = (size_t)((next ? next : end) - text);

		if (size >= 3 && memcmp(text, "th:", 3) == 0) {
			ot->names_threshold = true;
			ot->has_threshold = parse_hex(text + 3, size - 3, true, &ot->threshold);
		} else if (size && used + size + 1 < sizeof(ot->rest)) {
			if (size == 3 + DIGITS && memcmp(text, "rv:", 3) == 0)
				ot->has_randomness =
					parse_hex(text + 3, DIGITS, false, &ot->randomness);
			if (used)
				ot->rest[used++] = ';';
			memcpy(ot->rest + used, text, size);
			used += size;
		}
		text += size + 1;
	}
}

static uint64_t randomness_of(const uint8_t trace_id[16])
{
	uint64_t value = 0;

	for (int i = 9; i < 16; i++)
		value = value << 8 | trace_id[i];
	return value;
}

uint64_t rk_sampler_randomness(const uint8_t trace_id[16], const char *tracestate)
{
	struct ot ot;

	parse_ot(tracestate, &ot);
	return ot.has_randomness ? ot.randomness : randomness_of(trace_id);
}

bool rk_sampler_keeps(const struct rk_sampling *sampling, const uint8_t trace_id[16])
{
	return randomness_of(trace_id) >= sampling->threshold;
}

bool rk_sampler_put_threshold(const char *tracestate, uint64_t threshold, char *out, size_t size)
{
	char value[OT_BYTES + 3 + DIGITS + 1];
	char digits[RK_SAMPLER_THRESHOLD_BYTES];
	struct ot ot;

	parse_ot(tracestate, &ot);
	snprintf(value, sizeof(value), "%s", ot.rest);
	if (threshold < RK_SAMPLER_NEVER) {
		rk_sampler_format(threshold, digits);
		snprintf(value, sizeof(value), "%s%sth:%s", ot.rest, ot.rest[0] ? ";" : "", digits);
		if (strlen(value) >= OT_BYTES)
			snprintf(value, sizeof(value), "%s", ot.rest);
	} else if (!ot.names_threshold) { /* nothing changes, so nothing moves */
		return rk_trace_context_parse_state(tracestate, out, size);
	}
	return rk_trace_context_put_member(tracestate, "ot", value, out, size);
}

static const char *intern_state(const char *tracestate, uint64_t threshold)
{
	char state[RK_TRACE_STATE_BYTES];

	rk_sampler_put_threshold(tracestate, threshold, state, sizeof(state));
	return rk_intern_get(rk_intern(state));
}

/* A trace that goes on for a full one shares its fate, so it says whose randomness that was. */
static void put_next(uint64_t randomness, uint64_t threshold, char out[RK_TRACE_STATE_BYTES])
{
	char state[RK_TRACE_STATE_BYTES];

	out[0] = '\0';
	if (threshold >= RK_SAMPLER_NEVER)
		return;
	snprintf(state, sizeof(state), "ot=rv:%014llx", (unsigned long long)randomness);
	rk_sampler_put_threshold(state, threshold, out, RK_TRACE_STATE_BYTES);
}

void rk_sampler_follow(const struct rk_sampling *sampling, const struct rk_trace_context *parent,
		       const char *tracestate, bool parent_decides, struct rk_sampler_fate *fate)
{
	char state[RK_TRACE_STATE_BYTES];
	uint64_t threshold = sampling->threshold;
	uint64_t randomness;
	struct ot ot;

	rk_trace_context_parse_state(tracestate, state, sizeof(state));
	parse_ot(state, &ot);
	randomness = ot.has_randomness ? ot.randomness : randomness_of(parent->trace_id);
	fate->is_sampled = randomness >= threshold;
	if (parent_decides) {
		fate->is_sampled = parent->flags & RK_TRACE_FLAG_SAMPLED;
		threshold = ot.has_threshold && randomness >= ot.threshold ? ot.threshold :
									     RK_SAMPLER_NEVER;
	}
	rk_sampler_put_threshold(state, RK_SAMPLER_NEVER, fate->unknown, sizeof(fate->unknown));
	if (parent_decides && threshold < RK_SAMPLER_NEVER)
		memcpy(fate->known, state, sizeof(state)); /* moves nothing */
	else
		rk_sampler_put_threshold(state, threshold, fate->known, sizeof(fate->known));
	put_next(randomness, threshold, fate->next);
}

static void init_parent(struct rk_sampling *sampling, const struct rk_trace_context *parent,
			const char *tracestate)
{
	struct rk_sampler_fate fate;

	rk_sampler_follow(sampling, parent, tracestate, sampling->parent_decides, &fate);
	if (sampling->parent_decides)
		sampling->is_off = false;
	sampling->is_parent_sampled = fate.is_sampled;
	sampling->parent_unknown = rk_intern_get(rk_intern(fate.unknown));
	sampling->parent_known = rk_intern_get(rk_intern(fate.known));
	sampling->next_known = rk_intern_get(rk_intern(fate.next));
}

void rk_sampler_init(struct rk_sampling *sampling, const struct rk_config *config,
		     const struct rk_trace_context *parent, const char *tracestate)
{
	enum rk_sampler kind = config->tracing_sampler;

	memset(sampling, 0, sizeof(*sampling));
	sampling->parent_decides = kind == RK_SAMPLER_PARENT_ALWAYS_ON ||
				   kind == RK_SAMPLER_PARENT_ALWAYS_OFF ||
				   kind == RK_SAMPLER_PARENT_RATIO;
	sampling->own_unknown = sampling->parent_known = sampling->parent_unknown = "";
	sampling->next_known = "";
	sampling->is_off = kind == RK_SAMPLER_ALWAYS_OFF || kind == RK_SAMPLER_PARENT_ALWAYS_OFF;
	if (sampling->is_off)
		sampling->threshold = RK_SAMPLER_NEVER;
	else if (kind == RK_SAMPLER_RATIO || kind == RK_SAMPLER_PARENT_RATIO)
		sampling->threshold = rk_sampler_threshold(config->tracing_sampling_rate);
	sampling->own_known = intern_state("", sampling->threshold);
	sampling->has_parent = parent;
	if (parent)
		init_parent(sampling, parent, tracestate);
}
