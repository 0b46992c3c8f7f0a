/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/doctor_program.c - `rktrace doctor -- ./app`: the file that would be started.
 *
 * Nothing of it is run. Its loader is asked which libraries it would find.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/doctor.h"
#include "tools/library_list.h"
#include "tools/program_file.h"
#include "tools/tool.h"

static void close_program(struct rk_diagnosis *d, const char *why)
{
	d->program.is_closed = true;
	rk_diagnosis_add(d, "program", RK_FINDING_BAD, "%s %s", d->program.path, why);
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "32-bit x86";
	case EM_ARM:
		return "32-bit ARM";
	case EM_PPC64:
		return "POWER";
	case EM_RISCV:
		return "RISC-V";
	default:
		return "another machine";
	}
}

/* As the kernel decides it (AT_SECURE): the loader then passes over LD_PRELOAD. */
static bool is_privileged(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	if ((st.st_mode & S_ISUID && st.st_uid != getuid()) ||
	    (st.st_mode & S_ISGID && st.st_gid != getgid()))
		return true;
	return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static void look_at_kind(struct rk_diagnosis *d)
{
	const struct rk_elf_file *elf = &d->program.elf;
	char why[160];

	if (elf->is_foreign) {
		snprintf(why, sizeof(why), "is for %s: the library cannot be loaded into it",
			 machine_name(elf->machine));
		close_program(d, why);
	} else if (elf->is_static) {
		close_program(d, "is statically linked: nothing can be preloaded into it. Link it "
				 "without -static; the CUDA runtime alone may be static");
	} else if (strstr(elf->loader, "ld-musl")) {
		close_program(d, "uses musl, the library glibc: it would be left alone. Build it "
				 "against glibc");
	} else if (is_privileged(d->program.path)) {
		close_program(d,
			      "gains privileges when it starts (setuid, setgid or capabilities): "
			      "the loader passes over LD_PRELOAD. Start it as its owner, or from a "
			      "copy without them");
	} else if (elf->is_elf) {
		rk_diagnosis_add(d, "program", RK_FINDING_OK, "%s can be traced", d->program.path);
	}
}

static void look_at_sanitizers(struct rk_diagnosis *d)
{
	const struct rk_elf_file *elf = &d->program.elf;

	if (*elf->asan)
		rk_diagnosis_add(d, "sanitizer", RK_FINDING_NOTE,
				 "AddressSanitizer: %s must come before the library in LD_PRELOAD; "
				 "rktrace run does that",
				 elf->asan);
	else if (elf->has_asan)
		rk_diagnosis_add(d, "sanitizer", RK_FINDING_OK,
				 "AddressSanitizer, linked in: nothing has to be done");
	if (elf->has_tsan)
		rk_diagnosis_add(d, "sanitizer", RK_FINDING_NOTE,
				 "ThreadSanitizer: traced, but no call stacks are taken");
}

static void look_at_runtime(struct rk_diagnosis *d)
{
	const struct rk_elf_file *elf = &d->program.elf;

	if (*elf->runtime)
		rk_diagnosis_add(d, "runtime", RK_FINDING_OK, "%s, shared", elf->runtime);
	else if (elf->has_runtime)
		rk_diagnosis_add(
			d, "runtime", RK_FINDING_OK,
			"linked in (static cudart): its calls are seen at the driver, as all are");
	else if (elf->needs_driver)
		rk_diagnosis_add(d, "runtime", RK_FINDING_OK, "none: it calls the driver itself");
	else
		rk_diagnosis_add(
			d, "runtime", RK_FINDING_OK,
			"it names no CUDA library: what it loads later is seen as well, and if "
			"it never uses a GPU nothing is done");
}

/* What the simulated GPU brings where there is no other. */
static bool is_simulated(const struct rk_diagnosis *d, const char *name)
{
	return d->simgpu && d->gpu.devices <= 0 &&
	       (strcmp(name, "libcuda.so.1") == 0 || strcmp(name, "libcudart.so.13") == 0);
}

static void note_library(void *data, const char *name, const char *path)
{
	struct rk_diagnosis *d = data;
	char *folder = d->program.runtime_folder;

	if (path && strncmp(name, "libcudart.so", 12) == 0) {
		snprintf(folder, sizeof(d->program.runtime_folder), "%s", path);
		if (strrchr(folder, '/'))
			*strrchr(folder, '/') = '\0';
	}
	if (path)
		return;
	if (is_simulated(d, name)) {
		d->program.lacks_simulated = true;
		rk_diagnosis_add(d, "libraries", RK_FINDING_NOTE,
				 "%s is not found; the simulated GPU has one", name);
	} else {
		rk_diagnosis_add(d, "libraries", RK_FINDING_BAD,
				 "%s is not found, the program would not start: name its folder in "
				 "LD_LIBRARY_PATH, or install it",
				 name);
	}
}

/* A script is what its interpreter is. */
static void follow_script(struct rk_diagnosis *d)
{
	char interpreter[PATH_MAX];

	if (d->program.elf.is_elf)
		return;
	if (rk_program_file_interpreter(d->program.path, interpreter)) {
		rk_diagnosis_add(
			d, "program", RK_FINDING_BAD,
			"%s is neither a program nor a script whose interpreter can be found",
			d->program.path);
		d->program.is_closed = true;
		return;
	}
	rk_diagnosis_add(d, "script", RK_FINDING_OK, "%s is run by %s", d->program.path,
			 interpreter);
	snprintf(d->program.path, sizeof(d->program.path), "%s", interpreter);
	rk_elf_file_read(&d->program.elf, interpreter);
}

int rk_doctor_look_at_program(struct rk_diagnosis *d, char **words)
{
	struct rk_doctor_program *program = &d->program;
	int err = rk_program_file_find(words[0], program->path);

	if (err)
		return err;
	program->words = words;
	rk_elf_file_read(&program->elf, program->path);
	follow_script(d);
	look_at_kind(d);
	if (program->is_closed || !program->elf.is_elf)
		return 0;
	look_at_runtime(d);
	look_at_sanitizers(d);
	rk_library_list(program->elf.loader, program->path, note_library, d);
	return 0;
}
