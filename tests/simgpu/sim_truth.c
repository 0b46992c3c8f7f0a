/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_truth.c - what the simulated GPU really did, one JSON line each.
 *
 * The file is written through a shared mapping, so that it is complete up to the
 * last call even after SIGKILL (the rest of the last block is then NUL bytes).
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define TRUTH_ROOM  (4ull << 30) /* address space; disk is used as it fills */
#define TRUTH_BLOCK (4ull << 20) /* the file grows by this much */
#define TRUTH_LINE  1024
#define TRUTH_FD    500

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *map;
static size_t used, size;
static int fd = -1;
static pid_t owner;

static atomic_ullong unseen[SIMGPU_COUNT_COUNT]; /* where there is no file */
static atomic_ullong *accounts = unseen;

/* The lock is held. */
static bool room(size_t bytes)
{
	if (used + bytes <= size)
		return true;
	if (size + TRUTH_BLOCK > TRUTH_ROOM || ftruncate(fd, (off_t)(size + TRUTH_BLOCK)))
		return false;
	size += TRUTH_BLOCK;
	return true;
}

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...)
{
	va_list args;
	int n;

	if (!room(TRUTH_LINE))
		return;
	va_start(args, format);
	n = vsnprintf(map + used, TRUTH_LINE, format, args);
	va_end(args);
	if (n > 0)
		used += n < TRUTH_LINE ? (size_t)n : TRUTH_LINE - 1;
}

static void open_accounts(const char *truth)
{
	char path[4096];
	void *at = MAP_FAILED;
	int file;

	if ((size_t)snprintf(path, sizeof(path), "%s.ledger", truth) >= sizeof(path))
		return;
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return;
	if (!ftruncate(file, sizeof(unseen)))
		at = mmap(NULL, sizeof(unseen), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (at != MAP_FAILED)
		accounts = at;
}

__attribute__((visibility("default"))) void simgpu_count(unsigned int what, uint64_t more)
{
	if (what < SIMGPU_COUNT_COUNT && !sim_is_forked())
		atomic_fetch_add_explicit(&accounts[what], more, memory_order_relaxed);
}

void sim_truth_call(unsigned int work, bool failed, bool captured)
{
	if (!work)
		return;
	simgpu_count(SIMGPU_COUNT_CALLS + work - 1, 1);
	if (failed)
		simgpu_count(SIMGPU_COUNT_FAILED + work - 1, 1);
	else if (captured)
		simgpu_count(SIMGPU_COUNT_CAPTURED + work - 1, 1);
}

void sim_truth_open(const char *pattern)
{
	char path[4096];
	size_t at = 0;
	int high;

	if (!pattern || !*pattern)
		return;
	for (const char *p = pattern; *p && at + 16 < sizeof(path); p++) {
		if (p[0] == '%' && p[1] == 'p') {
			at += (size_t)sprintf(path + at, "%d", (int)getpid());
			p++;
		} else {
			path[at++] = *p;
		}
	}
	path[at] = '\0';
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	/* Another process's, which begins at the same time and has it in its memory already? */
	if (flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, 0)) {
		close(fd);
		return;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, TRUTH_FD);
	if (high >= 0) { /* out of the way of the program's own numbers */
		close(fd);
		fd = high;
	}
	map = mmap(NULL, TRUTH_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		map = NULL;
	open_accounts(path);
	owner = getpid();
}

/* In a forked child: the parent's files are the parent's. */
void sim_truth_leave(void)
{
	pthread_mutex_init(&lock, NULL);
	map = NULL;
	used = size = 0;
	accounts = unseen;
}

/* A child that begins by itself has files of its own, where the pattern makes a difference. */
void sim_truth_begin(const char *pattern)
{
	if (pattern && !map && owner && getpid() != owner && strstr(pattern, "%p"))
		sim_truth_open(pattern);
}

static const char *const kind_names[] = {
	[SIMGPU_OP_KERNEL] = "kernel", [SIMGPU_OP_MEMCPY] = "memcpy", [SIMGPU_OP_MEMSET] = "memset",
	[SIMGPU_OP_HOST] = "host",     [SIMGPU_OP_GRAPH] = "graph",   [SIMGPU_OP_SYNC] = "sync",
	[SIMGPU_OP_MEMORY] = "memory",
};

/* Formatted by hand: a launch writes a line, and printf would cost more than the launch. */
static char *add_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	return at;
}

static char *add_number(char *at, const char *before, uint64_t value)
{
	char digits[20];
	int n = 0;

	at = add_text(at, before);
	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		*at++ = digits[--n];
	return at;
}

static char *add_three(char *at, const char *before, const uint32_t *value)
{
	at = add_number(at, before, value[0]);
	at = add_number(at, ",", value[1]);
	at = add_number(at, ",", value[2]);
	return add_text(at, "]");
}

static size_t format_op(char *line, const struct simgpu_op *op)
{
	char *at = add_text(line, "{\"kind\":\"");

	at = add_text(at, kind_names[op->kind]);
	at = add_text(at, "\",\"name\":\"");
	if (op->name && strlen(op->name) < TRUTH_LINE / 2)
		at = add_text(at, op->name);
	at = add_number(at, "\",\"corr\":", op->corr);
	at = add_number(at, ",\"device\":", op->device);
	at = add_number(at, ",\"context\":", op->context);
	at = add_number(at, ",\"stream\":", op->stream);
	at = add_three(at, ",\"grid\":[", op->grid);
	at = add_three(at, ",\"block\":[", op->block);
	at = add_number(at, ",\"start_ns\":", op->start_ns);
	at = add_number(at, ",\"dur_ns\":", op->end_ns - op->start_ns);
	at = add_number(at, ",\"tid\":", (uint64_t)op->tid);
	at = add_number(at, ",\"bytes\":", op->bytes);
	at = add_number(at, ",\"copy_kind\":", op->copy_kind);
	at = add_number(at, ",\"address\":", op->address);
	at = add_number(at, ",\"graph\":", op->graph_id);
	at = add_number(at, ",\"node\":", op->graph_node_id);
	at = add_text(at, op->failed ? ",\"failed\":true}\n" : ",\"failed\":false}\n");
	return (size_t)(at - line);
}

void sim_truth_op(const struct simgpu_op *op)
{
	char line[2 * TRUTH_LINE];
	size_t length;

	if (!map || sim_is_forked() || op->kind == SIMGPU_OP_SYNC)
		return;
	length = format_op(line, op);
	pthread_mutex_lock(&lock);
	if (map && room(length)) {
		memcpy(map + used, line, length);
		used += length;
	}
	pthread_mutex_unlock(&lock);
}

/* What cuGetProcAddress was asked for and did not have. */
void sim_truth_missing(const char *symbol, int version)
{
	if (!map || sim_is_forked())
		return;
	pthread_mutex_lock(&lock);
	put("{\"missing\":\"%.200s\",\"version\":%d}\n", symbol, version);
	pthread_mutex_unlock(&lock);
}

static void put_counts(void)
{
	bool first = true;

	put("{\"counts\":{\"launches\":%llu,\"launches_failed\":%llu,\"launches_captured\":%llu,"
	    "\"graph_launches\":%llu,\"kernels\":%llu,\"memcpys\":%llu,\"memsets\":%llu,"
	    "\"device_kernels\":%llu,\"allocs\":%llu}}\n",
	    atomic_load(&sim.counts.launches), atomic_load(&sim.counts.launches_failed),
	    atomic_load(&sim.counts.launches_captured), atomic_load(&sim.counts.graph_launches),
	    atomic_load(&sim.counts.kernels), atomic_load(&sim.counts.memcpys),
	    atomic_load(&sim.counts.memsets), atomic_load(&sim.counts.device_kernels),
	    atomic_load(&sim.counts.allocs));
	put("{\"calls\":{");
	for (unsigned int i = 0; i < sim_function_count; i++) {
		unsigned long long n = atomic_load(&sim_call_counts[i]);

		if (!n)
			continue;
		put("%s\"%s\":%llu", first ? "" : ",", sim_functions[i].name, n);
		first = false;
	}
	put("}}\n");
}

static void put_memory(void)
{
	static const char *const kinds[SIM_MEM_KINDS] = { "device",	"managed", "pinned",
							  "registered", "async",   "array",
							  "vmm",	"global" };

	for (int d = 0; d < SIM_MAX_DEVICES; d++) {
		for (int k = 0; k < SIM_MEM_KINDS; k++) {
			const struct sim_memory_count *c = &sim.device[d].memory[k];

			if (!c->allocs)
				continue;
			put("{\"memory\":{\"device\":%d,\"pool\":\"%s\",\"live\":%llu,"
			    "\"live_bytes\":%llu,\"peak_bytes\":%llu,\"allocations\":%llu,"
			    "\"frees\":%llu}}\n",
			    d, kinds[k], (unsigned long long)c->live,
			    (unsigned long long)c->live_bytes, (unsigned long long)c->peak_bytes,
			    (unsigned long long)c->allocs, (unsigned long long)c->frees);
		}
	}
}

void sim_truth_finish(void)
{
	struct timespec real;
	uint64_t mono;

	if (!map || getpid() != owner)
		return;
	pthread_mutex_lock(&lock);
	mono = sim_now();
	clock_gettime(CLOCK_REALTIME, &real);
	put("{\"clock\":{\"monotonic_ns\":%llu,\"realtime_ns\":%llu}}\n", (unsigned long long)mono,
	    (unsigned long long)real.tv_sec * SIM_NS_PER_S + (unsigned long long)real.tv_nsec);
	put_counts();
	put_memory();
	if (ftruncate(fd, (off_t)used))
		perror("simgpu: truth");
	munmap(map, TRUTH_ROOM);
	map = NULL;
	close(fd);
	pthread_mutex_unlock(&lock);
}
