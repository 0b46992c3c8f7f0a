/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/api_story.h - ops of the C API, and copies of the spans they become.
 *
 * The text of an op is overwritten as soon as it was taken, as its owner may.
 */
#ifndef RK_TEST_API_STORY_H
#define RK_TEST_API_STORY_H

#include "op_log.h"

#include "core/api_record.h"
#include "core/fields.h"
#include "pipeline/span/assembler.h"

#define STORY_WALL 1700000000000000000ll

/* A span with all it holds, as text: "key=value;" for each pair. */
struct told_span {
	struct rk_span span; /* pointers in it are dead, but for those to the texts here */
	char name[256], kernel_id[256], domain[64], tracestate[600], error[64];
	char baggage[256], attributes[4096], events[4096], links[4096], message[128];
	struct rk_span_api api;
	bool is_leaf;
};

struct story {
	struct rk_config config;
	struct rk_assembler_setup setup;
	struct rk_assembler *assembler;
	struct told_span *spans;
	uint32_t count, capacity;
	uint64_t ordinal;
	bool is_counting_only; /* for stories of many spans */
	uint64_t digest;       /* of all spans, in order */
};

struct story_op {
	struct rk_op op;
	uint8_t text[RK_API_TEXT_MAX];
	struct rk_fields_writer fields;
};

void story_open(struct story *story);
void story_close(struct story *story);
void story_feed(struct story *story, const struct rk_op *op);
void story_tell(struct story *story, const struct story_op *said);
void story_tick(struct story *story, uint64_t now);
const struct told_span *story_find(const struct story *story, const char *name);
struct rk_assembler_stats story_stats(const struct story *story);

/* Spans 1, 2, 3... of trace 1, with id number. @parent 0: a root. */
void make_begin(struct story_op *said, uint64_t number, uint64_t parent, const char *name,
		uint64_t at);
void make_end(struct story_op *said, uint64_t number, uint64_t at, enum rk_span_status status,
	      const char *message);
void make_attribute(struct story_op *said, uint64_t number, uint64_t at, const char *key,
		    const char *value);
void make_event(struct story_op *said, uint64_t number, uint64_t at, const char *name);
void make_link(struct story_op *said, uint64_t number, uint64_t at);
/* Execution @exec runs in span @number of trace 1. */
void make_context(struct story_op *said, uint64_t exec, uint64_t number, uint64_t at);
void put_text(struct story_op *said, const char *key, const char *value);

struct rk_op make_work(enum rk_op_kind kind, uint64_t exec, uint64_t start, uint64_t end);
struct rk_op make_close(uint64_t exec, uint32_t calls);

#endif
