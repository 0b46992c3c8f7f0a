/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/op_log.h - collects ops and spans, makes records and activities.
 *
 * The clock is not calibrated in these tests, so ticks are nanoseconds.
 */
#ifndef RK_TEST_OP_LOG_H
#define RK_TEST_OP_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/activity.h"
#include "core/config.h"
#include "core/op.h"
#include "core/record.h"
#include "pipeline/join/join.h"
#include "pipeline/sink.h"

enum test_api {
	API_LAUNCH,
	API_COPY_IN,
	API_COPY_IN_ASYNC,
	API_COPY_OUT,
	API_COPY,
	API_SET_ASYNC,
	API_GRAPH,
	API_SYNC,
	API_ALLOC,
	API_FREE,
	API_COUNT
};

extern const char *const test_api_names[API_COUNT];

struct op_log {
	struct rk_op *ops; /* with texts of their own */
	uint32_t count, capacity;
};

void op_log_take(const struct rk_op *op, void *data);
void op_log_finish(struct op_log *log);
uint32_t op_log_count(const struct op_log *log, enum rk_op_kind kind);
/* The @n-th op of a kind, from 0. */
const struct rk_op *op_log_get(const struct op_log *log, enum rk_op_kind kind, uint32_t n);

struct span_log {
	struct rk_sink sink;
	struct rk_span *spans; /* .op is cleared, .queue_ns and .ops stay; .waits are its own */
	uint32_t count, capacity;
};

void span_log_init(struct span_log *log);
void span_log_finish(struct span_log *log);
uint32_t span_log_count(const struct span_log *log, enum rk_span_shape shape);
const struct rk_span *span_log_get(const struct span_log *log, enum rk_span_shape shape,
				   uint32_t n);

/* Defaults of the table, for tests that need no YAML. */
void test_config_init(struct rk_config *config);

struct rk_record make_launch(uint32_t correlation, uint64_t start, uint64_t function);
struct rk_record make_copy(enum test_api api, uint32_t correlation, uint64_t start, uint64_t bytes);
struct rk_record make_graph(uint32_t correlation, uint64_t start);
struct rk_record make_sync(enum rk_sync_scope scope, uint64_t start, uint64_t object);
struct rk_record make_memory(enum rk_record_kind kind, uint64_t ptr, uint64_t bytes,
			     enum rk_pool pool);
struct rk_activity make_activity(enum rk_activity_kind kind, uint32_t correlation, uint64_t start,
				 uint64_t end);
struct rk_activity make_flushed(uint64_t watermark);

struct rk_join *make_join(struct op_log *log, uint32_t max_pending);

#endif
