/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor_print.c - the findings of `rktrace doctor`, collected and printed.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/gpu_facts.h"
#include "tools/doctor.h"
#include "tools/json.h"

void rk_diagnosis_add(struct rk_diagnosis *d, const char *subject, enum rk_finding_state state,
		      const char *format, ...)
{
	struct rk_finding *finding = &d->findings[d->count];
	va_list args;

	if (d->count == RK_FINDINGS_MAX)
		return;
	d->count++;
	finding->subject = subject;
	finding->state = state;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

enum rk_finding_state rk_diagnosis_worst(const struct rk_diagnosis *d)
{
	enum rk_finding_state state = RK_FINDING_OK;

	for (size_t i = 0; i < d->count; i++) {
		if (d->findings[i].state > state)
			state = d->findings[i].state;
	}
	return state;
}

bool rk_diagnosis_has_gpu_time(const struct rk_diagnosis *d)
{
	return d->gpu.cupti_version && (d->gpu.missing & RK_GPU_NO_RECORDS) != RK_GPU_NO_RECORDS;
}

static void put_gpu(struct rk_json *json, const struct rk_diagnosis *d)
{
	rk_json_uint(json, "devices", d->gpu.devices > 0 ? (uint64_t)d->gpu.devices : 0);
	rk_json_bool(json, "simulated", d->gpu.simulated);
	rk_json_string(json, "gpu_time_source", rk_diagnosis_has_gpu_time(d) ? "cupti" : "host");
	rk_json_open(json, "gpu_time_missing", '[');
	for (unsigned bit = 0; rk_gpu_missing_name(bit); bit++)
		if (d->gpu.missing & 1u << bit)
			rk_json_string(json, NULL, rk_gpu_missing_name(bit));
	rk_json_close(json, ']');
	rk_json_string(json, "driver", d->gpu.driver);
	rk_json_uint(json, "driver_version", d->gpu.driver_version);
	rk_json_string(json, "cupti", d->gpu.cupti);
	rk_json_uint(json, "cupti_version", d->gpu.cupti_version);
}

static void put_program(struct rk_json *json, const struct rk_doctor_program *program)
{
	rk_json_open(json, "program", '{');
	rk_json_string(json, "path", program->path);
	rk_json_bool(json, "can_be_traced", !program->is_closed);
	rk_json_string(json, "cuda_runtime",
		       *program->elf.runtime	? program->elf.runtime :
		       program->elf.has_runtime ? "static" :
						  "");
	rk_json_bool(json, "has_kernels", program->elf.has_kernels);
	rk_json_close(json, '}');
}

void rk_diagnosis_print_json(const struct rk_diagnosis *d)
{
	static const char *const states[] = { "ok", "note", "bad" };
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_bool(&json, "ok", rk_diagnosis_worst(d) != RK_FINDING_BAD);
	put_gpu(&json, d);
	if (d->program.words)
		put_program(&json, &d->program);
	rk_json_open(&json, "findings", '[');
	for (size_t i = 0; i < d->count; i++) {
		rk_json_open(&json, NULL, '{');
		rk_json_string(&json, "subject", d->findings[i].subject);
		rk_json_string(&json, "state", states[d->findings[i].state]);
		rk_json_string(&json, "text", d->findings[i].text);
		rk_json_close(&json, '}');
	}
	rk_json_close(&json, ']');
	rk_json_string(&json, "next", d->next);
	rk_json_close(&json, '}');
}

void rk_diagnosis_print(const struct rk_diagnosis *d)
{
	static const char *const states[] = { "ok  ", "note", "BAD " };

	for (size_t i = 0; i < d->count; i++)
		printf("%s  %-12s %s\n", states[d->findings[i].state], d->findings[i].subject,
		       d->findings[i].text);
	printf("\nnext: %s\n", *d->next ? d->next : "no line would trace this program");
}
