/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_memory.c - each allocation is told, and freed, at most once.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"

#define S     1000000000ull
#define LATER 100000 /* than every call of a test */

/* What a reader of the ops alone would say is held. */
static int64_t live(const struct op_log *log)
{
	int64_t bytes = 0;

	for (uint32_t i = 0; i < log->count; i++) {
		if (log->ops[i].kind == RK_OP_ALLOC)
			bytes += (int64_t)log->ops[i].memory.bytes;
		if (log->ops[i].kind == RK_OP_FREE)
			bytes -= (int64_t)log->ops[i].memory.bytes;
	}
	return bytes;
}

static struct rk_record memory(enum rk_record_kind kind, uint64_t start, uint64_t ptr,
			       uint64_t bytes)
{
	struct rk_record record = make_memory(kind, ptr, bytes, RK_POOL_DEVICE);

	record.start = start;
	record.end = start + 10;
	record.context = 1;
	return record;
}

static struct rk_record virtual(enum rk_record_kind kind, uint64_t start, uint64_t ptr,
				enum rk_memory_act act)
{
	struct rk_record record = memory(kind, start, ptr, 0);

	record.mem.pool = RK_POOL_VMM;
	record.mem.act = (uint8_t)act;
	return record;
}

static struct rk_record gone(uint64_t start, uint16_t context, int32_t device)
{
	struct rk_record record = memory(RK_REC_CONTEXT, start, 0, 0);

	record.context = context;
	record.ctx.context = 0x77;
	record.ctx.device = device;
	record.ctx.life = RK_LIFE_DESTROY;
	return record;
}

static struct rk_record made(uint16_t context, int32_t device)
{
	struct rk_record record = gone(1, context, device);

	record.ctx.life = RK_LIFE_CREATE;
	return record;
}

/* In a round of its own: what the order inside of a round cannot help. */
static void take(struct rk_join *join, struct rk_record record)
{
	rk_join_host(join, 1, &record);
	rk_join_tick(join, LATER);
	rk_join_tick(join, LATER);
}

struct fixture {
	struct op_log log;
	struct rk_join *join;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.join = make_join(&fixture.log, 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rk_join_destroy(f->join);
	op_log_finish(&f->log);
	return 0;
}

static void test_free_has_the_bytes(void **state)
{
	struct fixture *f = *state;
	struct rk_record record = memory(RK_REC_ALLOC, 100, 0x7000, 512);

	record.mem.pool = RK_POOL_ASYNC;
	take(f->join, record);
	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0));
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.bytes, 512);
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.pool, RK_POOL_ASYNC);
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.ptr, 0x7000);
}

static void test_free_of_nothing(void **state)
{
	struct fixture *f = *state;

	take(f->join, memory(RK_REC_FREE, 100, 0, 0));
	rk_join_finish(f->join);
	assert_int_equal(f->log.count, 0);
}

/* Its ALLOC may come yet; when it does not, the FREE is told without bytes. */
static void test_unknown_free_waits(void **state)
{
	struct fixture *f = *state;

	take(f->join, memory(RK_REC_FREE, 100, 0x8000, 0));
	rk_join_tick(f->join, 1 * S);
	assert_int_equal(f->log.count, 0);
	rk_join_tick(f->join, 3 * S);
	assert_int_equal(op_log_count(&f->log, RK_OP_FREE), 1);
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.bytes, 0);
}

/* The ring of the thread that freed was drained before that of the one that allocated. */
static void test_free_before_alloc(void **state)
{
	struct fixture *f = *state;

	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0));
	take(f->join, memory(RK_REC_FREE, 400, 0x7000, 0));
	take(f->join, memory(RK_REC_ALLOC, 100, 0x7000, 64));
	assert_int_equal(live(&f->log), 0);
	take(f->join, memory(RK_REC_ALLOC, 300, 0x7000, 32));
	assert_int_equal(live(&f->log), 0);
	assert_int_equal(op_log_count(&f->log, RK_OP_ALLOC), 2);
	assert_int_equal(op_log_count(&f->log, RK_OP_FREE), 2);
	rk_join_finish(f->join);
	assert_int_equal(op_log_count(&f->log, RK_OP_FREE), 2);
}

/* The address was given again before the record of its FREE was seen. */
static void test_address_used_again(void **state)
{
	struct fixture *f = *state;

	take(f->join, memory(RK_REC_ALLOC, 100, 0x7000, 64));
	take(f->join, memory(RK_REC_ALLOC, 300, 0x7000, 32));
	assert_int_equal(live(&f->log), 32);
	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0)); /* of the first one */
	assert_int_equal(live(&f->log), 32);
	take(f->join, memory(RK_REC_FREE, 400, 0x7000, 0));
	assert_int_equal(live(&f->log), 0);
}

/* Of two allocations at one address the later one was drained first. */
static void test_earlier_allocation_comes_late(void **state)
{
	struct fixture *f = *state;

	take(f->join, memory(RK_REC_ALLOC, 300, 0x7000, 32));
	take(f->join, memory(RK_REC_ALLOC, 100, 0x7000, 64));
	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0));
	assert_int_equal(live(&f->log), 32);
	assert_int_equal(op_log_count(&f->log, RK_OP_ALLOC), 2);
	take(f->join, memory(RK_REC_FREE, 400, 0x7000, 0));
	assert_int_equal(live(&f->log), 0);
}

/* Records of one round are taken in the order of their calls. */
static void test_order_in_a_round(void **state)
{
	struct fixture *f = *state;
	const struct rk_record records[] = {
		memory(RK_REC_FREE, 600, 0x7000, 0),  memory(RK_REC_FREE, 400, 0x7000, 0),
		memory(RK_REC_ALLOC, 500, 0x7000, 3), memory(RK_REC_ALLOC, 100, 0x7000, 1),
		memory(RK_REC_FREE, 200, 0x7000, 0),  memory(RK_REC_ALLOC, 300, 0x7000, 2),
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		rk_join_host(f->join, (uint32_t)i + 1, &records[i]);
	assert_int_equal(f->log.count, 0);
	rk_join_tick(f->join, LATER);
	assert_int_equal(f->log.count, 0); /* some may still be on their way */
	rk_join_tick(f->join, LATER);
	assert_int_equal(f->log.count, 6);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(f->log.ops[2 * i].kind, RK_OP_ALLOC);
		assert_int_equal(f->log.ops[2 * i + 1].kind, RK_OP_FREE);
		assert_int_equal(f->log.ops[2 * i].memory.bytes, i + 1);
		assert_int_equal(f->log.ops[2 * i + 1].memory.bytes, i + 1);
	}
}

static void test_context_takes_its_memory(void **state)
{
	struct fixture *f = *state;
	struct rk_record async = memory(RK_REC_ALLOC, 100, 0x9000, 1000);
	struct rk_record record;

	async.mem.pool = RK_POOL_ASYNC;
	take(f->join, made(1, 0));
	take(f->join, memory(RK_REC_ALLOC, 100, 0x7000, 64));
	take(f->join, memory(RK_REC_ALLOC, 300, 0x8000, 32)); /* after the context was gone */
	take(f->join, async);
	record = gone(200, 1, -1);
	rk_join_host(f->join, 1, &record);
	take(f->join, memory(RK_REC_ALLOC, 150, 0xa000, 16)); /* of another thread's ring */
	assert_int_equal(live(&f->log), 1032);
	assert_int_equal(op_log_count(&f->log, RK_OP_FREE), 2);
	/* What is a pool's goes with the primary context of its device. */
	take(f->join, gone(400, 0, 1));
	take(f->join, gone(400, 0, 0));
	rk_join_tick(f->join, LATER);
	rk_join_tick(f->join, LATER);
	assert_int_equal(live(&f->log), 32);
}

static void test_device_is_the_streams(void **state)
{
	struct fixture *f = *state;
	struct rk_record stream = memory(RK_REC_STREAM, 50, 0, 0);
	struct rk_record alloc = memory(RK_REC_ALLOC, 100, 0x7000, 64);

	take(f->join, made(1, 0));
	take(f->join, made(2, 5));
	stream.context = 2;
	stream.stream.stream = 0x1234;
	stream.stream.life = RK_LIFE_CREATE;
	take(f->join, stream);
	alloc.mem.pool = RK_POOL_ASYNC;
	alloc.mem.stream = 0x1234;
	take(f->join, alloc);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 0)->device, 5);
	alloc.mem.ptr = 0x8000;
	alloc.mem.place = 3 + 1; /* the pool says so */
	take(f->join, alloc);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 1)->device, 3);
	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0));
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->device, 5);
}

/* Physical memory is there as long as a handle or a mapping is. */
static void test_physical_memory(void **state)
{
	struct fixture *f = *state;
	struct rk_record map = virtual(RK_REC_ALLOC, 200, 0x100000, RK_MEMORY_MAP);
	struct rk_record create = virtual(RK_REC_ALLOC, 100, 0xff, RK_MEMORY_OWN);
	struct rk_record unmap = virtual(RK_REC_FREE, 500, 0x100000, RK_MEMORY_UNMAP);

	create.mem.bytes = 4096;
	map.mem.bytes = 4096;
	map.mem.stream = 0xff;
	unmap.mem.bytes = 8192;
	take(f->join, create);
	take(f->join, map);
	map.mem.ptr += 4096;
	take(f->join, map);
	take(f->join, virtual(RK_REC_ALLOC, 300, 0xff, RK_MEMORY_RETAIN));
	take(f->join, virtual(RK_REC_FREE, 400, 0xff, RK_MEMORY_OWN));
	take(f->join, virtual(RK_REC_FREE, 410, 0xff, RK_MEMORY_OWN));
	assert_int_equal(live(&f->log), 4096);
	assert_int_equal(f->log.count, 1);
	take(f->join, unmap); /* both mappings at once */
	assert_int_equal(live(&f->log), 0);
	assert_int_equal(f->log.count, 2);
}

/* Memory of others is known so that giving it back frees nothing of ours. */
static void test_foreign_memory(void **state)
{
	struct fixture *f = *state;

	take(f->join, virtual(RK_REC_ALLOC, 100, 0xff, RK_MEMORY_FOREIGN));
	take(f->join, virtual(RK_REC_FREE, 200, 0xff, RK_MEMORY_OWN));
	rk_join_finish(f->join);
	assert_int_equal(f->log.count, 0);
}

static void test_graph_only_promises(void **state)
{
	struct fixture *f = *state;
	struct rk_record node = memory(RK_REC_ALLOC, 100, 0x7000, 4096);

	node.mem.pool = RK_POOL_ASYNC;
	node.mem.act = RK_MEMORY_PROMISE;
	take(f->join, node);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 0)->flags, RK_OP_F_OPEN);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 0)->memory.ptr, 4096);
	assert_int_equal(live(&f->log), 0);
	/* Freed outside the graph after every launch of it. */
	take(f->join, memory(RK_REC_FREE, 200, 0x7000, 0));
	take(f->join, memory(RK_REC_FREE, 300, 0x7000, 0));
	rk_join_finish(f->join);
	assert_int_equal(f->log.count, 1);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct rk_record record = memory(RK_REC_ALLOC, 100, 0, 1u << 30);

	record.result = 2;
	take(f->join, record);
	assert_int_equal(f->log.count, 2);
	assert_int_equal(f->log.ops[0].kind, RK_OP_ERROR);
	assert_int_equal(f->log.ops[0].flags, RK_OP_F_OPEN);
	assert_int_equal(f->log.ops[1].kind, RK_OP_ALLOC);
	assert_int_equal(f->log.ops[1].flags, RK_OP_F_OPEN);
	assert_int_equal(f->log.ops[1].result, 2);
	assert_int_equal(f->log.ops[1].memory.ptr, 1u << 30);
	assert_int_equal(f->log.ops[1].memory.bytes, 0);
	record.result = 1; /* of an invalid value nothing is to be learnt */
	take(f->join, record);
	assert_int_equal(op_log_count(&f->log, RK_OP_ALLOC), 1);
}

/* The rings of other threads come later in a round: what they took before is known by then. */
static void test_refused_in_order(void **state)
{
	struct fixture *f = *state;
	struct rk_record refused = memory(RK_REC_ALLOC, 500, 0, 1u << 30);
	struct rk_record freed = memory(RK_REC_FREE, 300, 0x4000, 0);
	struct rk_record taken = memory(RK_REC_ALLOC, 100, 0x4000, 32);
	struct rk_record again = memory(RK_REC_ALLOC, 400, 0x4000, 64);

	refused.result = 2;
	rk_join_host(f->join, 1, &refused);
	rk_join_host(f->join, 2, &freed);
	rk_join_host(f->join, 3, &again);
	rk_join_host(f->join, 4, &taken);
	rk_join_tick(f->join, LATER);
	rk_join_tick(f->join, LATER);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 0)->memory.bytes, 32);
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.bytes, 32);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 1)->memory.bytes, 64);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 2)->memory.ptr, 1u << 30);
	assert_int_equal(live(&f->log), 64);
}

static void test_host_memory_is_pinned(void **state)
{
	struct fixture *f = *state;
	struct rk_record record = virtual(RK_REC_ALLOC, 100, 0xff, RK_MEMORY_OWN);

	record.mem.bytes = 4096;
	record.mem.place = RK_MEMORY_HOST;
	take(f->join, record);
	assert_int_equal(op_log_get(&f->log, RK_OP_ALLOC, 0)->memory.pool, RK_POOL_PINNED);
	take(f->join, virtual(RK_REC_FREE, 200, 0xff, RK_MEMORY_OWN));
	assert_int_equal(op_log_get(&f->log, RK_OP_FREE, 0)->memory.pool, RK_POOL_PINNED);
	assert_int_equal(live(&f->log), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_free_has_the_bytes),
		TEST(test_free_of_nothing),
		TEST(test_unknown_free_waits),
		TEST(test_free_before_alloc),
		TEST(test_address_used_again),
		TEST(test_earlier_allocation_comes_late),
		TEST(test_order_in_a_round),
		TEST(test_context_takes_its_memory),
		TEST(test_device_is_the_streams),
		TEST(test_physical_memory),
		TEST(test_foreign_memory),
		TEST(test_graph_only_promises),
		TEST(test_refused),
		TEST(test_refused_in_order),
		TEST(test_host_memory_is_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
