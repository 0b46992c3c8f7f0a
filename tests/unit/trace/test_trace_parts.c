/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_parts.c - what is kept of a trace in parts, and that it is exact.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/api_record.h"
#include "core/clock.h"
#include "core/intern.h"
#include "trace/trace_name.h"
#include "trace/trace_parts.h"
#include "trace_fixture.h"

#define NAME	  "run.rkt.zst"
#define MAX_BYTES (512u << 10)
#define PER_TICK  2000u

static struct rk_trace_parts *parts;
static uint64_t ordinal, kernels;
static struct fixture_step step;
static struct rk_op tick;

static int setup(void **state)
{
	*state = fixture_folder();
	fixture_step_init(&step, 4);
	ordinal = kernels = 0;
	return 0;
}

static int teardown(void **state)
{
	rk_trace_parts_close(parts);
	parts = NULL;
	fixture_remove(*state);
	return 0;
}

static void begin(const char *path, uint64_t max_bytes, uint64_t keep_ns)
{
	const struct rk_trace_parts_setup how = {
		.path = path,
		.meta = &fixture_meta,
		.options = { .max_bytes = max_bytes, .level = 1 },
		.keep_ns = keep_ns,
	};

	assert_int_equal(rk_trace_parts_open(&parts, &how), 0);
}

static void tell(struct rk_op *op)
{
	op->ordinal = ++ordinal;
	kernels += op->kind == RK_OP_KERNEL;
	if (rk_trace_parts_writer(parts))
		rk_trace_writer_add(rk_trace_parts_writer(parts), op);
	rk_trace_parts_note(parts, op);
}

/* Work, and the tick behind it, whose ledger says how much there was so far. */
static void work(uint32_t count)
{
	struct rk_op op;

	for (uint32_t i = 0; i < count; i++) {
		fixture_step_next(&step, &op);
		tell(&op);
	}
	memset(&tick, 0, sizeof(tick));
	tick.kind = RK_OP_TICK;
	tick.start = tick.end = rk_clock_now();
	tick.tick.ledger.gpu_kernels = kernels;
	tell(&tick);
	if (rk_trace_parts_writer(parts))
		rk_trace_writer_seal(rk_trace_parts_writer(parts));
}

static void define(enum rk_op_kind kind, uint32_t number, const char *text)
{
	struct rk_op op = { .kind = (uint8_t)kind,
			    .host_start = 7,
			    .text = (const uint8_t *)text,
			    .text_bytes = text ? (uint32_t)strlen(text) + 1 : 0 };

	if (kind == RK_OP_THREAD) {
		op.tid = number;
		op.name = rk_intern(text);
		op.text = NULL;
		op.text_bytes = 0;
	}
	if (kind == RK_OP_STACK)
		op.stack = number;
	tell(&op);
}

static void end(void)
{
	struct rk_op op = { .kind = RK_OP_END, .tick.ledger.gpu_kernels = kernels };

	tell(&op);
	assert_int_equal(rk_trace_parts_close(parts), 0);
	parts = NULL;
}

struct seen {
	uint64_t ops, first, last, kernels, ends, definitions;
	struct rk_trace_info info;
	struct rk_trace_meta meta; /* numbers only */
};

/* Read @path, every ordinal at most once and without a gap behind the first own op. */
static struct seen look(const char *path)
{
	struct rk_trace_reader *reader;
	struct seen seen = { 0 };
	char error[256] = "";
	struct rk_op op;
	int got;

	if (rk_trace_reader_open(&reader, path, error))
		fail_msg("%s", error);
	seen.meta = *rk_trace_reader_meta(reader);
	while ((got = rk_trace_reader_next(reader, &op)) > 0) {
		assert_true(op.ordinal > seen.last);
		if (op.ordinal < seen.meta.part_ordinal) {
			assert_true(rk_op_kind_is_definition(op.kind) || op.kind == RK_OP_TICK);
			seen.definitions++;
		} else if (seen.ops++ == 0) {
			seen.first = op.ordinal;
		} else {
			assert_int_equal(op.ordinal, seen.last + 1);
		}
		seen.last = op.ordinal;
		seen.kernels += op.kind == RK_OP_KERNEL;
		seen.ends += op.kind == RK_OP_END;
	}
	assert_int_equal(got, 0);
	rk_trace_reader_get_info(reader, &seen.info);
	rk_trace_reader_close(reader);
	return seen;
}

static unsigned count_parts(const char *folder, const char *name, uint64_t *bytes)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	unsigned count = 0;
	uint64_t number;
	struct stat st;

	*bytes = 0;
	while ((entry = readdir(dir))) {
		if (!rk_trace_name_is_part(entry->d_name, name, &number))
			continue;
		assert_int_equal(stat(fixture_path(folder, entry->d_name), &st), 0);
		*bytes += (uint64_t)st.st_size;
		count++;
	}
	closedir(dir);
	return count;
}

static void turn_if_due(void)
{
	if (rk_trace_parts_is_due(parts, rk_clock_now()))
		assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
}

/* Many times more than there is room for: what is left is the newest, all of it, and what went
 * before is told to the last kernel. */
static void test_rotation(void **state)
{
	struct seen seen;
	uint64_t bytes, rotated;

	begin(fixture_path(*state, NAME), MAX_BYTES, 0);
	define(RK_OP_THREAD, 11, "worker");
	for (unsigned i = 0; i < 300; i++) {
		work(PER_TICK);
		turn_if_due();
		count_parts(*state, NAME, &bytes);
		assert_in_range(bytes, 1, MAX_BYTES);
	}
	rotated = rk_trace_parts_rotated(parts);
	assert_true(rotated > 100 * PER_TICK);
	assert_int_equal(rk_trace_parts_lost(parts), 0);
	end();
	assert_in_range(count_parts(*state, NAME, &bytes), RK_TRACE_PARTS - 1, RK_TRACE_PARTS + 2);
	assert_true(bytes > MAX_BYTES / 2);
	seen = look(fixture_path(*state, NAME));
	/* The end wanted room as well. */
	assert_true(seen.meta.part_ordinal >= rotated + 1);
	assert_int_equal(seen.first, seen.meta.part_ordinal);
	assert_int_equal(seen.last, ordinal);
	assert_int_equal(seen.meta.part_kernels + seen.kernels, kernels);
	assert_int_equal(seen.ends, 1);
	assert_true(seen.info.clean_end);
	assert_int_equal(seen.info.file_bytes, bytes);
	assert_int_equal(seen.info.sealed_bytes, bytes);
}

/* Each part alone is a whole file, and together they are the ops once each. */
static void test_each_part(void **state)
{
	uint64_t sum = 0, own = 0, before = 0;
	struct seen seen;
	char path[PATH_MAX];

	begin(fixture_path(*state, NAME), 0, 0);
	define(RK_OP_THREAD, 11, "first name");
	define(RK_OP_STACK, 3, "12345678");
	for (unsigned i = 0; i < 4; i++) {
		define(RK_OP_THREAD, 11, "newest name");
		work(PER_TICK);
		assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	}
	work(PER_TICK);
	end();
	for (unsigned i = 1; i <= 5; i++) {
		assert_true(rk_trace_name_number(path, sizeof(path), fixture_path(*state, NAME),
						 ".", i));
		seen = look(path);
		assert_true(seen.info.clean_end);
		assert_int_equal(seen.meta.part_kernels, before);
		assert_int_equal(seen.meta.part_ordinal, own + 1);
		/* The newest thread's name, the stack, and the tick it begins with. */
		assert_int_equal(seen.definitions, i == 1 ? 0 : 3);
		before += seen.kernels;
		own += seen.ops - (i < 5); /* the end of a part that is not the last is none */
		sum += seen.kernels;
	}
	assert_int_equal(sum, kernels);
	assert_int_equal(own, ordinal);
	seen = look(fixture_path(*state, NAME));
	assert_int_equal(seen.ops, ordinal);
	assert_int_equal(seen.definitions, 0);
	assert_int_equal(seen.kernels, kernels);
}

/* What is cut by a SIGKILL is read, and it is no clean end. */
static void test_killed(void **state)
{
	struct seen seen;

	begin(fixture_path(*state, NAME), 0, 0);
	work(PER_TICK);
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	work(PER_TICK);
	seen = look(fixture_path(*state, NAME));
	assert_int_equal(seen.ops, ordinal);
	assert_int_equal(seen.ends, 0);
	assert_false(seen.info.clean_end);
}

/* A reader that came to the end goes on with the part that was begun since. */
static void test_follow(void **state)
{
	struct rk_trace_reader *reader;
	uint64_t last = 0;
	struct rk_op op;

	begin(fixture_path(*state, NAME), 0, 0);
	work(10);
	assert_int_equal(rk_trace_reader_open(&reader, fixture_path(*state, NAME), NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		do {
			while (rk_trace_reader_next(reader, &op) > 0)
				assert_int_equal(op.ordinal, ++last);
		} while (rk_trace_reader_follow(reader));
		assert_int_equal(last, ordinal);
		assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
		work(10);
	}
	rk_trace_reader_close(reader);
}

/* A second run under the same name leaves the first one's parts alone, and is the one meant. */
static void test_second_run(void **state)
{
	uint64_t bytes;

	begin(fixture_path(*state, NAME), 0, 0);
	work(PER_TICK);
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	end();
	ordinal = kernels = 0;
	parts = NULL;
	{
		struct rk_trace_meta other = fixture_meta;
		const struct rk_trace_parts_setup how = { .path = fixture_path(*state, NAME),
							  .meta = &other,
							  .options = { .level = 1 } };

		other.seed++;
		other.start_wall_ns = rk_clock_now() + (uint64_t)rk_clock_wall_offset(NULL);
		assert_int_equal(rk_trace_parts_open(&parts, &how), 0);
	}
	work(7);
	end();
	assert_int_equal(count_parts(*state, NAME, &bytes), 3);
	assert_int_equal(look(fixture_path(*state, NAME)).ops, 9);
}

/* A dump stays when what it was made of is deleted; a second one gets a name of its own. */
static void test_dump(void **state)
{
	struct rk_trace_dump dump = { 0 };
	char path[PATH_MAX], again[PATH_MAX];
	struct seen seen;
	uint64_t told;

	begin(fixture_path(*state, NAME), MAX_BYTES, 0);
	snprintf(path, sizeof(path), "%s", fixture_path(*state, "kept.rkt.zst"));
	snprintf(again, sizeof(again), "%s", path);
	assert_int_equal(rk_trace_parts_dump(parts, &dump, path), -ENODATA);
	work(PER_TICK);
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	work(PER_TICK);
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	told = ordinal;
	assert_int_equal(rk_trace_parts_dump(parts, &dump, path), 0);
	while (rk_trace_dump_run(&dump, 1000) > 0)
		;
	rk_trace_dump_finish(&dump, false);
	for (unsigned i = 0; i < 100; i++) {
		work(PER_TICK);
		turn_if_due();
	}
	assert_true(rk_trace_parts_rotated(parts) > told);
	seen = look(path);
	assert_int_equal(seen.ops, told + 1); /* and an end */
	assert_true(seen.info.clean_end);
	assert_int_equal(rk_trace_parts_dump(parts, &dump, again), 0);
	assert_string_not_equal(again, path);
	rk_trace_dump_finish(&dump, true);
	assert_int_not_equal(access(again, F_OK), 0);
}

/* Only what is younger than asked for stays, once there is newer work. */
static void test_keep(void **state)
{
	uint64_t bytes;

	begin(fixture_path(*state, NAME), 0, 8000000000u);
	work(10);
	assert_false(rk_trace_parts_is_due(parts, rk_clock_now()));
	assert_true(rk_trace_parts_is_due(parts, rk_clock_now() + 1000000000u));
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	work(0);
	/* Nothing but ticks: to wait pushes nothing out. */
	assert_false(rk_trace_parts_is_due(parts, rk_clock_now() + 100000000000u));
	end();
	assert_int_equal(count_parts(*state, NAME, &bytes), 2);

	begin(fixture_path(*state, "short.rkt.zst"), 0, 1);
	work(10);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	assert_int_equal(count_parts(*state, "short.rkt.zst", &bytes), 1);
}

/* A part that took no more is followed by one that does; what did not fit is counted. */
static void test_full_part(void **state)
{
	uint8_t text[RK_API_TEXT_MAX];
	struct fixture_random random = { .state = 8 };
	struct rk_op op = { .kind = RK_OP_LOG, .text = text, .text_bytes = sizeof(text) };
	uint64_t lost;

	begin(fixture_path(*state, NAME), 64u << 10, 0);
	for (unsigned i = 0; i < 20; i++) {
		for (size_t at = 0; at < sizeof(text); at += 8)
			memcpy(text + at, &(uint64_t){ fixture_next(&random) }, 8);
		tell(&op);
	}
	work(10);
	lost = rk_trace_parts_lost(parts);
	assert_true(lost > 0);
	assert_true(rk_trace_parts_is_due(parts, rk_clock_now() + 1000000000u));
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	work(10);
	end();
	assert_int_equal(look(fixture_path(*state, "run.2.rkt.zst")).kernels, 10);
}

/* A part that somebody put another file in the place of is not ours to delete. */
static void test_foreign_file(void **state)
{
	const char *first = fixture_path(*state, "run.1.rkt.zst");

	begin(fixture_path(*state, NAME), MAX_BYTES, 0);
	work(PER_TICK);
	assert_int_equal(rk_trace_parts_turn(parts, &tick), 0);
	assert_int_equal(unlink(first), 0);
	fixture_store(first, "mine", 4);
	for (unsigned i = 0; i < 100; i++) {
		work(PER_TICK);
		turn_if_due();
	}
	assert_true(rk_trace_parts_rotated(parts) > 0);
	assert_int_equal(access(fixture_path(*state, "run.1.rkt.zst"), F_OK), 0);
	assert_int_not_equal(access(fixture_path(*state, "run.2.rkt.zst"), F_OK), 0);
}

static void test_names(void **state)
{
	char path[64] = "a/b.rkt.zst";
	uint64_t number = 0;

	(void)state;
	assert_true(rk_trace_name_number(path, sizeof(path), "a/b.rkt.zst", ".", 12));
	assert_string_equal(path, "a/b.12.rkt.zst");
	rk_trace_name_of_set(path);
	assert_string_equal(path, "a/b.rkt.zst");
	rk_trace_name_of_set(path);
	assert_string_equal(path, "a/b.rkt.zst");
	assert_true(rk_trace_name_is_part("b.12.rkt.zst", "b.rkt.zst", &number));
	assert_int_equal(number, 12);
	assert_false(rk_trace_name_is_part("b.rkt.zst", "b.rkt.zst", &number));
	assert_false(rk_trace_name_is_part("b.x-1.2.rkt.zst", "b.rkt.zst", &number));
	assert_false(rk_trace_name_is_part("b.02.rkt.zst", "b.rkt.zst", &number));
	assert_false(rk_trace_name_is_part("b.2.rkt.zst.1", "b.rkt.zst", &number));
	assert_true(rk_trace_name_is_part("plain.3", "plain", &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file, setup, teardown),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
