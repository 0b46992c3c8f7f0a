/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor.h - what `rktrace doctor` finds, one line each, and what came of it.
 */
#ifndef RK_TOOLS_DOCTOR_H
#define RK_TOOLS_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/doctor_gpu.h"
#include "tools/elf_file.h"

enum rk_finding_state { RK_FINDING_OK, RK_FINDING_NOTE, RK_FINDING_BAD };

struct rk_finding {
	const char *subject; /* static */
	enum rk_finding_state state;
	char text[1024];
};

#define RK_FINDINGS_MAX 48

/* The program that is asked about. */
struct rk_doctor_program {
	char **words;		 /* as it would be started; NULL = none was named */
	char path[PATH_MAX];	 /* of its file, or of the interpreter of a script */
	char runtime_folder[256]; /* of the libcudart that its loader finds; "" = none */
	struct rk_elf_file elf;
	bool is_closed;		 /* nothing can be preloaded into it */
	bool lacks_simulated;	 /* what it lacks the simulated GPU has */
};

struct rk_diagnosis {
	struct rk_finding findings[RK_FINDINGS_MAX];
	size_t count;
	char next[2 * PATH_MAX]; /* the line to run; "" = none would help */
	struct rk_doctor_gpu gpu;
	struct rk_doctor_program program;
	bool preload, simgpu; /* those parts of ours are there */
};

/**
 * Note one finding.
 *
 * Context: tools.
 */
void rk_diagnosis_add(struct rk_diagnosis *d, const char *subject, enum rk_finding_state state,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * Look at the program: can anything be preloaded into it, what does it bring, what does it lack.
 *
 * @words: it and its arguments, ends with NULL.
 * Context: tools. Return: 0; -errno when there is no such program.
 */
int rk_doctor_look_at_program(struct rk_diagnosis *d, char **words);

/**
 * Look at what is around: permissions, and others who profile.
 *
 * @params: the file in which NVIDIA's kernel module tells its settings.
 * Context: tools.
 */
void rk_doctor_look_at_permissions(struct rk_diagnosis *d, const char *params);
void rk_doctor_look_for_others(struct rk_diagnosis *d);

/**
 * Print all of it. / The state of the worst finding. / Whether GPU times would be had.
 *
 * Context: tools.
 */
void rk_diagnosis_print(const struct rk_diagnosis *d);
void rk_diagnosis_print_json(const struct rk_diagnosis *d);
enum rk_finding_state rk_diagnosis_worst(const struct rk_diagnosis *d);
bool rk_diagnosis_has_gpu_time(const struct rk_diagnosis *d);

#endif
