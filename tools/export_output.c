/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_output.c - a buffer before write(2).
 *
 * Not stdio: what a stream does after an error differs, and its reason is lost.
 */
#include "tools/export_output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (256u << 10)

struct rk_export_output {
	int fd, err;
	uint64_t written; /* without what is buffered */
	size_t used;
	char buffer[BUFFER];
};

int rk_export_output_open(struct rk_export_output **out, int fd)
{
	*out = malloc(sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->fd = fd;
	(*out)->err = 0;
	(*out)->written = 0;
	(*out)->used = 0;
	return 0;
}

static void write_all(struct rk_export_output *output, const char *bytes, size_t size)
{
	output->written += size;
	while (size && !output->err) {
		ssize_t done = write(output->fd, bytes, size);

		if (done < 0 && errno != EINTR)
			output->err = -errno;
		if (done > 0) {
			bytes += done;
			size -= (size_t)done;
		}
	}
}

static void flush(struct rk_export_output *output)
{
	write_all(output, output->buffer, output->used);
	output->used = 0;
}

void rk_export_output_write(struct rk_export_output *output, const void *bytes, size_t size)
{
	if (size > BUFFER - output->used)
		flush(output);
	if (size > BUFFER) {
		write_all(output, bytes, size);
		return;
	}
	memcpy(output->buffer + output->used, bytes, size);
	output->used += size;
}

void rk_export_output_text(struct rk_export_output *output, const char *text)
{
	rk_export_output_write(output, text, strlen(text));
}

void rk_export_output_printf(struct rk_export_output *output, const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text))
		output->err = output->err ? output->err : -EMSGSIZE;
	else
		rk_export_output_write(output, text, (size_t)length);
}

void rk_export_output_cell(struct rk_export_output *output, const char *text)
{
	rk_export_output_write(output, "\"", 1);
	while (*text) {
		size_t length = strcspn(text, "\"");

		rk_export_output_write(output, text, length);
		text += length;
		if (*text) {
			rk_export_output_write(output, "\"\"", 2);
			text++;
		}
	}
	rk_export_output_write(output, "\"", 1);
}

uint64_t rk_export_output_bytes(const struct rk_export_output *output)
{
	return output->written + output->used;
}

int rk_export_output_error(const struct rk_export_output *output)
{
	return output->err;
}

int rk_export_output_close(struct rk_export_output *output)
{
	int err;

	if (!output)
		return 0;
	flush(output);
	if (output->fd != STDOUT_FILENO && close(output->fd) && !output->err)
		output->err = -errno;
	err = output->err;
	free(output);
	return err;
}
