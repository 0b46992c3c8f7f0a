/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/spy.c - preloaded behind the tracer: counts what is called inside a hook.
 *
 * The program names the window (spy_enter, spy_leave) around calls to a driver that calls
 * nothing. What is counted then was called by the tracer, whichever way it went.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

void spy_enter(void);
const char *spy_leave(unsigned *count);

static __thread int is_watching __attribute__((tls_model("initial-exec")));
static __thread unsigned seen __attribute__((tls_model("initial-exec")));
static __thread const char *last __attribute__((tls_model("initial-exec")));

void spy_enter(void)
{
	seen = 0;
	last = "";
	is_watching = 1;
}

const char *spy_leave(unsigned *count)
{
	is_watching = 0;
	*count = seen;
	return last;
}

static void note(const char *name)
{
	if (is_watching) {
		seen++;
		last = name;
	}
}

/* glibc's own names, so that nothing has to be looked up inside malloc(). */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

void *malloc(size_t size)
{
	note("malloc");
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	note("calloc");
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	note("realloc");
	return __libc_realloc(old, size);
}

void free(void *old)
{
	note("free");
	__libc_free(old);
}

#define SPY(ret, name, params, args)                                                               \
	ret name params                                                                            \
	{                                                                                          \
		static ret(*real) params;                                                          \
                                                                                                   \
		note(#name);                                                                       \
		if (!real)                                                                         \
			real = (ret(*) params)dlsym(RTLD_NEXT, #name);                             \
		return real args;                                                                  \
	}

SPY(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
SPY(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
SPY(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
SPY(char *, getenv, (const char *name), (name))
SPY(char *, secure_getenv, (const char *name), (name))
SPY(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
SPY(int, vfprintf, (FILE * file, const char *format, va_list args), (file, format, args))
SPY(int, vsnprintf, (char *out, size_t size, const char *format, va_list args),
    (out, size, format, args))
SPY(int, fputs, (const char *text, FILE *file), (text, file))
SPY(int, usleep, (useconds_t time), (time))
SPY(pid_t, getpid, (void), ())
