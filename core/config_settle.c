/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_settle.c - what several settings mean together, once each has its own value.
 *
 * Inheritance comes last, because it looks at where a value came from: a setting of metrics
 * or logs takes that of tracing when a variable of ours or the file gave it, and nothing that
 * belongs to the signal itself was said.
 */
#include "core/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/config_layer.h"

#define GRPC_PORT ":4317"

/* Whether @origin stands behind the reference to the parent: a variable for all signals. */
static bool is_general(const struct rk_config_row *row, const char *origin)
{
	const char *reference = strstr(row->others, rk_config_row(row->parent)->key);
	const char *found = strstr(row->others, origin);

	return reference && found && found > reference;
}

static void inherit(struct rk_config *config)
{
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		const struct rk_config_row *row = rk_config_row(id);
		const struct rk_config_row *parent;

		if (row->parent == RK_CONFIG_COUNT ||
		    config->source[row->parent] <= RK_SOURCE_OTEL ||
		    config->source[id] > RK_SOURCE_OTEL)
			continue;
		if (config->source[id] == RK_SOURCE_OTEL && !is_general(row, config->origin[id]))
			continue;
		parent = rk_config_row(row->parent);
		memcpy((char *)config + row->offset, (char *)config + parent->offset, row->size);
		config->source[id] = config->source[row->parent];
		config->origin[id] = config->origin[row->parent];
		config->inherited[id] = true;
	}
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/*
 * Only gRPC knows endpoints without a scheme, where `insecure` decides about TLS. For HTTP
 * there is no such setting, and people who write host:port mean plain HTTP.
 */
static int add_scheme(struct rk_config *config, const char **endpoint, enum rk_protocol protocol)
{
	const char *url;

	if (!**endpoint || strstr(*endpoint, "://") || protocol == RK_PROTOCOL_GRPC ||
	    (protocol == RK_PROTOCOL_AUTO && ends_in(*endpoint, GRPC_PORT)))
		return 0;
	url = rk_arena_printf(config->arena, "http://%s", *endpoint);
	if (!url)
		return -ENOMEM;
	*endpoint = url;
	return 0;
}

static int add_schemes(struct rk_config *config)
{
	int err = add_scheme(config, &config->tracing_otlp_endpoint, config->tracing_otlp_protocol);

	if (!err)
		err = add_scheme(config, &config->metrics_otlp_endpoint,
				 config->metrics_otlp_protocol);
	if (!err)
		err = add_scheme(config, &config->logging_otlp_endpoint,
				 config->logging_otlp_protocol);
	return err;
}

/*
 * A share without a sampler is a share per trace below what the caller decided. An OTEL
 * sampler that knows no share is older news than a share that was set in a stronger place;
 * one that knows it and got no usable argument samples everything, by its specification.
 */
static void settle_sampler(struct rk_config *config)
{
	const enum rk_config_id rate = RK_CONFIG_tracing_sampling_rate;
	const enum rk_config_id sampler = RK_CONFIG_tracing_sampler;
	bool takes_share = config->tracing_sampler == RK_SAMPLER_RATIO ||
			   config->tracing_sampler == RK_SAMPLER_PARENT_RATIO;

	if (config->source[sampler] != RK_SOURCE_OTEL)
		return;
	if (config->source[rate] > RK_SOURCE_OTEL && !takes_share) {
		config->tracing_sampler = RK_SAMPLER_PARENT_RATIO;
		config->source[sampler] = config->source[rate];
		config->origin[sampler] = config->origin[rate];
	} else if (config->source[rate] < RK_SOURCE_OTEL && takes_share) {
		config->tracing_sampling_rate = 1;
		config->source[rate] = RK_SOURCE_OTEL;
		config->origin[rate] = config->origin[sampler];
	}
}

/* Next word of a comma-separated list; false behind the last. */
static bool next_word(const char **list, const char **word, size_t *length)
{
	*list += strspn(*list, ", \t");
	*word = *list;
	*length = strcspn(*list, ", \t");
	*list += *length;
	return *length > 0;
}

static bool word_is(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(word, name, length) == 0;
}

static void tell_propagators(struct rk_config *config, const char *names)
{
	enum rk_config_id id = RK_CONFIG_tracing_propagators;
	bool from_file = config->source[id] == RK_SOURCE_FILE;
	const char *key = from_file ? rk_config_row(id)->key : config->origin[id];
	char quoted[72];

	rk_config_layer_problem(config, key, 0,
				"%s not supported; only tracecontext and baggage count",
				rk_config_layer_quote(names, quoted));
}

/* The list becomes "tracecontext", "baggage", both in this order, or "none". */
static void settle_propagators(struct rk_config *config)
{
	const char *list = config->tracing_propagators, *word;
	bool context = false, baggage = false, none = false;
	char unsupported[128] = "";
	size_t length, used = 0;

	while (next_word(&list, &word, &length)) {
		if (word_is(word, length, "tracecontext"))
			context = true;
		else if (word_is(word, length, "baggage"))
			baggage = true;
		else if (word_is(word, length, "none"))
			none = true;
		else if (used + length + 2 < sizeof(unsupported))
			used += (size_t)snprintf(unsupported + used, sizeof(unsupported) - used,
						 "%s%.*s", used ? "," : "", (int)length, word);
	}
	if (used)
		tell_propagators(config, unsupported);
	if (none || (!context && !baggage))
		config->tracing_propagators = "none";
	else if (context)
		config->tracing_propagators = baggage ? "tracecontext,baggage" : "tracecontext";
	else
		config->tracing_propagators = "baggage";
}

/* A batch that can never be full would never be sent by size. */
static void limit_batch(struct rk_config *config, enum rk_config_id batch, enum rk_config_id queue)
{
	uint64_t *most = (uint64_t *)((char *)config + rk_config_row(batch)->offset);
	uint64_t room = *(uint64_t *)((char *)config + rk_config_row(queue)->offset);
	const char *key = config->source[batch] == RK_SOURCE_FILE || !*config->origin[batch] ?
				  rk_config_row(batch)->key :
				  config->origin[batch];

	if (!room || *most <= room)
		return;
	/* A default that is too large for the user's queue is not the user's mistake. */
	if (config->source[batch] > RK_SOURCE_PRESET)
		rk_config_layer_problem(config, key, 0, "%llu is more than %s allows; %llu is used",
					(unsigned long long)*most, rk_config_row(queue)->key,
					(unsigned long long)room);
	*most = room;
}

/* A process that waits to be told can be told. */
static void settle_control(struct rk_config *config)
{
	const enum rk_config_id control = RK_CONFIG_control_enabled;

	if (config->recording_start != RK_RECORDING_START_DORMANT ||
	    config->source[control] != RK_SOURCE_DEFAULT)
		return;
	config->control_enabled = true;
	config->source[control] = config->source[RK_CONFIG_recording_start];
	config->origin[control] = config->origin[RK_CONFIG_recording_start];
}

int rk_config_layer_settle(struct rk_config *config)
{
	settle_sampler(config);
	settle_control(config);
	settle_propagators(config);
	limit_batch(config, RK_CONFIG_tracing_otlp_max_batch_spans,
		    RK_CONFIG_tracing_otlp_max_queue_spans);
	limit_batch(config, RK_CONFIG_logging_otlp_max_batch_records,
		    RK_CONFIG_logging_otlp_max_queue_records);
	inherit(config);
	return add_schemes(config);
}
