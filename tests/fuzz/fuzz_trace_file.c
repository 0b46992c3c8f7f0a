/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_trace_file.c - a whole file, in whatever state, through the reader.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/trace_reader.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	char path[64], error[256];
	struct rk_op op;
	int result;

	FUZZ_CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rk_trace_reader_open(&reader, path, error) == 0) {
		while ((result = rk_trace_reader_next(reader, &op)) == 1)
			;
		rk_trace_reader_get_info(reader, &info);
		FUZZ_CHECK(info.sealed_bytes <= size && info.file_bytes == size);
		FUZZ_CHECK(!result || info.error[0]);
		rk_trace_reader_close(reader);
	}
	close(fd);
	return 0;
}
