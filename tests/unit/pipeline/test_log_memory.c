/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_log_memory.c - memory is out: one event, once a second, with who holds
 * it. Ops go to the account of memory and to the events, as the pipeline gives them.
 */
#include "op_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/live/event_source.h"
#include "pipeline/use/memory_use.h"

#define S	 1000000000ull
#define WALL	 1700000000000000000ull
#define CALLED	 "cuMemAlloc_v2"
#define REFUSED	 2 /* CUDA_ERROR_OUT_OF_MEMORY */
#define TOLD_MAX 4096

static struct rk_event_source source;
static struct rk_memory_use *use;
static struct rk_config config;
static uint64_t ordinal;
static unsigned count;
static struct rk_log_event last;
static char message[TOLD_MAX], fields[TOLD_MAX]; /* of it: ";key=value;..." */

static void take_event(struct rk_net *net, const struct rk_log_event *event)
{
	size_t used = 1;

	(void)net;
	count++;
	last = *event;
	snprintf(message, sizeof(message), "%s", event->message);
	strcpy(fields, ";");
	for (size_t i = 0; i < event->field_count; i++) {
		const struct rk_log_field *field = &event->fields[i];

		if (field->text)
			used += (size_t)snprintf(fields + used, sizeof(fields) - used, "%s=%s;",
						 field->key, field->text);
		else
			used += (size_t)snprintf(fields + used, sizeof(fields) - used,
						 "%s=%" PRId64 ";", field->key, field->integer);
	}
}

static struct rk_net net = { .log = take_event };

static void feed(struct rk_op op, uint64_t now)
{
	op.ordinal = ++ordinal;
	op.host_start = now - 10;
	op.host_end = now;
	rk_memory_use_feed(use, &op);
	source.sink.op(&source.sink, &op);
}

static int set_up(void **state)
{
	struct rk_event_source_setup setup = { .config = &config };
	struct rk_op clock = { .kind = RK_OP_CLOCK, .clock = { .wall_offset_ns = WALL } };

	(void)state;
	config = (struct rk_config){ .logging_level = RK_LOG_INFO,
				     .tracing_baggage_attributes = "" };
	count = 0;
	ordinal = 0;
	if (rk_memory_use_create(&use))
		return -1;
	rk_event_source_start(&source, &setup);
	rk_event_source_set_net(&source, &net);
	rk_event_source_set_memory(&source, use, NULL);
	feed(clock, 10);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rk_event_source_stop(&source);
	rk_memory_use_destroy(use);
	return 0;
}

static struct rk_op op_of(enum rk_op_kind kind, uint8_t flags, uint16_t result)
{
	return (struct rk_op){ .kind = (uint8_t)kind,
			       .flags = flags,
			       .result = result,
			       .tid = 42,
			       .api = rk_intern(CALLED) };
}

static void take(uint64_t ptr, uint64_t bytes, uint64_t now)
{
	struct rk_op op = op_of(RK_OP_ALLOC, 0, 0);

	op.memory.ptr = ptr;
	op.memory.bytes = bytes;
	feed(op, now);
}

/* As the join tells it: the error, and later what was asked for. */
static void refuse(uint64_t bytes, uint64_t now)
{
	struct rk_op op = op_of(RK_OP_ALLOC, RK_OP_F_OPEN, REFUSED);

	feed(op_of(RK_OP_ERROR, RK_OP_F_OPEN, REFUSED), now);
	op.memory.ptr = bytes;
	op.memory.pool = RK_POOL_ASYNC;
	feed(op, now);
}

static void assert_field(const char *field)
{
	if (!strstr(fields, field))
		fail_msg("%s is not in %s", field, fields);
}

static void test_refused(void **state)
{
	(void)state;
	take(0x1000, 3 << 20, S);
	refuse(1 << 30, 2 * S);
	assert_int_equal(count, 1);
	assert_string_equal(last.name, "rustkernel.out_of_memory");
	assert_int_equal(last.level, RK_LOG_ERROR);
	assert_int_equal(last.unix_ns, WALL + 2 * S);
	assert_field(";requested_bytes=1073741824;");
	assert_field(";pool=async;");
	assert_field(";held_bytes=3145728;");
	assert_field(";device=0;");
	assert_field(";api=" CALLED ";");
	assert_field(";error.type=CUDA_ERROR_OUT_OF_MEMORY;");
	assert_null(strstr(fields, "untold"));
	assert_non_null(strstr(message, CALLED " failed, out of memory: "));
	assert_non_null(strstr(message, "the program holds 3"));
	assert_non_null(strstr(message, "thread 42"));
}

/* Programs that free and try again do so often. */
static void test_once_a_second(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 7; i++)
		refuse(1000 + i, 5 * S + i * (S / 10));
	assert_int_equal(count, 1);
	assert_field(";requested_bytes=1000;");
	refuse(2000, 6 * S - 1);
	assert_int_equal(count, 1);
	refuse(3000, 6 * S);
	assert_int_equal(count, 2);
	assert_field(";requested_bytes=3000;");
	assert_field(";untold=7;");
	refuse(4000, 7 * S);
	assert_int_equal(count, 3);
	assert_null(strstr(fields, "untold"));
}

/* A launch that found no memory asked for none that is known: what is held is told all the same. */
static void test_error_of_another_call(void **state)
{
	struct rk_op op = op_of(RK_OP_ERROR, 0, REFUSED);

	(void)state;
	take(0x1000, 500, S);
	refuse(77, 2 * S);
	op.api = rk_intern("cuLaunchKernel");
	feed(op, 4 * S);
	assert_int_equal(count, 2);
	assert_field(";api=cuLaunchKernel;");
	assert_field(";held_bytes=500;");
	assert_null(strstr(fields, "requested_bytes"));
	assert_null(strstr(fields, "pool="));
}

/* The error that an ALLOC follows is silent, alone as well. */
static void test_error_that_is_told_later(void **state)
{
	(void)state;
	feed(op_of(RK_OP_ERROR, RK_OP_F_OPEN, REFUSED), S);
	assert_int_equal(count, 0);
}

static void test_nothing_to_tell(void **state)
{
	(void)state;
	take(0x1000, 500, S);
	feed(op_of(RK_OP_ALLOC, RK_OP_F_OPEN, 0), 2 * S); /* a node of a graph */
	assert_int_equal(count, 0);
	feed(op_of(RK_OP_ERROR, 0, 1), 3 * S); /* an invalid value */
	assert_int_equal(count, 1);
	assert_string_equal(last.name, "rustkernel.error");
	config.logging_level = RK_LOG_OFF;
	refuse(1, 4 * S);
	assert_int_equal(count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_once_a_second),
		TEST(test_error_of_another_call),
		TEST(test_error_that_is_told_later),
		TEST(test_nothing_to_tell),
	};

	return cmocka_run_group_tests_name("log_memory", tests, NULL, NULL);
}
