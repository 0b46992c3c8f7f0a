/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/oom/refuse.c - preloaded behind the tracer: refuses memory to it, and to nobody else.
 *
 * Ours is what the preloaded library asks for on any thread, by the address it is called from,
 * and everything on the threads that the tracer has to itself: what the C library, the loader,
 * libcurl and OpenSSL ask for there. On rk-cupti, where CUPTI works, only the address counts.
 *
 *   REFUSE_AT=n       the n-th request fails
 *   REFUSE_FROM=n     the n-th and all after it fail
 *   REFUSE_SITE=s     of the requests from that place, those that the other two say: the first
 *   REFUSE_REPORT=f   requests, refusals, and where each came from go to that file
 *
 * A place is "library+0xoffset", the return address of the request. The report is written as it
 * goes, so that a process that was killed has one.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The formats are the callers', as for the functions of libc that these stand in for. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define LIBRARY	      "librkpreload.so"
#define LIBRARIES_MAX 64
#define LINES_MAX     100000
#define LINE_BYTES    64
#define PLACE_BYTES   46

#define CALLER	      __builtin_return_address(0)
#define LOCAL	      static __thread __attribute__((tls_model("initial-exec")))

struct library {
	uintptr_t begin, end, base;
	char name[32];
};

enum whose { NOT_ASKED, PROGRAM, TRACER, BY_ADDRESS };

static struct library ours;		   /* immutable after the constructor */
static struct library found[LIBRARIES_MAX]; /* guarded by the loader's lock */
static int found_count;
static uint64_t refuse_at, refuse_from; /* 0 = none; immutable after the constructor */
static const char *refuse_site;
static char *report; /* LINES_MAX texts of LINE_BYTES; NULL = none */
static _Atomic uint64_t requests, at_site;
static void *(*real_fopen)(const char *, const char *);
static void *(*real_opendir)(const char *);
static void *(*real_open_memstream)(char **, size_t *);
static ssize_t (*real_getdelim)(char **, size_t *, int, FILE *);
static void *(*real_mremap)(void *, size_t, size_t, int, ...);
static int (*real_thread)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
LOCAL bool is_inside;	  /* a request of ours is being looked at */
LOCAL bool made_by_tracer; /* this thread was */
LOCAL enum whose whose_thread;

/* glibc's own names, so that nothing has to be looked up inside malloc(). */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int note_library(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	struct library *library = &found[found_count];

	(void)size;
	(void)data;
	if (found_count == LIBRARIES_MAX)
		return 1;
	*library = (struct library){ .begin = UINTPTR_MAX, .base = info->dlpi_addr };
	snprintf(library->name, sizeof(library->name), "%s", slash ? slash + 1 : info->dlpi_name);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		library->begin = begin < library->begin ? begin : library->begin;
		library->end = begin + header->p_memsz;
	}
	found_count++;
	if (strcmp(library->name, LIBRARY) == 0)
		ours = *library;
	return 0;
}

static const struct library *library_of(uintptr_t address)
{
	for (int i = 0; i < found_count; i++)
		if (address >= found[i].begin && address < found[i].end)
			return &found[i];
	return NULL;
}

static void name_place(char *out, size_t size, const void *caller)
{
	uintptr_t address = (uintptr_t)caller;
	const struct library *library = library_of(address);

	if (!library && address - ours.begin >= ours.end - ours.begin) {
		found_count = 0;
		dl_iterate_phdr(note_library, NULL);
		library = library_of(address);
	}
	if (library)
		snprintf(out, size, "%s+%#lx", library->name,
			 (unsigned long)(address - library->base));
	else
		snprintf(out, size, "?");
}

/* A thread of the tracer's has its name after it has begun. */
static bool is_tracer_thread(void)
{
	char name[16] = "";

	if (!made_by_tracer)
		return false;
	if (whose_thread == NOT_ASKED) {
		prctl(PR_GET_NAME, name);
		if (strncmp(name, "rk-", 3) == 0)
			whose_thread = strcmp(name, "rk-cupti") == 0 ? BY_ADDRESS : TRACER;
	}
	return whose_thread == TRACER;
}

static bool is_ours(const void *caller)
{
	uintptr_t address = (uintptr_t)caller;

	return ours.end && ((address >= ours.begin && address < ours.end) || is_tracer_thread());
}

static bool is_due(uint64_t number, const char *place)
{
	if (refuse_site) {
		if (strcmp(place, refuse_site) != 0)
			return false;
		number = atomic_fetch_add(&at_site, 1) + 1;
	}
	return number == refuse_at || (refuse_from && number >= refuse_from);
}

/* Whether the request of @caller is to fail. */
static bool refuse(const char *what, const void *caller)
{
	int saved_errno = errno;
	char place[PLACE_BYTES] = "";
	uint64_t number;
	bool due;

	if (is_inside || !is_ours(caller))
		return false;
	is_inside = true;
	number = atomic_fetch_add(&requests, 1) + 1;
	if (refuse_site || report)
		name_place(place, sizeof(place), caller);
	due = is_due(number, place);
	if (report && number <= LINES_MAX) {
		char *line = report + (number - 1) * LINE_BYTES;

		snprintf(line, LINE_BYTES, "%s %s %s", due ? "refused" : "granted", what, place);
	}
	is_inside = false;
	errno = due ? ENOMEM : saved_errno;
	return due;
}

void *malloc(size_t size)
{
	return refuse("malloc", CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return refuse("calloc", CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return refuse("realloc", CALLER) ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	if (refuse("realloc", CALLER) || (count && size > SIZE_MAX / count))
		return NULL;
	return __libc_realloc(old, count * size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = refuse("align", CALLER) ? NULL : __libc_memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return refuse("align", CALLER) ? NULL : __libc_memalign(alignment, size);
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = __libc_malloc(length + 1);

	if (copy) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

char *strdup(const char *text)
{
	return refuse("strdup", CALLER) ? NULL : copy_text(text, strlen(text));
}

char *strndup(const char *text, size_t most)
{
	return refuse("strdup", CALLER) ? NULL : copy_text(text, strnlen(text, most));
}

static int print(char **out, const char *format, va_list values)
{
	va_list again;
	int length;

	va_copy(again, values);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	*out = length < 0 ? NULL : __libc_malloc((size_t)length + 1);
	return *out ? vsnprintf(*out, (size_t)length + 1, format, values) : -1;
}

int vasprintf(char **out, const char *format, va_list values)
{
	return refuse("print", CALLER) ? -1 : print(out, format, values);
}

int asprintf(char **out, const char *format, ...)
{
	va_list values;
	int length;

	if (refuse("print", CALLER))
		return -1; /* and *out is left as it was, as glibc may */
	va_start(values, format);
	length = print(out, format, values);
	va_end(values);
	return length;
}

int __vasprintf_chk(char **out, int flag, const char *format, va_list values);
int __vasprintf_chk(char **out, int flag, const char *format, va_list values)
{
	(void)flag;
	return refuse("print", CALLER) ? -1 : print(out, format, values);
}

int __asprintf_chk(char **out, int flag, const char *format, ...);
int __asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list values;
	int length;

	(void)flag;
	if (refuse("print", CALLER))
		return -1;
	va_start(values, format);
	length = print(out, format, values);
	va_end(values);
	return length;
}

FILE *fopen(const char *path, const char *mode)
{
	return refuse("fopen", CALLER) ? NULL : real_fopen(path, mode);
}

FILE *open_memstream(char **memory, size_t *size)
{
	return refuse("stream", CALLER) ? NULL : real_open_memstream(memory, size);
}

ssize_t getdelim(char **line, size_t *size, int end, FILE *file)
{
	return refuse("getline", CALLER) ? -1 : real_getdelim(line, size, end, file);
}

ssize_t getline(char **line, size_t *size, FILE *file)
{
	return refuse("getline", CALLER) ? -1 : real_getdelim(line, size, '\n', file);
}

DIR *opendir(const char *path)
{
	return refuse("opendir", CALLER) ? NULL : real_opendir(path);
}

void *mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	if (refuse("mmap", CALLER))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, size, access, flags, fd, offset);
}

void *mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	va_list rest;
	void *at;

	if (refuse("mremap", CALLER))
		return MAP_FAILED;
	va_start(rest, flags);
	at = flags & MREMAP_FIXED ? va_arg(rest, void *) : NULL;
	va_end(rest);
	return real_mremap(old, old_size, size, flags, at);
}

struct beginning {
	void *(*run)(void *);
	void *data;
};

static void *begin_thread(void *data)
{
	struct beginning beginning = *(struct beginning *)data;

	free(data);
	made_by_tracer = true;
	return beginning.run(beginning.data);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *data)
{
	struct beginning *beginning;

	if (!is_ours(CALLER))
		return real_thread(thread, attributes, run, data);
	if (refuse("thread", CALLER))
		return EAGAIN;
	beginning = __libc_malloc(sizeof(*beginning));
	*beginning = (struct beginning){ run, data };
	return real_thread(thread, attributes, begin_thread, beginning);
}

static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void open_report(const char *path)
{
	size_t bytes = (size_t)LINES_MAX * LINE_BYTES;
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	void *memory = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
		memory = (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
					 fd, 0);
	if (fd >= 0)
		close(fd);
	report = memory == MAP_FAILED ? NULL : memory;
}

__attribute__((constructor)) static void prepare(void)
{
	*(void **)&real_fopen = dlsym(RTLD_NEXT, "fopen");
	*(void **)&real_opendir = dlsym(RTLD_NEXT, "opendir");
	*(void **)&real_open_memstream = dlsym(RTLD_NEXT, "open_memstream");
	*(void **)&real_getdelim = dlsym(RTLD_NEXT, "getdelim");
	*(void **)&real_mremap = dlsym(RTLD_NEXT, "mremap");
	*(void **)&real_thread = dlsym(RTLD_NEXT, "pthread_create");
	refuse_at = number_of("REFUSE_AT");
	refuse_from = number_of("REFUSE_FROM");
	refuse_site = getenv("REFUSE_SITE");
	open_report(getenv("REFUSE_REPORT"));
	dl_iterate_phdr(note_library, NULL);
}
