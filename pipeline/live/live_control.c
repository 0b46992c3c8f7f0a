/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/live_control.c - the verbs, and who acts on settings that changed.
 */
#include "pipeline/live/live_control.h"

#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config_row.h"
#include "core/fields.h"
#include "core/log.h"
#include "core/number.h"
#include "pipeline/live/control_use.h"

#define SETTINGS_BYTES 512

static const enum rk_config_id changeable[] = {
	RK_CONFIG_logging_level,
	RK_CONFIG_logging_include_kernel_context,
	RK_CONFIG_tracing_sampling_rate,
	RK_CONFIG_tracing_max_spans_per_second,
};

/* Which spans are sent is a function of the ops: so the change has to be one. */
static void tell_sampling(struct rk_live_control *live, const struct rk_config *latest,
			  const bool *changed)
{
	static const enum rk_config_id rows[] = {
		RK_CONFIG_tracing_sampling_rate,
		RK_CONFIG_tracing_max_spans_per_second,
	};
	uint8_t text[SETTINGS_BYTES];
	struct rk_fields_writer fields;
	struct rk_op op = { .kind = RK_OP_SETTINGS };
	char value[64];

	rk_fields_writer_init(&fields, text, sizeof(text));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rk_field field = { .key = rk_config_row(rows[i])->key,
					  .type = RK_FIELD_TEXT,
					  .text = value };

		if (!changed[rows[i]])
			continue;
		rk_config_format(latest, rows[i], value, sizeof(value));
		rk_fields_put(&fields, &field);
	}
	if (!fields.used)
		return;
	op.text = text;
	op.text_bytes = (uint32_t)fields.used;
	live->emit(&op, live->data);
}

static void apply(const struct rk_config *latest, const bool *changed, void *data)
{
	struct rk_live_control *live = data;

	if (changed[RK_CONFIG_logging_level])
		rk_log_set_level(latest->logging_level);
	/* Levels, those of domains too, are looked at with every event. */
	if (live->outputs->events.setup.config)
		live->outputs->events.setup.config = latest;
	if (changed[RK_CONFIG_tracing_sampling_rate] && live->outputs->setup->follow_sampling)
		live->outputs->setup->follow_sampling(latest->tracing_sampling_rate);
	tell_sampling(live, latest, changed);
}

static void answer_status(struct rk_json_text *reply, const char *argument, void *data)
{
	struct rk_live_control *live = data;
	uint64_t now = rk_clock_now();
	struct rk_control_status status = {
		.outputs = live->outputs,
		.config = rk_reload_config(live->reload),
		.folder = live->folder,
		.start_unix_ns = live->started_ns + (uint64_t)rk_clock_wall_offset(NULL),
		.uptime_ns = now - live->started_ns,
		.recording = live->recording,
		.snapshot = live->snapshot,
		.overhead = live->overhead,
		.now_ns = now,
	};

	(void)argument;
	live->measure(&status, live->data);
	rk_control_status_put(&status, reply);
}

static void answer_use(struct rk_json_text *reply, const char *argument, void *data)
{
	struct rk_live_control *live = data;

	(void)argument;
	rk_control_use_put(live->outputs, rk_clock_now(), reply);
}

static void answer_reload(struct rk_json_text *reply, const char *argument, void *data)
{
	struct rk_live_control *live = data;

	(void)argument;
	rk_reload_run(live->reload, reply);
}

/* Who asks looks at `status` until it is so. */
static void answer_switch(struct rk_json_text *reply, struct rk_live_control *live, bool on,
			  uint64_t for_ns)
{
	bool is_on = rk_recording_is_wanted(live->recording);

	rk_json_text_bool(reply, "ok", is_on != on);
	rk_json_text_bool(reply, "recording", is_on);
	if (is_on != on)
		rk_recording_want(live->recording, on, RK_RECORDING_BY_CTL, for_ns);
}

static void answer_start(struct rk_json_text *reply, const char *argument, void *data)
{
	uint64_t for_ns = 0;

	if (*argument && !rk_number_parse_uint(argument, &for_ns))
		rk_json_text_string(reply, "error", "start: expected a number of nanoseconds");
	else
		answer_switch(reply, data, true, for_ns);
}

static void answer_stop(struct rk_json_text *reply, const char *argument, void *data)
{
	(void)argument;
	answer_switch(reply, data, false, 0);
}

/* Who asks looks at `status` until it is done. */
static void answer_snapshot(struct rk_json_text *reply, const char *argument, void *data)
{
	struct rk_live_control *live = data;
	const char *error =
		rk_snapshot_begin(live->snapshot, argument, live->folder, rk_clock_now());

	if (error)
		rk_json_text_string(reply, "error", error);
	else
		rk_json_text_bool(reply, "ok", true);
}

static const struct rk_control_verb verbs[] = {
	{ "status", false, answer_status },
	{ "reload", false, answer_reload },
	{ "start", true, answer_start },
	{ "stop", false, answer_stop },
	{ "snapshot", true, answer_snapshot },
	{ "use", false, answer_use },
	{ NULL, false, NULL },
};

void rk_live_control_init(struct rk_live_control *live, struct rk_outputs *outputs)
{
	const struct rk_exporter_setup *setup = outputs->setup;
	struct rk_reload_target target = {
		.rows = changeable,
		.row_count = sizeof(changeable) / sizeof(changeable[0]),
		.sections[RK_SECTION_DOMAIN_LEVELS] = true,
		.apply = apply,
		.data = live,
	};

	live->outputs = outputs;
	live->started_ns = rk_clock_now();
	if (setup->config->control_enabled)
		rk_reload_create(&live->reload, setup->config, setup->env, &target);
}

const struct rk_config *rk_live_control_config(const struct rk_live_control *live)
{
	return live->reload ? rk_reload_config(live->reload) : live->outputs->setup->config;
}

void rk_live_control_open(struct rk_live_control *live)
{
	const struct rk_control_setup setup = {
		.env = live->outputs->setup->env,
		.verbs = verbs,
		.data = live,
	};

	if (!getcwd(live->folder, sizeof(live->folder)))
		live->folder[0] = '\0';
	if (live->reload)
		rk_control_open(&live->control, &setup);
}

bool rk_live_control_run(struct rk_live_control *live)
{
	if (!live->control)
		return false;
	rk_control_run(live->control, rk_clock_now());
	return rk_control_is_busy(live->control);
}

void rk_live_control_close(struct rk_live_control *live)
{
	rk_control_close(live->control);
	live->control = NULL;
}

void rk_live_control_finish(struct rk_live_control *live)
{
	rk_reload_destroy(live->reload);
	live->reload = NULL;
}
