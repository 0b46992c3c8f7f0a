/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/port_registry.c - one locked file per server, and the list made of them.
 */
#include "exporters/port_registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/proc_stat.h"
#include "core/resource.h"
#include "core/runtime_dir.h"
#include "core/sandbox.h"

#define MS	     1000000ull /* ns */
#define LOOK_NS	     (10000 * MS) /* a SIGKILLed neighbour is listed that long at most */
#define BUSY_NS	     (20 * MS)
#define LAST_TRIES   20 /* of 1 ms, when closing */
#define ENTRY_BYTES  4096
#define VALUE_BYTES  256
#define SUFFIX	     ".port"
#define LIST	     "prometheus_sd.json"
#define LIST_MAX     (1u << 20)

struct rk_port_registry {
	uint64_t due_ns;
	int folder_fd, entry_fd; /* -1 = not open */
	pid_t pid;
	unsigned long long start_ticks; /* of the process, after boot; 0 = not known */
	unsigned long long pid_space;	/* inode of the PID namespace; 0 = not known */
	bool is_said;			/* that something failed */
	const struct rk_env *env;	/* borrowed; outlives this */
	char folder[RK_RUNTIME_DIR_BYTES];	/* for messages */
	char name[64];			/* of the entry */
	char entry[ENTRY_BYTES];	/* its two lines */
};

/* Text that does not fit ends the entry early: @failed says so. */
struct json {
	char *out;
	size_t size, used;
	bool failed;
};

static void put(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct json *json, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(json->out + json->used, json->size - json->used, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= json->size - json->used)
		json->failed = true;
	else
		json->used += (size_t)length;
}

/* "key":"value", with a comma before it unless it is the first of its object. */
static void put_text(struct json *json, const char *key, const char *value)
{
	bool is_first = json->used && json->out[json->used - 1] == '{';

	put(json, "%s\"%s\":\"", is_first ? "" : ",", key);
	for (; *value; value++) {
		if ((unsigned char)*value < ' ')
			put(json, "\\u%04x", *value);
		else
			put(json, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	}
	put(json, "\"");
}

struct identity {
	char service_name[VALUE_BYTES], exe[VALUE_BYTES], rank[VALUE_BYTES];
};

static void take_attribute(const char *key, const char *value, void *data)
{
	struct identity *who = data;
	const struct {
		const char *key;
		char *out;
	} wanted[] = {
		{ "service.name", who->service_name },
		{ "process.executable.name", who->exe },
		{ "rustkernel.rank", who->rank },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(key, wanted[i].key) == 0)
			snprintf(wanted[i].out, VALUE_BYTES, "%s", value);
	}
}

/* Where a Prometheus on this host finds it; a wildcard is no target. */
static const char *target_host(const char *address)
{
	if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "localhost") == 0)
		return "127.0.0.1";
	if (strcmp(address, "::") == 0 || strcmp(address, "[::]") == 0)
		return "[::1]";
	return address;
}

static int build_entry(struct rk_port_registry *registry,
		       const struct rk_port_registry_setup *setup)
{
	struct json json = { .out = registry->entry, .size = sizeof(registry->entry) };
	const char *host = target_host(setup->address);
	bool needs_brackets = strchr(host, ':') && host[0] != '[';
	struct identity who = { .rank = "" };

	if (setup->resource)
		rk_resource_visit(setup->resource, take_attribute, &who);
	put(&json, "{\"pid\":%d,\"start_ticks\":%llu,\"pid_space\":%llu,\"port\":%u",
	    (int)registry->pid, registry->start_ticks, registry->pid_space, setup->port);
	put_text(&json, "rank", who.rank);
	put_text(&json, "exe", who.exe);
	put_text(&json, "service_name", who.service_name);
	put(&json, "}\n{\"targets\":[\"%s%s%s:%u\"],\"labels\":{", needs_brackets ? "[" : "", host,
	    needs_brackets ? "]" : "", setup->port);
	put_text(&json, "__metrics_path__", setup->path);
	put(&json, ",\"__meta_rkpreload_pid\":\"%d\"", (int)registry->pid);
	put_text(&json, "exe", who.exe);
	put_text(&json, "service_name", who.service_name);
	if (who.rank[0])
		put_text(&json, "rank", who.rank);
	put(&json, "}}\n");
	return json.failed ? -ENAMETOOLONG : 0;
}

/* When a process began, in clock ticks after boot; 0 = there is none, or no /proc. */
static unsigned long long start_ticks_of(int pid)
{
	struct rk_proc_stat process;

	return rk_proc_stat_read(&process, pid) ? process.start_ticks : 0;
}

static int open_place(struct rk_port_registry *registry)
{
	return rk_runtime_dir_open(registry->env, registry->folder, sizeof(registry->folder));
}

static void say(struct rk_port_registry *registry, const char *what, int err)
{
	if (!registry->is_said)
		rk_log_warn("scrape: could not %s %s: %s; the port is not listed there", what,
			    registry->folder, rk_strerror(err));
	registry->is_said = true;
}

int rk_port_registry_open(struct rk_port_registry **out, const struct rk_port_registry_setup *setup)
{
	struct rk_port_registry *registry = calloc(1, sizeof(*registry));
	struct stat space;
	int err;

	*out = NULL;
	if (!registry)
		return -ENOMEM;
	registry->entry_fd = -1;
	registry->env = setup->env;
	registry->pid = getpid();
	registry->start_ticks = start_ticks_of(registry->pid);
	registry->pid_space = stat("/proc/self/ns/pid", &space) ? 0 : space.st_ino;
	registry->folder_fd = open_place(registry);
	err = registry->folder_fd < 0 ? registry->folder_fd : build_entry(registry, setup);
	if (err) {
		say(registry, "use", err);
		rk_port_registry_close(registry);
		return err;
	}
	snprintf(registry->name, sizeof(registry->name), "%d-%llu" SUFFIX, (int)registry->pid,
		 registry->start_ticks);
	*out = registry;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int open_file(const struct rk_port_registry *registry, const char *name, int flags)
{
	int fd = openat(registry->folder_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
			S_IRUSR | S_IWUSR);

	return fd < 0 ? -errno : fd;
}

/* Our entry, locked until the thread is gone. A name that is taken and locked is a process of
 * the same number in another container, started at the same moment: it keeps the name. */
static int write_entry(struct rk_port_registry *registry)
{
	struct stat file;
	int fd, err;

	if (registry->entry_fd >= 0) {
		if (fstat(registry->entry_fd, &file) == 0 && file.st_nlink) {
			/* Folders below /tmp are tidied by age. */
			futimens(registry->entry_fd, NULL);
			return 0;
		}
		close(registry->entry_fd);
		registry->entry_fd = -1;
	}
	fd = open_file(registry, registry->name, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	err = flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, 0) ? -errno : 0;
	if (!err) {
		err = write_all(fd, registry->entry, strlen(registry->entry));
		if (err)
			unlinkat(registry->folder_fd, registry->name, 0);
	}
	if (err)
		close(fd);
	else
		registry->entry_fd = fd;
	return err;
}

/* Whether the process behind an entry is gone: nobody holds its lock; or somebody does, but in
 * this PID namespace that number is free or began at another time (a forked child may have
 * inherited the lock where tables of descriptors cannot be separated). */
static bool is_dead(const struct rk_port_registry *registry, int fd, const char *entry)
{
	unsigned long long start, space;
	int pid;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK ||
	    sscanf(entry, "{\"pid\":%d,\"start_ticks\":%llu,\"pid_space\":%llu,", &pid, &start,
		   &space) != 3)
		return false;
	return registry->start_ticks && space && space == registry->pid_space &&
	       start_ticks_of(pid) != start;
}

/* Append the target of one entry to the list, or remove the entry of a dead process. */
static void list_entry(const struct rk_port_registry *registry, const char *name, struct json *list)
{
	int fd = open_file(registry, name, O_RDONLY);
	char text[ENTRY_BYTES];
	ssize_t length;
	char *target;

	if (fd < 0)
		return;
	length = read(fd, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	target = strchr(text, '\n');
	if (is_dead(registry, fd, text)) {
		unlinkat(registry->folder_fd, name, 0);
	} else if (target) {
		target[1 + strcspn(target + 1, "\n")] = '\0';
		put(list, "%s%s", list->used > 2 ? ",\n" : "", target + 1);
	}
	close(fd);
}

static bool is_entry(const char *name)
{
	size_t length = strlen(name);
	size_t suffix = sizeof(SUFFIX) - 1;

	return length > suffix && strcmp(name + length - suffix, SUFFIX) == 0;
}

static int build_list(const struct rk_port_registry *registry, struct json *list)
{
	/* A second description: reading a folder moves its position. */
	int fd = openat(registry->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!folder) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	put(list, "[\n");
	while ((found = readdir(folder))) {
		if (is_entry(found->d_name))
			list_entry(registry, found->d_name, list);
	}
	put(list, "%s]\n", list->used > 2 ? "\n" : "");
	closedir(folder);
	return list->failed ? -EFBIG : 0;
}

static bool is_written_already(const struct rk_port_registry *registry, const struct json *list)
{
	char *old = malloc(list->used + 1);
	int fd = open_file(registry, LIST, O_RDONLY);
	ssize_t length = fd < 0 || !old ? -1 : read(fd, old, list->used + 1);
	bool is_same = length == (ssize_t)list->used && memcmp(old, list->out, list->used) == 0;

	if (fd >= 0)
		close(fd);
	free(old);
	return is_same;
}

/* Who reads it sees the old list or the new one. Only one writes at a time. */
static int replace_list(const struct rk_port_registry *registry, const struct json *list)
{
	int fd, err;

	if (is_written_already(registry, list))
		return 0;
	fd = open_file(registry, LIST ".new", O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	err = write_all(fd, list->out, list->used);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(registry->folder_fd, LIST ".new", registry->folder_fd, LIST))
		err = -errno;
	if (err)
		unlinkat(registry->folder_fd, LIST ".new", 0);
	return err;
}

static int write_list(const struct rk_port_registry *registry)
{
	struct json list = { .out = malloc(LIST_MAX), .size = LIST_MAX };
	int err;

	if (!list.out)
		return -ENOMEM;
	err = build_list(registry, &list);
	if (!err)
		err = replace_list(registry, &list);
	free(list.out);
	return err;
}

static bool lock(const struct rk_port_registry *registry)
{
	return flock(registry->folder_fd, LOCK_EX | LOCK_NB) == 0;
}

static void unlock(const struct rk_port_registry *registry)
{
	flock(registry->folder_fd, LOCK_UN);
}

uint64_t rk_port_registry_due_ns(const struct rk_port_registry *registry)
{
	return registry->due_ns;
}

/* Somebody may have tidied the folder away. */
static int look_after_folder(struct rk_port_registry *registry)
{
	struct stat file;
	int fd;

	if (fstat(registry->folder_fd, &file) == 0 && file.st_nlink)
		return 0;
	fd = open_place(registry);
	if (fd < 0)
		return fd;
	close(registry->folder_fd);
	registry->folder_fd = fd;
	return 0;
}

void rk_port_registry_run(struct rk_port_registry *registry, uint64_t now_ns)
{
	int err;

	if (now_ns < registry->due_ns)
		return;
	registry->due_ns = now_ns + LOOK_NS;
	if (rk_sandbox_was_entered())
		return;
	err = look_after_folder(registry);
	if (err) {
		say(registry, "use", err);
		return;
	}
	if (!lock(registry)) {
		registry->due_ns = now_ns + BUSY_NS;
		return;
	}
	err = write_entry(registry);
	if (!err)
		err = write_list(registry);
	unlock(registry);
	if (err)
		say(registry, "write to", err);
}

void rk_port_registry_close(struct rk_port_registry *registry)
{
	bool is_locked = false;

	if (!registry)
		return;
	/* A forked child leaves the entry of its parent alone. */
	if (registry->entry_fd >= 0 && registry->pid == getpid()) {
		for (int i = 0; i < LAST_TRIES && !is_locked; i++) {
			is_locked = lock(registry);
			if (!is_locked)
				usleep(1000);
		}
		unlinkat(registry->folder_fd, registry->name, 0);
		if (is_locked && !rk_sandbox_was_entered())
			write_list(registry);
		if (is_locked)
			unlock(registry);
	}
	if (registry->entry_fd >= 0)
		close(registry->entry_fd);
	if (registry->folder_fd >= 0)
		close(registry->folder_fd);
	free(registry);
}
