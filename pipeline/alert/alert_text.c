/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_text.c - labels and templates.
 */
#include "pipeline/alert/alert_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "core/number.h"
#include "pipeline/human_units.h"

#define NS_PER_S  1e9
#define FNV_BASIS 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

void rk_alert_hash_init(struct rk_alert_hash *hash)
{
	hash->words[0] = FNV_BASIS;
	hash->words[1] = ~FNV_BASIS;
}

void rk_alert_hash_add(struct rk_alert_hash *hash, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	/* The zero byte at the end keeps "ab", "c" and "a", "bc" apart. */
	do {
		hash->words[0] = (hash->words[0] ^ *at) * FNV_PRIME;
		hash->words[1] = (hash->words[1] ^ (*at + 0x9eu)) * FNV_PRIME;
		hash->words[1] ^= hash->words[1] >> 29;
	} while (*at++);
}

void rk_alert_hash_write(const struct rk_alert_hash *hash, char out[33])
{
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash->words[0],
		 (unsigned long long)hash->words[1]);
}

const char *rk_alert_text_value(char out[32], double value, const char *unit)
{
	char human[RK_HUMAN_MAX];
	double size = fabs(value);

	if (strcmp(unit, "s") == 0)
		snprintf(out, 32, "%s", rk_human_time(human, (uint64_t)(size * NS_PER_S + 0.5)));
	else if (strcmp(unit, "bytes") == 0)
		snprintf(out, 32, "%s%s", value < 0 ? "-" : "",
			 rk_human_bytes(human, (uint64_t)(size + 0.5)));
	else if (strcmp(unit, "ratio") == 0)
		snprintf(out, 32, "%.3g %%", value * 100);
	else if (strcmp(unit, "1/s") == 0)
		snprintf(out, 32, "%.3g/s", value);
	else
		snprintf(out, 32, "%.4g", value);
	return out;
}

const char *rk_alert_text_default_summary(const struct rk_alert_rule *rule)
{
	static const char *const templates[RK_CONDITION_COUNT] = {
		[RK_CONDITION_LATENCY] = "p{percentile} of {subject} is {value}, above {threshold}",
		[RK_CONDITION_ERROR_RATE] = "{value} of the executions of {subject} failed, above "
					    "{threshold}",
		[RK_CONDITION_RATE_BELOW] = "{subject} ran at {value}, below {threshold}",
		[RK_CONDITION_RATE_ABOVE] = "{subject} ran at {value}, above {threshold}",
		[RK_CONDITION_MEMORY] = "{value} of {pool} memory are held on {subject}, above "
					"{threshold}",
		[RK_CONDITION_MEMORY_GROWTH] = "{pool} memory on {subject} grew by {value} in "
					       "{window}, above {threshold}",
		[RK_CONDITION_BREAKER] = "the circuit breaker {name} is open",
		[RK_CONDITION_BURN_RATE] = "the error budget of {slo} {target} burns {value} times "
					   "too fast, above {threshold}",
		[RK_CONDITION_NO_EXECUTIONS] = "nothing was executed for {value}",
		[RK_CONDITION_IN_FLIGHT] = "{kernel_id} has been in flight for {value} on stream "
					   "{stream}, grid {grid}, launched by {thread}",
		[RK_CONDITION_LOSSES] = "{value} records were lost in {window} ({reason})",
		[RK_CONDITION_GPU_IDLE] =
			"{subject} was {gpu_state} for {value} of {window}, above "
			"{threshold}",
	};

	return rule->condition.kind < RK_CONDITION_COUNT ? templates[rule->condition.kind] : "";
}

static void put_label(struct rk_alert *alert, const char *name, const char *value)
{
	if (!value || !*value || alert->label_count == RK_ALERT_LABELS_MAX)
		return;
	for (size_t i = 0; i < alert->label_count; i++) {
		if (strcmp(alert->labels[i].name, name) == 0)
			return;
	}
	alert->labels[alert->label_count++] =
		(struct rk_alert_label){ .name = name, .value = value };
}

static void put_labels(struct rk_alert_text *text, const struct rk_alert_series *series)
{
	const struct rk_alert_rule *rule = series->rule;
	const struct rk_alert_key *key = &series->key;
	struct rk_alert *alert = &text->alert;

	if (key->device != RK_ALERT_NO_DEVICE)
		snprintf(text->device, sizeof(text->device), "%u", key->device);
	if (key->has_stream)
		snprintf(text->stream, sizeof(text->stream), "%u", key->stream);
	if (key->thread)
		snprintf(text->thread, sizeof(text->thread), "%s", rk_intern_get(key->thread));
	else if (key->tid)
		snprintf(text->thread, sizeof(text->thread), "%u", key->tid);
	put_label(alert, "rule", rule->name);
	put_label(alert, "severity", rk_severity_name(rule->severity));
	put_label(alert, "kernel_id", rk_intern_get(key->kernel_id));
	put_label(alert, "domain", rk_intern_get(key->domain));
	put_label(alert, "device", text->device);
	put_label(alert, "source", key->source);
	put_label(alert, "pool", key->pool);
	put_label(alert, "name", rk_intern_get(key->breaker));
	put_label(alert, "slo", key->slo);
	put_label(alert, "target", key->target);
	put_label(alert, "reason", key->reason);
	put_label(alert, "gpu_state", key->gpu_state);
	put_label(alert, "stream", text->stream);
	put_label(alert, "thread", text->thread);
	for (const struct rk_yaml_node *n = rule->labels ? rule->labels->first : NULL; n;
	     n = n->next)
		put_label(alert, n->key, n->text);
}

static void put_subject(struct rk_alert_text *text, const struct rk_alert_series *series)
{
	const char *kernel = rk_intern_get(series->key.kernel_id);
	const char *domain = rk_intern_get(series->key.domain);
	const char *device = text->device;
	char what[200];

	if (*kernel)
		snprintf(what, sizeof(what), "%s", kernel);
	else if (*domain)
		snprintf(what, sizeof(what), "domain %s", domain);
	else if (rk_condition_is_of_executions(series->rule->condition.kind))
		snprintf(what, sizeof(what), "the process");
	else
		what[0] = '\0';
	if (*what && *device)
		snprintf(text->subject, sizeof(text->subject), "%s on device %s", what, device);
	else if (*device)
		snprintf(text->subject, sizeof(text->subject), "device %s", device);
	else
		snprintf(text->subject, sizeof(text->subject), "%s", *what ? what : "the process");
}

struct words {
	char value[32], threshold[32], window[32], hold[32], percentile[32];
};

static void choose_words(struct words *words, const struct rk_alert_series *series)
{
	const struct rk_alert_rule *rule = series->rule;
	const struct rk_alert_condition *condition = &rule->condition;
	const char *unit = rk_condition_unit(condition->kind);

	rk_alert_text_value(words->value, series->value, unit);
	rk_alert_text_value(words->threshold, condition->threshold, unit);
	rk_number_format_units(condition->window_ns, rk_number_durations, words->window,
			       sizeof(words->window));
	rk_number_format_units(rule->for_ns, rk_number_durations, words->hold, sizeof(words->hold));
	snprintf(words->percentile, sizeof(words->percentile), "%.6g", condition->quantile * 100);
}

/* Return: NULL when @key stands for nothing. */
static const char *word_of(const struct rk_alert_text *text, const struct words *words,
			   const char *key, size_t length)
{
	const struct {
		const char *key, *word;
	} table[] = {
		{ "value", words->value },	     { "threshold", words->threshold },
		{ "window", words->window },	     { "for", words->hold },
		{ "percentile", words->percentile }, { "grid", text->grid },
		{ "subject", text->subject },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strlen(table[i].key) == length && strncmp(table[i].key, key, length) == 0)
			return table[i].word;
	}
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++) {
		const char *name = rk_alert_detail_name((enum rk_alert_detail)i);

		if (strlen(name) == length && strncmp(name, key, length) == 0)
			return text->alert.details[i];
	}
	for (size_t i = 0; i < text->alert.label_count; i++) {
		const struct rk_alert_label *label = &text->alert.labels[i];

		if (strlen(label->name) == length && strncmp(label->name, key, length) == 0)
			return label->value;
	}
	return NULL;
}

static void fill_in(char *out, size_t size, const char *template, const struct rk_alert_text *text,
		    const struct words *words)
{
	size_t used = 0;

	while (*template && used + 1 < size) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		const char *word = NULL;

		if (end)
			word = word_of(text, words, template + 1, (size_t)(end - template - 1));
		if (!word) {
			out[used++] = *template ++;
			continue;
		}
		while (*word && used + 1 < size)
			out[used++] = *word++;
		template = end + 1;
	}
	out[used] = '\0';
}

static void write_fingerprint(struct rk_alert *alert)
{
	struct rk_alert_hash hash;

	rk_alert_hash_init(&hash);
	rk_alert_hash_add(&hash, alert->rule);
	for (size_t i = 0; i < alert->label_count; i++) {
		/* Whether it is serious may be changed in the file without a new alert. */
		if (strcmp(alert->labels[i].name, "severity") == 0)
			continue;
		rk_alert_hash_add(&hash, alert->labels[i].name);
		rk_alert_hash_add(&hash, alert->labels[i].value);
	}
	rk_alert_hash_write(&hash, alert->fingerprint);
}

void rk_alert_text_fill(struct rk_alert_text *text, const struct rk_alert_series *series,
			enum rk_alert_state state)
{
	const struct rk_alert_rule *rule = series->rule;
	struct words words;
	size_t used;

	memset(text, 0, sizeof(*text));
	text->alert = (struct rk_alert){
		.rule = rule->name,
		.severity = rule->severity,
		.state = state,
		.summary = text->summary,
		.description = text->description,
		.details = {
			[RK_ALERT_STACK] = rk_intern_get(series->stack),
			[RK_ALERT_HOLDERS] = rk_alert_facts_holders(series, text->holders,
								    sizeof(text->holders)),
			[RK_ALERT_IDLE] = rk_alert_facts_idle(series, text->idle,
							      sizeof(text->idle)),
		},
		.value = series->value,
		.threshold = rule->condition.threshold,
		.unit = rk_condition_unit(rule->condition.kind),
		.started_unix_ns = series->started_unix_ns,
		.ended_unix_ns = state == RK_ALERT_RESOLVED ? series->ended_unix_ns : 0,
	};
	put_labels(text, series);
	put_subject(text, series);
	snprintf(text->grid, sizeof(text->grid), "%ux%ux%u", series->grid[0], series->grid[1],
		 series->grid[2]);
	choose_words(&words, series);
	fill_in(text->summary, sizeof(text->summary),
		*rule->summary ? rule->summary : rk_alert_text_default_summary(rule), text, &words);
	fill_in(text->description, sizeof(text->description), rule->description, text, &words);
	used = strlen(text->summary);
	if (state == RK_ALERT_RESOLVED && series->has_ended)
		snprintf(text->summary + used, sizeof(text->summary) - used, " (process ended)");
	write_fingerprint(&text->alert);
	if (series->example.at) {
		memcpy(text->alert.trace_id, series->example.trace_id,
		       sizeof(text->alert.trace_id));
		memcpy(text->alert.span_id, series->example.span_id, sizeof(text->alert.span_id));
	}
}
