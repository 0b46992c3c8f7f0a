/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/cli/make_trace_script.c - a trace file from a text that says what happened.
 *
 *   at SECONDS                         time goes on, with a tick in every whole second
 *   kernel NAME SECONDS [COUNT [GAP]]  launches that take so long, GAP seconds apart (0.001)
 *   copy BYTES SECONDS                 to the device
 *   fail NAME                          a launch that failed
 *   hang NAME                          a launch that is told as being in flight, and is open at the
 *                                      end
 *   graph instantiated|updated|destroyed HANDLE [NODES]
 *   graph launch ID HANDLE [NAME=COUNT]...   kernels of 10 us; without one it is traced as a whole
 *   graph device ID NAME               a kernel of it that no call of the host launched
 *   alloc|free|refuse BYTES [at=ADDRESS] [pool=NUMBER] [gpu=N] [thread=T] [api=NAME]
 *                                      memory, of the device where no pool is said; refuse: a call
 *                                      that failed because memory was out
 *   close                              the execution ends; the next launch opens another
 *   begin SPAN NAME [parent=SPAN] [kernel] [nvtx] [domain=D] [KEY=VALUE]...
 *   end SPAN [ok|error [MESSAGE]]
 *   attribute SPAN KEY=VALUE...        event SPAN NAME [KEY=VALUE]...       link SPAN SPAN
 *   attach SPAN / detach               the context of executions from here on
 *   instrument NUMBER TYPE NAME [unit=U] [domain=D] [help=H] [KEY=VALUE]...
 *                                      counter gauge histogram execution memory queue breaker
 *   sample NUMBER VALUE [add|error]
 *   log LEVEL DOMAIN MESSAGE [KEY=VALUE]...
 *   setting KEY=VALUE...               changed while running
 *
 * Words are apart by spaces; "..." holds one with spaces. SPAN and NUMBER are numbers. A VALUE
 * of digits is an integer. The ids of a span derive from its number.
 */
#include "make_trace_script.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/api_record.h"
#include "core/fields.h"
#include "core/instrument.h"
#include "core/intern.h"
#include "core/record.h"

#define WORDS_MAX 64
#define SPANS_MAX 4096
#define HANGS_MAX 64
#define NS_PER_S  1000000000ull
#define TID	  42

struct script {
	struct rk_trace_writer *writer;
	uint64_t start_ns, now;
	uint64_t ordinal, exec, correlation, launches, failed, copies, ptr;
	uint32_t calls; /* of the open execution; 0 = none is open */
	uint64_t attached; /* span; 0 = none */
	uint64_t trace_of[SPANS_MAX]; /* number of the root */
	uint8_t text[RK_API_TEXT_MAX];
	struct rk_fields_writer fields;
	char *words[WORDS_MAX];
	struct rk_op hangs[HANGS_MAX];
	uint32_t hung;
	int count, line, err;
};

static void complain(struct script *s, const char *what)
{
	fprintf(stderr, "make_trace: line %d: %s\n", s->line, what);
	s->err = -EINVAL;
}

static void emit(struct script *s, struct rk_op *op)
{
	op->ordinal = ++s->ordinal;
	if (!s->err)
		s->err = rk_trace_writer_add(s->writer, op);
}

/* Cut into words. */
static void split(struct script *s, char *line)
{
	for (s->count = 0; s->count < WORDS_MAX; s->count++) {
		bool is_quoted;
		char *word;

		line += strspn(line, " \t\n");
		if (!*line || *line == '#')
			return;
		is_quoted = *line == '"';
		word = line += is_quoted;
		line += is_quoted ? strcspn(line, "\"\n") : strcspn(line, " \t\n");
		if (*line)
			*line++ = '\0';
		s->words[s->count] = word;
	}
}

static const char *word(const struct script *s, int at)
{
	return at < s->count ? s->words[at] : "";
}

static double number(const struct script *s, int at, double otherwise)
{
	return at < s->count ? strtod(s->words[at], NULL) : otherwise;
}

/* The value of KEY=VALUE among the words from @from on, which is then taken; NULL if none. */
static const char *take(struct script *s, int from, const char *key)
{
	size_t length = strlen(key);

	for (int i = from; i < s->count; i++) {
		char *value = s->words[i] + length;

		if (strncmp(s->words[i], key, length) != 0 || (*value != '=' && *value))
			continue;
		s->words[i] = s->words[i] + strlen(s->words[i]);
		return *value ? value + 1 : key;
	}
	return NULL;
}

static void put_pairs(struct script *s, int from)
{
	for (int i = from; i < s->count; i++) {
		char *equals = strchr(s->words[i], '=');
		struct rk_field field = { .key = s->words[i], .type = RK_FIELD_TEXT };
		char *end;

		if (!equals)
			continue;
		*equals = '\0';
		field.text = equals + 1;
		if (isdigit((unsigned char)field.text[0])) {
			long long value = strtoll(field.text, &end, 10);

			if (!*end) {
				field.type = RK_FIELD_INTEGER;
				field.integer = value;
			}
		}
		rk_fields_put(&s->fields, &field);
	}
}

static void put_placed(struct script *s, const char *text)
{
	rk_fields_put_placed(&s->fields, text ? text : "");
}

static struct rk_op op_of(struct script *s, enum rk_op_kind kind)
{
	struct rk_op op = {
		.kind = (uint8_t)kind, .tid = TID, .host_start = s->now, .host_end = s->now
	};

	rk_fields_writer_init(&s->fields, s->text, sizeof(s->text));
	return op;
}

static void emit_text(struct script *s, struct rk_op *op)
{
	op->text = s->text;
	op->text_bytes = (uint32_t)s->fields.used;
	emit(s, op);
}

static void set_ids(struct script *s, struct rk_op *op, uint64_t span)
{
	uint64_t trace = span < SPANS_MAX && s->trace_of[span] ? s->trace_of[span] : span;

	op->said.number = span;
	if (!span)
		return;
	for (unsigned i = 0; i < 8; i++) {
		op->said.trace_id[i] = 0xaa;
		op->said.trace_id[15 - i] = (uint8_t)(trace >> 8 * i);
		op->said.span_id[7 - i] = (uint8_t)((span | 0xbb00000000000000) >> 8 * i);
	}
	op->said.trace_flags = 1;
}

static struct rk_op span_op(struct script *s, enum rk_op_kind kind)
{
	struct rk_op op = op_of(s, kind);

	set_ids(s, &op, strtoull(word(s, 1), NULL, 10));
	return op;
}

static void do_begin(struct script *s)
{
	const char *parent = take(s, 3, "parent");
	const char *domain = take(s, 3, "domain");
	uint64_t above = parent ? strtoull(parent, NULL, 10) : 0;
	uint64_t span = strtoull(word(s, 1), NULL, 10);
	struct rk_op op, parent_op = { 0 };

	if (!span || span >= SPANS_MAX || above >= SPANS_MAX) {
		complain(s, "no such span");
		return;
	}
	s->trace_of[span] = above ? s->trace_of[above] : span;
	op = span_op(s, RK_OP_SPAN_BEGIN);
	set_ids(s, &parent_op, above);
	memcpy(op.said.parent_id, parent_op.said.span_id, sizeof(op.said.parent_id));
	op.said.what = RK_SPAN_KIND_INTERNAL;
	op.said.flags = take(s, 3, "kernel") ? RK_API_KERNEL : 0;
	if (take(s, 3, "nvtx"))
		op.said.flags |= RK_API_NVTX;
	put_placed(s, word(s, 2));
	put_placed(s, domain);
	put_placed(s, "");
	put_placed(s, "");
	put_pairs(s, 3);
	emit_text(s, &op);
}

static void do_end(struct script *s)
{
	struct rk_op op = span_op(s, RK_OP_SPAN_END);
	const char *status = word(s, 2);

	op.said.what = strcmp(status, "error") == 0 ? RK_SPAN_ERROR :
		       strcmp(status, "ok") == 0    ? RK_SPAN_OK :
						      RK_SPAN_UNSET;
	put_placed(s, word(s, 3));
	emit_text(s, &op);
}

static void do_attribute(struct script *s)
{
	struct rk_op op = span_op(s, RK_OP_ATTRIBUTE);

	put_pairs(s, 2);
	emit_text(s, &op);
}

static void do_event(struct script *s)
{
	struct rk_op op = span_op(s, RK_OP_SPAN_EVENT);

	put_placed(s, word(s, 2));
	put_pairs(s, 3);
	emit_text(s, &op);
}

static void do_link(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_LINK);

	set_ids(s, &op, strtoull(word(s, 2), NULL, 10));
	op.said.number = strtoull(word(s, 1), NULL, 10);
	put_placed(s, "");
	emit_text(s, &op);
}

static void do_close(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_EXEC_CLOSE);

	if (!s->calls)
		return;
	op.host_start = op.host_end = 0;
	op.exec = s->exec;
	op.close.ops = s->calls;
	op.close.reason = RK_CLOSE_SYNC;
	s->calls = 0;
	emit(s, &op);
}

static void do_attach(struct script *s)
{
	do_close(s);
	s->attached = strtoull(word(s, 1), NULL, 10);
}

static void do_detach(struct script *s)
{
	do_close(s);
	s->attached = 0;
}

/* A call that puts work on the GPU: opens an execution, and says its context, if need be. */
static struct rk_op work_op(struct script *s, enum rk_op_kind kind)
{
	struct rk_op op;

	if (!s->calls) {
		s->exec++;
		op = op_of(s, RK_OP_CONTEXT);
		set_ids(s, &op, s->attached);
		op.exec = s->exec;
		op.said.flags = RK_API_SPAN;
		put_placed(s, "");
		put_placed(s, "");
		if (s->attached)
			emit_text(s, &op);
	}
	s->calls++;
	op = op_of(s, kind);
	op.exec = s->exec;
	op.stream = 7;
	op.flags = RK_OP_F_FIRST | RK_OP_F_ASYNC;
	op.host_end = op.host_start + 2000;
	s->launches++;
	op.correlation = (uint32_t)++s->correlation;
	return op;
}

static struct rk_op launch_op(struct script *s, enum rk_op_kind kind)
{
	struct rk_op op = work_op(s, kind);

	op.api = rk_intern("cuLaunchKernel");
	op.name = rk_intern(word(s, 1));
	for (int i = 0; i < 3; i++)
		op.kernel.grid[i] = op.kernel.block[i] = 1;
	return op;
}

static void do_kernel(struct script *s)
{
	uint64_t took = (uint64_t)(number(s, 2, 0.001) * 1e9);
	uint64_t gap = (uint64_t)(number(s, 4, 0.001) * 1e9);

	for (double i = number(s, 3, 1); i >= 1; i--) {
		struct rk_op op = launch_op(s, RK_OP_KERNEL);

		op.start = s->now + 5000;
		op.end = op.start + took;
		s->now = op.end + gap;
		emit(s, &op);
	}
}

static void do_copy(struct script *s)
{
	struct rk_op op = work_op(s, RK_OP_MEMCPY);

	op.api = rk_intern("cuMemcpyHtoDAsync_v2");
	op.copy.copy_kind = RK_COPY_HTOD;
	op.copy.bytes = (uint64_t)number(s, 1, 0);
	op.start = s->now + 5000;
	op.end = op.start + (uint64_t)(number(s, 2, 0.001) * 1e9);
	s->now = op.end;
	s->launches--;
	s->copies++;
	emit(s, &op);
}

static uint64_t handle(const struct script *s, int at)
{
	return strtoull(word(s, at), NULL, 0);
}

/* The kernels of a graph, all of one launch. */
static uint32_t emit_nodes(struct script *s, const struct rk_op *launch)
{
	uint32_t nodes = 0;

	for (int i = 4; i < s->count; i++) {
		char *equals = strchr(s->words[i], '=');
		unsigned long count = equals ? strtoul(equals + 1, NULL, 10) : 1;

		if (equals)
			*equals = '\0';
		for (; count; count--) {
			struct rk_op node = *launch;

			node.kind = RK_OP_KERNEL;
			node.flags = RK_OP_F_ASYNC;
			node.name = rk_intern(s->words[i]);
			memset(&node.kernel, 0, sizeof(node.kernel));
			node.kernel.graph = launch->graph.graph;
			node.kernel.graph_node = ++nodes;
			s->now += 1000;
			node.start = s->now;
			node.end = s->now += 10000;
			emit(s, &node);
		}
	}
	return nodes;
}

static void launch_graph(struct script *s)
{
	struct rk_op op = work_op(s, RK_OP_GRAPH);

	s->launches--;
	op.api = rk_intern("cuGraphLaunch");
	op.graph.graph = (uint32_t)number(s, 2, 0);
	op.start = s->now + 1000;
	op.graph.nodes = emit_nodes(s, &op);
	if (!op.graph.nodes)
		s->now = op.start + 50000;
	op.end = s->now;
	op.graph.exec_handle = handle(s, 3);
	emit(s, &op);
}

static void tell_graph(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_GRAPH_INFO);
	const struct rk_field fields[] = {
		{ .key = "what", .type = RK_FIELD_TEXT, .text = word(s, 1) },
		{ .key = "exec", .type = RK_FIELD_INTEGER, .integer = (int64_t)handle(s, 2) },
		{ .key = "nodes", .type = RK_FIELD_INTEGER, .integer = (int64_t)handle(s, 3) },
	};

	for (int i = 0; i < 3; i++)
		rk_fields_put(&s->fields, &fields[i]);
	emit_text(s, &op);
}

static void do_graph(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_KERNEL);

	if (strcmp(word(s, 1), "launch") == 0) {
		launch_graph(s);
	} else if (strcmp(word(s, 1), "device") == 0) {
		op.tid = 0;
		op.host_start = op.host_end = 0;
		op.flags = RK_OP_F_ORPHAN | RK_OP_F_FIRST;
		op.name = rk_intern(word(s, 3));
		op.kernel.graph = (uint32_t)number(s, 2, 0);
		op.start = s->now;
		op.end = s->now += 10000;
		emit(s, &op);
	} else {
		tell_graph(s);
	}
}

static void do_fail(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_ERROR);

	op.exec = s->calls ? s->exec : 0;
	op.api = rk_intern("cuLaunchKernel");
	op.name = rk_intern(word(s, 1));
	op.result = 700; /* CUDA_ERROR_ILLEGAL_ADDRESS */
	s->failed++;
	emit(s, &op);
}

static void do_hang(struct script *s)
{
	struct rk_op op = launch_op(s, RK_OP_IN_FLIGHT);

	op.flags = RK_OP_F_ASYNC;
	op.stream_handle = 0x1000;
	s->launches--;
	if (s->hung == HANGS_MAX) {
		complain(s, "too many hang");
		return;
	}
	s->hangs[s->hung++] = op;
	emit(s, &op);
}

/* Under way when what comes next, a fault, was told. */
static void do_suspect(struct script *s)
{
	struct rk_op op = launch_op(s, RK_OP_IN_FLIGHT);

	op.flags = RK_OP_F_ASYNC | RK_OP_F_SUSPECT;
	s->launches--;
	emit(s, &op);
}

static void tell_hangs(struct script *s)
{
	for (uint32_t i = 0; i < s->hung; i++) {
		s->hangs[i].kind = RK_OP_KERNEL;
		s->hangs[i].flags |= RK_OP_F_FIRST | RK_OP_F_OPEN;
		emit(s, &s->hangs[i]);
	}
}

static uint64_t take_number(struct script *s, const char *key, uint64_t otherwise)
{
	const char *value = take(s, 2, key);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static struct rk_op memory_op(struct script *s, enum rk_op_kind kind)
{
	const char *api = take(s, 2, "api");
	struct rk_op op = op_of(s, kind);

	op.api = api ? rk_intern(api) : 0;
	op.tid = (uint32_t)take_number(s, "thread", TID);
	op.device = (uint32_t)take_number(s, "gpu", 0);
	op.memory.ptr = take_number(s, "at", 4096);
	op.memory.bytes = (uint64_t)number(s, 1, 0);
	op.memory.pool = (uint8_t)take_number(s, "pool", RK_POOL_DEVICE);
	return op;
}

static void do_alloc(struct script *s)
{
	struct rk_op op = memory_op(s, RK_OP_ALLOC);

	emit(s, &op);
}

static void do_free(struct script *s)
{
	struct rk_op op = memory_op(s, RK_OP_FREE);

	emit(s, &op);
}

static void do_refuse(struct script *s)
{
	struct rk_op op = memory_op(s, RK_OP_ALLOC);

	op.flags = RK_OP_F_OPEN;
	op.result = 2;
	op.memory.ptr = op.memory.bytes;
	op.memory.bytes = 0;
	emit(s, &op);
	op.kind = RK_OP_ERROR;
	op.flags = 0;
	emit(s, &op);
}

static void tick(struct script *s, enum rk_op_kind kind)
{
	struct rk_op op = { .kind = (uint8_t)kind, .start = s->now, .end = s->now };
	struct rk_ledger *ledger = &op.tick.ledger;

	ledger->calls[RK_WORK_LAUNCH] = s->launches + s->failed + s->hung;
	ledger->open[RK_WORK_LAUNCH] = s->hung;
	ledger->failed[RK_WORK_LAUNCH] = s->failed;
	ledger->joined[RK_WORK_LAUNCH] = ledger->gpu_kernels = s->launches;
	ledger->calls[RK_WORK_MEMCPY] = ledger->joined[RK_WORK_MEMCPY] = s->copies;
	ledger->gpu_memcpys = s->copies;
	ledger->gpu_joined = s->launches + s->copies;
	emit(s, &op);
}

static void do_at(struct script *s)
{
	uint64_t until = s->start_ns + (uint64_t)(number(s, 1, 0) * 1e9);

	if (until < s->now)
		complain(s, "time does not go back");
	while (s->now < until && !s->err) {
		uint64_t second = s->now - (s->now - s->start_ns) % NS_PER_S + NS_PER_S;

		s->now = second < until ? second : until;
		if (s->now == second)
			tick(s, RK_OP_TICK);
	}
}

static void do_instrument(struct script *s)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "execution",
					     "memory",	"queue", "breaker" };
	struct rk_op op = op_of(s, RK_OP_INSTRUMENT);
	const char *unit = take(s, 4, "unit"), *domain = take(s, 4, "domain");
	const char *help = take(s, 4, "help");

	op.instrument.number = (uint32_t)number(s, 1, 0);
	while (op.instrument.type < 7 && strcmp(word(s, 2), types[op.instrument.type]) != 0)
		op.instrument.type++;
	if (op.instrument.type == 7)
		complain(s, "no such type of instrument");
	put_placed(s, word(s, 3));
	put_placed(s, unit);
	put_placed(s, help);
	put_placed(s, domain);
	put_pairs(s, 4);
	emit_text(s, &op);
}

static void do_sample(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_SAMPLE);

	op.sample.number = (uint32_t)number(s, 1, 0);
	op.sample.value = number(s, 2, 0);
	op.sample.what = strcmp(word(s, 3), "add") == 0	  ? RK_SAMPLE_ADD :
			 strcmp(word(s, 3), "error") == 0 ? RK_SAMPLE_ERROR :
							    RK_SAMPLE_VALUE;
	emit(s, &op);
}

static void do_log(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_LOG);

	op.said.what = (uint16_t)number(s, 1, 0);
	set_ids(s, &op, s->attached);
	put_placed(s, word(s, 2));
	put_placed(s, word(s, 3));
	put_pairs(s, 4);
	emit_text(s, &op);
}

static void do_setting(struct script *s)
{
	struct rk_op op = op_of(s, RK_OP_SETTINGS);

	put_pairs(s, 1);
	emit_text(s, &op);
}

static const struct {
	const char *name;
	void (*run)(struct script *s);
} commands[] = {
	{ "at", do_at },
	{ "kernel", do_kernel },
	{ "copy", do_copy },
	{ "graph", do_graph },
	{ "fail", do_fail },
	{ "hang", do_hang },
	{ "suspect", do_suspect },
	{ "alloc", do_alloc },
	{ "free", do_free },
	{ "refuse", do_refuse },
	{ "close", do_close },
	{ "begin", do_begin },
	{ "end", do_end },
	{ "attribute", do_attribute },
	{ "event", do_event },
	{ "link", do_link },
	{ "attach", do_attach },
	{ "detach", do_detach },
	{ "instrument", do_instrument },
	{ "sample", do_sample },
	{ "log", do_log },
	{ "setting", do_setting },
};

static void run_line(struct script *s, char *line)
{
	s->line++;
	split(s, line);
	if (!s->count)
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, s->words[0]) == 0) {
			commands[i].run(s);
			return;
		}
	}
	complain(s, "no such command");
}

int script_run(struct rk_trace_writer *writer, FILE *in, uint64_t start_ns)
{
	static struct script script;
	char line[4096];
	struct rk_op clock = { .kind = RK_OP_CLOCK, .clock.wall_offset_ns = 1700000000000000000 };

	script = (struct script){ .writer = writer, .start_ns = start_ns, .now = start_ns };
	emit(&script, &clock);
	while (!script.err && fgets(line, sizeof(line), in))
		run_line(&script, line);
	script.count = 0;
	tell_hangs(&script);
	do_close(&script);
	tick(&script, RK_OP_TICK);
	tick(&script, RK_OP_END);
	return script.err;
}
