/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/notify_slack.c - the JSON of an incoming webhook.
 *
 *   text          for the notification on a telephone
 *   attachments   one per alert: a colour, a section with words, one with numbers and labels,
 *                 a line about when and where
 *
 * Slack refuses a whole message for one text that is too long, so every text has its bound in
 * bytes, which is never less strict than Slack's in characters.
 */
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "exporters/notify_format.h"

#define MESSAGE_MAX  40000u
#define SECTION_MAX  3000u /* of a text in a section */
#define DETAIL_MAX   700u /* of a call stack in it, and of what else has lines */
#define FIELD_MAX    400u  /* Slack allows 2,000; ten of them must be readable */
#define HEADLINE_MAX 1000u
#define FIELDS_MAX   10u
#define SHOWN_MAX    10u /* alerts */

/* mrkdwn, bounded: what does not fit ends in "...". */
struct words {
	char text[SECTION_MAX + 1];
	size_t used, size;
};

static void words_init(struct words *words, size_t size)
{
	words->text[0] = '\0';
	words->used = 0;
	words->size = size;
}

static bool add(struct words *words, const char *bytes, size_t length)
{
	static const char more[] = "...";

	if (words->used + length + sizeof(more) > words->size) {
		if (words->used + sizeof(more) <= words->size)
			memcpy(words->text + words->used, more, sizeof(more));
		words->used = words->size;
		return false;
	}
	memcpy(words->text + words->used, bytes, length);
	words->used += length;
	words->text[words->used] = '\0';
	return true;
}

static void add_plain(struct words *words, const char *text)
{
	add(words, text, strlen(text));
}

/* Slack's three control characters; '<' would start a link or a cry to everybody. */
static const char *entity(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

static void add_escaped(struct words *words, const char *text, bool keeps_lines)
{
	size_t left = strlen(text);

	while (left) {
		const char *replaced = entity(*text);
		size_t length = rk_utf8_sequence((const uint8_t *)text, left);

		if (!length || ((unsigned char)*text < ' ' && !(keeps_lines && *text == '\n')))
			replaced = length ? " " : "?";
		if (!(replaced ? add(words, replaced, strlen(replaced)) : add(words, text, length)))
			return;
		text += length ? length : 1;
		left -= length ? length : 1;
	}
}

static const char *color_of(const struct rk_alert *alert)
{
	static const char *const colors[] = {
		[RK_SEVERITY_INFO] = "#439fe0",
		[RK_SEVERITY_WARNING] = "#daa038",
		[RK_SEVERITY_CRITICAL] = "#d40e0d",
		[RK_SEVERITY_PAGE] = "#8b0000",
	};

	return alert->state == RK_ALERT_RESOLVED ? "#2eb67d" : colors[alert->severity];
}

static void add_state(struct words *words, const struct rk_alert_notice *notice)
{
	size_t firing = rk_notify_firing(notice), over = notice->alert_count - firing;
	const char *still = notice->repeat ? "STILL " : "";
	char text[96];

	if (firing && over)
		snprintf(text, sizeof(text), "[%sFIRING: %zu, RESOLVED: %zu] ", still, firing,
			 over);
	else if (notice->alert_count > 1)
		snprintf(text, sizeof(text), "[%s: %zu] ", over ? "RESOLVED" : "FIRING",
			 notice->alert_count);
	else
		snprintf(text, sizeof(text), "[%s%s] ", over ? "" : still,
			 over ? "RESOLVED" : "FIRING");
	add_plain(words, text);
}

static void add_headline(struct words *words, const struct rk_alert *alert)
{
	add_escaped(words, alert->rule, false);
	if (!*alert->summary)
		return;
	add_plain(words, ": ");
	add_escaped(words, alert->summary, false);
}

static void put_text(struct rk_json_text *json, const char *key, const struct words *words)
{
	rk_json_text_open(json, key, '{');
	rk_json_text_string(json, "type", "mrkdwn");
	rk_json_text_string(json, "text", words->text);
	rk_json_text_close(json, '}');
}

/* The name, a link where there is one: Slack writes <url|text>. */
static void add_title(struct words *words, const struct rk_notify_format_input *input,
		      const struct rk_alert *alert)
{
	const char *link = input->channel->link;
	bool is_linked = *link && !strpbrk(link, "<>|") && strlen(link) < HEADLINE_MAX;

	add_plain(words, "*");
	if (is_linked) {
		add_plain(words, "<");
		add_escaped(words, link, false);
		add_plain(words, "|");
	}
	add_escaped(words, alert->rule, false);
	add_plain(words, is_linked ? ">* " : "* ");
}

/* Whole lines of it, as they are set where code is read. */
static void add_detail(struct words *words, const char *detail)
{
	char text[DETAIL_MAX + 1];
	size_t length = strlen(detail);

	if (length > DETAIL_MAX) {
		length = DETAIL_MAX;
		while (length && detail[length] != '\n')
			length--;
	}
	if (!length)
		return;
	memcpy(text, detail, length);
	text[length] = '\0';
	add_plain(words, "\n```");
	add_escaped(words, text, true);
	add_plain(words, "```");
}

static void put_words(struct rk_json_text *json, const struct rk_notify_format_input *input,
		      const struct rk_alert *alert)
{
	struct words words;

	words_init(&words, SECTION_MAX);
	add_title(&words, input, alert);
	add_plain(&words, rk_severity_name(alert->severity));
	add_plain(&words, alert->state == RK_ALERT_RESOLVED ? ", resolved" : ", firing");
	if (*alert->summary) {
		add_plain(&words, "\n");
		add_escaped(&words, alert->summary, false);
	}
	if (*alert->description) {
		add_plain(&words, "\n");
		add_escaped(&words, alert->description, true);
	}
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++)
		add_detail(&words, alert->details[i]);
	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "type", "section");
	put_text(json, "text", &words);
	rk_json_text_close(json, '}');
}

static void put_field(struct rk_json_text *json, const char *name, const char *value)
{
	struct words words;

	words_init(&words, FIELD_MAX);
	add_plain(&words, "*");
	add_escaped(&words, name, false);
	add_plain(&words, "*\n");
	add_escaped(&words, value, false);
	put_text(json, NULL, &words);
}

static void put_fields(struct rk_json_text *json, const struct rk_alert *alert)
{
	size_t left = FIELDS_MAX - 2;
	char text[64];

	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "type", "section");
	rk_json_text_open(json, "fields", '[');
	put_field(json, "value", rk_notify_value(alert->value, alert->unit, text, sizeof(text)));
	put_field(json, "threshold",
		  rk_notify_value(alert->threshold, alert->unit, text, sizeof(text)));
	for (size_t i = 0; i < alert->label_count && left; i++) {
		if (!*alert->labels[i].value || !*alert->labels[i].name)
			continue;
		put_field(json, alert->labels[i].name, alert->labels[i].value);
		left--;
	}
	rk_json_text_close(json, ']');
	rk_json_text_close(json, '}');
}

static void put_context(struct rk_json_text *json, const struct words *words)
{
	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "type", "context");
	rk_json_text_open(json, "elements", '[');
	put_text(json, NULL, words);
	rk_json_text_close(json, ']');
	rk_json_text_close(json, '}');
}

static void put_when_and_where(struct rk_json_text *json,
			       const struct rk_notify_format_input *input,
			       const struct rk_alert *alert)
{
	char time[RK_NOTIFY_TIME_BYTES], trace[33];
	struct words words;

	words_init(&words, HEADLINE_MAX);
	add_plain(&words, "since ");
	add_plain(&words, rk_notify_time(alert->started_unix_ns, time));
	if (alert->state == RK_ALERT_RESOLVED) {
		add_plain(&words, " until ");
		add_plain(&words, rk_notify_time(alert->ended_unix_ns, time));
	}
	add_plain(&words, " | ");
	add_escaped(&words, input->source, false);
	if (*input->service) {
		add_plain(&words, " | ");
		add_escaped(&words, input->service, false);
	}
	if (*rk_notify_trace(alert, trace)) {
		add_plain(&words, " | trace ");
		add_plain(&words, trace);
	}
	put_context(json, &words);
}

static void put_attachment(struct rk_json_text *json, const struct rk_notify_format_input *input,
			   const struct rk_alert *alert)
{
	struct words fallback;

	words_init(&fallback, HEADLINE_MAX);
	add_headline(&fallback, alert);
	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "color", color_of(alert));
	rk_json_text_string(json, "fallback", fallback.text);
	rk_json_text_open(json, "blocks", '[');
	put_words(json, input, alert);
	put_fields(json, alert);
	put_when_and_where(json, input, alert);
	rk_json_text_close(json, ']');
	rk_json_text_close(json, '}');
}

static void put_rest(struct rk_json_text *json, size_t left_out)
{
	struct words words;
	char text[64];

	if (!left_out)
		return;
	snprintf(text, sizeof(text), "and %zu more %s", left_out,
		 left_out == 1 ? "alert" : "alerts");
	words_init(&words, HEADLINE_MAX);
	add_plain(&words, text);
	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "fallback", text);
	rk_json_text_open(json, "blocks", '[');
	put_context(json, &words);
	rk_json_text_close(json, ']');
	rk_json_text_close(json, '}');
}

/* Only what was asked for: an app's webhook has its channel and its face already. */
static void put_face(struct rk_json_text *json, const struct rk_alert_channel *channel)
{
	if (*channel->channel)
		rk_json_text_string(json, "channel", channel->channel);
	if (*channel->username)
		rk_json_text_string(json, "username", channel->username);
	if (*channel->icon)
		rk_json_text_string(json, *channel->icon == ':' ? "icon_emoji" : "icon_url",
				    channel->icon);
}

static size_t render(const struct rk_notify_format_input *input, size_t shown, char *out,
		     size_t size)
{
	const struct rk_alert_notice *notice = &input->told->notice;
	struct words headline;
	struct rk_json_text json;

	words_init(&headline, HEADLINE_MAX);
	add_state(&headline, notice);
	add_headline(&headline, &notice->alerts[0]);
	rk_json_text_init(&json, out, size);
	rk_json_text_open(&json, NULL, '{');
	rk_json_text_string(&json, "text", headline.text);
	put_face(&json, input->channel);
	rk_json_text_open(&json, "attachments", '[');
	for (size_t i = 0; i < shown; i++)
		put_attachment(&json, input, &notice->alerts[i]);
	put_rest(&json, notice->alert_count - shown + input->told->left_out);
	rk_json_text_close(&json, ']');
	rk_json_text_close(&json, '}');
	return json.is_cut ? 0 : json.used;
}

size_t rk_notify_slack(const struct rk_notify_format_input *input, char *out, size_t size)
{
	size_t shown = input->told->notice.alert_count, length = 0;

	if (size > MESSAGE_MAX + 1)
		size = MESSAGE_MAX + 1;
	if (shown > SHOWN_MAX)
		shown = SHOWN_MAX;
	for (; shown && !length; shown--)
		length = render(input, shown, out, size);
	return length;
}
