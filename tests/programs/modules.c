/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/modules.c - code by every route from which it is loaded, a kernel from each.
 *
 * usage: modules [probe]     probe: load a library, and make no context
 *
 * The kernel of route r is void r<int>(int*). Writes code.ptx and library.ptx to the working
 * directory.
 */
#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                                \
	do {                                                                                       \
		CUresult result = (call);                                                          \
		if (result != CUDA_SUCCESS) {                                                      \
			fprintf(stderr, "%s: %d\n", #call, (int)result);                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define HEAD ".version 8.0\n.target sm_70\n.address_size 64\n"
#define ENTRY(length, name) ".visible .entry _Z" #length #name "IiEvPT_()\n{\n\tret;\n}\n"
#define MANGLED(length, name) "_Z" #length #name "IiEvPT_"

static const char built_in[] = HEAD ENTRY(11, module_data);
static const char library[] = HEAD ENTRY(14, library_kernel);

static void run(CUfunction function)
{
	CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
}

static void run_from(CUmodule module, const char *mangled)
{
	CUfunction function;

	CHECK(cuModuleGetFunction(&function, module, mangled));
	run(function);
}

/* As a just-in-time compiler hands it over, and frees it at once. */
static char *in_memory(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		exit(1);
	return copy;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		exit(1);
}

static void load_modules(void)
{
	char *image = in_memory(HEAD ENTRY(14, module_data_ex)),
	     *fat = in_memory(HEAD ENTRY(10, fat_binary));
	CUmodule module;

	write_file("code.ptx", HEAD ENTRY(11, module_file));
	CHECK(cuModuleLoad(&module, "code.ptx"));
	run_from(module, MANGLED(11, module_file));
	CHECK(cuModuleLoadData(&module, built_in));
	run_from(module, MANGLED(11, module_data));
	CHECK(cuModuleLoadDataEx(&module, image, 0, NULL, NULL));
	run_from(module, MANGLED(14, module_data_ex));
	CHECK(cuModuleLoadFatBinary(&module, fat));
	run_from(module, MANGLED(10, fat_binary));
	free(image);
	free(fat);
}

static void load_libraries(void)
{
	char *image = in_memory(HEAD ENTRY(14, library_module));
	CUkernel kernel;
	CUfunction function;
	CUlibrary loaded;
	CUmodule module;

	CHECK(cuLibraryLoadData(&loaded, library, NULL, NULL, 0, NULL, NULL, 0));
	CHECK(cuLibraryGetKernel(&kernel, loaded, MANGLED(14, library_kernel)));
	run((CUfunction)kernel);
	write_file("library.ptx", HEAD ENTRY(12, library_file));
	CHECK(cuLibraryLoadFromFile(&loaded, "library.ptx", NULL, NULL, 0, NULL, NULL, 0));
	CHECK(cuLibraryGetKernel(&kernel, loaded, MANGLED(12, library_file)));
	CHECK(cuKernelGetFunction(&function, kernel));
	run(function);
	CHECK(cuLibraryLoadData(&loaded, image, NULL, NULL, 0, NULL, NULL, 0));
	CHECK(cuLibraryGetModule(&module, loaded));
	run_from(module, MANGLED(14, library_module));
	CHECK(cuLibraryUnload(loaded));
	free(image);
}

int main(int argc, char **argv)
{
	CUcontext context;
	CUlibrary loaded;
	CUdevice device;

	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	if (argc > 1 && strcmp(argv[1], "probe") == 0) {
		CHECK(cuLibraryLoadData(&loaded, library, NULL, NULL, 0, NULL, NULL, 0));
		return 0;
	}
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	CHECK(cuCtxSetCurrent(context));
	load_modules();
	load_libraries();
	CHECK(cuCtxSynchronize());
	puts("done");
	return 0;
}
