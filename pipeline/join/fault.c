/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/fault.c - the message of a failed call.
 */
#include "pipeline/join/fault.h"

#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/join/kernel_name.h"

#define MESSAGE_SIZE 1024
#define NAME_MAX_SHOWN 100 /* characters; names of templates have thousands */

void rk_fault_note(struct rk_fault *fault, const struct rk_op *op)
{
	if (op->flags & RK_OP_F_SUSPECT && fault->count < RK_FAULT_SUSPECTS)
		fault->names[fault->count++] = op->name;
}

static bool is_named_before(const struct rk_fault *fault, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++) {
		if (fault->names[i] == fault->names[index])
			return true;
	}
	return false;
}

static int put_suspects(const struct rk_fault *fault, const struct rk_config *config, char *out,
			size_t size)
{
	int used = 0;

	for (uint32_t i = 0; i < fault->count && (size_t)used < size; i++) {
		const char *name = "a graph";

		if (is_named_before(fault, i))
			continue;
		if (fault->names[i])
			name = rk_intern_get(
				rk_kernel_name_get(config, fault->names[i])->kernel_id);
		used += snprintf(out + used, size - (size_t)used, "%s%.*s",
				 used ? ", " : "; in flight: ", NAME_MAX_SHOWN, name);
	}
	return used;
}

uint32_t rk_fault_message(struct rk_fault *fault, const struct rk_config *config,
			  const struct rk_op *op)
{
	const char *name = rk_cuda_result_name(op->result);
	const char *text = rk_cuda_result_text(name);
	char message[MESSAGE_SIZE];
	int used = snprintf(message, sizeof(message), "%s failed: %s%s%s%s", rk_intern_get(op->api),
			    name, *text ? " (" : "", text, *text ? ")" : "");

	if (rk_cuda_result_is_sticky(op->result))
		put_suspects(fault, config, message + used, sizeof(message) - (size_t)used);
	fault->count = 0;
	return op->api ? rk_intern(message) : 0;
}
