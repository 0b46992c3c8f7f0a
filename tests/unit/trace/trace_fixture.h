/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/trace_fixture.h - made-up ops and whole files for the tests of the format.
 */
#ifndef RK_TESTS_TRACE_FIXTURE_H
#define RK_TESTS_TRACE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_reader.h"
#include "trace/trace_writer.h"

struct fixture_random {
	uint64_t state;
};

uint64_t fixture_next(struct fixture_random *random);

/* Zero, small, or any 64 bits: the shapes that numbers take in the wild. */
uint64_t fixture_number(struct fixture_random *random);

/* A made-up op of @kind with every field of that kind set; everything else is zero, so that
 * whole structs can be compared. */
void fixture_op(struct fixture_random *random, unsigned kind, struct rk_op *op);

/* The next op of a step that repeats: a training loop with 4 streams, noise in every time. */
struct fixture_step {
	struct fixture_random random;
	uint64_t ordinal, host_now, stream_end[4];
	uint32_t correlation, exec, at;
	uint32_t names[64], api;
	uint32_t gpu_tick_ns; /* of the GPU's clock; the tests may set it before the first op */
};

void fixture_step_init(struct fixture_step *step, uint64_t seed);
void fixture_step_next(struct fixture_step *step, struct rk_op *op);

extern const struct rk_trace_meta fixture_meta;
extern const struct rk_trace_options fixture_options;

/* A fresh folder below TMPDIR; removed by fixture_remove(). */
char *fixture_folder(void);
void fixture_remove(char *folder);
/* "<folder>/<name>"; valid until the fourth call after this one. */
const char *fixture_path(const char *folder, const char *name);

unsigned char *fixture_load(const char *path, size_t *size);
void fixture_store(const char *path, const void *bytes, size_t size);

/* The one copy of these bytes; lives as long as the program. */
const uint8_t *fixture_text(const uint8_t *bytes, uint32_t size);

/* Kinds of ops that may stand anywhere: all but the end. */
#define FIXTURE_KINDS (RK_OP_KIND_COUNT - 2)

/* A file of @count ops of every kind, sealed every @per_frame ops; the ops are returned. */
struct rk_op *fixture_file(const char *path, uint64_t seed, uint32_t count, uint32_t per_frame);

/* Read @path. @ops: room for @room. Return: what ended it (0 or -errno of open or next). */
int fixture_read(const char *path, struct rk_op *ops, size_t room, struct rk_trace_info *info);

#endif
