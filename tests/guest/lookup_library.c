/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/lookup_library.c - names that begin like the driver's, and a function whose
 * address is chosen by code that runs inside dlsym().
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <string.h>
#include <unistd.h>

int cudnnCreate(void);
int cuLaunchKernel(void);
int cudnnVersioned(void);
int lookup_next(void);
int lookup_foreign_frames(void);
int lookup_selected(void);
int lookup_selected_too(void);
pid_t getppid(void);

static int foreign;

int cudnnCreate(void)
{
	return 41;
}

int cuLaunchKernel(void)
{
	return 42;
}

int cudnnVersioned(void)
{
	return 43;
}

/* Shadows libc's; RTLD_NEXT must mean what comes behind this library. */
pid_t getppid(void)
{
	return -1;
}

/* The first use loads what backtrace() needs, outside dlsym(). */
__attribute__((constructor)) static void warm_up(void)
{
	void *frame;

	backtrace(&frame, 1);
}

static int selected(void)
{
	return 44;
}

static void count_frames(void)
{
	void *frames[32];
	int count = backtrace(frames, 32);
	Dl_info info;

	for (int i = 0; i < count; i++)
		if (dladdr(frames[i], &info) && info.dli_fname &&
		    strstr(info.dli_fname, "librkpreload"))
			foreign++;
}

/* Used by name only, which clang does not see. */
__attribute__((used)) static int (*select_one(void))(void)
{
	count_frames();
	return selected;
}

int lookup_selected(void) __attribute__((ifunc("select_one")));
int lookup_selected_too(void) __attribute__((ifunc("select_one")));

int lookup_foreign_frames(void)
{
	return foreign;
}

int lookup_next(void)
{
	pid_t (*by_name)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "getppid");
	pid_t (*again)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "getppid");
	pid_t (*by_version)(void) = (pid_t(*)(void))dlvsym(RTLD_NEXT, "getppid", LIBC_VERSION);

	if (!by_name || by_name != again || by_name != by_version)
		return 1;
	return by_name() == getppid() ? 2 : 0;
}
