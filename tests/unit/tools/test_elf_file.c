/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_elf_file.c - real programs, and files that only look like some.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/elf_file.h"

static void a_program_has_a_loader(void **state)
{
	struct rk_elf_file elf;

	(void)state;
	rk_elf_file_read(&elf, "/proc/self/exe");
	assert_true(elf.is_elf);
	assert_false(elf.is_foreign);
	assert_false(elf.is_static);
	assert_non_null(strstr(elf.loader, "ld-"));
#if !defined(__SANITIZE_ADDRESS__)
	assert_string_equal(elf.asan, "");
#else
	assert_non_null(strstr(elf.asan, "libasan.so"));
#endif
}

static void other_files_are_no_programs(void **state)
{
	static const char *const paths[] = { "/", "/dev/null", "/nonexistent", "/etc/passwd" };
	struct rk_elf_file elf;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		rk_elf_file_read(&elf, paths[i]);
		assert_false(elf.is_elf);
	}
}

static void read_bytes(struct rk_elf_file *elf, const unsigned char *bytes, size_t size)
{
	char path[] = "/tmp/rk-test-elf-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	rk_elf_file_read(elf, path);
	unlink(path);
}

/* Every truncation and every damaged header word of a real program: no crash, no overrun. */
static void damaged_programs_are_survived(void **state)
{
	unsigned char bytes[4096];
	struct rk_elf_file elf;
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_int_equal(read(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	close(fd);
	for (size_t size = 1; size < sizeof(bytes); size += 61)
		read_bytes(&elf, bytes, size);
	for (size_t at = 16; at < 1024; at += 8) {
		unsigned char damaged[sizeof(bytes)];

		memcpy(damaged, bytes, sizeof(bytes));
		memset(damaged + at, 0xff, 8);
		read_bytes(&elf, damaged, sizeof(damaged));
		memset(damaged + at, 0x7f, 4);
		read_bytes(&elf, damaged, sizeof(damaged));
	}
}

static void a_foreign_program_is_told(void **state)
{
	ElfW(Ehdr) header = { .e_machine = EM_S390 };
	struct rk_elf_file elf;

	(void)state;
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2MSB;
	read_bytes(&elf, (const unsigned char *)&header, sizeof(header));
	assert_true(elf.is_elf);
	assert_true(elf.is_foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_has_a_loader),
		cmocka_unit_test(other_files_are_no_programs),
		cmocka_unit_test(damaged_programs_are_survived),
		cmocka_unit_test(a_foreign_program_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
