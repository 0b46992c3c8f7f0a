/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_text.c - one line per part: its name, then what there is to say.
 */
#include "tools/ctl_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

#define LABEL_WIDTH 16

/* The member at the end of @path, "ledger/launch". */
static const struct rk_yaml_node *find(const struct rk_yaml_node *node, const char *path)
{
	while (node && *path) {
		size_t length = strcspn(path, "/");
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		node = rk_yaml_get(node, key);
		path += length;
		path += *path == '/';
	}
	return node;
}

static const char *text_at(const struct rk_yaml_node *node, const char *path)
{
	const struct rk_yaml_node *found = find(node, path);

	return found ? found->text : "";
}

static double number_at(const struct rk_yaml_node *node, const char *path)
{
	return strtod(text_at(node, path), NULL);
}

static bool is_true(const struct rk_yaml_node *node, const char *path)
{
	return strcmp(text_at(node, path), "true") == 0;
}

/* Values come from another process: nothing of them may move the cursor. */
static const char *shown(const char *text, char out[512])
{
	return rk_tool_printable(text, out, 512);
}

static void print_label(const char *label)
{
	printf("  %-*s", LABEL_WIDTH, label);
}

static void print_process(const struct rk_yaml_node *reply)
{
	bool is_told = *text_at(reply, "recording_state");
	char name[512], time[32];

	printf("%s (pid %s), rkpreload %s: %s",
	       shown(rk_tool_base_name(text_at(reply, "executable")), name), text_at(reply, "pid"),
	       text_at(reply, "version"),
	       is_true(reply, "recording") ? "recording" : "not recording");
	printf(" for %s, GPU times from %s\n",
	       rk_tool_format_ns(
		       number_at(reply, is_told ? "state_seconds" : "uptime_seconds") * 1e9, time),
	       text_at(reply, "gpu_time_source"));
	if (number_at(reply, "recorded_seconds") > 0 &&
	    (!is_true(reply, "recording") || number_at(reply, "sessions") > 1))
		printf("  recorded so far: %s in %s parts\n",
		       rk_tool_format_ns(number_at(reply, "recorded_seconds") * 1e9, time),
		       text_at(reply, "sessions"));
	if (*text_at(reply, "host_time_reason"))
		printf("  because %s\n", shown(text_at(reply, "host_time_reason"), name));
}

static void print_file(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *file = find(reply, "trace_file");
	char path[512], bytes[32];

	print_label("trace file");
	if (!file || !file->first)
		printf("none\n");
	else
		printf("%s, %s\n", shown(text_at(file, "path"), path),
		       rk_tool_format_bytes(number_at(file, "bytes"), bytes));
}

/* "name 3, name 4", or "none". */
static void print_pairs(const struct rk_yaml_node *node)
{
	char key[512], text[512];

	if (!node || !node->first)
		printf("none");
	for (const struct rk_yaml_node *pair = node ? node->first : NULL; pair; pair = pair->next)
		printf("%s %s%s", shown(pair->key, key), shown(pair->text, text),
		       pair->next ? ", " : "");
}

static void print_ledger(const struct rk_yaml_node *reply)
{
	static const struct {
		const char *member, *label;
	} kinds[] = { { "launch", "launches" },
		      { "graph_launch", "graph launches" },
		      { "memcpy", "copies" },
		      { "memset", "memsets" } };
	const struct rk_yaml_node *ledger = find(reply, "ledger");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct rk_yaml_node *kind = find(ledger, kinds[i].member);

		if (!kind || !number_at(kind, "calls"))
			continue;
		print_label(kinds[i].label);
		printf("%s calls, %s joined, %s open, %s failed, %s captured, %s lost",
		       text_at(kind, "calls"), text_at(kind, "joined"), text_at(kind, "open"),
		       text_at(kind, "failed"), text_at(kind, "captured"), text_at(kind, "lost"));
		if (number_at(kind, "withheld") > 0)
			printf(", %s counted only", text_at(kind, "withheld"));
		putchar('\n');
	}
	print_label("dropped");
	print_pairs(find(ledger, "dropped_by_reason"));
	putchar('\n');
}

static void print_overhead(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *overhead = find(reply, "overhead");
	char text[512];

	if (!overhead || !overhead->first)
		return;
	print_label("overhead");
	printf("%.2f %% of %g %%, step %s", 100 * number_at(overhead, "share"),
	       100 * number_at(overhead, "budget"), shown(text_at(overhead, "step"), text));
	if (*text_at(overhead, "left_out"))
		printf(": %s", shown(text_at(overhead, "left_out"), text));
	putchar('\n');
}

static void print_signals(const struct rk_yaml_node *otlp)
{
	char destination[512];

	for (const struct rk_yaml_node *s = otlp ? otlp->first : NULL; s; s = s->next) {
		print_label(s->key);
		printf("%s %s: %s sent, %s sampled out, %s queued, %s dropped\n",
		       is_true(s, "connected") ? "to" : "not connected to",
		       shown(text_at(s, "destination"), destination), text_at(s, "sent"),
		       text_at(s, "sampled_out"), text_at(s, "queued"), text_at(s, "dropped"));
	}
}

static void print_network(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *net = find(reply, "network");
	const struct rk_yaml_node *push = find(net, "pushgateway");
	const struct rk_yaml_node *scrape = find(net, "scrape");
	char text[512];

	print_signals(find(net, "otlp"));
	if (push) {
		print_label("pushgateway");
		printf("%s: %s pushes, %s failures\n", shown(text_at(push, "destination"), text),
		       text_at(push, "pushes"), text_at(push, "failures"));
	}
	if (scrape) {
		print_label("scrape");
		printf("port %s, %s scrapes\n", text_at(scrape, "port"),
		       text_at(scrape, "scrapes"));
	}
	if (*text_at(net, "last_error")) {
		print_label("last error");
		printf("%s\n", shown(text_at(net, "last_error"), text));
	}
}

static void print_alerts(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *alerts = find(reply, "alerts");
	char name[512], text[512];

	if (!alerts)
		return;
	if (!alerts->first) {
		print_label("alerts");
		printf("none\n");
	}
	for (const struct rk_yaml_node *alert = alerts->first; alert; alert = alert->next) {
		print_label(alert == alerts->first ? "alerts" : "");
		printf("%s is %s (%s): %s\n", shown(text_at(alert, "name"), name),
		       text_at(alert, "state"), text_at(alert, "severity"),
		       shown(text_at(alert, "summary"), text));
	}
}

int rk_ctl_text_status(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *settings = find(reply, "settings");
	char bytes[32], time[32];

	print_process(reply);
	print_file(reply);
	print_ledger(reply);
	print_overhead(reply);
	print_network(reply);
	print_label("breakers");
	print_pairs(find(reply, "breakers"));
	putchar('\n');
	print_alerts(reply);
	print_label("settings");
	printf("log level %s, sampling rate %s, %s spans a second\n",
	       text_at(settings, "logging.level"), text_at(settings, "tracing.sampling_rate"),
	       text_at(settings, "tracing.max_spans_per_second"));
	print_label("tracer");
	printf("%s of CPU, %s resident in the whole process\n",
	       rk_tool_format_ns(number_at(reply, "tracer/cpu_seconds") * 1e9, time),
	       rk_tool_format_bytes(number_at(reply, "tracer/resident_bytes"), bytes));
	return RK_TOOL_OK;
}

static void print_changes(const struct rk_yaml_node *list, const char *head)
{
	char key[512], was[512], is[512];

	for (const struct rk_yaml_node *row = list ? list->first : NULL; row; row = row->next) {
		printf("%s %s", head, shown(text_at(row, "key"), key));
		if (find(row, "is"))
			printf(": %s, was %s", shown(text_at(row, "is"), is),
			       shown(text_at(row, "was"), was));
		putchar('\n');
	}
}

int rk_ctl_text_reload(const struct rk_yaml_node *reply)
{
	const struct rk_yaml_node *applied = find(reply, "applied");
	const struct rk_yaml_node *restart = find(reply, "needs_restart");
	const struct rk_yaml_node *problems = find(reply, "problems");
	char text[512];

	if (!*text_at(reply, "file"))
		printf("the process was started without a file of settings: nothing to read\n");
	print_changes(applied, "applied:");
	print_changes(restart, "needs a restart:");
	for (const struct rk_yaml_node *p = problems ? problems->first : NULL; p; p = p->next)
		printf("wrong: %s\n", shown(text_at(p, "message"), text));
	if (*text_at(reply, "file") && (!applied || !applied->first) &&
	    (!restart || !restart->first))
		printf("nothing has changed\n");
	return rk_ctl_text_judge(reply);
}

int rk_ctl_text_judge(const struct rk_yaml_node *reply)
{
	return number_at(reply, "problem_count") > 0 ? RK_TOOL_DATA : RK_TOOL_OK;
}
