/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/long_name.c - kernels whose names are as long as templates make them.
 *
 * usage: long_name BYTES
 *
 * One mangled name of so many bytes that is a chain of templates, one that nests as deep as it
 * is long, one that no demangler understands; each is launched ten times.
 */
#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAUNCHES 10
#define CHECK(call)                                                                                \
	do {                                                                                       \
		CUresult result = (call);                                                          \
		if (result != CUDA_SUCCESS) {                                                      \
			fprintf(stderr, "%s: %d\n", #call, (int)result);                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* @head, then @part again and again, then as many @tail. */
static char *name_of(const char *head, const char *part, const char *tail, size_t bytes)
{
	size_t parts = (bytes - strlen(head) - 8) / (strlen(part) + strlen(tail));
	char *name = malloc(bytes + 64), *out = name;

	if (!name)
		exit(1);
	out = stpcpy(out, head);
	for (size_t i = 0; i < parts; i++)
		out = stpcpy(out, part);
	for (size_t i = 0; i < parts; i++)
		out = stpcpy(out, tail);
	strcpy(out, "Evv");
	return name;
}

static void launch(const char *name)
{
	static const char form[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
				   ".visible .entry %s()\n{\n\tret;\n}\n";
	size_t size = strlen(name) + sizeof(form);
	char *ptx = malloc(size);
	CUmodule module;
	CUfunction function;

	if (!ptx)
		exit(1);
	snprintf(ptx, size, form, name);
	CHECK(cuModuleLoadData(&module, ptx));
	CHECK(cuModuleGetFunction(&function, module, name));
	for (int i = 0; i < LAUNCHES; i++)
		CHECK(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL));
	CHECK(cuCtxSynchronize());
	free(ptx);
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	CUcontext context;

	if (bytes < 64)
		return 64;
	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&context, 0));
	CHECK(cuCtxSetCurrent(context));
	launch(name_of("_Z6kernelI", "3abcIiE", "", bytes));
	launch(name_of("_Z6kernelI", "1aI", "E", bytes));
	launch(name_of("kernel_", "x", "", bytes));
	puts("3 names");
	return 0;
}
