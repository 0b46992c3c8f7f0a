/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/late_facts.h - what is known of the GPU only when a file has begun long ago.
 *
 * A program that speaks before its first CUDA context opens its file before there is a driver to
 * ask. What the description lacks then comes as an op, and so do a replay's metrics know of it.
 * So does what has changed meanwhile: another tool had CUPTI for a while. The last op holds.
 * The op is a SETTINGS with the keys of the description, which are no keys of the configuration.
 */
#ifndef RK_PIPELINE_JOIN_LATE_FACTS_H
#define RK_PIPELINE_JOIN_LATE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fields.h"
#include "core/gpu_facts.h"
#include "core/op.h"

struct rk_late_facts {
	uint32_t cupti_version, cuda_version;
	const char *gpu_time_source;  /* "cupti" or "host" */
	const char *host_time_reason; /* "" = none */
	const char *resource;	      /* all of it; "" = as it was, or it did not fit */
	struct rk_gpu_facts gpu;
};

#define RK_GPU_NOTE_MAX 320

/**
 * What a reader of times has to know, in one line: "host time for memsets; host time for 2.10 s
 * while libkineto.so held CUPTI". "" = nothing.
 *
 * Context: any. Return: @out.
 */
const char *rk_late_facts_note(const struct rk_gpu_facts *gpu, char out[RK_GPU_NOTE_MAX]);

/**
 * Pack @facts as the text of an op.
 *
 * Context: exporter.
 */
void rk_late_facts_pack(const struct rk_late_facts *facts, struct rk_fields_writer *writer);

/**
 * Read them from an op.
 *
 * Context: exporter or tools. Ownership: texts are the op's. Return: whether it has any.
 */
bool rk_late_facts_read(struct rk_late_facts *facts, const struct rk_op *op);

#endif
