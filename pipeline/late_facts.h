/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/late_facts.h - what is known of the GPU only when a file has begun long ago.
 *
 * A program that speaks before its first CUDA context opens its file before there is a driver to
 * ask. What the description lacks then comes as an op, and so do a replay's metrics know of it.
 * The op is a SETTINGS with the keys of the description, which are no keys of the configuration.
 */
#ifndef RK_PIPELINE_LATE_FACTS_H
#define RK_PIPELINE_LATE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fields.h"
#include "core/op.h"

struct rk_late_facts {
	uint32_t cupti_version, cuda_version;
	const char *gpu_time_source;  /* "cupti" or "host" */
	const char *host_time_reason; /* "" = none */
	const char *resource;	      /* all of it; "" = it did not fit and stays as it is */
};

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
